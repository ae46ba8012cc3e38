//! Nothing to abuse: caps, rates, floods, and whatever else strangers and members may try.

#![allow(clippy::unwrap_used, reason = "a test fails where that fails")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use klatch_relay::core::Client;
use klatch_relay::{Limits, Policy};
use proptest::prelude::*;
use support::speech::{Speaker, bare_allocate, binding, channel_data, send};
use support::world::{Heard, World, address, client};
use turn_types::attribute::XorPeerAddress;
use turn_types::message::CREATE_PERMISSION;

const PEER: &str = "203.0.113.5:7000";

fn world(limits: Limits) -> World {
    World::with(limits, Policy::default())
}

fn from(address: SocketAddr) -> Client {
    Client { address, ..client(1) }
}

#[test]
fn twenty_thousand_unsigned_allocates_leave_nothing_behind() {
    let mut world = World::new();
    let before = world.core.extent();
    for source in 0..20_000_u32 {
        let spoofed = from(SocketAddr::new(Ipv4Addr::from(0x0b00_0000 + source).into(), 1000));
        assert_eq!(world.say(spoofed, &bare_allocate(u128::from(source))).code(), 401);
    }
    for again in 0..20_000_u32 {
        world.say(client(1), &bare_allocate(u128::from(again)));
    }
    assert_eq!(world.core.extent(), before);
    assert_eq!(world.core.allocations(), 0);
}

#[test]
fn a_stranger_is_answered_so_often_but_who_signs_rightly_always() {
    let mut world = world(Limits { challenges_per_second: 5, ..Limits::default() });
    let mut ana = world.speaker(client(1), "ana");
    let replies = (0..1000).filter(|id| world.say(client(1), &bare_allocate(*id)) != Heard::Nothing).count();
    assert_eq!(replies, 19, "four seconds' worth, of which one was Ana's");
    assert_eq!(world.say(client(1), &ana.allocate()).code(), 0, "from the same address");
    ana.nonce = "old".into();
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 438, "and with a nonce that is too old");
    assert_eq!(world.core.figures().dropped_strangers, 981);
    world.pass(1);
    let replies = (0..1000).filter(|id| world.say(client(1), &bare_allocate(*id)) != Heard::Nothing).count();
    assert_eq!(replies, 5);
}

#[test]
fn binding_requests_are_answered_so_often() {
    let mut world = world(Limits { bindings_per_second: 5, ..Limits::default() });
    let replies = (0..1000).filter(|id| world.say(client(1), &binding(*id)) != Heard::Nothing).count();
    assert_eq!(replies, 20);
}

#[test]
fn who_spoofs_an_address_over_udp_uses_up_nothing_of_its_connections() {
    let mut world = world(Limits { challenges_per_second: 5, bindings_per_second: 5, ..Limits::default() });
    let connection = Client { door: 1 << 32, on_stream: true, ..client(1) };
    for id in 0..1000 {
        world.say(client(1), &bare_allocate(id));
        world.say(client(1), &binding(id));
    }
    assert_eq!(world.say(client(1), &bare_allocate(1)), Heard::Nothing);
    let replies = |world: &mut World, request: &[u8]| {
        (0..1000).filter(|_| world.say(connection, request) != Heard::Nothing).count()
    };
    assert_eq!(replies(&mut world, &bare_allocate(1)), 20, "as many as anybody gets, and no more");
    assert_eq!(replies(&mut world, &binding(1)), 20);
}

fn at(ip: u8, port: u16) -> Client {
    from(SocketAddr::new([192, 0, 2, ip].into(), port))
}

/// The code that an Allocate gets.
fn allocates(world: &mut World, speaker: &mut Speaker, client: Client) -> u16 {
    world.greet(client, speaker);
    world.say(client, &speaker.allocate()).code()
}

#[test]
fn allocations_are_counted_by_credential_by_address_and_by_room() {
    let limits = Limits {
        allocations_per_credential: 2,
        allocations_per_address: 3,
        allocations_per_room: 4,
        ..Limits::default()
    };
    let mut world = world(limits);
    let speaker = |world: &mut World, name: &str, room: u64| {
        let speaker = world.speaker(at(1, 1), name);
        world.seats.give(name, room);
        speaker
    };
    let mut ana = speaker(&mut world, "ana", 1);
    assert_eq!(allocates(&mut world, &mut ana, at(1, 1)), 0);
    assert_eq!(allocates(&mut world, &mut ana, at(2, 1)), 0);
    assert_eq!(allocates(&mut world, &mut ana, at(3, 1)), 486, "the same credentials");
    let mut ben = speaker(&mut world, "ben", 1);
    assert_eq!(allocates(&mut world, &mut ben, at(1, 2)), 0);
    assert_eq!(allocates(&mut world, &mut ben, at(1, 3)), 0);
    let mut cleo = speaker(&mut world, "cleo", 2);
    assert_eq!(allocates(&mut world, &mut cleo, at(1, 4)), 486, "the same address");
    let mut dora = speaker(&mut world, "dora", 1);
    assert_eq!(allocates(&mut world, &mut dora, at(4, 1)), 486, "the same room");
    world.core.gone(at(2, 1));
    assert_eq!(allocates(&mut world, &mut dora, at(4, 1)), 0, "one has gone");
    world.core.gone(at(1, 1));
    let mut near = speaker(&mut world, "near", 3);
    for host in 1..=2 {
        assert_eq!(allocates(&mut world, &mut near, from(address(&format!("[2001:db8::{host}]:1")))), 0);
    }
}

#[test]
fn there_are_so_many_allocations_and_who_has_many_leaves_the_last_to_others() {
    let mut world = world(Limits { allocations: 40, ..Limits::default() });
    let mut last = 0;
    let mut had = Vec::new();
    for seat in 0..40_u8 {
        let name = format!("member{seat}");
        let mut speaker = world.speaker(at(seat, 1), &name);
        world.seats.give(&name, seat.into());
        let mut gets = |port: u16| {
            last = allocates(&mut world, &mut speaker, at(seat, port));
            last == 0
        };
        had.push((1..=40).take_while(|port| gets(*port)).count());
        if last == 508 {
            break;
        }
    }
    assert_eq!(had.iter().sum::<usize>(), 40);
    assert_eq!(had[..4], [8, 7, 5, 4], "never more than a quarter of what is left");
    assert!(had.len() > 12 && had[10..had.len() - 1].iter().all(|count| *count == 1), "{had:?}");
}

#[test]
fn a_room_has_no_more_than_its_share_whoever_asks() {
    let mut world = world(Limits { allocations: 40, ..Limits::default() });
    let codes: Vec<u16> = (0..20)
        .map(|seat| {
            let name = format!("member{seat}");
            let mut speaker = world.speaker(at(seat, 1), &name);
            world.seats.give(&name, 7);
            allocates(&mut world, &mut speaker, at(seat, 1))
        })
        .collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 8);
    assert_eq!(codes.last(), Some(&486));
}

/// How many of a thousand of these are answered.
fn answered(world: &mut World, client: Client, mut request: impl FnMut() -> Vec<u8>) -> usize {
    (0..1000).filter(|_| world.say(client, &request()) != Heard::Nothing).count()
}

/// The same request with a wrong signature.
fn forged(mut request: Vec<u8>) -> Vec<u8> {
    *request.last_mut().unwrap() ^= 1;
    request
}

#[test]
fn a_seat_may_ask_so_often() {
    let mut world = world(Limits { requests_per_second: 5, ..Limits::default() });
    let (mut ana, _) = world.member(client(1), "ana");
    let (mut ben, _) = world.member(client(2), "ben");
    assert_eq!(
        answered(&mut world, client(1), || ana.refresh(600)),
        19,
        "four seconds' worth, one of which was Allocate"
    );
    assert_eq!(world.say(client(2), &ben.refresh(600)).code(), 0);
    world.pass(1);
    assert_eq!(answered(&mut world, client(1), || ana.refresh(600)), 5);
}

#[test]
fn what_is_repeated_or_forged_elsewhere_uses_up_nothing_of_a_member_s() {
    let mut world = world(Limits { requests_per_second: 5, challenges_per_second: 1_000_000, ..Limits::default() });
    let (mut ana, _) = world.member(client(1), "ana");
    let heard = ana.refresh(600);
    for from in [client(3), client(4)] {
        assert_eq!(
            answered(&mut world, from, || heard.clone()),
            if from == client(3) { 20 } else { 0 },
            "of all together"
        );
        assert_eq!(answered(&mut world, from, || forged(heard.clone())), 0);
    }
    // Spoofing her own address, without her nonce.
    let mut eve = world.speaker(client(4), "ana");
    answered(&mut world, client(1), || forged(eve.refresh(600)));
    answered(&mut world, client(1), || eve.refresh(600));
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 0);
}

#[test]
fn who_signs_wrongly_is_checked_so_often_whatever_names_they_take() {
    let mut world = world(Limits { requests_per_second: 5, challenges_per_second: 1_000_000, ..Limits::default() });
    let mut names = 0..;
    let mut invented = |world: &mut World, client| {
        let name = format!("nobody{}", names.next().unwrap());
        let mut speaker = world.speaker(client, &name);
        forged(speaker.allocate())
    };
    let checked = (0..100).filter(|_| {
        let request = invented(&mut world, client(1));
        world.say(client(1), &request) != Heard::Nothing
    });
    assert_eq!(checked.count(), 20);
    let (mut ana, _) = world.member(client(2), "ana");
    assert_eq!(answered(&mut world, client(2), || forged(ana.refresh(600))), 20, "with an allocation as well");
}

#[test]
fn renewed_credentials_bring_no_more_allocations() {
    let mut world = world(Limits { allocations_per_credential: 2, ..Limits::default() });
    let mut names = std::collections::HashSet::new();
    let mut try_from = |world: &mut World, number: u8| {
        // A second later the same holder's user name ends a second later.
        world.pass(1);
        let mut ana = world.speaker(client(number), "ana");
        assert!(names.insert(ana.username.clone()));
        world.say(client(number), &ana.allocate()).code()
    };
    assert_eq!(try_from(&mut world, 1), 0);
    assert_eq!(try_from(&mut world, 2), 0);
    assert_eq!(try_from(&mut world, 3), 486, "the same holder");
    world.core.gone(client(1));
    assert_eq!(try_from(&mut world, 4), 0, "one has gone");
    assert_eq!(try_from(&mut world, 5), 486);
}

#[test]
fn permissions_and_channels_are_counted() {
    let mut world = world(Limits { permissions: 3, channels: 2, ..Limits::default() });
    let (mut ana, _) = world.member(client(1), "ana");
    let peer = |number: u8| SocketAddr::new([203, 0, 113, number].into(), 7000);
    let id = ana.id();
    let four: Vec<_> = (1..=4).map(|number| XorPeerAddress::new(peer(number), id)).collect();
    let four: Vec<_> = four.iter().map(|peer| peer as &dyn stun_types::prelude::AttributeWrite).collect();
    assert_eq!(world.say(client(1), &ana.request_as(CREATE_PERMISSION, id, &four)).code(), 508);
    assert_eq!(world.say(client(1), &send(peer(1), b"x")), Heard::Nothing, "none of the four");
    let twice: Vec<_> = [four[0], four[0], four[1], four[2]].to_vec();
    assert_eq!(world.say(client(1), &ana.request_as(CREATE_PERMISSION, id, &twice)).code(), 0);
    assert_eq!(world.say(client(1), &ana.permit(peer(2))).code(), 0, "known already");
    assert_eq!(world.say(client(1), &ana.bind(0x4000, peer(4))).code(), 508);
    assert_eq!(world.say(client(1), &ana.bind(0x4000, peer(1))).code(), 0);
    assert_eq!(world.say(client(1), &ana.bind(0x4001, peer(2))).code(), 0);
    assert_eq!(world.say(client(1), &ana.bind(0x4002, peer(3))).code(), 508);
    assert_eq!(world.say(client(1), &ana.bind(0x4001, peer(2))).code(), 0, "bound already");
    world.pass(299);
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 0);
    world.pass(1);
    world.greet(client(1), &mut ana);
    assert_eq!(world.say(client(1), &ana.permit(peer(4))).code(), 0, "the others have run out");
}

#[test]
fn an_allocation_has_its_packets_and_bytes_a_second() {
    let mut world = world(Limits { packets_per_second: 10, burst_seconds: 2, ..Limits::default() });
    let (mut ana, relayed) = world.member(client(1), "ana");
    world.say(client(1), &ana.bind(0x4000, address(PEER)));
    let passes = |world: &mut World| world.say(client(1), &channel_data(0x4000, b"x")) != Heard::Nothing;
    assert_eq!((0..100).filter(|_| passes(&mut world)).count(), 20);
    assert!(world.peer_says(relayed, address(PEER), 1).is_none(), "both ways together");
    world.pass(1);
    assert_eq!((0..100).filter(|_| passes(&mut world)).count(), 10);
    let mut world = self::world(Limits { bytes_per_second: 1500, burst_seconds: 2, ..Limits::default() });
    let (mut ana, relayed) = world.member(client(1), "ana");
    world.say(client(1), &ana.bind(0x4000, address(PEER)));
    assert_eq!((0..100).filter(|_| world.peer_says(relayed, address(PEER), 1000).is_some()).count(), 3);
    assert_eq!(world.core.figures().dropped_excess, 97);
}

#[test]
fn a_room_and_an_address_have_their_bytes_and_new_allocations_bring_no_more() {
    for by_room in [true, false] {
        let few = 1500;
        let many = 1_000_000;
        let (room, address_) = if by_room { (few, many) } else { (many, few) };
        let limits = Limits {
            room_bytes_per_second: room,
            address_bytes_per_second: address_,
            account_seconds: 2,
            ..Limits::default()
        };
        let mut world = world(limits);
        let at = |number: u8| {
            if by_room {
                client(number)
            } else {
                Client { address: SocketAddr::new([192, 0, 2, 1].into(), number.into()), ..client(1) }
            }
        };
        let relays = |world: &mut World, number: u8, room: u64| {
            let name = format!("member{number}");
            let mut speaker = world.speaker(at(number), &name);
            world.seats.give(&name, room);
            let relayed = world.say(at(number), &speaker.allocate()).answer().relayed();
            world.say(at(number), &speaker.permit(address(PEER)));
            (0..100).filter(|_| world.peer_says(relayed, address(PEER), 1000).is_some()).count()
        };
        assert_eq!(relays(&mut world, 1, if by_room { 1 } else { 2 }), 3);
        assert_eq!(relays(&mut world, 2, 1), 0, "the other one of the room or the address");
        world.core.gone(at(1));
        world.core.gone(at(2));
        world.pass(1);
        assert_eq!(relays(&mut world, 3, 1), 1, "a new allocation pays for the old ones");
        if by_room {
            assert_eq!(relays(&mut world, 4, 7), 3, "another room");
        }
    }
}

#[test]
fn who_comes_and_goes_leaves_nothing_behind() {
    let mut world = World::new();
    let mut most = [0; 3];
    for round in 0..2000 {
        let (mut speaker, _) = world.member(client((round % 200) as u8), &format!("m{round}"));
        assert_eq!(world.say(client((round % 200) as u8), &speaker.refresh(0)).code(), 0);
        while world.core.closed().is_some() {}
        world.pass(1);
        if round == 10 {
            most = world.core.extent();
        }
    }
    assert_eq!(world.core.extent(), most);
}

/// One thing that a member or a stranger does.
#[derive(Clone, Debug)]
enum Act {
    Noise(Vec<u8>),
    Stranger(u8),
    Allocate,
    Refresh(u32),
    Permit(u8),
    Bind(u16, u8),
    Send(u8, usize),
    Channel(u16, usize),
    Peer(u8, usize),
    Bent(usize, u8),
    Gone,
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Vec<(u8, Act)>> {
    let act = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..120).prop_map(Act::Noise),
        any::<u8>().prop_map(Act::Stranger),
        Just(Act::Allocate),
        (0..2000_u32).prop_map(Act::Refresh),
        any::<u8>().prop_map(Act::Permit),
        (0x3ffe..0x4006_u16, any::<u8>()).prop_map(|(number, peer)| Act::Bind(number, peer)),
        (any::<u8>(), 0..1500_usize).prop_map(|(peer, length)| Act::Send(peer, length)),
        (0x3ffe..0x4006_u16, 0..1500_usize).prop_map(|(number, length)| Act::Channel(number, length)),
        (any::<u8>(), 0..1500_usize).prop_map(|(peer, length)| Act::Peer(peer, length)),
        (0..200_usize, 1..=255_u8).prop_map(|(place, bits)| Act::Bent(place, bits)),
        Just(Act::Gone),
        (0..400_u64).prop_map(Act::Wait),
    ];
    prop::collection::vec((0..4_u8, act), 1..80)
}

proptest! {
    #[test]
    fn noise_changes_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300), shape in 0..4_usize) {
        let mut bytes = bytes;
        // Most noise is told by its first bytes; some of it is to get further.
        if shape > 0 && bytes.len() >= 20 {
            let length = (bytes.len() - 20) & !3;
            bytes.truncate(20 + length);
            let method = [[0, 3], [0, 0x16], [0, 9]][shape - 1];
            bytes[..2].copy_from_slice(&method);
            bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            bytes[4..8].copy_from_slice(&0x2112_a442_u32.to_be_bytes());
        }
        let mut world = World::new();
        let before = world.core.extent();
        match world.say(client(1), &bytes) {
            Heard::Nothing => {}
            Heard::Reply(answer) => prop_assert!([400, 401].contains(&answer.code())),
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert_eq!(world.core.extent(), before);
    }

    #[test]
    fn whatever_happens_only_seats_are_served_and_only_permitted_peers(acts in acts()) {
        let mut world = World::new();
        let peer = |number: u8| SocketAddr::new([203, 0, 113, number % 5].into(), 7000);
        let mut speakers: Vec<_> = (0..4).map(|who| world.speaker(client(who), &format!("m{who}"))).collect();
        let mut relayed = [None; 4];
        let before = world.core.extent();
        let mut allocated = false;
        for (who, act) in acts {
            let (place, from) = (usize::from(who), client(who));
            let speaker = &mut speakers[place];
            let bytes = match &act {
                Act::Noise(bytes) => bytes.clone(),
                Act::Stranger(id) => bare_allocate(u128::from(*id)),
                Act::Allocate => speaker.allocate(),
                Act::Refresh(seconds) => speaker.refresh(*seconds),
                Act::Permit(number) => speaker.permit(peer(*number)),
                Act::Bind(channel, number) => speaker.bind(*channel, peer(*number)),
                Act::Send(number, length) => send(peer(*number), &vec![1; *length]),
                Act::Channel(channel, length) => channel_data(*channel, &vec![1; *length]),
                Act::Bent(at, bits) => {
                    let mut bytes = speaker.allocate();
                    let at = at % bytes.len();
                    bytes[at] ^= bits;
                    bytes
                }
                Act::Peer(number, length) => {
                    if let Some(relayed) = relayed[place]
                        && let Some(delivery) = world.peer_says(relayed, peer(*number), *length)
                    {
                        prop_assert_eq!(delivery.client, from);
                    }
                    continue;
                }
                Act::Gone => {
                    world.core.gone(from);
                    while world.core.closed().is_some() {}
                    relayed[place] = None;
                    continue;
                }
                Act::Wait(seconds) => {
                    world.pass(*seconds);
                    while world.core.closed().is_some() {}
                    continue;
                }
            };
            let may_allocate = matches!(act, Act::Allocate | Act::Bent(..));
            match world.say(from, &bytes) {
                Heard::Reply(answer) => {
                    prop_assert!(answer.0.len() <= 200);
                    // A bent Allocate may be a good Binding request.
                    if may_allocate && answer.is_allocated() {
                        relayed[place] = Some(answer.relayed());
                        allocated = true;
                    } else if answer.code() == 438 {
                        speakers[place].heed(&answer);
                    }
                }
                Heard::ToPeer(_, to, payload) => {
                    prop_assert!(relayed[place].is_some());
                    prop_assert!((0..5).any(|number| peer(number) == to) && payload.len() < 1500);
                }
                Heard::Nothing => {}
                Heard::ToClient(..) => prop_assert!(false, "nobody knows another's relayed address"),
            }
            while world.core.closed().is_some() {}
            prop_assert!(world.core.allocations() <= 4);
            if !allocated {
                prop_assert_eq!(world.core.extent(), before);
            }
        }
    }
}
