//! What one member tells another: over the data channel, and inside what is sealed for the two.
#![no_main]

use klatch_shared::MemberKeys;
use klatch_shared::peer::{Description, IceCandidate, PeerMessage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(description) = Description::parse(bytes) {
        assert_eq!(Description::parse(&description.to_text()), Ok(description));
    }
    if let Ok(candidate) = IceCandidate::parse(bytes) {
        assert_eq!(IceCandidate::parse(&candidate.to_text()), Ok(candidate));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = text.parse::<MemberKeys>();
    if let Ok(message) = PeerMessage::parse(text) {
        assert_eq!(PeerMessage::parse(&message.to_text()), Ok(message));
    }
});
