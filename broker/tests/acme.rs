//! Certificates from a directory: obtained at start, kept, renewed, and what is said where there are none.

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::pebble::{Pebble, free_addresses};
use common::program::klatch;
use common::tls::{Certificate, Visitor};
use common::{Broker, PATIENCE, TempFile};
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(PathBuf::from(TempFile::unused().path()).with_extension("acme"))
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.0).expect("it was made");
        entries.map(|entry| entry.expect("readable").path()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn klatch_with(pebble: &Pebble, folder: &Folder, listen: &str) -> Command {
    klatch_for("localhost,klatch.example", pebble, folder, listen)
}

/// For these names.
fn klatch_for(names: &str, pebble: &Pebble, folder: &Folder, listen: &str) -> Command {
    klatch(&[
        "--listen",
        listen,
        "--acme",
        names,
        "--acme-email",
        "host@klatch.example",
        "--acme-directory",
        &pebble.directory,
        "--acme-ca",
        pebble.certificate.chain.path(),
        "--acme-cache",
        folder.0.to_str().expect("text"),
    ])
}

/// Starts it, and waits until it says where it serves.
async fn serving(mut command: Command) -> Child {
    let mut child = command.spawn().expect("it runs");
    let mut out = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = timeout(Duration::from_secs(40), out.next_line()).await.expect("in time").expect("text");
    assert!(line.expect("a line").starts_with("klatch listening on https://localhost:"));
    child
}

/// The certificate that is shown to who trusts this root.
async fn shown(root: &CertificateDer<'static>, address: std::net::SocketAddr) -> CertificateDer<'static> {
    let stream = Visitor::new(root, &[b"h2"], &[&TLS13, &TLS12]).connect(address).await.expect("a trusted connection");
    stream.get_ref().1.peer_certificates().expect("shown")[0].clone().into_owned()
}

/// The next line of its log that has this text.
async fn says(child: &mut Child, text: &str) -> String {
    let mut log = BufReader::new(child.stderr.take().expect("piped")).lines();
    let line = async {
        loop {
            let line = log.next_line().await.expect("text").expect("it runs on");
            if line.contains(text) {
                return line;
            }
        }
    };
    timeout(PATIENCE, line).await.expect("it is said in time")
}

#[tokio::test]
async fn a_certificate_is_there_within_ten_seconds_of_the_first_start_and_at_once_at_the_next() {
    let Some(mut pebble) = Pebble::start(86_400).await else { return };
    let (folder, begun) = (Folder::new(), Instant::now());
    let mut child = serving(klatch_with(&pebble, &folder, &pebble.looks_at.to_string())).await;
    let root = pebble.root().await;
    let first = shown(&root, pebble.looks_at).await;
    eprintln!("a certificate after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // As docs/hosting.md has hosts look for it.
    says(&mut child, "there is a new certificate").await;
    child.kill().await.expect("it ran");
    // An account and a certificate, which nobody else may read.
    assert_eq!(folder.files().len(), 2);
    assert!(folder.files().iter().all(|file| std::fs::metadata(file).expect("there").permissions().mode() & 0o77 == 0));
    // The directory has gone, and nobody asks for it.
    pebble.stop().await;
    let _child = serving(klatch_with(&pebble, &folder, &pebble.looks_at.to_string())).await;
    assert_eq!(shown(&root, pebble.looks_at).await, first);
}

#[tokio::test]
async fn what_is_kept_and_spoilt_is_told_of_with_what_takes_its_place() {
    let Some(pebble) = Pebble::start(86_400).await else { return };
    let folder = Folder::new();
    let start = async || serving(klatch_with(&pebble, &folder, &pebble.looks_at.to_string())).await;
    start().await.kill().await.expect("it ran");
    folder.files().iter().for_each(|file| std::fs::write(file, "junk").expect("it is ours"));
    let mut child = start().await;
    child.start_kill().expect("it runs");
    let mut log = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut log).await.expect("text");
    let warnings: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    for (name, told) in [
        ("/certificate-", "(it has no certificate with its key): another certificate is asked for in its place"),
        ("/account-", "(it has no account): there is a new account in its place"),
    ] {
        assert!(warnings.iter().any(|line| line.contains(name) && line.contains(told)), "{told}: {log}");
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_before_its_end() {
    let Some(pebble) = Pebble::start(9).await else { return };
    let folder = Folder::new();
    let _child = serving(klatch_with(&pebble, &folder, &pebble.looks_at.to_string())).await;
    let root = pebble.root().await;
    let first = shown(&root, pebble.looks_at).await;
    let renewed = async { while shown(&root, pebble.looks_at).await == first {} };
    timeout(PATIENCE, renewed).await.expect("renewed in time");
}

#[tokio::test]
async fn a_certificate_that_is_due_at_once_is_served_the_clock_suspected_and_the_next_one_waited_for() {
    let Some(pebble) = Pebble::start(1).await else { return };
    let folder = Folder::new();
    let mut child = serving(klatch_with(&pebble, &folder, &pebble.looks_at.to_string())).await;
    let warning = says(&mut child, "WARN klatch_broker::tls").await;
    for part in ["is due for renewal already: set this machine's clock, which says ", "trying again in "] {
        assert!(warning.contains(part), "{part} in {warning}");
    }
}

#[tokio::test]
async fn who_is_not_found_says_so_and_serves_on() {
    let Some(pebble) = Pebble::start(86_400).await else { return };
    let folder = Folder::new();
    // It listens elsewhere than the directory looks.
    let mut child = serving(klatch_with(&pebble, &folder, "127.0.0.1:0")).await;
    let warning = says(&mut child, "WARN klatch_broker::tls").await;
    for part in ["no certificate yet for localhost, klatch.example: ", "at port 443", "localhost: ", "trying again in "]
    {
        assert!(warning.contains(part), "{part} in {warning}");
    }
    assert!(child.try_wait().expect("a process").is_none(), "it runs on");
}

#[tokio::test]
async fn a_name_that_does_not_lead_here_yet_takes_the_certificate_from_no_other() {
    let Some(pebble) = Pebble::start(86_400).await else { return };
    let folder = Folder::new();
    let mut child = serving(klatch_for("localhost", &pebble, &folder, &pebble.looks_at.to_string())).await;
    let root = pebble.root().await;
    let first = shown(&root, pebble.looks_at).await;
    child.kill().await.expect("it ran");
    // The directory does not look there, so that the order for both names fails.
    let [elsewhere] = free_addresses();
    let mut child = serving(klatch_with(&pebble, &folder, &elsewhere.to_string())).await;
    assert_eq!(shown(&root, elsewhere).await, first);
    let warning = says(&mut child, "trying again in ").await;
    let meanwhile =
        "a certificate for other names is served meanwhile, and there is none yet for localhost, klatch.example: ";
    assert!(warning.contains(meanwhile), "{warning}");
    assert_eq!(shown(&root, elsewhere).await, first);
}

#[tokio::test]
async fn a_directory_that_can_not_be_asked_is_asked_again() {
    let folder = Folder::new();
    let mut command = klatch(&["--listen", "127.0.0.1:0", "--acme", "klatch.example"]);
    command.args(["--acme-directory", "https://127.0.0.1:1/dir", "--acme-cache", folder.0.to_str().expect("text")]);
    let mut child = serving(command).await;
    let warning = says(&mut child, "WARN klatch_broker::tls").await;
    assert!(
        warning.contains("https://127.0.0.1:1/dir can't be asked (") && warning.contains("trying again in"),
        "{warning}"
    );
}

#[tokio::test]
async fn who_is_refused_says_what_the_directory_said_and_serves_on() {
    let Some(pebble) = Pebble::start_for_customers().await else { return };
    let folder = Folder::new();
    let mut child = serving(klatch_with(&pebble, &folder, &pebble.looks_at.to_string())).await;
    let warning = says(&mut child, "WARN klatch_broker::tls").await;
    for part in ["no certificate yet for ", &format!("{} refuses: ", pebble.directory), "trying again in "] {
        assert!(warning.contains(part), "{part} in {warning}");
    }
    assert!(child.try_wait().expect("a process").is_none(), "it runs on");
}

#[tokio::test]
async fn of_a_directory_that_is_not_trusted_the_root_and_the_clock_are_suspected() {
    let (theirs, other, folder) = (Certificate::new(), Certificate::new(), Folder::new());
    let directory = Broker::start(&theirs.flags()).await;
    let url = format!("{}/dir", directory.server.url);
    let mut command = klatch(&["--listen", "127.0.0.1:0", "--acme", "klatch.example", "--acme-directory", &url]);
    command.args(["--acme-ca", other.chain.path(), "--acme-cache", folder.0.to_str().expect("text")]);
    let warning = says(&mut serving(command).await, "WARN klatch_broker::tls").await;
    assert!(
        warning.contains("name the root that vouches for it by --acme-ca, or set this machine's clock"),
        "{warning}"
    );
}

#[tokio::test]
async fn nobody_is_shown_a_challenge_that_nobody_has_set() {
    let Some(pebble) = Pebble::start(86_400).await else { return };
    let folder = Folder::new();
    let _child = serving(klatch_with(&pebble, &folder, &pebble.looks_at.to_string())).await;
    let root = pebble.root().await;
    let stranger = Visitor::new(&root, &[b"acme-tls/1"], &[&TLS13]);
    assert!(stranger.connect(pebble.looks_at).await.is_err());
    shown(&root, pebble.looks_at).await;
}
