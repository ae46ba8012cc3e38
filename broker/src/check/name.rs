//! The public name: where it leads, what answers there, and what nobody can tell from here.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use klatch_relay::own_addresses;
use rustls::CertificateError;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::Finding::{self, Unsure, Well, Wrong};
use super::visit::{Came, PATIENCE, visit};
use crate::config::Config;
use crate::origin::Origin;
use crate::site;
use crate::tls::Roots;

/// How long a name may take to be found.
const LOOK_UP: Duration = Duration::from_secs(5);
/// More addresses than a name has that leads to one server.
const MAX_ADDRESSES: usize = 8;

/// Whether the public name leads here, and what answers there.
pub(super) async fn name(url: &Origin, config: &Config) -> Vec<Finding> {
    let addresses = addresses_of(url).await;
    if addresses.is_empty() {
        return vec![Wrong(format!("{} leads nowhere: there is no address by that name", url.bare_host()))];
    }
    let mut findings = vec![where_it_leads(url, &addresses, config)];
    findings.extend(what_answers(url, &addresses, config).await);
    findings
}

async fn addresses_of(url: &Origin) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    if let Ok(Ok(found)) = timeout(LOOK_UP, lookup_host((url.bare_host(), url.port()))).await {
        for ip in found.map(|address| address.ip()) {
            if !addresses.contains(&ip) && addresses.len() < MAX_ADDRESSES {
                addresses.push(ip);
            }
        }
    }
    addresses
}

fn where_it_leads(url: &Origin, addresses: &[IpAddr], config: &Config) -> Finding {
    let ours = own_addresses();
    let is_here = |ip: &IpAddr| ip.is_loopback() || ours.contains(ip) || config.relay.turn_public_ip.contains(ip);
    let (here, elsewhere): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(is_here);
    let host = url.bare_host();
    if url.ip().is_some() {
        return if elsewhere.is_empty() {
            Well(format!("{host} is this machine's address"))
        } else {
            Unsure(format!("{host} is no address of this machine's own: right if a NAT or a proxy is there"))
        };
    }
    if elsewhere.is_empty() && here.iter().all(IpAddr::is_loopback) && host.contains('.') {
        return Unsure(format!(
            "{host} leads to {} as seen from here, which is this machine for itself alone (/etc/hosts?): see from elsewhere where it leads",
            listed(&here)
        ));
    }
    match (&here[..], &elsewhere[..]) {
        (_, []) => Well(format!("{host} leads here, to {}", listed(&here))),
        ([], _) => Unsure(format!(
            "{host} leads to {}, and not to an address of this machine's own: right if a NAT or a proxy is there",
            listed(&elsewhere)
        )),
        _ => Unsure(format!(
            "{host} leads here, to {}, and elsewhere, to {}: right if a NAT or a proxy is there, otherwise take that out of the name",
            listed(&here),
            listed(&elsewhere)
        )),
    }
}

/// Opens the site at each address. What is the same at several is said once.
async fn what_answers(url: &Origin, addresses: &[IpAddr], config: &Config) -> Vec<Finding> {
    if url.port() == 0 {
        return vec![Unsure("the site was not opened by its name, as its port is chosen at the start".into())];
    }
    let tls = match Roots::of_the_web().connector() {
        Ok(tls) => tls,
        Err(error) => {
            return vec![Unsure(format!("the site was not opened by its name, as TLS can't be begun: {error}"))];
        }
    };
    let visits = addresses.iter().map(|ip| async { (*ip, visit(url, *ip, &tls).await) });
    let mut told: Vec<(Came, Vec<IpAddr>)> = Vec::new();
    for (ip, came) in join_all(visits).await {
        match told.iter_mut().find(|(known, _)| *known == came) {
            Some((_, at)) => at.push(ip),
            None => told.push((came, vec![ip])),
        }
    }
    told.iter().map(|(came, at)| finding(came, url, &listed(at), config)).collect()
}

fn finding(came: &Came, url: &Origin, at: &str, config: &Config) -> Finding {
    let is_served_here = config.listen.iter().any(|address| address.port() == url.port());
    let behind = config.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let port = url.port();
    match came {
        Came::Well => Well(format!("{url}/healthz says ok at {at}: a klatch answers there")),
        Came::Status(status) if status.is_server_error() => Unsure(format!(
            "{url}/healthz says {} at {at}: as it should be for a proxy while no klatch runs behind it; otherwise let it pass everything on \
             to {behind}",
            status.as_u16()
        )),
        Came::Status(status) => Wrong(format!(
            "{url}/healthz says {} at {at}, and not ok: something else answers there; free its port for klatch, or let the proxy pass \
             everything on to {behind}",
            status.as_u16()
        )),
        Came::Closed(error) if is_served_here => Unsure(format!(
            "port {port} takes no connections at {at} ({error}): as it should be there while no klatch runs; try again once one does"
        )),
        Came::Closed(error) => Unsure(format!(
            "port {port} takes no connections at {at} ({error}): start the proxy, or let the router forward the port, so that it leads to \
             {behind}; not every router does so for who comes from inside"
        )),
        Came::Nothing => Unsure(format!(
            "port {port} says nothing at {at} within {} s: open it in the firewall, or try from outside, as not every NAT leads back in",
            PATIENCE.as_secs()
        )),
        Came::Distrust(error) => distrust(error, url, at),
        Came::NoTls => Wrong(format!(
            "port {port} does not speak TLS at {at}: let the proxy do so with a certificate for {}, or begin --public-url with http://",
            url.bare_host()
        )),
        Came::Ended(error) => Unsure(format!(
            "port {port} ends connections without an answer at {at} ({error}): as a klatch does that has no certificate yet; otherwise see \
             what has that port"
        )),
    }
}

fn distrust(error: &CertificateError, url: &Origin, at: &str) -> Finding {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    let host = url.bare_host();
    match error {
        UnknownIssuer => Unsure(format!(
            "the certificate that is shown at {at} for {url} is by nobody whom browsers know: they warn, unless they were told of its \
             issuer; /healthz was not asked for"
        )),
        NotValidForName | NotValidForNameContext { .. } => Wrong(format!(
            "the certificate that is shown at {at} is not for {host}, and browsers refuse it: serve one that is, or mend where the name leads"
        )),
        Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => Wrong(format!(
            "the certificate that is shown at {at} for {url} is not valid now, and browsers refuse it: renew it or, if that is not so, \
             set this machine's clock"
        )),
        other => {
            Wrong(format!("browsers refuse the certificate that is shown at {at} for {url} ({other}): serve another"))
        }
    }
}

/// What can't be seen from here, and how to see it.
pub(super) fn outside(url: Option<&Origin>, config: &Config) -> Finding {
    let is_https = config.tls.are_said();
    let opened = url.map(ToString::to_string).or_else(|| site::network_url(is_https, &config.listen));
    let Some(opened) = opened else {
        return Unsure(
            "only this machine reaches what is listened on: --listen '[::]:443', or a proxy here, lets others in"
                .into(),
        );
    };
    let listening = config.listen.iter().filter(|_| url.is_none()).map(SocketAddr::port);
    let redirect = config.tls.http_redirect.map(|address| address.port());
    let web = url.map(Origin::port).into_iter().chain(listening).chain(redirect).map(|port| (port, "tcp"));
    let relay = config.relay.turn_listen.iter().flat_map(|at| ["udp", "tcp"].map(|over| (at.port(), over)));
    let over_tls = config.relay.turn_tls_listen.map(|at| (at.port(), "tcp"));
    let relay = relay.chain(over_tls).filter(|_| config.relay.turn);
    // Port 0 is another at each start.
    let known = web.chain(relay).filter(|(port, _)| *port != 0);
    let mut ports: Vec<_> = known.map(|(port, over)| format!("{port}/{over}")).collect();
    if config.relay.turn {
        ports.push("those of --turn-ports".into());
    }
    let ports = if ports.is_empty() { String::new() } else { format!(" ({})", ports.join(", ")) };
    Unsure(format!(
        "from here it can't be seen whether people outside get in: a firewall, a router or the provider may keep ports closed{ports}. \
         Once klatch runs, open {opened} with a phone on mobile data, or where else people will be"
    ))
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn leads(host: &str, addresses: &[&str]) -> Finding {
        let config = Config::parse_from(["klatch", "--turn", "--turn-public-ip", "203.0.113.7"]);
        let url = format!("https://{host}").parse().expect("a URL");
        let addresses: Vec<_> = addresses.iter().map(|ip| ip.parse().expect("an address")).collect();
        where_it_leads(&url, &addresses, &config)
    }

    #[test]
    fn a_name_leads_here_only_if_each_of_its_addresses_does() {
        for (host, addresses, start) in [
            ("meet.example", &["203.0.113.7", "127.0.0.1"][..], "meet.example leads here, to 203.0.113.7, 127.0.0.1"),
            ("localhost", &["127.0.0.1", "::1"], "localhost leads here, to 127.0.0.1, ::1"),
            ("[::1]", &["::1"], "::1 is this machine's address"),
        ] {
            assert_eq!(leads(host, addresses), Well(start.into()));
        }
        for (host, addresses, start) in [
            ("meet.example", &["203.0.113.8"][..], "meet.example leads to 203.0.113.8, and not to an address of this"),
            (
                "meet.example",
                &["203.0.113.7", "2001:db8::8"],
                "meet.example leads here, to 203.0.113.7, and elsewhere, to ",
            ),
            (
                "meet.example",
                &["127.0.1.1"],
                "meet.example leads to 127.0.1.1 as seen from here, which is this machine",
            ),
            ("203.0.113.8", &["203.0.113.8"], "203.0.113.8 is no address of this machine's own"),
        ] {
            let found = leads(host, addresses);
            assert!(matches!(&found, Unsure(said) if said.starts_with(start)), "{start}: {found:?}");
        }
    }
}
