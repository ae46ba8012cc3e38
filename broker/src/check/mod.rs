//! Tries what is configured without serving anybody (`--check`): what would be in the way at the start, and what would be in members'
//! way later. Each part is opened as the server opens it, so that both say the same of it, held until all is tried, and released. What
//! comes of the public name is seen as a browser on this machine would; what can't be seen from here is said at the end.

mod name;
mod reach;
mod visit;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use klatch_relay::own_addresses;
use tokio::net::TcpListener;

use crate::config::{Config, Place};
use crate::files::Files;
use crate::host_codes::CodeFile;
use crate::listening::listen;
use crate::metrics;
use crate::origin::Origin;
use crate::proxies;
use crate::relay::Seated;
use crate::server::relays;
use crate::site;
use crate::state::State;
use crate::tls::{Served, Source};

/// How long the relay may take to end. Nobody is in it.
const RELAY_GRACE: Duration = Duration::from_secs(1);

/// What was found of one thing, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It works.
    Well(String),
    /// That can't be told from here.
    Unsure(String),
    /// It does not.
    Wrong(String),
}

use Finding::{Unsure, Well, Wrong};

/// Tries everything.
pub async fn check(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Well(said(config))];
    findings.extend(config.doubts.iter().cloned().chain(Files::granted().doubts(config)).map(Unsure));
    let public_url = site::public_url(config);
    // Before any port is ours, as nobody answers there yet.
    let names = names(public_url.as_ref(), config).await;
    let (_held, found) = ports(config).await;
    findings.extend(found);
    let (source, found) = certificate(config).await;
    findings.extend(found);
    findings.extend(site::misnamed(config).map(Wrong));
    findings.extend(state(config));
    findings.extend(host_codes(config));
    findings.extend(site::open_to_strangers(config, &config.listen).map(|remark| Unsure(remark.into())));
    findings.extend(proxies::doubt_about(&config.trusted_proxy).map(|doubt| Unsure(doubt.into())));
    if public_url.is_none() {
        findings
            .push(Unsure("no --public-url: invitations start with the address by which the page was opened".into()));
    }
    findings.extend(names);
    findings.extend(relay(config, public_url.as_ref(), source.as_ref().map(Source::served)).await);
    findings.push(name::outside(public_url.as_ref(), config));
    findings
}

/// What was said where, without the values.
fn said(config: &Config) -> String {
    let settings = config.said.iter().map(|(key, place)| match place {
        Place::CommandLine => format!("{key} by a flag"),
        Place::Environment => format!("{key} by a variable"),
        Place::File => format!("{key} in the file"),
    });
    format!("settings: {}", settings.collect::<Vec<_>>().join(", "))
}

/// Binds what would be listened on. It is to be held to the end, so that what is wanted twice is noticed.
async fn ports(config: &Config) -> (Vec<TcpListener>, Vec<Finding>) {
    let others = config.tls.http_redirect.iter().chain(&config.metrics_listen);
    let (mut held, mut findings) = (Vec::new(), Vec::new());
    for address in config.listen.iter().chain(others) {
        findings.push(match listen(config, &[*address]).await {
            Ok((listeners, _)) => {
                held.extend(listeners);
                Well(format!("{address} can be listened on"))
            }
            Err(error) => wrong(&error),
        });
    }
    let doubt = config.metrics_listen.and_then(|address| metrics::doubt_about(address.ip()));
    findings.extend(doubt.map(|doubt| Unsure(doubt.into())));
    (held, findings)
}

async fn certificate(config: &Config) -> (Option<Source>, Vec<Finding>) {
    // One that is made at the start needs nothing, and none is made for a trial.
    if config.tls.self_signed {
        let text = "a certificate is made at the start, of which browsers warn once";
        return (None, vec![Well(text.into())]);
    }
    match Source::try_out(&config.tls) {
        Ok(None) => (None, Vec::new()),
        Err(error) => (None, vec![wrong(&error)]),
        Ok(Some(source)) => {
            let mut findings = vec![match source.end() {
                Some(end) => Well(format!("the certificate and its key go together, until {end}")),
                None => Unsure("there is no certificate yet: it is asked for at the start".into()),
            }];
            findings.extend(directory(&source).await);
            findings.extend(
                source.folder().map(|folder| Well(format!("certificates can be kept in {}", folder.display()))),
            );
            findings.extend(source.doubt().map(Unsure));
            let host = config.public_url.as_ref().map(Origin::host);
            let certified = host.filter(|host| source.is_for(host) == Some(true));
            findings.extend(certified.map(|host| Well(format!("the certificate is for {host}"))));
            findings.extend(site::uncertified(config, &source).map(Wrong));
            (Some(source), findings)
        }
    }
}

/// Whether the directory can be asked for certificates, if one is to be.
async fn directory(source: &Source) -> Option<Finding> {
    let Source::Acme(acme) = source else { return None };
    Some(match acme.directory().await {
        Ok(directory) => Well(format!("{directory} answers and can be trusted: certificates can be asked for there")),
        Err(reason) if source.end().is_some() => Unsure(format!("the certificate could not be renewed now: {reason}")),
        Err(reason) => Wrong(format!("no certificate could be obtained now: {reason}")),
    })
}

fn state(config: &Config) -> Option<Finding> {
    let path = config.state.as_deref()?;
    Some(match State::probe(path) {
        Ok(true) => Well(format!("the state file {} can be used", path.display())),
        Ok(false) => Well(format!("the state file {} can be made", path.display())),
        Err(error) => wrong(&error),
    })
}

fn host_codes(config: &Config) -> Option<Finding> {
    let path = config.host_code_file.as_deref()?;
    Some(match CodeFile::read(path) {
        Ok(file) => Well(format!("{} host codes can be read from {}", file.count(), path.display())),
        Err(error) => wrong(&error),
    })
}

/// Looks where each name leads by which people, or a directory, come: all at once, so that many take no longer than one.
async fn names(public_url: Option<&Origin>, config: &Config) -> Vec<Finding> {
    let certified: Vec<_> = site::certified_urls(&config.tls.acme).collect();
    let others = certified.iter().filter(|url| Some(*url) != public_url);
    join_all(public_url.into_iter().chain(others).map(|url| name::name(url, config))).await.concat()
}

/// Starts the relay as it would run, asks it for an answer, and ends it. What it and outside servers need is read for that.
async fn relay(config: &Config, public_url: Option<&Origin>, served: Option<Arc<Served>>) -> Vec<Finding> {
    if config.tls.self_signed && config.relay.turn_tls_listen.is_some() {
        return vec![Unsure("the relay was not tried, whose certificate is made at the start".into())];
    }
    let (bundled, _) = match relays(config, public_url, served, &[], Arc::<Seated>::default()) {
        Ok(relays) => relays,
        Err(error) => return vec![wrong(&error)],
    };
    let files =
        [("--ice-secret-file", &config.ice_secret_file), ("--turn-secret-file", &config.relay.turn_secret_file)];
    let read = files.into_iter().filter(|(_, file)| file.is_some());
    let mut findings: Vec<_> = read.map(|(flag, _)| Well(format!("the secret of {flag} can be read"))).collect();
    let Some(bundled) = bundled else { return findings };
    findings.extend(bundled.doubt.map(|doubt| Wrong(doubt.to_owned())));
    let addresses = bundled.relay.addresses().clone();
    findings.extend(addresses.udp.iter().chain(&addresses.tls).map(|at| Well(format!("the relay can listen on {at}"))));
    for ip in &addresses.relayed {
        let socket =
            addresses.udp.iter().find(|at| at.ip() == *ip || at.ip().is_unspecified() && at.is_ipv4() == ip.is_ipv4());
        let at = socket.or_else(|| addresses.udp.iter().find(|at| at.is_ipv4() == ip.is_ipv4()));
        let Some(at) = at.map(|at| SocketAddr::new(*ip, at.port())) else { continue };
        findings.push(if reach::answers(at).await {
            Well(format!("the relay answers at {at}"))
        } else if own_addresses().contains(ip) {
            Wrong(format!("the relay does not answer at {at}: see whether a firewall is in the way"))
        } else {
            Unsure(format!("the relay does not answer at {at}: try it from outside, as not every NAT leads back in"))
        });
    }
    let relay = bundled.relay;
    let _ = tokio::task::spawn_blocking(move || relay.shutdown(RELAY_GRACE)).await;
    findings
}

fn wrong(error: &dyn Error) -> Finding {
    Wrong(chained(error))
}

/// An error with what lies behind it, in one line.
pub fn chained(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chained(source)),
        None => error.to_string(),
    }
}
