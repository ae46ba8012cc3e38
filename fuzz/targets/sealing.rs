//! What a stranger calls sealed, and what a member with the key seals that is no card and no name.
#![no_main]

use std::sync::LazyLock;

use klatch_shared::seal::{Context, open_room_name};
use klatch_shared::{Card, MemberId, RoomKey, RoomKeys, Sealed};
use libfuzzer_sys::fuzz_target;

static ROOM: LazyLock<RoomKeys> = LazyLock::new(|| RoomKeys::derive(&RoomKey::random()));

fuzz_target!(|bytes: &[u8]| {
    let (room, member) = (ROOM.id(), MemberId::from_random_bytes([7; 16]));
    let (card, name) = (Context::card(room, member), Context::room_name(room));
    if let Some(forged) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Sealed>().ok()) {
        assert!(ROOM.sealing().open(&card, &forged).is_err());
    }
    let _ = Card::open(&ROOM, member, &ROOM.sealing().seal(&card, bytes));
    let _ = open_room_name(ROOM.sealing(), room, &ROOM.sealing().seal(&name, bytes));
});
