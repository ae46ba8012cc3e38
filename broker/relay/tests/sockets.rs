//! The relay on real sockets: UDP, TCP and TLS, what comes back from peers, and connections that are no good.

#![allow(clippy::unwrap_used, reason = "a test fails where that fails")]

mod support;

use std::io::{BufRead, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use klatch_relay::{Admission, Everyone, Group, Holder, Relay, StartError};
use support::speech::{bare_allocate, binding, channel_data, send};
use support::visitor::{PATIENCE, Visitor, Way, config, connect, start, tls_config, until};

fn peer() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// An allocation, a channel and a permission, and payloads of all sizes there and back.
fn converse(visitor: &mut Visitor) {
    let relayed = visitor.allocate();
    let ((by_channel, channel_at), (by_send, send_at)) = (peer(), peer());
    visitor.bind(0x4000, channel_at);
    visitor.permit(send_at);
    let mut buffer = [0; 9000];
    for length in [0, 1, 2, 3, 4, 5, 160, 1200, 1201, 8900] {
        let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
        visitor.say(&channel_data(0x4000, &payload));
        let (got, from) = by_channel.recv_from(&mut buffer).unwrap();
        assert_eq!((from, &buffer[..got]), (relayed, &payload[..]));
        by_channel.send_to(&payload, relayed).unwrap();
        assert_eq!(visitor.hear(), channel_data(0x4000, &payload));
        visitor.say(&send(send_at, &payload));
        let (got, from) = by_send.recv_from(&mut buffer).unwrap();
        assert_eq!((from, &buffer[..got]), (relayed, &payload[..]));
        by_send.send_to(&payload, relayed).unwrap();
        let heard = visitor.hear();
        let message = stun_types::message::Message::from_bytes(&heard).unwrap();
        assert_eq!(message.attribute::<turn_types::attribute::Data<'_>>().unwrap().data(), payload);
        let from = message.attribute::<turn_types::attribute::XorPeerAddress>().unwrap().addr(message.transaction_id());
        assert_eq!(from, send_at);
    }
}

#[test]
fn datagrams_go_there_and_back() {
    let relay = start(config());
    let mut visitor = Visitor::over_udp(&relay);
    converse(&mut visitor);
    let figures = relay.figures();
    assert_eq!((figures.allocations, figures.packets_to_peers, figures.packets_to_clients), (1, 20, 20));
    assert_eq!(figures.dropped_unsent, 0);
}

#[test]
fn a_tcp_connection_carries_the_same() {
    let relay = start(config());
    converse(&mut Visitor::over_tcp(&relay));
    until(&relay, |figures| figures.allocations == 0 && figures.connections == 0);
}

#[test]
fn a_tls_connection_carries_the_same() {
    let (config, trust) = tls_config();
    let relay = start(config);
    converse(&mut Visitor::over_tls(&relay, &trust));
    until(&relay, |figures| figures.allocations == 0 && figures.connections == 0);
}

#[test]
fn ipv6_is_relayed_where_the_host_has_it() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return eprintln!("left out: this host has no IPv6");
    }
    use turn_types::attribute::{RequestedAddressFamily, RequestedTransport};
    let mut config = config();
    config.listen.push("[::1]:0".parse().unwrap());
    config.allow_peer.push("::1".parse().unwrap());
    let relay = start(config);
    assert_eq!(relay.addresses().relayed.len(), 2);
    let mut visitor = Visitor::over_udp(&relay);
    let challenge = visitor.ask(&bare_allocate(1));
    visitor.speaker.heed(&challenge);
    let v6 = RequestedAddressFamily::new(stun_types::AddressFamily::IPV6);
    let request = visitor.speaker.request(turn_types::message::ALLOCATE, &[&RequestedTransport::new(17), &v6]);
    let relayed = visitor.ask(&request).relayed();
    assert!(relayed.is_ipv6());
    let socket = UdpSocket::bind("[::1]:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let at = socket.local_addr().unwrap();
    visitor.permit(at);
    visitor.say(&send(at, b"over"));
    let mut buffer = [0; 100];
    assert_eq!(socket.recv_from(&mut buffer).unwrap(), (4, relayed));
    socket.send_to(b"back", relayed).unwrap();
    let heard = visitor.hear();
    let message = stun_types::message::Message::from_bytes(&heard).unwrap();
    let from = message.attribute::<turn_types::attribute::XorPeerAddress>().unwrap().addr(message.transaction_id());
    assert_eq!(from, at);
}

#[test]
fn members_are_joined_whatever_they_come_over() {
    let (config, trust) = tls_config();
    let relay = start(config);
    let ways: [&dyn Fn() -> Visitor; 3] =
        [&|| Visitor::over_udp(&relay), &|| Visitor::over_tcp(&relay), &|| Visitor::over_tls(&relay, &trust)];
    for one in ways {
        for other in ways {
            let (mut ana, mut ben) = (one(), other());
            let (ana_at, ben_at) = (ana.allocate(), ben.allocate());
            ana.bind(0x4000, ben_at);
            ben.permit(ana_at);
            for payload in [&b"x"[..], &[7; 1201]] {
                ana.say(&channel_data(0x4000, payload));
                let heard = ben.hear();
                let message = stun_types::message::Message::from_bytes(&heard).unwrap();
                assert_eq!(message.attribute::<turn_types::attribute::Data<'_>>().unwrap().data(), payload);
                ben.say(&send(ana_at, payload));
                assert_eq!(ana.hear(), channel_data(0x4000, payload));
            }
        }
    }
}

#[test]
fn many_datagrams_at_once_all_arrive_in_order() {
    let relay = start(config());
    let mut visitor = Visitor::over_udp(&relay);
    let relayed = visitor.allocate();
    let (peer, at) = peer();
    visitor.bind(0x4000, at);
    let mut buffer = [0; 2000];
    // As many as the kernel's smallest buffers hold.
    for round in 0..50_u8 {
        for number in 0..40_u8 {
            visitor.say(&channel_data(0x4000, &[&[round, number][..], &[0; 1000]].concat()));
        }
        for number in 0..40 {
            assert_eq!(peer.recv_from(&mut buffer).unwrap(), (1002, relayed));
            assert_eq!(buffer[..2], [round, number]);
            peer.send_to(&buffer[..1002], relayed).unwrap();
        }
        for number in 0..40 {
            assert_eq!(visitor.hear()[4..6], [round, number]);
        }
    }
}

#[test]
fn garbage_is_survived() {
    let (config, trust) = tls_config();
    let relay = start(config);
    let mut visitor = Visitor::over_udp(&relay);
    for length in 0..1400 {
        visitor.say(&vec![length as u8; length]);
    }
    visitor.say(&vec![0x40; 20_000]);
    assert_eq!(visitor.ask(&binding(9)).id(), 9);
    until(&relay, |figures| figures.dropped_malformed > 500);
    for address in [relay.addresses().tcp[0], relay.addresses().tls[0]] {
        for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 2, 0, 1, 0], &[0xff; 3000], &[0x80]] {
            let mut stream = connect(address);
            stream.write_all(noise).unwrap();
            // It may be over by now. It may say why (TLS does), but it ends.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
    until(&relay, |figures| figures.connections == 0);
    assert_eq!(Visitor::over_tls(&relay, &trust).ask(&binding(10)).id(), 10);
}

#[test]
fn a_message_that_comes_byte_by_byte_is_understood() {
    let relay = start(config());
    let mut visitor = Visitor::over_tcp(&relay);
    let Way::Tcp(stream) = &mut visitor.way else { unreachable!() };
    for byte in binding(4).iter().chain(&binding(5)).chain(&binding(6)) {
        stream.write_all(&[*byte]).unwrap();
    }
    for id in [4, 5, 6] {
        assert_eq!(support::speech::Answer(visitor.hear()).id(), id);
    }
}

#[test]
fn a_connection_that_was_accepted_elsewhere_is_taken_over() {
    let (config, trust) = tls_config();
    let resolver = config.certificates.clone().unwrap();
    let relay = start(config);
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = elsewhere.local_addr().unwrap();
    let request = bare_allocate(3);
    // TLS, established already, and a whole request read.
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let client = rustls::ClientConnection::new(trust, name).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let server = Arc::new(server.with_no_client_auth().with_cert_resolver(resolver));
    let accepting = std::thread::spawn(move || {
        let (mut socket, _) = elsewhere.accept().unwrap();
        let mut tls = rustls::ServerConnection::new(server).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).unwrap();
        }
        let first = rustls::Stream::new(&mut tls, &mut socket).fill_buf().unwrap()[0];
        assert!(Relay::is_for_relay(first) && !Relay::is_for_relay(b'G') && !Relay::is_for_relay(0x16));
        (socket, tls)
    });
    let mut visitor = Visitor::new(Way::Tls(Box::new(rustls::StreamOwned::new(client, connect(at)))));
    visitor.say(&request);
    let (socket, tls) = accepting.join().unwrap();
    relay.entrance().adopt(socket, tls);
    assert_eq!(support::speech::Answer(visitor.hear()).code(), 401);
    converse(&mut visitor);
}

#[test]
fn a_relay_that_shuts_down_serves_whom_it_has_for_a_while() {
    let relay = start(config());
    let (tcp, udp) = (relay.addresses().tcp[0], relay.addresses().udp[0]);
    let mut visitor = Visitor::over_udp(&relay);
    let relayed = visitor.allocate();
    let (peer, at) = peer();
    visitor.bind(0x4000, at);
    let ending = std::thread::spawn(move || relay.shutdown(Duration::from_secs(60)));
    while std::net::TcpStream::connect(tcp).is_ok() {
        std::thread::yield_now();
    }
    visitor.say(&channel_data(0x4000, b"still"));
    assert_eq!(peer.recv_from(&mut [0; 9]).unwrap(), (5, relayed));
    let refresh = visitor.speaker.refresh(0);
    assert_eq!(visitor.ask(&refresh).code(), 0);
    ending.join().unwrap();
    assert!(UdpSocket::bind(udp).is_ok(), "its sockets are closed");
}

#[test]
fn orders_that_come_by_the_thousand_are_all_carried_out() {
    let relay = start(config());
    Visitor::over_udp(&relay).allocate();
    let usher = relay.usher();
    for stranger in 0..10_000 {
        usher.dismiss(stranger.to_string().parse().unwrap());
    }
    usher.dismiss("ana".parse().unwrap());
    until(&relay, |figures| figures.allocations == 0);
}

#[test]
fn a_relay_that_can_not_start_says_why() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let holder = std::net::TcpListener::bind(taken).unwrap();
    let refused = |change: &dyn Fn(&mut klatch_relay::Config)| {
        let mut config = config();
        change(&mut config);
        Relay::start(config, Arc::new(Everyone)).map(drop).expect_err("it starts")
    };
    let error = refused(&|config| config.listen = vec![taken]);
    assert!(matches!(error, StartError::Listen(address, _) if address == taken), "{error}");
    assert!(matches!(refused(&|config| config.listen.clear()), StartError::NoAddress));
    let two = ["203.0.113.1", "2001:db8::1", "203.0.113.2"].map(|ip| ip.parse().unwrap());
    let twice = refused(&|config| config.public_ips = two.to_vec());
    assert!(
        matches!(twice, StartError::TwoRelayedAddresses(one, other) if [one, other] == [two[0], two[2]]),
        "{twice}"
    );
    #[allow(clippy::reversed_empty_ranges, reason = "that is the case")]
    let backwards = refused(&|config| config.ports = 5000..=4000);
    assert!(matches!(backwards, StartError::NoPorts));
    let without = refused(&|config| config.tls_listen = vec!["127.0.0.1:0".parse().unwrap()]);
    assert!(matches!(without, StartError::NoCertificate));
    drop(holder);
}

#[test]
fn the_public_address_is_what_candidates_carry() {
    let public = "203.0.113.77".parse().unwrap();
    let relay = start(klatch_relay::Config { public_ips: vec![public], ports: 40_000..=40_999, ..config() });
    let (mut ana, mut ben) = (Visitor::over_udp(&relay), Visitor::over_udp(&relay));
    let (ana_at, ben_at) = (ana.allocate(), ben.allocate());
    assert!(ana_at.ip() == public && (40_000..41_000).contains(&ana_at.port()));
    // They reach each other by it, though no packet could.
    ana.bind(0x4000, ben_at);
    ben.bind(0x4000, ana_at);
    ana.say(&channel_data(0x4000, b"hi"));
    assert_eq!(ben.hear(), channel_data(0x4000, b"hi"));
    // And who knows where they really are can't get around it.
    let (_peer, at) = peer();
    ana.permit(at);
    let udp = relay.addresses().udp[0];
    let own = ana.speaker.bind(0x4001, udp);
    assert_eq!(ana.ask(&own).code(), 403);
}

#[test]
fn all_addresses_of_both_families_are_listened_on() {
    let relay = start(klatch_relay::Config { listen: vec!["[::]:0".parse().unwrap()], ..config() });
    let udp = &relay.addresses().udp;
    assert!(udp.iter().any(SocketAddr::is_ipv4));
    assert!(udp.iter().chain(&relay.addresses().tcp).all(|address| address.port() == udp[0].port()));
    let port = udp[0].port();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(&binding(5), ("127.0.0.1", port)).unwrap();
    let mut buffer = [0; 100];
    let (length, _) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(support::speech::Answer(buffer[..length].to_vec()).mapped(), socket.local_addr().unwrap());
}

/// An IPv4 address of this host's other than loopback, if it has one: from where it reaches others. Nothing is sent.
fn outward() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let found = socket.connect("1.1.1.1:9").and_then(|()| socket.local_addr()).ok();
    found.map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

#[test]
fn replies_leave_from_the_address_that_was_asked() {
    let Some(outward) = outward() else { return eprintln!("left out: this host has one address only") };
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let relay = start(klatch_relay::Config { listen: vec![listen.parse().unwrap()], ..config() });
        let port = relay.addresses().udp[0].port();
        assert!(relay.addresses().udp.iter().all(|address| address.ip().is_unspecified()));
        let loopback = std::net::IpAddr::from([127, 0, 0, 1]);
        // To each of them the kernel would rather reply from itself.
        for (from, to) in [(loopback, outward), (outward, loopback)] {
            let socket = UdpSocket::bind((from, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.connect((to, port)).unwrap();
            let mut visitor = Visitor::new(Way::Udp(socket));
            assert_eq!(visitor.ask(&binding(5)).id(), 5, "{from} asks {to}");
        }
        for taken in [outward, [0, 0, 0, 0].into()] {
            use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};
            let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
            sockopt::set_socket_reuseport(&socket, true).unwrap();
            assert!(bind(&socket, &SocketAddr::new(taken, port)).is_err(), "nobody else gets in at its port");
        }
    }
}

#[test]
fn what_is_relayed_leaves_from_the_address_that_candidates_carry() {
    let Some(outward) = outward() else { return eprintln!("left out: this host has one address only") };
    let behind_a_nat = "203.0.113.77".parse().unwrap();
    for public in [None, Some(outward), Some(behind_a_nat)] {
        let public_ips = public.into_iter().collect();
        let relay = start(klatch_relay::Config { listen: vec!["0.0.0.0:0".parse().unwrap()], public_ips, ..config() });
        let mut visitor = Visitor::over_tcp(&relay);
        let relayed = visitor.allocate();
        assert_eq!(relayed.ip(), public.unwrap_or(outward));
        let (peer, at) = peer();
        visitor.permit(at);
        visitor.say(&send(at, b"x"));
        let (_, from) = peer.recv_from(&mut [0; 9]).unwrap();
        assert_eq!(from, SocketAddr::new(outward, relayed.port()), "{public:?}");
    }
}

/// Whoever is asked for the room of a holder has an error in it.
struct Faulty;

impl Admission for Faulty {
    fn group(&self, _: &Holder) -> Option<Group> {
        panic!("asked, as this test wants it to be")
    }
}

#[test]
fn it_is_told_of_a_relay_that_has_failed() {
    let relay = Relay::start(config(), Arc::new(Faulty)).unwrap();
    let mut visitor = Visitor::over_udp(&relay);
    let challenge = visitor.ask(&bare_allocate(1));
    visitor.speaker.heed(&challenge);
    assert!(!relay.has_failed());
    let allocate = visitor.speaker.allocate();
    visitor.say(&allocate);
    let begun = Instant::now();
    while !relay.has_failed() {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}
