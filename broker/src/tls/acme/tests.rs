//! What is served of what was obtained, how long is waited, and what is kept.

use clap::Parser as _;

use rustls::sign::CertifiedKey;

use super::*;
use crate::config::Config;
use crate::logged::logged;

/// One whose folder is only tried, and not there.
fn acme(name: &str) -> Acme {
    let folder = std::env::temp_dir().join(format!("klatch-acme-{}-{name}", std::process::id()));
    let config = Config::parse_from(["klatch", "--acme", "meet.example", "--acme-cache", &folder.to_string_lossy()]);
    Acme::try_out(&config.tls).expect("a folder can be made")
}

/// A chain and its key, valid for so many days from as many days ago on.
fn issued(ago: i64, days: i64) -> String {
    issued_for(&["meet.example"], ago, days)
}

/// The same for these names.
fn issued_for(names: &[&str], ago: i64, days: i64) -> String {
    let key = rcgen::KeyPair::generate().expect("a key");
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).expect("names");
    params.not_before = OffsetDateTime::now_utc() - time::Duration::days(ago);
    params.not_after = params.not_before + time::Duration::days(days);
    params.self_signed(&key).expect("a certificate").pem() + &key.serialize_pem()
}

fn certified(pem: &str) -> CertifiedKey {
    cache::certified(pem.as_bytes()).expect("a pair")
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_kept_until_what_is_served_lasts() {
    let (mut acme, pause, begun) = (acme("pause"), Duration::from_secs(7000), Instant::now());
    acme.wait(pause).await;
    assert_eq!(begun.elapsed(), pause, "there is none");
    acme.served.set(certified(&issued(59, 90)));
    acme.wait(pause).await;
    assert_eq!(begun.elapsed(), pause * 2, "it is due in a day");
    // What was ahead is set, and the same certificate is a new one by it.
    acme.served.set(certified(&issued(0, 90)));
    acme.wait(pause).await;
    assert_eq!(begun.elapsed(), pause * 2);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_kept_is_kept_once_it_can() {
    // Of the one there is nothing to be done for long, the other is followed by a pause.
    for (name, ago) in [("lasting", 0), ("due", 59)] {
        let mut acme = acme(name);
        let folder = acme.folder().to_owned();
        assert_eq!((acme.take(issued(ago, 90)).is_ok(), acme.unkept.is_some()), (ago == 0, true));
        let again = Cache::at(&folder, &acme.directory, &acme.domains);
        let work = async {
            acme.wait(LOOK * 3).await;
            acme.keep_fresh().await;
        };
        let is_kept = async {
            sleep(LOOK).await;
            std::fs::create_dir(&folder).expect("a place for files");
            while !matches!(again.certificate(), Ok(Some(_))) {
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = work => unreachable!("it has no end"),
            kept = tokio::time::timeout(LOOK * 3, is_kept) => kept.expect("in time"),
        }
        std::fs::remove_dir_all(&folder).expect("it is ours");
    }
}

/// A folder in which one directory's certificates for some names are kept, gone with the test.
struct Kept(PathBuf);

impl Kept {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("klatch-kept-{}-{name}", std::process::id())))
    }

    /// Keeps one that ends in so many days.
    fn keep(&self, directory: &str, names: &[&str], days: i64) -> String {
        let domains: Vec<_> = names.iter().map(|name| name.parse().expect(name)).collect();
        let cache = Cache::at(&self.0, &directory.parse().expect("a URL"), &domains);
        let pem = issued_for(names, 10, days + 10);
        cache.make().and_then(|()| cache.keep_certificate(&pem)).expect("a place for files");
        pem
    }

    /// As asked for these.
    fn acme(&self, names: &[&str]) -> Acme {
        let folder = self.0.to_string_lossy();
        let names = names.iter().flat_map(|name| ["--acme", name]);
        let config = Config::parse_from(["klatch", "--acme-cache", &*folder].into_iter().chain(names));
        Acme::try_out(&config.tls).expect("a folder")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What is served first.
fn first_served(acme: &Acme) -> Option<Vec<u8>> {
    acme.served.current().map(|certified| certified.cert[0].to_vec())
}

fn first_of(pem: &str) -> Option<Vec<u8>> {
    Some(certified(pem).cert[0].to_vec())
}

#[test]
fn a_certificate_for_some_of_the_names_is_served_until_there_is_one_for_all() {
    let kept = Kept::new("some");
    let pem = kept.keep(LETS_ENCRYPT, &["a.example"], 80);
    let mut acme = kept.acme(&["a.example", "b.example"]);
    assert_eq!((first_served(&acme), acme.stands_in()), (first_of(&pem), true));
    assert!(*acme.tried().borrow(), "nobody has to wait for it");
    assert!(acme.left().is_none() && !acme.lasts(OffsetDateTime::now_utc()), "one for all is asked for at once");
    let whole = issued_for(&["a.example", "b.example"], 0, 90);
    acme.take(whole.clone()).expect("it lasts");
    assert_eq!((first_served(&acme), acme.stands_in(), acme.left().is_some()), (first_of(&whole), false, true));
    // It is there at the next start, and a name that is left out later leaves nobody without one.
    let again = kept.acme(&["b.example", "a.example"]);
    assert_eq!((first_served(&again), again.stands_in()), (first_of(&whole), false));
    let fewer = kept.acme(&["b.example"]);
    assert_eq!((first_served(&fewer), fewer.stands_in()), (first_of(&whole), true));
}

#[test]
fn only_what_the_same_directory_issued_for_one_of_the_names_stands_in_and_is_valid() {
    let kept = Kept::new("same");
    kept.keep("https://staging.example/dir", &["a.example"], 80);
    kept.keep(LETS_ENCRYPT, &["c.example"], 80);
    kept.keep(LETS_ENCRYPT, &["b.example"], -1);
    std::fs::write(kept.0.join("certificate-of-nobody.pem"), "From nowhere").expect("a place for files");
    let acme = kept.acme(&["a.example", "b.example"]);
    assert_eq!((first_served(&acme), acme.stands_in(), *acme.tried().borrow()), (None, false, false));
}

#[test]
fn of_several_the_one_for_the_most_names_stands_in_and_then_the_one_for_longest() {
    let kept = Kept::new("several");
    kept.keep(LETS_ENCRYPT, &["a.example"], 80);
    kept.keep(LETS_ENCRYPT, &["a.example", "b.example", "d.example"], 20);
    let best = kept.keep(LETS_ENCRYPT, &["a.example", "b.example", "e.example"], 40);
    assert_eq!(first_served(&kept.acme(&["a.example", "b.example", "c.example"])), first_of(&best));
}

#[test]
fn what_is_kept_and_spoilt_is_told_of_by_its_file() {
    let kept = Kept::new("junk");
    let open = || kept.acme(&["a.example"]);
    let is_quiet = || logged(|| _ = open()).is_empty();
    assert!(is_quiet(), "there is none yet");
    kept.keep(LETS_ENCRYPT, &["a.example"], 80);
    assert!(is_quiet(), "it is good");
    kept.keep(LETS_ENCRYPT, &["a.example"], -1);
    assert!(is_quiet(), "its time is over, as times are");
    let mut files = std::fs::read_dir(&kept.0).expect("it is there");
    let file = files.next().expect("it is kept").expect("a file").path();
    std::fs::write(&file, "junk").expect("written");
    let log = logged(|| _ = open());
    let told = format!("{} can't be used (it has no certificate with its key): another", file.display());
    assert!(log.lines().count() == 1 && log.contains(" WARN ") && log.contains(&told), "{log}");
}
