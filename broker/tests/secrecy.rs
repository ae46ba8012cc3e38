//! What the broker receives, holds and logs in a whole session, searched for what it must not know.

mod common;

use common::program::start;
use common::usage;
use common::{Client, ROOM_NAME, Room};
use klatch_shared::seal::{Context, Kind, PairKey};
use klatch_shared::wire::{Answer, Candidate, Event, NewCard, Offer, Side, Verb};
use klatch_shared::{Card, ExchangeId, MemberKeys, Sealed};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

const ANA: &str = "Anastasia Quartermain";
const BEN: &str = "Benvolio Montague";
const RENAMED: &str = "Benvolio the Second";
const SDP: &str =
    "v=0\r\no=- 8460125417339 2 IN IP4 127.0.0.1\r\na=ice-ufrag:hXw9\r\na=fingerprint:sha-256 5C:AF:1E:77";
const CANDIDATE: &str = "candidate:842163049 1 udp 1677729535 198.51.100.77 46154 typ srflx";

/// A member with real keys.
struct Member {
    seat: common::Seat,
    keys: MemberKeys,
}

impl Member {
    fn new(room: &Room, name: &str) -> Self {
        let keys = MemberKeys::random();
        Self { seat: common::Seat::of(room, name, &keys), keys }
    }

    /// Seals for another as the page does.
    fn seal(&self, room: &Room, to: &Self, kind: Kind, sequence: u32, text: &str) -> Sealed {
        self.pair_key(room, to).seal(&self.context(room, to, kind, sequence), text.as_bytes())
    }

    fn open(&self, room: &Room, from: &Self, kind: Kind, sequence: u32, body: &Sealed) -> Vec<u8> {
        self.pair_key(room, from).open(&from.context(room, self, kind, sequence), body).expect("sealed for this member")
    }

    fn pair_key(&self, room: &Room, other: &Self) -> PairKey {
        self.keys.pair_key(&room.keys, &other.keys.dh()).expect("a good key")
    }

    fn context(&self, room: &Room, to: &Self, kind: Kind, sequence: u32) -> Context {
        let end = |member: &Self| (member.seat.member, member.seat.session);
        Context::signal(kind, room.keys.id(), end(self), end(to), ExchangeId(1), sequence)
    }
}

fn card(room: &Room, keys: &MemberKeys, name: &str, revision: u32) -> Sealed {
    Card::new(room.keys.id(), keys, name.parse().expect("a name"), revision).seal(&room.keys)
}

#[tokio::test]
async fn names_descriptions_candidates_and_keys_are_not_to_be_found_in_the_broker() {
    let (mut child, url) = start(&["--listen", "127.0.0.1:0", "--log", "trace"]).await;
    let room = Room::new();
    let (ana, ben) = (Member::new(&room, ANA), Member::new(&room, BEN));
    let url = format!("{}/ws/{}", url.replace("http", "ws"), room.keys.id());
    let mut ana_client = Client::connect(&url).await;
    ana_client.create(&room, &ana.seat).await.expect("a room");
    let mut ben_client = Client::connect(&url).await;
    ben_client.join(&room, &ben.seat).await.expect("a seat");
    let (exchange, sealed) = (ExchangeId(1), ben.seal(&room, &ana, Kind::Offer, 0, SDP));
    ben_client.done(Verb::Offer(Offer { to: ana.seat.member, exchange, body: sealed.clone() })).await.expect("passed");
    let sdp = ana.seal(&room, &ben, Kind::Answer, 0, SDP);
    ana_client.done(Verb::Answer(Answer { to: ben.seat.member, exchange, body: sdp })).await.expect("passed");
    let body = ben.seal(&room, &ana, Kind::Candidate(Side::Offerer), 1, CANDIDATE);
    let candidate = Candidate { to: ana.seat.member, exchange, side: Side::Offerer, sequence: 1, body };
    ben_client.done(Verb::Candidate(candidate)).await.expect("passed");
    let renamed = card(&room, &ben.keys, RENAMED, 2);
    ben_client.done(Verb::Card(NewCard { card: renamed })).await.expect("changed");

    // The other end can read it all: the search would find it if it were there.
    assert!(
        matches!(ana_client.event().await, Event::Joined(view) if Card::open(&room.keys, view.member, &view.card).is_ok())
    );
    let Event::Offer { body, .. } = ana_client.event().await else { panic!("no offer") };
    assert_eq!(ana.open(&room, &ben, Kind::Offer, 0, &body), SDP.as_bytes());

    let memory = usage::memory(child.id().expect("it runs")).expect("a child's memory can be read");
    let memory = String::from_utf8_lossy(&memory);
    drop((ana_client, ben_client));
    let _ = Command::new("kill").arg(child.id().expect("it runs").to_string()).status().await;
    let mut log = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut log).await.expect("a log");
    assert!(log.contains("stopping"), "the log was read");
    assert!(memory.contains(room.name.as_str()), "the memory was read");

    let key = room.keys.key().reveal();
    for (what, secret) in [
        ("the room's name", ROOM_NAME),
        ("a member's name", ANA),
        ("a member's name", BEN),
        ("a new name", RENAMED),
        ("a description", "ice-ufrag"),
        ("a description", &SDP[..40]),
        ("a candidate", CANDIDATE),
        ("an address in a candidate", "198.51.100.77"),
        ("the room's key", &key),
    ] {
        assert!(!memory.contains(secret), "{what} is in the broker's memory");
        assert!(!log.contains(secret), "{what} is in the broker's log");
    }
    for (what, token) in [("an invitation", room.invite.reveal()), ("a seat token", ana.seat.token.reveal())] {
        assert!(!log.contains(&token), "{what} is in the broker's log");
    }
}
