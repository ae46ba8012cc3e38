//! HTTPS: what TLS is spoken, who may begin with it, and whom what comes by it is for. Where the certificate comes from is `source`'s.

mod acme;
mod domain;
mod files;
mod flags;
mod handshakes;
mod machine;
mod period;
mod private_file;
mod roots;
mod said;
mod self_signed;
mod served;
mod source;

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
pub(crate) use source::Source;
pub use source::TlsError;

use crate::address::Address;
use crate::limits::Limits;
use crate::metrics::Tally;
use acme::Challenges;
use handshakes::Handshakes;

/// HTTP/2, as it is called while TLS begins.
pub(crate) const H2: &[u8] = b"h2";
/// HTTP/1.1.
const HTTP_1_1: &[u8] = b"http/1.1";
/// TURN and STUN, by whoever says so (RFC 7443).
const STUN: [&[u8]; 2] = [b"stun.turn", b"stun.nat-discovery"];
/// The first byte of whoever begins with TLS: the type of the record that a ClientHello is in.
const HANDSHAKE: u8 = 0x16;

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
        tally: Arc<Tally>,
    ) -> Result<Self, rustls::Error> {
        let mut config = config(served, challenges)?;
        if relay.is_some() {
            // Before HTTP: whoever offers both of them is a client of relays.
            config.alpn_protocols.splice(..0, STUN.map(<[u8]>::to_vec));
        }
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            handshakes: Handshakes::new(limits, tally),
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
