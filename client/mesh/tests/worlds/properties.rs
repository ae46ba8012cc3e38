//! Whatever happens on the way, two ends come to rest agreed, connected, and showing it.

use klatch_shared::peer::Source;
use proptest::prelude::*;

use crate::chance::run;
use crate::end::Broken;
use crate::world::Change::{self, *};
use crate::world::{Order, Pulse, Says, World};

/// Something that happens to an end, with its end.
fn trouble() -> impl Strategy<Value = Vec<Change>> {
    prop_oneof![
        4 => source().prop_map(|source| vec![Send(source)]),
        2 => source().prop_map(|source| vec![Mute(source)]),
        2 => Just(vec![Cut, Notice, Back]),
        1 => Just(vec![Reload]),
        1 => Just(vec![Drop, Meet]),
        1 => Just(vec![FailStep]),
        1 => Just(vec![PathDown, PathUp]),
        1 => Just(vec![Deaf, Hears]),
        1 => Just(vec![HalfDead]),
        1 => Just(vec![NetworkChanged]),
        1 => Just(vec![Jam]),
        1 => Just(vec![Miss]),
        1 => Just(vec![OnceMet, CloseChannel]),
        1 => Just(vec![OnceMet, LoseChannel]),
    ]
}

/// The same where ends listen for silence.
fn trouble_with_beats() -> impl Strategy<Value = Vec<Change>> {
    prop_oneof![
        4 => trouble(),
        2 => (1..9u8).prop_map(|beats| vec![Delay(beats)]),
        2 => Just(vec![Move, Notice, Back]),
        1 => Just(vec![Move, NetworkChanged, Notice, Back]),
        1 => Just(vec![Move, Jam, Miss, Notice, Back]),
        1 => Just(vec![Move, Jam, Notice, Miss, Back]),
    ]
}

fn pulse() -> impl Strategy<Value = Pulse> {
    let says = proptest::sample::select(vec![Says::Sound, Says::Quiet, Says::Words, Says::LateWords]);
    (any::<bool>(), says).prop_map(|(shown, says)| if shown { Pulse::shown(says) } else { Pulse::hidden(says) })
}

fn changes(of: impl Strategy<Value = Vec<Change>>) -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec(of, 0..6).prop_map(|troubles| troubles.concat())
}

fn source() -> impl Strategy<Value = Source> {
    proptest::sample::select(&Source::ALL[..])
}

fn chances() -> impl Strategy<Value = Vec<u16>> {
    proptest::collection::vec(any::<u16>(), 0..200)
}

fn well(
    offers: [bool; 2],
    todo: [&[Change]; 2],
    pulse: Option<Pulse>,
    chances: &[u16],
    order: Order,
) -> Result<World, TestCaseError> {
    let mut world = World::new(Broken(None), offers, todo, 3).map_err(TestCaseError::fail)?;
    world.pulse = pulse;
    run(world, chances, order).map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_ends_come_to_rest_well_after_any_trouble(
        offers: [bool; 2], a in changes(trouble()), b in changes(trouble()), chances in chances()
    ) {
        well(offers, [&a, &b], None, &chances, Order::Kept)?;
    }

    #[test]
    fn two_ends_come_to_rest_well_even_where_messages_overtake_each_other_and_come_twice(
        offers: [bool; 2], a in changes(trouble()), b in changes(trouble()), chances in chances()
    ) {
        well(offers, [&a, &b], None, &chances, Order::Lost)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_ends_that_listen_for_silence_come_to_rest_well(
        offers: [bool; 2],
        a in changes(trouble_with_beats()),
        b in changes(trouble_with_beats()),
        pulse in pulse(),
        chances in chances(),
    ) {
        let world = well(offers, [&a, &b], Some(pulse), &chances, Order::Lost)?;
        let offers = world.network.offers();
        // Nor does it flap.
        let later = run(world, &[], Order::Kept).map_err(TestCaseError::fail)?;
        prop_assert_eq!(later.network.offers(), offers);
    }
}
