//! What the fuzz targets delegate to: everything that strangers and members can send, at the parsers. What parses is written and
//! parses again to the same.

use std::sync::LazyLock;

use crate::peer::{Description, IceCandidate, PeerMessage};
use crate::seal::{Context, open_room_name};
use crate::wire::{Request, ServerFrame};
use crate::{Card, Invitation, MemberId, MemberKeys, RoomKey, RoomKeys, RoomName, Sealed, Username, limits};

/// What a page sends to the broker, and the broker to a page.
pub fn frames(text: &str) {
    if let Ok(request) = Request::parse(text) {
        assert_eq!(Request::parse(&request.to_frame()), Ok(request));
    }
    if let ServerFrame::Event(event) = ServerFrame::parse(text) {
        assert!(matches!(ServerFrame::parse(&event.to_frame()), ServerFrame::Event(again) if again == event));
    }
}

/// What people paste, and what stands in an address bar.
pub fn invitation(text: &str) {
    let (room, fragment) = text.split_once('#').unwrap_or((text, text));
    for invitation in [text.parse(), Invitation::from_parts(room, fragment)].into_iter().flatten() {
        assert_eq!(invitation.link("http://localhost:8080").parse(), Ok(invitation));
    }
}

/// What people call themselves and their rooms. A name keeps its bounds.
pub fn names(text: &str) {
    if let Ok(name) = text.parse::<Username>() {
        assert!(name.as_str().len() <= limits::MAX_USERNAME_BYTES && !name.initial().is_empty());
        assert_eq!(name.as_str().parse(), Ok(name));
    }
    if let Ok(name) = text.parse::<RoomName>() {
        assert!(name.as_str().len() <= limits::MAX_ROOM_NAME_BYTES);
        assert_eq!(name.as_str().parse(), Ok(name));
    }
}

/// What one member tells another: over the data channel, and inside what is sealed for the two.
pub fn peers(bytes: &[u8]) {
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
}

/// What a stranger calls sealed, and what a member with the key seals that is no card and no name.
pub fn sealing(bytes: &[u8]) {
    static ROOM: LazyLock<RoomKeys> = LazyLock::new(|| RoomKeys::derive(&RoomKey::random()));
    let (room, member) = (ROOM.id(), MemberId::from_random_bytes([7; 16]));
    let (card, name) = (Context::card(room, member), Context::room_name(room));
    if let Some(forged) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Sealed>().ok()) {
        assert!(ROOM.sealing().open(&card, &forged).is_err());
    }
    let _ = Card::open(&ROOM, member, &ROOM.sealing().seal(&card, bytes));
    let _ = open_room_name(ROOM.sealing(), room, &ROOM.sealing().seal(&name, bytes));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    /// Something like each kind of text that is read, to be bent.
    const SAMPLES: &[&str] = &[
        r#"{"id":1,"verb":"lock","locked":true}"#,
        r#"{"id":2,"verb":"offer","to":"01010101-0101-4101-8101-010101010101","exchange":1,"body":"AAAA"}"#,
        r#"{"id":3,"verb":"forget"}"#,
        r#"{"event":"hello","nonce":"AAAAAAAAAAAAAAAAAAAAAA","version":"1","max_members":12,"max_frame_bytes":1,"client":"0123456789abcdef"}"#,
        r#"{"event":"card","member":"01010101-0101-4101-8101-010101010101","card":"AAAA"}"#,
        r#"{"event":"candidate","from":"01010101-0101-4101-8101-010101010101","exchange":1,"side":"offerer","sequence":1,"body":"AAAA"}"#,
        "Ana \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} e\u{301}",
        r#"{"sdp":"v=0\r\n","sources":[["0","microphone"]]}"#,
        r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","mid":"0","line":0}"#,
        r#"{"say":"wants","camera":1,"screen":2}"#,
        r#"{"say":"digest","digest":"AAAAAAAAAAAAAAAAAAAAAA","at":1}"#,
        r#"{"say":"have","prints":"AAAAAAAAAAAAAAAAAAAAAA","aside":1}"#,
        concat!(
            r#"{"say":"lacked","cards":[],"messages":[""#,
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAEAAgAAAAAAAAAABAQEBAQFBAYEBAQEBAQEBAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAAAaGVsbG8",
            r#""]}"#
        ),
    ];

    fn samples() -> Vec<String> {
        let (key, invite) = ("A".repeat(43).parse().expect("32 bytes"), "A".repeat(22).parse().expect("16 bytes"));
        let link = Invitation::new(key, invite).link("http://localhost:8080");
        SAMPLES.iter().map(|sample| (*sample).to_owned()).chain([link]).collect()
    }

    /// Anything, and samples with pieces cut out, put in and doubled.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let bends = prop::collection::vec((any::<prop::sample::Index>(), 0..6_usize, ".{0,4}"), 0..4);
        let bent = (prop::sample::select(samples()), bends).prop_map(|(sample, bends)| {
            let mut bytes = sample.into_bytes();
            for (at, cut, junk) in bends {
                let start = at.index(bytes.len() + 1);
                let end = (start + cut).min(bytes.len());
                bytes.splice(start..end, junk.into_bytes());
            }
            bytes
        });
        prop_oneof![
            3 => bent,
            1 => ".{0,200}".prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..200),
        ]
    }

    fn cases(cases: u32) -> Config {
        Config { cases, failure_persistence: None, ..Config::default() }
    }

    fn throw(mut runner: TestRunner) {
        let outcome = runner.run(&texts(), |bytes| {
            peers(&bytes);
            sealing(&bytes);
            let text = String::from_utf8_lossy(&bytes);
            frames(&text);
            invitation(&text);
            names(&text);
            Ok(())
        });
        outcome.expect("whatever is thrown at them");
    }

    #[test]
    fn the_parsers_hold_against_whatever_is_thrown_at_them() {
        let same = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        throw(TestRunner::new_with_rng(cases(500), same));
    }

    #[test]
    #[ignore = "long"]
    fn the_parsers_hold_against_whatever_is_thrown_at_them_for_long() {
        // Others each time; what they fail at is told.
        throw(TestRunner::new(cases(50_000)));
    }

    #[test]
    fn what_is_bent_is_something_at_first() {
        let is_read = |sample: &str| {
            Request::parse(sample).is_ok()
                || matches!(ServerFrame::parse(sample), ServerFrame::Event(_))
                || sample.parse::<Invitation>().is_ok()
                || sample.parse::<Username>().is_ok()
                || Description::parse(sample.as_bytes()).is_ok()
                || IceCandidate::parse(sample.as_bytes()).is_ok()
                || PeerMessage::parse(sample).is_ok()
        };
        for sample in samples() {
            assert!(is_read(&sample), "{sample}");
        }
    }
}
