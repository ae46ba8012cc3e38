//! A certificate from a directory that speaks ACME (RFC 8555), obtained and renewed by itself: Let's Encrypt, unless another is named.
//!
//! What is asked for is proven on the port that HTTPS is served on (RFC 8737): the directory connects there and asks for `acme-tls/1`.
//! What fails is tried again after pauses that grow, as directories count failures; a certificate that is there is served meanwhile.

mod cache;
mod challenges;
mod http;
mod order;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use klatch_shared::random_bytes;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::sleep;

use super::domain::{DirectoryUrl, Domain};
use super::flags::TlsFlags;
use super::period::Period;
use super::roots::Roots;
use super::served::Served;
use cache::Cache;
pub(crate) use challenges::{Challenges, PROTOCOL};
use order::Refused;

/// Whom everybody trusts.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// How often it is looked whether it is time: a machine may sleep in between.
const LOOK: Duration = Duration::from_secs(60);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// What certificates are asked for, and where what came of it is.
pub(crate) struct Acme {
    domains: Vec<Domain>,
    email: Option<String>,
    directory: DirectoryUrl,
    roots: Roots,
    cache: Cache,
    served: Arc<Served>,
    challenges: Arc<Challenges>,
    /// Whether it was tried at least once, with whatever success.
    tried: watch::Sender<bool>,
}

/// Why nothing can be asked for.
#[derive(Debug, thiserror::Error)]
pub enum BadAcme {
    /// There is no place for what is obtained.
    #[error("there is no folder to keep certificates in: name one by --acme-cache")]
    NoCache,
    /// It can't be used.
    #[error("can't keep certificates in {0}: name a folder that can be written to by --acme-cache")]
    Cache(PathBuf, #[source] io::Error),
    /// The directory's root can't be read.
    #[error("can't read the directory's root certificate from {0}, which has to have it in PEM")]
    Roots(PathBuf, #[source] rustls::pki_types::pem::Error),
    /// It is no root.
    #[error("the certificate in {0} can't be a directory's root")]
    NoRoot(PathBuf, #[source] rustls::Error),
}

impl Acme {
    /// As the flags say; what was obtained before is served at once.
    pub(crate) fn open(flags: &TlsFlags) -> Result<Self, BadAcme> {
        Self::kept_by(flags, Cache::make)
    }

    /// The same, but where there is no folder yet, none is made.
    pub(crate) fn try_out(flags: &TlsFlags) -> Result<Self, BadAcme> {
        Self::kept_by(flags, Cache::try_out)
    }

    fn kept_by(flags: &TlsFlags, prepare: impl FnOnce(&Cache) -> io::Result<()>) -> Result<Self, BadAcme> {
        let directory = flags.acme_directory.clone();
        let directory = directory.unwrap_or_else(|| LETS_ENCRYPT.parse().expect("it is a URL"));
        let roots = match &flags.acme_ca {
            Some(path) => Roots::read(path)?,
            None => Roots::of_the_web(),
        };
        let folder = flags.acme_cache.clone().or_else(cache::usual_folder).ok_or(BadAcme::NoCache)?;
        let cache = Cache::at(&folder, &directory, &flags.acme);
        prepare(&cache).map_err(|error| BadAcme::Cache(folder, error))?;
        let served = Served::none();
        if let Some(certified) = cache.certificate() {
            served.set(certified);
        }
        Ok(Self {
            domains: flags.acme.clone(),
            email: flags.acme_email.clone(),
            directory,
            roots,
            cache,
            tried: watch::Sender::new(served.current().is_some()),
            served,
            challenges: Arc::default(),
        })
    }

    /// What is served.
    pub(crate) fn served(&self) -> Arc<Served> {
        Arc::clone(&self.served)
    }

    /// Where what is obtained is kept.
    pub(crate) fn folder(&self) -> &Path {
        self.cache.folder()
    }

    /// What certificates are asked for.
    pub(crate) fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// What the directory asks for.
    pub(crate) fn challenges(&self) -> Arc<Challenges> {
        Arc::clone(&self.challenges)
    }

    /// Tells when there is a certificate, or the first try has failed.
    pub(crate) fn tried(&self) -> watch::Receiver<bool> {
        self.tried.subscribe()
    }

    /// Obtains and renews, for as long as it is polled.
    pub(crate) async fn keep_fresh(self) {
        let mut failures = 0;
        loop {
            if let Some(left) = self.left() {
                sleep(left.min(LOOK)).await;
                continue;
            }
            match order::obtain(&self).await.and_then(|pem| self.take(&pem)) {
                Ok(()) => failures = 0,
                Err(refused) => {
                    let pause = pause(failures, refused.is_counted());
                    failures = failures.saturating_add(1);
                    self.warn(&refused, pause);
                    self.tried.send_replace(true);
                    sleep(pause).await;
                }
            }
            self.tried.send_replace(true);
        }
    }

    /// How long the certificate that is served needs no renewal: until two thirds of its time are over. Nothing if it is time.
    fn left(&self) -> Option<Duration> {
        self.period()?.until_renewal(OffsetDateTime::now_utc())
    }

    /// When the certificate that is served is valid.
    fn period(&self) -> Option<Period> {
        Period::of(self.served.current()?.cert.first()?)
    }

    /// Serves what was obtained, and says if that was in vain: asked at once again, the directory would issue the same again.
    fn take(&self, pem: &str) -> Result<(), Refused> {
        let certified = cache::certified(pem.as_bytes());
        let certified = certified.ok_or_else(|| Refused::Unservable(self.directory.to_string()))?;
        if let Err(error) = self.cache.keep_certificate(pem) {
            let folder = self.cache.folder().display();
            tracing::warn!("the certificate can't be kept in {folder}, and the next start asks for another: {error}");
        }
        self.served.set(certified);
        tracing::info!("there is a new certificate");
        let now = OffsetDateTime::now_utc();
        let lasts = self.period().is_some_and(|period| period.lasts(now));
        if lasts { Ok(()) } else { Err(Refused::Due(self.directory.to_string(), now.into())) }
    }

    fn warn(&self, refused: &Refused, pause: Duration) {
        let names: Vec<_> = self.domains.iter().map(Domain::as_str).collect();
        let (names, seconds) = (names.join(", "), pause.as_secs());
        let now = OffsetDateTime::now_utc();
        let state = match self.period() {
            None => "no certificate yet",
            Some(period) if now > period.end => "the certificate has expired and could not be renewed",
            Some(_) => "the certificate could not be renewed, and is still served",
        };
        tracing::warn!("{state} for {names}: {refused}; trying again in {seconds} s");
    }
}

/// How long to wait after so many failures in a row: half of it by chance, so that not all who failed together come back
/// together. What a directory counts against us waits longer.
fn pause(failures: u32, is_counted: bool) -> Duration {
    let first = Duration::from_secs(if is_counted { 120 } else { 5 });
    let whole = first.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_PAUSE);
    let chance = f64::from(u16::from_be_bytes(random_bytes())) / f64::from(u16::MAX);
    whole.mul_f64(0.75 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_have_an_end() {
        for (failures, least, most) in [(0, 90, 150), (1, 180, 300), (5, 2880, 4800), (40, 16_200, 27_000)] {
            let pause = pause(failures, true).as_secs();
            assert!((least..=most).contains(&pause), "{failures}: {pause}");
        }
        assert!(pause(0, false) < Duration::from_secs(7));
    }
}
