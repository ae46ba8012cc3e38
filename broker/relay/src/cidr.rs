//! A range of addresses, written `10.0.0.0/8` or `fd00::/8`; one address alone stands for itself.

use std::net::IpAddr;
use std::str::FromStr;

/// A network and how many leading bits of it count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    bits: u8,
}

/// A text that names no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a range of addresses is ADDRESS or ADDRESS/BITS")]
pub struct BadCidr;

impl Cidr {
    /// Whether `ip` lies in it. An IPv4 range holds no IPv6 address in whatever form, and the other way round.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                (u32::from(network) ^ u32::from(ip)).checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                (u128::from(network) ^ u128::from(ip)).checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Whether every address of its family lies in it.
    pub fn is_everybody(&self) -> bool {
        self.bits == 0
    }
}

impl FromStr for Cidr {
    type Err = BadCidr;

    fn from_str(text: &str) -> Result<Self, BadCidr> {
        let (network, bits) = match text.split_once('/') {
            Some((network, bits)) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (network, Some(bits.parse::<u8>().map_err(|_| BadCidr)?))
            }
            Some(_) => return Err(BadCidr),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| BadCidr)?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits <= most { Ok(Self { network, bits }) } else { Err(BadCidr) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_own_and_no_other() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/8", "10.255.0.1", "::ffff:10.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("::/0", "ffff::", "0.0.0.0"),
            ("fd00::/8", "fdff::1", "fc00::1"),
            ("::1/128", "::1", "::2"),
        ] {
            let cidr: Cidr = range.parse().expect(range);
            assert!(cidr.contains(inside.parse().unwrap()), "{range} {inside}");
            assert!(!cidr.contains(outside.parse().unwrap()), "{range} {outside}");
        }
    }

    #[test]
    fn anything_else_is_no_range() {
        for bad in ["", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0/8", "host/8", "10.0.0.0/8/8"]
        {
            assert_eq!(bad.parse::<Cidr>(), Err(BadCidr), "{bad}");
        }
    }
}
