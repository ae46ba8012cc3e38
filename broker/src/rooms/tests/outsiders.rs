//! Somebody who has a room's link and nothing else, quick or slow, while its members bring it back.

use klatch_shared::limits::MAX_SEATS;
use klatch_shared::wire::{Revive, SeatOf};

use super::reviving::{locked, of, remembers};
use super::*;

/// Who has only the link.
const OUTSIDER: u8 = 99;

/// As many seats as there may be, none of which there ever was.
fn made_up() -> Revive {
    let others: Vec<u8> = (0..MAX_SEATS as u8 - 1).map(|n| 100 + n).collect();
    let mut revive = remembers(OUTSIDER, &others);
    revive.account.creator = member(OUTSIDER);
    revive
}

/// The creator's seat, taken with a token of the outsider's own.
fn usurping() -> Revive {
    let usurped = SeatOf { latch: hash(OUTSIDER).latch(), ..of(1) };
    Revive { token: seat_token(OUTSIDER), ordinal: usurped.ordinal, ..remembers(1, &[]) }
}

impl World {
    fn revives_as(&mut self, connection: u64, revive: Revive) -> Result<(Admitted, Vec<Effect>), RefusalCode> {
        seat(self.ask(connection, Ask::Revive(Proven::granted(revive), Right::Everybodys)))
    }
}

#[test]
fn seats_that_are_made_up_keep_nobody_out_of_theirs() {
    for (is_locked, is_first) in [(false, true), (false, false), (true, true), (true, false)] {
        let mut world = World::forgetful();
        let tells = |revive| if is_locked { locked(revive) } else { revive };
        if is_first {
            world.revive(made_up()).expect("a seat");
        }
        world.revive(tells(remembers(2, &[1, 3, 4]))).expect("a seat");
        if !is_first {
            world.revive(made_up()).expect("a seat");
        }
        world.revive(tells(remembers(1, &[2, 3, 4]))).expect("a seat");
        world.lose(OUTSIDER.into());
        // Pages that were loaded anew, and tell of nothing.
        world.come_back(3, 3, 1).expect("a seat");
        world.lose(2);
        world.come_back(4, 4, 1).expect("a seat");
        assert_eq!(world.join(5, 5), Err(RefusalCode::RoomLocked), "two disagree on who created it");
    }
}

#[test]
fn two_who_make_the_same_seats_up_keep_nobody_out_either() {
    let mut world = World::forgetful();
    for second in [OUTSIDER, OUTSIDER - 1] {
        let mut revive = made_up();
        (revive.member, revive.ordinal, revive.token) = (member(second), second.into(), seat_token(second));
        world.revive(revive).expect("a seat");
        world.lose(second.into());
    }
    for (number, others) in [(1, [2, 3]), (2, [1, 3])] {
        world.revive(remembers(number, &others)).expect("a seat");
    }
    world.revive(remembers(3, &[1, 2])).expect("a seat");
}

#[test]
fn what_was_told_of_by_two_stays_when_somebody_fills_the_room() {
    let mut world = World::forgetful();
    world.revive(remembers(1, &[2, 3, 4])).expect("a seat");
    world.revive(remembers(2, &[1, 3, 4])).expect("a seat");
    world.revive(made_up()).expect("a seat");
    for mine in [70, 71] {
        // Each tells of few, so as not to be the one who tells of most.
        world.lose(OUTSIDER.into());
        let _ = world.revives_as(OUTSIDER.into(), remembers(mine, &[mine + 2]));
    }
    world.lose(OUTSIDER.into());
    world.come_back(3, 3, 1).expect("a seat");
    world.lose(3);
    world.come_back(4, 4, 1).expect("a seat");
}

#[test]
fn a_seat_that_is_made_up_makes_way_for_somebody_new_before_one_that_is_not() {
    let mut world = World::forgetful();
    world.revive(remembers(1, &[2, 3])).expect("a seat");
    let mut lie = made_up();
    lie.account.creator = member(1);
    world.revive(lie).expect("a seat");
    world.lose(OUTSIDER.into());
    world.revive(remembers(2, &[1, 3])).expect("a seat");
    let (admitted, _) = world.join(5, 5).expect("it is not locked");
    assert!(admitted.reserved.contains(&member(3)), "two told of it");
    assert_eq!(admitted.reserved.len() + admitted.members.len() + 1, MAX_SEATS);
}

#[test]
fn who_took_the_creators_seat_rules_no_more_once_a_member_tells_of_another_latch() {
    let tells: [fn(&mut World); 3] = [
        // The creator, whose token another's seat does not open to.
        |world| assert_eq!(world.revives_as(1, remembers(1, &[2])).err(), Some(RefusalCode::UnknownSeat)),
        |world| drop(world.revive(remembers(2, &[1])).expect("a seat")),
        |world| drop(world.revive(locked(remembers(2, &[1]))).expect("a seat")),
    ];
    for tell in tells {
        let mut world = World::forgetful();
        world.revives_as(OUTSIDER.into(), usurping()).expect("nobody has told otherwise yet");
        // As if the creator had unlocked it.
        world.lock(OUTSIDER.into(), true).expect("so far");
        world.lock(OUTSIDER.into(), false).expect("so far");
        tell(&mut world);
        assert_eq!(world.join(5, 5), Err(RefusalCode::RoomLocked));
        assert_eq!(world.lock(OUTSIDER.into(), false), Err(RefusalCode::NotCreator));
        let Outcome { reply, .. } = world.ask(OUTSIDER.into(), Ask::End);
        assert_eq!(reply, Err(RefusalCode::NotCreator));
    }
}

#[test]
fn who_comes_for_the_creators_seat_later_does_not_get_it() {
    for creator_is_back in [true, false] {
        let mut world = World::forgetful();
        world.revive(locked(remembers(2, &[1]))).expect("a seat");
        if creator_is_back {
            world.revive(locked(remembers(1, &[2]))).expect("a seat");
        }
        assert_eq!(world.revives_as(OUTSIDER.into(), usurping()).err(), Some(RefusalCode::UnknownSeat));
        assert_eq!(world.join(5, 5), Err(RefusalCode::RoomLocked));
        world.revive(locked(remembers(3, &[1, 2]))).expect("the others' seats are theirs");
    }
}

#[test]
fn a_page_that_knows_of_its_own_seat_alone_has_it_again_and_locks_a_strangers_room() {
    let mut world = World::forgetful();
    let mut own = remembers(OUTSIDER, &[]);
    own.account.creator = member(OUTSIDER);
    world.revive(own).expect("nobody was quicker");
    assert_eq!(world.come_back(2, 2, 1).err(), Some(RefusalCode::UnknownSeat));
    let (admitted, _) = world.revive(locked(remembers(2, &[]))).expect("a seat");
    assert_eq!((admitted.ordinal, admitted.locked), (2, true));
    world.lose(OUTSIDER.into());
    let (admitted, _) = world.revive(locked(remembers(1, &[2]))).expect("a seat");
    assert!(admitted.members.contains(&view(2, 2, Presence::Present, 0)), "by the latch that the others know");
    assert_eq!(world.lock(OUTSIDER.into(), false), Err(RefusalCode::NotJoined));
}

#[test]
fn whoever_is_inside_is_told_when_an_account_locks_the_room() {
    let told = tell_all(&[2], Event::Locked { locked: true });
    let mut world = World::forgetful();
    world.revive(remembers(2, &[1, 3])).expect("a seat");
    let (_, effects) = world.revive(locked(remembers(3, &[1, 2]))).expect("a seat");
    assert_eq!(effects.first(), Some(&told));
    // By an account for which there is no seat as well.
    let mut world = World::forgetful();
    world.revive(remembers(2, &[1])).expect("a seat");
    let outcome = world.ask(OUTSIDER.into(), Ask::Revive(Proven::granted(locked(usurping())), Right::Everybodys));
    assert_eq!((outcome.reply, outcome.effects), (Err(RefusalCode::UnknownSeat), vec![told]));
}

#[test]
fn who_passes_for_the_creator_ends_no_room_but_their_own() {
    for mut usurper in [usurping(), remembers(OUTSIDER, &[])] {
        if usurper.member == member(OUTSIDER) {
            usurper.account.creator = member(OUTSIDER);
        }
        let mut world = World::forgetful();
        world.revives_as(OUTSIDER.into(), usurper.clone()).expect("a seat");
        assert_eq!(world.ask(OUTSIDER.into(), Ask::End).reply, Ok(Granted::Done));
        assert_eq!(world.revives_as(OUTSIDER.into(), usurper).err(), Some(RefusalCode::UnknownRoom));
        world.revive(remembers(2, &[1])).expect("it is another room");
        world.revive(remembers(1, &[2])).expect("with its own creator");
        world.lock(1, true).expect("who rules it");
    }
}
