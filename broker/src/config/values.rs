//! What flags take that others have a type for, and not the sentence that tells what is meant.

use std::net::IpAddr;

/// A text that a flag does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadValue {
    /// No address.
    #[error("an address is of IPv4, as in 203.0.113.7, or of IPv6, as in 2001:db8::7")]
    Ip,
    /// An address that is nobody's.
    #[error("{0} is no address that others reach a machine at")]
    Nobody(IpAddr),
}

/// An address by which others may reach this machine.
pub(crate) fn public_ip(text: &str) -> Result<IpAddr, BadValue> {
    let ip: IpAddr = text.parse().map_err(|_| BadValue::Ip)?;
    let is_nobodys = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast(),
    };
    if is_nobodys { Err(BadValue::Nobody(ip)) } else { Ok(ip) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_machine_is_its_own_alone() {
        for good in ["203.0.113.7", "10.0.0.7", "127.0.0.1", "2001:db8::7"] {
            assert_eq!(public_ip(good).map(|ip| ip.to_string()).as_deref(), Ok(good));
        }
        for nobodys in ["0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "255.255.255.255"] {
            assert!(matches!(public_ip(nobodys), Err(BadValue::Nobody(_))), "{nobodys}");
        }
        assert_eq!(public_ip("relay.example"), Err(BadValue::Ip));
    }
}
