//! Whom a request is from, where proxies stand in front: `X-Forwarded-For` and `X-Forwarded-Proto` are believed of those that the host
//! named, and of nobody else, as anybody can write them.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use hyper::header::{HeaderMap, HeaderName, ORIGIN};
use klatch_relay::Cidr;

use crate::stranger::{Stranger, Trace};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies that are believed.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    trusted: Vec<Cidr>,
    stranger: Stranger,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) ip: IpAddr,
    /// What a trusted proxy says of whether it came over TLS to there.
    pub(crate) came_by_tls: Option<bool>,
}

impl Proxies {
    pub(crate) fn new(trusted: Vec<Cidr>) -> Self {
        Self { trusted, stranger: Stranger::default() }
    }

    pub(crate) fn trust(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted.iter().any(|range| range.contains(peer))
    }

    /// Whom a request with these headers is from that `peer` brought.
    pub(crate) fn source(&self, peer: IpAddr, headers: &HeaderMap) -> Source {
        let peer = peer.to_canonical();
        if !self.trust(peer) {
            return Source { ip: peer, came_by_tls: None };
        }
        Source {
            ip: self.client(peer, headers),
            came_by_tls: said_last(headers).map(|proto| proto.eq_ignore_ascii_case("https")),
        }
    }

    /// Notes that somebody opened a page or a WebSocket by a connection of `peer`'s, which is TLS or not.
    pub(crate) fn note(&self, peer: IpAddr, headers: &HeaderMap, is_secure: bool) {
        if self.trust(peer) {
            return;
        }
        if let Some(remark) = self.stranger.note(Instant::now(), peer, trace_of(headers, is_secure)) {
            tracing::warn!("{}", remark.text());
        }
    }

    /// Each proxy adds at the right end whom it heard: from there on trusted ones vouch for the next. What can't be read nobody
    /// vouches for, and whoever wrote it is the client.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let lines = headers.get_all(FORWARDED_FOR).into_iter().rev();
        for hop in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
            let Some(ip) = address(hop) else { break };
            client = ip;
            if !self.trust(ip) {
                break;
            }
        }
        client
    }
}

/// What is doubtful about trusting these.
pub(crate) fn doubt_about(trusted: &[Cidr]) -> Option<&'static str> {
    let doubt = "everybody is taken for a proxy, so whoever comes can say that they come from any address, and limits of addresses hold nobody: \
                 name by --trusted-proxy the addresses of your proxies alone";
    trusted.iter().any(Cidr::is_everybody).then_some(doubt)
}

/// An address as proxies write it: some in brackets, some with a port.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip = match (text.parse::<IpAddr>(), text.parse::<SocketAddr>(), bare) {
        (Ok(ip), _, _) => ip,
        (_, Ok(socket), _) => socket.ip(),
        (_, _, Some(bare)) => bare.parse().ok()?,
        _ => return None,
    };
    Some(ip.to_canonical())
}

/// What a request shows of a proxy that it came by.
fn trace_of(headers: &HeaderMap, is_secure: bool) -> Trace {
    let is_of_secure_page = headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https:"));
    if headers.contains_key(FORWARDED_FOR) {
        if is_secure { Trace::ForwardsTls } else { Trace::Forwards }
    } else if is_of_secure_page && !is_secure {
        Trace::EndsTls
    } else {
        Trace::None
    }
}

/// What the nearest proxy says of the protocol.
fn said_last(headers: &HeaderMap) -> Option<&str> {
    let line = headers.get_all(FORWARDED_PROTO).into_iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    fn proxies(trusted: &[&str]) -> Proxies {
        Proxies::new(trusted.iter().map(|range| range.parse().expect("a range")).collect())
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    /// Whom proxies at 10.0.0.0/8 and fd00::/8 bring, by what 10.0.0.1 says.
    fn brought(lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        proxies(&["10.0.0.0/8", "fd00::/8"]).source(ip("10.0.0.1"), &headers(&lines)).ip.to_string()
    }

    #[test]
    fn the_client_is_the_rightmost_who_is_no_trusted_proxy() {
        for (lines, client) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
            (&["203.0.113.9, 192.0.2.1,10.0.0.2 , fd00::7"], "192.0.2.1"),
            (&["203.0.113.9", "192.0.2.1", "10.0.0.2"], "192.0.2.1"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(brought(lines), client, "{lines:?}");
        }
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        for (line, client) in [
            ("192.0.2.1:5000", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:5000", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("\t192.0.2.1 ", "192.0.2.1"),
        ] {
            assert_eq!(brought(&[line]), client, "{line}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_nobody_and_hides_nobody() {
        for line in
            ["", "unknown", "_hidden", "192.0.2", "192.0.2.1.", "[::1", "fe80::1%eth0", "é", "1:2:3", ",", "a,b"]
        {
            assert_eq!(brought(&[line]), "10.0.0.1", "{line}");
            assert_eq!(brought(&[&format!("{line},192.0.2.1")]), "192.0.2.1", "{line}");
            assert_eq!(brought(&["192.0.2.1", line]), "10.0.0.1", "{line}");
            assert_eq!(brought(&[&format!("{line}, 10.0.0.2")]), "10.0.0.2", "{line}");
        }
        let long = "203.0.113.9,".repeat(100_000) + "192.0.2.1";
        assert_eq!(brought(&[&long]), "192.0.2.1");
    }

    #[test]
    fn of_anybody_else_nothing_is_believed() {
        let forged = headers(&[("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")]);
        for (trusted, peer) in [(&[][..], "127.0.0.1"), (&["10.0.0.0/8"], "203.0.113.7"), (&["10.0.0.0/8"], "11.0.0.1")]
        {
            let source = proxies(trusted).source(ip(peer), &forged);
            assert_eq!(source, Source { ip: ip(peer), came_by_tls: None }, "{peer}");
        }
        let over_v6 = proxies(&["10.0.0.0/8"]).source(ip("::ffff:10.0.0.1"), &forged);
        assert_eq!(over_v6, Source { ip: ip("192.0.2.1"), came_by_tls: Some(true) });
    }

    #[test]
    fn to_trust_everybody_is_doubtful() {
        let is_doubtful = |ranges: &[&str]| doubt_about(&proxies(ranges).trusted).is_some();
        assert!(is_doubtful(&["0.0.0.0/0"]) && is_doubtful(&["10.0.0.1", "::/0"]));
        assert!(!is_doubtful(&[]) && !is_doubtful(&["10.0.0.0/8", "fd00::/8", "127.0.0.1"]));
    }

    #[test]
    fn the_protocol_is_what_the_nearest_proxy_says() {
        let said = |lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-proto", *line)).collect();
            proxies(&["10.0.0.1"]).source(ip("10.0.0.1"), &headers(&lines)).came_by_tls
        };
        assert_eq!(
            (said(&["https"]), said(&["HTTPS"]), said(&["http"]), said(&[])),
            (Some(true), Some(true), Some(false), None)
        );
        assert_eq!((said(&["http, https"]), said(&["https", "http"]), said(&["é"])), (Some(true), Some(false), None));
    }

    #[test]
    fn what_shows_a_proxy_is_told_apart() {
        let (forwarded, by_tls, plain) =
            (("x-forwarded-for", "192.0.2.1"), ("origin", "https://meet.example"), ("origin", "http://localhost:8080"));
        for (fields, is_secure, trace) in [
            (&[forwarded][..], false, Trace::Forwards),
            (&[by_tls, forwarded], false, Trace::Forwards),
            (&[by_tls, forwarded], true, Trace::ForwardsTls),
            (&[by_tls], false, Trace::EndsTls),
            (&[by_tls], true, Trace::None),
            (&[plain], false, Trace::None),
            (&[], false, Trace::None),
        ] {
            assert_eq!(trace_of(&headers(fields), is_secure), trace, "{fields:?} {is_secure}");
        }
    }
}
