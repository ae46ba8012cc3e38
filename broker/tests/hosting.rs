//! Host codes over real sockets: who opens rooms, and what becomes of those who guess.

mod common;

use common::http::get;
use common::program::{klatch, start};
use common::{Broker, Client, PATIENCE, Room, Seat, TempFile};
use klatch_shared::limits::MAX_HOST_CODE_BYTES;
use klatch_shared::wire::{Admitted, Create, RefusalCode, Verb};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

const CODE: &str = "correct horse battery";

async fn create(client: &mut Client, room: &Room, seat: &Seat, code: Option<&str>) -> Result<Admitted, RefusalCode> {
    let code = code.map(|code| code.parse().expect("a code"));
    let create = Create { code, ..client.create_request(room, seat) };
    client.ask(Verb::Create(create)).await
}

async fn tries(client: &mut Client, code: &str) -> Result<(), RefusalCode> {
    client.done(Verb::HostCode(code.parse().expect("a code"))).await
}

#[tokio::test]
async fn a_code_opens_rooms_and_everybody_comes_into_them() {
    let file = TempFile::with(&format!("# the family's\n{CODE}\n"));
    let broker = Broker::start(&["--host-code-file", file.path()]).await;
    let room = Room::new();
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut client = Client::connect(&broker.room_url(&room)).await;
    assert_eq!(client.hello.host_code, Some(true));
    assert_eq!(create(&mut client, &room, &ana, None).await.err(), Some(RefusalCode::HostCodeWanted));
    assert_eq!(create(&mut client, &room, &ana, Some("wrong horse")).await.err(), Some(RefusalCode::HostCodeWrong));
    create(&mut client, &room, &ana, Some(CODE)).await.expect("a room");
    let _ben = Client::joining(&broker, &room, &ben).await;
}

#[tokio::test]
async fn where_there_are_none_nothing_is_said_of_them_and_any_will_do() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let mut client = Client::connect(&broker.room_url(&room)).await;
    assert_eq!(client.hello.host_code, None);
    assert_eq!(tries(&mut client, "any code").await, Ok(()));
    create(&mut client, &room, &Seat::new(&room, "Ana"), Some("any code")).await.expect("a room");
}

#[tokio::test]
async fn a_code_is_tried_where_nothing_but_looking_is_done() {
    let file = TempFile::with(CODE);
    let broker = Broker::start(&["--host-code-file", file.path()]).await;
    let mut client = Client::connect(&format!("ws://{}/ws", broker.address())).await;
    assert_eq!(tries(&mut client, "wrong horse").await, Err(RefusalCode::HostCodeWrong));
    assert_eq!(tries(&mut client, CODE).await, Ok(()));
}

#[tokio::test]
async fn who_guesses_at_speed_is_looked_at_no_more_and_locks_nobody_out_of_rooms() {
    let file = TempFile::with(CODE);
    let limit = "failures-per-address=5";
    let broker = Broker::start(&["--host-code-file", file.path(), "--limit", limit]).await;
    let (room, url) = (Room::new(), format!("ws://{}/ws", broker.address()));
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::connect(&broker.room_url(&room)).await;
    create(&mut ana_client, &room, &ana, Some(CODE)).await.expect("a room");
    let mut guesser = Client::connect(&url).await;
    for guess in 0..5 {
        assert_eq!(tries(&mut guesser, &format!("guess {guess}")).await, Err(RefusalCode::HostCodeWrong));
    }
    // The right one too, and from a connection of its own: else one more connection were one more guess.
    for code in ["guess 6", CODE] {
        assert_eq!(tries(&mut guesser, code).await, Err(RefusalCode::TooManyFailures));
        assert_eq!(guesser.close_code().await, 4005);
        guesser = Client::connect(&url).await;
    }
    let _ben = Client::joining(&broker, &room, &ben).await;
    ana_client.done(Verb::Ping).await.expect("whoever is inside stays");
}

#[tokio::test]
async fn what_is_no_code_is_malformed_and_no_guess() {
    let file = TempFile::with(CODE);
    let broker = Broker::start(&["--host-code-file", file.path(), "--limit", "failures-per-address=1"]).await;
    let mut client = Client::connect(&format!("ws://{}/ws", broker.address())).await;
    let long = "a".repeat(MAX_HOST_CODE_BYTES + 1);
    let longer = "a".repeat(60_000);
    for code in [&*long, &longer, "", "  ", "a\\u0000b", "a\\nb"] {
        client.send(format!(r#"{{"id":1,"verb":"host-code","code":"{code}"}}"#)).await;
        assert_eq!(client.reply().await.1.expect_err("no code").code, RefusalCode::BadRequest);
    }
    for code in ["7", "null", "[]"] {
        client.send(format!(r#"{{"id":1,"verb":"host-code","code":{code}}}"#)).await;
        assert_eq!(client.reply().await.1.expect_err("no code").code, RefusalCode::BadRequest);
    }
    assert_eq!(tries(&mut client, CODE).await, Ok(()));
}

#[tokio::test]
async fn codes_are_counted_by_how_they_are_refused() {
    let file = TempFile::with(CODE);
    let broker = Broker::start(&["--host-code-file", file.path(), "--metrics-listen", "127.0.0.1:0"]).await;
    let mut client = Client::connect(&format!("ws://{}/ws", broker.address())).await;
    for code in ["guess number one", "guess number two", CODE] {
        let _ = tries(&mut client, code).await;
    }
    let answer = get(broker.server.measured_at[0], "/metrics", &[]).await;
    let metrics = answer.text();
    assert!(metrics.contains("klatch_refusals_total{code=\"host-code-wrong\"} 2\n"), "{metrics}");
    assert!(metrics.contains("klatch_refusals_total{code=\"host-code-wanted\"} 0\n"), "{metrics}");
    assert!(!metrics.contains("guess number") && !metrics.contains(CODE), "{metrics}");
}

#[tokio::test]
async fn no_code_is_logged_however_much_is() {
    let file = TempFile::with(CODE);
    let flags = ["--listen", "127.0.0.1:0", "--host-code-file", file.path(), "--log", "trace"];
    let (mut child, url) = start(&flags).await;
    let room = Room::new();
    let mut client = Client::connect(&format!("{}/ws/{}", url.replace("http", "ws"), room.keys.id())).await;
    assert_eq!(tries(&mut client, "guess number one").await, Err(RefusalCode::HostCodeWrong));
    let seat = Seat::new(&room, "Ana");
    assert!(create(&mut client, &room, &seat, Some("guess number two")).await.is_err());
    create(&mut client, &room, &seat, Some(CODE)).await.expect("a room");
    child.start_kill().expect("it runs");
    let mut log = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut log).await.expect("text");
    assert!(log.contains("refused"), "it is to be looked for where something is: {log}");
    assert!(!log.contains("guess number") && !log.contains(CODE), "{log}");
}

/// What it logs until it serves, with these flags and a relay.
async fn log_with_relay(flags: &[&str]) -> String {
    let relaying = ["--listen", "127.0.0.1:0", "--turn", "--turn-listen", "127.0.0.1:0"];
    let (mut child, _) = start(&[&relaying, flags].concat()).await;
    child.start_kill().expect("it runs");
    let mut log = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut log).await.expect("text");
    log
}

#[tokio::test]
async fn a_relay_that_strangers_may_use_is_told_of() {
    let file = TempFile::with(CODE);
    let public = ["--public-url", "https://klatch.example"];
    for (flags, is_told) in [
        (&public[..], true),
        (&[], false),
        (&["--public-url", "https://klatch.example", "--host-code-file", file.path()], false),
    ] {
        let log = log_with_relay(flags).await;
        assert_eq!(log.contains("--host-code-file keeps that for those who have a code"), is_told, "{log}");
    }
}

#[tokio::test]
async fn a_file_without_codes_ends_it_in_a_sentence_and_a_check_says_the_same() {
    let (bad, good) = (TempFile::with("# none\n\nshort\n"), TempFile::with(CODE));
    let reason = format!("klatch: line 3 of the file of host codes {}: a code has at least 8 characters", bad.path());
    for check in [&["--listen", "127.0.0.1:0"][..], &["--listen", "127.0.0.1:0", "--check"]] {
        let mut command = klatch(&[check, &["--host-code-file", bad.path()]].concat());
        let failed = timeout(PATIENCE, command.output()).await.expect("it ends").expect("it runs");
        let said = String::from_utf8(failed.stderr).expect("text");
        assert!(said.starts_with(&reason) && said.lines().count() == 1 && !failed.status.success(), "{said}");
    }
    let config = TempFile::with(&format!("listen = [\"127.0.0.1:0\"]\nhost-code-file = \"{}\"\n", good.path()));
    let mut command = klatch(&["--check", "--config", config.path()]);
    let checked = timeout(PATIENCE, command.output()).await.expect("it ends").expect("it runs");
    let said = String::from_utf8(checked.stdout).expect("text");
    assert!(said.contains(&format!("well: 1 host codes can be read from {}\n", good.path())), "{said}");
}
