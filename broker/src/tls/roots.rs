//! Whom this program believes when it is the one that asks over TLS: a directory, or whoever answers by the public name.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::acme::BadAcme;
use super::files::certificates_in;

/// Those who vouch.
#[derive(Clone)]
pub(crate) struct Roots(Arc<RootCertStore>);

impl Roots {
    /// Those that browsers trust.
    pub(crate) fn of_the_web() -> Self {
        Self(Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()))
    }

    /// Those in a file, and no others.
    pub(crate) fn read(path: &Path) -> Result<Self, BadAcme> {
        let certificates = certificates_in(path).map_err(|error| BadAcme::Roots(path.into(), error))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate).map_err(|error| BadAcme::NoRoot(path.into(), error))?;
        }
        Ok(Self(Arc::new(roots)))
    }

    /// Begins with TLS where they vouch for the other end.
    pub(crate) fn connector(&self) -> Result<TlsConnector, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = builder.with_root_certificates(Arc::clone(&self.0)).with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}
