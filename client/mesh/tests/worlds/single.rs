//! One end by hand: what the mesh orders, fact by fact, as a driver sees it.

use klatch_mesh::{Carrier, Command, ConnectionState, Health, Input, Kind, LinkId, Mesh, Signal};
use klatch_shared::peer::{Description, IceCandidate};
use klatch_shared::wire::Side;
use klatch_shared::{ExchangeId, MemberId, SessionNonce};

pub const US: u8 = 5;
pub const POLITER: u8 = 3;

pub fn member(n: u8) -> MemberId {
    MemberId::from_random_bytes([n; 16])
}

pub fn session(n: u8) -> SessionNonce {
    SessionNonce::from_bytes([n; 16])
}

pub fn description(connection: &str) -> Description {
    Description { sdp: format!("a=fingerprint:{connection}\r\n"), sources: vec![] }
}

pub fn candidate(text: &str) -> IceCandidate {
    IceCandidate { candidate: text.into(), mid: None, line: None, ufrag: None }
}

/// A page with one other member, politer than we are.
pub struct Page {
    pub mesh: Mesh,
    pub now: u64,
}

impl Page {
    pub fn meets(we_offer: bool) -> Self {
        Self::meets_as(US, we_offer)
    }

    /// The same as somebody else, who may be politer than they are.
    pub fn meets_as(us: u8, we_offer: bool) -> Self {
        let mut page = Self { mesh: Mesh::new(member(us), session(us)), now: 0 };
        let commands = page.hears(Input::Present { peer: member(POLITER), session: session(1), we_offer });
        let show = Command::Show { peer: member(POLITER), health: Health::Connecting };
        assert_eq!(commands, [Command::Open { link: page.link(), offers: we_offer }, show]);
        page
    }

    pub fn link(&self) -> LinkId {
        self.mesh.link(member(POLITER)).expect("there is a link")
    }

    pub fn health(&self) -> Health {
        self.mesh.health(member(POLITER)).expect("there is a link")
    }

    pub fn hears(&mut self, input: Input) -> Vec<Command> {
        self.mesh.handle(self.now, input)
    }

    pub fn at(&mut self, now: u64) -> Vec<Command> {
        self.now = now;
        self.hears(Input::Tick)
    }

    pub fn local(&mut self, kind: Kind) -> Vec<Command> {
        self.hears(Input::LocalSet { link: self.link(), kind, description: description("ours") })
    }

    pub fn remote(&mut self) -> Vec<Command> {
        self.hears(Input::RemoteSet { link: self.link() })
    }

    pub fn connection(&mut self, state: ConnectionState) -> Vec<Command> {
        self.hears(Input::Connection { link: self.link(), state })
    }

    pub fn told(&mut self, exchange: u32, side: Side, sequence: u32, signal: Signal) -> Vec<Command> {
        let (peer, carrier) = (member(POLITER), Carrier::Broker);
        self.hears(Input::Signal { peer, carrier, exchange: ExchangeId(exchange), side, sequence, signal })
    }

    /// The other end's page is loaded again, as this session.
    pub fn reloads(&mut self, number: u8) -> Vec<Command> {
        self.hears(Input::Present { peer: member(POLITER), session: session(number), we_offer: false })
    }

    /// Our offer was made and sent.
    pub fn offers(&mut self) -> Vec<Command> {
        let link = self.link();
        let wanted = self.hears(Input::NegotiationNeeded { link });
        assert_eq!(wanted, [Command::SetLocal { link, restart: false }]);
        self.local(Kind::Offer)
    }

    /// And answered: the link is connected.
    pub fn connects(&mut self) {
        let (exchange, ..) = sent(&self.offers())[0];
        self.told(exchange, Side::Answerer, 0, Signal::Answer(description("theirs")));
        self.remote();
        self.connection(ConnectionState::Connected);
        assert_eq!((self.health(), self.mesh.deadline()), (Health::Connected, None));
    }
}

/// What is sent, by exchange, side, sequence.
fn sent(commands: &[Command]) -> Vec<(u32, Side, u32)> {
    let place = |command: &Command| {
        let Command::Send { exchange, side, sequence, .. } = command else {
            return None;
        };
        Some((exchange.0, *side, *sequence))
    };
    commands.iter().filter_map(place).collect()
}

#[test]
fn an_offer_nobody_answers_is_made_again_after_eight_seconds_and_then_after_sixteen() {
    let mut page = Page::meets(true);
    let link = page.link();
    assert_eq!(sent(&page.offers()), [(1, Side::Offerer, 0)]);
    assert!(page.at(7_999).is_empty());
    assert_eq!(page.at(8_000), [Command::SetLocal { link, restart: false }]);
    assert_eq!(sent(&page.local(Kind::Offer)), [(2, Side::Offerer, 0)]);
    assert!(page.at(23_999).is_empty());
    assert_eq!(page.at(24_000), [Command::SetLocal { link, restart: false }]);
}

#[test]
fn an_offer_that_was_refused_waits_for_the_member_to_be_back() {
    let mut page = Page::meets(true);
    let link = page.link();
    page.offers();
    page.hears(Input::Refused { peer: member(POLITER), exchange: ExchangeId(1), side: Side::Offerer });
    assert_eq!(page.mesh.deadline(), Some(1_000));
    let back = Input::Present { peer: member(POLITER), session: session(1), we_offer: false };
    assert_eq!(page.hears(back), [Command::SetLocal { link, restart: false }]);
}

#[test]
fn who_yields_at_first_does_so_with_a_fresh_connection_and_notices_an_answer_to_what_was_taken_back() {
    let mut page = Page::meets_as(POLITER - 1, true);
    let first = page.link();
    assert_eq!(sent(&page.offers()), [(1, Side::Offerer, 0)]);
    let yielding = page.told(1, Side::Offerer, 0, Signal::Offer(description("theirs")));
    let link = page.link();
    let [close, open, set] = &yielding[..] else { panic!("{yielding:?}") };
    assert_eq!([close, open], [&Command::Close { link: first }, &Command::Open { link, offers: false }]);
    assert!(matches!(set, Command::SetRemote { link: of, kind: Kind::Offer, .. } if *of == link));
    assert_eq!(page.remote(), [Command::SetLocal { link, restart: false }]);
    assert_eq!(sent(&page.local(Kind::Answer)), [(1, Side::Answerer, 0)]);
    let stray = page.told(1, Side::Answerer, 0, Signal::Answer(description("theirs")));
    assert_eq!(stray, [Command::SetLocal { link, restart: false }]);
}

#[test]
fn what_was_gathered_early_is_sent_behind_the_answer_and_theirs_wait_for_their_offer_to_be_set() {
    let mut page = Page::meets(false);
    let link = page.link();
    let theirs = Signal::Candidate(candidate("theirs"));
    assert!(page.told(1, Side::Offerer, 1, theirs).is_empty());
    let offer = page.told(1, Side::Offerer, 0, Signal::Offer(description("theirs")));
    assert!(matches!(offer[..], [Command::SetRemote { kind: Kind::Offer, .. }]));
    assert!(page.hears(Input::LocalCandidate { link, candidate: candidate("ours") }).is_empty());
    let add = Command::AddCandidate { link, candidate: candidate("theirs") };
    assert_eq!(page.remote(), [Command::SetLocal { link, restart: false }, add]);
    assert_eq!(sent(&page.local(Kind::Answer)), [(1, Side::Answerer, 0), (1, Side::Answerer, 1)]);
}

#[test]
fn an_end_that_waits_in_vain_for_the_first_offer_begins_afresh_and_offers() {
    let mut page = Page::meets(false);
    let first = page.link();
    assert!(page.hears(Input::NegotiationNeeded { link: first }).is_empty());
    let commands = page.at(5_000);
    assert_eq!(commands, [Command::Close { link: first }, Command::Open { link: page.link(), offers: true }]);
    assert!(page.link().generation > first.generation);
    assert_eq!(sent(&page.offers()), [(1, Side::Offerer, 0)]);
}

#[test]
fn a_hole_that_stays_brings_a_fresh_exchange_unless_the_link_is_well() {
    let lose_one = |page: &mut Page| page.told(1, Side::Answerer, 2, Signal::Candidate(candidate("second")));
    let mut page = Page::meets(true);
    page.connects();
    lose_one(&mut page);
    assert!(page.at(60_000).is_empty());

    let mut page = Page::meets(true);
    let link = page.link();
    page.offers();
    page.told(1, Side::Answerer, 0, Signal::Answer(description("theirs")));
    page.remote();
    lose_one(&mut page);
    assert!(page.at(9_999).is_empty());
    assert_eq!(page.at(10_000), [Command::SetLocal { link, restart: false }]);
}

#[test]
fn a_reloaded_page_gets_a_fresh_connection_and_facts_about_the_old_one_change_nothing() {
    let mut page = Page::meets(true);
    let old = page.link();
    page.connects();
    let reloaded = Input::Present { peer: member(POLITER), session: session(2), we_offer: false };
    let commands = page.hears(reloaded);
    assert_eq!(commands[..2], [Command::Close { link: old }, Command::Open { link: page.link(), offers: false }]);
    for stale in [
        Input::NegotiationNeeded { link: old },
        Input::StepFailed { link: old },
        Input::LocalCandidate { link: old, candidate: candidate("stale") },
        Input::Connection { link: old, state: ConnectionState::Failed },
    ] {
        assert!(page.hears(stale).is_empty());
    }
    assert_eq!(page.health(), Health::Connecting);
    page.hears(Input::Gone { peer: member(POLITER) });
    assert_eq!((page.mesh.link(member(POLITER)), page.mesh.deadline()), (None, None));
}

#[test]
fn of_a_path_that_may_come_back_the_other_end_is_asked_to_restart_once_a_rung() {
    let mut page = Page::meets(true);
    page.connects();
    page.now = 10_000;
    page.connection(ConnectionState::Disconnected);
    assert!(page.at(11_999).is_empty());
    assert!(matches!(page.at(12_000)[..], [Command::Send { signal: Signal::Ask, .. }]));
    assert!(page.at(15_999).is_empty());
    assert_eq!(sent(&page.at(16_000)), [(3, Side::Offerer, 0)]);
    // It offers: that is taken, over whatever there is.
    let offer = page.told(7, Side::Offerer, 0, Signal::Offer(description("theirs")));
    assert!(matches!(offer[..], [Command::SetRemote { kind: Kind::Offer, .. }]));
    page.remote();
    page.local(Kind::Answer);
    page.connection(ConnectionState::Connected);
    assert_eq!((page.health(), page.mesh.deadline()), (Health::Connected, None));
}

#[test]
fn a_failed_connection_is_restarted_once_an_exchange_at_a_time() {
    let mut page = Page::meets(true);
    let link = page.link();
    page.connects();
    page.now = 10_000;
    let commands = page.connection(ConnectionState::Failed);
    let show = Command::Show { peer: member(POLITER), health: Health::Interrupted };
    assert_eq!(commands, [Command::SetLocal { link, restart: true }, show]);
    page.local(Kind::Offer);
    assert!(page.at(14_000).is_empty(), "the first restart is not answered yet");
    page.told(2, Side::Answerer, 0, Signal::Answer(description("theirs")));
    assert!(page.remote().is_empty());
    assert_eq!(page.at(24_000), [Command::SetLocal { link, restart: true }]);
    page.connection(ConnectionState::Connected);
    assert_eq!(page.health(), Health::Connected);
}

#[test]
fn who_is_asked_restarts_once_an_exchange_at_a_time() {
    let mut page = Page::meets(true);
    let link = page.link();
    page.connects();
    page.connection(ConnectionState::Disconnected);
    assert_eq!(page.told(4, Side::Offerer, 0, Signal::Ask), [Command::SetLocal { link, restart: true }]);
    assert!(page.told(4, Side::Offerer, 0, Signal::Ask).is_empty(), "the same again");
    assert!(page.told(5, Side::Offerer, 0, Signal::Ask).is_empty(), "it is at it");
    page.local(Kind::Offer);
    assert!(page.told(6, Side::Offerer, 0, Signal::Ask).is_empty(), "it has offered");
}

#[test]
fn who_is_asked_for_what_works_restarts_as_soon_as_it_does_not() {
    let mut page = Page::meets(true);
    let link = page.link();
    page.connects();
    assert!(page.told(4, Side::Offerer, 0, Signal::Ask).is_empty());
    let commands = page.connection(ConnectionState::Disconnected);
    assert!(commands.contains(&Command::SetLocal { link, restart: true }), "{commands:?}");
    assert!(sent(&commands).is_empty(), "who asked for it leaves it to us: {commands:?}");
}

#[test]
fn what_was_refused_before_holds_no_restart_up() {
    let after = |lost: ConnectionState, asked_first: bool| {
        let mut page = Page::meets(true);
        let link = page.link();
        page.connects();
        page.offers();
        page.hears(Input::Refused { peer: member(POLITER), exchange: ExchangeId(2), side: Side::Offerer });
        if asked_first {
            page.told(4, Side::Offerer, 0, Signal::Ask);
        }
        let commands = page.connection(lost);
        assert!(commands.contains(&Command::SetLocal { link, restart: true }), "{commands:?}");
    };
    after(ConnectionState::Disconnected, true);
    after(ConnectionState::Failed, false);
}

#[test]
fn who_is_asked_again_for_what_works_restarts() {
    let mut page = Page::meets(true);
    let link = page.link();
    page.connects();
    assert!(page.told(4, Side::Offerer, 0, Signal::Ask).is_empty());
    page.now = 4_000;
    assert_eq!(page.told(5, Side::Offerer, 0, Signal::Ask), [Command::SetLocal { link, restart: true }]);
}

#[test]
fn who_answers_from_another_connection_than_before_is_met_with_a_fresh_one() {
    let mut page = Page::meets(true);
    let old = page.link();
    page.connects();
    page.offers();
    page.told(2, Side::Answerer, 0, Signal::Answer(description("another of theirs")));
    assert_eq!(page.mesh.deadline(), Some(1_000));
    let commands = page.at(1_000);
    assert_eq!(commands[..2], [Command::Close { link: old }, Command::Open { link: page.link(), offers: true }]);
    assert_eq!(page.health(), Health::Interrupted);
}

#[test]
fn nothing_is_sent_while_nobody_can_be_reached_and_all_that_is_needed_afterwards() {
    let mut page = Page::meets(true);
    let link = page.link();
    page.offers();
    assert!(page.hears(Input::BrokerLost).is_empty());
    assert!(page.hears(Input::LocalCandidate { link, candidate: candidate("ours") }).is_empty());
    assert!(page.at(29_000).is_empty());
    assert_eq!(page.hears(Input::BrokerBack), [Command::SetLocal { link, restart: false }]);
    assert_eq!(sent(&page.local(Kind::Offer)), [(2, Side::Offerer, 0), (2, Side::Offerer, 1)]);
}

#[test]
fn no_link_is_made_with_ourselves() {
    let mut page = Page::meets(true);
    assert!(page.hears(Input::Present { peer: member(US), session: session(US), we_offer: true }).is_empty());
}
