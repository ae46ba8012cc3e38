//! Whatever happens on the way, two ends come to rest agreed, connected, and showing it.

use klatch_shared::peer::Source;
use proptest::prelude::*;

use crate::chance::run;
use crate::end::Broken;
use crate::world::Change::{self, *};
use crate::world::{Order, World};

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
        1 => Just(vec![NetworkChanged]),
        1 => Just(vec![Jam]),
    ]
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec(trouble(), 0..6).prop_map(|troubles| troubles.concat())
}

fn source() -> impl Strategy<Value = Source> {
    proptest::sample::select(&Source::ALL[..])
}

fn chances() -> impl Strategy<Value = Vec<u16>> {
    proptest::collection::vec(any::<u16>(), 0..200)
}

fn well(offers: [bool; 2], todo: [&[Change]; 2], chances: &[u16], order: Order) -> Result<(), TestCaseError> {
    let world = World::new(Broken(None), offers, todo, 3).map_err(TestCaseError::fail)?;
    run(world, chances, order).map_err(TestCaseError::fail)?;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_ends_come_to_rest_well_after_any_trouble(
        offers: [bool; 2], a in changes(), b in changes(), chances in chances()
    ) {
        well(offers, [&a, &b], &chances, Order::Kept)?;
    }

    #[test]
    fn two_ends_come_to_rest_well_even_where_messages_overtake_each_other_and_come_twice(
        offers: [bool; 2], a in changes(), b in changes(), chances in chances()
    ) {
        well(offers, [&a, &b], &chances, Order::Lost)?;
    }
}
