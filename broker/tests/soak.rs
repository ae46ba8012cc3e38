//! A long busy evening: rooms are made, used and abandoned in every way, with hostile clients among them, and nothing
//! of it stays.

mod common;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use common::program::start;
use common::usage::{open_files, resident_kib, steady};
use common::{Client, PATIENCE, Room, Seat, TempFile, answer, candidate};
use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use klatch_shared::limits::MAX_FRAME_BYTES;
use klatch_shared::wire::{Event, Forget, Side, Verb};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

/// Rooms that are in use at once.
const TABLES: usize = 16;
/// Rooms and connections that the broker has places for. In the end all of them must be free again.
const PLACES: usize = 500;
/// What would keep out an evening of guests from one address.
const LIFTED: &str = "openings-per-address=1000000,joins-per-address=1000000";
/// Sockets that stay open without ever being read; some are evicted, some go by themselves.
const SILENT: usize = 64;

#[tokio::test]
#[ignore = "takes four minutes, or twice KLATCH_SOAK_MINUTES"]
async fn a_busy_evening_leaves_nothing_behind_whether_rooms_are_kept_or_not() {
    let file = TempFile::unused();
    for flags in [&[][..], &["--state", file.path()]] {
        busy_evening(flags).await;
    }
}

async fn busy_evening(more: &[&str]) {
    let places = PLACES.to_string();
    let limit = |name: &str| format!("{name}={PLACES}");
    let limits = [&limit("connections"), &limit("rooms-per-address"), LIFTED].join(",");
    let flags = ["--listen", "127.0.0.1:0", "--log", "error", "--room-ttl", "1s", "--max-rooms", &places];
    let (child, url) = start(&[&flags[..], &["--limit", &limits], more].concat()).await;
    let (process, url) = (child.id().expect("it runs"), url.replace("http", "ws"));
    let files = || open_files(process).expect("it runs");
    let idle = files();

    let (since, evening) = (Instant::now(), evening());
    let (mut resident, mut silent, mut rooms) = (Vec::new(), VecDeque::new(), Vec::new());
    while since.elapsed() < evening {
        let round = resident.len();
        rooms = join_all((round..round + TABLES).map(|turn| visit(&url, turn))).await;
        silent.push_back(Client::connect(&format!("{url}/ws")).await);
        if silent.len() > SILENT {
            silent.pop_front();
        }
        resident.push(resident_kib(process).expect("it runs"));
    }
    drop(silent);
    steady("KiB resident", &resident).expect("no growth");

    waits_for("all sockets to be closed", || files() == idle).await;
    let mut watcher = Client::connect(&format!("{url}/ws")).await;
    for room in &rooms {
        let since = Instant::now();
        while watcher.finds(room).await {
            assert!(since.elapsed() < PATIENCE, "a room outlives its time");
            sleep(Duration::from_millis(10)).await;
        }
    }
    drop(watcher);

    // Nobody is inside and nothing is held: all places are free.
    waits_for("the watcher to be gone", || files() == idle).await;
    let mut inside = Vec::new();
    for _ in 0..PLACES {
        let room = Room::new();
        let mut client = Client::connect(&format!("{url}/ws/{}", room.keys.id())).await;
        client.create(&room, &Seat::new(&room, "Ana")).await.expect("a place for a room");
        inside.push(client);
    }
    assert!(Client::try_connect(&format!("{url}/ws"), &[]).await.is_err(), "there are more places than there may be");
    drop(inside);
    waits_for("all sockets to be closed", || files() == idle).await;
}

/// How long it goes on.
fn evening() -> Duration {
    let minutes = std::env::var("KLATCH_SOAK_MINUTES").map_or(2.0, |text| text.parse().expect("minutes"));
    Duration::from_secs_f64(minutes * 60.0)
}

/// Three members come, talk and go, each time in another way; the room that they had is left to its fate.
async fn visit(url: &str, turn: usize) -> Room {
    let room = Room::new();
    let place = format!("{url}/ws/{}", room.keys.id());
    let [ana, ben, cleo] = ["Ana", "Ben", "Cleo"].map(|name| Seat::new(&room, name));
    let mut inside = Vec::new();
    for seat in [&ana, &ben, &cleo] {
        let mut client = Client::connect(&place).await;
        match inside.is_empty() {
            true => client.create(&room, seat).await.expect("a room"),
            false => client.join(&room, seat).await.expect("a seat"),
        };
        inside.push(client);
    }
    let [ana_client, ben_client, _] = &mut inside[..] else { unreachable!("three came") };
    ben_client.offer(&ana, 1).await.expect("passed on");
    ben_client.done(candidate(&ana, 1, Side::Offerer, 1)).await.expect("passed on");
    ana_client.done(answer(&ben, 1)).await.expect("passed on");
    ana_client.done(candidate(&ben, 1, Side::Answerer, 1)).await.expect("passed on");
    // This exchange has no end.
    ana_client.offer(&cleo, 1).await.expect("passed on");

    knock(url, turn).await;
    misbehave(&place, &room, turn).await;
    assert!(matches!(inside[2].event().await, Event::Offer { .. }), "what others do is none of theirs");
    go(inside, &place, &room, &ben, turn).await;
    room
}

async fn go(mut inside: Vec<Client>, place: &str, room: &Room, ben: &Seat, turn: usize) {
    match turn % 6 {
        0 => {
            for client in &mut inside {
                client.done(Verb::Leave).await.expect("left");
            }
        }
        1 => inside[0].done(Verb::End).await.expect("ended"),
        2 => {
            for client in &mut inside {
                client.done(Verb::Forget(Forget::default())).await.expect("forgotten");
            }
        }
        3 => {
            for client in &mut inside {
                client.socket.close(None).await.expect("open");
                while let Some(Ok(_)) = client.socket.next().await {}
            }
        }
        4 => {
            let mut again = Client::connect(place).await;
            again.come_back(room, &ben.reloaded()).await.expect("has a seat");
            assert_eq!(inside[1].close_code().await, 4001);
        }
        _ => inside.iter_mut().for_each(kill),
    }
}

/// As when a machine dies: no close, no FIN.
fn kill(client: &mut Client) {
    stream(client).set_zero_linger().expect("a socket");
}

fn stream(client: &mut Client) -> &mut TcpStream {
    let MaybeTlsStream::Plain(stream) = client.socket.get_mut() else { unreachable!("there is no TLS here") };
    stream
}

/// What comes to the door and never is a WebSocket.
const KNOCKS: &[&[u8]] = &[
    b"",
    b"GET /ws/",
    b"POST /ws HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\nx",
    b"GET /ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    // TLS.
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
];

async fn knock(url: &str, turn: usize) {
    let address = url.strip_prefix("ws://").expect("a URL");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let _ = stream.write_all(KNOCKS[turn % KNOCKS.len()]).await;
    if turn.is_multiple_of(2) {
        stream.set_zero_linger().expect("a socket");
    }
}

/// What ends a WebSocket: text that is none, an unmasked frame, a reserved bit, a ping that is too long, half a frame.
const BROKEN: &[&[u8]] = &[
    &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
    &[0x81, 0x02, b'h', b'i'],
    &[0xf1, 0x82, 0, 0, 0, 0, b'h', b'i'],
    &[0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0],
    &[0x81, 0xfe, 0xff],
];

/// Somebody who guesses, talks nonsense, does not read what is answered, and goes without a word.
async fn misbehave(place: &str, room: &Room, turn: usize) {
    let mut eve = Client::connect(place).await;
    let wrong = Room { keys: room.keys.clone(), ..Room::new() };
    eve.join(&wrong, &Seat::new(room, "Eve")).await.expect_err("a wrong invitation");
    let nonsense = match turn % 4 {
        0 => vec![Message::text("?"); 50],
        1 => vec![Message::binary(vec![0xff; 1000]), Message::text("x".repeat(MAX_FRAME_BYTES + 1))],
        2 => vec![Message::text(format!("{{\"id\":1,\"verb\":\"lock\",\"locked\":{}", "[".repeat(30_000)))],
        _ => vec![Message::Ping("?".into()); 100],
    };
    for message in nonsense {
        // It may be closed by now.
        let _ = eve.socket.send(message).await;
    }
    let _ = stream(&mut eve).write_all(BROKEN[turn % BROKEN.len()]).await;
    if turn.is_multiple_of(3) {
        kill(&mut eve);
    }
}

async fn waits_for(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
