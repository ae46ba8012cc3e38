//! Where a connection comes from, as far as bounds are counted: one IPv4 address or one IPv6 /64.

use std::net::{IpAddr, Ipv6Addr};

/// An address to count by. Whoever has one IPv6 address has its whole /64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(IpAddr);

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(IpAddr::V4(ip)),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }
}

impl Address {
    /// As it is told at `debug`, and nowhere else.
    pub(crate) fn unredacted(self) -> String {
        match self.0 {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(network) => format!("{network}/64"),
        }
    }
}

/// Redacted: who connects is nobody's business in a log.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().expect(text).into()
    }

    #[test]
    fn one_network_of_ipv6_counts_as_one_address() {
        assert_eq!(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
    }

    #[test]
    fn an_ipv4_address_is_the_same_over_an_ipv6_socket() {
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }

    #[test]
    fn nobody_is_told_by_mistake() {
        for (text, told) in [("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2::9", "2001:db8:1:2::/64")] {
            assert_eq!(
                (format!("{:?}", address(text)), address(text).unredacted()),
                ("Address(…)".into(), told.into())
            );
        }
    }
}
