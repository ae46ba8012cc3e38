//! The folder in which accounts and certificates are kept, so that a start asks for nothing that is there: directories count.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use klatch_shared::random_bytes;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::small_file;
use crate::tls::domain::{DirectoryUrl, Domain};
use crate::tls::period::Period;
use crate::tls::private_file;
use crate::tls::served::is_for;

/// As much as what is kept, and more. A full disk takes a file with nothing in it.
const PROBE_BYTES: usize = 16 * 1024;

/// More certificates than there are ever kept in one folder: there is one for each set of domains that was asked for.
const MOST_KEPT: usize = 100;

/// What was obtained from one directory for some domains.
pub(super) struct Cache {
    folder: PathBuf,
    /// One for a directory.
    account: PathBuf,
    /// One for a directory and these domains.
    certificate: PathBuf,
    /// The first line of each certificate's file: which directory it is from.
    origin: String,
}

/// A file that is there, and of no use.
#[derive(Debug, thiserror::Error)]
#[error("{0} can't be used ({1})")]
pub(super) struct Spoilt(PathBuf, io::Error);

/// Where it is unless it was said: where the service manager, or the user's desktop, has programs keep such.
pub(super) fn usual_folder() -> Option<PathBuf> {
    let folder = |variable: &str| std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    // Of several, the first (systemd.exec(5)).
    let service = folder("STATE_DIRECTORY").map(|all| all.to_string_lossy().split(':').take(1).collect::<PathBuf>());
    let user = || folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    service.map(|folder| folder.join("acme")).or_else(|| Some(user()?.join("klatch/acme")))
}

impl Cache {
    /// In this folder, which may not be there yet.
    pub(super) fn at(folder: &Path, directory: &DirectoryUrl, domains: &[Domain]) -> Self {
        let digest = |texts: &[&str]| -> String {
            let mut sha256 = Sha256::new();
            texts.iter().for_each(|text| sha256.update([text.as_bytes(), b"\0"].concat()));
            sha256.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
        };
        let directory = directory.to_string();
        let mut names: Vec<_> = domains.iter().map(Domain::as_str).collect();
        names.sort_unstable();
        Self {
            account: folder.join(format!("account-{}.json", digest(&[&directory]))),
            certificate: folder.join(format!("certificate-{}.pem", digest(&[&[&*directory], &names[..]].concat()))),
            folder: folder.into(),
            origin: format!("From {directory}\n"),
        }
    }

    /// Makes the folder, its owner's alone, unless it is there, and sees whether something can be kept in it.
    pub(super) fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        // Better now than when there is something to be kept.
        let probe = self.folder.join(".writable");
        // Random, as file systems make what repeats itself short.
        private_file::write(&probe, random_bytes::<PROBE_BYTES>())?;
        fs::remove_file(&probe)
    }

    /// Does the same, and leaves no folder that was not there.
    pub(super) fn try_out(&self) -> io::Result<()> {
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let missing: Vec<_> = self.folder.ancestors().take_while(is_missing).collect();
        let made = self.make();
        for folder in missing {
            let _ = fs::remove_dir(folder);
        }
        made
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The account, if there is one.
    pub(super) fn account(&self) -> Result<Option<AccountCredentials>, Spoilt> {
        let spoilt = |error| Spoilt(self.account.clone(), error);
        let Some(json) = small_file::read_if_there(&self.account).map_err(spoilt)? else { return Ok(None) };
        // What is wrong may be told by what stands there, which is secret.
        serde_json::from_slice(&json).map(Some).map_err(|_| spoilt(io::Error::other("it has no account")))
    }

    pub(super) fn keep_account(&self, account: &AccountCredentials) -> io::Result<()> {
        private_file::write(&self.account, &serde_json::to_string(account).map_err(io::Error::other)?)
    }

    /// The directory does not know it any more.
    pub(super) fn forget_account(&self) {
        let _ = fs::remove_file(&self.account);
    }

    /// The certificate, if there is one whose time is not over.
    pub(super) fn certificate(&self) -> Result<Option<CertifiedKey>, Spoilt> {
        let spoilt = |error| Spoilt(self.certificate.clone(), error);
        let Some(pem) = small_file::read_if_there(&self.certificate).map_err(spoilt)? else { return Ok(None) };
        if certified(&pem).is_none() {
            return Err(spoilt(io::Error::other("it has no certificate with its key")));
        }
        Ok(valid(&pem).map(|(_, certified)| certified))
    }

    /// One from the same directory that was obtained for other domains and is for some of these: for the most, and for longest.
    pub(super) fn stand_in(&self, domains: &[Domain]) -> Option<CertifiedKey> {
        let paths = fs::read_dir(&self.folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let kept = paths.filter(|path| path.extension().is_some_and(|extension| extension == "pem")).take(MOST_KEPT);
        let pems = kept.filter_map(|path| small_file::read(&path).ok());
        let from_there = pems.filter(|pem| pem.starts_with(self.origin.as_bytes()));
        let ranked = from_there.filter_map(|pem| valid(&pem)).map(|(end, certified)| {
            let names = domains.iter().filter(|domain| is_for(&certified, domain.as_str())).count();
            (names, end, certified)
        });
        let for_some = ranked.filter(|(names, ..)| *names > 0);
        for_some.max_by_key(|(names, end, _)| (*names, *end)).map(|(.., certified)| certified)
    }

    /// Keeps a chain and its key.
    pub(super) fn keep_certificate(&self, pem: &str) -> io::Result<()> {
        private_file::write(&self.certificate, format!("{}{pem}", self.origin))
    }
}

/// A chain and its key whose time is not over, and when that is.
fn valid(pem: &[u8]) -> Option<(OffsetDateTime, CertifiedKey)> {
    let certified = certified(pem)?;
    let end = Period::of(certified.cert.first()?)?.end;
    (OffsetDateTime::now_utc() < end).then_some((end, certified))
}

/// A chain and its key, if they belong together.
pub(super) fn certified(pem: &[u8]) -> Option<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_slice(pem).ok().filter(|_| !chain.is_empty())?;
    CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).ok()
}
