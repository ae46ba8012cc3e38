//! What a room looks like from outside, and to whom.

use super::*;
use klatch_shared::AnyToken;
use klatch_shared::wire::{PeekAt, RoomGlance};

fn peek(world: &mut World, number: u8, token: AnyToken) -> Glance {
    let peek = Peek { rooms: vec![PeekAt { room: room(number), token }] };
    let mut peeked = world.rooms.peek(&peek, world.now).expect("few enough");
    peeked.rooms.pop().expect("one").glance
}

fn invite() -> AnyToken {
    AnyToken::Invite(invite_token())
}

fn refused() -> Glance {
    Glance::Refused(RefusalCode::UnknownRoom.into())
}

#[test]
fn whoever_has_a_token_sees_how_a_room_is() {
    let mut world = World::with_members(2);
    let alive = |present, locked, full, expires_in| {
        Glance::Alive(RoomGlance { present, locked, full, name: sealed("name"), expires_in })
    };
    assert_eq!(peek(&mut world, 1, invite()), alive(2, false, false, None));
    world.join(3, 3).expect("a seat");
    world.lock(1, true).expect("locked");
    assert_eq!(peek(&mut world, 1, AnyToken::Seat(seat_token(2))), alive(3, true, true, None));
    for connection in 1..=3 {
        world.lose(connection);
    }
    world.now = 400;
    assert_eq!(peek(&mut world, 1, AnyToken::Seat(seat_token(3))), alive(0, true, false, Some(TTL - 400)));
    world.now = TTL;
    assert_eq!(peek(&mut world, 1, AnyToken::Seat(seat_token(3))), refused());
}

#[test]
fn an_unknown_room_and_a_wrong_token_look_the_same() {
    let mut world = World::with_members(1);
    assert_eq!(peek(&mut world, 2, invite()), refused());
    assert_eq!(peek(&mut world, 1, AnyToken::Seat(seat_token(9))), refused());
    assert_eq!(peek(&mut world, 1, AnyToken::Invite(bytes(1, 16).parse().expect("16 bytes"))), refused());
    world.done(1, Ask::Forget).expect("released");
    assert_eq!(peek(&mut world, 1, AnyToken::Seat(seat_token(1))), refused());
}

#[test]
fn answers_come_in_the_order_asked_and_for_so_many_rooms() {
    let mut world = World::with_members(1);
    let at = |number| PeekAt { room: room(number), token: invite() };
    let peeked = world.rooms.peek(&Peek { rooms: vec![at(2), at(1)] }, 0).expect("few enough");
    assert_eq!(peeked.rooms.iter().map(|peeked| peeked.room).collect::<Vec<_>>(), [room(2), room(1)]);
    let most = Peek { rooms: vec![at(1); MAX_PEEKED_ROOMS] };
    assert_eq!(world.rooms.peek(&most, 0).map(|peeked| peeked.rooms.len()), Ok(MAX_PEEKED_ROOMS));
    let too_many = Peek { rooms: vec![at(1); MAX_PEEKED_ROOMS + 1] };
    assert_eq!(world.rooms.peek(&too_many, 0), Err(RefusalCode::BadRequest));
}
