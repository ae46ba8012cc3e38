//! HTTPS: where the certificate comes from, what TLS is spoken, and who may begin with it.

mod acme;
mod domain;
mod files;
mod flags;
mod handshakes;
mod period;
mod private_file;
mod roots;
mod said;
mod self_signed;
mod served;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use klatch_relay::{Entrance, Relay};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub use acme::BadAcme;
pub use domain::{BadDirectoryUrl, BadDomain, DirectoryUrl, Domain};
pub use files::BadCertificate;
pub use flags::TlsFlags;
pub use period::{BadPeriod, Moment};
pub(crate) use roots::Roots;
pub(crate) use served::Served;

use crate::address::Address;
use crate::limits::Limits;
use crate::origin::Origin;
use acme::{Acme, Challenges};
use files::Files;
use handshakes::Handshakes;
use self_signed::{Names, SelfSigned};

/// HTTP/2, as it is called while TLS begins.
pub(crate) const H2: &[u8] = b"h2";
/// HTTP/1.1.
const HTTP_1_1: &[u8] = b"http/1.1";
/// TURN and STUN, by whoever says so (RFC 7443).
const STUN: [&[u8]; 2] = [b"stun.turn", b"stun.nat-discovery"];
/// The first byte of whoever begins with TLS: the type of the record that a ClientHello is in.
const HANDSHAKE: u8 = 0x16;

/// What keeps a certificate from growing old.
pub(crate) enum Source {
    /// Files that somebody else renews.
    Files(Files),
    /// Nobody but this machine.
    SelfSigned(SelfSigned),
    /// A directory that signs what is asked for.
    Acme(Box<Acme>),
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It can't be read, or not be served.
    #[error(transparent)]
    Files(#[from] BadCertificate),
    /// It can't be made.
    #[error("can't make a certificate")]
    SelfSigned(#[from] rcgen::Error),
    /// It can't be asked for.
    #[error(transparent)]
    Acme(#[from] BadAcme),
    /// TLS can't be spoken.
    #[error("can't serve HTTPS")]
    Tls(#[from] rustls::Error),
}

impl Source {
    /// Where the flags say that a certificate comes from, if they do.
    pub(crate) fn open(flags: &TlsFlags, state: Option<&Path>) -> Result<Option<Self>, TlsError> {
        if let (Some(chain), Some(key)) = (&flags.tls_cert, &flags.tls_key) {
            return Ok(Some(Self::Files(Files::read(chain, key)?)));
        }
        if flags.self_signed {
            let kept = state.map(self_signed::beside);
            return Ok(Some(Self::SelfSigned(SelfSigned::open(Names::of_this_machine(), kept.as_deref())?)));
        }
        if !flags.acme.is_empty() {
            return Ok(Some(Self::Acme(Box::new(Acme::open(flags)?))));
        }
        Ok(None)
    }

    /// The same for a trial, after which all is as it was: a certificate that this machine would make itself is not made.
    pub(crate) fn try_out(flags: &TlsFlags) -> Result<Option<Self>, TlsError> {
        if flags.self_signed {
            return Ok(None);
        }
        if !flags.acme.is_empty() {
            return Ok(Some(Self::Acme(Box::new(Acme::try_out(flags)?))));
        }
        Self::open(flags, None)
    }

    /// Where what is obtained is kept, if something is.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Files(_) | Self::SelfSigned(_) => None,
            Self::Acme(acme) => Some(acme.folder()),
        }
    }

    /// What is served of it.
    pub(crate) fn served(&self) -> Arc<Served> {
        match self {
            Self::Files(files) => files.served(),
            Self::SelfSigned(made) => made.served(),
            Self::Acme(acme) => acme.served(),
        }
    }

    /// Where this machine's own names lead, which the certificate is for: its pages may connect by them.
    pub(crate) fn origins(&self, addresses: &[SocketAddr]) -> Vec<Origin> {
        let hosts: Vec<&str> = match self {
            // Whose they are stands in them, but not that they lead here.
            Self::Files(_) => Vec::new(),
            Self::SelfSigned(made) => made.hosts().iter().map(String::as_str).collect(),
            Self::Acme(acme) => acme.domains().iter().map(Domain::as_str).collect(),
        };
        let ports = || addresses.iter().map(SocketAddr::port);
        let urls = hosts.iter().flat_map(|host| ports().map(move |port| format!("https://{host}:{port}")));
        urls.filter_map(|url| url.parse().ok()).collect()
    }

    /// Whether browsers trust it without being asked. For a page they ask, for a relay they don't.
    pub(crate) fn is_trusted(&self) -> bool {
        match self {
            Self::Files(_) | Self::Acme(_) => true,
            Self::SelfSigned(_) => false,
        }
    }

    /// When the certificate that is served ends.
    pub(crate) fn end(&self) -> Option<Moment> {
        self.served().period().map(|period| period.until())
    }

    /// What browsers may find amiss with it.
    pub(crate) fn doubt(&self) -> Option<String> {
        match self {
            Self::Files(files) => files.doubt(),
            Self::SelfSigned(_) | Self::Acme(_) => None,
        }
    }

    /// Keeps what is served fresh, for as long as it is polled.
    pub(crate) async fn keep_fresh(self) {
        match self {
            Self::Files(files) => files.keep_fresh().await,
            Self::SelfSigned(made) => made.keep_fresh().await,
            Self::Acme(acme) => acme.keep_fresh().await,
        }
    }

    /// What somebody else looks for while a certificate is obtained.
    pub(crate) fn challenges(&self) -> Option<Arc<Challenges>> {
        match self {
            Self::Files(_) | Self::SelfSigned(_) => None,
            Self::Acme(acme) => Some(acme.challenges()),
        }
    }

    /// Tells when it has been tried to have a certificate, where that takes a while.
    pub(crate) fn tried(&self) -> Option<watch::Receiver<bool>> {
        match self {
            Self::Files(_) | Self::SelfSigned(_) => None,
            Self::Acme(acme) => Some(acme.tried()),
        }
    }
}

/// How TLS begins with a connection.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    handshakes: Arc<Handshakes>,
    patience: Duration,
    /// Where those are sent who want to be relayed.
    relay: Option<Entrance>,
}

/// What a connection turned out to be.
pub(crate) enum Opened {
    /// TLS, established.
    Tls(Box<TlsStream<TcpStream>>),
    /// Plain HTTP, by somebody who left the `s` out.
    Plain(TcpStream),
}

impl Tls {
    /// With these certificates.
    pub(crate) fn new(
        served: Arc<Served>,
        challenges: Option<Arc<Challenges>>,
        relay: Option<Entrance>,
        limits: &Limits,
    ) -> Result<Self, rustls::Error> {
        let mut config = config(served, challenges)?;
        if relay.is_some() {
            // Before HTTP: whoever offers both of them is a client of relays.
            config.alpn_protocols.splice(..0, STUN.map(<[u8]>::to_vec));
        }
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            handshakes: Handshakes::new(limits),
            patience: Duration::from_secs(limits.tls_handshake_seconds.into()),
            relay,
        })
    }

    /// Begins with one connection, from this address if it is of one. Nothing if it is not worth an answer, or too slow, or one of too many; nor if it is the
    /// relay's from now on.
    pub(crate) async fn open(&self, stream: TcpStream, address: Option<Address>) -> Option<Opened> {
        let mut handshake = self.handshakes.begin(address)?;
        let opened = tokio::select! {
            opened = timeout(self.patience, self.shake_hands(stream)) => opened.ok().flatten(),
            () = handshake.given_up() => None,
        };
        // Whoever has shaken hands and says nothing holds up nobody who has yet to.
        drop(handshake);
        match opened? {
            Opened::Tls(stream) => timeout(self.patience, self.pass_on(stream)).await.ok().flatten().map(Opened::Tls),
            plain @ Opened::Plain(_) => Some(plain),
        }
    }

    async fn shake_hands(&self, stream: TcpStream) -> Option<Opened> {
        let mut first = [0];
        match (stream.peek(&mut first).await, first) {
            (Ok(1), [HANDSHAKE]) => {}
            (Ok(1), [letter]) if letter.is_ascii_uppercase() => return Some(Opened::Plain(stream)),
            _ => return None,
        }
        // What goes wrong is the other end's business; it has an alert.
        let stream = self.acceptor.accept(stream).await.ok()?;
        Some(Opened::Tls(Box::new(stream)))
    }

    /// Leaves to others what is not for HTTP.
    async fn pass_on(&self, mut stream: Box<TlsStream<TcpStream>>) -> Option<Box<TlsStream<TcpStream>>> {
        let protocol = stream.get_ref().1.alpn_protocol();
        if protocol == Some(acme::PROTOCOL) {
            // It has seen what it wanted to.
            let _ = stream.shutdown().await;
            return None;
        }
        let Some(relay) = &self.relay else { return Some(stream) };
        let is_for_relay = match protocol {
            Some(protocol) => STUN.contains(&protocol),
            None => begins_with_stun(&mut stream).await?,
        };
        if !is_for_relay {
            return Some(stream);
        }
        let (stream, tls) = stream.into_inner();
        relay.adopt(stream.into_std().ok()?, tls);
        None
    }
}

/// Whether what comes is for a relay, by its first byte, which is left where it is. Browsers say nothing of TURN while TLS
/// begins, and old programs nothing of HTTP.
async fn begins_with_stun(stream: &mut TlsStream<TcpStream>) -> Option<bool> {
    stream.fill_buf().await.ok()?.first().map(|first| Relay::is_for_relay(*first))
}

/// What whoever comes is shown.
#[derive(Debug)]
struct Shown {
    served: Arc<Served>,
    challenges: Option<Arc<Challenges>>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match &self.challenges {
            Some(challenges) if Challenges::are_asked_for(&hello) => challenges.answer(&hello),
            Some(_) | None => self.served.current(),
        }
    }
}

/// TLS 1.2 and 1.3, and of their ciphers those that we prefer: all of them have forward secrecy and authenticate what they seal.
fn config(served: Arc<Served>, challenges: Option<Arc<Challenges>>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12])?;
    let is_challenged = challenges.is_some();
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(Shown { served, challenges }));
    config.alpn_protocols = vec![H2.to_vec(), HTTP_1_1.to_vec()];
    if is_challenged {
        config.alpn_protocols.push(acme::PROTOCOL.to_vec());
    }
    config.ignore_client_order = true;
    // Who comes again saves a signature, and nothing is kept for it here.
    config.ticketer = ring::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(config)
}
