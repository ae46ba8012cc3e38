//! To whom the relay sends. A TURN server stands inside its host's network; what only that network may reach, and the
//! host itself, is refused (RFC 8656 §21.1.5).
//!
//! The host's own public addresses count as its network too: what listens there may trust whoever comes from the host, and no
//! firewall in front of it is passed. Relayed addresses are there as well, and are joined in process instead.
//!
//! What IANA's registries of special-purpose addresses (RFC 6890) don't call globally reachable is refused, and what they do but
//! where no member can be: anycast services of 2001::/23, which a network of one's own may answer, and identifiers that are no places. The
//! documentation ranges of RFC 5737 and RFC 3849 are not: nothing is routed there, so nothing is to protect, and labs use them.
//!
//! A network's own NAT64 prefix (RFC 6052 §2.2) can't be told from other addresses; what it leads to, its translator has to refuse.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::cidr::Cidr;

/// Which peers are refused.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Ranges that are reachable though their kind, or this host's own, is refused.
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
        is_public(ip) && !self.is_own(ip) || self.allow_peer.iter().any(|range| range.contains(ip))
    }

    /// Whether something may be sent there.
    pub(crate) fn lets_send(&self, peer: &SocketAddr) -> bool {
        peer.port() != 0 && self.lets_reach(peer.ip()) && !self.is_listening(peer)
    }

    /// Whether this is a socket of the relay's own, other than a relayed address.
    fn is_listening(&self, peer: &SocketAddr) -> bool {
        self.listening.contains(&peer.port()) && self.is_own(peer.ip())
    }

    /// Whether this leads to this host, be it through a router that takes an IPv4 address out of an IPv6 one.
    fn is_own(&self, ip: IpAddr) -> bool {
        let is_own = |ip: IpAddr| ip.is_loopback() || self.own.contains(&ip);
        let within = match ip {
            IpAddr::V4(_) => [None; 3],
            IpAddr::V6(ip) => within(ip),
        };
        is_own(ip) || within.into_iter().flatten().any(|ip| is_own(ip.into()))
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
            // Protocol assignments (NAT64 discovery, DS-Lite, PCP and TURN anycast), the 6to4 anycast, benchmarks.
            | [192, 0, 0, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            // Multicast, reserved, broadcast.
            | [224..=255, ..]
    )
}

/// Global unicast is 2000::/3. Outside it only the well-known NAT64 prefix leads to anywhere public; inside, some
/// addresses carry an IPv4 one to which a router may turn the packet, and some prefixes are special.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let is_nat64 = ip.segments()[..6] == NAT64;
    let is_special = match ip.segments() {
        // Protocol assignments but for Teredo: anycast services, benchmarks, ORCHID, DRIP.
        [0x2001, second, ..] => (1..=0x1ff).contains(&second),
        // The documentation of RFC 9637.
        [0x3fff, second, ..] => second <= 0xfff,
        _ => false,
    };
    let is_global = (0x2000..=0x3fff).contains(&ip.segments()[0]) && !is_special;
    (is_nat64 || is_global) && within(ip).into_iter().flatten().all(is_public_v4)
}

/// The well-known NAT64 prefix, 64:ff9b::/96.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// The IPv4 addresses to which a router may turn a packet for this one.
fn within(ip: Ipv6Addr) -> [Option<Ipv4Addr>; 3] {
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    let [a, b, c, d, e, f, g, h] = ip.segments();
    // ISATAP (RFC 5214 §6.1), behind whatever prefix.
    let isatap = if matches!((e, f), (0 | 0x200, 0x5efe)) { v4(g, h) } else { None };
    match [a, b, c, d, e, f] {
        NAT64 => [v4(g, h), None, None],
        // 6to4 (RFC 3056 §2).
        [0x2002, high, low, ..] => [v4(high, low), None, isatap],
        // Teredo (RFC 4380 §4): the server, and the client with its bits turned over.
        [0x2001, 0, high, low, ..] => [v4(high, low), v4(!g, !h), isatap],
        _ => [None, None, isatap],
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
            "2001:200::1",
            "2001:4860::8888",
            "3ffe::1",
            "3fff:1000::1",
            "2606:4700::5efe:8.8.8.8",
            "2620:4f:8000::1",
            "192.31.196.1",
            "192.0.2.1",
        ] {
            assert!(policy.lets_reach(ip.parse().expect(ip)), "{ip}");
            let peer = SocketAddr::new(ip.parse().expect(ip), 9);
            assert!(policy.lets_send(&peer), "{ip}");
            assert!(!policy.lets_send(&SocketAddr::new(peer.ip(), 0)), "{ip}, port 0");
        }
    }

    #[test]
    fn the_hosts_own_public_addresses_are_refused_in_every_form() {
        let own = ["198.51.100.1", "2001:db8:7::1"].map(|ip| ip.parse().unwrap()).to_vec();
        let policy = Policy { own, ..Policy::default() };
        for (own, neighbour) in [
            ("198.51.100.1", "198.51.100.2"),
            ("2001:db8:7::1", "2001:db8:7::2"),
            ("64:ff9b::198.51.100.1", "64:ff9b::198.51.100.2"),
            ("2002:c633:6401::1", "2002:c633:6402::1"),
            // Teredo: as its server, as its client.
            ("2001:0:c633:6401::f7f7:f7f7", "2001:0:c633:6402::f7f7:f7f7"),
            ("2001:0:808:808::39cc:9bfe", "2001:0:808:808::39cc:9bfd"),
        ] {
            assert!(!policy.lets_reach(own.parse().expect(own)), "{own}");
            assert!(policy.lets_reach(neighbour.parse().expect(neighbour)), "{neighbour}");
            let allow_peer = vec![own.parse().expect(own)];
            let allowing = Policy { allow_peer, ..policy.clone() };
            assert!(allowing.lets_reach(own.parse().expect(own)), "{own}, which is allowed");
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
            allow_peer: ["0.0.0.0/0", "::/0"].map(|range| range.parse().unwrap()).to_vec(),
            own: vec!["192.0.2.1".parse().unwrap()],
            listening: vec![3478],
        };
        for (peer, lets) in [
            ("192.0.2.1:3478", false),
            ("[64:ff9b::192.0.2.1]:3478", false),
            ("[2002:c000:201::1]:3478", false),
            ("127.0.0.1:3478", false),
            ("192.0.2.1:3479", true),
            ("192.0.2.2:3478", true),
            ("10.0.0.1:3478", true),
        ] {
            assert_eq!(policy.lets_send(&peer.parse().unwrap()), lets, "{peer}");
        }
    }
}
