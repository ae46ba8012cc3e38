//! What people paste, and what stands in an address bar.
#![no_main]

use klatch_shared::Invitation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (room, fragment) = text.split_once('#').unwrap_or((text, text));
    for invitation in [text.parse(), Invitation::from_parts(room, fragment)].into_iter().flatten() {
        assert_eq!(invitation.link("http://localhost:8080").parse(), Ok(invitation));
    }
});
