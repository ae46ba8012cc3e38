//! Which seats come back with a room, and where they are, if accounts say what can't be.

use klatch_shared::limits::{MAX_ORDINAL, MAX_SEATS};
use klatch_shared::wire::{Revive, SeatOf};

use super::reviving::{of, remembers};
use super::*;

/// A room that came back by one account, what its author was told, and where the next newcomer sat.
fn after(revive: Revive) -> (World, Admitted, u32) {
    let mut world = World::forgetful();
    let (admitted, _) = world.revive(revive).expect("a seat");
    let (newcomer, _) = world.join(90, 90).expect("a seat");
    world.lose(90);
    world.rooms.rooms.values().for_each(|room| room.check(3));
    (world, admitted, newcomer.ordinal)
}

#[test]
fn places_of_seats_are_not_given_again() {
    let mut revive = remembers(2, &[1]);
    revive.account.next_ordinal = 7;
    assert_eq!(after(revive).2, 7);
}

#[test]
fn what_cannot_be_in_an_account_is_settled_and_keeps_nobody_out_of_their_seat() {
    let bends: [fn(&mut Revive); 5] = [
        |revive| revive.account.seats.push(SeatOf { ordinal: 9, latch: hash(9).latch(), ..of(3) }),
        |revive| revive.account.seats.push(SeatOf { latch: hash(9).latch(), ..of(2) }),
        |revive| revive.account.seats.push(SeatOf { ordinal: 3, ..of(9) }),
        |revive| revive.account.seats.push(SeatOf { ordinal: 2, ..of(9) }),
        |revive| revive.account.seats.push(SeatOf { ordinal: u32::MAX, ..of(9) }),
    ];
    for (bend, tells_of) in bends.into_iter().zip([2, 2, 3, 3, 3]) {
        let mut revive = remembers(2, &[1, 3]);
        bend(&mut revive);
        let (mut world, admitted, _) = after(revive);
        assert_eq!((admitted.ordinal, admitted.reserved.len()), (2, tells_of));
        world.come_back(3, 3, 0).expect("the first that is told of a seat counts");
    }
}

#[test]
fn of_more_seats_than_there_may_be_those_in_front_count() {
    let mut revive = remembers(2, &[1, 3]);
    let seat = |n: usize| SeatOf { member: MemberId::random(), ordinal: n as u32 + 9, ..of(1) };
    revive.account.seats.splice(0..0, (0..MAX_SEATS).map(seat));
    let mut world = World::forgetful();
    let (admitted, _) = world.revive(revive).expect("a seat");
    assert_eq!(admitted.reserved.len(), MAX_SEATS - 1);
    world.come_back(3, 3, 0).expect("a seat");
}

#[test]
fn a_seat_of_ones_own_that_cannot_be_revives_nothing() {
    let mut world = World::forgetful();
    assert_eq!(world.revive(Revive { ordinal: MAX_ORDINAL, ..remembers(2, &[]) }), Err(RefusalCode::BadRequest));
    assert_eq!(world.rooms.count(), 0);
}

#[test]
fn whatever_is_told_newcomers_have_places_with_which_the_room_comes_back_again() {
    let bends: [fn(&mut Revive); 4] = [
        |revive| revive.account.next_ordinal = MAX_ORDINAL,
        |revive| revive.account.next_ordinal = u32::MAX,
        |revive| revive.ordinal = MAX_ORDINAL - 1,
        |revive| revive.account.seats.push(SeatOf { ordinal: MAX_ORDINAL - 1, ..of(9) }),
    ];
    for bend in bends {
        let mut revive = remembers(2, &[1]);
        bend(&mut revive);
        let (_, _, ordinal) = after(revive);
        assert!((3..MAX_ORDINAL - 1000).contains(&ordinal), "{ordinal} is in front of others, or among the last");
        let newcomer = || SeatOf { ordinal, ..of(90) };
        // The next restart: a member tells of all that it knows, and the newcomer too.
        let mut honest = remembers(1, &[2]);
        honest.account.seats.push(newcomer());
        honest.account.next_ordinal = ordinal + 1;
        let mut world = World::forgetful();
        let (admitted, _) = world.revive(honest).expect("a seat");
        assert!(admitted.reserved.contains(&member(90)));
        let (admitted, _) = world.revive(Revive { ordinal, ..remembers(90, &[1, 2]) }).expect("a seat");
        assert!(admitted.ordinal > 2, "behind the others, as before");
    }
}

#[test]
fn two_who_were_given_one_place_keep_nobody_from_bringing_the_room_back() {
    let mut world = World::forgetful();
    world.revive(Revive { ordinal: 3, ..remembers(9, &[1]) }).expect("a seat");
    let (admitted, _) = world.revive(remembers(1, &[2, 3])).expect("a seat");
    assert_eq!((admitted.members[0].member, admitted.members[0].ordinal), (member(9), 3), "where another sat");
    // What that page knows now: the absent where they were, and this one there too.
    let mut honest = remembers(1, &[2, 3]);
    honest.account.seats.push(SeatOf { ordinal: 3, ..of(9) });
    let mut world = World::forgetful();
    world.revive(honest).expect("a seat");
    world.come_back(3, 3, 0).expect("a seat");
    world.come_back(9, 9, 0).expect("a seat");
}

#[test]
fn where_no_place_is_left_nobody_new_comes_in() {
    let (mut world, _, _) = after(remembers(2, &[1]));
    world.rooms.rooms.values_mut().for_each(|room| room.next_ordinal = MAX_ORDINAL);
    assert_eq!(world.join(91, 91), Err(RefusalCode::RoomFull));
    assert_eq!(world.revive(Revive { ordinal: 2, ..remembers(4, &[]) }), Err(RefusalCode::UnknownSeat));
    world.revive(remembers(1, &[2])).expect("the seats that there are stay");
}

#[test]
fn of_whom_no_member_tells_comes_behind_the_others_wherever_they_say_they_sat() {
    let mut world = World::forgetful();
    world.revive(remembers(5, &[1, 4])).expect("a seat");
    let (admitted, _) = world.revive(Revive { ordinal: 0, ..remembers(9, &[1, 2, 4, 5]) }).expect("a seat");
    assert!(admitted.ordinal > 5, "{}", admitted.ordinal);
    world.lose(9);
    let (admitted, _) = world.come_back(2, 2, 0).expect("a seat");
    assert!(admitted.ordinal > 5, "a stranger's word places nobody: {}", admitted.ordinal);
    world.lose(2);
    let (admitted, _) = world.revive(remembers(4, &[1, 3, 5])).expect("a seat");
    assert_eq!(admitted.ordinal, 4, "the first told of it");
    let (admitted, _) = world.come_back(3, 3, 0).expect("a seat");
    assert_eq!(admitted.ordinal, 3, "one told of it of whom the first told");
}

#[test]
fn where_the_first_to_come_back_tells_of_nobody_the_others_are_where_they_were() {
    // A page that was loaded again meanwhile knows of its own seat alone.
    let mut world = World::forgetful();
    let (admitted, _) = world.revive(remembers(5, &[])).expect("a seat");
    assert_eq!(admitted.ordinal, 5);
    let (admitted, _) = world.revive(remembers(4, &[1, 3, 5])).expect("a seat");
    assert_eq!(admitted.ordinal, 4);
    let (admitted, _) = world.come_back(3, 3, 0).expect("a seat");
    assert_eq!(admitted.ordinal, 3);
}
