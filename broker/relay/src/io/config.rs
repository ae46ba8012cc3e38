//! What a relay is started with, and what can be wrong with it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use rustls::server::ResolvesServerCert;

use crate::cidr::Cidr;
use crate::credentials::{Realm, Secret};
use crate::limits::Limits;

/// What a relay is started with.
#[derive(Clone)]
pub struct Config {
    /// Where to listen over UDP and TCP, on the same port. Port 0 picks a free one. An unspecified IPv6 address stands for
    /// all addresses of both families. Replies leave from the address that was asked, if the host had it when the relay
    /// started; from others by the one that the kernel prefers.
    pub listen: Vec<SocketAddr>,
    /// Where to listen over TLS, in the same way; needs `certificates`.
    pub tls_listen: Vec<SocketAddr>,
    /// The certificates to listen over TLS with.
    pub certificates: Option<Arc<dyn ResolvesServerCert>>,
    /// The addresses that relayed candidates carry, at most one of each family. Without one of a family it is the
    /// address listened on, or the one from which the host reaches others. What is relayed leaves from there, if the host
    /// has that address itself.
    pub public_ips: Vec<IpAddr>,
    /// Where relayed sockets are opened.
    pub ports: RangeInclusive<u16>,
    /// Behind the credentials.
    pub secret: Secret,
    /// Where the credentials are valid.
    pub realm: Realm,
    /// Ranges that are relayed to though they are private, loopback, this host's own or otherwise special.
    pub allow_peer: Vec<Cidr>,
    /// How much of everything.
    pub limits: Limits,
}

impl Config {
    /// As it is without any flag: all addresses on port 3478, the upper ports, nothing special relayed to.
    pub fn new(secret: Secret, realm: Realm) -> Self {
        Self {
            listen: vec![SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), 3478)],
            tls_listen: Vec::new(),
            certificates: None,
            public_ips: Vec::new(),
            ports: 49152..=65535,
            secret,
            realm,
            allow_peer: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be listened on.
    #[error("the relay can't listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// Nowhere to listen.
    #[error("the relay has no address to listen on")]
    NoAddress,
    /// The host has no address of its own that peers could send to.
    #[error("the relay has found no address for relayed candidates: name one by --turn-public-ip")]
    NoRelayedAddress,
    /// More than one address of a family that relayed candidates would carry.
    #[error("relayed candidates carry one address of each family, and --turn-public-ip names both {0} and {1}")]
    TwoRelayedAddresses(IpAddr, IpAddr),
    /// A range of ports without a port in it.
    #[error("the relay has no ports to relay on")]
    NoPorts,
    /// An address for TLS without certificates.
    #[error("the relay can't listen over TLS without a certificate")]
    NoCertificate,
    /// TLS can't be set up.
    #[error("the relay can't speak TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// Anything else of the system's.
    #[error("the relay can't start: {0}")]
    System(io::Error),
}

impl StartError {
    pub(super) fn system(error: rustix::io::Errno) -> Self {
        Self::System(error.into())
    }
}
