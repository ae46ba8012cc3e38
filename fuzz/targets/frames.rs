//! What a page sends to the broker, and the broker to a page.
#![no_main]

use klatch_shared::wire::{Request, ServerFrame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(request) = Request::parse(text) {
        assert_eq!(Request::parse(&request.to_frame()), Ok(request));
    }
    if let ServerFrame::Event(event) = ServerFrame::parse(text) {
        assert!(matches!(ServerFrame::parse(&event.to_frame()), ServerFrame::Event(again) if again == event));
    }
});
