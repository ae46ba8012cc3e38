//! A certificate in files: read at start, and again once they have changed, as whoever renews it replaces them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use time::OffsetDateTime;

use super::period::{BadPeriod, Period};
use super::said::Said;
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
    /// They belong together, and it stands behind another.
    #[error(
        "the key in {1} is not that of the first certificate in {0}, but of one behind it: put the site's own first, then the one that \
         vouches for it, and so on, as in fullchain.pem"
    )]
    Order(PathBuf, PathBuf),
    /// The key is not of a kind that TLS is served with.
    #[error(
        "the key in {0} is of a kind that can't be served: take RSA of 2048 to 4096 bits, ECDSA on P-256 or P-384, or Ed25519, and have \
         the certificate made for that"
    )]
    KeyKind(PathBuf),
    /// The certificate is not.
    #[error("TLS can't be served with the certificate in {0}")]
    Unservable(PathBuf, #[source] Error),
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

    /// What is amiss with the chain that is served, if nobody in it vouches for the site's own certificate.
    pub(crate) fn doubt(&self) -> Option<String> {
        let [chain, _] = self.files.paths().map(Path::display);
        let said: Vec<_> = self.served.current()?.cert.iter().filter_map(Said::by).collect();
        let own = said.first()?;
        // Its own issuer is one that nobody signed: whoever trusts it needs no other.
        let is_vouched_for = said.iter().any(|other| other.subject == own.issuer);
        (!is_vouched_for).then(|| {
            format!(
                "the certificate in {chain} comes without the one that vouches for it, and only works where its issuer is trusted directly: \
                 name the file with the whole chain, fullchain.pem, if there is one"
            )
        })
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
                if let Some(doubt) = self.doubt() {
                    tracing::warn!("{doubt}");
                }
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
        match self.served.period() {
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
    let pem = small_file::read(key).map_err(pem::Error::Io);
    let private = pem
        .and_then(|pem| PrivateKeyDer::from_pem_slice(&pem))
        .map_err(|error| BadCertificate::Key(key.into(), error))?;
    let private = ring::default_provider().key_provider.load_private_key(private);
    let certified = CertifiedKey::new(certificates, private.map_err(|_| BadCertificate::KeyKind(key.into()))?);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(Error::InconsistentKeys(_)) if is_of_one_behind(&certified) => {
            return Err(BadCertificate::Order(chain.into(), key.into()));
        }
        Err(Error::InconsistentKeys(_)) => return Err(BadCertificate::OtherKey(chain.into(), key.into())),
        Err(other) => return Err(BadCertificate::Unservable(chain.into(), other)),
    }
    if let Some(period) = certified.cert.first().and_then(Period::of) {
        period.admit(now, chain)?;
    }
    Ok(certified)
}

/// Whether the key is that of a certificate that is not the first.
fn is_of_one_behind(certified: &CertifiedKey) -> bool {
    let is_its = |other: &CertificateDer<'static>| {
        CertifiedKey::new(vec![other.clone()], Arc::clone(&certified.key)).keys_match().is_ok()
    };
    certified.cert.iter().skip(1).any(is_its)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
