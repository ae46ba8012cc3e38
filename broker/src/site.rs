//! By what this site is opened: on this machine, from the network that it is on, and by the names that are ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use klatch_relay::{outward, own_addresses};

use crate::config::Config;
use crate::origin::Origin;
use crate::tls::{Domain, Source};

/// Where browsers look for it.
const HTTPS_PORT: u16 = 443;

/// By what the site is opened: what was said, or else the first name that a certificate is obtained for.
pub(crate) fn public_url(config: &Config) -> Option<Origin> {
    config.public_url.clone().or_else(|| certified_urls(&config.tls.acme).next())
}

/// What pages are told that invitation links start with. Where nobody said it and the port of HTTPS is not one of ours, whoever opened a
/// page knows better whether another is mapped to it.
pub(crate) fn told_url(config: &Config, listening: &[SocketAddr]) -> Option<Origin> {
    let is_sure = config.public_url.is_some() || listening.iter().any(|address| address.port() == HTTPS_PORT);
    public_url(config).filter(|_| is_sure)
}

/// Where the names lead that a certificate is obtained for. Every directory finds us at the port of HTTPS (RFC 8737 §3), wherever that is
/// mapped to.
pub(crate) fn certified_urls(domains: &[Domain]) -> impl Iterator<Item = Origin> {
    domains.iter().filter_map(|domain| format!("https://{}", domain.as_str()).parse().ok())
}

/// What is wrong with a public URL at which nothing is, as pages come over TLS.
pub(crate) fn misnamed(config: &Config) -> Option<String> {
    let url = config.public_url.as_ref().filter(|url| config.tls.are_said() && !url.is_https())?;
    Some(format!(
        "pages come over TLS, and --public-url is {url}: invitations lead astray, and who opens a page can't open a room; begin it with \
         https://"
    ))
}

/// What is wrong with a public URL that is not by a name of the certificate.
pub(crate) fn uncertified(config: &Config, source: &Source) -> Option<String> {
    let host = config.public_url.as_ref()?.host();
    (source.is_for(host) == Some(false))
        .then(|| format!("the certificate is not for {host}, the host of --public-url, and browsers refuse it there"))
}

/// What to open on this machine for a listening address.
pub(crate) fn local_url(is_https: bool, address: &SocketAddr) -> String {
    let ip = address.ip().to_canonical();
    if ip.is_loopback() || ip.is_unspecified() {
        format!("{}://localhost:{}", scheme(is_https), address.port())
    } else {
        format!("{}://{address}", scheme(is_https))
    }
}

/// What another device on the network opens, if any of these addresses can be reached from there.
pub(crate) fn network_url(is_https: bool, listening: &[SocketAddr]) -> Option<String> {
    listening.iter().find_map(|address| {
        let ip = match address.ip().to_canonical() {
            ip if ip.is_loopback() => return None,
            IpAddr::V4(ip) if ip.is_unspecified() => seen(&[Ipv4Addr::UNSPECIFIED.into()])?,
            IpAddr::V6(ip) if ip.is_unspecified() => {
                seen(&[Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()])?
            }
            ip => ip,
        };
        Some(format!("{}://{}", scheme(is_https), SocketAddr::new(ip, address.port())))
    })
}

/// Whether nobody but this machine reaches any of them.
pub(crate) fn is_local(listening: &[SocketAddr]) -> bool {
    listening.iter().all(|address| address.ip().to_canonical().is_loopback())
}

/// What whoever hosts is told where strangers may find the page and use its relay.
pub(crate) fn open_to_strangers(config: &Config, listening: &[SocketAddr]) -> Option<&'static str> {
    let is_found = config.public_url.is_some() || !is_local(listening);
    (config.relay.turn && config.host_code_file.is_none() && is_found).then_some(
        "anybody may open rooms here, and use the relay then: --host-code-file keeps that for those who have a code",
    )
}

/// The address by which others see this machine: the one from which it reaches them, or any.
fn seen(families: &[IpAddr]) -> Option<IpAddr> {
    let outward = families.iter().filter_map(|any| outward(*any)).find(|ip| !ip.is_loopback());
    outward.or_else(|| {
        own_addresses().into_iter().find(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
            IpAddr::V6(ip) => families.len() > 1 && !ip.is_loopback() && !ip.is_unicast_link_local(),
        })
    })
}

fn scheme(is_https: bool) -> &'static str {
    if is_https { "https" } else { "http" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn a_certified_name_is_opened_at_443_wherever_that_is_mapped_to_and_whoever_signs() {
        let url = |flags: &[&str]| {
            let acme = ["klatch", "--listen", "[::]:8080", "--acme", "a.example", "--acme", "b.example"];
            public_url(&Config::parse_from(acme.iter().chain(flags))).map(|url| url.to_string())
        };
        let staging = ["--acme-directory", "https://acme-staging-v02.api.letsencrypt.org/directory"];
        assert_eq!(url(&[]).as_deref(), Some("https://a.example"));
        assert_eq!(url(&staging).as_deref(), Some("https://a.example"));
        assert_eq!(url(&["--public-url", "https://b.example:8443"]).as_deref(), Some("https://b.example:8443"));
        let domains = ["a.example", "b.example"].map(|name| name.parse().expect("a name"));
        let urls: Vec<_> = certified_urls(&domains).map(|url| url.to_string()).collect();
        assert_eq!(urls, ["https://a.example", "https://b.example"]);
    }

    #[test]
    fn pages_are_told_what_links_start_with_where_that_is_sure() {
        let url = |flags: &[&str], listening: &str| {
            let config = Config::parse_from(["klatch", "--acme", "a.example"].iter().chain(flags));
            told_url(&config, &[listening.parse().expect("an address")]).map(|url| url.to_string())
        };
        assert_eq!(url(&[], "[::]:443").as_deref(), Some("https://a.example"));
        assert_eq!(url(&[], "[::]:8443"), None);
        let said = url(&["--public-url", "https://a.example:8443"], "[::]:8443");
        assert_eq!(said.as_deref(), Some("https://a.example:8443"));
    }

    fn network(listening: &[&str]) -> Option<String> {
        let listening: Vec<_> = listening.iter().map(|text| text.parse().expect("an address")).collect();
        network_url(true, &listening)
    }

    #[test]
    fn on_this_machine_localhost_opens_what_listens_everywhere() {
        let url = |is_https, address: &str| local_url(is_https, &address.parse().expect("an address"));
        for address in ["127.0.0.1:8080", "[::1]:8080", "0.0.0.0:8080", "[::]:8080", "[::ffff:127.0.0.1]:8080"] {
            assert_eq!(url(false, address), "http://localhost:8080", "{address}");
        }
        assert_eq!(url(true, "192.0.2.7:8443"), "https://192.0.2.7:8443");
        assert_eq!(url(true, "[2001:db8::7]:443"), "https://[2001:db8::7]:443");
    }

    #[test]
    fn from_the_network_nothing_opens_what_is_local() {
        assert_eq!(network(&["127.0.0.1:8080", "[::1]:8080"]), None);
        assert_eq!(network(&["127.0.0.1:80", "192.0.2.7:81"]).as_deref(), Some("https://192.0.2.7:81"));
    }

    #[test]
    fn what_listens_everywhere_is_opened_by_an_address_and_not_by_all_of_them() {
        for url in [network(&["0.0.0.0:8443"]), network(&["[::]:8443"])].into_iter().flatten() {
            assert!(url.starts_with("https://") && url.ends_with(":8443"), "{url}");
            assert!(!url.contains("0.0.0.0") && !url.contains("[::]") && !url.contains("127.0.0.1"), "{url}");
        }
    }
}
