//! Requests and what they are answered, error by error (RFC 8489 §9.2.4, RFC 8656 §7 to §12).

#![allow(clippy::unwrap_used, reason = "a test fails where that fails")]

mod support;

use klatch_relay::core::Client;
use klatch_relay::{Limits, Policy};
use stun_types::AddressFamily;
use stun_types::attribute::{RawAttribute, UnknownAttributes};
use stun_types::message::{BINDING, IntegrityAlgorithm, MessageClass, MessageWrite, MessageWriteExt};
use stun_types::prelude::{AttributeStaticType, AttributeWrite};
use support::speech::{Answer, bare_allocate, begin, binding, unsigned};
use support::world::{Heard, World, address, client};
use turn_types::attribute::{
    AdditionalAddressFamily, AddressErrorCode, ChannelNumber, DontFragment, EvenPort, Lifetime, RequestedAddressFamily,
    RequestedTransport, ReservationToken, XorPeerAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CONNECT, CREATE_PERMISSION, REFRESH};

const PEER: &str = "203.0.113.5:7000";

#[test]
fn a_binding_request_is_told_where_it_came_from() {
    let mut world = World::new();
    for from in ["192.0.2.9:1234", "[2001:db8::9]:1234"].map(address) {
        let client = Client { address: from, ..client(1) };
        let answer = world.say(client, &binding(5)).answer();
        assert_eq!((answer.code(), answer.id(), answer.mapped()), (0, 5, from));
        let bare = if from.is_ipv4() { 32 } else { 44 };
        assert_eq!(answer.0.len(), bare, "nothing else is in it, no SOFTWARE either");
    }
    let odd = RawAttribute::new(0x0003.into(), &[0, 0, 0, 6]);
    let answer = world.say(client(1), &unsigned(BINDING, 6, &[&odd])).answer();
    assert_eq!(answer.code(), 420);
    assert!(answer.read(|m| m.attribute::<UnknownAttributes>().unwrap().has_attribute(0x0003.into())));
    assert_eq!(world.core.figures().bindings, 2);
}

#[test]
fn all_that_is_not_understood_is_named_once_as_far_as_it_fits() {
    let mut world = World::new();
    let strange =
        |count: u16| (0..count).map(|kind| RawAttribute::new((0x3000 + kind).into(), &[])).collect::<Vec<_>>();
    let named = |answer: &Answer| {
        assert_eq!(answer.code(), 420);
        answer.read(|m| m.raw_attribute(UnknownAttributes::TYPE).unwrap().value.len() / 2)
    };
    for (count, fits) in [(1, 1), (9, 9), (100, 100), (218, 218), (219, 218), (450, 218)] {
        let raw = strange(count);
        let twice: Vec<_> = raw.iter().chain(&raw[..1]).map(|raw| raw as &dyn AttributeWrite).collect();
        let request = unsigned(BINDING, 6, &twice);
        let answer = world.say(client(1), &request).answer();
        assert_eq!(named(&answer), fits, "{count}");
        assert!(answer.0.len() <= 512 && (count < 8 || answer.0.len() <= request.len()));
    }
    let mut ana = world.speaker(client(1), "ana");
    ana.algorithm = IntegrityAlgorithm::Sha256;
    let raw = strange(400);
    let raw: Vec<_> = raw.iter().map(|raw| raw as &dyn AttributeWrite).collect();
    let answer = world.say(client(1), &ana.request(ALLOCATE, &raw)).answer();
    assert_eq!(named(&answer), 218);
    assert!(answer.is_signed_for(&ana) && answer.0.len() <= 512);
}

#[test]
fn a_fingerprint_is_answered_with_one_and_a_wrong_one_with_nothing() {
    let mut world = World::new();
    let mut message = begin(MessageClass::Request, BINDING, 5.into());
    message.add_fingerprint().unwrap();
    let mut bytes = message.finish();
    let answer = world.say(client(1), &bytes).answer();
    // The codec has checked it while reading.
    assert!(answer.read(|message| message.has_attribute(stun_types::attribute::Fingerprint::TYPE)));
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(world.say(client(1), &bytes), Heard::Nothing);
}

#[test]
fn a_retransmitted_allocate_is_answered_the_same() {
    let mut world = World::new();
    let mut speaker = world.speaker(client(1), "ana");
    let bytes = speaker.allocate();
    let first = world.say(client(1), &bytes);
    world.pass(3);
    assert_eq!(world.say(client(1), &bytes), first);
    assert_eq!(world.core.allocations(), 1);
    assert_eq!(world.say(client(1), &speaker.allocate()).code(), 437, "another one clashes");
}

#[test]
fn what_allocate_asks_for_is_had_or_refused_as_the_rfc_says() {
    let v6 = RequestedAddressFamily::new(AddressFamily::IPV6);
    let v4 = RequestedAddressFamily::new(AddressFamily::IPV4);
    let (udp, tcp) = (RequestedTransport::new(17), RequestedTransport::new(6));
    let both = AdditionalAddressFamily::new(AddressFamily::IPV6);
    let odd = RawAttribute::new(AdditionalAddressFamily::TYPE, &[1, 0, 0, 0]);
    let (even, pair) = (EvenPort::new(false), EvenPort::new(true));
    let token = ReservationToken::new(5);
    let short = RawAttribute::new(Lifetime::TYPE, &[0, 0, 2]);
    let strange = RawAttribute::new(0x7abc.into(), &[]);
    let harmless = RawAttribute::new(0x8030.into(), &[]);
    let cases: &[(support::speech::Attributes<'_>, u16)] = &[
        (&[], 400),
        (&[&udp], 0),
        (&[&udp, &v4], 0),
        (&[&udp, &v6], 0),
        (&[&udp, &both], 0),
        (&[&udp, &Lifetime::new(0)], 0),
        (&[&udp, &Lifetime::new(u32::MAX)], 0),
        (&[&udp, &harmless], 0),
        (&[&tcp], 442),
        (&[&RequestedTransport::new(0)], 442),
        (&[&udp, &short], 400),
        (&[&udp, &strange], 420),
        (&[&udp, &DontFragment::new()], 420),
        (&[&udp, &even], 0),
        (&[&udp, &pair], 508),
        (&[&udp, &token], 508),
        (&[&udp, &token, &even], 400),
        (&[&udp, &token, &v6], 400),
        (&[&udp, &token, &both], 400),
        (&[&udp, &v4, &both], 400),
        (&[&udp, &odd], 400),
    ];
    for (place, (attributes, code)) in cases.iter().enumerate() {
        let mut world = World::new();
        let mut speaker = world.speaker(client(1), "ana");
        let answer = world.say(client(1), &speaker.request(ALLOCATE, attributes)).answer();
        assert_eq!(answer.code(), *code, "case {place}");
        assert!(answer.is_signed_for(&speaker));
        if *code == 0 {
            assert_eq!(answer.lifetime(), 600, "no less than the default, and no more");
            let wants_v6 = attributes.iter().any(|a| a.get_type() == RequestedAddressFamily::TYPE) && place == 3;
            assert_eq!(answer.relayed().is_ipv6(), wants_v6);
            let wants_both = attributes.iter().any(|a| a.get_type() == AdditionalAddressFamily::TYPE);
            let lacks = answer.read(|m| m.attribute::<AddressErrorCode>().ok().map(|a| a.error().code()));
            assert_eq!(lacks, wants_both.then_some(440));
        }
        let figures = world.core.figures();
        assert_eq!(figures.allocations, u64::from(*code == 0));
        assert_eq!(figures.refused(*code), u64::from(*code != 0));
    }
}

#[test]
fn a_family_that_the_relay_has_no_address_of_is_not_had() {
    // One that does not exist, and one that this host has no address of.
    let seven = RawAttribute::new(RequestedAddressFamily::TYPE, &[7, 0, 0, 0]);
    let v6 = RequestedAddressFamily::new(AddressFamily::IPV6);
    let mut world = World::relaying_at(&["198.51.100.1"], Limits::default(), Policy::default());
    let mut ana = world.speaker(client(1), "ana");
    let udp = RequestedTransport::new(17);
    for wanted in [ana.request(ALLOCATE, &[&udp, &seven]), ana.request(ALLOCATE, &[&udp, &v6])] {
        assert_eq!(world.say(client(1), &wanted).code(), 440);
    }
}

#[test]
fn an_even_port_is_had_but_no_pair() {
    let mut world = World::new();
    world.port = Some(50_001);
    let mut ana = world.speaker(client(1), "ana");
    let even = ana.request(ALLOCATE, &[&RequestedTransport::new(17), &EvenPort::new(false)]);
    assert_eq!(world.say(client(1), &even).code(), 508, "an odd one is not what was asked for");
    world.port = Some(50_002);
    assert_eq!(world.say(client(1), &even).answer().relayed().port(), 50_002);
}

#[test]
fn without_a_socket_there_is_no_allocation() {
    let mut world = World::new();
    world.port = None;
    let mut speaker = world.speaker(client(1), "ana");
    let answer = world.say(client(1), &speaker.allocate()).answer();
    assert!(answer.code() == 508 && answer.is_signed_for(&speaker));
    assert_eq!(world.core.allocations(), 0);
    world.port = Some(50_000);
    assert_eq!(world.say(client(1), &speaker.allocate()).code(), 0);
}

#[test]
fn a_refresh_prolongs_ends_or_finds_nothing() {
    let mut world = World::new();
    let (mut ana, _) = world.member(client(1), "ana");
    world.pass(250);
    let answer = world.say(client(1), &ana.refresh(60)).answer();
    assert_eq!((answer.code(), answer.lifetime()), (0, 600));
    let other = ana.request(REFRESH, &[&RequestedAddressFamily::new(AddressFamily::IPV6)]);
    assert_eq!(world.say(client(1), &other).code(), 443);
    world.seats.take("ana");
    let answer = world.say(client(1), &ana.refresh(0)).answer();
    assert_eq!((answer.code(), answer.lifetime()), (0, 0), "who gives up is always let go");
    assert!(world.core.closed().is_some() && world.core.closed().is_none());
    assert_eq!(world.say(client(1), &ana.refresh(0)).code(), 437);
    assert_eq!(world.core.allocations(), 0);
}

#[test]
fn an_allocation_runs_out() {
    let mut world = World::new();
    let (mut ana, _) = world.member(client(1), "ana");
    world.millis += 299_000;
    assert_eq!(world.say(client(1), &ana.permit(address(PEER))).code(), 0);
    world.millis += 301_000;
    world.greet(client(1), &mut ana);
    assert_eq!(world.say(client(1), &ana.permit(address(PEER))).code(), 437, "even before anybody has swept");
    assert!(world.core.closed().is_some());
    world.member(client(2), "ben");
    world.pass(599);
    assert_eq!(world.core.allocations(), 1);
    world.pass(1);
    assert_eq!(world.core.allocations(), 0);
}

#[test]
fn no_allocation_outlasts_the_longest() {
    let mut world = World::with(Limits { longest_seconds: 1000, ..Limits::default() }, Policy::default());
    let (mut ana, _) = world.member(client(1), "ana");
    world.pass(299);
    assert_eq!(world.say(client(1), &ana.refresh(600)).answer().lifetime(), 600);
    world.pass(501);
    world.greet(client(1), &mut ana);
    assert_eq!(world.say(client(1), &ana.refresh(600)).answer().lifetime(), 200);
    world.pass(199);
    assert_eq!(world.say(client(1), &ana.refresh(600)).answer().lifetime(), 1);
    world.pass(1);
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 437);
}

#[test]
fn an_allocation_is_its_makers_alone() {
    let mut world = World::new();
    world.member(client(1), "ana");
    let mut ben = world.speaker(client(1), "ben");
    let peer = address(PEER);
    for request in [ben.refresh(600), ben.refresh(0), ben.permit(peer), ben.bind(0x4000, peer)] {
        assert_eq!(world.say(client(1), &request).code(), 441);
    }
    assert_eq!(world.say(client(1), &ben.allocate()).code(), 437);
    let mut ben = world.speaker(client(2), "ben");
    for request in [ben.refresh(600), ben.permit(peer), ben.bind(0x4000, peer)] {
        assert_eq!(world.say(client(2), &request).code(), 437);
    }
    assert_eq!(world.core.allocations(), 1);
}

#[test]
fn a_permission_names_peers_of_the_right_family() {
    let mut world = World::new();
    let (mut ana, _) = world.member(client(1), "ana");
    assert_eq!(world.say(client(1), &ana.request(CREATE_PERMISSION, &[])).code(), 400);
    assert_eq!(world.say(client(1), &ana.permit(address("[2001:db8::5]:1"))).code(), 443);
    let odd = RawAttribute::new(XorPeerAddress::TYPE, &[0, 1, 2]);
    assert_eq!(world.say(client(1), &ana.request(CREATE_PERMISSION, &[&odd])).code(), 400);
    assert_eq!(world.say(client(1), &ana.permit(address(PEER))).code(), 0);
}

#[test]
fn a_channel_is_bound_to_one_peer_and_a_peer_to_one_channel() {
    let mut world = World::new();
    let (mut ana, _) = world.member(client(1), "ana");
    let (peer, other) = (address(PEER), address("203.0.113.5:7001"));
    let cases = [
        (ana.request(CHANNEL_BIND, &[&ChannelNumber::new(0x4000)]), 400),
        (ana.bind(0x3fff, peer), 400),
        (ana.bind(0x8000, peer), 400),
        (ana.bind(0x4000, address("[2001:db8::5]:1")), 443),
        (ana.bind(0x4000, peer), 0),
        (ana.bind(0x4000, peer), 0),
        (ana.bind(0x4000, other), 400),
        (ana.bind(0x4001, peer), 400),
        (ana.bind(0x7fff, other), 0),
    ];
    for (place, (request, code)) in cases.into_iter().enumerate() {
        assert_eq!(world.say(client(1), &request).code(), code, "case {place}");
    }
    world.pass(299);
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 0);
    world.pass(301);
    world.greet(client(1), &mut ana);
    assert_eq!(world.say(client(1), &ana.bind(0x4000, other)).code(), 0, "both channels have run out");
}

#[test]
fn what_is_no_request_is_not_answered() {
    let mut world = World::new();
    let indication = begin(MessageClass::Indication, BINDING, 1.into()).finish();
    let success = begin(MessageClass::Success, ALLOCATE, 1.into()).finish();
    for bytes in
        [indication, success, unsigned(CONNECT, 1, &[]), unsigned(stun_types::message::Method::new(0xfff), 1, &[])]
    {
        assert_eq!(world.say(client(1), &bytes), Heard::Nothing);
    }
    let huge = RawAttribute::new(0x8abc.into(), &[0; 2100]);
    assert_eq!(world.say(client(1), &unsigned(BINDING, 1, &[&huge])), Heard::Nothing);
    assert_eq!(world.say(client(1), b"hello"), Heard::Nothing);
}

#[test]
fn a_relay_that_drains_makes_no_new_allocations() {
    let mut world = World::new();
    let (mut ana, _) = world.member(client(1), "ana");
    world.core.drain();
    let mut ben = world.speaker(client(2), "ben");
    assert_eq!(world.say(client(2), &ben.allocate()).code(), 508);
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 0);
    world.core.gone(client(1));
    assert_eq!(world.core.allocations(), 0);
}

#[test]
fn a_challenge_answers_the_question_that_was_asked() {
    let mut world = World::new();
    let Heard::Reply(Answer(bytes)) = world.say(client(1), &bare_allocate(0xabcdef)) else { panic!("no reply") };
    assert_eq!(Answer(bytes).id(), 0xabcdef);
}
