//! The bundled relay: its flags, where members are told to find it, and whom it admits.

mod found;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, OnceLock, Weak};

use clap::Args;
use clap::builder::BoolishValueParser;
use klatch_relay::{Admission, BadRealm, Cidr, Group, Holder, Limits, Realm, Relay, Secret, StartError, is_public};
use rustls::server::ResolvesServerCert;

use crate::config::{public_ip, socket};
use crate::files::Files;
use crate::origin::Origin;
use crate::secret::{self, BadSecretFile};
use crate::switchboard::Switchboard;
use crate::tls::Served;
use found::Found;

/// Where credentials are valid if there is no public URL to name it.
const DEFAULT_REALM: &str = "klatch";

/// What the relay can be told.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Relay")]
pub struct RelayFlags {
    /// Runs the bundled relay: STUN and TURN for members who don't reach each other directly, found at the public URL's host
    #[arg(long, env = "KLATCH_TURN", value_parser = BoolishValueParser::new())]
    pub turn: bool,

    /// STUN and TURN over UDP and TCP; port 0 picks a free one. Repeatable
    #[arg(
        long,
        env = "KLATCH_TURN_LISTEN",
        value_name = "ADDR",
        default_value = "[::]:3478",
        value_delimiter = ',',
        requires = "turn",
        value_parser = socket
    )]
    pub turn_listen: Vec<SocketAddr>,

    /// TURN over TLS, for members whose firewall lets nothing else out, with the certificate of HTTPS [default: none]
    #[arg(long, env = "KLATCH_TURN_TLS_LISTEN", value_name = "ADDR", requires_all = ["turn", "certificate"], value_parser = socket)]
    pub turn_tls_listen: Option<SocketAddr>,

    /// The address that relayed candidates carry, where this machine's own is behind a NAT; one of each family. Repeatable
    /// [default: found]
    #[arg(long, env = "KLATCH_TURN_PUBLIC_IP", value_name = "IP", value_delimiter = ',', requires = "turn", value_parser = public_ip)]
    pub turn_public_ip: Vec<IpAddr>,

    /// Where relay sockets are opened
    #[arg(long, env = "KLATCH_TURN_PORTS", value_name = "LOW-HIGH", default_value = "49152-65535", requires = "turn")]
    pub turn_ports: Ports,

    /// The secret behind the relay's time-limited credentials [default: random at start]
    #[arg(long, env = "KLATCH_TURN_SECRET_FILE", value_name = "FILE", requires = "turn")]
    pub turn_secret_file: Option<PathBuf>,

    /// Relay to these special addresses too: private, loopback and link-local ones and this machine's own are refused
    /// otherwise. Repeatable [default: none]
    #[arg(long, env = "KLATCH_TURN_ALLOW_PEER", value_name = "CIDR", value_delimiter = ',', requires = "turn")]
    pub turn_allow_peer: Vec<Cidr>,

    /// The authentication realm [default: the public URL's host, or klatch]
    #[arg(long, env = "KLATCH_TURN_REALM", value_name = "NAME", requires = "turn")]
    pub turn_realm: Option<Realm>,
}

/// `LOW-HIGH`: the first and the last of some ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(RangeInclusive<u16>);

/// A text that names no ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ports are LOW-HIGH, from 1 to 65535")]
pub struct BadPorts;

impl FromStr for Ports {
    type Err = BadPorts;

    fn from_str(text: &str) -> Result<Self, BadPorts> {
        let port = |text: &str| {
            let port = text.parse().ok().filter(|port| *port > 0);
            port.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())).ok_or(BadPorts)
        };
        let (low, high) = text.split_once('-').ok_or(BadPorts)?;
        let ports = port(low)?..=port(high)?;
        if ports.is_empty() { Err(BadPorts) } else { Ok(Self(ports)) }
    }
}

/// Why there is no relay.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Its secret can't be had.
    #[error(transparent)]
    Secret(#[from] BadSecretFile),
    /// The public URL's host can't be a realm.
    #[error("{0} can't be the relay's realm: name one by --turn-realm")]
    Realm(String, #[source] BadRealm),
    /// It can't start.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// The relay as it runs, and what members are told of it.
pub(crate) struct Bundled {
    pub(crate) relay: Relay,
    pub(crate) secret: Secret,
    /// Where members are told to find it.
    pub(crate) urls: Vec<String>,
    /// What it is called by in one line.
    pub(crate) url: String,
    /// Why members elsewhere may not reach it.
    pub(crate) doubt: Option<&'static str>,
}

impl Bundled {
    /// Starts it, if it is to run.
    pub(crate) fn start(
        flags: &RelayFlags,
        public_url: Option<&Origin>,
        certificates: Option<Arc<Served>>,
        shared: &[SocketAddr],
        limits: Limits,
        admission: Arc<Seated>,
    ) -> Result<Option<Self>, RelayError> {
        if !flags.turn {
            return Ok(None);
        }
        let secret = match &flags.turn_secret_file {
            Some(file) => secret::read(file)?,
            None => Secret::random(),
        };
        let realm = match &flags.turn_realm {
            Some(realm) => realm.clone(),
            None => {
                let host = public_url.map_or(DEFAULT_REALM, Origin::host);
                host.parse().map_err(|error| RelayError::Realm(host.to_owned(), error))?
            }
        };
        let config = klatch_relay::Config {
            listen: flags.turn_listen.clone(),
            tls_listen: flags.turn_tls_listen.into_iter().collect(),
            certificates: certificates.map(|served| served as Arc<dyn ResolvesServerCert>),
            public_ips: flags.turn_public_ip.clone(),
            ports: flags.turn_ports.0.clone(),
            allow_peer: flags.turn_allow_peer.clone(),
            limits: Files::granted().for_relay(limits),
            ..klatch_relay::Config::new(secret.clone(), realm)
        };
        let relay = Relay::start(config, admission)?;
        let found = Found { public_url, public_ips: &flags.turn_public_ip, addresses: relay.addresses(), shared };
        let (urls, url) = (found.urls(), found.url());
        let listening = || relay.addresses().udp.iter().chain(&relay.addresses().tcp);
        let doubt = doubt(public_url, listening(), &relay.addresses().relayed);
        Ok(Some(Self { relay, secret, urls, url, doubt }))
    }
}

/// Why members elsewhere may not reach it.
fn doubt<'a>(
    public_url: Option<&Origin>,
    mut listening: impl Iterator<Item = &'a SocketAddr>,
    relayed: &[IpAddr],
) -> Option<&'static str> {
    let is_for_all = public_url.is_some_and(|url| url.ip().map_or(url.host() != "localhost", is_public));
    if !is_for_all {
        None
    } else if listening.all(|address| address.ip().is_loopback()) {
        Some("members elsewhere can't reach the relay, which listens on loopback alone: see --turn-listen")
    } else if !relayed.iter().any(|ip| is_public(*ip)) {
        Some("members elsewhere can't reach the relay's own address: name the public one by --turn-public-ip")
    } else {
        None
    }
}

/// Admits whoever has a seat. Before there is a switchboard nobody has.
#[derive(Default)]
pub(crate) struct Seated(OnceLock<Weak<Switchboard>>);

impl Seated {
    /// Whom to ask from now on.
    pub(crate) fn ask(&self, switchboard: &Arc<Switchboard>) {
        let _ = self.0.set(Arc::downgrade(switchboard));
    }
}

impl Admission for Seated {
    fn group(&self, holder: &Holder) -> Option<Group> {
        let room = self.0.get()?.upgrade()?.room_of(holder)?;
        let [.., a, b, c, d, e, f, g, h] = *room.as_bytes();
        Some(Group(u64::from_be_bytes([a, b, c, d, e, f, g, h])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_a_first_and_a_last() {
        assert_eq!("1-65535".parse(), Ok(Ports(1..=65535)));
        assert_eq!("5-5".parse(), Ok(Ports(5..=5)));
        for bad in ["", "5", "-", "5-", "-5", "6-5", "0-5", "1-65536", "+1-5", "1 - 5", "1-2-3"] {
            assert_eq!(bad.parse::<Ports>(), Err(BadPorts), "{bad}");
        }
    }

    #[test]
    fn before_there_is_a_switchboard_nobody_is_admitted() {
        assert_eq!(Seated::default().group(&Holder::random()), None);
    }
}
