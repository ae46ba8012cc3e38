//! Where members are told to find the relay: there is something behind each URL, and each place has one.
//!
//! The public URL's host stands for a port that is open at all addresses that are listened on, as nobody can say to which of them a
//! name leads. A port that is open at some of them only is told by these. TLS is always told by the name that its certificate has.

use std::net::{IpAddr, SocketAddr};

use klatch_relay::{Addresses, is_public};

use crate::origin::Origin;

/// What is needed to tell it.
pub(super) struct Found<'a> {
    /// The public URL, if there is one.
    pub(super) public_url: Option<&'a Origin>,
    /// The addresses of --turn-public-ip.
    pub(super) public_ips: &'a [IpAddr],
    /// Where it listens.
    pub(super) addresses: &'a Addresses,
    /// Where HTTPS listens, whose port it shares.
    pub(super) shared: &'a [SocketAddr],
}

impl Found<'_> {
    /// All of it: over UDP first, as everything else is slower.
    pub(super) fn urls(&self) -> Vec<String> {
        let Addresses { udp, tcp, tls, .. } = self.addresses;
        let udp = self.places(udp);
        let stun = udp.iter().take(1).map(|place| format!("stun:{place}"));
        let turn = udp.iter().map(|place| format!("turn:{place}?transport=udp"));
        let tcp = self.places(tcp).into_iter().map(|place| format!("turn:{place}?transport=tcp"));
        let tls = once(self.tls_places(tls).into_iter().chain(self.shared_places()));
        let tls = let_out(tls).into_iter().map(|place| format!("turns:{place}?transport=tcp"));
        stun.chain(turn).chain(tcp).chain(tls).collect()
    }

    /// The first place of TURN over UDP.
    pub(super) fn url(&self) -> String {
        let first = self.places(&self.addresses.udp).into_iter().next();
        first.map_or_else(|| "turn:".to_owned(), |place| format!("turn:{place}"))
    }

    /// `host:port`, each once.
    fn places(&self, sockets: &[SocketAddr]) -> Vec<String> {
        let sockets = self.seen_by_others(sockets);
        let place = |socket: &SocketAddr| match self.name() {
            Some((host, ip)) if self.leads(ip, socket.port(), &sockets) => Some(format!("{host}:{}", socket.port())),
            Some(_) | None => Some(SocketAddr::new(self.outer(socket.ip())?, socket.port()).to_string()),
        };
        once(sockets.iter().filter_map(place))
    }

    fn tls_places(&self, sockets: &[SocketAddr]) -> Vec<String> {
        match self.public_url {
            Some(url) if url.ip().is_none() => {
                once(self.seen_by_others(sockets).iter().map(|socket| format!("{}:{}", url.host(), socket.port())))
            }
            Some(_) | None => self.places(sockets),
        }
    }

    /// Where the page is, the relay is too.
    fn shared_places(&self) -> Vec<String> {
        match self.public_url {
            Some(url) if url.is_https() && !self.shared.is_empty() => vec![format!("{}:{}", url.host(), url.port())],
            Some(_) | None => self.tls_places(self.shared),
        }
    }

    /// The host that stands for as much as it can, and its address, if that is known: the public URL's, or else an address that
    /// leads to the relay.
    fn name(&self) -> Option<(String, Option<IpAddr>)> {
        if let Some(url) = self.public_url {
            return Some((url.host().to_owned(), url.ip()));
        }
        let named = self.addresses.udp.iter().map(SocketAddr::ip).find(|ip| !ip.is_unspecified());
        let ip = self.outer(named.or_else(|| self.addresses.relayed.first().copied())?)?;
        Some((bracketed(ip), Some(ip)))
    }

    /// Whether the host, which has this address or any, leads to something at this port.
    fn leads(&self, ip: Option<IpAddr>, port: u16, sockets: &[SocketAddr]) -> bool {
        let is_open_at = |ip: IpAddr| sockets.iter().any(|socket| socket.port() == port && covers(socket.ip(), ip));
        match ip {
            None => sockets.iter().all(|socket| is_open_at(socket.ip())),
            // The other side of a NAT is at none of our addresses.
            Some(host) => sockets.iter().any(|socket| {
                let is_behind = is_private(socket.ip()) && !is_private(host) && socket.is_ipv4() == host.is_ipv4();
                socket.port() == port && (covers(socket.ip(), host) || is_behind)
            }),
        }
    }

    /// Without those on loopback, unless they are all there is, or the page is there too.
    fn seen_by_others(&self, sockets: &[SocketAddr]) -> Vec<SocketAddr> {
        let is_local = |url: &&Origin| url.ip().map_or(url.host() == "localhost", |ip| ip.is_loopback());
        let is_for_others = |socket: &&SocketAddr| !socket.ip().is_loopback();
        if self.public_url.is_none_or(|url| is_local(&url)) || !sockets.iter().any(|socket| is_for_others(&socket)) {
            return sockets.to_vec();
        }
        sockets.iter().filter(is_for_others).copied().collect()
    }

    /// Where others find an address that is listened on: all of a family by the one that relayed candidates carry, one behind a NAT by
    /// the public one.
    fn outer(&self, ip: IpAddr) -> Option<IpAddr> {
        let of_family = |ips: &[IpAddr]| ips.iter().copied().find(|public| public.is_ipv4() == ip.is_ipv4());
        if ip.is_unspecified() {
            return of_family(&self.addresses.relayed);
        }
        Some(of_family(self.public_ips).filter(|_| is_private(ip)).unwrap_or(ip))
    }
}

/// Whether what listens at `listening` is reached at `ip`.
fn covers(listening: IpAddr, ip: IpAddr) -> bool {
    listening == ip || listening.is_unspecified() && listening.is_ipv4() == ip.is_ipv4()
}

/// Whether it may be on the inner side of a NAT.
fn is_private(ip: IpAddr) -> bool {
    !is_public(ip) && !ip.is_loopback() && !ip.is_unspecified()
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn once(places: impl Iterator<Item = String>) -> Vec<String> {
    places.fold(Vec::new(), |mut all, place| {
        if !all.contains(&place) {
            all.push(place);
        }
        all
    })
}

/// Of places over TLS those at the port of HTTPS, if there are any. Who gets through over TLS alone is let out to no other port, and
/// browsers find each other later where they have more servers to ask.
fn let_out(places: Vec<String>) -> Vec<String> {
    let (at_https, elsewhere): (Vec<_>, Vec<_>) = places.into_iter().partition(|place| place.ends_with(":443"));
    if at_https.is_empty() { elsewhere } else { at_https }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Listening there over UDP and TCP, at 5349 over TLS on all addresses.
    fn told(url: &str, listening: &[&str], public: &[&str], relayed: &[&str]) -> Vec<String> {
        told_with(url, listening, public, relayed, &[])
    }

    /// The same, and sharing these of HTTPS.
    fn told_with(url: &str, listening: &[&str], public: &[&str], relayed: &[&str], shared: &[&str]) -> Vec<String> {
        let sockets =
            |texts: &[&str]| -> Vec<SocketAddr> { texts.iter().map(|text| text.parse().expect(text)).collect() };
        let ips = |texts: &[&str]| -> Vec<IpAddr> { texts.iter().map(|text| text.parse().expect(text)).collect() };
        let (udp, tcp) = (sockets(listening), sockets(listening));
        let addresses = Addresses { udp, tcp, tls: sockets(&["[::]:5349", "0.0.0.0:5349"]), relayed: ips(relayed) };
        let public_url = (!url.is_empty()).then(|| url.parse().expect(url));
        let public_ips = ips(public);
        let shared = sockets(shared);
        let found =
            Found { public_url: public_url.as_ref(), public_ips: &public_ips, addresses: &addresses, shared: &shared };
        assert!(found.urls()[1].strip_suffix("?transport=udp").is_some_and(|first| first == found.url()));
        found.urls()
    }

    /// Where it is over UDP; over TCP it is at the same places.
    fn over_udp(url: &str, listening: &[&str], public: &[&str], relayed: &[&str]) -> Vec<String> {
        let told = told(url, listening, public, relayed);
        let over = |transport: &str| -> Vec<String> {
            let place = |url: &String| Some(url.strip_prefix("turn:")?.strip_suffix(transport)?.to_owned());
            told.iter().filter_map(place).collect()
        };
        assert_eq!(over("?transport=udp"), over("?transport=tcp"));
        over("?transport=udp")
    }

    const ALL: [&str; 2] = ["[::]:3478", "0.0.0.0:3478"];

    #[test]
    fn members_are_told_each_port_once_udp_first_and_tls_last() {
        assert_eq!(
            told("https://meet.example", &[&ALL[..], &["[::]:80", "0.0.0.0:80"]].concat(), &[], &["203.0.113.1"]),
            [
                "stun:meet.example:3478",
                "turn:meet.example:3478?transport=udp",
                "turn:meet.example:80?transport=udp",
                "turn:meet.example:3478?transport=tcp",
                "turn:meet.example:80?transport=tcp",
                "turns:meet.example:5349?transport=tcp",
            ]
        );
    }

    #[test]
    fn the_port_of_https_is_told_once_and_last() {
        let told = |url: &str, shared: &[&str]| {
            let told = told_with(url, &ALL, &["203.0.113.7"], &["203.0.113.7"], shared);
            let tls = told.iter().filter_map(|url| url.strip_prefix("turns:")?.strip_suffix("?transport=tcp"));
            tls.map(str::to_owned).collect::<Vec<_>>()
        };
        let https = ["[::]:8443", "0.0.0.0:8443"];
        assert_eq!(told("https://meet.example:8443", &https), ["meet.example:5349", "meet.example:8443"]);
        assert_eq!(told("https://meet.example:8443", &["10.0.0.5:80"]), ["meet.example:5349", "meet.example:8443"]);
        assert_eq!(told("https://meet.example:5349", &["[::]:5349", "0.0.0.0:5349"]), ["meet.example:5349"]);
        assert_eq!(told("https://meet.example", &[]), ["meet.example:5349"]);
        assert_eq!(told("", &https), ["203.0.113.7:5349", "203.0.113.7:8443"]);
        assert_eq!(told("https://meet.example", &["[::]:443", "0.0.0.0:443"]), ["meet.example:443"]);
        assert_eq!(told("", &["0.0.0.0:443"]), ["203.0.113.7:443"]);
    }

    #[test]
    fn a_port_that_is_open_at_some_addresses_is_told_by_these() {
        let name = "https://meet.example";
        let v4_alone = [&ALL[..], &["0.0.0.0:443"]].concat();
        assert_eq!(over_udp(name, &v4_alone, &[], &["203.0.113.1"]), ["meet.example:3478", "203.0.113.1:443"]);
        let apart = ["203.0.113.1:3478", "[2001:db8::1]:3479"];
        assert_eq!(over_udp(name, &apart, &[], &["203.0.113.1"]), apart);
        assert_eq!(over_udp("", &apart, &[], &["203.0.113.1"]), apart);
        assert_eq!(over_udp("https://[2001:db8::1]", &apart, &[], &["203.0.113.1"]), apart);
        let local = ["127.0.0.1:5000", "[::1]:5001"];
        assert_eq!(over_udp("", &local, &[], &["127.0.0.1"]), local);
        assert_eq!(over_udp("http://localhost:80", &local, &[], &["127.0.0.1"]), local);
        assert_eq!(over_udp("", &["127.0.0.1:5000", "[::1]:5000"], &[], &["127.0.0.1"]), ["127.0.0.1:5000"]);
        let both = ["203.0.113.1:3478", "203.0.113.1:80", "[2001:db8::1]:80", "[2001:db8::1]:3478"];
        assert_eq!(over_udp(name, &both, &[], &["203.0.113.1"]), ["meet.example:3478", "meet.example:80"]);
    }

    #[test]
    fn loopback_is_told_to_nobody_elsewhere_unless_it_is_all_there_is() {
        let beside = ["203.0.113.1:3478", "127.0.0.1:3479"];
        assert_eq!(over_udp("https://meet.example", &beside, &[], &["203.0.113.1"]), ["meet.example:3478"]);
        assert_eq!(over_udp("https://203.0.113.1", &beside, &[], &["203.0.113.1"]), ["203.0.113.1:3478"]);
        assert_eq!(over_udp("https://meet.example", &["127.0.0.1:3479"], &[], &["127.0.0.1"]), ["meet.example:3479"]);
    }

    #[test]
    fn behind_a_nat_the_public_address_is_told() {
        let (inner, outer) = (["10.0.0.5:3478", "10.0.0.6:3479"], ["203.0.113.7"]);
        assert_eq!(over_udp("", &inner[..1], &outer, &outer), ["203.0.113.7:3478"]);
        assert_eq!(over_udp("https://203.0.113.7", &inner[..1], &[], &["10.0.0.5"]), ["203.0.113.7:3478"]);
        let both = ["203.0.113.7:3478", "203.0.113.7:3479"];
        assert_eq!(over_udp("https://meet.example", &inner, &outer, &outer), both);
        assert_eq!(over_udp("", &["127.0.0.1:3478"], &outer, &outer), ["127.0.0.1:3478"]);
    }

    #[test]
    fn without_a_name_the_relay_is_told_by_an_address_that_leads_to_it() {
        assert_eq!(over_udp("", &ALL, &[], &["192.0.2.1", "2001:db8::1"]), ["192.0.2.1:3478"]);
        assert_eq!(over_udp("", &["192.0.2.2:3478"], &[], &["203.0.113.1"]), ["192.0.2.2:3478"]);
        assert_eq!(over_udp("", &["[::1]:3478"], &[], &["::1"]), ["[::1]:3478"]);
    }
}
