//! The relay judged by somebody else: coturn's own clients, `turnutils_uclient` and `turnutils_stunclient`, against it over
//! UDP, TCP and TLS, with channels and with indications, to a peer and to each other.
//!
//! Where they are not installed (Debian's package `coturn`), these tests say so and are left out.

#![allow(clippy::unwrap_used, reason = "a test fails where that fails")]

mod support;

use std::io::Write as _;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

use klatch_relay::{Limits, Relay};
use support::visitor::{start, tls_config};
use support::world::SECRET;

/// A program of coturn's, if it is there.
fn tool(name: &str) -> Option<Command> {
    let found = std::env::split_paths(&std::env::var_os("PATH")?).any(|folder| folder.join(name).is_file());
    if !found {
        // Past what the test runner keeps to itself.
        let _ = writeln!(std::io::stdout(), "LEFT OUT: {name} is not installed (Debian: coturn)");
    }
    found.then(|| Command::new(name))
}

/// A peer that echoes, ended when dropped.
struct Peer(Child, u16);

impl Peer {
    fn start() -> Option<Self> {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut peer = tool("turnutils_peer")?;
        let quiet = peer.args(["-L", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let peer = Self(quiet.spawn().unwrap(), port);
        let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
        probe.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
        // It echoes, once it listens.
        let is_up = (0..200).any(|_| {
            let _ = probe.send_to(b"are you there", ("127.0.0.1", port));
            probe.recv(&mut [0; 100]).is_ok()
        });
        assert!(is_up, "turnutils_peer does not echo");
        Some(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn relay() -> Relay {
    let (mut config, _) = tls_config();
    config.limits = Limits { allocations_per_credential: 1000, ..Limits::default() };
    start(config)
}

/// Runs `turnutils_uclient` with these arguments and 4 clients that send 50 messages each: none may be lost. It gives up
/// what comes late, so that on a busy machine it may have to be asked again; the relay itself must drop nothing in any run.
fn uclient(relay: &Relay, peer: Option<&Peer>, port: u16, arguments: &[&str]) -> bool {
    let mut heard = String::new();
    for _ in 0..3 {
        let Some(mut client) = tool("turnutils_uclient") else { return false };
        let secret = std::str::from_utf8(SECRET).unwrap();
        client.args(["-n", "50", "-m", "4", "-l", "300", "-z", "5", "-c", "-W", secret, "-u", "alice"]);
        client.args(["-p", &port.to_string()]).args(arguments);
        match peer {
            Some(peer) => client.args(["-e", "127.0.0.1", "-r", &peer.1.to_string()]),
            None => client.arg("-y"),
        };
        let output = client.arg("127.0.0.1").output().unwrap();
        heard = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let figures = relay.figures();
        let dropped = figures.dropped_unsent + figures.dropped_excess + figures.dropped_forbidden;
        assert_eq!(dropped, 0, "{arguments:?}: {figures:?}\n{heard}");
        // It exits with 0 even if nothing got through.
        let last = |what: &str| heard.lines().rfind(|line| line.contains(what)).unwrap_or_default();
        let is_whole = last("tot_recv_msgs").contains("tot_recv_msgs=200");
        if is_whole && last("Total lost packets").contains("Total lost packets 0 ") {
            return true;
        }
        eprintln!("{arguments:?}, asked again: {}", last("Total lost packets"));
    }
    panic!("{arguments:?}: {:?}\n{heard}", relay.figures());
}

#[test]
fn coturns_client_loses_nothing_over_udp_tcp_and_tls_by_channels_and_indications() {
    let Some(peer) = Peer::start() else { return };
    let relay = relay();
    let addresses = relay.addresses();
    let (udp, tcp, tls) = (addresses.udp[0].port(), addresses.tcp[0].port(), addresses.tls[0].port());
    for (port, way) in [(udp, &[][..]), (tcp, &["-t"]), (tls, &["-t", "-S"])] {
        for sending in [&[][..], &["-s"]] {
            let arguments = [way, sending].concat();
            uclient(&relay, Some(&peer), port, &arguments);
        }
    }
    let figures = relay.figures();
    assert!(figures.packets_to_peers >= 1200 && figures.packets_to_clients >= 1200, "{figures:?}");
    assert_eq!(figures.dropped_unsent + figures.dropped_excess + figures.dropped_forbidden, 0, "{figures:?}");
}

#[test]
fn coturns_clients_reach_each_other_in_process() {
    let relay = relay();
    let addresses = relay.addresses();
    for (port, arguments) in
        [(addresses.udp[0].port(), &[][..]), (addresses.udp[0].port(), &["-s"]), (addresses.tcp[0].port(), &["-t"])]
    {
        if !uclient(&relay, None, port, arguments) {
            return;
        }
    }
    // What goes from client to client is counted in both directions, and no socket has seen it.
    let figures = relay.figures();
    assert_eq!(figures.packets_to_peers, figures.packets_to_clients, "{figures:?}");
    assert!(figures.packets_to_peers >= 600);
}

#[test]
fn coturns_stun_client_is_told_its_address() {
    let Some(mut client) = tool("turnutils_stunclient") else { return };
    let relay = relay();
    let output = client.args(["-p", &relay.addresses().udp[0].port().to_string(), "127.0.0.1"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("UDP reflexive addr: 127.0.0.1:"), "{text}");
}
