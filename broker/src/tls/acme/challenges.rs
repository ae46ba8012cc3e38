//! What a directory finds while it looks whether a name is ours: a certificate that says what it told us (RFC 8737).

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

/// What it asks for while TLS begins.
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";

/// Certificates by name, for as long as an order is under way.
#[derive(Debug, Default)]
pub(crate) struct Challenges(Mutex<HashMap<String, Arc<CertifiedKey>>>);

impl Challenges {
    /// Whether somebody asks for one of these, whoever it is.
    pub(crate) fn are_asked_for(hello: &ClientHello<'_>) -> bool {
        hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == PROTOCOL))
    }

    /// The one for the name that is asked for.
    pub(crate) fn answer(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.lock().get(hello.server_name()?).cloned()
    }

    /// From now on the directory finds this digest by this name.
    pub(super) fn add(&self, name: &str, digest: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let chain = vec![params.self_signed(&key)?.der().clone()];
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        // Without a look at whether the two fit, which does not know what this one says.
        let pair = CertifiedKey::new(chain, any_supported_type(&private)?);
        self.lock().insert(name.to_owned(), Arc::new(pair));
        Ok(())
    }

    /// There is nothing to be found any more.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<CertifiedKey>>> {
        // Nothing that holds it can panic halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
