//! The certificate that TLS is served with: read at start, and again once its files have changed.

use std::fmt;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// A certificate with its key.
pub(crate) struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    /// The files as they were when they were last looked at.
    seen: Mutex<[Option<Stamp>; 2]>,
}

/// What changes with a file: renewal replaces it or writes it anew.
type Stamp = (SystemTime, u64);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum BadCertificate {
    /// The certificates can't be read.
    #[error("can't read a certificate from {0}")]
    Chain(PathBuf, #[source] pem::Error),
    /// The key can't be read.
    #[error("can't read a private key from {0}")]
    Key(PathBuf, #[source] pem::Error),
    /// They are not of a kind that TLS is served with, or don't belong together.
    #[error("TLS can't be served with the certificate in {0} and the key in {1}")]
    Pair(PathBuf, PathBuf, #[source] rustls::Error),
}

impl Certificate {
    /// Reads it.
    pub(crate) fn read(chain: &Path, key: &Path) -> Result<Arc<Self>, BadCertificate> {
        let seen = Mutex::new([stamp(chain), stamp(key)]);
        let current = RwLock::new(certified(chain, key)?);
        Ok(Arc::new(Self { chain: chain.into(), key: key.into(), current, seen }))
    }

    /// Looks at the files from time to time, for as long as it is polled.
    pub(crate) async fn keep_fresh(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.refresh();
        }
    }

    /// Reads it again if a file has changed. What can't be served is left aside, as it may be half written: the next change
    /// is another try.
    fn refresh(&self) {
        let now = [stamp(&self.chain), stamp(&self.key)];
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == now {
                return;
            }
            *seen = now;
        }
        match certified(&self.chain, &self.key) {
            Ok(certified) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = certified;
                tracing::info!("the certificate was read again");
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!("the certificate stays as it was: {error:#}");
            }
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let stamp = |metadata: Metadata| Some((metadata.modified().ok()?, metadata.len()));
    std::fs::metadata(path).ok().and_then(stamp)
}

fn certified(chain: &Path, key: &Path) -> Result<Arc<CertifiedKey>, BadCertificate> {
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|certificates| if certificates.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(certificates) })
        .map_err(|error| BadCertificate::Chain(chain.into(), error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| BadCertificate::Key(key.into(), error))?;
    CertifiedKey::from_der(certificates, private, &rustls::crypto::ring::default_provider())
        .map(Arc::new)
        .map_err(|error| BadCertificate::Pair(chain.into(), key.into(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a certificate and its key, gone with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("klatch-certificate-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a place for files");
            let folder = Self(folder);
            folder.renew();
            folder
        }

        fn chain(&self) -> PathBuf {
            self.0.join("chain.pem")
        }

        fn key(&self) -> PathBuf {
            self.0.join("key.pem")
        }

        fn renew(&self) {
            let made = rcgen::generate_simple_self_signed(["meet.example".to_owned()]).expect("a certificate");
            self.write(&made.cert.pem(), &made.signing_key.serialize_pem());
        }

        fn write(&self, chain: &str, key: &str) {
            std::fs::write(self.chain(), chain).expect("written");
            std::fs::write(self.key(), key).expect("written");
            // A new file must not look as old as the last: clocks of file systems are coarse.
            static AGE: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
            let age = AGE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let file = std::fs::File::open(self.chain()).expect("written");
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(age)).expect("it is ours");
        }

        fn read(&self) -> Result<Arc<Certificate>, BadCertificate> {
            Certificate::read(&self.chain(), &self.key())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn served(certificate: &Certificate) -> Vec<u8> {
        certificate.current.read().expect("nobody panicked").cert[0].to_vec()
    }

    #[test]
    fn a_renewed_certificate_is_served_from_then_on() {
        let folder = Folder::new("renewed");
        let certificate = folder.read().expect("a certificate");
        let first = served(&certificate);
        certificate.refresh();
        assert_eq!(served(&certificate), first);
        folder.renew();
        certificate.refresh();
        assert_ne!(served(&certificate), first);
    }

    #[test]
    fn a_half_written_one_leaves_the_last_in_place() {
        let folder = Folder::new("half");
        let certificate = folder.read().expect("a certificate");
        let first = served(&certificate);
        folder.write("-----BEGIN CERTIFICATE-----\nMII", "");
        certificate.refresh();
        std::fs::remove_file(folder.key()).expect("it is there");
        certificate.refresh();
        assert_eq!(served(&certificate), first);
        folder.renew();
        certificate.refresh();
        assert_ne!(served(&certificate), first);
    }

    #[test]
    fn what_can_not_be_served_says_why() {
        let folder = Folder::new("bad");
        let key = std::fs::read_to_string(folder.key()).expect("a key");
        folder.renew();
        let chain = std::fs::read_to_string(folder.chain()).expect("a certificate");
        folder.write(&chain, &key);
        assert!(matches!(folder.read(), Err(BadCertificate::Pair(..))), "another certificate's key");
        folder.write(&chain, "");
        assert!(matches!(folder.read(), Err(BadCertificate::Key(..))));
        folder.write("nothing\n", &key);
        assert!(matches!(folder.read(), Err(BadCertificate::Chain(..))));
        let nowhere = Path::new("/nowhere");
        assert!(matches!(Certificate::read(nowhere, nowhere), Err(BadCertificate::Chain(..))));
    }
}
