//! To whom the relay sends. A TURN server stands inside its host's network; what only that network may reach, and the
//! host itself, is refused (RFC 8656 §21.1.5).
//!
//! The documentation ranges are not refused: nothing is routed there, so nothing is to protect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::cidr::Cidr;

/// Which peers are refused.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Ranges that are reachable though their kind is refused.
    pub allow_peer: Vec<Cidr>,
    /// This host's own addresses: those of its interfaces, and those that it has on the other side of a NAT.
    pub own: Vec<IpAddr>,
    /// Where this relay listens, at any of its own addresses. `allow_peer` does not except from these: a relay that sends
    /// to itself goes round in circles.
    pub listening: Vec<u16>,
}

impl Policy {
    /// Whether a permission may be had for this address.
    pub(crate) fn lets_reach(&self, ip: IpAddr) -> bool {
        is_public(ip) || self.allow_peer.iter().any(|range| range.contains(ip))
    }

    /// Whether this is a socket of the relay's own, other than a relayed address.
    pub(crate) fn is_listening(&self, peer: &SocketAddr) -> bool {
        self.listening.contains(&peer.port()) && (peer.ip().is_loopback() || self.own.contains(&peer.ip()))
    }

    /// Whether something may be sent there.
    pub(crate) fn lets_send(&self, peer: &SocketAddr) -> bool {
        peer.port() != 0 && self.lets_reach(peer.ip()) && !self.is_listening(peer)
    }
}

/// Whether an address belongs to somebody anywhere, and not to a network of one's own.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !matches!(
        ip.octets(),
        [0 | 10 | 127, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            // Protocol assignments (NAT64 discovery, DS-Lite), the 6to4 anycast, benchmarks inside a network.
            | [192, 0, 0, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            // Multicast, reserved, broadcast.
            | [224..=255, ..]
    )
}

/// Global unicast is 2000::/3. Outside it only the well-known NAT64 prefix leads to anywhere public; inside, some
/// prefixes carry an IPv4 address to which a router may turn the packet.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, _, _, g, h] = ip.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d] {
        [0x64, 0xff9b, 0, 0] => ip.segments()[4..6] == [0, 0] && is_public_v4(v4(g, h)),
        // 6to4.
        [0x2002, high, low, _] => is_public_v4(v4(high, low)),
        // Teredo: the server, and the client with its bits turned over.
        [0x2001, 0, high, low] => is_public_v4(v4(high, low)) && is_public_v4(v4(!g, !h)),
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of every kind that is refused.
    const REFUSED: &str = include_str!("../tests/refused.txt");

    #[test]
    fn networks_of_ones_own_are_refused_in_every_form() {
        let policy = Policy::default();
        for ip in REFUSED.lines() {
            assert!(!policy.lets_reach(ip.parse().expect(ip)), "{ip}");
        }
    }

    #[test]
    fn what_is_public_is_reachable() {
        let policy = Policy::default();
        for ip in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "203.0.113.9",
            "223.255.255.255",
            "2606:4700::1111",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:0:808:808::f7f7:f7f7",
            "2001:db8::1",
        ] {
            assert!(policy.lets_reach(ip.parse().expect(ip)), "{ip}");
            let peer = SocketAddr::new(ip.parse().expect(ip), 9);
            assert!(policy.lets_send(&peer), "{ip}");
            assert!(!policy.lets_send(&SocketAddr::new(peer.ip(), 0)), "{ip}, port 0");
        }
    }

    #[test]
    fn a_range_that_is_allowed_is_reachable_but_no_other_form_of_it() {
        let policy = Policy { allow_peer: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() };
        assert!(policy.lets_reach("127.0.0.1".parse().unwrap()));
        assert!(!policy.lets_reach("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!policy.lets_reach("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn the_relays_own_sockets_are_refused_whatever_is_allowed() {
        let policy = Policy {
            allow_peer: vec!["0.0.0.0/0".parse().unwrap()],
            own: vec!["192.0.2.1".parse().unwrap()],
            listening: vec![3478],
        };
        for (peer, lets) in [
            ("192.0.2.1:3478", false),
            ("127.0.0.1:3478", false),
            ("192.0.2.1:3479", true),
            ("192.0.2.2:3478", true),
            ("10.0.0.1:3478", true),
        ] {
            assert_eq!(policy.lets_send(&peer.parse().unwrap()), lets, "{peer}");
        }
    }
}
