//! What a host gets who has something else at an address, or a state file that can't be read: a sentence that says what, where and what
//! to do, and nothing is lost.

mod common;

use std::net::TcpListener;
use std::process::Output;

use common::program::{klatch, start};
use common::tls::Certificate;
use common::{Client, PATIENCE, Room, Seat, TempFile};
use redb::{Database, TableDefinition};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

async fn output(flags: &[&str]) -> Output {
    timeout(PATIENCE, klatch(flags).output()).await.expect("it ends").expect("it runs")
}

/// The one line with which it ends where it does not serve.
async fn refusal(flags: &[&str]) -> String {
    let failed = output(&[&["--listen", "127.0.0.1:0"], flags].concat()).await;
    assert_eq!((failed.status.code(), failed.stdout.len()), (Some(1), 0), "{flags:?}");
    let said = String::from_utf8(failed.stderr).expect("text");
    let mut lines = said.lines().filter(|line| line.starts_with("klatch: "));
    let line = lines.next().expect(&said).to_owned();
    assert!(lines.next().is_none() && !said.contains("panicked"), "{said}");
    line
}

#[tokio::test]
async fn whichever_address_is_taken_it_is_named_and_what_to_do() {
    let certificate = Certificate::new();
    let holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = holder.local_addr().expect("bound").to_string();
    for (flag, with) in [
        ("--listen", &[][..]),
        ("--metrics-listen", &[]),
        ("--http-redirect", &certificate.flags()[..]),
        ("--turn-listen", &["--turn"]),
        ("--turn-tls-listen", &[&["--turn", "--turn-listen", "127.0.0.1:0"], &certificate.flags()[..]].concat()),
    ] {
        let said = refusal(&[&[flag, &taken], with].concat()).await;
        let (listen, way_out) = (format!("can't listen on {taken}: "), "; stop what has it, or name another");
        assert!(said.contains(&listen) && said.ends_with(way_out), "{flag}: {said}");
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_to_be_meant_is_refused() {
    let (certificate, large) = (Certificate::new(), TempFile::with(&"# no end\n".repeat(2 << 17)));
    let [_, chain, _, key] = certificate.flags();
    for flags in [
        &["--tls-cert", large.path(), "--tls-key", key][..],
        &["--tls-cert", chain, "--tls-key", large.path()],
        &["--acme", "klatch.example", "--acme-cache", "/nowhere", "--acme-ca", large.path()],
    ] {
        let said = refusal(flags).await;
        assert!(said.contains(large.path()) && said.contains("it has more than 1 MiB"), "{said}");
    }
    let failed = output(&["--config", large.path()]).await;
    let said = String::from_utf8(failed.stderr).expect("text");
    assert_eq!(failed.status.code(), Some(2));
    assert!(said.contains("can't read the configuration file") && said.contains("it has more than 1 MiB"), "{said}");
}

#[tokio::test]
async fn a_public_url_that_tls_does_not_go_with_is_told_of_by_the_trial_and_at_the_start() {
    let certificate = Certificate::new();
    let (files, own) = (certificate.flags(), ["--self-signed"]);
    let scheme = "pages come over TLS, and --public-url is http://localhost:1: ";
    let host = "the certificate is not for 127.0.0.1, the host of --public-url, ";
    for (tls, url, expected) in [
        (&files[..], "http://localhost:1", Some(scheme)),
        (&own, "http://localhost:1", Some(scheme)),
        (&files, "https://127.0.0.1:1", Some(host)),
        (&files, "https://localhost:1", None),
        (&own, "https://127.0.0.1:1", None),
    ] {
        let flags = [&["--listen", "127.0.0.1:0", "--public-url", url], tls].concat();
        let tried = output(&[&flags[..], &["--check"]].concat()).await;
        let said = String::from_utf8(tried.stderr).expect("text");
        let wrong: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("klatch: ")).collect();
        assert_eq!(wrong.len(), expected.iter().len(), "{flags:?}: {said}");
        let (mut child, _) = start(&flags).await;
        child.start_kill().expect("it ran");
        let mut log = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut log).await.expect("text");
        let warned: Vec<_> =
            log.lines().filter(|line| line.contains("WARN") && line.contains("--public-url")).collect();
        assert_eq!(warned.len(), expected.iter().len(), "{flags:?}: {log}");
        if let Some(reason) = expected {
            assert!(wrong[0].starts_with(reason) && warned[0].contains(reason), "{wrong:?}, {warned:?}");
        }
    }
}

/// Rooms that were kept, by a program that has ended.
async fn kept() -> (TempFile, Room, Seat) {
    let (file, room) = (TempFile::unused(), Room::new());
    let seat = Seat::new(&room, "Ana");
    let (mut child, url) = start(&["--listen", "127.0.0.1:0", "--state", file.path()]).await;
    let mut client = Client::connect(&format!("{}/ws/{}", url.replace("http", "ws"), room.keys.id())).await;
    client.create(&room, &seat).await.expect("a room");
    child.kill().await.expect("it ran");
    (file, room, seat)
}

#[tokio::test]
async fn a_state_file_of_another_version_is_refused_and_the_version_that_wrote_it_loses_nothing() {
    let (file, room, seat) = kept().await;
    let written_by = |format: u64| {
        let database = Database::open(file.path()).expect("a state file");
        let transaction = database.begin_write().expect("nobody else writes");
        let about = TableDefinition::<&str, u64>::new("klatch");
        transaction.open_table(about).expect("it says whose it is").insert("format", format).expect("inserted");
        transaction.commit().expect("written");
    };
    written_by(2);
    for _ in 0..2 {
        let said = refusal(&["--state", file.path()]).await;
        let reason = format!("klatch: the state file {} is of format 2, which this version of klatch ", file.path());
        assert!(said.starts_with(&reason) && said.contains("start the version that wrote it"), "{said}");
    }
    written_by(1);
    let (_child, url) = start(&["--listen", "127.0.0.1:0", "--state", file.path()]).await;
    let mut client = Client::connect(&format!("{}/ws/{}", url.replace("http", "ws"), room.keys.id())).await;
    client.come_back(&room, &seat).await.expect("the room is there");
}

#[tokio::test]
async fn a_state_file_that_was_half_copied_is_refused_and_the_whole_one_is_as_good_as_ever() {
    let (file, room, seat) = kept().await;
    let whole = std::fs::read(file.path()).expect("it is there");
    for length in [1000, whole.len() / 2, whole.len() - 1] {
        std::fs::write(file.path(), &whole[..length]).expect("written");
        let said = refusal(&["--state", file.path()]).await;
        assert!(said.contains(file.path()) && said.contains("name another"), "{length}: {said}");
    }
    std::fs::write(file.path(), whole).expect("written");
    let (_child, url) = start(&["--listen", "127.0.0.1:0", "--state", file.path()]).await;
    let mut client = Client::connect(&format!("{}/ws/{}", url.replace("http", "ws"), room.keys.id())).await;
    client.come_back(&room, &seat).await.expect("the room is there");
}
