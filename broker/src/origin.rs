//! Which pages may open a WebSocket here. Browsers say where a page comes from; others say nothing, and may.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::str::FromStr;

use hyper::Uri;
use hyper::header::{HeaderMap, ORIGIN};

/// A scheme, a host and a port (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// A text that is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is http:// or https://, a host, and perhaps a port: no path, no user")]
pub struct BadOrigin;

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let uri: Uri = text.parse().map_err(|_| BadOrigin)?;
        let scheme = uri.scheme_str().ok_or(BadOrigin)?.to_owned();
        let default = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(BadOrigin),
        };
        let authority = uri.authority().ok_or(BadOrigin)?;
        let host = authority.host().to_ascii_lowercase();
        // What is left of the authority beside host and port is a user; beside the authority, a path.
        let rest = text.get(scheme.len() + "://".len()..).ok_or(BadOrigin)?;
        let bare = rest.trim_end_matches('/').eq_ignore_ascii_case(authority.as_str());
        let port_is_whole = authority.as_str().len() == host.len() || authority.port_u16().is_some();
        if host.is_empty() || authority.as_str().contains('@') || !bare || !port_is_whole {
            return Err(BadOrigin);
        }
        Ok(Self { port: authority.port_u16().unwrap_or(default), scheme, host })
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => write!(f, "{}://{}", self.scheme, self.host),
            _ => write!(f, "{}://{}:{}", self.scheme, self.host, self.port),
        }
    }
}

impl Origin {
    /// The host; an IPv6 address has its brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The host, without brackets.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The host, with the port unless it is the usual one, as a request names it.
    pub(crate) fn authority(&self) -> String {
        let url = self.to_string();
        url.split_once("://").map_or(&*url, |(_, authority)| authority).to_owned()
    }

    /// Whether its pages come over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The same, at another port.
    pub(crate) fn at(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The host, if it is an address.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.bare_host().parse().ok()
    }
}

/// The origins that are let in.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    allowed: Vec<Origin>,
    listening: Vec<SocketAddr>,
    /// What is spoken there.
    is_https: bool,
}

impl Origins {
    /// Those that were named, and what the listening addresses imply.
    pub(crate) fn new(allowed: Vec<Origin>, listening: Vec<SocketAddr>, is_https: bool) -> Self {
        Self { allowed, listening, is_https }
    }

    /// Whether a request with these headers may open a WebSocket.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).into_iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => {
                origin.to_str().ok().and_then(|text| text.parse().ok()).is_some_and(|origin| self.allows(&origin))
            }
            (Some(_), Some(_)) => false,
        }
    }

    /// Whether pages of this origin may.
    pub(crate) fn allows(&self, origin: &Origin) -> bool {
        self.allowed.contains(origin)
            || (origin.is_https() == self.is_https && self.listening.iter().any(|address| serves(*address, origin)))
    }
}

/// Whether a page of this origin comes from what listens on `address`.
fn serves(address: SocketAddr, origin: &Origin) -> bool {
    if origin.port != address.port() {
        return false;
    }
    match origin.ip() {
        None => origin.host == "localhost",
        Some(ip) if ip == IpAddr::from([127, 0, 0, 1]) || ip == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]) => true,
        Some(ip) if address.ip().is_unspecified() => is_of_this_machine(ip),
        Some(ip) => ip == address.ip().to_canonical(),
    }
}

/// Only an address of this machine can be bound to. Asked each time, because networks come and go.
fn is_of_this_machine(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast() && UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().expect(text)
    }

    fn origins(allowed: &[&str], listening: &str) -> Origins {
        let allowed = allowed.iter().map(|text| origin(text)).collect();
        Origins::new(allowed, vec![listening.parse().expect("an address")], false)
    }

    fn admits(origins: &Origins, text: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, text.parse().expect("a value"));
        origins.admit(&headers)
    }

    #[test]
    fn an_origin_has_a_scheme_a_host_and_a_port_and_nothing_else() {
        assert_eq!(origin("https://Meet.example"), origin("https://meet.example:443"));
        assert_eq!(origin("http://[::1]:8080").to_string(), "http://[::1]:8080");
        assert_eq!(origin("https://meet.example:443/").to_string(), "https://meet.example");
        for bad in [
            "null",
            "",
            "meet.example",
            "ftp://meet.example",
            "https://",
            "https://meet.example/path",
            "https://u@meet.example",
            "https://meet.example:0x",
            "https://meet.example?x",
            "https://meet.example:99999",
            "file:///etc/passwd",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(BadOrigin), "{bad}");
        }
    }

    #[test]
    fn the_public_url_and_what_is_allowed_are_let_in() {
        let origins = origins(&["https://meet.example", "http://other.example:81"], "127.0.0.1:8080");
        assert!(admits(&origins, "https://meet.example"));
        assert!(admits(&origins, "http://other.example:81"));
        assert!(!admits(&origins, "http://meet.example"));
        assert!(!admits(&origins, "https://meet.example.evil"));
        assert!(!admits(&origins, "null"));
    }

    #[test]
    fn this_machine_is_let_in_at_the_bound_port_alone() {
        let origins = origins(&[], "192.0.2.7:8080");
        for good in ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "http://192.0.2.7:8080"] {
            assert!(admits(&origins, good), "{good}");
        }
        for bad in ["http://localhost:8081", "http://localhost", "https://localhost:8080", "http://192.0.2.8:8080"] {
            assert!(!admits(&origins, bad), "{bad}");
        }
    }

    #[test]
    fn over_tls_this_machine_is_let_in_over_tls_alone() {
        let origins = Origins { is_https: true, ..origins(&[], "192.0.2.7:8443") };
        for good in ["https://localhost:8443", "https://127.0.0.1:8443", "https://192.0.2.7:8443"] {
            assert!(admits(&origins, good), "{good}");
        }
        for bad in ["http://localhost:8443", "http://192.0.2.7:8443", "https://192.0.2.7"] {
            assert!(!admits(&origins, bad), "{bad}");
        }
    }

    #[test]
    fn behind_a_wildcard_each_address_of_this_machine_is_let_in() {
        let origins = origins(&[], "0.0.0.0:8080");
        assert!(admits(&origins, "http://127.0.0.2:8080"));
        assert!(!admits(&origins, "http://192.0.2.9:8080"));
        assert!(!admits(&origins, "http://0.0.0.0:8080"));
        assert!(!admits(&origins, "http://224.0.0.1:8080"));
    }

    #[test]
    fn who_sends_no_origin_is_no_browser_and_two_origins_are_none() {
        let origins = origins(&[], "127.0.0.1:8080");
        assert!(origins.admit(&HeaderMap::new()));
        let mut twice = HeaderMap::new();
        twice.append(ORIGIN, "http://localhost:8080".parse().expect("a value"));
        twice.append(ORIGIN, "http://localhost:8080".parse().expect("a value"));
        assert!(!origins.admit(&twice));
    }
}
