//! Rooms that members bring back to a broker that knows nothing of them.

use klatch_shared::limits::MAX_ORDINAL;
use klatch_shared::wire::{Account, Revive, SeatOf};

use super::*;
use proptest::prelude::*;

/// How long rooms may be revived.
const WINDOW: u64 = 500;

impl World {
    /// A broker that was restarted just now.
    pub(super) fn forgetful() -> Self {
        let limits = Limits { rooms_per_address: 3, failures_per_address: 40, ..Limits::default() };
        let policy =
            Policy { max_members: 3, max_rooms: 5, room_ttl: TTL, revival: Revival { until: WINDOW, number: 7 } };
        Self { rooms: Rooms::new(policy, &limits), now: 0 }
    }

    pub(super) fn revive(&mut self, revive: Revive) -> Result<(Admitted, Vec<Effect>), RefusalCode> {
        let connection = revive.member.as_bytes()[0].into();
        seat(self.ask(connection, Ask::Revive(Proven::granted(revive), Right::Everybodys)))
    }
}

pub(super) fn of(number: u8) -> SeatOf {
    SeatOf { member: member(number), ordinal: number.into(), latch: hash(number).latch() }
}

/// What a member remembers of a room that member 1 created, with seats of these others.
pub(super) fn remembers(number: u8, others: &[u8]) -> Revive {
    let Create { name, invite, key, proof, .. } = create_request(1);
    Revive {
        member: member(number),
        key,
        proof,
        token: seat_token(number),
        ordinal: number.into(),
        card: card(number),
        session: session(0),
        account: Account {
            creator: member(1),
            locked: false,
            name,
            invite,
            next_ordinal: 0,
            seats: others.iter().map(|number| of(*number)).collect(),
        },
        code: None,
    }
}

pub(super) fn locked(mut revive: Revive) -> Revive {
    revive.account.locked = true;
    revive
}

#[test]
fn members_bring_their_room_back_one_after_the_other() {
    let mut world = World::forgetful();
    let (admitted, effects) = world.revive(remembers(2, &[1, 3])).expect("a seat");
    assert_eq!((admitted.ordinal, admitted.creator, admitted.locked), (2, member(1), false));
    assert_eq!(admitted.revived, Some(7));
    assert_eq!((admitted.members, effects), (vec![], vec![]));
    assert_eq!(admitted.reserved, [member(1), member(3)]);
    // The creator as well, and a third who loaded the page anew and knows of nothing.
    let (admitted, effects) = world.revive(remembers(1, &[2, 3])).expect("a seat");
    assert_eq!(admitted.members, [view(2, 2, Presence::Present, 0)]);
    assert_eq!(admitted.reserved, [member(3)]);
    let back = Event::Back(view(1, 1, Presence::Present, 0));
    assert_eq!(effects, [tell_all(&[2], back)]);
    let (admitted, _) = world.come_back(3, 3, 7).expect("a seat");
    assert_eq!(admitted.revived, Some(7), "whoever comes back to it is to know");
    assert_eq!(admitted.members, [view(1, 1, Presence::Present, 0), view(2, 2, Presence::Present, 0)]);
    assert_eq!(admitted.reserved, []);
    // It is a room like any other: the link opens it, and its creator rules it.
    world.lose(3);
    let (admitted, _) = world.join(4, 4).expect("a seat");
    assert_eq!(admitted.ordinal, 4);
    world.lock(1, true).expect("the creator's to lock");
    assert_eq!(world.lock(2, false), Err(RefusalCode::NotCreator));
}

#[test]
fn a_room_that_one_remembers_as_locked_is_locked_until_the_creator_unlocks_it() {
    let mut world = World::forgetful();
    world.revive(remembers(2, &[1, 3])).expect("a seat");
    world.revive(locked(remembers(3, &[1, 2]))).expect("a seat");
    assert_eq!(world.join(4, 4), Err(RefusalCode::RoomLocked));
    world.lose(3);
    world.revive(remembers(1, &[2, 3])).expect("a seat");
    assert_eq!(world.join(4, 4), Err(RefusalCode::RoomLocked));
    world.lock(1, false).expect("the creator's to unlock");
    world.lose(2);
    world.revive(locked(remembers(3, &[1, 2]))).expect("a seat");
    world.lose(3);
    world.join(4, 4).expect("what was remembered counts no more");
}

#[test]
fn where_two_disagree_on_the_creator_or_the_link_nobody_rules_and_nobody_new_comes_in() {
    let usurps: [fn(&mut Account); 2] =
        [|account| account.creator = member(9), |account| account.invite = InviteToken::random().hash()];
    for (usurp, rules) in usurps.into_iter().zip([false, true]) {
        let mut lie = remembers(9, &[1, 2]);
        usurp(&mut lie.account);
        for liar_first in [true, false] {
            let mut world = World::forgetful();
            let mut accounts = [lie.clone(), remembers(2, &[1])];
            accounts.sort_by_key(|revive| (revive.member == member(9)) != liar_first);
            accounts.into_iter().for_each(|account| drop(world.revive(account).expect("a seat")));
            assert!(matches!(world.join(4, 4), Err(RefusalCode::RoomLocked | RefusalCode::BadInvitation)));
            assert_eq!(world.lock(9, false), Err(RefusalCode::NotCreator));
            world.revive(remembers(1, &[2])).expect("a seat");
            assert_eq!(world.lock(1, false).is_ok(), rules);
            world.lose(9);
            assert_eq!(world.join(4, 4).is_ok(), rules, "with the link that the creator made");
        }
    }
}

#[test]
fn a_seat_of_which_two_tell_differently_opens_to_nobody() {
    let mut lie = remembers(2, &[1]);
    lie.account.seats.push(SeatOf { latch: hash(2).latch(), ..of(3) });
    let mut world = World::forgetful();
    world.revive(lie).expect("a seat");
    assert_eq!(world.revive(remembers(3, &[1, 2])), Err(RefusalCode::UnknownSeat));
    let stolen = Revive { token: seat_token(2), ..remembers(3, &[1]) };
    assert_eq!(world.revive(stolen), Err(RefusalCode::UnknownSeat));
    assert_eq!(world.come_back(3, 3, 0), Err(RefusalCode::UnknownSeat));
    // Who sits already keeps the seat, whatever is said of it.
    let mut lie = remembers(1, &[]);
    lie.account.seats.push(SeatOf { latch: hash(9).latch(), ..of(2) });
    world.revive(lie).expect("a seat");
    world.come_back(2, 2, 0).expect("a seat");
}

#[test]
fn a_room_that_was_created_here_is_known_better_than_by_any_account() {
    let mut world = World::forgetful();
    world.create(1, 1).expect("a room");
    world.lock(1, true).expect("the creator's to lock");
    let mut usurps = remembers(9, &[]);
    usurps.account.creator = member(9);
    assert_eq!(world.revive(usurps), Err(RefusalCode::UnknownSeat));
    assert_eq!(world.join(4, 4), Err(RefusalCode::RoomLocked));
    world.lock(1, false).expect("the creator's to unlock, still");
}

#[test]
fn what_ended_here_is_not_revived() {
    let mut world = World::forgetful();
    world.revive(remembers(1, &[2])).expect("a seat");
    let Outcome { reply, .. } = world.ask(1, Ask::End);
    assert_eq!(reply, Ok(Granted::Done));
    assert_eq!(world.revive(remembers(2, &[1])), Err(RefusalCode::UnknownRoom));
    // A room of somebody's own is another one, as when they `create` it.
    let mut own = remembers(9, &[]);
    own.account.creator = member(9);
    world.revive(own).expect("a seat");
    assert_eq!(world.revive(remembers(2, &[1])).expect("a seat in it").0.creator, member(9));
}

#[test]
fn after_a_while_and_where_rooms_are_kept_nothing_is_revived() {
    let mut world = World::forgetful();
    world.now = WINDOW;
    assert_eq!(world.revive(remembers(1, &[])), Err(RefusalCode::UnknownRoom));
    assert_eq!(World::new().revive(remembers(1, &[])), Err(RefusalCode::UnknownRoom));
    // Of a room that is there only one's seat counts then.
    let mut world = World::forgetful();
    world.revive(remembers(1, &[2])).expect("a seat");
    world.now = WINDOW;
    world.revive(locked(remembers(2, &[1, 3]))).expect("a seat");
    assert_eq!(world.come_back(3, 3, 0), Err(RefusalCode::UnknownSeat));
    let (admitted, _) = world.join(4, 4).expect("it is not locked");
    assert_eq!(admitted.reserved, []);
}

#[test]
fn a_revived_room_counts_as_opened_and_dies_as_any_other() {
    let mut world = World::forgetful();
    for number in 1..=4 {
        let asked = Ask::Revive(Proven::granted(remembers(1, &[])), Right::Everybodys);
        let outcome = world.rooms.ask(who(number.into(), number), asked, world.now);
        assert_eq!(outcome.reply.err(), (number == 4).then_some(RefusalCode::TooManyRooms));
    }
    world.lose(1);
    world.now = TTL;
    world.rooms.expire(world.now);
    assert_eq!(world.rooms.count(), 2);
}

#[test]
fn who_tells_of_seat_after_seat_takes_no_more_than_a_newcomer_and_keeps_no_member_out() {
    let mut world = World::forgetful();
    world.revive(remembers(1, &[2])).expect("back");
    for number in 100..164 {
        world.revive(remembers(number, &[1])).expect("as many as there are seats");
        world.done(number.into(), Ask::Forget).expect("given up");
    }
    assert_eq!(world.revive(remembers(164, &[1])), Err(RefusalCode::TooFast));
    world.revive(remembers(2, &[1])).expect("a member told of them");
    // Nor are there more by whom the first one tells of.
    for number in 100..162 {
        world.revive(remembers(1, &[number])).expect("is there");
        world.revive(remembers(number, &[1])).expect("with the two before as many as there are seats");
        world.done(number.into(), Ask::Forget).expect("given up");
    }
    world.revive(remembers(1, &[200])).expect("is there");
    assert_eq!(world.revive(remembers(200, &[1])), Err(RefusalCode::TooFast));
}

#[test]
fn who_is_kept_a_seat_for_may_release_it_and_it_makes_way_for_newcomers() {
    let mut world = World::forgetful();
    world.revive(remembers(2, &[1, 3])).expect("a seat");
    let effects = world.done(9, Ask::Release(seat_token(3))).expect("it is theirs");
    assert_eq!(effects, [tell_all(&[2], Event::Forgotten { member: member(3) })]);
    assert_eq!(world.come_back(3, 3, 0), Err(RefusalCode::UnknownSeat));
    assert_eq!(world.join(1, 1), Err(RefusalCode::MemberTaken), "it is kept for somebody else's token");
    // As many seats as there may be.
    let mut full = remembers(2, &[1]);
    let seat = |n: usize| SeatOf { member: MemberId::random(), ordinal: n as u32 + 9, ..of(1) };
    full.account.seats.extend((0..MAX_SEATS - 2).map(seat));
    let mut world = World::forgetful();
    world.revive(full).expect("a seat");
    let (admitted, effects) = world.join(4, 4).expect("one gives way");
    assert_eq!((admitted.reserved.len(), effects.len()), (MAX_SEATS - 2, 2));
    assert!(admitted.reserved.contains(&member(1)), "the creator's stays");
}

/// One thing that somebody does in a room that comes back.
#[derive(Clone, Debug)]
enum Deed {
    /// Somebody remembers it: who, whom else with which place and token, the creator, whether it is locked.
    Revive(u8, Vec<(u8, u32, u8)>, u8, bool),
    ComeBack(u8),
    Join(u8),
    Lock(u8, bool),
    Forget(u8),
    Lose(u8),
    Wait(u64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let someone = || 1..=6_u8;
    let seat = (someone(), prop_oneof![0..8_u32, Just(MAX_ORDINAL - 1), Just(u32::MAX)], someone());
    let deed = prop_oneof![
        6 => (someone(), prop::collection::vec(seat, 0..4), 1..=2_u8, any::<bool>())
            .prop_map(|(who, seats, creator, locked)| Deed::Revive(who, seats, creator, locked)),
        3 => someone().prop_map(Deed::ComeBack),
        2 => someone().prop_map(Deed::Join),
        1 => (someone(), any::<bool>()).prop_map(|(who, locked)| Deed::Lock(who, locked)),
        1 => someone().prop_map(Deed::Forget),
        3 => someone().prop_map(Deed::Lose),
        1 => (0..60_u64).prop_map(Deed::Wait),
    ];
    prop::collection::vec(deed, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_remembered_a_room_is_a_room(deeds in deeds()) {
        let mut world = World::forgetful();
        for deed in deeds {
            match deed {
                Deed::Revive(number, seats, creator, locked) => {
                    let mut revive = remembers(number, &[]);
                    revive.account.creator = member(creator);
                    revive.account.locked = locked;
                    revive.account.next_ordinal = seats.first().map_or(0, |(_, ordinal, _)| *ordinal);
                    let seat = |(number, ordinal, token)| SeatOf { member: member(number), ordinal, latch: hash(token).latch() };
                    revive.account.seats = seats.into_iter().map(seat).collect();
                    drop(world.revive(revive));
                }
                Deed::ComeBack(number) => drop(world.come_back(number.into(), number, 1)),
                Deed::Join(number) => drop(world.join(number.into(), number)),
                Deed::Lock(number, locked) => drop(world.lock(number.into(), locked)),
                Deed::Forget(number) => drop(world.done(number.into(), Ask::Forget)),
                Deed::Lose(number) => drop(world.lose(number.into())),
                Deed::Wait(for_so_long) => world.now += for_so_long,
            }
            world.rooms.rooms.values().for_each(|room| room.check(3));
        }
    }
}
