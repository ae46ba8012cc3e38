//! What was said once and is said again, by whoever carried it: it changes nothing.

use klatch_mesh::{Command, ConnectionState, Health, Input, Signal};
use klatch_shared::ExchangeId;
use klatch_shared::peer::Description;
use klatch_shared::wire::Side;

use crate::single::{POLITER, Page, description, member, session};

fn refusal() -> Signal {
    Signal::Answer(Description::default())
}

#[test]
fn a_refusal_counts_as_the_answer_to_the_offer_that_waits_for_it_and_never_again() {
    let mut page = Page::meets(true);
    page.offers();
    assert!(page.told(0, Side::Answerer, 0, refusal()).is_empty(), "of an exchange before");
    assert_eq!(page.told(1, Side::Answerer, 0, refusal()), [Command::Refused { peer: member(POLITER) }]);
    let peer = member(POLITER);
    page.hears(Input::Gone { peer });
    page.hears(Input::Present { peer, session: session(1), we_offer: true });
    page.offers();
    assert!(page.told(1, Side::Answerer, 0, refusal()).is_empty(), "another offer waits");
    page.told(2, Side::Answerer, 0, Signal::Answer(description("theirs")));
    page.remote();
    page.connection(ConnectionState::Connected);
    for exchange in [1, 2] {
        assert!(page.told(exchange, Side::Answerer, 0, refusal()).is_empty());
    }
    assert_eq!(page.health(), Health::Connected);
}

#[test]
fn an_exchange_is_news_once_also_while_there_is_no_link() {
    let (peer, theirs) = (member(POLITER), session(1));
    let mut page = Page::meets(false);
    let news = |page: &Page| [4, 5].map(|exchange| page.mesh.is_news((peer, theirs), ExchangeId(exchange)));
    assert_eq!(news(&page), [true; 2]);
    page.told(4, Side::Offerer, 0, Signal::Ask);
    assert_eq!(news(&page), [false, true]);
    page.hears(Input::Gone { peer });
    assert_eq!(news(&page), [false, true]);
    assert!(page.mesh.is_news((peer, session(2)), ExchangeId(1)), "of another page session");
    page.hears(Input::Present { peer, session: theirs, we_offer: false });
    page.told(5, Side::Offerer, 0, Signal::Offer(description("theirs")));
    assert_eq!(news(&page), [false; 2]);
}

#[test]
fn what_was_said_before_a_reload_is_no_news_when_the_broker_tells_of_the_old_page_again() {
    let mut page = Page::meets(false);
    let is_news = |page: &Page| page.mesh.is_news((member(POLITER), session(1)), ExchangeId(5));
    page.told(5, Side::Offerer, 0, Signal::Offer(description("theirs")));
    assert!(!is_news(&page));
    for reloaded in [2, 3, 1] {
        page.reloads(reloaded);
        assert!(!is_news(&page), "in session {reloaded}");
    }
    assert!(page.told(5, Side::Offerer, 0, Signal::Offer(description("theirs"))).is_empty());
}

#[test]
fn pages_that_nobody_was_heard_of_in_drive_none_out_of_memory() {
    let mut page = Page::meets(false);
    page.told(5, Side::Offerer, 0, Signal::Offer(description("theirs")));
    (2..=u8::MAX).for_each(|made_up| drop(page.reloads(made_up)));
    assert!(!page.mesh.is_news((member(POLITER), session(1)), ExchangeId(5)));
}
