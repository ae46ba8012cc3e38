//! Where the system lets the program open few files: as many are let in as there are files for, and that is said.

mod common;

use common::PATIENCE;
use common::http::get;
use common::pebble::free_addresses;
use common::program::{serving, with_few_files};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn where_few_files_may_be_open_the_rest_is_turned_away_and_what_else_is_opened_goes_on() {
    let [listen, metrics] = free_addresses();
    let flags =
        ["--listen", &listen.to_string(), "--metrics-listen", &metrics.to_string(), "--limit", "header-seconds=300"];
    let (mut child, _) = serving(with_few_files(200, &flags)).await;
    let mut all = Vec::new();
    for _ in 0..250 {
        all.push(TcpStream::connect(listen).await.expect("a connection"));
    }
    let counted = async {
        let refused = "klatch_connections_refused_total{reason=\"connections\"} 150\n";
        while !get(metrics, "/metrics", &[]).await.text().contains(refused) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, counted).await.expect("in time");
    drop(all);
    child.kill().await.expect("it ran");
    let mut log = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut log).await.expect("text");
    assert!(log.contains("100 connections are let in at once, and not 20000 (--limit connections)"), "{log}");
    assert_eq!(log.matches("people are turned away").count(), 1, "{log}");
    assert!(!log.contains("can't accept connections"), "{log}");
}

#[tokio::test]
async fn a_trial_says_what_few_files_are_enough_for() {
    let flags = ["--check", "--listen", "127.0.0.1:0", "--turn", "--turn-listen", "127.0.0.1:0"];
    let checked = timeout(PATIENCE, with_few_files(1024, &flags).output()).await.expect("it ends").expect("it runs");
    let said = String::from_utf8(checked.stdout).expect("text");
    for line in
        ["unsure: 384 connections are let in at once, and not 20000 ", "unsure: the relay takes 256 connections"]
    {
        assert!(checked.status.success() && said.lines().any(|said| said.starts_with(line)), "{line}: {said}");
    }
}
