//! Without the broker, or with one that delivers nothing: two ends whose path is lost find each other by way of members of whom some lie.

use klatch_shared::MemberId;
use proptest::prelude::*;

use crate::chance::{BOUND, Bound, run, run_within};
use crate::end::Broken;
use crate::healing::{Call, START};
use crate::network::{Helper, Keeps};
use crate::world::Change::{self, *};
use crate::world::{Order, World};

const LIES: [Keeps; 3] = [Keeps::All, Keeps::Answers, Keeps::Candidates];

fn member(n: u8) -> MemberId {
    MemberId::from_random_bytes([n; 16])
}

/// Helpers in the order of their ids, with places between them and the ends.
fn helpers(keeps: &[Keeps]) -> Vec<Helper> {
    (10..).step_by(10).zip(keeps).map(|(n, keeps)| Helper { id: member(n), keeps: *keeps }).collect()
}

/// What the ends have of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broker {
    /// Lost, and they know.
    Lost,
    /// It takes what they send, and delivers none of it.
    Silent,
    /// It works.
    There,
}

impl Broker {
    fn changes(self) -> &'static [Change] {
        match self {
            Self::Lost => &[Cut, Notice],
            Self::Silent => &[Cut],
            Self::There => &[],
        }
    }

    /// One that has every other turn, and lets each pass, costs the pair that time.
    fn patience(self) -> Bound {
        match self {
            Self::Lost | Self::There => BOUND,
            Self::Silent => (3 * BOUND.0, 3 * BOUND.1),
        }
    }
}

/// How long it takes until a path is mended that nothing but a restart mends, in milliseconds.
fn mended(broker: Broker, keeps: &[Keeps], lost: Option<u8>) -> Option<u64> {
    let mut call = Call::of_two();
    call.world.join(&helpers(keeps)).expect("they join");
    for end in 0..2 {
        broker.changes().iter().for_each(|change| call.happens(end, *change));
    }
    if let Some(lost) = lost {
        call.world.lose(member(lost)).expect("they are lost");
    }
    let dead = call.world.generations().expect("they are connected");
    call.world.path.dead.insert(dead);
    call.first(START + 300_000, |call| call.world.now > START && call.is_whole()).map(|at| at - START)
}

#[test]
fn one_liar_keeps_no_pair_apart_whoever_else_is_lost() {
    for lie in LIES {
        for keeps in [[lie, Keeps::Nothing], [Keeps::Nothing, lie]] {
            // With an id below those of both ends, between those of the helpers, above all.
            for lost in [None, Some(0), Some(15), Some(25)] {
                let took = mended(Broker::Lost, &keeps, lost);
                println!("{keeps:?}, {lost:?} lost: mended after {took:?} ms");
                assert!(took.is_some_and(|ms| ms <= 40_000), "{keeps:?}, {lost:?} lost: {took:?}");
            }
        }
    }
}

#[test]
fn many_liars_keep_no_pair_apart_for_long() {
    for lie in LIES {
        for honest in 0..4 {
            let mut keeps = [lie; 4];
            keeps[honest] = Keeps::Nothing;
            let took = mended(Broker::Lost, &keeps, Some(15));
            println!("{keeps:?}: mended after {took:?} ms");
            assert!(took.is_some_and(|ms| ms <= 120_000), "{keeps:?}: {took:?}");
        }
    }
}

#[test]
fn a_broker_that_delivers_nothing_keeps_no_pair_apart_nor_does_it_together_with_a_liar() {
    let took = mended(Broker::Silent, &[Keeps::Nothing], None);
    println!("mended after {took:?} ms");
    assert!(took.is_some_and(|ms| ms <= 20_000), "{took:?}");
    for lie in LIES {
        for keeps in [[lie, Keeps::Nothing], [Keeps::Nothing, lie]] {
            let took = mended(Broker::Silent, &keeps, None);
            println!("{keeps:?}: mended after {took:?} ms");
            assert!(took.is_some_and(|ms| ms <= 90_000), "{keeps:?}: {took:?}");
        }
    }
}

#[test]
fn liars_cost_nobody_a_moment_whom_the_broker_reaches() {
    for lie in LIES {
        let took = mended(Broker::There, &[lie; 4], Some(15));
        println!("{lie:?}: mended after {took:?} ms");
        assert!(took.is_some_and(|ms| ms <= 7_000), "{lie:?}: {took:?}");
    }
}

#[test]
fn of_liars_however_many_none_has_the_turn_of_a_broker_that_delivers_again() {
    for liars in [1, 3, 8] {
        let mut call = Call::of_two();
        call.world.join(&helpers(&vec![Keeps::All; liars])).expect("they join");
        (0..2).for_each(|end| call.happens(end, Cut));
        let dead = call.world.generations().expect("they are connected");
        call.world.path.dead.insert(dead);
        call.first(START + 20_000, |_| false);
        let back = call.world.now;
        (0..2).for_each(|end| call.happens(end, Back));
        let took = call.first(back + 300_000, Call::is_whole).map(|at| at - back);
        println!("{liars} liars: mended after {took:?} ms");
        assert!(took.is_some_and(|ms| ms <= 32_000), "{liars} liars: {took:?}");
    }
}

fn trouble() -> impl Strategy<Value = Vec<Change>> {
    prop_oneof![
        Just(vec![PathDown, PathUp]),
        Just(vec![NetworkChanged]),
        Just(vec![Jam]),
        Just(vec![FailStep]),
        Just(vec![Drop, Meet]),
    ]
}

fn troubles() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec(trouble(), 0..5).prop_map(|troubles| troubles.concat())
}

fn company() -> impl Strategy<Value = Vec<Keeps>> {
    let any = proptest::collection::vec(proptest::sample::select(&LIES[..]), 0..3);
    any.prop_flat_map(|lies| {
        (0..=lies.len()).prop_map(move |honest| {
            let mut keeps = lies.clone();
            keeps.insert(honest, Keeps::Nothing);
            keeps
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_honest_helper_is_enough_after_any_trouble(
        broker in prop_oneof![Just(Broker::Lost), Just(Broker::Silent)],
        keeps in company(),
        lost in proptest::option::of(0u8..40),
        a in troubles(),
        b in troubles(),
        chances in proptest::collection::vec(any::<u16>(), 0..200),
    ) {
        let met = World::new(Broken(None), [false, true], [&[], &[]], 3).map_err(TestCaseError::fail)?;
        let mut world = run(met, &[], Order::Kept).map_err(TestCaseError::fail)?;
        world.join(&helpers(&keeps)).map_err(TestCaseError::fail)?;
        for (end, trouble) in [a, b].into_iter().enumerate() {
            broker.changes().iter().try_for_each(|it| world.change(end, *it)).map_err(TestCaseError::fail)?;
            world.todo[end] = trouble.into();
        }
        if let Some(lost) = lost.filter(|lost| lost % 10 > 2) {
            world.lose(member(lost)).map_err(TestCaseError::fail)?;
        }
        world.path.dead.extend(world.generations());
        run_within(broker.patience(), world, &chances, Order::Kept).map_err(TestCaseError::fail)?;
    }
}
