//! What the creator may do, and what becomes of a room without one.

use super::*;

#[test]
fn a_locked_room_refuses_new_seats_and_lets_those_who_have_one_come_back() {
    let mut world = World::with_members(2);
    assert_eq!(world.lock(1, true), Ok(vec![tell_all(&[2], Event::Locked { locked: true })]));
    assert_eq!(world.join(3, 3), Err(RefusalCode::RoomLocked));
    world.lose(2);
    let (admitted, _) = world.come_back(2, 2, 0).expect("has a seat");
    assert!(admitted.locked);
    world.join(2, 2).expect("the same by invitation");
    assert_eq!(world.lock(1, false), Ok(vec![tell_all(&[2], Event::Locked { locked: false })]));
    world.join(3, 3).expect("open again");
}

#[test]
fn locking_a_locked_room_changes_nothing() {
    let mut world = World::with_members(2);
    world.lock(1, true).expect("locked");
    assert_eq!(world.lock(1, true), Ok(vec![]));
}

#[test]
fn locking_and_ending_are_the_creators_alone() {
    let mut world = World::with_members(2);
    assert_eq!(world.lock(2, true), Err(RefusalCode::NotCreator));
    assert_eq!(world.done(2, Ask::End), Err(RefusalCode::NotCreator));
    assert_eq!(world.lock(9, true), Err(RefusalCode::NotJoined));
    assert_eq!(world.done(9, Ask::End), Err(RefusalCode::NotJoined));
}

#[test]
fn ending_tells_everybody_closes_their_sockets_and_leaves_nothing() {
    let mut world = World::with_members(3);
    world.lose(3);
    let effects = world.done(1, Ask::End).expect("ended");
    let closed = [close(1, CloseCode::Ended), close(2, CloseCode::Ended)];
    assert_eq!(effects, [tell_all(&[2], Event::Ended), closed[0].clone(), closed[1].clone()]);
    assert_eq!(world.come_back(3, 3, 0), Err(RefusalCode::UnknownRoom));
    assert_eq!(world.done(2, offer(1, 1)), Err(RefusalCode::NotJoined));
    assert_eq!(world.lose(2), []);
    assert!(world.rooms.rooms.is_empty() && world.rooms.openers.is_empty() && world.rooms.deaths.is_empty());
}

#[test]
fn the_creators_absence_leaves_the_lock_as_it_is() {
    let mut world = World::with_members(2);
    world.lock(1, true).expect("locked");
    world.lose(1);
    assert_eq!(world.join(3, 3), Err(RefusalCode::RoomLocked));
    world.come_back(1, 1, 0).expect("back");
    world.lock(1, false).expect("still the creator");
}

#[test]
fn nobody_becomes_the_creator_in_place_of_one_who_released_the_seat() {
    let mut world = World::with_members(2);
    world.done(1, Ask::Forget).expect("released");
    assert_eq!(world.join(3, 1), Err(RefusalCode::MemberTaken));
    assert_eq!(world.create(3, 1), Err(RefusalCode::RoomExists));
    assert_eq!(world.lock(2, true), Err(RefusalCode::NotCreator));
    let (admitted, _) = world.join(3, 3).expect("the room lives on");
    assert_eq!(admitted.creator, member(1));
}

#[test]
fn a_new_card_is_passed_on_and_shown_to_whoever_comes_later() {
    let mut world = World::with_members(2);
    let card = sealed("newcard0");
    let effects = world.done(2, Ask::Card(NewCard { card: card.clone() })).expect("changed");
    assert_eq!(effects, [tell_all(&[1], Event::Card { member: member(2), card: card.clone() })]);
    let (admitted, _) = world.join(3, 3).expect("a seat");
    assert_eq!(admitted.members[1].card, card);
}

#[test]
fn without_a_seat_nothing_can_be_done() {
    let mut world = World::with_members(1);
    for ask in [Ask::Leave, Ask::Forget, Ask::Card(NewCard { card: card(2) }), Ask::End, offer(1, 1), answer(1, 1)] {
        assert_eq!(world.done(2, ask), Err(RefusalCode::NotJoined));
    }
}
