//! What outside judges say of HTTPS and its answers: the MDN HTTP Observatory of the headers, `testssl` of TLS.
//!
//! `./build.sh test all` installs them. Autobahn, who judges the WebSocket, is beside what it judges (`socket::judged`).

mod common;

use common::program::start;
use common::tls::Certificate;
use common::{PATIENCE, TempFile};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

/// What testssl says of certificates: that nobody vouches for one that was made for a test.
const OF_CERTIFICATES: &str = "cert_";
/// Pages are the same for everybody, hold no secret, and repeat nothing that was asked for: there is nothing to guess from how long
/// they are, compressed. testssl looks only whether they are, and says itself that this may be ignored for such.
const COMPRESSED: &str = "BREACH";
/// What nobody has to do anything about.
const FINE: [&str; 4] = ["OK", "INFO", "LOW", "DEBUG"];
/// testssl tries hundreds of handshakes.
const TESTSSL_PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

#[tokio::test]
#[ignore = "an outside judge: `./build.sh test all` installs it"]
async fn the_observatory_passes_everything() {
    let scan = std::env::var_os("KLATCH_OBSERVATORY").expect("KLATCH_OBSERVATORY names the Observatory's scan.js");
    let certificate = Certificate::new();
    let (_child, url) = start(&[&["--listen", "127.0.0.1:0"], &certificate.flags()[..]].concat()).await;
    let mut node = Command::new("node");
    node.arg(scan).arg(url.trim_start_matches("https://")).env("NODE_EXTRA_CA_CERTS", certificate.chain.path());
    let found = timeout(PATIENCE, node.kill_on_drop(true).output()).await.expect("in time").expect("it runs");
    let text = String::from_utf8_lossy(&found.stdout);
    let found: Value = serde_json::from_str(&text).expect(&text);
    let tests = found["tests"].as_object().expect(&text);
    let failed: Vec<_> = tests.iter().filter(|(_, test)| test["pass"] != true).collect();
    assert!(failed.is_empty() && tests.len() >= 10, "{failed:#?} of {}", tests.len());
}

#[tokio::test]
#[ignore = "an outside judge: `./build.sh test all` installs it"]
async fn testssl_finds_nothing_of_medium_or_worse() {
    let (certificate, report) = (Certificate::new(), TempFile::unused());
    let (_child, url) = start(&[&["--listen", "127.0.0.1:0"], &certificate.flags()[..]].concat()).await;
    let mut testssl = Command::new("testssl");
    testssl.args(["--quiet", "--color", "0", "--warnings", "batch", "--ip", "127.0.0.1"]);
    // GOST needs an engine that Debian only recommends; nothing here speaks it.
    testssl.env("NO_ENGINE", "true");
    testssl.args(["--jsonfile", report.path(), &url]).kill_on_drop(true);
    let ended = timeout(TESTSSL_PATIENCE, testssl.output()).await.expect("in time").expect("Debian: testssl.sh");
    let said = String::from_utf8_lossy(&ended.stdout);
    let found = std::fs::read(report.path()).expect(&said);
    let found: Vec<Value> = serde_json::from_slice(&found).expect("JSON");
    let of = |finding: &Value, key: &str| finding[key].as_str().expect("text").to_owned();
    let is_bad = |finding: &&Value| {
        let (id, severity) = (of(finding, "id"), of(finding, "severity"));
        !FINE.contains(&&*severity) && !id.starts_with(OF_CERTIFICATES) && id != COMPRESSED
    };
    let bad: Vec<_> = found.iter().filter(is_bad).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    // It came to its end, and saw TLS: what it can't connect to it calls fine too.
    for (id, finding) in [("TLS1_3", "offered"), ("TLS1_2", "offered"), ("TLS1_1", "not offered"), ("BEAST", "not ")] {
        let is_found = found.iter().any(|known| of(known, "id") == id && of(known, "finding").contains(finding));
        assert!(is_found, "{id} is not {finding}: {said}");
    }
}
