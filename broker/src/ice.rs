//! The STUN and TURN servers that members are told of.

use std::fmt;
use std::str::FromStr;

use klatch_relay::{Holder, Secret};
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

impl fmt::Display for IceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For how many seconds new allocations can be made with what a member is handed.
const CREDENTIAL_SECONDS: u32 = 600;

/// Everything that members are told of, in order of preference.
#[derive(Debug, Default)]
pub(crate) struct Servers(Vec<Kin>);

/// Servers that take the same credentials.
#[derive(Debug)]
struct Kin {
    urls: Vec<String>,
    /// What credentials are made with, where they are needed.
    secret: Option<Secret>,
}

impl Servers {
    /// Adds outside servers; credentials for those that need them are made with `secret`.
    ///
    /// # Errors
    /// The first that needs a secret where there is none. It must not be handed out: browsers refuse a whole list for it.
    pub(crate) fn add_outside(&mut self, urls: &[IceUrl], secret: Option<Secret>) -> Result<(), IceUrl> {
        let (turn, stun): (Vec<_>, Vec<_>) = urls.iter().partition(|url| url.needs_credentials());
        if let (Some(url), None) = (turn.first(), &secret) {
            return Err((*url).clone());
        }
        self.add(stun.into_iter().map(ToString::to_string).collect(), None);
        self.add(turn.into_iter().map(ToString::to_string).collect(), secret);
        Ok(())
    }

    /// Adds servers; where there is a secret, credentials for them are made with it.
    pub(crate) fn add(&mut self, urls: Vec<String>, secret: Option<Secret>) {
        if !urls.is_empty() {
            self.0.push(Kin { urls, secret });
        }
    }

    /// What a member is handed at `unix` (seconds since 1970).
    pub(crate) fn handed_to(&self, holder: &Holder, unix: u64) -> IceServers {
        let server = |Kin { urls, secret }: &Kin| {
            let made = secret.as_ref().map(|secret| secret.credentials(holder, unix, CREDENTIAL_SECONDS));
            let (username, credential) = made.map(|made| (made.username, made.password)).unzip();
            IceServer { urls: urls.clone(), username, credential }
        };
        IceServers { ice_servers: self.0.iter().map(server).collect() }
    }
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

    fn url(text: &str) -> IceUrl {
        text.parse().expect(text)
    }

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
            assert_eq!(url(good).to_string(), good);
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
    #[test]
    fn turn_servers_are_handed_out_with_credentials_that_end_and_stun_servers_without() {
        let mut servers = Servers::default();
        let urls = ["turn:turn.example", "stun:stun.example", "turns:turn.example:443?transport=tcp"].map(url);
        servers.add_outside(&urls, Secret::new(b"north").ok()).expect("a secret");
        let handed = servers.handed_to(&"alice".parse().expect("a holder"), 1_700_000_000).ice_servers;
        let [stun, turn] = &handed[..] else { panic!("{handed:?}") };
        assert_eq!((&stun.urls[..], &stun.username), (&["stun:stun.example".to_owned()][..], &None));
        assert_eq!(turn.urls, ["turn:turn.example", "turns:turn.example:443?transport=tcp"]);
        assert_eq!(turn.username.as_deref(), Some("1700000600:alice"));
        // echo -n 1700000600:alice | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(turn.credential.as_deref(), Some("gthUwOpcRoLI0MMCziCEBOWYnpo="));
    }

    #[test]
    fn a_server_that_needs_a_secret_is_not_handed_out_without() {
        let turn = url("turn:turn.example");
        let added = Servers::default().add_outside(&[url("stun:stun.example"), turn.clone()], None);
        assert_eq!(added, Err(turn));
        let mut servers = Servers::default();
        servers.add_outside(&[url("stun:stun.example")], None).expect("needs none");
        assert_eq!(servers.handed_to(&Holder::random(), 0).ice_servers.len(), 1);
    }
}
