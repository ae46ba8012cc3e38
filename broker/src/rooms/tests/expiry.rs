//! An empty room dies on time, and no earlier.

use super::*;

#[test]
fn an_empty_room_dies_exactly_when_its_time_is_over() {
    let mut world = World::with_members(2);
    assert_eq!(world.rooms.next_death(), None);
    world.now = 10;
    world.lose(1);
    assert_eq!(world.rooms.next_death(), None);
    world.now = 20;
    world.done(2, Ask::Leave).expect("left");
    assert_eq!(world.rooms.next_death(), Some(20 + TTL));
    world.rooms.expire(19 + TTL);
    assert_eq!(world.rooms.rooms.len(), 1);
    world.rooms.expire(20 + TTL);
    assert!(world.rooms.rooms.is_empty() && world.rooms.openers.is_empty());
    assert_eq!(world.rooms.next_death(), None);
}

#[test]
fn a_room_past_its_time_is_gone_even_if_nobody_came_to_discard_it() {
    let mut world = World::with_members(1);
    world.lose(1);
    world.now = TTL;
    assert_eq!(world.come_back(1, 1, 0), Err(RefusalCode::UnknownRoom));
    world.create(1, 1).expect("a new room of the same name");
}

#[test]
fn whoever_comes_back_in_time_lets_the_room_live() {
    let mut world = World::with_members(1);
    world.lose(1);
    world.now = TTL - 1;
    world.come_back(1, 1, 0).expect("in time");
    assert_eq!(world.rooms.next_death(), None);
    world.lose(1);
    assert_eq!(world.rooms.next_death(), Some(2 * TTL - 1));
}

#[test]
fn a_guest_with_the_invitation_lets_the_room_live() {
    let mut world = World::with_members(1);
    world.lose(1);
    world.join(2, 2).expect("a seat");
    assert_eq!(world.rooms.next_death(), None);
}

#[test]
fn releasing_the_last_seat_starts_the_clock_too() {
    let mut world = World::with_members(1);
    world.done(1, Ask::Forget).expect("released");
    assert_eq!(world.rooms.next_death(), Some(TTL));
}

#[test]
fn who_was_refused_does_not_keep_a_room_alive() {
    let mut world = World::with_members(1);
    world.lock(1, true).expect("locked");
    world.lose(1);
    world.now = 500;
    assert_eq!(world.join(2, 2), Err(RefusalCode::RoomLocked));
    assert_eq!(world.rooms.next_death(), Some(TTL));
}

#[test]
fn rooms_die_one_after_another() {
    let mut world = World::new();
    for number in 1..=3_u8 {
        let who = who(number.into(), number);
        world.rooms.ask(who, create(number), 0).reply.expect("a room");
        world.rooms.lost(who, u64::from(number) * 10);
    }
    for number in 1..=3_u64 {
        assert_eq!(world.rooms.next_death(), Some(TTL + number * 10));
        world.rooms.expire(TTL + number * 10);
    }
    assert!(world.rooms.rooms.is_empty());
}
