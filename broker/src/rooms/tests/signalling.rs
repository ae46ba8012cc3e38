//! Exchanges: which offers, answers and candidates pass.

use super::*;
use klatch_shared::limits::{EXCHANGE_LIFE, MAX_CANDIDATES};
use klatch_shared::wire::Side;

fn candidate(to: u8, exchange: u32, side: Side) -> Ask {
    let (to, exchange, body) = (member(to), ExchangeId(exchange), sealed("body"));
    Ask::Candidate(Candidate { to, exchange, side, sequence: 1, body })
}

const OVER: Result<Vec<Effect>, RefusalCode> = Err(RefusalCode::UnknownExchange);

#[test]
fn an_offer_its_answer_and_candidates_of_both_pass() {
    let mut world = World::with_members(3);
    let (exchange, body) = (ExchangeId(1), sealed("body"));
    let offered = Event::Offer { from: member(2), exchange, body: body.clone() };
    assert_eq!(world.done(2, offer(1, 1)), Ok(vec![tell(1, offered)]));
    let answered = Event::Answer { from: member(1), exchange, body: body.clone() };
    assert_eq!(world.done(1, answer(2, 1)), Ok(vec![tell(2, answered)]));
    for (connection, to, side) in [(2, 1, Side::Offerer), (1, 2, Side::Answerer)] {
        let from = member(u8::try_from(connection).expect("small"));
        let passed = Event::Candidate { from, exchange, side, sequence: 1, body: body.clone() };
        assert_eq!(world.done(connection, candidate(to, 1, side)), Ok(vec![tell(to.into(), passed)]));
    }
}

#[test]
fn candidates_may_overtake_the_answer() {
    let mut world = World::with_members(2);
    world.done(2, offer(1, 1)).expect("passes");
    world.done(1, candidate(2, 1, Side::Answerer)).expect("passes");
}

#[test]
fn each_direction_of_a_pair_has_its_own_exchange() {
    let mut world = World::with_members(2);
    world.done(1, offer(2, 5)).expect("passes");
    world.done(2, offer(1, 1)).expect("glare is the members' to resolve");
    assert_eq!(world.done(1, candidate(2, 1, Side::Offerer)), OVER);
    world.done(1, candidate(2, 5, Side::Offerer)).expect("passes");
    world.done(1, answer(2, 1)).expect("passes");
    world.done(2, answer(1, 5)).expect("passes");
}

#[test]
fn a_later_offer_replaces_an_earlier_one_and_never_the_other_way_round() {
    let mut world = World::with_members(2);
    world.done(2, offer(1, 3)).expect("passes");
    assert_eq!(world.done(2, offer(1, 3)), OVER);
    assert_eq!(world.done(2, offer(1, 2)), OVER);
    world.done(2, offer(1, 4)).expect("passes");
    assert_eq!(world.done(1, answer(2, 3)), OVER);
    assert_eq!(world.done(2, candidate(1, 3, Side::Offerer)), OVER);
    world.done(1, answer(2, 4)).expect("passes");
}

#[test]
fn an_offer_is_answered_once_and_by_whom_it_was_for() {
    let mut world = World::with_members(3);
    world.done(2, offer(1, 1)).expect("passes");
    assert_eq!(world.done(3, answer(2, 1)), OVER);
    assert_eq!(world.done(3, candidate(2, 1, Side::Answerer)), OVER);
    world.done(1, answer(2, 1)).expect("passes");
    assert_eq!(world.done(1, answer(2, 1)), OVER);
}

#[test]
fn each_side_has_so_many_candidates() {
    let mut world = World::with_members(2);
    world.done(2, offer(1, 1)).expect("passes");
    for _ in 0..MAX_CANDIDATES {
        world.done(2, candidate(1, 1, Side::Offerer)).expect("passes");
    }
    assert_eq!(world.done(2, candidate(1, 1, Side::Offerer)), Err(RefusalCode::TooManyCandidates));
    world.done(1, candidate(2, 1, Side::Answerer)).expect("the other side has its own");
    world.done(2, offer(1, 2)).expect("passes");
    world.done(2, candidate(1, 2, Side::Offerer)).expect("a new exchange counts anew");
}

#[test]
fn an_exchange_is_forgotten_after_its_time() {
    let life = u64::try_from(EXCHANGE_LIFE.as_millis()).expect("a minute");
    let mut world = World::with_members(2);
    world.done(2, offer(1, 1)).expect("passes");
    world.now = life - 1;
    world.done(2, candidate(1, 1, Side::Offerer)).expect("just in time");
    world.now = life;
    assert_eq!(world.done(2, candidate(1, 1, Side::Offerer)), OVER);
    assert_eq!(world.done(1, answer(2, 1)), OVER);
    world.done(2, offer(1, 1)).expect("nobody remembers the first");
}

#[test]
fn only_somebody_else_who_is_present_is_reached() {
    let mut world = World::with_members(3);
    assert_eq!(world.done(1, offer(1, 1)), Err(RefusalCode::NotPresent));
    assert_eq!(world.done(1, offer(9, 1)), Err(RefusalCode::NotPresent));
    world.lose(2);
    assert_eq!(world.done(1, offer(2, 1)), Err(RefusalCode::NotPresent));
    world.done(3, Ask::Leave).expect("left");
    assert_eq!(world.done(1, offer(3, 1)), Err(RefusalCode::NotPresent));
}

#[test]
fn an_exchange_dies_with_either_ends_connection() {
    for gone in [1, 2] {
        let mut world = World::with_members(2);
        world.done(2, offer(1, 1)).expect("passes");
        world.lose(gone.into());
        world.come_back(9, gone, 0).expect("back");
        let answerer = if gone == 1 { 9 } else { 1 };
        assert_eq!(world.done(answerer, answer(2, 1)), OVER, "{gone} was gone");
    }
}

#[test]
fn a_repeated_join_on_the_same_socket_leaves_exchanges_alone() {
    let mut world = World::with_members(2);
    world.done(2, offer(1, 1)).expect("passes");
    world.join(2, 2).expect("harmless");
    world.done(1, answer(2, 1)).expect("passes");
}
