//! Who may open a room where a host's code is wanted for it, and how guesses at one end.

use klatch_shared::wire::Revive;

use super::reviving::remembers;
use super::*;

fn creating(number: u8, right: Right) -> Ask {
    Ask::Create(Proven::granted(create_request(number)), right)
}

fn reviving(revive: Revive, right: Right) -> Ask {
    Ask::Revive(Proven::granted(revive), right)
}

#[test]
fn who_shows_no_code_or_a_wrong_one_opens_no_room() {
    let mut world = World::new();
    for (right, refusal) in [(Right::Unshown, RefusalCode::HostCodeWanted), (Right::Wrong, RefusalCode::HostCodeWrong)]
    {
        assert_eq!(world.ask(1, creating(1, right)).reply, Err(refusal));
    }
    assert_eq!(world.rooms.count(), 0);
    seat(world.ask(1, creating(1, Right::Shown))).expect("a room");
    // In it nobody needs one.
    world.join(2, 2).expect("a seat");
}

#[test]
fn the_same_create_again_needs_no_code_and_tells_nothing_of_one() {
    let mut world = World::new();
    seat(world.ask(1, creating(1, Right::Shown))).expect("a room");
    seat(world.ask(2, creating(1, Right::Wrong))).expect("after a lost reply");
    for right in [Right::Unshown, Right::Wrong, Right::Shown] {
        assert_eq!(world.ask(3, creating(3, right)).reply, Err(RefusalCode::RoomExists));
    }
}

#[test]
fn after_too_many_guesses_no_code_is_looked_at_until_they_are_over() {
    let mut world = World::new();
    for _ in 0..2 {
        assert_eq!(world.ask(1, creating(1, Right::Wrong)).reply, Err(RefusalCode::HostCodeWrong));
        assert_eq!(world.rooms.may_open(address(1), Right::Wrong, world.now), Err(RefusalCode::HostCodeWrong));
    }
    for right in [Right::Wrong, Right::Shown] {
        assert_eq!(world.ask(1, creating(1, right)).reply, Err(RefusalCode::TooManyFailures));
        assert_eq!(world.rooms.may_open(address(1), right, world.now), Err(RefusalCode::TooManyFailures));
    }
    let elsewhere = Who { address: address(2), ..who(2, 2) };
    seat(world.rooms.ask(elsewhere, creating(2, Right::Shown), world.now)).expect("from another address");
    assert_eq!(world.rooms.may_open(address(1), Right::Everybodys, world.now), Ok(()));
    world.now += u64::from(Limits::default().failure_seconds) * 1000;
    seat(world.ask(1, creating(1, Right::Shown))).expect("a room");
}

#[test]
fn who_shows_none_has_not_guessed() {
    let mut world = World::new();
    for _ in 0..9 {
        assert_eq!(world.ask(1, creating(1, Right::Unshown)).reply, Err(RefusalCode::HostCodeWanted));
    }
    seat(world.ask(1, creating(1, Right::Shown))).expect("a room");
}

#[test]
fn no_stranger_brings_a_room_back_and_a_member_with_a_code_does_so_for_all() {
    let mut world = World::forgetful();
    for (right, refusal) in [(Right::Unshown, RefusalCode::HostCodeWanted), (Right::Wrong, RefusalCode::HostCodeWrong)]
    {
        assert_eq!(world.ask(2, reviving(remembers(2, &[1]), right)).reply, Err(refusal));
    }
    assert_eq!(world.rooms.count(), 0);
    seat(world.ask(1, reviving(remembers(1, &[2]), Right::Shown))).expect("their room");
    seat(world.ask(2, reviving(remembers(2, &[1]), Right::Unshown))).expect("a seat in it");
}
