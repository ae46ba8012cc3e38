//! What is kept of rooms, and what they are like after a restart.

use super::*;
use std::collections::BTreeMap;

/// The records, as somebody has them who does what rooms say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shelf {
    rooms: BTreeMap<RoomId, KeptRoom>,
    seats: BTreeMap<(RoomId, MemberId), KeptSeat>,
}

impl Shelf {
    pub(super) fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::KeepRoom(id, room) => _ = self.rooms.insert(id, room),
                Change::KeepSeat(id, seat) => _ = self.seats.insert((id, seat.member), seat),
                Change::DiscardSeat(id, member) => _ = self.seats.remove(&(id, member)).expect("it was kept"),
                Change::DiscardRoom(id) => {
                    self.rooms.remove(&id).expect("it was kept");
                    self.seats.retain(|(room, _), _| *room != id);
                }
            }
        }
    }

    /// All that is to be kept of some rooms.
    pub(super) fn of(rooms: &Rooms) -> Self {
        let mut shelf = Self::default();
        for (id, room) in &rooms.rooms {
            shelf.rooms.insert(*id, room.kept());
            shelf.seats.extend(room.seats.iter().map(|seat| ((*id, seat.member), seat.kept())));
        }
        shelf
    }

    /// Puts all of it into new rooms.
    pub(super) fn restore(&self, rooms: &mut Rooms, now: u64) {
        for (id, room) in &self.rooms {
            let seats = self.seats.iter().filter(|((at, _), _)| at == id).map(|(_, seat)| seat.clone());
            rooms.restore(*id, room.clone(), seats.collect(), now);
        }
        rooms.expire(now);
    }

    /// What it is to be after a restart.
    pub(super) fn restarted(mut self, now: u64) -> Self {
        for room in self.rooms.values_mut() {
            room.dies_at = room.dies_at.or(Some(now + TTL));
        }
        self.rooms.retain(|_, room| room.dies_at.is_some_and(|at| at > now));
        self.seats.retain(|(id, _), _| self.rooms.contains_key(id));
        for seat in self.seats.values_mut().filter(|seat| seat.whereabouts == Whereabouts::Present) {
            seat.whereabouts = Whereabouts::Away(now);
        }
        self
    }
}

impl World {
    /// The same after a restart, at the same time.
    fn restarted(&self) -> Self {
        let mut world = Self { now: self.now, ..Self::new() };
        Shelf::of(&self.rooms).restore(&mut world.rooms, world.now);
        world
    }

    fn changes(&mut self) -> Vec<Change> {
        self.rooms.take_changes()
    }
}

fn kept_room(change: &Change) -> &KeptRoom {
    let Change::KeepRoom(_, room) = change else { panic!("no room: {change:?}") };
    room
}

fn kept_seat(change: &Change) -> &KeptSeat {
    let Change::KeepSeat(_, seat) = change else { panic!("no seat: {change:?}") };
    seat
}

#[test]
fn a_new_room_is_kept_with_its_seat_and_a_new_seat_with_the_place_of_the_next() {
    let mut world = World::with_members(1);
    let changes = world.changes();
    assert_eq!(changes.len(), 2);
    assert_eq!((kept_room(&changes[0]).next_ordinal, kept_room(&changes[0]).dies_at), (1, None));
    let expected = KeptSeat {
        member: member(1),
        latch: hash(1).latch(),
        ordinal: 0,
        session: session(0),
        card: card(1),
        whereabouts: Whereabouts::Present,
    };
    assert_eq!(*kept_seat(&changes[1]), expected);
    world.join(2, 2).expect("a seat");
    let changes = world.changes();
    assert_eq!((kept_room(&changes[0]).next_ordinal, kept_seat(&changes[1]).ordinal, changes.len()), (2, 1, 2));
}

#[test]
fn what_changes_one_seat_is_one_record() {
    let mut world = World::with_members(3);
    world.changes();
    world.done(2, Ask::Card(NewCard { card: card(9) })).expect("changed");
    let changes = world.changes();
    assert_eq!((kept_seat(&changes[0]).card.clone(), changes.len()), (card(9), 1));
    world.now = 7;
    world.lose(2);
    let changes = world.changes();
    assert_eq!((kept_seat(&changes[0]).whereabouts, changes.len()), (Whereabouts::Away(7), 1));
    world.come_back(5, 2, 1).expect("back");
    let changes = world.changes();
    assert_eq!((kept_seat(&changes[0]).whereabouts, changes.len()), (Whereabouts::Present, 1));
    world.done(5, Ask::Forget).expect("released");
    assert_eq!(world.changes(), [Change::DiscardSeat(room(1), member(2))]);
}

#[test]
fn who_is_refused_or_signals_or_asks_for_what_is_so_already_changes_nothing_kept() {
    let mut world = World::with_members(2);
    world.changes();
    world.done(1, offer(2, 1)).expect("passed on");
    world.done(2, answer(1, 1)).expect("passed on");
    world.lock(1, false).expect("harmless");
    world.join(2, 2).expect("harmless");
    world.join(9, 2).expect("from a newer socket");
    world.lock(9, true).expect_err("not the creator");
    assert_eq!(world.changes(), []);
}

#[test]
fn a_room_that_empties_is_kept_with_its_end_and_discarded_at_it() {
    let mut world = World::with_members(1);
    world.changes();
    world.now = 5;
    world.done(1, Ask::Leave).expect("left");
    let changes = world.changes();
    assert_eq!(kept_room(&changes[0]).dies_at, Some(5 + TTL));
    assert_eq!(kept_seat(&changes[1]).whereabouts, Whereabouts::Left(5));
    world.rooms.expire(5 + TTL);
    assert_eq!(world.changes(), [Change::DiscardRoom(room(1))]);
}

#[test]
fn a_seat_that_gives_way_to_another_is_discarded() {
    let mut world = World::with(2, &Limits::default());
    world.create(1, 1).expect("a room");
    for number in 2..=u8::try_from(MAX_SEATS).expect("64") {
        world.join(number.into(), number).expect("a seat");
        world.lose(number.into());
    }
    world.lose(1);
    world.changes();
    world.join(100, 100).expect("a seat");
    assert!(world.changes().contains(&Change::DiscardSeat(room(1), member(64))));
}

#[test]
fn after_a_restart_everybody_comes_back_to_the_same_room() {
    let mut world = World::with_members(3);
    world.lock(1, true).expect("locked");
    world.done(3, Ask::Leave).expect("left");
    world.done(2, Ask::Card(NewCard { card: card(2) })).expect("changed");
    let mut world = world.restarted();
    assert_eq!(world.join(4, 4), Err(RefusalCode::RoomLocked));
    let (admitted, effects) = world.come_back(11, 1, 0).expect("has a seat");
    assert_eq!((admitted.ordinal, admitted.creator, admitted.locked), (0, member(1), true));
    assert_eq!(admitted.members, [view(2, 1, Presence::Away, 0), view(3, 2, Presence::Left, 0)]);
    assert_eq!(effects, [], "nobody is there yet");
    let (_, effects) = world.come_back(12, 2, 0).expect("has a seat");
    assert_eq!(effects, [tell_all(&[11], Event::Back(view(2, 1, Presence::Present, 0)))]);
    world.lock(11, false).expect("is the creator still");
    assert_eq!(world.join(4, 4).expect("the same invitation").0.ordinal, 3);
}

#[test]
fn what_was_given_up_does_not_come_back() {
    let mut world = World::with_members(3);
    world.done(2, Ask::Forget).expect("released");
    let mut world = world.restarted();
    assert_eq!(world.come_back(2, 2, 0), Err(RefusalCode::UnknownSeat));
    world.come_back(1, 1, 0).expect("has a seat");
    world.done(1, Ask::End).expect("ended");
    assert!(world.restarted().rooms.rooms.is_empty());
}

#[test]
fn an_empty_room_dies_when_it_was_to_and_one_that_was_not_a_whole_time_after_the_restart() {
    let mut world = World::with_members(1);
    world.now = 10;
    world.lose(1);
    world.now = 500;
    let mut world = world.restarted();
    assert_eq!(world.rooms.next_death(), Some(10 + TTL));
    world.come_back(1, 1, 0).expect("in time");
    world.now = 600;
    let mut world = world.restarted();
    assert_eq!(world.rooms.next_death(), Some(600 + TTL));
    world.now = 600 + TTL;
    world.rooms.expire(world.now);
    assert_eq!(world.rooms.count(), 0);
}

#[test]
fn restarts_one_after_another_lengthen_no_rooms_life() {
    let mut shelf = Shelf::default();
    shelf.apply(World::with_members(2).changes());
    for now in [100, 200, 300] {
        let mut world = World::new();
        shelf.restore(&mut world.rooms, now);
        assert_eq!(world.rooms.next_death(), Some(100 + TTL));
        shelf.apply(world.changes());
    }
}

#[test]
fn a_room_lives_no_longer_than_rooms_do_now_whatever_was_kept() {
    let mut shelf = Shelf::of(&World::with_members(1).rooms);
    shelf.rooms.values_mut().for_each(|room| room.dies_at = Some(u64::MAX));
    let mut world = World::new();
    shelf.restore(&mut world.rooms, 50);
    assert_eq!(world.rooms.next_death(), Some(50 + TTL));
}

#[test]
fn with_what_is_kept_nobody_comes_in() {
    let mut world = World::with_members(2);
    let stolen = Shelf::of(&world.rooms);
    world.lose(2);
    // What stands there of a seat, taken for what it could be.
    let latch = |number| serde_json::to_string(&stolen.seats[&(room(1), member(number))].latch).expect("plain");
    let as_hash = |number| serde_json::from_str::<TokenHash>(&latch(number)).expect("of the same shape");
    let as_token = |number| serde_json::from_str::<SeatToken>(&latch(number)).expect("of the same shape");
    for mut world in [world.restarted(), world] {
        let invited = Admission::Invite { token: invite_token(), seat: as_hash(2) };
        assert_eq!(world.ask(9, join(2, invited, 0)).reply, Err(RefusalCode::MemberTaken));
        let seated = Admission::Seat { token: as_token(2) };
        assert_eq!(world.ask(9, join(2, seated, 0)).reply, Err(RefusalCode::UnknownSeat));
        let created = Create { seat: as_hash(1), ..create_request(1) };
        assert_eq!(
            world.ask(9, Ask::Create(Proven::granted(created), Right::Everybodys)).reply,
            Err(RefusalCode::RoomExists)
        );
    }
}

#[test]
fn a_lost_reply_is_asked_for_again_after_a_restart_too() {
    let mut world = World::with_members(2).restarted();
    assert_eq!(world.create(1, 1).expect("the same again").0.ordinal, 0);
    assert_eq!(world.join(2, 2).expect("the same again").0.ordinal, 1);
}

#[test]
fn rooms_of_before_count_towards_all_rooms_and_to_no_address() {
    let mut world = World::new();
    for number in 1..=3 {
        world.rooms.ask(who(number.into(), number), create(number), 0).reply.expect("a room");
    }
    let mut world = world.restarted();
    world.rooms.ask(who(4, 4), create(4), 0).reply.expect("the address begins anew");
    world.rooms.ask(who(5, 5), create(5), 0).reply.expect("there is room for one more");
    assert_eq!(world.rooms.ask(who(6, 6), create(6), 0).reply, Err(RefusalCode::BrokerFull));
}

#[test]
fn records_that_contradict_each_other_make_a_sound_room() {
    let mut shelf = Shelf::of(&World::with_members(3).rooms);
    shelf.rooms.values_mut().for_each(|room| room.next_ordinal = 0);
    shelf.seats.values_mut().for_each(|seat| seat.ordinal = seat.ordinal.min(1));
    let mut world = World::new();
    shelf.restore(&mut world.rooms, 0);
    world.rooms.rooms[&room(1)].check(3);
    world.come_back(1, 1, 0).expect("has a seat");
    assert_eq!(world.join(4, 4).expect("a seat").0.ordinal, 2);
}
