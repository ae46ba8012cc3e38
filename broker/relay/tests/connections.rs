//! TCP and TLS connections that are no good: silent, slow, hasty or too many.

#![allow(clippy::unwrap_used, reason = "a test fails where that fails")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use klatch_relay::{Limits, Relay};
use support::speech::{binding, channel_data};
use support::visitor::{PATIENCE, Visitor, Way, config, connect, start, tls_config, until};

#[test]
fn connections_that_never_say_anything_are_closed() {
    let (mut config, _) = tls_config();
    config.limits = Limits { handshake_seconds: 1, idle_seconds: 1, ..Limits::default() };
    let relay = start(config);
    let mut silent = connect(relay.addresses().tcp[0]);
    let mut half_tls = connect(relay.addresses().tls[0]);
    half_tls.write_all(&[0x16, 3, 1, 0, 200, 1]).unwrap();
    let mut half = connect(relay.addresses().tcp[0]);
    half.write_all(&binding(1)[..10]).unwrap();
    for stream in [&mut silent, &mut half_tls, &mut half] {
        // TLS says goodbye first.
        assert!(stream.read_to_end(&mut Vec::new()).unwrap() < 10, "closed within {PATIENCE:?}");
    }
    assert_eq!(relay.figures().connections_refused, 3);
    let mut idle = Visitor::over_tcp(&relay);
    assert_eq!(idle.ask(&binding(1)).id(), 1);
    assert!(idle.is_shut(), "one that falls silent is closed too");
    let mut busy = Visitor::over_tcp(&relay);
    busy.allocate();
    let mut other = Visitor::over_tcp(&relay);
    assert_eq!(other.ask(&binding(1)).id(), 1);
    assert!(other.is_shut());
    let refresh = busy.speaker.refresh(600);
    assert_eq!(busy.ask(&refresh).code(), 0, "one with an allocation is not");
}

/// Says this again and again until the connection is closed.
fn says_until_closed(visitor: Visitor, bytes: &[u8]) {
    let Way::Tcp(mut stream) = visitor.way else { unreachable!() };
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let begun = Instant::now();
    while stream.write_all(bytes).is_ok() {
        match stream.read(&mut [0; 100]) {
            Ok(0) => return,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => assert!(begun.elapsed() < PATIENCE, "it is never closed"),
        }
    }
}

#[test]
fn who_says_much_and_allocates_nothing_is_given_up() {
    let limits = Limits { allocate_seconds: 1, ..Limits::default() };
    let relay = start(klatch_relay::Config { limits, ..config() });
    let mut served = Visitor::over_tcp(&relay);
    served.allocate();
    says_until_closed(Visitor::over_tcp(&relay), &binding(1));
    says_until_closed(Visitor::over_tcp(&relay), &channel_data(0x4000, b"none"));
    let refresh = served.speaker.refresh(600);
    assert_eq!(served.ask(&refresh).code(), 0, "who has an allocation stays");
    let refresh = served.speaker.refresh(0);
    assert_eq!(served.ask(&refresh).code(), 0);
    says_until_closed(served, &binding(1));
    until(&relay, |figures| figures.connections == 0);
}

#[test]
fn who_says_more_at_once_than_anybody_without_an_allocation_has_to_is_closed() {
    let relay = start(config());
    let mut served = Visitor::over_tcp(&relay);
    served.allocate();
    let many = binding(1).repeat(200);
    served.say(&many);
    (0..200).for_each(|_| assert_eq!(served.hear().len(), 32));
    let mut stranger = Visitor::over_tcp(&relay);
    stranger.say(&many);
    let Way::Tcp(stream) = &mut stranger.way else { unreachable!() };
    let mut answers = Vec::new();
    let _ = stream.read_to_end(&mut answers);
    assert!(answers.len() <= 64 * 32, "{} answers", answers.len() / 32);
    assert!(relay.figures().dropped_strangers > 0);
}

#[test]
fn parts_of_a_message_do_not_keep_an_idle_connection() {
    let limits = Limits { idle_seconds: 1, allocate_seconds: 1000, ..Limits::default() };
    let relay = start(klatch_relay::Config { limits, ..config() });
    let mut slow = Visitor::over_tcp(&relay);
    assert_eq!(slow.ask(&binding(1)).id(), 1);
    slow.say(&[0x40, 0, 0x20, 0]);
    says_until_closed(slow, b"x");
}

/// A connection from an address of one's own: all of 127.0.0.0/8 is this host's.
fn connect_from(ip: [u8; 4], to: SocketAddr) -> std::net::TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::new(ip.into(), 0)).unwrap();
    connect(&socket, &to).unwrap();
    let stream = std::net::TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn connections_that_say_nothing_keep_nobody_from_a_handshake() {
    let (mut config, trust) = tls_config();
    config.limits = Limits { handshakes_per_second: 1, ..Limits::default() };
    let relay = start(config);
    let at = relay.addresses().tls[0];
    let silent: Vec<_> = (0..50).map(|_| connect_from([127, 0, 0, 2], at)).collect();
    assert_eq!(Visitor::over_tls(&relay, &trust).ask(&binding(1)).id(), 1);
    drop(silent);
}

#[test]
fn connections_beyond_their_addresss_rate_of_handshakes_are_closed_and_others_are_not() {
    let (mut config, trust) = tls_config();
    config.limits = Limits { handshakes_per_address: 1, ..Limits::default() };
    let relay = start(config);
    let at = relay.addresses().tls[0];
    let mut hasty: Vec<_> = (0..20).map(|_| connect_from([127, 0, 0, 2], at)).collect();
    let last = hasty.last_mut().unwrap().read(&mut [0]);
    assert!(last.map_or_else(|error| error.kind() == std::io::ErrorKind::ConnectionReset, |read| read == 0));
    until(&relay, |figures| figures.connections_refused > 10 && figures.connections > 3);
    assert_eq!(Visitor::over_tls(&relay, &trust).ask(&binding(1)).id(), 1);
}

#[test]
fn who_finds_no_handshake_left_waits_for_one() {
    let (mut config, trust) = tls_config();
    config.limits = Limits { handshakes_per_second: 1, ..Limits::default() };
    let relay = start(config);
    let at = relay.addresses().tls[0];
    let mut begun = connect_from([127, 0, 0, 2], at);
    begun.write_all(&[0x16, 3, 1, 0, 200]).unwrap();
    let given_up = connect_from([127, 0, 0, 2], at);
    (&given_up).write_all(&[0x16, 3, 1, 0, 200]).unwrap();
    until(&relay, |figures| figures.connections == 2);
    let mut two = [Visitor::over_tls(&relay, &trust), Visitor::over_tls(&relay, &trust)];
    drop(given_up);
    for (place, visitor) in two.iter_mut().enumerate() {
        assert_eq!(visitor.ask(&binding(place as u128)).id(), place as u128);
    }
}

/// Two connections at once, in all or from one address.
fn two_at_once() -> [Limits; 2] {
    [Limits { connections: 2, ..Limits::default() }, Limits { connections_per_address: 2, ..Limits::default() }]
}

#[test]
fn connections_are_counted_by_address_and_in_all() {
    for limits in two_at_once() {
        let relay = start(klatch_relay::Config { limits, ..config() });
        let mut two = [Visitor::over_tcp(&relay), Visitor::over_tcp(&relay)];
        two.iter_mut().for_each(|one| assert!(one.allocate().ip().is_loopback()));
        let mut third = connect(relay.addresses().tcp[0]);
        assert!(!matches!(third.read(&mut [0]), Ok(1)), "both have an allocation");
        drop(two);
        until(&relay, |figures| figures.connections == 0);
        assert_eq!(Visitor::over_tcp(&relay).ask(&binding(3)).id(), 3);
    }
}

/// Whether one more connection is let in.
fn gets_in(relay: &Relay) -> bool {
    let mut stream = connect(relay.addresses().tcp[0]);
    stream.write_all(&binding(3)).is_ok() && stream.read_exact(&mut [0; 32]).is_ok()
}

#[test]
fn a_newcomer_takes_the_place_of_the_oldest_connection_without_an_allocation() {
    for limits in two_at_once() {
        let relay = start(klatch_relay::Config { limits, ..config() });
        let mut served = Visitor::over_tcp(&relay);
        served.allocate();
        let mut silent = Visitor::over_tcp(&relay);
        until(&relay, |figures| figures.connections == 2);
        let mut newcomer = Visitor::over_tcp(&relay);
        newcomer.allocate();
        assert!(silent.is_shut());
        let refresh = served.speaker.refresh(0);
        assert_eq!(served.ask(&refresh).code(), 0, "who had one is still there");
        // Its allocation has ended, and soon its place goes too.
        let begun = Instant::now();
        while !gets_in(&relay) {
            assert!(begun.elapsed() < PATIENCE);
        }
        assert!(served.is_shut());
    }
}

#[test]
fn who_reads_nothing_holds_up_nobody_and_costs_no_more_than_the_queue() {
    let limits = Limits { queue_bytes: 16384, ..Limits::default() };
    let relay = start(klatch_relay::Config { limits, ..config() });
    let mut lazy = Visitor::over_tcp(&relay);
    let relayed = lazy.allocate();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    lazy.permit(peer.local_addr().unwrap());
    let mut other = Visitor::over_udp(&relay);
    let mut sent = 0;
    while relay.figures().dropped_unsent == 0 {
        sent += peer.send_to(&[1; 1200], relayed).unwrap();
        assert!(sent < 1 << 30, "nothing is ever dropped");
        if sent % 120_000 == 0 {
            assert_eq!(other.ask(&binding(8)).id(), 8);
        }
    }
}
