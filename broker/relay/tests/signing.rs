//! Who signs requests, with what, and what strangers are told (RFC 8489 §9.2.4).

#![allow(clippy::unwrap_used, reason = "a test fails where that fails")]

mod support;

use klatch_relay::Secret;
use stun_types::attribute::{
    Nonce, PasswordAlgorithm, PasswordAlgorithmValue, PasswordAlgorithms, Realm, Software, Username,
};
use stun_types::message::{IntegrityAlgorithm, MessageClass, MessageWrite, MessageWriteExt};
use stun_types::prelude::AttributeStaticType;
use support::speech::{Speaker, begin, unsigned};
use support::world::{World, address, client};
use turn_types::attribute::RequestedTransport;
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};

#[test]
fn who_has_not_signed_is_told_how_to() {
    let mut world = World::new();
    for method in [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND] {
        let answer = world.say(client(1), &unsigned(method, 1, &[])).answer();
        assert_eq!(answer.code(), 401);
        answer.read(|message| {
            assert_eq!(message.attribute::<Realm>().unwrap().realm(), "klatch.test");
            let nonce = message.attribute::<Nonce>().unwrap();
            assert!(nonce.nonce().starts_with("obMatJos2gAAA"), "{nonce}");
            let offered = message.attribute::<PasswordAlgorithms>().unwrap();
            assert_eq!(offered.algorithms(), [PasswordAlgorithmValue::SHA256, PasswordAlgorithmValue::MD5]);
            assert!(!message.has_attribute(Software::TYPE));
        });
        assert!(answer.0.len() <= 92, "{} bytes", answer.0.len());
    }
}

#[test]
fn an_allocation_is_had_with_either_algorithm_and_the_reply_is_signed_alike() {
    for algorithm in [IntegrityAlgorithm::Sha1, IntegrityAlgorithm::Sha256] {
        let mut world = World::new();
        let mut speaker = world.speaker(client(1), "ana");
        speaker.algorithm = algorithm;
        let answer = world.say(client(1), &speaker.allocate()).answer();
        assert_eq!(answer.code(), 0);
        assert_eq!(answer.relayed(), address("198.51.100.1:50000"));
        assert_eq!(answer.mapped(), client(1).address);
        assert_eq!(answer.lifetime(), 600);
        assert!(answer.is_signed_for(&speaker));
        assert_eq!(world.core.allocations(), 1);
        let refused = world.say(client(1), &speaker.allocate()).answer();
        assert!(refused.code() == 437 && refused.is_signed_for(&speaker), "refusals are signed too");
    }
}

#[test]
fn a_request_that_lacks_what_signing_needs_is_bad() {
    let mut world = World::new();
    let speaker = world.speaker(client(1), "ana");
    let (user, realm, nonce) = (
        Username::new(&speaker.username).unwrap(),
        Realm::new(&speaker.realm).unwrap(),
        Nonce::new(&speaker.nonce).unwrap(),
    );
    let sign = |attributes: support::speech::Attributes<'_>| {
        let mut message = begin(MessageClass::Request, ALLOCATE, 9.into());
        for attribute in attributes {
            message.add_attribute(*attribute).unwrap();
        }
        message.add_message_integrity(&speaker.credentials(), IntegrityAlgorithm::Sha1).unwrap();
        message.finish()
    };
    let transport = RequestedTransport::new(17);
    for lacking in [sign(&[&transport, &realm, &nonce]), sign(&[&user, &nonce]), sign(&[&user, &realm]), sign(&[])] {
        assert_eq!(world.say(client(1), &lacking).code(), 400);
    }
    assert_eq!(world.say(client(1), &sign(&[&user, &realm, &nonce, &transport])).code(), 0);
}

#[test]
fn an_algorithm_that_was_struck_out_on_the_way_is_found_out() {
    let mut world = World::new();
    let speaker = world.speaker(client(1), "ana");
    let (md5, sha256) = (PasswordAlgorithmValue::MD5, PasswordAlgorithmValue::SHA256);
    let offers = |offered: Option<&[PasswordAlgorithmValue]>, chosen: Option<PasswordAlgorithmValue>| {
        let offered = offered.map(PasswordAlgorithms::new);
        let chosen = chosen.map(PasswordAlgorithm::new);
        let transport = RequestedTransport::new(17);
        let mut attributes: Vec<&dyn stun_types::prelude::AttributeWrite> = vec![&transport];
        attributes.extend(offered.iter().map(|a| a as &dyn stun_types::prelude::AttributeWrite));
        attributes.extend(chosen.iter().map(|a| a as &dyn stun_types::prelude::AttributeWrite));
        speaker.request_as(ALLOCATE, 9.into(), &attributes)
    };
    for bad in [
        offers(Some(&[md5]), Some(md5)),
        offers(Some(&[md5, sha256]), Some(md5)),
        offers(Some(&[sha256, md5]), None),
        offers(None, Some(md5)),
    ] {
        assert_eq!(world.say(client(1), &bad).code(), 400);
    }
    assert_eq!(world.say(client(1), &offers(Some(&[sha256, md5]), Some(md5))).code(), 0);
    // Who takes the cookie out of the nonce, so that nothing seems to be offered, has spoilt the nonce.
    let mut world = World::new();
    let mut speaker = world.speaker(client(1), "ana");
    speaker.nonce = speaker.nonce.trim_start_matches("obMatJos2gAAA").to_owned();
    assert_eq!(world.say(client(1), &speaker.allocate()).code(), 438);
}

#[test]
fn wrong_credentials_are_asked_for_again() {
    let mut world = World::new();
    let speaker = world.speaker(client(1), "ana");
    let another = Secret::new(b"another secret").unwrap().credentials(&"ana".parse().unwrap(), world.now().unix, 600);
    for (username, password) in [
        (speaker.username.as_str(), "wrong"),
        ("9999999999:ana", &speaker.password),
        ("ana", &speaker.password),
        (&another.username, &another.password),
    ] {
        let mut wrong = Speaker { username: username.into(), password: password.into(), ..speaker.clone() };
        assert_eq!(world.say(client(1), &wrong.allocate()).code(), 401, "{username}");
        wrong.algorithm = IntegrityAlgorithm::Sha256;
        assert_eq!(world.say(client(1), &wrong.allocate()).code(), 401, "{username}, SHA-256");
    }
    let mut broken = speaker.clone().allocate();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    assert_eq!(world.say(client(1), &broken).code(), 401);
    assert_eq!(world.core.allocations(), 0);
}

#[test]
fn credentials_that_have_ended_make_no_allocation_but_keep_one() {
    let mut world = World::new();
    let (mut ana, _) = world.member(client(1), "ana");
    world.pass(500);
    let stale = world.say(client(1), &ana.refresh(600)).answer();
    ana.heed(&stale);
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 0);
    world.pass(101);
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 0, "Refresh asks for the seat, not the time");
    let mut late = ana.clone();
    world.greet(client(2), &mut late);
    assert_eq!(world.say(client(2), &late.allocate()).code(), 401);
    late.username = world.speaker(client(2), "ana").username;
    assert_eq!(world.say(client(2), &late.allocate()).code(), 401, "the password belongs to the old name");
    let mut fresh = world.speaker(client(2), "ana");
    assert_eq!(world.say(client(2), &fresh.allocate()).code(), 0);
}

#[test]
fn who_has_no_seat_any_more_gets_no_allocation_and_no_refresh() {
    let mut world = World::new();
    let (mut ana, _) = world.member(client(1), "ana");
    world.seats.take("ana");
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 403);
    world.greet(client(2), &mut ana);
    assert_eq!(world.say(client(2), &ana.allocate()).code(), 401);
    world.pass(601);
    assert_eq!(world.core.allocations(), 0, "the one it had ran out");
}

#[test]
fn a_nonce_is_good_for_its_address_and_its_time() {
    let mut world = World::new();
    let (mut ana, _) = world.member(client(1), "ana");
    let mut elsewhere = ana.clone();
    let answer = world.say(client(2), &elsewhere.allocate()).answer();
    assert_eq!(answer.code(), 438, "another's nonce");
    elsewhere.heed(&answer);
    assert_eq!(world.say(client(2), &elsewhere.allocate()).code(), 0);
    world.pass(300);
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 0);
    world.pass(300);
    let answer = world.say(client(1), &ana.refresh(600)).answer();
    assert_eq!(answer.code(), 438, "too old");
    ana.heed(&answer);
    assert_eq!(world.say(client(1), &ana.refresh(600)).code(), 0);
}
