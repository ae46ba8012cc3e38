//! Members who send without end: they have what they may, their link goes on, and so do the others'.

use klatch_mesh::{Carrier, Command, Input, Kind, Signal};
use klatch_shared::ExchangeId;
use klatch_shared::limits::MAX_CANDIDATES;
use klatch_shared::wire::Side;

use crate::single::{POLITER, Page, candidate, description, member, session};

const MANY: u32 = 1_000;

/// How many candidates the browser is given.
fn added(commands: &[Command]) -> u32 {
    let added = commands.iter().filter(|command| matches!(command, Command::AddCandidate { .. })).count();
    u32::try_from(added).expect("a small number")
}

impl Page {
    /// A thousand candidates of `POLITER`'s, and how many of them the browser is given.
    fn is_flooded(&mut self, exchange: u32, side: Side) -> u32 {
        let flood = (1..=MANY).map(|n| added(&self.told(exchange, side, n, Signal::Candidate(candidate("theirs")))));
        flood.sum()
    }

    /// Their offer, up to our answer; how many candidates the browser is given by it.
    fn answers(&mut self, exchange: u32) -> u32 {
        self.told(exchange, Side::Offerer, 0, Signal::Offer(description("theirs")));
        let added = added(&self.remote());
        self.local(Kind::Answer);
        added
    }
}

#[test]
fn a_browser_is_given_no_more_candidates_of_an_exchange_than_it_may_have_and_all_of_the_next() {
    let mut page = Page::meets(false);
    for exchange in [1, 2] {
        assert_eq!(page.answers(exchange), 0);
        assert_eq!(page.is_flooded(exchange, Side::Offerer), MAX_CANDIDATES);
        assert_eq!(page.is_flooded(exchange, Side::Offerer), 0);
    }
}

#[test]
fn of_candidates_that_come_before_their_description_no_more_are_kept() {
    let mut page = Page::meets(false);
    assert_eq!(page.is_flooded(1, Side::Offerer), 0);
    assert_eq!(page.answers(1), MAX_CANDIDATES);
    assert_eq!(page.is_flooded(1, Side::Offerer), 0);
}

#[test]
fn who_answers_with_candidates_without_end_has_what_they_may_and_keeps_nobody_elses_back() {
    let mut page = Page::meets(true);
    page.offers();
    page.told(1, Side::Answerer, 0, Signal::Answer(description("theirs")));
    page.remote();
    assert_eq!(page.is_flooded(1, Side::Answerer), MAX_CANDIDATES);
    let other = member(POLITER + 1);
    page.hears(Input::Present { peer: other, session: session(2), we_offer: false });
    let link = page.mesh.link(other).expect("there is a link");
    let says = |sequence, signal| Input::Signal {
        peer: other,
        carrier: Carrier::Broker,
        exchange: ExchangeId(1),
        side: Side::Offerer,
        sequence,
        signal,
    };
    page.hears(says(0, Signal::Offer(description("another's"))));
    page.hears(Input::RemoteSet { link });
    page.is_flooded(1, Side::Answerer);
    let theirs = candidate("another's");
    let given = page.hears(says(1, Signal::Candidate(theirs.clone())));
    assert_eq!(given, [Command::AddCandidate { link, candidate: theirs }]);
    assert_eq!(page.answers(1), 0, "their own next exchange is taken");
    assert_eq!(page.is_flooded(1, Side::Offerer), MAX_CANDIDATES);
}
