//! Whose seat is given up where there are as many as there may be.

use klatch_shared::limits::MAX_SEATS;

use super::reviving::{locked, remembers};
use super::*;
use crate::rooms::claim::MAX_STRANGERS;

const ALL: u8 = MAX_SEATS as u8;

/// Longer than anybody is waited for.
const LONG: u64 = 11 * 60_000;

impl World {
    /// Strangers come one after the other, each from an address of their own, by accounts in which each tells of these seats, and go. How many
    /// got in.
    fn strangers_sit_and_leave(&mut self, tell_of: impl Fn(u8) -> Vec<u8>) -> usize {
        let sits = |number: &u8| {
            let revive = Proven::granted(locked(remembers(*number, &tell_of(*number))));
            let ask = Ask::Revive(revive, Right::Everybodys);
            let is_in = self.ask_from(address(*number), (*number).into(), ask).reply.is_ok();
            if is_in {
                self.done((*number).into(), Ask::Leave).expect("they are inside");
            }
            is_in
        };
        (100..200).filter(sits).count()
    }
}

#[test]
fn who_takes_seat_after_seat_gives_up_their_own() {
    for leaves in [true, false] {
        let mut world = World::with_members(2);
        world.lose(2);
        for number in 100..100 + ALL {
            world.now += 1_000;
            world.join(number.into(), number).expect("a seat");
            if leaves {
                world.done(number.into(), Ask::Leave).expect("they are inside");
            } else {
                world.lose(number.into());
            }
        }
        world.come_back(2, 2, 0).expect("who was here before has their seat");
        assert_eq!(world.come_back(50, 100 + ALL - 2, 0), Err(RefusalCode::UnknownSeat), "the last but one does not");
    }
}

#[test]
fn whoever_left_or_is_long_away_goes_before_who_is_away_for_a_moment_and_never_the_creator() {
    let mut world = World::with(3, &Limits::default());
    world.create(1, 1).expect("a room");
    for number in 2..=ALL {
        world.join(number.into(), number).expect("a seat");
        match number {
            2 => drop(world.done(2, Ask::Leave).expect("they are inside")),
            // Somebody is there all the time.
            9 => {}
            _ => drop(world.lose(number.into())),
        }
        if number == 4 {
            world.now += LONG;
        }
    }
    world.lose(1);
    for (newcomer, gone) in [(101, 4), (102, 3), (103, 2), (104, 103)] {
        let (_, effects) = world.join(newcomer.into(), newcomer).expect("a seat");
        assert_eq!(effects[0], tell_all(&[9], Event::Forgotten { member: member(gone) }));
        world.lose(newcomer.into());
    }
    world.come_back(1, 1, 0).expect("the creator's seat is kept");
}

#[test]
fn strangers_who_sit_down_and_leave_cost_no_member_of_a_locked_room_their_seat() {
    let nobody = |_| vec![];
    // Each tells of the others, so that all are told of by many.
    let each_other = |_| (100..150).collect();
    for by_two in [true, false] {
        for tell_of in [nobody as fn(u8) -> Vec<u8>, each_other] {
            let mut world = World::forgetful();
            world.revive(locked(remembers(1, &[2, 3]))).expect("a seat");
            if by_two {
                world.revive(locked(remembers(2, &[1, 3]))).expect("a seat");
            }
            let others = tell_of;
            world.strangers_sit_and_leave(|number| others(number).into_iter().filter(|it| *it != number).collect());
            world.come_back(3, 3, 1).expect("members told of it");
            assert_eq!(world.join(5, 5), Err(RefusalCode::RoomLocked));
        }
    }
}

#[test]
fn of_strangers_there_are_few_at_once_and_each_takes_the_place_of_another() {
    let mut world = World::forgetful();
    world.revive(locked(remembers(1, &[2]))).expect("a seat");
    assert_eq!(world.strangers_sit_and_leave(|_| vec![]), 100);
    let (admitted, _) = world.revive(remembers(2, &[1])).expect("a seat");
    assert_eq!(admitted.members.len(), 1 + MAX_STRANGERS);
}

#[test]
fn whoever_is_inside_hears_that_a_stranger_has_no_seat_any_more() {
    let mut world = World::forgetful();
    world.revive(locked(remembers(1, &[]))).expect("a seat");
    world.strangers_sit_and_leave(|_| vec![]);
    let (_, effects) = world.revive(locked(remembers(2, &[1]))).expect("a seat");
    assert_eq!(effects[0], tell_all(&[1], Event::Forgotten { member: member(199) }));
}

#[test]
fn strangers_who_stay_in_a_locked_room_keep_no_member_out_of_it() {
    let full = |is_locked: bool| {
        let mut world = World::forgetful();
        let first = remembers(1, &[2]);
        world.revive(if is_locked { locked(first) } else { first }).expect("a seat");
        for number in [100, 101] {
            world.revive(remembers(number, &[1])).expect("a seat");
        }
        world
    };
    let mut world = full(true);
    assert_eq!(world.revive(remembers(102, &[1])), Err(RefusalCode::RoomFull), "one stranger for another");
    let (admitted, effects) = world.revive(remembers(2, &[1])).expect("a seat");
    assert_eq!(admitted.members.iter().filter(|member| member.presence == Presence::Present).count(), 2);
    let gone = tell_all(&[1, 100], Event::Forgotten { member: member(101) });
    assert_eq!(effects[..2], [gone, close(101, CloseCode::Forgotten)]);

    assert_eq!(full(false).revive(remembers(2, &[1])), Err(RefusalCode::RoomFull), "who came to an open room stays");
}

#[test]
fn members_whom_somebody_else_was_quicker_than_come_in_all_the_same() {
    let mut world = World::forgetful();
    world.revive(remembers(99, &[])).expect("a seat");
    for number in 100..100 + ALL {
        let ask = join(number, invitation(number), 0);
        world.ask_from(address(2), number.into(), ask).reply.expect("it is not locked");
        world.done(number.into(), Ask::Leave).expect("they are inside");
    }
    world.revive(locked(remembers(1, &[2, 3]))).expect("a seat");
    world.revive(locked(remembers(2, &[1, 3]))).expect("a seat");
    world.lose(99);
    world.revive(locked(remembers(3, &[1, 2]))).expect("a seat");
}

#[test]
fn nobody_loses_their_own_seat_to_one_of_which_they_tell() {
    let mut world = World::forgetful();
    let all: Vec<_> = (2..=ALL).collect();
    world.revive(remembers(1, &all)).expect("a seat");
    // The first did not hear that the seat before theirs gave way to a newcomer's.
    let others: Vec<_> = (1..ALL - 1).chain([ALL + 1]).collect();
    let (admitted, _) = world.revive(remembers(ALL, &others)).expect("a seat");
    assert_eq!(admitted.ordinal, u32::from(ALL));
    let is_kept = |number| admitted.reserved.contains(&member(number));
    assert_eq!([ALL - 2, ALL - 1, ALL + 1].map(is_kept), [true, false, true]);
}
