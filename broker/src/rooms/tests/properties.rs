//! What holds whatever anybody does, in any order.

use super::keeping::Shelf;
use super::*;
use klatch_shared::limits::{EXCHANGE_LIFE, MAX_CANDIDATES};
use klatch_shared::wire::Side;
use proptest::prelude::*;
use std::collections::BTreeMap;

const MOST: usize = 3;
const ROOMS: u8 = 3;

/// One thing that somebody does. Connections are numbered; which room one leads to follows from its number.
#[derive(Clone, Debug)]
enum Deed {
    Create(u8),
    Invited(u8),
    Returning(u8),
    Guessing(u8),
    Leave,
    Forget,
    Card,
    Lock(bool),
    End,
    Offer(u8, u32),
    Answer(u8, u32),
    Candidates(u8, u32, Side, u8),
    Relayed,
    Lost,
    Wait(u64),
    Restart,
}

fn deeds() -> impl Strategy<Value = Vec<(u64, Deed)>> {
    let someone = || 1..=5_u8;
    let side = prop_oneof![Just(Side::Offerer), Just(Side::Answerer)];
    let deed = prop_oneof![
        3 => someone().prop_map(Deed::Create),
        6 => someone().prop_map(Deed::Invited),
        4 => someone().prop_map(Deed::Returning),
        1 => someone().prop_map(Deed::Guessing),
        1 => Just(Deed::Leave),
        1 => Just(Deed::Forget),
        1 => Just(Deed::Card),
        1 => any::<bool>().prop_map(Deed::Lock),
        1 => Just(Deed::End),
        6 => (someone(), 0..4_u32).prop_map(|(to, id)| Deed::Offer(to, id)),
        4 => (someone(), 0..4_u32).prop_map(|(to, id)| Deed::Answer(to, id)),
        4 => (someone(), 0..4_u32, side, 1..70_u8).prop_map(|(to, id, side, count)| Deed::Candidates(to, id, side, count)),
        3 => Just(Deed::Relayed),
        3 => Just(Deed::Lost),
        2 => prop_oneof![0..50_u64, 900..1100_u64, 59_000..61_000_u64].prop_map(Deed::Wait),
        1 => Just(Deed::Restart),
    ];
    prop::collection::vec((0..12_u64, deed), 1..120)
}

/// What an onlooker who sees only what is delivered knows.
#[derive(Default)]
struct Onlooker {
    creators: BTreeMap<RoomId, MemberId>,
    /// By room, offerer and answerer.
    exchanges: BTreeMap<(RoomId, MemberId, MemberId), Seen>,
}

/// What was seen of an exchange.
struct Seen {
    id: ExchangeId,
    began: u64,
    answers: u32,
    from_offerer: u32,
    from_answerer: u32,
}

impl Onlooker {
    /// Checks a delivery to the member who is present on a connection.
    fn see(&mut self, room: RoomId, to: MemberId, event: &Event, now: u64) {
        let fresh = |began: u64| now - began < u64::try_from(EXCHANGE_LIFE.as_millis()).expect("a minute");
        match event {
            Event::Offer { from, exchange, .. } => {
                let seen = Seen { id: *exchange, began: now, answers: 0, from_offerer: 0, from_answerer: 0 };
                self.exchanges.insert((room, *from, to), seen);
            }
            Event::Answer { from, exchange, .. } => {
                let seen = self.exchanges.get_mut(&(room, to, *from)).expect("only what was offered is answered");
                seen.answers += 1;
                assert!(seen.id == *exchange && fresh(seen.began) && seen.answers == 1);
            }
            Event::Candidate { from, exchange, side, .. } => {
                let ends = match side {
                    Side::Offerer => (room, *from, to),
                    Side::Answerer => (room, to, *from),
                };
                let seen = self.exchanges.get_mut(&ends).expect("candidates belong to an exchange");
                let count = match side {
                    Side::Offerer => &mut seen.from_offerer,
                    Side::Answerer => &mut seen.from_answerer,
                };
                *count += 1;
                assert!(*count <= MAX_CANDIDATES && seen.id == *exchange && fresh(seen.began));
            }
            Event::Away { member } | Event::Left { member } | Event::Forgotten { member } => {
                self.exchanges.retain(|(at, one, other), _| *at != room || (one != member && other != member));
            }
            Event::Back(view) => {
                self.exchanges
                    .retain(|(at, one, other), _| *at != room || (*one != view.member && *other != view.member));
            }
            Event::Joined(_) | Event::Card { .. } | Event::Locked { .. } | Event::Ended => {}
            Event::Hello(_) => panic!("rooms say nothing of sockets"),
        }
    }
}

struct Stage {
    world: World,
    onlooker: Onlooker,
    /// How many have been thought of.
    holders: u32,
    shelf: Shelf,
}

impl Stage {
    fn act(&mut self, connection: u64, deed: Deed) {
        let World { rooms, now } = &mut self.world;
        let number = 1 + u8::try_from(connection).expect("small") % ROOMS;
        let who = Who { address: address(u8::try_from(connection).expect("small") % 4), ..who(connection, number) };
        let candidate = |to, id, side| {
            let (to, exchange, body) = (member(to), ExchangeId(id), sealed("body"));
            Ask::Candidate(Candidate { to, exchange, side, sequence: 1, body })
        };
        let asks = match deed {
            Deed::Create(number) => vec![create(number)],
            Deed::Invited(number) => vec![join(number, invitation(number), 0)],
            Deed::Returning(number) => vec![join(number, Admission::Seat { token: seat_token(number) }, 1)],
            Deed::Guessing(number) => vec![join(number, Admission::Seat { token: seat_token(99) }, 1)],
            Deed::Leave => vec![Ask::Leave],
            Deed::Forget => vec![Ask::Forget],
            Deed::Card => vec![Ask::Card(NewCard { card: card(9) })],
            Deed::Lock(locked) => vec![Ask::Lock(Lock { locked })],
            Deed::End => vec![Ask::End],
            Deed::Offer(to, id) => vec![offer(to, id)],
            Deed::Answer(to, id) => vec![answer(to, id)],
            Deed::Candidates(to, id, side, count) => (0..count).map(|_| candidate(to, id, side)).collect(),
            Deed::Relayed => {
                self.holders += 1;
                let seated = rooms.seat_of(who).is_some();
                let first = rooms.holder(who, holder(self.holders));
                assert_eq!(first.is_ok(), seated, "credentials are for who has a seat");
                assert_eq!(rooms.holder(who, holder(0)), first, "and the same while it is there");
                return;
            }
            Deed::Lost => {
                let before = present(rooms, who.room);
                let effects = rooms.lost(who, *now);
                assert!(rooms.seat_of(who).is_none());
                return self.deliver(who, &before, effects);
            }
            Deed::Wait(time) => {
                *now += time;
                rooms.expire(*now);
                return;
            }
            Deed::Restart => {
                let expected = self.shelf.clone().restarted(*now);
                self.world = World { rooms: World::new().rooms, now: *now };
                self.shelf.restore(&mut self.world.rooms, self.world.now);
                self.onlooker.exchanges.clear();
                assert_eq!(Shelf::of(&self.world.rooms), expected);
                return;
            }
        };
        for ask in asks {
            let World { rooms, now } = &mut self.world;
            let before = present(rooms, who.room);
            let Outcome { reply, effects } = rooms.ask(who, ask, *now);
            match &reply {
                Ok(Granted::Seat(admitted)) => {
                    let creator = self.onlooker.creators.entry(who.room).or_insert(admitted.creator);
                    assert_eq!(*creator, admitted.creator, "a room has one creator for as long as it lives");
                    assert!(rooms.seat_of(who).is_some());
                }
                Ok(Granted::Done) => {}
                Err(_) => assert_eq!(effects, [], "who is refused changes nothing"),
            }
            self.deliver(who, &before, effects);
        }
    }

    /// Events go to members who were present in the same room, and never to whoever caused them.
    fn deliver(&mut self, who: Who, before: &BTreeMap<ConnectionId, MemberId>, effects: Vec<Effect>) {
        for effect in effects {
            let (to, event) = match effect {
                Effect::Tell { to, event } => (vec![to], event),
                Effect::TellAll { to, event } => (to, event),
                Effect::Close { connection, .. } => {
                    assert!(before.contains_key(&connection));
                    continue;
                }
            };
            for to in to {
                assert!(to != who.connection || matches!(event, Event::Forgotten { .. }), "{event:?}");
                let member = before.get(&to).expect("only who is present is told");
                self.onlooker.see(who.room, *member, &event, self.world.now);
            }
        }
    }

    fn check(&mut self) {
        self.shelf.apply(self.world.rooms.take_changes());
        assert_eq!(self.shelf, Shelf::of(&self.world.rooms), "what is kept is what there is");
        let World { rooms, now } = &self.world;
        let mut opened = BTreeMap::<Address, u32>::new();
        let mut deaths = BTreeSet::new();
        let mut connections = Vec::new();
        let mut holders = BTreeMap::new();
        for (id, room) in &rooms.rooms {
            room.check(MOST);
            if let Some(address) = room.opened_from {
                *opened.entry(address).or_default() += 1;
            }
            deaths.extend(room.dies_at.map(|at| (at, *id)));
            connections.extend(room.connections());
            holders.extend(room.holders().map(|holder| (holder.as_str(), *id)));
        }
        assert_eq!(rooms.deaths, deaths);
        assert!(rooms.deaths.iter().all(|(at, _)| at > now), "no room outlives its time");
        assert_eq!(rooms.openers.iter().map(|(address, count)| (*address, *count)).collect::<BTreeMap<_, _>>(), opened);
        assert!(opened.values().all(|count| *count <= 3) && rooms.rooms.len() <= 5);
        let known: BTreeMap<_, _> = rooms.holders.iter().map(|(holder, room)| (holder.as_str(), *room)).collect();
        assert_eq!(known, holders, "who relays has a seat, and who has none relays no more");
        let count = connections.len();
        assert_eq!(connections.into_iter().collect::<BTreeSet<_>>().len(), count, "a connection has one seat");
        self.onlooker.creators.retain(|room, _| rooms.rooms.contains_key(room));
        self.onlooker.exchanges.retain(|(room, ..), _| rooms.rooms.contains_key(room));
    }
}

fn present(rooms: &Rooms, id: RoomId) -> BTreeMap<ConnectionId, MemberId> {
    let Some(room) = rooms.rooms.get(&id) else { return BTreeMap::new() };
    room.connections().filter_map(|connection| Some((connection, room.seated(connection)?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn whatever_anybody_does_rooms_stay_sound(deeds in deeds()) {
        let world = World::new();
        assert_eq!(world.rooms.policy.max_members, MOST);
        let mut stage = Stage { world, onlooker: Onlooker::default(), holders: 0, shelf: Shelf::default() };
        for (connection, deed) in deeds {
            stage.act(connection, deed);
            stage.check();
        }
        // When all have gone, so does everything.
        for connection in 0..12 {
            stage.act(connection, Deed::Lost);
        }
        stage.act(0, Deed::Wait(TTL));
        assert!(stage.world.rooms.rooms.is_empty() && stage.world.rooms.openers.is_empty());
        stage.act(0, Deed::Wait(300_000));
        assert_eq!(stage.world.rooms.next_deadline(), None);
    }
}
