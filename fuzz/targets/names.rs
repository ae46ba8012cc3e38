//! What people call themselves and their rooms. A name parses to itself, and keeps its bounds.
#![no_main]

use klatch_shared::{RoomName, Username, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<Username>() {
        assert!(name.as_str().len() <= limits::MAX_USERNAME_BYTES && !name.initial().is_empty());
        assert_eq!(name.as_str().parse(), Ok(name));
    }
    if let Ok(name) = text.parse::<RoomName>() {
        assert!(name.as_str().len() <= limits::MAX_ROOM_NAME_BYTES);
        assert_eq!(name.as_str().parse(), Ok(name));
    }
});
