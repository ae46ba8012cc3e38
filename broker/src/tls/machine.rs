//! What this machine is called, and those of its addresses that others find it by for longer than a day or a container.

use std::fs;
use std::iter;
use std::net::{IpAddr, Ipv6Addr};

use klatch_relay::own_interfaces;
use rustls::pki_types::DnsName;

/// How many addresses it is for at most.
const ADDRESSES: usize = 64;
/// How many of those that it had earlier are remembered.
const EARLIER: usize = 16;
/// What the system says of its IPv6 addresses.
const IPV6_TABLE: &str = "/proc/net/if_inet6";
/// IFA_F_TEMPORARY, of which there is another each day, and IFA_F_DEPRECATED, which are about to go (linux/if_addr.h).
const PASSING: u32 = 0x01 | 0x20;
/// How interfaces are called that lead to containers alone, which come and go.
const OF_CONTAINERS: [&str; 4] = ["docker", "podman", "cni", "veth"];
/// What Docker calls the others, before twelve hexadecimal digits. Routers call theirs so too, as `br-lan`.
const BRIDGE: &str = "br-";

/// What this machine is called by, and its addresses.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) hosts: Vec<String>,
    pub(crate) addresses: Vec<IpAddr>,
}

impl Names {
    /// This machine's.
    pub(crate) fn of_this_machine() -> Self {
        let hosts = hosts(&rustix::system::uname().nodename().to_string_lossy());
        let passing = passing(&fs::read_to_string(IPV6_TABLE).unwrap_or_default());
        Self { hosts, addresses: lasting(own_interfaces(), &passing) }
    }

    /// With those that it had earlier, the latest first.
    pub(crate) fn with_earlier(mut self, earlier: &[IpAddr]) -> Self {
        let gone: Vec<_> = earlier.iter().filter(|ip| !self.addresses.contains(ip)).take(EARLIER).copied().collect();
        self.addresses.extend(gone);
        self
    }

    /// Each of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = String> {
        self.hosts.iter().cloned().chain(self.addresses.iter().map(ToString::to_string))
    }
}

/// How a machine of this name is found. What can't be asked for by DNS, as machines may be called too, is left out: no certificate is for it.
pub(super) fn hosts(name: &str) -> Vec<String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let mut hosts = vec!["localhost".to_owned()];
    if name != "localhost" {
        // As machines without a name server find each other (RFC 6762).
        let local = (!name.contains('.')).then(|| format!("{name}.local"));
        hosts.extend(iter::once(name).chain(local).filter(|name| DnsName::try_from(name.as_str()).is_ok()));
    }
    hosts
}

/// Those that are good on the network, and stay.
fn lasting(interfaces: Vec<(String, IpAddr)>, passing: &[Ipv6Addr]) -> Vec<IpAddr> {
    let is_useful = |ip: &IpAddr| match ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(ip) => !ip.is_unicast_link_local() && !passing.contains(ip),
    };
    let interfaces = interfaces.into_iter().filter(|(name, _)| !is_of_containers(name));
    let mut addresses: Vec<_> = interfaces.map(|(_, ip)| ip).filter(is_useful).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(ADDRESSES);
    addresses
}

/// Those that the system's table says will be gone: a line each, the address first, its flags in the fifth place.
fn passing(table: &str) -> Vec<Ipv6Addr> {
    let passing = |line: &str| {
        let mut parts = line.split_whitespace();
        let ip = u128::from_str_radix(parts.next()?, 16).ok()?;
        let flags = u32::from_str_radix(parts.nth(3)?, 16).ok()?;
        (flags & PASSING != 0).then(|| Ipv6Addr::from_bits(ip))
    };
    table.lines().filter_map(passing).collect()
}

fn is_of_containers(interface: &str) -> bool {
    let is_id = |rest: &str| rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    OF_CONTAINERS.iter().any(|name| interface.starts_with(name)) || interface.strip_prefix(BRIDGE).is_some_and(is_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    const TABLE: &str = "\
20010db8000000000000000000000001 02 40 00 00     eth0
20010db800000000aaaaaaaaaaaaaaaa 02 40 00 01     eth0
20010db800000000bbbbbbbbbbbbbbbb 02 40 00 21     eth0
20010db8000000010000000000000001 02 40 00 20     eth0
fe80000000000000021122fffe334455 02 40 20 80     eth0
nonsense
00000000000000000000000000000001 01 80 10 80       lo
";

    #[test]
    fn addresses_of_a_day_and_those_of_containers_are_left_out() {
        let interfaces = [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("eth0", "192.0.2.7"),
            ("eth0", "2001:db8::1"),
            ("eth0", "2001:db8::aaaa:aaaa:aaaa:aaaa"),
            ("eth0", "2001:db8::bbbb:bbbb:bbbb:bbbb"),
            ("eth0", "2001:db8:0:1::1"),
            ("eth0", "fe80::211:22ff:fe33:4455"),
            ("br-lan", "192.0.2.8"),
            ("br-0123456789ab", "172.18.0.1"),
            ("docker0", "172.17.0.1"),
            ("podman0", "10.88.0.1"),
            ("cni0", "10.85.0.1"),
            ("veth12ab", "169.254.1.1"),
        ];
        let interfaces = interfaces.map(|(name, ip)| (name.to_owned(), ip.parse().expect(ip)));
        let found = lasting(interfaces.to_vec(), &passing(TABLE));
        assert_eq!(found, ips(&["127.0.0.1", "192.0.2.7", "192.0.2.8", "::1", "2001:db8::1"]));
        assert_eq!(passing(""), [] as [Ipv6Addr; 0], "where the system says nothing all are taken for lasting");
    }

    #[test]
    fn earlier_addresses_stay_behind_those_of_now_and_are_bounded() {
        let now = Names { hosts: Vec::new(), addresses: ips(&["192.0.2.1"]) };
        let earlier: Vec<_> = (1..=100).map(|last| IpAddr::from([192, 0, 2, last])).collect();
        let all = now.with_earlier(&earlier).addresses;
        assert_eq!((all.len(), &all[..3]), (1 + EARLIER, &earlier[..3]));
    }
}
