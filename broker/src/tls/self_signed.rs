//! A certificate that nobody has signed, for trying Klatch on a network of one's own: browsers warn of it, and whoever compares its
//! fingerprint knows that nobody stands in between.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use klatch_relay::own_addresses;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use super::period::Period;
use super::private_file;
use super::served::Served;
use crate::small_file;

/// How long it is valid. Some browsers refuse what is for more than 825 days.
const LIFE: Duration = Duration::days(397);
/// Clocks on one network differ.
const SLACK: Duration = Duration::days(1);
/// What is nearer to its end is not used once more.
const LEAST: Duration = Duration::days(30);
/// How many addresses it is for at most: a machine with containers has many.
const ADDRESSES: usize = 64;

/// The certificate, and what it is for.
#[derive(Debug)]
pub(crate) struct SelfSigned {
    served: Arc<Served>,
    names: Names,
    fingerprint: String,
}

/// What this machine is called by, and its addresses.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) hosts: Vec<String>,
    pub(crate) addresses: Vec<IpAddr>,
}

impl SelfSigned {
    /// Takes the one that is kept in this file if it is for everything that this machine is called now, or makes one.
    pub(crate) fn open(names: Names, kept: Option<&Path>) -> Result<Self, rcgen::Error> {
        let now = OffsetDateTime::now_utc();
        if let Some(pair) = kept.and_then(|path| read(path, &names, now)) {
            return Ok(Self::with(pair, names));
        }
        let (chain, key) = make(&names, now)?;
        if let Some(path) = kept
            && let Err(error) = private_file::write(path, &(chain.pem() + &key.serialize_pem()))
        {
            tracing::warn!(
                "the certificate is another after the next start, as {} can't be written: {error}",
                path.display()
            );
        }
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let pair =
            CertifiedKey::from_der(vec![chain.der().clone()], private, &rustls::crypto::ring::default_provider());
        Ok(Self::with(pair.expect("it was made for TLS"), names))
    }

    fn with(pair: CertifiedKey, names: Names) -> Self {
        let digest = pair.cert.first().map(Sha256::digest).unwrap_or_default();
        let digits: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        Self { served: Served::with(pair), names, fingerprint: digits.join(":") }
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
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl Names {
    /// This machine's.
    pub(crate) fn of_this_machine() -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
        let is_name = |name: &String| !name.is_empty() && name.parse::<IpAddr>().is_err() && name != "localhost";
        let mut hosts = vec!["localhost".to_owned()];
        if let Some(name) = Some(name).filter(is_name) {
            // As machines without a name server find each other (RFC 6762).
            let local = (!name.contains('.')).then(|| format!("{name}.local"));
            hosts.extend([Some(name), local].into_iter().flatten());
        }
        let is_useful = |ip: &IpAddr| match ip {
            IpAddr::V4(_) => true,
            IpAddr::V6(ip) => !ip.is_unicast_link_local(),
        };
        let mut addresses: Vec<IpAddr> = own_addresses().into_iter().filter(is_useful).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(ADDRESSES);
        Self { hosts, addresses }
    }

    fn all(&self) -> impl Iterator<Item = String> {
        self.hosts.iter().cloned().chain(self.addresses.iter().map(ToString::to_string))
    }
}

/// Where the certificate is kept, beside the rooms.
pub(crate) fn beside(state: &Path) -> PathBuf {
    let mut path = state.as_os_str().to_owned();
    path.push(".self-signed.pem");
    path.into()
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

/// What is kept, if it is still good.
fn read(path: &Path, names: &Names, now: OffsetDateTime) -> Option<CertifiedKey> {
    let pem = small_file::read(path).ok()?;
    let chain = CertificateDer::from_pem_slice(&pem).ok()?;
    let period = Period::of(&chain)?;
    if now < period.start || now + LEAST > period.end {
        return None;
    }
    let key = PrivateKeyDer::from_pem_slice(&pem).ok()?;
    let pair = CertifiedKey::from_der(vec![chain], key, &rustls::crypto::ring::default_provider()).ok()?;
    let served = Served::with(pair);
    let is_for_all = names.all().all(|name| served.is_for(&name));
    served.current().filter(|_| is_for_all).map(|pair| CertifiedKey::new(pair.cert.clone(), Arc::clone(&pair.key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn names(hosts: &[&str], addresses: &[&str]) -> Names {
        Names {
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            addresses: addresses.iter().map(|text| text.parse().expect(text)).collect(),
        }
    }

    /// A file that is gone with the test.
    struct Kept(PathBuf);

    impl Kept {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("klatch-self-signed-{}-{name}", std::process::id())))
        }
    }

    impl Drop for Kept {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn it_is_for_each_name_and_address_of_this_machine_and_for_a_year() {
        let all = Names::of_this_machine();
        assert!(all.hosts.contains(&"localhost".to_owned()) && all.addresses.contains(&IpAddr::from([127, 0, 0, 1])));
        let made = SelfSigned::open(all.clone(), None).expect("a certificate");
        assert!(all.all().all(|name| made.served.is_for(&name)));
        assert!(!made.served.is_for("meet.example"));
        let period = made.served.current().and_then(|pair| Period::of(&pair.cert[0])).expect("a period");
        let now = OffsetDateTime::now_utc();
        assert!(period.start < now && period.end > now + Duration::days(365) && period.end < now + Duration::days(398));
    }

    #[test]
    fn its_fingerprint_is_written_as_browsers_do() {
        let made = SelfSigned::open(names(&["localhost"], &[]), None).expect("a certificate");
        let parts: Vec<_> = made.fingerprint().split(':').collect();
        assert!(parts.len() == 32 && parts.iter().all(|part| part.len() == 2), "{}", made.fingerprint());
        let other = SelfSigned::open(names(&["localhost"], &[]), None).expect("a certificate");
        assert_ne!(made.fingerprint(), other.fingerprint());
    }

    #[test]
    fn what_is_kept_is_its_owners_alone_and_used_again_while_it_is_for_everything() {
        let kept = Kept::new("kept");
        let open = |names: Names| SelfSigned::open(names, Some(&kept.0)).expect("a certificate").fingerprint;
        let first = open(names(&["localhost", "attic"], &["192.0.2.7"]));
        assert_eq!(fs::metadata(&kept.0).expect("kept").permissions().mode() & 0o777, 0o600);
        assert_eq!(open(names(&["localhost", "attic"], &["192.0.2.7"])), first);
        assert_eq!(open(names(&["localhost"], &[])), first, "an address fewer is no reason for another");
        let second = open(names(&["localhost"], &["192.0.2.8"]));
        assert_ne!(second, first, "the address is new");
        assert_eq!(open(names(&["localhost"], &["192.0.2.8"])), second);
    }

    #[test]
    fn what_is_kept_and_no_good_is_made_anew() {
        let kept = Kept::new("spoilt");
        let open = || SelfSigned::open(names(&["localhost"], &[]), Some(&kept.0)).expect("a certificate").fingerprint;
        let first = open();
        let pem = fs::read(&kept.0).expect("kept");
        fs::write(&kept.0, &pem[..pem.len() / 2]).expect("written");
        let second = open();
        assert_ne!(second, first);
        assert_eq!(open(), second);
        let (old, key) = make(&names(&["localhost"], &[]), OffsetDateTime::now_utc() - LIFE).expect("a certificate");
        fs::write(&kept.0, old.pem() + &key.serialize_pem()).expect("written");
        assert_ne!(open(), second, "it is about to expire");
        assert!(SelfSigned::open(names(&["localhost"], &[]), Some(Path::new("/nowhere/kept"))).is_ok());
    }
}
