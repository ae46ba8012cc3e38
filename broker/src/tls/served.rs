//! The certificate that TLS is served with at the moment, by the broker and the relay alike: whoever renews it puts the new one here,
//! and the next handshake has it.

use std::fmt;
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use super::period::Period;

/// A certificate with its key, or none yet.
pub(crate) struct Served(watch::Sender<Option<Arc<CertifiedKey>>>);

impl Served {
    /// Serves this one from the first handshake on.
    pub(crate) fn with(certified: CertifiedKey) -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Some(Arc::new(certified)))))
    }

    /// There is none yet, and whoever comes is turned away.
    pub(crate) fn none() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(None)))
    }

    /// From now on this one is served.
    pub(crate) fn set(&self, certified: CertifiedKey) {
        self.0.send_replace(Some(Arc::new(certified)));
    }

    /// What is served now.
    pub(crate) fn current(&self) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().clone()
    }

    /// When what is served now is valid; nothing if there is none.
    pub(super) fn period(&self) -> Option<Period> {
        Period::of(self.current()?.cert.first()?)
    }

    /// When what is served now ends, in seconds since 1970; nothing if there is none.
    pub(crate) fn expires(&self) -> Option<i64> {
        self.period().map(|period| period.end.unix_timestamp())
    }

    /// Whether who asks for this host is served a certificate for it.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        self.current().is_some_and(|certified| is_for(&certified, host))
    }
}

/// Whether this is a certificate for this host.
pub(super) fn is_for(certified: &CertifiedKey, host: &str) -> bool {
    let Ok(name) = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']')) else { return false };
    let parsed = certified.end_entity_cert().and_then(ParsedCertificate::try_from);
    parsed.is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Served").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_for_the_names_in_it_alone() {
        let made =
            rcgen::generate_simple_self_signed(["meet.example".to_owned(), "192.0.2.7".to_owned(), "::1".to_owned()]);
        let made = made.expect("a certificate");
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let chain = vec![made.cert.der().clone()];
        let provider = rustls::crypto::ring::default_provider();
        let served = Served::with(CertifiedKey::from_der(chain, key, &provider).expect("a pair"));
        for good in ["meet.example", "MEET.example", "192.0.2.7", "[::1]"] {
            assert!(served.is_for(good), "{good}");
        }
        for bad in ["example", "meet.example.evil", "192.0.2.8", "", "[", "a b"] {
            assert!(!served.is_for(bad), "{bad}");
        }
    }
}
