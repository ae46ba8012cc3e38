//! A certificate in files, renewed, spoilt and told of.

use super::*;
use std::time::SystemTime;

use base64ct::{Base64, Encoding as _};

use crate::logged::logged;

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
        self.renew_until(OffsetDateTime::now_utc() + time::Duration::days(90));
    }

    fn renew_until(&self, end: OffsetDateTime) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(["meet.example".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (end - time::Duration::days(90), end);
        let made = params.self_signed(&key).expect("a certificate");
        self.write(&made.pem(), &key.serialize_pem());
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

    fn read(&self) -> Result<Files, BadCertificate> {
        Files::read(&self.chain(), &self.key())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn served(files: &Files) -> Vec<u8> {
    files.served.current().expect("one is served").cert[0].to_vec()
}

#[test]
fn a_renewed_certificate_is_served_from_then_on() {
    let folder = Folder::new("renewed");
    let mut files = folder.read().expect("a certificate");
    let first = served(&files);
    files.refresh(OffsetDateTime::now_utc());
    assert_eq!(served(&files), first);
    folder.renew();
    files.refresh(OffsetDateTime::now_utc());
    assert_ne!(served(&files), first);
}

#[test]
fn a_half_written_one_leaves_the_last_in_place() {
    let folder = Folder::new("half");
    let mut files = folder.read().expect("a certificate");
    let first = served(&files);
    folder.write("-----BEGIN CERTIFICATE-----\nMII", "");
    files.refresh(OffsetDateTime::now_utc());
    std::fs::remove_file(folder.key()).expect("it is there");
    files.refresh(OffsetDateTime::now_utc());
    assert_eq!(served(&files), first);
    folder.renew();
    files.refresh(OffsetDateTime::now_utc());
    assert_ne!(served(&files), first);
}

#[test]
fn what_can_not_be_read_again_is_told_of_and_so_is_what_can() {
    let folder = Folder::new("told");
    let mut files = folder.read().expect("a certificate");
    let log = logged(|| {
        folder.write("nothing\n", "");
        files.refresh(OffsetDateTime::now_utc());
        files.refresh(OffsetDateTime::now_utc());
        folder.renew();
        files.refresh(OffsetDateTime::now_utc());
    });
    let lines: Vec<_> = log.lines().collect();
    assert!(lines.len() == 2 && lines[0].contains(" WARN "), "{log}");
    assert!(lines[0].contains("is still served: can't read a certificate from ") && lines[1].contains("read again"));
}

#[test]
fn what_can_not_be_served_says_why() {
    let folder = Folder::new("bad");
    let key = std::fs::read_to_string(folder.key()).expect("a key");
    folder.renew();
    let chain = std::fs::read_to_string(folder.chain()).expect("a certificate");
    folder.write(&chain, &key);
    assert!(matches!(folder.read(), Err(BadCertificate::OtherKey(..))), "another certificate's key");
    folder.write(&chain, "");
    assert!(matches!(folder.read(), Err(BadCertificate::Key(..))));
    folder.write("nothing\n", &key);
    assert!(matches!(folder.read(), Err(BadCertificate::Chain(..))));
    let nowhere = Path::new("/nowhere");
    assert!(matches!(Files::read(nowhere, nowhere), Err(BadCertificate::Chain(..))));
}

#[test]
fn a_key_of_a_kind_that_can_not_be_served_says_which_can() {
    let folder = Folder::new("kind");
    let (chain, key) = (std::fs::read_to_string(folder.chain()), rcgen::KeyPair::generate().expect("a key"));
    // Where P-256 is named another curve is.
    let p256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let mut key = key.serialize_der();
    let at = key.windows(p256.len()).position(|part| part == p256).expect("it is named");
    key[at + p256.len() - 1] = 1;
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", Base64::encode_string(&key));
    folder.write(&chain.expect("a certificate"), &key);
    let refused = folder.read().expect_err("nobody serves it").to_string();
    assert!(refused.contains("key.pem is of a kind") && refused.contains("P-256"), "{refused}");
}

#[test]
fn a_chain_has_the_sites_own_first_and_who_vouches_for_it_behind() {
    let folder = Folder::new("chain");
    assert_eq!(folder.read().expect("a certificate").doubt(), None, "nobody has signed it");
    let named = |name: &str| {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        (params, rcgen::KeyPair::generate().expect("a key"))
    };
    let ((above, above_key), (own, own_key)) = (named("above.example"), named("meet.example"));
    let above_pem = above.self_signed(&above_key).expect("a certificate").pem();
    let own = own.signed_by(&own_key, &rcgen::Issuer::new(above, above_key)).expect("a certificate").pem();
    let key = own_key.serialize_pem();
    folder.write(&(own.clone() + &above_pem), &key);
    assert_eq!(folder.read().expect("a certificate").doubt(), None);
    folder.write(&own, &key);
    let doubt = folder.read().expect("a certificate").doubt().expect("there is one");
    assert!(doubt.contains("chain.pem comes without") && doubt.contains("fullchain.pem"), "{doubt}");
    folder.write(&(above_pem + &own), &key);
    let refused = folder.read().expect_err("another is first").to_string();
    assert!(refused.contains("put the site's own first"), "{refused}");
}

#[test]
fn one_that_has_expired_is_not_taken_and_leaves_the_last_in_place() {
    let folder = Folder::new("expired");
    let mut files = folder.read().expect("a certificate");
    let first = served(&files);
    folder.renew_until(OffsetDateTime::now_utc() - time::Duration::MINUTE);
    files.refresh(OffsetDateTime::now_utc());
    assert_eq!(served(&files), first);
    let refused = folder.read().expect_err("it has expired").to_string();
    assert!(refused.contains("chain.pem expired on "), "{refused}");
}

#[test]
fn one_whose_time_has_yet_to_come_is_served_once_it_has() {
    let folder = Folder::new("ahead");
    let mut files = folder.read().expect("a certificate");
    let (first, now) = (served(&files), OffsetDateTime::now_utc());
    folder.renew_until(now + time::Duration::days(91));
    files.refresh(now);
    assert_eq!(served(&files), first);
    files.refresh(now + time::Duration::days(2));
    assert_ne!(served(&files), first);
}

#[test]
fn one_that_nobody_renews_is_told_of_before_its_end_and_after() {
    let folder = Folder::new("late");
    let now = OffsetDateTime::now_utc();
    folder.renew_until(now + time::Duration::days(4));
    let files = folder.read().expect("a certificate");
    let ages = [0, 2, 5].map(|days| files.age(now + time::Duration::days(days)));
    assert_eq!(ages, [Age::Fresh, Age::Late, Age::Over]);
}
