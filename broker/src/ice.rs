//! The STUN and TURN servers that members are told of.

use std::str::FromStr;

use klatch_shared::wire::{IceServer, IceServers};

/// `stun:host`, `turn:host:port?transport=udp` and the like (RFC 7064, RFC 7065).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceUrl(String);

/// A text that names no such server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an ICE server is stun:HOST[:PORT], or turn: or turns:HOST[:PORT] with perhaps ?transport=udp or tcp")]
pub struct BadIceUrl;

impl FromStr for IceUrl {
    type Err = BadIceUrl;

    fn from_str(text: &str) -> Result<Self, BadIceUrl> {
        let (scheme, rest) = text.split_once(':').ok_or(BadIceUrl)?;
        let address = match (scheme, rest.split_once('?')) {
            ("stun" | "stuns" | "turn" | "turns", None) => rest,
            ("turn" | "turns", Some((address, "transport=udp" | "transport=tcp"))) => address,
            _ => return Err(BadIceUrl),
        };
        if is_host_and_port(address) { Ok(Self(text.into())) } else { Err(BadIceUrl) }
    }
}

impl IceUrl {
    /// Whether browsers refuse it without a user name and a password.
    pub fn needs_credentials(&self) -> bool {
        self.0.starts_with("turn")
    }
}

/// What members are handed: only what a browser takes as it is. One server without the credentials that it needs would
/// make it refuse all of them.
pub(crate) fn servers(urls: &[IceUrl]) -> IceServers {
    let server = |url: &IceUrl| IceServer { urls: vec![url.0.clone()], username: None, credential: None };
    IceServers { ice_servers: urls.iter().filter(|url| !url.needs_credentials()).map(server).collect() }
}

fn is_host_and_port(address: &str) -> bool {
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, rest)) => {
            if ip.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            match rest.strip_prefix(':') {
                Some(port) => (ip, Some(port)),
                None if rest.is_empty() => (ip, None),
                None => return false,
            }
        }
        None => {
            let (host, port) = address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port)));
            if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
                return false;
            }
            (host, port)
        }
    };
    let is_port =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.is_empty() && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stun_and_turn_urls_are_taken_as_they_are() {
        for good in [
            "stun:stun.example",
            "stun:stun.example:3478",
            "stun:192.0.2.1",
            "stun:[2001:db8::1]:3478",
            "turn:turn.example?transport=udp",
            "turns:turn.example:443?transport=tcp",
        ] {
            let url: IceUrl = good.parse().expect(good);
            assert_eq!(url.0, good);
            let handed: Vec<_> = servers(&[url]).ice_servers.into_iter().flat_map(|server| server.urls).collect();
            assert_eq!(handed.first().map(String::as_str), good.starts_with("stun").then_some(good));
        }
    }

    #[test]
    fn anything_else_is_not() {
        for bad in [
            "",
            "stun",
            "stun:",
            "stun://stun.example",
            "http://stun.example",
            "stun:a?transport=udp",
            "turn:a?transport=sctp",
            "stun:a:0",
            "stun:a:65536",
            "stun:a:",
            "stun:[::1",
            "stun:[x]",
            "stun:[::1]x",
            "turn:user@a",
            "stun:a b",
            "stun:a:+1",
        ] {
            assert_eq!(bad.parse::<IceUrl>(), Err(BadIceUrl), "{bad}");
        }
    }
}
