//! A certificate from a directory that speaks ACME (RFC 8555), obtained and renewed by itself: Let's Encrypt, unless another is named.
//!
//! What is asked for is proven on the port that HTTPS is served on (RFC 8737): the directory connects there and asks for `acme-tls/1`.
//! What fails is tried again after pauses that grow, as directories count failures, and after a certificate that helps nothing, as by a
//! clock that is far ahead, for two days or until the clock is set: they issue few for the same names (`pauses`). A certificate
//! that is there is served meanwhile, also one that was obtained for other names and is for some of these.

mod cache;
mod challenges;
mod http;
mod order;
mod pauses;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::domain::{DirectoryUrl, Domain};
use super::flags::TlsFlags;
use super::roots::Roots;
use super::served::Served;
use cache::Cache;
pub(crate) use challenges::{Challenges, PROTOCOL};
use order::Refused;
use pauses::{Told, pause};

/// Whom everybody trusts.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// How often it is looked whether it is time: a machine may sleep in between.
const LOOK: Duration = Duration::from_secs(60);

/// What certificates are asked for, and where what came of it is.
pub(crate) struct Acme {
    domains: Vec<Domain>,
    email: Option<String>,
    directory: DirectoryUrl,
    roots: Roots,
    cache: Cache,
    /// What is served and could not be kept.
    unkept: Option<String>,
    /// Whether what is served was obtained for other domains, and is for some of these: better than nothing until there is one for all.
    stands_in: bool,
    served: Arc<Served>,
    challenges: Arc<Challenges>,
    /// Whether it was tried at least once, with whatever success.
    tried: watch::Sender<bool>,
}

/// Why nothing can be asked for.
#[derive(Debug, thiserror::Error)]
pub enum BadAcme {
    /// Whom everybody trusts does not vouch for it.
    #[error(
        "no certificate can be had from Let's Encrypt for {0}, which leads nowhere from outside: name the domain by which people open the \
         page by --acme, or a directory of your own by --acme-directory"
    )]
    Within(String),
    /// There is no place for what is obtained.
    #[error("there is no folder to keep certificates in: name one by --acme-cache")]
    NoCache,
    /// It can't be used.
    #[error(
        "can't keep certificates in {0}: name a folder that can be written to, on a disk that has room, by --acme-cache"
    )]
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
        let within = flags.acme.iter().find(|domain| flags.acme_directory.is_none() && !domain.is_public());
        if let Some(domain) = within {
            return Err(BadAcme::Within(domain.as_str().to_owned()));
        }
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
        let kept = cache.certificate().unwrap_or_else(|spoilt| {
            tracing::warn!("{spoilt}: another certificate is asked for in its place");
            None
        });
        let stand_in = if kept.is_none() { cache.stand_in(&flags.acme) } else { None };
        let stands_in = stand_in.is_some();
        if let Some(certified) = kept.or(stand_in) {
            served.set(certified);
        }
        Ok(Self {
            domains: flags.acme.clone(),
            email: flags.acme_email.clone(),
            directory,
            roots,
            cache,
            unkept: None,
            stands_in,
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

    /// Whether what is served was obtained for other names.
    pub(crate) fn stands_in(&self) -> bool {
        self.stands_in
    }

    /// What certificates are asked for.
    pub(crate) fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// The directory, if it can be asked; if not, why, as it is said after the start.
    pub(crate) async fn directory(&self) -> Result<&DirectoryUrl, String> {
        order::look(self).await.map(|()| &self.directory).map_err(|refused| refused.to_string())
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
    pub(crate) async fn keep_fresh(mut self) {
        let mut failures = 0;
        loop {
            if let Some(left) = self.left() {
                self.keep_after_all();
                sleep(left.min(LOOK)).await;
                continue;
            }
            match order::obtain(&self).await.and_then(|pem| self.take(pem)) {
                Ok(()) => failures = 0,
                Err(refused) => {
                    let pause = pause(failures, refused.cost());
                    failures = failures.saturating_add(1);
                    self.warn(&refused, pause);
                    self.tried.send_replace(true);
                    self.wait(pause).await;
                }
            }
            self.tried.send_replace(true);
        }
    }

    /// Waits for so long, or until what is served lasts after all, as once the clock was set.
    async fn wait(&mut self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.lasts(OffsetDateTime::now_utc()) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.keep_after_all();
            sleep(left.min(LOOK)).await;
        }
    }

    /// Whether the certificate that is served needs no renewal for long enough.
    fn lasts(&self, now: OffsetDateTime) -> bool {
        !self.stands_in && self.served.period().is_some_and(|period| period.lasts(now))
    }

    /// How long the certificate that is served needs no renewal: until two thirds of its time are over. Nothing if it is time.
    fn left(&self) -> Option<Duration> {
        self.served.period().filter(|_| !self.stands_in)?.until_renewal(OffsetDateTime::now_utc())
    }

    /// Serves what was obtained, and says if that was in vain: asked at once again, the directory would issue the same again.
    fn take(&mut self, pem: String) -> Result<(), Refused> {
        let certified = cache::certified(pem.as_bytes());
        let certified = certified.ok_or_else(|| Refused::Unservable(self.directory.to_string()))?;
        self.unkept = None;
        if let Err(error) = self.cache.keep_certificate(&pem) {
            let folder = self.cache.folder().display();
            tracing::warn!(
                "the certificate can't be kept in {folder}, and is lost if klatch ends now, as the next start asks for another: make \
                 room there, or let klatch write there, as it is tried again each minute: {error}"
            );
            self.unkept = Some(pem);
        }
        self.served.set(certified);
        self.stands_in = false;
        tracing::info!("there is a new certificate");
        let now = OffsetDateTime::now_utc();
        if self.lasts(now) { Ok(()) } else { Err(Refused::Due(self.directory.to_string(), now.into())) }
    }

    /// Tries once more to keep what could not be kept.
    fn keep_after_all(&mut self) {
        let kept = self.unkept.as_ref().map(|pem| self.cache.keep_certificate(pem));
        if let Some(Ok(())) = kept {
            self.unkept = None;
            tracing::info!("the certificate is kept in {} after all", self.cache.folder().display());
        }
    }

    fn warn(&self, refused: &Refused, pause: Duration) {
        let names: Vec<_> = self.domains.iter().map(Domain::as_str).collect();
        let (names, pause) = (names.join(", "), Told(pause));
        let now = OffsetDateTime::now_utc();
        let state = match self.served.period() {
            None => "no certificate yet",
            Some(period) if now > period.end => "the certificate has expired and could not be renewed",
            Some(_) if self.stands_in => "a certificate for other names is served meanwhile, and there is none yet",
            Some(_) => "the certificate could not be renewed, and is still served",
        };
        tracing::warn!("{state} for {names}: {refused}; trying again in {pause}");
    }
}
