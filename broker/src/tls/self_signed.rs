//! A certificate that nobody has signed, for trying Klatch on a network of one's own: browsers warn of it, and whoever compares its
//! fingerprint knows that nobody stands in between.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

pub(crate) use super::machine::Names;
use super::period::Period;
use super::private_file;
use super::said;
use super::served::Served;
use crate::small_file;

/// How long it is valid. Some browsers refuse what is for more than 825 days.
const LIFE: Duration = Duration::days(397);
/// Clocks on one network differ.
const SLACK: Duration = Duration::days(1);
/// What is nearer to its end is not used any more.
const LEAST: Duration = Duration::days(30);
/// How often it is looked how near its end is: a machine may sleep in between, or have its clock set.
const LOOK: std::time::Duration = std::time::Duration::from_secs(60);

/// The certificate, and what it is for.
#[derive(Debug)]
pub(crate) struct SelfSigned {
    served: Arc<Served>,
    names: Names,
    kept: Option<PathBuf>,
}

impl SelfSigned {
    /// Takes the one that is kept in this file if it is for everything that this machine is called now, or makes one. That is for the
    /// addresses of the last one too: who comes back to one of them, as to another network, finds no other certificate.
    pub(crate) fn open(names: Names, kept: Option<&Path>) -> Result<Self, rcgen::Error> {
        let now = OffsetDateTime::now_utc();
        let last = kept.and_then(last_in);
        let earlier = last.as_ref().and_then(|last| last.cert.first()).map(said::addresses).unwrap_or_default();
        let all = names.clone().with_earlier(&earlier);
        let pair = match last.filter(|last| is_for(last, &names, now)) {
            Some(pair) => pair,
            None => make_and_keep(&all, kept, now)?,
        };
        Ok(Self { served: Served::with(pair), names: all, kept: kept.map(Path::to_owned) })
    }

    /// What is served.
    pub(crate) fn served(&self) -> Arc<Served> {
        Arc::clone(&self.served)
    }

    /// The host names that it is for.
    pub(crate) fn hosts(&self) -> &[String] {
        &self.names.hosts
    }

    /// As browsers show it: SHA-256 in hexadecimal digits.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = self.served.current().and_then(|pair| pair.cert.first().map(Sha256::digest)).unwrap_or_default();
        digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// Makes another in time, for as long as it is polled.
    pub(crate) async fn keep_fresh(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.refresh(OffsetDateTime::now_utc());
        }
    }

    /// Serves another if the end is near, or this is not the time of the one that is served, as once the clock was set.
    fn refresh(&self, now: OffsetDateTime) {
        if self.served.period().is_some_and(|period| is_good(period, now)) {
            return;
        }
        match make_and_keep(&self.names, self.kept.as_deref(), now) {
            Ok(pair) => {
                self.served.set(pair);
                tracing::warn!(
                    "the certificate was near its end, or this machine's clock was set, and a new one is served: browsers warn of it \
                     once, and show its SHA-256 fingerprint {}",
                    self.fingerprint()
                );
            }
            Err(error) => tracing::warn!("can't make the next certificate, and the last is still served: {error}"),
        }
    }
}

/// Where the certificate is kept, beside the rooms.
pub(crate) fn beside(state: &Path) -> PathBuf {
    let mut path = state.as_os_str().to_owned();
    path.push(".self-signed.pem");
    path.into()
}

/// One that is kept in this file from now on, if it can be.
fn make_and_keep(names: &Names, kept: Option<&Path>, now: OffsetDateTime) -> Result<CertifiedKey, rcgen::Error> {
    let (chain, key) = make(names, now)?;
    if let Some(path) = kept
        && let Err(error) = private_file::write(path, chain.pem() + &key.serialize_pem())
    {
        tracing::warn!(
            "the certificate is another after the next start, as {} can't be written: {error}",
            path.display()
        );
    }
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let pair = CertifiedKey::from_der(vec![chain.der().clone()], private, &rustls::crypto::ring::default_provider());
    Ok(pair.expect("it was made for TLS"))
}

/// A new key each time: browsers refuse two certificates of one key that differ.
fn make(names: &Names, now: OffsetDateTime) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.all().collect::<Vec<_>>())?;
    let owner = names.hosts.get(1).or(names.hosts.first()).map_or("this machine", String::as_str);
    params.distinguished_name.push(DnType::CommonName, format!("Klatch on {owner}"));
    (params.not_before, params.not_after) = (now - SLACK, now + LIFE);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok((params.self_signed(&key)?, key))
}

/// The one that is kept in this file, if there is one. What is spoilt is told of, as browsers warn of what takes its place.
fn last_in(path: &Path) -> Option<CertifiedKey> {
    read(path).unwrap_or_else(|error| {
        tracing::warn!(
            "the certificate that is kept in {} can't be used, and a new one is made in its place, of which browsers warn once: {error}",
            path.display()
        );
        None
    })
}

fn read(path: &Path) -> io::Result<Option<CertifiedKey>> {
    let Some(pem) = small_file::read_if_there(path)? else { return Ok(None) };
    let chain = CertificateDer::from_pem_slice(&pem).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(io::Error::other)?;
    let pair = CertifiedKey::from_der(vec![chain], key, &rustls::crypto::ring::default_provider());
    pair.map(Some).map_err(io::Error::other)
}

/// Whether it is still good, and for all of these.
fn is_for(pair: &CertifiedKey, names: &Names, now: OffsetDateTime) -> bool {
    let served = Served::with(CertifiedKey::new(pair.cert.clone(), Arc::clone(&pair.key)));
    served.period().is_some_and(|period| is_good(period, now)) && names.all().all(|name| served.is_for(&name))
}

/// Whether one that is valid then is served on.
fn is_good(period: Period, now: OffsetDateTime) -> bool {
    period.start <= now && now + LEAST <= period.end
}

#[cfg(test)]
#[path = "self_signed_tests.rs"]
mod tests;
