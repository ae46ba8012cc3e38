//! By what signals go: what the mesh orders at one end, fact by fact.

use klatch_mesh::{Carrier, Command, ConnectionState, Health, Input, Kind, LinkId, Signal};
use klatch_shared::ExchangeId;
use klatch_shared::wire::Side;

use crate::single::{POLITER, Page, US, candidate, description, member, session};

const HELPER: u8 = 7;
const ANOTHER: u8 = 8;

impl Page {
    /// Somebody else is here, too, with whom our channel works, and who reaches `POLITER`.
    fn has_a_helper(&mut self) -> LinkId {
        self.is_helped_by(HELPER)
    }

    fn is_helped_by(&mut self, helper: u8) -> LinkId {
        let peer = member(helper);
        self.hears(Input::Present { peer, session: session(3), we_offer: false });
        let link = self.mesh.link(peer).expect("there is a link");
        let offer = Signal::Offer(description("helper's"));
        let side = Side::Offerer;
        self.hears(Input::Signal {
            peer,
            carrier: Carrier::Broker,
            exchange: ExchangeId(1),
            side,
            sequence: 0,
            signal: offer,
        });
        self.hears(Input::RemoteSet { link });
        self.hears(Input::LocalSet { link, kind: Kind::Answer, description: description("ours for the helper") });
        self.hears(Input::Connection { link, state: ConnectionState::Connected });
        self.hears(Input::ChannelOpen { link });
        self.hears(Input::Reaches { peer, members: vec![member(POLITER)] });
        link
    }

    /// An offer of `POLITER`'s, by way of a helper.
    fn is_offered(&mut self, helper: u8, exchange: u32) -> Vec<Command> {
        self.hears(Input::Signal {
            peer: member(POLITER),
            carrier: Carrier::Via(member(helper)),
            exchange: ExchangeId(exchange),
            side: Side::Offerer,
            sequence: 0,
            signal: Signal::Offer(description("theirs")),
        })
    }
}

/// By what signals go.
fn carriers(commands: &[Command]) -> Vec<Carrier> {
    let carrier = |command: &Command| {
        let Command::Send { carrier, .. } = command else {
            return None;
        };
        Some(*carrier)
    };
    commands.iter().filter_map(carrier).collect()
}

/// A page that is connected with another, and their connection, whose channel is open.
fn with_channel() -> (Page, LinkId) {
    with_channel_as(US)
}

/// The same as somebody else.
fn with_channel_as(us: u8) -> (Page, LinkId) {
    let mut page = Page::meets_as(us, true);
    let link = page.link();
    page.connects();
    page.hears(Input::ChannelOpen { link });
    (page, link)
}

#[test]
fn signals_go_by_the_broker_until_there_is_a_channel_and_then_over_that() {
    let mut page = Page::meets(true);
    let link = page.link();
    assert_eq!(carriers(&page.offers()), [Carrier::Broker]);
    page.told(1, Side::Answerer, 0, Signal::Answer(description("theirs")));
    page.remote();
    page.connection(ConnectionState::Connected);
    page.hears(Input::ChannelOpen { link });
    assert_eq!(carriers(&page.offers()), [Carrier::Channel]);
    assert_eq!(carriers(&page.hears(Input::LocalCandidate { link, candidate: candidate("ours") })), [Carrier::Channel]);
}

#[test]
fn what_is_to_mend_a_path_does_not_go_over_it() {
    let (mut page, link) = with_channel();
    // They hear nothing of us, though we hear them.
    page.told(4, Side::Offerer, 0, Signal::Ask);
    page.now = 4_000;
    assert_eq!(page.told(5, Side::Offerer, 0, Signal::Ask), [Command::SetLocal { link, restart: true }]);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Broker]);
    let show = Command::Show { peer: member(POLITER), health: Health::Interrupted };
    assert_eq!(page.connection(ConnectionState::Disconnected), [Command::ProbeBroker, show], "it is not offered again");
}

#[test]
fn an_answer_goes_back_by_what_brought_the_offer_or_not_at_all() {
    let answers = |page: &mut Page| {
        page.remote();
        carriers(&page.local(Kind::Answer))
    };
    let (mut page, _) = with_channel();
    page.told(5, Side::Offerer, 0, Signal::Offer(description("theirs")));
    assert_eq!(answers(&mut page), [Carrier::Broker]);
    page.told(6, Side::Offerer, 0, Signal::Offer(description("theirs")));
    page.hears(Input::BrokerLost);
    assert_eq!(answers(&mut page), []);
}

#[test]
fn without_the_broker_a_broken_link_is_mended_by_way_of_whoever_reaches_both() {
    let mut page = Page::meets(true);
    let link = page.link();
    page.connects();
    let helper = page.has_a_helper();
    page.hears(Input::BrokerLost);
    // Both are lost: it may be the network that changed.
    assert_eq!(carriers(&page.connection(ConnectionState::Disconnected)), [Carrier::Via(member(HELPER))]);
    let asked = Input::Signal {
        peer: member(POLITER),
        carrier: Carrier::Via(member(HELPER)),
        exchange: ExchangeId(9),
        side: Side::Offerer,
        sequence: 0,
        signal: Signal::Ask,
    };
    assert_eq!(page.hears(asked), [Command::SetLocal { link, restart: true }]);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Via(member(HELPER))]);
    // The helper is lost too: what was under way is over, and waits.
    page.hears(Input::Connection { link: helper, state: ConnectionState::Disconnected });
    assert!(carriers(&page.hears(Input::LocalCandidate { link, candidate: candidate("ours") })).is_empty());
    page.hears(Input::Connection { link: helper, state: ConnectionState::Connected });
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Via(member(HELPER)), Carrier::Via(member(HELPER))]);
}

/// Whether an order is about this connection.
fn is_about(link: LinkId, command: &Command) -> bool {
    use Command::{AddCandidate, Close, Open, SetLocal, SetRemote};
    match command {
        Open { link: of, .. } | Close { link: of } => *of == link,
        SetLocal { link: of, .. } | SetRemote { link: of, .. } | AddCandidate { link: of, .. } => *of == link,
        Command::Send { peer, .. } => *peer == link.peer,
        _ => false,
    }
}

#[test]
fn a_link_that_is_mended_and_replaced_leaves_the_others_alone() {
    let (mut page, _) = with_channel();
    let helper = page.has_a_helper();
    let mut commands = page.connection(ConnectionState::Failed);
    commands.extend(page.local(Kind::Offer));
    for now in (1_000..120_000).step_by(500) {
        commands.extend(page.at(now));
        if commands.last().is_some_and(|last| matches!(last, Command::SetLocal { .. })) {
            commands.extend(page.local(Kind::Offer));
        }
    }
    assert!(commands.iter().any(|command| matches!(command, Command::SetLocal { restart: true, .. })), "{commands:?}");
    assert!(!commands.iter().any(|command| is_about(helper, command)), "{commands:?}");
}

#[test]
fn a_channel_that_closed_brings_a_fresh_connection_by_whichever_end() {
    let (mut page, old) = with_channel();
    page.now = 1_000;
    page.hears(Input::ChannelClosed { link: old });
    assert_eq!(page.health(), Health::Interrupted);
    let commands = page.at(3_000);
    assert_eq!(commands[..2], [Command::Close { link: old }, Command::Open { link: page.link(), offers: true }]);
}

/// They ask, and close the channel: how long it takes until there is another.
fn close(page: &mut Page, number: u32) -> u64 {
    let wait = close_unopened(page, number);
    open(page);
    wait
}

/// The same; the other channel does not open.
fn close_unopened(page: &mut Page, number: u32) -> u64 {
    let old = page.link();
    page.told(number, Side::Offerer, 0, Signal::Ask);
    page.hears(Input::ChannelClosed { link: old });
    until_another_than(page, old)
}

/// How long it takes until there is another connection.
fn until_another_than(page: &mut Page, old: LinkId) -> u64 {
    let from = page.now;
    while page.link() == old {
        let next = page.mesh.deadline().expect("another connection");
        page.at(next);
    }
    page.now - from
}

/// Their offer is answered, and there is a channel.
fn answer(page: &mut Page) {
    page.remote();
    page.local(Kind::Answer);
    page.connection(ConnectionState::Connected);
    page.hears(Input::ChannelOpen { link: page.link() });
}

/// Ours is, and there is one.
fn open(page: &mut Page) {
    page.connects();
    page.hears(Input::ChannelOpen { link: page.link() });
}

#[test]
fn whoever_asks_and_closes_the_channel_again_and_again_waits_ever_longer_for_a_fresh_connection() {
    let (mut page, _) = with_channel();
    let waits: Vec<u64> = (4..11).map(|number| close(&mut page, number)).collect();
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
}

#[test]
fn whose_channel_closes_before_it_opens_waits_as_long() {
    let mut page = Page::meets(true);
    let waits = [4, 5, 6, 7].map(|number| {
        page.connects();
        close_unopened(&mut page, number)
    });
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000]);
}

#[test]
fn what_was_lost_long_ago_counts_no_more_though_the_connection_is_fresh() {
    let (mut page, _) = with_channel();
    assert_eq!([4, 5].map(|number| close(&mut page, number)), [1_000, 2_000]);
    page.now += 60_000;
    page.told(6, Side::Offerer, 0, Signal::Offer(description("of another connection")));
    answer(&mut page);
    page.now += 100;
    assert_eq!(close(&mut page, 7), 900);
}

#[test]
fn what_was_lost_by_the_path_does_not_count() {
    let (mut page, _) = with_channel();
    for _ in 0..3 {
        let old = page.link();
        page.connection(ConnectionState::Disconnected);
        page.now += 10_000;
        page.hears(Input::ChannelClosed { link: old });
        page.at(page.now + 10_000);
        assert_ne!(page.link(), old);
        open(&mut page);
    }
    assert!(close(&mut page, 4) <= 1_000);
}

#[test]
fn whoever_is_silent_before_they_close_the_channel_waits_as_long() {
    let (mut page, _) = with_channel();
    page.hears(Input::Heard { link: page.link(), sound: true });
    let waits = [4, 5, 6].map(|number| {
        // Their browser goes on to answer checks, so that ours says nothing of it.
        for _ in 0..60 {
            page.now += 250;
            page.hears(Input::Beat);
        }
        assert_eq!(page.health(), Health::Interrupted);
        let old = page.link();
        page.hears(Input::ChannelClosed { link: old });
        page.told(number, Side::Offerer, 0, Signal::Offer(description(&format!("connection {number}"))));
        let wait = until_another_than(&mut page, old);
        answer(&mut page);
        page.hears(Input::Heard { link: page.link(), sound: true });
        wait
    });
    assert_eq!(waits, [1_000, 2_000, 4_000]);
}

#[test]
fn a_change_of_our_network_ends_the_count() {
    let (mut page, _) = with_channel();
    assert_eq!([4, 5, 6].map(|number| close(&mut page, number)), [1_000, 2_000, 4_000]);
    page.hears(Input::NetworkChanged);
    assert!(close(&mut page, 7) <= 2_000);
}

#[test]
fn who_closed_channels_is_met_again_at_once_where_our_network_changed() {
    let (mut page, _) = with_channel();
    for number in 4..8 {
        close(&mut page, number);
    }
    let old = page.link();
    page.hears(Input::ChannelClosed { link: old });
    assert!(page.at(page.now + 2_000).is_empty());
    assert_eq!(page.hears(Input::NetworkChanged)[0], Command::Close { link: old });
}

/// How a browser loses a path within half a second: the facts, and when.
fn loses(page: &mut Page, facts: &[(u64, ConnectionState)]) -> Vec<Command> {
    let (start, link) = (page.now, page.link());
    let mut commands = Vec::new();
    for (after, state) in facts {
        page.now = start + after;
        commands.extend(page.hears(Input::Connection { link, state: *state }));
        if commands.last().is_some_and(|last| matches!(last, Command::SetLocal { .. })) {
            commands.extend(page.local(Kind::Offer));
        }
        if *state == ConnectionState::Failed {
            commands.extend(page.hears(Input::ChannelClosed { link }));
        }
    }
    page.now = start + 400;
    commands
}

#[test]
fn what_a_browser_misses_and_the_broker_lost_a_moment_later_is_had_afresh_by_the_next_socket() {
    use ConnectionState::{Disconnected, Failed};
    // As Firefox tells it where its own network gave way to another: its sockets are gone, and of the broker's it says nothing.
    for facts in [&[(20, Disconnected)][..], &[(20, Disconnected), (50, Failed)]] {
        for us in [US, 1] {
            let (mut page, link) = with_channel_as(us);
            page.hears(Input::Heard { link, sound: true });
            let commands = loses(&mut page, facts);
            assert_eq!(commands[0], Command::ProbeBroker, "{commands:?}");
            page.hears(Input::BrokerLost);
            assert_eq!(page.link(), link, "nothing could be offered");
            let commands = page.hears(Input::BrokerBack);
            assert_eq!(commands[..2], [Command::Close { link }, Command::Open { link: page.link(), offers: true }]);
        }
    }
}

#[test]
fn a_path_that_is_back_is_kept_and_so_is_one_that_the_browser_does_not_miss() {
    // A check that is lost has Firefox say so, until the next one a moment later.
    let (mut page, link) = with_channel();
    page.hears(Input::Heard { link, sound: true });
    page.connection(ConnectionState::Disconnected);
    page.now += 50;
    page.connection(ConnectionState::Connected);
    page.hears(Input::BrokerLost);
    assert!(page.hears(Input::BrokerBack).is_empty());
    page.now += 5_000;
    assert!(page.hears(Input::Tick).is_empty());
    // Chromium misses nothing for five seconds, and a restart mends what is silent.
    for _ in 0..6 {
        page.now += 250;
        page.hears(Input::Beat);
    }
    page.hears(Input::BrokerLost);
    page.hears(Input::BrokerBack);
    assert_eq!((page.health(), page.link()), (Health::Interrupted, link));
}

#[test]
fn a_broker_that_is_lost_with_the_channel_ends_the_wait_and_not_the_count() {
    let (mut page, _) = with_channel();
    page.now = 100_000;
    let waits = [4, 5, 6, 7].map(|number| close(&mut page, number));
    assert_eq!(waits[1..], [1_000, 2_000, 4_000]);
    let old = page.link();
    page.hears(Input::ChannelClosed { link: old });
    page.hears(Input::BrokerLost);
    assert_eq!(page.hears(Input::BrokerBack)[0], Command::Close { link: old });
    open(&mut page);
    assert_eq!(close(&mut page, 8), 16_000);
}

#[test]
fn a_channel_that_lasted_is_had_again_at_once_where_the_network_may_have_changed() {
    let (mut page, old) = with_channel();
    page.now = 60_000;
    page.hears(Input::NetworkChanged);
    let commands = page.hears(Input::ChannelClosed { link: old });
    assert_eq!(commands[..2], [Command::Close { link: old }, Command::Open { link: page.link(), offers: true }]);
}

#[test]
fn a_restart_that_is_asked_for_does_not_wait_for_what_was_offered_over_the_path() {
    let (mut page, link) = with_channel();
    assert_eq!(carriers(&page.offers()), [Carrier::Channel]);
    assert!(page.told(4, Side::Offerer, 0, Signal::Ask).is_empty(), "it is well here");
    assert_eq!(page.told(5, Side::Offerer, 0, Signal::Ask), [Command::SetLocal { link, restart: true }]);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Broker]);
}

#[test]
fn who_lost_their_own_socket_is_reached_by_way_of_others() {
    let mut page = Page::meets(true);
    page.connects();
    page.has_a_helper();
    page.hears(Input::Away { peer: member(POLITER) });
    page.connection(ConnectionState::Disconnected);
    assert_eq!(carriers(&page.at(2_000)), [Carrier::Via(member(HELPER))]);
}

#[test]
fn an_offer_to_who_was_away_and_may_not_know_us_is_made_again_when_they_are_back() {
    let mut page = Page::meets(true);
    let link = page.link();
    page.has_a_helper();
    assert_eq!(carriers(&page.offers()), [Carrier::Broker]);
    let peer = member(POLITER);
    assert_eq!(page.hears(Input::Away { peer }), [Command::SetLocal { link, restart: false }]);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Via(member(HELPER))]);
    let back = page.hears(Input::Present { peer, session: session(1), we_offer: false });
    assert_eq!(back, [Command::SetLocal { link, restart: false }]);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Broker]);
}

/// A failed link without the broker, whose restart is offered by way of `HELPER`.
fn offered_by_way_of_a_helper() -> Page {
    let mut page = Page::meets(true);
    page.connects();
    page.is_helped_by(HELPER);
    page.is_helped_by(ANOTHER);
    page.hears(Input::BrokerLost);
    page.connection(ConnectionState::Failed);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Via(member(HELPER))]);
    page
}

#[test]
fn an_offer_that_nobody_answers_is_made_again_by_way_of_somebody_else_whatever_other_links_need() {
    let mut page = offered_by_way_of_a_helper();
    let lost = page.is_helped_by(1);
    page.hears(Input::Connection { link: lost, state: ConnectionState::Failed });
    for (at, helper) in [(8_000, ANOTHER), (24_000, HELPER), (56_000, ANOTHER)] {
        page.hears(Input::LocalSet { link: lost, kind: Kind::Offer, description: description("ours for the lost") });
        page.at(at);
        assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Via(member(helper))]);
    }
}

#[test]
fn an_impolite_end_gives_way_once_to_what_came_by_another_way_when_its_own_offer_seems_unheard() {
    let mut page = offered_by_way_of_a_helper();
    page.at(3_999);
    assert!(page.is_offered(ANOTHER, 9).is_empty(), "the answer may be on its way");
    page.at(4_000);
    assert!(page.is_offered(HELPER, 10).is_empty(), "who brings theirs has brought ours");
    let taken = page.is_offered(ANOTHER, 11);
    assert!(matches!(taken[..], [Command::SetRemote { kind: Kind::Offer, .. }]));
    page.remote();
    assert_eq!(carriers(&page.local(Kind::Answer)), [Carrier::Via(member(ANOTHER))]);
    // It did not help.
    let ours = (4_001..60_000).find(|now| !page.at(*now).is_empty()).expect("it is tried again");
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Via(member(HELPER))]);
    page.at(ours + 7_999);
    assert!(page.is_offered(ANOTHER, 12).is_empty(), "it stands from now on");
}

/// A failed link with two helpers, whose restart is offered by the broker.
fn offered_by_the_broker() -> Page {
    let mut page = Page::meets(true);
    page.connects();
    page.is_helped_by(HELPER);
    page.is_helped_by(ANOTHER);
    page.connection(ConnectionState::Failed);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Broker]);
    page
}

#[test]
fn what_the_broker_does_not_deliver_goes_by_way_of_a_helper_and_by_the_broker_again_in_turn() {
    let mut page = offered_by_the_broker();
    let [first, second] = [HELPER, ANOTHER].map(|helper| Carrier::Via(member(helper)));
    let turns = [first, Carrier::Broker, second, Carrier::Broker, first, Carrier::Broker];
    for (at, carrier) in [8_000, 24_000, 56_000, 88_000, 120_000, 152_000].into_iter().zip(turns) {
        page.at(at);
        assert_eq!(carriers(&page.local(Kind::Offer)), [carrier], "after {at} ms");
    }
}

#[test]
fn what_the_broker_does_not_deliver_goes_by_it_again_where_nobody_else_reaches_the_member() {
    let mut page = Page::meets(true);
    page.connects();
    page.connection(ConnectionState::Failed);
    page.local(Kind::Offer);
    for at in [8_000, 24_000, 56_000] {
        page.at(at);
        assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Broker], "after {at} ms");
    }
}

#[test]
fn what_the_broker_refuses_goes_by_way_of_a_helper() {
    let mut page = offered_by_the_broker();
    page.hears(Input::Refused { peer: member(POLITER), exchange: ExchangeId(2), side: Side::Offerer });
    page.at(1_000);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Via(member(HELPER))]);
}

#[test]
fn who_does_not_heed_what_the_broker_was_given_is_asked_by_way_of_a_helper() {
    let mut page = Page::meets(true);
    page.connects();
    page.has_a_helper();
    page.connection(ConnectionState::Disconnected);
    let helper = Carrier::Via(member(HELPER));
    assert_eq!(
        [2_000, 6_000, 16_000].map(|at| carriers(&page.at(at))),
        [Carrier::Broker, helper, Carrier::Broker].map(|it| vec![it])
    );
}

#[test]
fn once_a_link_works_again_the_broker_comes_first_again() {
    let mut page = offered_by_the_broker();
    page.at(8_000);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Via(member(HELPER))]);
    page.told(3, Side::Answerer, 0, Signal::Answer(description("theirs")));
    page.remote();
    page.connection(ConnectionState::Connected);
    page.connection(ConnectionState::Failed);
    assert_eq!(carriers(&page.local(Kind::Offer)), [Carrier::Broker]);
}

#[test]
fn an_impolite_end_gives_way_to_what_comes_by_way_of_a_helper_when_the_broker_seems_not_to_have_delivered_its_own() {
    let mut page = offered_by_the_broker();
    page.at(3_999);
    assert!(page.is_offered(HELPER, 9).is_empty(), "the answer may be on its way");
    page.at(4_000);
    let theirs = Signal::Offer(description("theirs"));
    assert!(page.told(10, Side::Offerer, 0, theirs).is_empty(), "the broker delivers theirs");
    let taken = page.is_offered(HELPER, 11);
    assert!(matches!(taken[..], [Command::SetRemote { kind: Kind::Offer, .. }]));
}
