//! What is relayed and what is not: permissions, channels, peers that are refused, packets from client to client.

#![allow(clippy::unwrap_used, reason = "a test fails where that fails")]

mod support;

use klatch_relay::core::Client;
use klatch_relay::{Framing, Limits, Policy};
use support::speech::{channel_data, send};
use support::world::{Heard, World, address, client};

const PEER: &str = "203.0.113.5:7000";

#[test]
fn a_send_indication_needs_a_permission_and_data_comes_back_as_an_indication() {
    let mut world = World::new();
    let (mut ana, relayed) = world.member(client(1), "ana");
    let peer = address(PEER);
    assert_eq!(world.say(client(1), &send(peer, b"hello")), Heard::Nothing);
    assert_eq!(world.peer_says(relayed, peer, 5), None);
    assert_eq!(world.say(client(1), &ana.permit(peer)).code(), 0);
    let slot = world.opened[&relayed];
    assert_eq!(world.say(client(1), &send(peer, b"hello")), Heard::ToPeer(slot, peer, b"hello".to_vec()));
    // A permission is for an address, whatever the port (RFC 8656 §9).
    let other = address("203.0.113.5:9");
    assert_eq!(world.say(client(1), &send(other, b"")), Heard::ToPeer(slot, other, Vec::new()));
    let delivery = world.peer_says(relayed, other, 5).unwrap();
    assert_eq!(delivery.client, client(1));
    assert!(matches!(delivery.framing, Framing::Indication(from, _) if from == other));
    assert_eq!(world.peer_says(relayed, address("203.0.113.6:7000"), 5), None);
    assert_eq!(world.core.figures().dropped_unpermitted, 3);
}

#[test]
fn two_indications_have_two_transaction_ids() {
    let mut world = World::new();
    let (mut ana, relayed) = world.member(client(1), "ana");
    world.say(client(1), &ana.permit(address(PEER)));
    let first = world.peer_says(relayed, address(PEER), 5).unwrap().framing;
    assert_ne!(world.peer_says(relayed, address(PEER), 5).unwrap().framing, first);
}

#[test]
fn a_channel_leads_to_its_peer_and_back() {
    let mut world = World::new();
    let (mut ana, relayed) = world.member(client(1), "ana");
    let (peer, slot) = (address(PEER), world.opened[&relayed]);
    assert_eq!(world.say(client(1), &channel_data(0x4001, b"hello")), Heard::Nothing);
    assert_eq!(world.say(client(1), &ana.bind(0x4001, peer)).code(), 0);
    let heard = world.say(client(1), &channel_data(0x4001, b"hello"));
    assert_eq!(heard, Heard::ToPeer(slot, peer, b"hello".to_vec()));
    assert_eq!(world.peer_says(relayed, peer, 5).unwrap().framing, Framing::Channel(0x4001));
    let other_port = address("203.0.113.5:7001");
    assert!(matches!(world.peer_says(relayed, other_port, 5).unwrap().framing, Framing::Indication(..)));
    assert_eq!(world.say(client(1), &channel_data(0x4002, b"hello")), Heard::Nothing);
    assert_eq!(world.say(client(2), &channel_data(0x4001, b"hello")), Heard::Nothing, "not another client's");
    let through_another_door = Client { door: 2, ..client(1) };
    assert_eq!(world.say(through_another_door, &channel_data(0x4001, b"hello")), Heard::Nothing);
    let figures = world.core.figures();
    assert_eq!((figures.packets_to_peers, figures.bytes_to_peers), (1, 5));
    assert_eq!((figures.packets_to_clients, figures.bytes_to_clients), (2, 10));
}

#[test]
fn a_permission_lasts_five_minutes_and_a_channel_ten() {
    let mut world = World::new();
    let (mut ana, relayed) = world.member(client(1), "ana");
    let peer = address(PEER);
    world.say(client(1), &ana.bind(0x4000, peer));
    world.pass(299);
    assert!(world.peer_says(relayed, peer, 5).is_some());
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 0);
    world.pass(1);
    assert!(world.peer_says(relayed, peer, 5).is_none(), "the permission is over");
    assert_eq!(world.say(client(1), &channel_data(0x4000, b"x")), Heard::Nothing);
    world.greet(client(1), &mut ana);
    assert_eq!(world.say(client(1), &ana.permit(peer)).code(), 0);
    assert_eq!(world.peer_says(relayed, peer, 5).unwrap().framing, Framing::Channel(0x4000), "the channel is not");
    world.pass(299);
    assert_eq!(world.say(client(1), &ana.permit(peer)).code(), 0);
    world.pass(1);
    assert!(matches!(world.peer_says(relayed, peer, 5).unwrap().framing, Framing::Indication(..)));
    assert_eq!(world.say(client(1), &channel_data(0x4000, b"x")), Heard::Nothing);
}

#[test]
fn nothing_is_relayed_for_an_allocation_that_has_run_out() {
    let mut world = World::new();
    let (mut ana, relayed) = world.member(client(1), "ana");
    world.millis += 299_000;
    world.say(client(1), &ana.bind(0x4000, address(PEER)));
    world.millis += 300_999;
    assert!(world.peer_says(relayed, address(PEER), 5).is_none());
    let mut world = World::new();
    let (mut ana, relayed) = world.member(client(1), "ana");
    world.millis += 299_999;
    world.say(client(1), &ana.bind(0x4000, address(PEER)));
    world.millis += 299_000;
    assert!(world.peer_says(relayed, address(PEER), 5).is_some(), "a second before, it is");
}

#[test]
fn no_network_of_ones_own_is_reached_by_permission_channel_or_sending() {
    for ip in include_str!("refused.txt").lines() {
        let peer = std::net::SocketAddr::new(ip.parse().unwrap(), 80);
        // Reached only if it is allowed, and then everything else of this test would succeed.
        for allowed in [false, true] {
            let range = if peer.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
            let allow_peer = if allowed { vec![range.parse().unwrap()] } else { Vec::new() };
            let mut world = World::with(Limits::default(), Policy { allow_peer, ..Policy::default() });
            let (mut ana, slot) = of_family(&mut world, peer.is_ipv6());
            let code = if allowed { 0 } else { 403 };
            assert_eq!(world.say(client(1), &ana.permit(peer)).code(), code, "{ip}");
            assert_eq!(world.say(client(1), &ana.bind(0x4000, peer)).code(), code, "{ip}");
            let reached = Heard::ToPeer(slot, peer, b"x".to_vec());
            assert_eq!(world.say(client(1), &send(peer, b"x")) == reached, allowed, "{ip}");
            assert_eq!(world.say(client(1), &channel_data(0x4000, b"x")) == reached, allowed, "{ip}");
        }
    }
}

fn of_family(world: &mut World, v6: bool) -> (support::speech::Speaker, klatch_relay::core::Slot) {
    use turn_types::attribute::{RequestedAddressFamily, RequestedTransport};
    let family = if v6 { stun_types::AddressFamily::IPV6 } else { stun_types::AddressFamily::IPV4 };
    let mut speaker = world.speaker(client(1), "ana");
    let attributes: support::speech::Attributes<'_> =
        &[&RequestedTransport::new(17), &RequestedAddressFamily::new(family)];
    let answer = world.say(client(1), &speaker.request(turn_types::message::ALLOCATE, attributes)).answer();
    (speaker, world.opened[&answer.relayed()])
}

#[test]
fn the_relays_own_sockets_are_not_reached() {
    let policy = Policy {
        allow_peer: vec!["0.0.0.0/0".parse().unwrap()],
        own: vec!["203.0.113.1".parse().unwrap()],
        listening: vec![3478, 5349],
    };
    let mut world = World::with(Limits::default(), policy);
    let (mut ana, _) = world.member(client(1), "ana");
    for own in ["203.0.113.1:3478", "203.0.113.1:5349", "127.0.0.1:3478"].map(address) {
        assert_eq!(world.say(client(1), &ana.bind(0x4000, own)).code(), 403, "{own}");
        assert_eq!(world.say(client(1), &ana.permit(own)).code(), 0, "a permission is for all ports");
        assert_eq!(world.say(client(1), &send(own, b"x")), Heard::Nothing, "{own}");
    }
    assert_eq!(world.core.figures().dropped_forbidden, 3);
    assert!(matches!(world.say(client(1), &send(address("203.0.113.1:9"), b"x")), Heard::ToPeer(..)));
    assert_eq!(world.say(client(1), &ana.bind(0x4000, address("203.0.113.1:0"))).code(), 403);
    assert_eq!(world.say(client(1), &send(address("203.0.113.1:0"), b"x")), Heard::Nothing);
}

#[test]
fn two_clients_here_are_joined_in_process_if_both_permit_it() {
    let mut world = World::new();
    let (mut ana, ana_at) = world.member(client(1), "ana");
    let (mut ben, ben_at) = world.member(client(2), "ben");
    assert_eq!(world.say(client(1), &ana.permit(ben_at)).code(), 0);
    assert_eq!(world.say(client(1), &send(ben_at, b"hi")), Heard::Nothing, "Ben permits nobody");
    assert_eq!(world.say(client(2), &ben.permit(ana_at)).code(), 0);
    let Heard::ToClient(delivery, payload) = world.say(client(1), &send(ben_at, b"hi")) else { panic!("not joined") };
    assert_eq!((delivery.client, &payload[..]), (client(2), &b"hi"[..]));
    assert!(matches!(delivery.framing, Framing::Indication(from, _) if from == ana_at));
    assert_eq!(world.say(client(2), &ben.bind(0x4005, ana_at)).code(), 0);
    let Heard::ToClient(delivery, _) = world.say(client(1), &send(ben_at, b"hi")) else { panic!("not joined") };
    assert_eq!(delivery.framing, Framing::Channel(0x4005));
    let Heard::ToClient(delivery, _) = world.say(client(2), &channel_data(0x4005, b"yo")) else { panic!("not joined") };
    assert_eq!(delivery.client, client(1));
}

#[test]
fn relayed_addresses_are_reached_where_nothing_around_them_is() {
    // The relay stands in a network of its own, as in a cloud or an office: its relayed address is private.
    let mut world = World::relaying_at(&["10.0.0.1"], Limits::default(), Policy::default());
    let (mut ana, ana_at) = world.member(client(1), "ana");
    let (mut ben, ben_at) = world.member(client(2), "ben");
    for (from, speaker, to) in [(client(1), &mut ana, ben_at), (client(2), &mut ben, ana_at)] {
        assert_eq!(world.say(from, &speaker.bind(0x4000, to)).code(), 0);
    }
    assert!(matches!(world.say(client(1), &channel_data(0x4000, b"x")), Heard::ToClient(..)));
    let nobody = address("10.0.0.1:9");
    assert_eq!(world.say(client(1), &send(nobody, b"x")), Heard::Nothing, "no relayed address");
    assert_eq!(world.say(client(1), &ana.permit(address("10.0.0.2:9"))).code(), 403);
    world.core.gone(client(2));
    assert_eq!(world.say(client(1), &channel_data(0x4000, b"x")), Heard::Nothing, "no longer one");
    assert_eq!(world.core.figures().dropped_forbidden, 2);
}

#[test]
fn nothing_else_of_the_host_is_reached_at_its_public_addresses() {
    let own = vec![address("198.51.100.1:0").ip(), address("203.0.113.1:0").ip()];
    let policy = Policy { own, listening: vec![3478], ..Policy::default() };
    let mut world = World::with(Limits::default(), policy.clone());
    let (mut ana, ana_at) = world.member(client(1), "ana");
    let (mut ben, ben_at) = world.member(client(2), "ben");
    let (service, elsewhere) = (address("198.51.100.1:53"), address("203.0.113.1:53"));
    assert_eq!(world.say(client(1), &ana.permit(service)).code(), 0, "peers have their relayed addresses there");
    assert_eq!(world.say(client(1), &ana.permit(elsewhere)).code(), 403, "none has one here");
    for own in [service, elsewhere] {
        assert_eq!(world.say(client(1), &ana.bind(0x4000, own)).code(), 403, "{own}");
        assert_eq!(world.say(client(1), &send(own, b"x")), Heard::Nothing, "{own}");
    }
    assert_eq!(world.say(client(1), &ana.bind(0x4000, ben_at)).code(), 0);
    assert_eq!(world.say(client(2), &ben.permit(ana_at)).code(), 0);
    assert!(matches!(world.say(client(1), &channel_data(0x4000, b"x")), Heard::ToClient(..)), "a member is reached");
    let allow_peer = vec!["198.51.100.1".parse().unwrap()];
    let mut world = World::with(Limits::default(), Policy { allow_peer, ..policy });
    let (mut ana, _) = world.member(client(1), "ana");
    assert_eq!(world.say(client(1), &ana.bind(0x4000, service)).code(), 0, "it is allowed");
    assert!(matches!(world.say(client(1), &channel_data(0x4000, b"x")), Heard::ToPeer(..)));
    assert_eq!(
        world.say(client(1), &ana.bind(0x4001, address("198.51.100.1:3478"))).code(),
        403,
        "the relay itself is not"
    );
}

#[test]
fn who_is_dismissed_relays_no_more_and_the_others_go_on() {
    let mut world = World::new();
    let peer = address("203.0.113.5:7000");
    let (mut ana, ana_at) = world.member(client(1), "ana");
    let (mut again, again_at) = world.member(client(2), "ana");
    let (mut ben, ben_at) = world.member(client(3), "ben");
    for (speaker, from) in [(&mut ana, 1), (&mut again, 2), (&mut ben, 3)] {
        assert_eq!(world.say(client(from), &speaker.bind(0x4000, peer)).code(), 0);
    }
    world.core.dismiss(&"nobody".parse().unwrap());
    assert_eq!(world.core.allocations(), 3);
    world.seats.take("ana");
    world.core.dismiss(&"ana".parse().unwrap());
    assert_eq!((world.core.allocations(), std::iter::from_fn(|| world.core.closed()).count()), (1, 2));
    for (from, at) in [(1, ana_at), (2, again_at)] {
        assert_eq!(world.say(client(from), &channel_data(0x4000, b"x")), Heard::Nothing);
        assert!(world.peer_says(at, peer, 1).is_none());
    }
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 437);
    assert_eq!(world.say(client(2), &again.allocate()).code(), 401);
    assert!(matches!(world.say(client(3), &channel_data(0x4000, b"x")), Heard::ToPeer(..)));
    assert!(world.peer_says(ben_at, peer, 1).is_some());
}

#[test]
fn an_address_that_the_host_gains_is_refused_from_then_on() {
    let mut world = World::new();
    let (mut ana, _) = world.member(client(1), "ana");
    let peer = address("203.0.113.5:7000");
    assert_eq!(world.say(client(1), &ana.bind(0x4000, peer)).code(), 0);
    assert!(matches!(world.say(client(1), &channel_data(0x4000, b"x")), Heard::ToPeer(..)));
    world.core.own_are(vec![peer.ip()]);
    assert_eq!(world.say(client(1), &channel_data(0x4000, b"x")), Heard::Nothing);
    assert_eq!(world.say(client(1), &send(peer, b"x")), Heard::Nothing);
    assert_eq!(world.core.figures().dropped_forbidden, 2);
    assert_eq!(world.say(client(1), &ana.permit(peer)).code(), 403);
    world.core.own_are(Vec::new());
    assert!(matches!(world.say(client(1), &send(peer, b"x")), Heard::ToPeer(..)));
}
