//! Whom relay credentials are made for, and for how long.

use super::*;
use klatch_shared::limits::MAX_SEATS;

fn asked(world: &mut World, connection: u64, fresh: u32) -> Result<Holder, RefusalCode> {
    world.rooms.holder(who(connection, 1), holder(fresh))
}

fn room_of(world: &World, number: u32) -> Option<RoomId> {
    world.rooms.room_of(&holder(number), world.now)
}

#[test]
fn a_seat_has_one_holder_for_as_long_as_it_is_there() {
    let mut world = World::with_members(2);
    assert_eq!(asked(&mut world, 1, 1), Ok(holder(1)));
    assert_eq!(asked(&mut world, 2, 2), Ok(holder(2)));
    assert_eq!(asked(&mut world, 1, 3), Ok(holder(1)));
    world.lose(1);
    assert_eq!(asked(&mut world, 1, 4), Err(RefusalCode::NotJoined));
    assert_eq!(room_of(&world, 1), Some(room(1)), "whoever is away may come back to the call");
    world.come_back(9, 1, 1).expect("a seat");
    assert_eq!(asked(&mut world, 9, 5), Ok(holder(1)));
    world.done(9, Ask::Leave).expect("left");
    assert_eq!(room_of(&world, 1), Some(room(1)));
    assert_eq!(room_of(&world, 4), None);
}

#[test]
fn who_has_no_seat_holds_nothing() {
    let mut world = World::with_members(1);
    assert_eq!(asked(&mut world, 2, 2), Err(RefusalCode::NotJoined));
    assert_eq!(world.rooms.holder(who(1, 2), holder(1)), Err(RefusalCode::NotJoined));
    assert_eq!(room_of(&world, 2), None);
}

#[test]
fn with_the_seat_goes_its_holder() {
    let mut world = World::with_members(2);
    for connection in 1..=2 {
        asked(&mut world, connection.into(), connection).expect("a member");
    }
    world.done(1, Ask::Forget).expect("forgotten");
    world.done(9, Ask::Release(seat_token(2))).expect("released");
    assert_eq!((room_of(&world, 1), room_of(&world, 2)), (None, None));
    assert_eq!(world.rooms.take_gone(), [holder(1), holder(2)], "so that the relay can be told");
    assert_eq!(world.rooms.take_gone(), []);
    world.join(2, 2).expect("a new seat");
    assert_eq!(room_of(&world, 2), None, "the new seat is another one");
}

#[test]
fn with_the_room_go_all_its_holders() {
    let mut world = World::with_members(2);
    asked(&mut world, 2, 2).expect("a member");
    world.done(1, Ask::End).expect("ended");
    assert_eq!(room_of(&world, 2), None);
    assert_eq!(world.rooms.take_gone(), [holder(2)]);

    let mut world = World::with_members(1);
    asked(&mut world, 1, 1).expect("a member");
    world.lose(1);
    world.now = TTL;
    assert_eq!(room_of(&world, 1), None, "though nobody came to discard it");
    world.rooms.expire(world.now);
    assert_eq!(world.rooms.take_gone(), [holder(1)]);
}

#[test]
fn who_loses_a_seat_to_another_loses_its_holder() {
    let mut world = World::with(2, &Limits::default());
    world.create(1, 1).expect("a room");
    world.join(2, 2).expect("a seat");
    asked(&mut world, 2, 2).expect("a member");
    world.done(2, Ask::Leave).expect("they are inside");
    let seats = u8::try_from(MAX_SEATS).expect("few");
    for number in 3..=seats {
        world.join(number.into(), number).expect("a seat");
        world.lose(number.into());
    }
    assert_eq!(room_of(&world, 2), Some(room(1)));
    assert_eq!(world.rooms.take_gone(), [], "who left is not gone");
    world.join(200, 200).expect("the seat of who left");
    assert_eq!(room_of(&world, 2), None);
    assert_eq!(world.rooms.take_gone(), [holder(2)]);
}
