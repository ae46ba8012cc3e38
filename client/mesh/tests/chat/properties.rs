//! Whatever happens on the way, a room that is whole again has one chat.

use proptest::prelude::*;

use crate::chance::{Event, Mischief, events};
use crate::member::Member;
use crate::world::World;

/// How much of the room connects in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mending {
    /// Each with each.
    Whole,
    /// Each with somebody who is connected to the rest: a tree, made by this number.
    Barely(usize),
}

fn run(mut world: World, happened: &[Event], mending: Mending) -> Result<World, TestCaseError> {
    happened.iter().for_each(|event| world.happens(*event));
    world.now += 60_000;
    // A room of which nobody is left has nothing to tell.
    let here: Vec<usize> = (0..world.members.len()).filter(|i| world.members[*i].here).collect();
    world.delivers_all();
    match mending {
        Mending::Whole => {}
        Mending::Barely(number) => {
            world.links.iter_mut().for_each(|(_, _, link)| link.cut());
            world.delivers_all();
            for (at, i) in here.iter().enumerate().skip(1) {
                world.mend(here[number / at % at], *i);
            }
        }
    }
    let before = world.known();
    match mending {
        Mending::Whole => world.mends_all(),
        Mending::Barely(_) => {}
    }
    world.quietens();
    if !world.is_off {
        world.agrees(&before).map_err(TestCaseError::fail)?;
    }
    world.agrees_pairwise(&before).map_err(TestCaseError::fail)?;
    let is_off = |member: &Member| !member.chat.keeps_history();
    prop_assert!(world.honest().all(|member| is_off(member) == world.is_off), "the switch is lost, or forged");
    let traffic = world.traffic;
    world.seconds(30);
    prop_assert_eq!(world.traffic, traffic, "a room at rest says nothing but digests");
    Ok(world)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn after_any_trouble_all_have_the_same_and_fall_silent(count in 2..5_usize, happened in events(Mischief::None)) {
        let world = run(World::of(count), &happened, Mending::Whole)?;
        prop_assert!(world.members.iter().all(|member| member.dropped == 0));
        for (one, other) in world.honest().flat_map(|one| world.honest().map(move |other| (one, other))) {
            prop_assert!(one.seat == other.seat || one.knows_that_all_reached(other.seat.member));
        }
    }

    #[test]
    fn members_who_are_connected_only_through_others_have_the_same(
        count in 2..5_usize, tree: usize, happened in events(Mischief::None)
    ) {
        run(World::of(count), &happened, Mending::Barely(tree))?;
    }

    #[test]
    fn without_history_all_have_what_was_said_while_they_were_there_and_nothing_else(
        count in 2..4_usize, happened in events(Mischief::None)
    ) {
        run(World::without_history(count), &happened, Mending::Whole)?;
    }

    #[test]
    fn however_the_history_is_switched_all_have_the_same_of_what_is_for_both(
        count in 2..4_usize, happened in events(Mischief::Switches)
    ) {
        let mut world = World::of(count);
        happened.iter().for_each(|event| world.happens(*event));
        let before = world.known();
        world.settles();
        world.agrees_pairwise(&before).map_err(TestCaseError::fail)?;
        if world.members[0].here {
            let before = world.known();
            world.switches(true);
            world.settles();
            world.agrees(&before).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn a_liar_keeps_nobody_else_from_having_the_same(count in 2..5_usize, happened in events(Mischief::Lies)) {
        let mut world = World::of(count);
        world.joins(true);
        // Whose clock is far ahead can be led beyond what others believe yet.
        world.members.iter_mut().for_each(Member::sets_clock);
        world.settles();
        run(world, &happened, Mending::Whole)?;
    }

    #[test]
    fn whatever_a_liar_tells_of_those_who_gave_their_seats_up_all_read_what_they_said(
        count in 3..5_usize, happened in events(Mischief::Departures)
    ) {
        let mut world = World::of(count);
        world.joins(true);
        world.members.iter_mut().for_each(Member::sets_clock);
        world.settles();
        (0..count).for_each(|i| { world.says(i); });
        world.settles();
        // Who has nothing but hearsay of somebody can't tell others what is true.
        (world.anchor, world.lies_only) = (Some(1), true);
        world.releases(2);
        run(world, &happened, Mending::Whole)?;
    }

    #[test]
    fn a_liar_tells_no_newcomer_what_others_said_before_it_came(count in 2..4_usize, happened in events(Mischief::Lies)) {
        let mut world = World::without_history(count);
        world.joins(true);
        // Whose clock is far ahead can be led beyond what others believe yet.
        world.members.iter_mut().for_each(Member::sets_clock);
        world.settles();
        run(world, &happened, Mending::Whole)?;
    }
}
