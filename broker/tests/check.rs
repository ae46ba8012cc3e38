//! `--check` and `--print-client-hash`: what the program says of itself without serving.

mod common;

use std::process::Output;

use clap::CommandFactory as _;
use common::pebble::{Pebble, free_addresses};
use common::program::{klatch, on_small_disk, start};
use common::tls::Certificate;
use common::{PATIENCE, TempFile};
use klatch_broker::Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

/// A directory of certificates that is not there.
const NO_DIRECTORY: [&str; 2] = ["--acme-directory", "https://localhost:1/dir"];

async fn output(mut command: Command) -> Output {
    timeout(PATIENCE, command.output()).await.expect("it ends").expect("it runs")
}

/// Whether all is well, the lines that say what is, and those that say what is wrong.
async fn check(flags: &[&str]) -> (bool, Vec<String>, Vec<String>) {
    told(klatch(&checking(flags))).await
}

fn checking<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&["--check", "--listen", "127.0.0.1:0"], flags].concat()
}

async fn told(command: Command) -> (bool, Vec<String>, Vec<String>) {
    let checked = output(command).await;
    let lines = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").lines().map(str::to_owned).collect();
    (checked.status.success(), lines(checked.stdout), lines(checked.stderr))
}

#[tokio::test]
async fn what_is_well_is_said_a_line_each() {
    let (certificate, state, secret) = (Certificate::new(), TempFile::unused(), TempFile::with("a secret\n"));
    let mut flags =
        vec!["--public-url", "https://localhost:1", "--state", state.path(), "--metrics-listen", "127.0.0.1:0"];
    flags.extend(["--ice-server", "turn:turn.example", "--ice-secret-file", secret.path()]);
    flags.extend(["--turn", "--turn-listen", "127.0.0.1:0", "--turn-secret-file", secret.path()]);
    flags.extend(certificate.flags());
    let (is_well, well, wrong) = check(&flags).await;
    assert!(is_well && wrong.is_empty(), "{wrong:?}");
    for line in [
        "well: 127.0.0.1:0 can be listened on",
        "well: the certificate and its key go together, until 4096-01-01 00:00 UTC",
        "well: the certificate is for localhost",
        &format!("well: the state file {} can be made", state.path()),
        "well: the secret of --ice-secret-file can be read",
        "well: the secret of --turn-secret-file can be read",
    ] {
        assert!(well.iter().any(|said| said == line), "{line}: {well:#?}");
    }
    assert!(well.iter().any(|line| line.starts_with("well: localhost leads here, to ")), "{well:#?}");
    assert!(well.iter().any(|line| line.starts_with("well: the relay answers at 127.0.0.1:")), "{well:#?}");
    assert!(!std::fs::exists(state.path()).expect("a place for files"), "it is only tried");
}

#[tokio::test]
async fn what_strangers_might_do_is_remarked_on_as_it_is_at_the_start() {
    let codes = TempFile::with("a code of some length\n");
    let metrics = "unsure: strangers may read the metrics: ";
    let relay = "unsure: anybody may open rooms here, and use the relay then: --host-code-file ";
    let bundled = ["--turn", "--turn-listen", "127.0.0.1:0", "--public-url", "http://localhost"];
    for (flags, metrics_remarked, relay_remarked) in [
        (&["--metrics-listen", "0.0.0.0:0"][..], true, false),
        (&["--metrics-listen", "127.0.0.1:0"], false, false),
        (&bundled, false, true),
        (&[&bundled[..], &["--host-code-file", codes.path()]].concat(), false, false),
    ] {
        let (_, said, _) = check(flags).await;
        let remarked = |remark: &str| said.iter().any(|line| line.starts_with(remark));
        assert_eq!((remarked(metrics), remarked(relay)), (metrics_remarked, relay_remarked), "{flags:?}: {said:#?}");
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once_a_line_each() {
    let (certificate, state, empty) = (Certificate::new(), TempFile::with("[Unit]\n"), TempFile::with(""));
    let (child, url) = start(&["--listen", "127.0.0.1:0"]).await;
    let taken = url.replace("http://localhost", "127.0.0.1");
    let mut flags = vec!["--listen", &taken, "--public-url", "https://127.0.0.1:1", "--state", state.path()];
    flags.extend(["--turn", "--turn-listen", "127.0.0.1:0", "--turn-secret-file", empty.path()]);
    flags.extend(certificate.flags());
    let (is_well, _, wrong) = check(&flags).await;
    assert!(!is_well && wrong.len() == 4, "{wrong:#?}");
    for (said, reason) in wrong.iter().zip([
        format!("klatch: can't listen on {taken}: "),
        "klatch: the certificate is not for 127.0.0.1, ".into(),
        format!("klatch: {} is no state file of klatch's", state.path()),
        format!("klatch: the secret file {} is empty", empty.path()),
    ]) {
        assert!(said.starts_with(&reason), "{reason}: {said}");
    }
    drop(child);
}

#[tokio::test]
async fn each_part_that_is_wrong_says_why() {
    let (expired, ours, other) = (Certificate::expired(), Certificate::new(), Certificate::new());
    let state = TempFile::unused();
    let (child, _) = start(&["--listen", "127.0.0.1:0", "--state", state.path()]).await;
    for (flags, reason) in [
        (&["--tls-cert", expired.chain.path(), "--tls-key", expired.key.path()][..], "klatch: the certificate in "),
        (&["--tls-cert", ours.chain.path(), "--tls-key", other.key.path()], "klatch: the key in "),
        (&["--tls-cert", "/nowhere", "--tls-key", ours.key.path()], "klatch: can't read a certificate from /nowhere, "),
        (&["--state", state.path()], "klatch: the state file "),
        (&["--state", "/nowhere/state"], "klatch: can't use the state file /nowhere/state: "),
        (&["--ice-server", "turn:turn.example"], "klatch: turn:turn.example needs credentials: "),
        (&["--public-url", "https://nobody.invalid"], "klatch: nobody.invalid leads nowhere: "),
        (
            // Nobody is visited at port 0.
            &["--public-url", "https://203.0.113.7:0", "--turn", "--turn-listen", "127.0.0.1:0"],
            "klatch: members elsewhere can't reach the relay, ",
        ),
        (&["--metrics-listen", "203.0.113.7:1"], "klatch: can't listen on 203.0.113.7:1: "),
    ] {
        let (is_well, _, wrong) = check(flags).await;
        assert!(!is_well && wrong.len() == 1 && wrong[0].starts_with(reason), "{reason}: {wrong:#?}");
    }
    drop(child);
}

#[tokio::test]
async fn a_certificate_without_the_one_that_vouches_for_it_is_remarked_on() {
    let alone = Certificate::alone();
    let (is_well, said, _) = check(&alone.flags()).await;
    assert!(is_well && line(&said, "unsure: the certificate in ").contains("fullchain.pem"), "{said:#?}");
}

#[tokio::test]
async fn an_address_that_two_flags_want_is_told_by_both_as_it_is_at_the_start() {
    let certificate = Certificate::new();
    let [free] = free_addresses();
    let free = free.to_string();
    for (flag, with) in [
        ("--metrics-listen", &[][..]),
        ("--http-redirect", &certificate.flags()[..]),
        ("--turn-listen", &["--turn"]),
        ("--turn-tls-listen", &[&["--turn", "--turn-listen", "127.0.0.1:0"], &certificate.flags()[..]].concat()),
    ] {
        let flags = [&["--listen", &free, flag, &free], with].concat();
        let (is_well, _, wrong) = check(&flags).await;
        let says = format!("; --listen and {flag} both want it, so give one of them another port");
        let is_told =
            |line: &str| line.starts_with(&format!("klatch: can't listen on {free}: ")) && line.ends_with(&says);
        assert!(!is_well && wrong.len() == 1 && is_told(&wrong[0]), "{wrong:#?}");
        let started = output(klatch(&flags)).await;
        let said = String::from_utf8(started.stderr).expect("text");
        assert!(!started.status.success() && said.lines().any(is_told), "{said}");
    }
}

/// The one line that begins so.
fn line<'a>(said: &'a [String], start: &str) -> &'a str {
    let lines: Vec<_> = said.iter().filter(|line| line.starts_with(start)).collect();
    assert_eq!(lines.len(), 1, "{start}: {said:#?}");
    lines[0]
}

#[tokio::test]
async fn the_site_is_opened_by_its_name_and_what_came_is_said() {
    let (_child, url) = start(&["--listen", "127.0.0.1:0"]).await;
    let (is_well, said, _) = check(&["--public-url", &url]).await;
    assert!(is_well);
    line(&said, &format!("well: {url}/healthz says ok at 127.0.0.1"));
    // What is spoken there is not what its URL says.
    let (is_well, _, wrong) = check(&["--public-url", &url.replace("http:", "https:")]).await;
    assert!(!is_well);
    assert!(line(&wrong, "klatch: port ").contains("does not speak TLS at 127.0.0.1"), "{wrong:#?}");
    // Nobody vouches for what is shown.
    let certificate = Certificate::new();
    let (_child, url) = start(&[&["--listen", "127.0.0.1:0"], &certificate.flags()[..]].concat()).await;
    let (is_well, said, _) = check(&["--public-url", &url]).await;
    assert!(is_well);
    let shown = line(&said, "unsure: the certificate that is shown at 127.0.0.1");
    assert!(shown.contains("by nobody whom browsers know"), "{shown}");
}

#[tokio::test]
async fn a_port_that_nobody_answers_at_is_told_by_who_should() {
    let [free] = free_addresses();
    let url = format!("http://{free}");
    let start = format!("unsure: port {} takes no connections at 127.0.0.1 ", free.port());
    let (is_well, said, _) = check(&["--public-url", &url]).await;
    let behind = line(&said, &start);
    assert!(is_well && behind.contains("start the proxy") && behind.contains("leads to 127.0.0.1:0"), "{behind}");
    let (is_well, said, _) = check(&["--listen", &free.to_string(), "--public-url", &url]).await;
    let own = line(&said, &start);
    assert!(is_well && own.contains("as it should be there while no klatch runs"), "{own}");
}

#[tokio::test]
async fn something_else_that_answers_there_is_wrong_and_what_is_away_for_the_moment_is_not() {
    for (status, is_taken_well) in [("404 Not Found", false), ("200 OK", false), ("502 Bad Gateway", true)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let other = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("somebody comes");
            let _ = stream.read(&mut [0; 2048]).await;
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
        });
        let (is_well, said, wrong) = check(&["--public-url", &url]).await;
        other.await.expect("it was asked");
        assert_eq!(is_well, is_taken_well, "{status}: {wrong:?}");
        let (lines, sort) = if is_taken_well { (said, "unsure") } else { (wrong, "klatch") };
        line(&lines, &format!("{sort}: {url}/healthz says {} at 127.0.0.1", &status[..3]));
    }
}

#[tokio::test]
async fn each_name_that_a_certificate_is_asked_for_is_looked_up() {
    let folder = TempFile::unused();
    let names = ["--acme", "localhost", "--acme", "nobody.invalid", "--acme-cache", folder.path()];
    let (is_well, said, wrong) = check(&[&names[..], &NO_DIRECTORY].concat()).await;
    assert!(!is_well);
    line(&said, "well: localhost leads here, to ");
    line(&wrong, "klatch: nobody.invalid leads nowhere: ");
}

#[tokio::test]
async fn the_last_line_says_what_can_not_be_seen_from_here() {
    let folder = TempFile::unused();
    let acme = ["--acme", "localhost", "--acme-cache", folder.path(), "--http-redirect", "127.0.0.1:0"];
    let acme = [&acme[..], &NO_DIRECTORY].concat();
    for (flags, parts) in [
        (&["--public-url", "http://localhost"][..], &["(80/tcp)", "open http://localhost with a phone"][..]),
        (&acme, &["(443/tcp)", "open https://localhost with a phone"]),
        (
            &["--public-url", "http://localhost", "--turn", "--turn-listen", "127.0.0.1:3478"],
            &["80/tcp, 3478/udp, 3478/tcp, those of --turn-ports"],
        ),
        (&[], &["only this machine reaches what is listened on"]),
    ] {
        let (_, said, _) = check(flags).await;
        let last = said.last().expect("a line");
        assert!(last.starts_with("unsure: ") && parts.iter().all(|part| last.contains(part)), "{flags:?}: {last}");
    }
}

#[tokio::test]
async fn the_folder_for_certificates_is_tried_and_not_made() {
    let (above, file) = (TempFile::unused(), TempFile::with(""));
    let folder = format!("{}/below", above.path());
    let acme = ["--acme", "localhost", "--acme-directory", "https://localhost:1/dir", "--acme-cache"];
    let (is_well, well, wrong) = check(&[&acme[..], &[&folder]].concat()).await;
    assert!(!is_well);
    let refused = "klatch: no certificate could be obtained now: https://localhost:1/dir can't be asked (";
    assert!(
        wrong.iter().any(|line| line.starts_with(refused) && line.ends_with("is this machine online?")),
        "{wrong:?}"
    );
    // Whatever else has port 443 here.
    assert!(!wrong.iter().any(|line| line.contains(&folder)), "{wrong:?}");
    assert!(well.contains(&format!("well: certificates can be kept in {folder}")), "{well:#?}");
    assert!(!std::fs::exists(above.path()).expect("a place for files"), "it is only tried");
    let folder = format!("{}/below", file.path());
    let (is_well, _, wrong) = check(&[&acme[..], &[&folder]].concat()).await;
    assert!(!is_well && wrong[0].starts_with(&format!("klatch: can't keep certificates in {folder}: ")), "{wrong:?}");
}

#[tokio::test]
async fn a_directory_is_looked_at_and_what_is_in_the_way_is_said_as_at_the_start() {
    let Some(pebble) = Pebble::start(86_400).await else { return };
    let folder = TempFile::unused();
    let (root, nothing) = (pebble.certificate.chain.path(), pebble.directory.replace("/dir", "/nothing"));
    let acme = ["--acme", "localhost", "--acme-cache", folder.path(), "--acme-directory"];
    let (is_well, said, wrong) = check(&[&acme[..], &[&pebble.directory, "--acme-ca", root]].concat()).await;
    assert!(is_well, "{wrong:?}");
    line(&said, &format!("well: {} answers and can be trusted", pebble.directory));
    for (flags, reason) in [
        (&[&*pebble.directory][..], "name the root that vouches for it by --acme-ca, or set this machine's clock"),
        (&[&nothing, "--acme-ca", root], "/nothing makes no sense: "),
    ] {
        let (is_well, _, wrong) = check(&[&acme[..], flags].concat()).await;
        assert!(!is_well && wrong.len() == 1, "{wrong:?}");
        assert!(
            wrong[0].starts_with("klatch: no certificate could be obtained now: ") && wrong[0].contains(reason),
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn a_folder_for_certificates_on_a_full_disk_is_told_of() {
    let above = TempFile::unused();
    let acme = ["--acme", "localhost", "--acme-directory", "https://localhost:1/dir", "--acme-cache", above.path()];
    let (is_well, _, wrong) = told(on_small_disk(1, &checking(&acme))).await;
    let start = format!("klatch: can't keep certificates in {}: name a folder that ", above.path());
    assert!(!is_well && wrong[0].starts_with(&start), "{wrong:?}");
    assert!(!std::fs::exists(above.path()).expect("a place for files"), "nothing of it is left");
}

#[tokio::test]
async fn what_was_said_is_told_by_where_it_was_said() {
    let file = TempFile::with("max-rooms = 5\nmax-members = 5\nroom-ttl = \"5m\"\n");
    let mut command = klatch(&["--check", "--listen", "127.0.0.1:0", "--config", file.path(), "--max-rooms", "6"]);
    command.env("KLATCH_MAX_ROOMS", "7").env("KLATCH_MAX_MEMBERS", "7");
    let said = String::from_utf8(output(command).await.stdout).expect("text");
    let first = said.lines().next().expect("a line");
    for setting in ["max-rooms by a flag", "max-members by a variable", "room-ttl in the file"] {
        assert!(first.contains(setting), "{first}");
    }
}

#[tokio::test]
async fn each_flag_is_read_from_its_variable() {
    for arg in Config::command().get_arguments() {
        let (name, variable) = (arg.get_long().expect("all flags are long"), arg.get_env().expect("all have one"));
        let takes_any_text =
            arg.get_value_names().is_some_and(|names| matches!(names[0].as_str(), "FILE" | "DIR" | "EMAIL"));
        let mut command = klatch(&["--check"]);
        command.env("KLATCH_LISTEN", "127.0.0.1:0").env(variable, if takes_any_text { "/nowhere/x" } else { "\u{1}" });
        if name == "check" {
            command = klatch(&[]);
            command.env(variable, "perhaps");
        }
        let read = output(command).await;
        let (said, reason) = (String::from_utf8_lossy(&read.stdout), String::from_utf8_lossy(&read.stderr));
        // A wrong value is refused by the name of its flag. Of any text it is told that it came, what it lacks, or what is not there.
        let is_told = match takes_any_text {
            false => reason.contains(&format!("'--{name}")),
            true => {
                let first = said.lines().next().unwrap_or_default();
                first.contains(&format!("{name} by a variable"))
                    || reason.contains("required arguments were not provided")
                    || reason.contains("/nowhere/x")
            }
        };
        assert!(is_told && !read.status.success(), "{name}: {said}{reason}");
    }
}

#[tokio::test]
async fn the_page_inside_is_told_by_the_hash_of_each_file() {
    let printed = output(klatch(&["--print-client-hash"])).await;
    assert!(printed.status.success() && printed.stderr.is_empty());
    let printed = String::from_utf8(printed.stdout).expect("text");
    let dist = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    let names: Vec<_> = printed.lines().map(|line| line.split_once("  ").expect("a hash and a name")).collect();
    assert!(names.iter().any(|(_, name)| *name == "index.html"), "{printed}");
    assert!(names.iter().all(|(hash, _)| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())));
    if dist.join("index.html").is_file() {
        let files: Vec<_> = names.iter().map(|(_, name)| *name).collect();
        let mut sum = Command::new("sha256sum");
        sum.args(files).current_dir(dist);
        assert_eq!(String::from_utf8(output(sum).await.stdout).expect("text"), printed);
    }
}
