//! Every interleaving of a story ends stable, agreed, and with each end receiving what the other sends.

use crate::end::Broken;
use crate::stories::{self, Story};

macro_rules! explored {
    ($($name:ident: $story:ident in $offers:literal,)*) => {
        $(#[test]
        fn $name() {
            explore(stringify!($story), &stories::$story, $offers);
        })*
    };
}

/// `offers`: the most that any way through the story has a reason for.
fn explore(name: &str, story: &Story, offers: u32) {
    let found = story.tell(Broken(None)).unwrap_or_else(|fault| panic!("{fault}"));
    println!("{name}: {} states, {} ends, at most {} offers", found.states, found.ends, found.offers);
    assert!(found.ends > 0 && found.offers <= offers);
}

explored! {
    three_changes_at_each_end_end_agreed: CHANGES in 8,
    a_newcomer_is_met_with_one_exchange: MEETING in 1,
    an_end_that_waited_in_vain_offers_itself: SILENCE in 3,
    two_newcomers_settle_their_glare: GLARE in 2,
    two_newcomers_with_more_to_send_settle_their_glare: GLARE_WITH_MORE in 5,
    candidates_of_a_second_negotiation_all_come: LATE_CANDIDATES in 2,
    ends_whose_messages_overtake_each_other_end_agreed: OVERTAKING in 5,
    ends_with_more_to_send_whose_messages_overtake_each_other_end_agreed: OVERTAKING_WITH_MORE in 6,
    an_end_that_loses_the_broker_ends_connected: LOST in 5,
    a_newcomer_that_loses_the_broker_ends_connected: NEWCOMER_LOST in 3,
    a_polite_newcomer_that_loses_the_broker_ends_connected: POLITE_NEWCOMER_LOST in 5,
    ends_that_both_lose_the_broker_end_agreed: BOTH_LOST in 4,
    what_is_new_while_the_broker_is_lost_is_sent_afterwards: MORE_MEANWHILE in 5,
    ends_that_the_broker_refuses_for_a_while_end_connected: REFUSED in 2,
    a_reloaded_newcomer_ends_connected: RELOAD in 2,
    the_first_reloaded_ends_agreed: FIRST_RELOADS in 4,
    a_link_dropped_by_one_end_ends_connected: DROPPED in 3,
    a_link_dropped_by_the_newcomer_ends_connected: NEWCOMER_DROPS in 5,
    ends_without_a_broker_go_on_over_their_channel: BROKER_DIES in 5,
    an_end_without_a_broker_goes_on_over_the_channel: BROKER_DIES_FOR_ONE in 7,
    a_path_that_is_lost_for_a_while_ends_connected: PATH_LOST in 2,
    an_end_that_hears_nothing_for_a_while_ends_connected: DEAF in 2,
    a_path_that_works_one_way_only_ends_mended: HALF_DEAD in 4,
    a_path_that_works_one_way_only_ends_mended_though_the_broker_is_lost: HALF_DEAD_WITHOUT_A_BROKER in 2,
    browsers_that_refuse_steps_end_connected: REFUSED_STEPS in 4,
}
