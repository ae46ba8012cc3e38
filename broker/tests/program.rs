//! The program from outside: what it prints, how it ends, what it refuses.

mod common;

use std::process::{Output, Stdio};

use common::http::get;
use common::program::{klatch, serving, start};
use common::tls::Certificate;
use common::{Client, PATIENCE, Room, Seat, TempFile};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

async fn output(flags: &[&str]) -> Output {
    timeout(PATIENCE, klatch(flags).output()).await.expect("it ends").expect("it runs")
}

async fn send(child: &Child, signal: &str) {
    let id = child.id().expect("it runs").to_string();
    Command::new("kill").args([signal, &id]).status().await.expect("kill");
}

/// The program as it is started where SIGHUP is the default or is ignored, as `env` is told, whatever it is for the tests.
fn with_hangups(how: &str, flags: &[&str]) -> Command {
    let klatch = klatch(flags);
    let mut command = Command::new("env");
    command.arg(format!("--{how}-signal=HUP")).arg(klatch.as_std().get_program()).args(flags);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn stop(mut child: Child, signal: &str) -> (Option<i32>, String) {
    send(&child, signal).await;
    let status = timeout(PATIENCE, child.wait()).await.expect("it ends").expect("a status");
    let mut log = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut log).await.expect("text");
    (status.code(), log)
}

#[tokio::test]
async fn it_says_where_it_serves_with_the_port_that_it_got() {
    for listen in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
        let (child, url) = start(&["--listen", listen]).await;
        let port: u16 = url.strip_prefix("http://localhost:").expect("localhost").parse().expect("a port");
        let health = get(([127, 0, 0, 1], port).into(), "/healthz", &[]).await;
        assert_eq!(health.text(), "ok");
        assert_eq!(stop(child, "-TERM").await.0, Some(0));
    }
}

#[tokio::test]
async fn each_signal_stops_it_cleanly_and_members_are_told() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let (child, url) = serving(with_hangups("default", &["--listen", "127.0.0.1:0"])).await;
        let room = Room::new();
        let socket = format!("{}/ws/{}", url.replace("http", "ws"), room.keys.id());
        let mut client = Client::connect(&socket).await;
        client.create(&room, &Seat::new(&room, "Ana")).await.expect("a room");
        let (stopped, code) = tokio::join!(stop(child, signal), client.close_code());
        assert_eq!((stopped.0, code), (Some(0), 1012), "{signal}");
    }
}

#[tokio::test]
async fn who_has_it_outlive_its_terminal_is_not_overruled() {
    let (child, url) = serving(with_hangups("ignore", &["--listen", "127.0.0.1:0"])).await;
    let status = format!("/proc/{}/status", child.id().expect("it runs"));
    let status = std::fs::read_to_string(status).expect("it runs");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    assert_eq!(u64::from_str_radix(ignored.trim(), 16).expect("a mask") & 1, 1, "{ignored}");
    send(&child, "-HUP").await;
    let port: u16 = url.strip_prefix("http://localhost:").expect("localhost").parse().expect("a port");
    assert_eq!(get(([127, 0, 0, 1], port).into(), "/healthz", &[]).await.text(), "ok");
    assert_eq!(stop(child, "-TERM").await.0, Some(0));
}

#[tokio::test]
async fn a_signal_stops_it_while_a_file_says_nothing() {
    let (certificate, pipe) = (Certificate::new(), TempFile::unused());
    assert!(Command::new("mkfifo").arg(pipe.path()).status().await.expect("mkfifo").success());
    for signal in ["-TERM", "-INT"] {
        let flags = ["--listen", "127.0.0.1:0", "--tls-cert", pipe.path(), "--tls-key", certificate.key.path()];
        let child = klatch(&flags).spawn().expect("it runs");
        let path = pipe.path().to_owned();
        // That somebody reads is what opening it for writing waits for.
        let opening = tokio::task::spawn_blocking(|| std::fs::OpenOptions::new().write(true).open(path));
        let _silent = timeout(PATIENCE, opening).await.expect("it is read").expect("a thread").expect("a pipe");
        assert_eq!(stop(child, signal).await, (Some(0), String::new()), "{signal}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_a_reason_to_end() {
    let (child, url) = start(&["--listen", "127.0.0.1:0"]).await;
    let taken = url.replace("http://localhost", "127.0.0.1");
    let failed = output(&["--listen", &taken]).await;
    assert_eq!(failed.status.code(), Some(1));
    let reason = String::from_utf8(failed.stderr).expect("text");
    assert!(reason.starts_with(&format!("klatch: can't listen on {taken}: ")), "{reason}");
    assert_eq!((reason.lines().count(), failed.stdout.len()), (1, 0));
    stop(child, "-TERM").await;
}

#[tokio::test]
async fn a_bad_flag_is_refused_in_one_line() {
    for flags in [
        &["--nonsense"][..],
        &["--listen", "nowhere"],
        &["--room-ttl", "soon"],
        &["--max-members", "65"],
        &["--max-members", "0"],
        &["--limit", "fun=3"],
        &["--limit", "connections"],
        &["--ice-server", "http://stun.example"],
        &["--ice-secret-file", "secret"],
        &["--public-url", "https://meet.example/path"],
        &["--allow-origin", "*"],
        &["--trusted-proxy", "proxy.example"],
        &["--imprint", "javascript:alert(1)"],
        &["--log", "a=b=c"],
        &["--log", "nonsense"],
        &["--log-format", "xml"],
        &["--turn=perhaps"],
        &["--turn-public-ip", "203.0.113.1"],
        &["--turn", "--turn-tls-listen", "127.0.0.1:0"],
        &["--tls-cert", "chain.pem"],
        &["--tls-key", "key.pem"],
        &["--http-redirect", "127.0.0.1:0"],
        &["--self-signed", "--acme", "meet.example"],
        &["--acme", "192.0.2.1"],
        &["--acme", "*.meet.example"],
        &["--acme-email", "host@meet.example"],
        &["--acme", "meet.example", "--acme-email", "foo"],
        &["--acme", "meet.example", "--acme-directory", "http://acme.example/dir"],
        &["--self-signed", "--tls-cert", "chain.pem", "--tls-key", "key.pem"],
        &["--turn", "--turn-tls-listen", "127.0.0.1:0", "--tls-cert", "chain.pem"],
        &["--turn", "--turn-listen", "3478"],
        &["--turn", "--turn-ports", "2-1"],
        &["--turn", "--turn-ports", "0-1"],
        &["--turn", "--turn-public-ip", "relay.example"],
        &["--turn", "--turn-public-ip", "0.0.0.0"],
        &["--turn", "--turn-allow-peer", "10.0.0.0/33"],
        &["--turn", "--turn-realm", "a\"b"],
        &["--limit", "turn-channels=0"],
        &["stray"],
    ] {
        let failed = output(flags).await;
        assert_eq!((failed.status.code(), failed.stdout.len()), (Some(2), 0), "{flags:?}");
        let reason = String::from_utf8(failed.stderr).expect("text");
        assert!(reason.starts_with("klatch: ") && reason.lines().count() == 1, "{flags:?}: {reason}");
    }
}

#[tokio::test]
async fn a_secret_that_can_not_be_had_is_a_reason_to_end() {
    let empty = TempFile::with("\n");
    let turn = ["--listen", "127.0.0.1:0", "--ice-server", "turn:turn.example"];
    for (flags, reason) in [
        (&["--ice-secret-file", "/nowhere"][..], "can't read the secret file /nowhere: No such file"),
        (&["--ice-secret-file", empty.path()], "the secret file"),
        (&[], "turn:turn.example needs credentials: name the file with its secret by --ice-secret-file"),
    ] {
        let failed = output(&[&turn, flags].concat()).await;
        assert_eq!((failed.status.code(), failed.stdout.len()), (Some(1), 0), "{flags:?}");
        let said = String::from_utf8(failed.stderr).expect("text");
        assert!(said.starts_with(&format!("klatch: {reason}")) && said.lines().count() == 1, "{flags:?}: {said}");
    }
}

#[tokio::test]
async fn a_state_file_that_can_not_be_had_is_a_reason_to_end() {
    let (foreign, taken) = (TempFile::with("[Unit]\n"), TempFile::unused());
    let (child, _) = start(&["--listen", "127.0.0.1:0", "--state", taken.path()]).await;
    for (path, reason) in [
        (foreign.path(), format!("{} is no state file of klatch's", foreign.path())),
        (taken.path(), format!("the state file {} is in use: ", taken.path())),
        ("/nowhere/state", "can't use the state file /nowhere/state: ".into()),
        ("/", "can't use the state file /: ".into()),
    ] {
        let failed = output(&["--listen", "127.0.0.1:0", "--state", path]).await;
        assert_eq!((failed.status.code(), failed.stdout.len()), (Some(1), 0), "{path}");
        let said = String::from_utf8(failed.stderr).expect("text");
        assert!(said.starts_with(&format!("klatch: {reason}")) && said.lines().count() == 1, "{path}: {said}");
    }
    assert_eq!(stop(child, "-TERM").await.0, Some(0));
}

#[tokio::test]
async fn with_a_relay_it_says_where_that_is_found() {
    let mut child =
        klatch(&["--listen", "127.0.0.1:0", "--turn", "--turn-listen", "127.0.0.1:0"]).spawn().expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = async || timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("text");
    assert!(next().await.expect("a line").starts_with("klatch listening on http://localhost:"));
    let second = next().await.expect("a second line");
    let place = second.strip_prefix("klatch relaying on turn:127.0.0.1:").expect("the promised line");
    assert_ne!(place.parse::<u16>().expect("a port"), 0);
    assert_eq!(stop(child, "-TERM").await.0, Some(0));
}

#[tokio::test]
async fn a_relay_that_can_not_run_is_a_reason_to_end() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let empty = TempFile::with("");
    let turn = ["--listen", "127.0.0.1:0", "--turn"];
    for (flags, reason) in [
        (&["--turn-listen", &taken][..], &*format!("can't listen on {taken}: ")),
        (&["--turn-listen", "192.0.2.1:0"], "can't listen on 192.0.2.1:0: "),
        (&["--turn-listen", "127.0.0.1:0", "--turn-secret-file", empty.path()], "the secret file "),
    ] {
        let failed = output(&[&turn, flags].concat()).await;
        assert_eq!((failed.status.code(), failed.stdout.len()), (Some(1), 0), "{flags:?}");
        let said = String::from_utf8(failed.stderr).expect("text");
        assert!(said.starts_with(&format!("klatch: {reason}")) && said.lines().count() == 1, "{flags:?}: {said}");
    }
}

#[tokio::test]
async fn a_certificate_that_can_not_be_served_is_a_reason_to_end() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let (empty, over, ahead) = (TempFile::with(""), Certificate::expired(), Certificate::ahead());
    let (chain, key) = (certificate.chain.path(), certificate.key.path());
    for (files, reason) in [
        ([empty.path(), key], format!("can't read a certificate from {}, ", empty.path())),
        (["/nowhere", key], "can't read a certificate from /nowhere, ".into()),
        ([chain, "/nowhere"], "can't read a private key from /nowhere, ".into()),
        ([chain, chain], format!("can't read a private key from {chain}, ")),
        (
            [chain, other.key.path()],
            format!("the key in {} is not that of the certificate in {chain}: ", other.key.path()),
        ),
        ([over.chain.path(), over.key.path()], format!("the certificate in {} expired on ", over.chain.path())),
        (
            [ahead.chain.path(), ahead.key.path()],
            format!(
                "the certificate in {} is valid from 4095-01-01 00:00 UTC only: wait until then or, if that is past, set this \
                 machine's clock",
                ahead.chain.path()
            ),
        ),
    ] {
        let failed = output(&["--listen", "127.0.0.1:0", "--tls-cert", files[0], "--tls-key", files[1]]).await;
        assert_eq!((failed.status.code(), failed.stdout.len()), (Some(1), 0), "{files:?}");
        let said = String::from_utf8(failed.stderr).expect("text");
        assert!(said.starts_with(&format!("klatch: {reason}")) && said.lines().count() == 1, "{files:?}: {said}");
    }
}

#[tokio::test]
async fn what_certificates_can_not_be_obtained_without_is_a_reason_to_end() {
    let file = TempFile::with("no certificate");
    let acme = ["--listen", "127.0.0.1:0", "--acme", "meet.example", "--acme-directory", "https://localhost:1/dir"];
    let cache = format!("{}/below", file.path());
    let failed = output(&["--listen", "127.0.0.1:0", "--acme", "meet.example", "--acme", "localhost"]).await;
    let said = String::from_utf8(failed.stderr).expect("text");
    assert_eq!(failed.status.code(), Some(1));
    assert!(said.starts_with("klatch: no certificate can be had from Let's Encrypt for localhost, "), "{said}");
    for (flags, reason) in [
        (["--acme-cache", &*cache], format!("can't keep certificates in {cache}: ")),
        (["--acme-ca", file.path()], format!("can't read the directory's root certificate from {}, ", file.path())),
    ] {
        let failed = output(&[&acme[..], &flags].concat()).await;
        assert_eq!((failed.status.code(), failed.stdout.len()), (Some(1), 0), "{flags:?}");
        let said = String::from_utf8(failed.stderr).expect("text");
        assert!(said.starts_with(&format!("klatch: {reason}")) && said.lines().count() == 1, "{flags:?}: {said}");
    }
}

#[tokio::test]
async fn a_certificate_of_its_own_is_told_by_its_fingerprint_and_stays_with_the_rooms() {
    let state = TempFile::unused();
    let mut prints = Vec::new();
    for kept in [true, true, false] {
        let mut flags = vec!["--listen", "0.0.0.0:0", "--self-signed"];
        if kept {
            flags.extend(["--state", state.path()]);
        }
        let mut child = klatch(&flags).spawn().expect("runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut next =
            async || timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("text").expect("a line");
        assert!(next().await.starts_with("klatch listening on https://localhost:"));
        let mut line = next().await;
        // Where there is no network, there is no address on it.
        if let Some(url) = line.strip_prefix("klatch reachable on this network at https://") {
            assert!(!url.starts_with("0.0.0.0") && !url.starts_with("127."), "{url}");
            line = next().await;
        }
        let print = line.strip_prefix("klatch certified by SHA-256 fingerprint ").expect("the fingerprint");
        assert_eq!(print.len(), 32 * 3 - 1, "{print}");
        prints.push(print.to_owned());
        assert_eq!(stop(child, "-TERM").await.0, Some(0));
    }
    assert!(prints[0] == prints[1] && prints[1] != prints[2], "{prints:?}");
    state.remove_what_is_beside();
}

#[tokio::test]
async fn flags_can_come_from_the_environment() {
    let failed = timeout(PATIENCE, klatch(&[]).env("KLATCH_MAX_MEMBERS", "99").output()).await;
    let failed = failed.expect("it ends").expect("it runs");
    assert_eq!(failed.status.code(), Some(2));
}

#[tokio::test]
async fn a_variable_that_is_set_to_nothing_says_nothing() {
    let file = TempFile::with("listen = \"127.0.0.1:0\"\nmax-members = 3\n");
    let mut command = klatch(&["--config", file.path()]);
    for name in ["MAX_MEMBERS", "TURN", "TURN_PORTS", "STATE", "PUBLIC_URL", "LIMIT", "LISTEN", "CHECK", "ACME"] {
        command.env(format!("KLATCH_{name}"), "");
    }
    let (child, url) = serving(command).await;
    let client = Client::connect(&format!("{}/ws", url.replace("http", "ws"))).await;
    assert_eq!(client.hello.max_members, 3);
    let (status, log) = stop(child, "-TERM").await;
    assert!(status == Some(0) && !log.contains("says nothing to this program"), "{log}");
}

#[tokio::test]
async fn a_variable_that_no_flag_has_is_warned_of() {
    let mut command = klatch(&["--listen", "127.0.0.1:0"]);
    command.env("KLATCH_PUBLIC_URI", "https://meet.example");
    let (child, _) = serving(command).await;
    let (status, log) = stop(child, "-TERM").await;
    let warnings = log.lines().filter(|line| line.contains("says nothing to this program")).collect::<Vec<_>>();
    assert!(status == Some(0) && warnings.len() == 1, "{log}");
    assert!(warnings[0].contains("KLATCH_PUBLIC_URI says nothing to this program; did you mean KLATCH_PUBLIC_URL?"));
}

#[tokio::test]
async fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let file = TempFile::with("listen = \"127.0.0.1:0\"\nmax-members = 3\n");
    for (variable, flags, most) in [(None, &[][..], 3), (Some("4"), &[], 4), (Some("4"), &["--max-members", "5"], 5)] {
        let mut command = klatch(&[&["--config", file.path()], flags].concat());
        command.envs(variable.map(|value| ("KLATCH_MAX_MEMBERS", value)));
        let (child, url) = serving(command).await;
        let client = Client::connect(&format!("{}/ws", url.replace("http", "ws"))).await;
        assert_eq!(client.hello.max_members, most);
        assert_eq!(stop(child, "-TERM").await.0, Some(0));
    }
}

#[tokio::test]
async fn a_configuration_file_that_is_wrong_is_refused_in_one_line() {
    let (typo, other) =
        (TempFile::with("turn = true\nlisen = \"[::]:80\"\n"), TempFile::with("turn-ports = \"5-6\"\n"));
    for (path, reason) in [
        (typo.path(), format!("{}, line 2: unknown key `lisen`; did you mean `listen`?", typo.path())),
        ("/nowhere", "can't read the configuration file /nowhere: No such file or directory (os error 2)".into()),
        (
            other.path(),
            format!(
                "{}, line 1: `turn-ports` can't stand so: the following required arguments were not provided: --turn",
                other.path()
            ),
        ),
    ] {
        let failed = output(&["--config", path]).await;
        assert_eq!((failed.status.code(), failed.stdout.len()), (Some(2), 0), "{path}");
        assert_eq!(String::from_utf8(failed.stderr).expect("text"), format!("klatch: {reason}\n"));
    }
}

#[tokio::test]
async fn help_lists_every_flag_with_its_variable_and_every_limit_with_its_default() {
    let help = String::from_utf8(output(&["--help"]).await.stdout).expect("text");
    for text in [
        "--listen",
        "KLATCH_LISTEN",
        "[default: 127.0.0.1:8080]",
        "--public-url",
        "--allow-origin",
        "--trusted-proxy",
        "--imprint",
        "--privacy",
        "--room-ttl",
        "[default: 30m]",
        "--max-members",
        "[default: 12]",
        "--max-rooms",
        "[default: 10000]",
        "--limit",
        "--metrics-listen",
        "--check",
        "--print-client-hash",
        "--completions",
        "--config",
        "KLATCH_CONFIG",
        "--state",
        "KLATCH_STATE",
        "unkept-changes=",
        "--ice-server",
        "--ice-secret-file",
        "KLATCH_LOG_FORMAT",
        "connections=20000",
        "queue-bytes=",
        "--turn",
        "[default: [::]:3478]",
        "--turn-tls-listen",
        "--tls-cert",
        "--tls-key",
        "--self-signed",
        "--acme",
        "--acme-email",
        "--acme-directory",
        "--acme-ca",
        "--acme-cache",
        "--http-redirect",
        "KLATCH_HTTP_REDIRECT",
        "--turn-public-ip",
        "[default: 49152-65535]",
        "KLATCH_TURN_SECRET_FILE",
        "--turn-allow-peer",
        "--turn-realm",
        "turn-allocations=4000",
    ] {
        assert!(help.contains(text), "{text}");
    }
}
