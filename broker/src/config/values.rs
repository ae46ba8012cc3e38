//! What flags take that others have a type for, and not the sentence that tells what is meant.

use std::net::{IpAddr, SocketAddr};

/// A text that a flag does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadValue {
    /// No address with a port.
    #[error("an address is an IP address and a port, as in 127.0.0.1:8080, or [::]:8080 for all of this machine's")]
    Socket,
    /// No address.
    #[error("an address is of IPv4, as in 203.0.113.7, or of IPv6, as in 2001:db8::7")]
    Ip,
    /// An address that is nobody's.
    #[error("{0} is no address that others reach a machine at")]
    Nobody(IpAddr),
    /// No number, or one that is too small or too large.
    #[error("it is a whole number from {0} to {1}")]
    Number(u32, u32),
    /// Nowhere to write to.
    #[error("an e-mail address is a name, @ and a host, as in host@meet.example")]
    Email,
}

/// Where to listen.
pub(crate) fn socket(text: &str) -> Result<SocketAddr, BadValue> {
    text.parse().map_err(|_| BadValue::Socket)
}

/// A number from the least to the most.
pub(crate) fn number(least: u32, most: u32) -> impl Fn(&str) -> Result<u32, BadValue> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or(BadValue::Number(least, most))
    }
}

/// Where somebody can be written to, as far as that is seen.
pub(crate) fn email(text: &str) -> Result<String, BadValue> {
    let is_whole = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    let is_one = !text.contains(char::is_whitespace) && text.matches('@').count() == 1;
    if is_whole && is_one { Ok(text.to_owned()) } else { Err(BadValue::Email) }
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
    fn what_is_meant_is_told_with_an_example() {
        for bad in ["8080", "localhost:8080", "127.0.0.1", "::1:80", ":80", ""] {
            assert_eq!(socket(bad), Err(BadValue::Socket), "{bad}");
        }
        assert!(BadValue::Socket.to_string().split([' ', ',']).filter(|word| socket(word).is_ok()).count() == 2);
        for bad in ["foo", "@", "a@", "@b.example", "a b@c.example", "a@b@c.example", "a@b.example\n"] {
            assert_eq!(email(bad), Err(BadValue::Email), "{bad}");
        }
        assert!(BadValue::Email.to_string().split(' ').any(|word| email(word).is_ok()));
    }

    #[test]
    fn a_number_that_is_not_meant_is_told_by_which_are() {
        let members = number(1, 64);
        assert_eq!((members("1"), members("64")), (Ok(1), Ok(64)));
        for bad in ["abc", "", "0", "65", "-1", "1.5", "4294967296"] {
            assert_eq!(
                members(bad).map_err(|error| error.to_string()),
                Err("it is a whole number from 1 to 64".into())
            );
        }
    }

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
