//! A certificate of one's own, kept, made anew, and for names that are some.

use super::*;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

use crate::logged::logged;

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
    let period = made.served.period().expect("a period");
    let now = OffsetDateTime::now_utc();
    assert!(period.start < now && period.end > now + Duration::days(365) && period.end < now + Duration::days(398));
}

#[test]
fn its_fingerprint_is_written_as_browsers_do() {
    let made = SelfSigned::open(names(&["localhost"], &[]), None).expect("a certificate");
    let fingerprint = made.fingerprint();
    let parts: Vec<_> = fingerprint.split(':').collect();
    assert!(parts.len() == 32 && parts.iter().all(|part| part.len() == 2), "{fingerprint}");
    let other = SelfSigned::open(names(&["localhost"], &[]), None).expect("a certificate");
    assert_ne!(fingerprint, other.fingerprint());
}

#[test]
fn what_is_kept_is_its_owners_alone_and_used_again_while_it_is_for_everything() {
    let kept = Kept::new("kept");
    let open = |names: Names| SelfSigned::open(names, Some(&kept.0)).expect("a certificate").fingerprint();
    let first = open(names(&["localhost", "attic"], &["192.0.2.7"]));
    assert_eq!(fs::metadata(&kept.0).expect("kept").permissions().mode() & 0o777, 0o600);
    assert_eq!(open(names(&["localhost", "attic"], &["192.0.2.7"])), first);
    assert_eq!(open(names(&["localhost"], &[])), first, "an address fewer is no reason for another");
    let second = open(names(&["localhost"], &["192.0.2.8"]));
    assert_ne!(second, first, "the address is new");
    assert_eq!(open(names(&["localhost"], &["192.0.2.8"])), second);
    assert_eq!(open(names(&["localhost"], &["192.0.2.7"])), second, "it had that one before");
}

#[test]
fn the_next_one_is_for_the_addresses_of_the_last_too() {
    let kept = Kept::new("earlier");
    let open = |addresses: &[&str]| SelfSigned::open(names(&["localhost"], addresses), Some(&kept.0)).expect("one");
    let addresses = |made: &SelfSigned| said::addresses(&made.served.current().expect("served").cert[0]);
    let ips = |texts: &[&str]| texts.iter().map(|text| text.parse().expect(text)).collect::<Vec<IpAddr>>();
    assert_eq!(addresses(&open(&["192.0.2.7", "2001:db8::7"])), ips(&["192.0.2.7", "2001:db8::7"]));
    let second = open(&["192.0.2.8"]);
    assert_eq!(addresses(&second), ips(&["192.0.2.8", "192.0.2.7", "2001:db8::7"]));
    // Also once its own time is over.
    let again = open(&["192.0.2.7"]);
    assert_eq!(again.fingerprint(), second.fingerprint());
    again.refresh(OffsetDateTime::now_utc() + LIFE);
    assert_eq!(addresses(&again), ips(&["192.0.2.7", "192.0.2.8", "2001:db8::7"]));
}

#[test]
fn what_machines_are_called_and_dns_has_no_names_for_is_left_out() {
    let long = "x".repeat(64);
    let none: &[&str] = &[];
    for (name, found) in [
        ("Attic", &["attic", "attic.local"][..]),
        ("my_pc", &["my_pc", "my_pc.local"]),
        ("foo.lan.", &["foo.lan"]),
        ("foo..", &["foo", "foo.local"]),
        ("7", &["7.local"]),
        ("localhost", none),
        ("", none),
        ("192.0.2.7", none),
        ("\u{fc}n\u{ef}", none),
        ("bad-", none),
        ("-x", none),
        ("a b", none),
        ("x..y", none),
        (&long, none),
    ] {
        let hosts = super::super::machine::hosts(name);
        assert_eq!(hosts, [&["localhost"], found].concat(), "{name}");
        let kept = Kept::new("called");
        let open = || SelfSigned::open(Names { hosts: hosts.clone(), addresses: vec![] }, Some(&kept.0));
        let first = open().expect(name).fingerprint();
        assert_eq!(open().expect(name).fingerprint(), first, "{name}");
    }
}

#[test]
fn while_it_is_served_another_is_made_a_month_before_its_end_and_kept() {
    let kept = Kept::new("renewed");
    let open = || SelfSigned::open(names(&["localhost"], &[]), Some(&kept.0)).expect("a certificate");
    let (made, now) = (open(), OffsetDateTime::now_utc());
    let first = made.fingerprint();
    made.refresh(now + LIFE - LEAST - Duration::HOUR);
    assert_eq!(made.fingerprint(), first);
    made.refresh(now + LIFE - LEAST + Duration::HOUR);
    let second = made.fingerprint();
    assert_ne!(second, first);
    let pem = fs::read(&kept.0).expect("kept");
    let chain = CertificateDer::from_pem_slice(&pem).expect("a certificate");
    assert_eq!(made.served.current().expect("served").cert[0], chain);
    made.refresh(now);
    assert_ne!(made.fingerprint(), second, "the clock was set back");
}

#[test]
fn what_is_kept_and_no_good_is_made_anew() {
    let kept = Kept::new("spoilt");
    let open = || SelfSigned::open(names(&["localhost"], &[]), Some(&kept.0)).expect("a certificate").fingerprint();
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

#[test]
fn what_is_kept_and_spoilt_is_told_of_and_what_is_not_there_is_not() {
    let kept = Kept::new("junk");
    let open = || _ = SelfSigned::open(names(&["localhost"], &[]), Some(&kept.0)).expect("a certificate");
    assert_eq!(logged(open), "", "there is none yet");
    assert_eq!(logged(open), "", "it is good");
    fs::write(&kept.0, "junk\n").expect("written");
    let log = logged(open);
    let told = format!("kept in {} can't be used, and a new one is made in its place", kept.0.display());
    assert!(log.lines().count() == 1 && log.contains(" WARN ") && log.contains(&told), "{log}");
    assert_eq!(logged(open), "", "the new one is kept");
}
