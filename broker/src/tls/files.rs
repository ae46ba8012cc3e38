//! A certificate in files: read at start, and again once they have changed, as whoever renews it replaces them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use super::period::{BadPeriod, Period};
use super::served::Served;
use crate::small_file;
use crate::watched::Watched;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// How long before a certificate's end it is said that nobody has renewed it.
const LATE: time::Duration = time::Duration::days(3);

/// The files, and what is served of them.
#[derive(Debug)]
pub(crate) struct Files {
    /// The chain and the key.
    files: Watched<2>,
    served: Arc<Served>,
    /// What was last said of the certificate's age.
    told: Age,
}

/// How old the certificate is that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Fresh,
    Late,
    Over,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum BadCertificate {
    /// The certificates can't be read.
    #[error("can't read a certificate from {0}, which has to have it in PEM")]
    Chain(PathBuf, #[source] pem::Error),
    /// The key can't be read.
    #[error("can't read a private key from {0}, which has to have it in PEM, unencrypted")]
    Key(PathBuf, #[source] pem::Error),
    /// They don't belong together.
    #[error("the key in {1} is not that of the certificate in {0}: name the one that it was made for")]
    OtherKey(PathBuf, PathBuf),
    /// They are not of a kind that TLS is served with.
    #[error("TLS can't be served with the certificate in {0} and the key in {1}")]
    Pair(PathBuf, PathBuf, #[source] rustls::Error),
    /// It is not valid now.
    #[error(transparent)]
    Period(#[from] BadPeriod),
}

impl Files {
    /// Reads them.
    pub(crate) fn read(chain: &Path, key: &Path) -> Result<Self, BadCertificate> {
        let (files, certified) = Watched::read([chain, key], |files| certified(files, OffsetDateTime::now_utc()))?;
        Ok(Self { files, served: Served::with(certified), told: Age::Fresh })
    }

    /// What is served.
    pub(crate) fn served(&self) -> Arc<Served> {
        Arc::clone(&self.served)
    }

    /// Looks at the files from time to time, for as long as it is polled.
    pub(crate) async fn keep_fresh(mut self) {
        loop {
            let now = OffsetDateTime::now_utc();
            self.refresh(now);
            self.tell_age(now);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Reads them again if one has changed. While they can't be served the last certificate is.
    fn refresh(&mut self, now: OffsetDateTime) {
        match self.files.again(|files| certified(files, now)) {
            None => {}
            Some(Ok(certified)) => {
                self.served.set(certified);
                tracing::info!("the certificate was read again");
            }
            Some(Err(reason)) => tracing::warn!("the certificate that was read before is still served: {reason}"),
        }
    }

    /// Warns once of a certificate that comes to its end, and once when it has.
    fn tell_age(&mut self, now: OffsetDateTime) {
        let age = self.age(now);
        if age == std::mem::replace(&mut self.told, age) {
            return;
        }
        let [chain, _] = self.files.paths().map(Path::display);
        match age {
            Age::Fresh => {}
            Age::Late => tracing::warn!("the certificate in {chain} expires within three days: renew it"),
            Age::Over => tracing::warn!("the certificate in {chain} has expired, and browsers refuse it: renew it"),
        }
    }

    fn age(&self, now: OffsetDateTime) -> Age {
        let period = self.served.current().and_then(|certified| Period::of(certified.cert.first()?));
        match period {
            Some(period) if now > period.end => Age::Over,
            Some(period) if now > period.end - LATE => Age::Late,
            Some(_) | None => Age::Fresh,
        }
    }
}

/// The certificates in a file: one at least.
pub(super) fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let pem = small_file::read(path).map_err(pem::Error::Io)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>()?;
    if certificates.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(certificates) }
}

fn certified([chain, key]: [&Path; 2], now: OffsetDateTime) -> Result<CertifiedKey, BadCertificate> {
    let certificates = certificates_in(chain).map_err(|error| BadCertificate::Chain(chain.into(), error))?;
    if let Some(period) = certificates.first().and_then(Period::of) {
        period.admit(now, chain)?;
    }
    let pem = small_file::read(key).map_err(pem::Error::Io);
    let private = pem
        .and_then(|pem| PrivateKeyDer::from_pem_slice(&pem))
        .map_err(|error| BadCertificate::Key(key.into(), error))?;
    CertifiedKey::from_der(certificates, private, &rustls::crypto::ring::default_provider()).map_err(
        |error| match error {
            rustls::Error::InconsistentKeys(_) => BadCertificate::OtherKey(chain.into(), key.into()),
            other => BadCertificate::Pair(chain.into(), key.into(), other),
        },
    )
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
