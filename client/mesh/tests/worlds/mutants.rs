//! Each rule is needed: without it, some story ends badly.

use klatch_mesh::Rule;

use crate::end::Broken;
use crate::stories;

macro_rules! caught {
    ($($name:ident: $rule:ident in $story:ident,)*) => {
        $(#[test]
        fn $name() {
            let told = stories::$story.tell(Broken(Some(Rule::$rule)));
            let fault = told.expect_err("the mutant was not noticed");
            println!("{}: {}", stringify!($rule), fault.lines().next().unwrap_or_default());
        })*

        #[test]
        fn every_rule_has_a_mutant() {
            let mutants = [$(Rule::$rule,)*];
            assert!(Rule::ALL.iter().all(|rule| mutants.contains(rule)));
        }
    };
}

caught! {
    the_mutant_in_which_nobody_is_polite_is_caught: PoliteYields in GLARE,
    the_mutant_in_which_everybody_is_polite_is_caught: ImpoliteStands in GLARE,
    the_mutant_that_hands_on_early_candidates_is_caught: EarlyCandidatesWait in MEETING,
    the_mutant_that_takes_candidates_of_an_ignored_offer_is_caught: IgnoredCandidatesToo in GLARE,
    the_mutant_that_forgets_what_is_needed_is_caught: NeedIsRemembered in MORE_MEANWHILE,
    the_mutant_that_never_takes_a_need_for_settled_is_caught: ExchangeSettlesNeed in MEETING,
    the_mutant_that_takes_answers_for_any_exchange_is_caught: AnswerFitsItsOffer in LOST,
    the_mutant_that_takes_older_exchanges_is_caught: OlderExchangeIsOver in OVERTAKING_WITH_MORE,
    the_mutant_that_does_not_offer_again_what_it_gave_up_is_caught: GivenUpIsOfferedAgain in REFUSED_STEPS,
    the_mutant_that_overlooks_a_stray_answer_is_caught: StrayAnswerIsMended in OVERTAKING,
    the_mutant_that_waits_for_an_answer_for_ever_is_caught: AnswerIsAwaitedForSoLong in LOST,
    the_mutant_that_believes_facts_of_old_generations_is_caught: OldGenerationIsOver in RELOAD,
    the_mutant_that_keeps_its_connection_over_a_reload_is_caught: NewSessionNewConnection in RELOAD,
    the_mutant_that_keeps_its_connection_with_a_fresh_one_is_caught: FreshMeetsFresh in DROPPED,
    the_mutant_that_takes_its_first_offer_back_is_caught: FreshOneYields in GLARE,
    the_mutant_that_takes_two_steps_at_a_time_is_caught: OneStepAtATime in CHANGES,
    the_mutant_that_sends_candidates_before_their_description_is_caught: CandidatesFollowDescription in LATE_CANDIDATES,
    the_mutant_that_sends_while_nobody_is_reached_is_caught: NothingStaleIsSent in LOST,
    the_mutant_in_which_both_ends_offer_at_first_is_caught: NewcomerOffers in MEETING,
    the_mutant_that_tries_again_at_once_is_caught: RefusedWaits in REFUSED,
}
