//! Frames that nobody should send: each is answered or the socket closed with a reason, and the others notice nothing.

mod common;

use common::{Broker, Client, PATIENCE, Room, Seat, body};
use futures_util::{SinkExt as _, StreamExt as _};
use klatch_shared::limits::MAX_FRAME_BYTES;
use klatch_shared::wire::{Admission, Create, Event, Forget, Join, Offer, RefusalCode, Request, Verb};
use klatch_shared::{ExchangeId, InviteToken, MemberId, Nonce, ProofLabel, SeatToken};
use std::time::Instant;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

/// A room with Ana, who must not be disturbed, and Eve.
struct Scene {
    broker: Broker,
    room: Room,
    ana: Seat,
    ana_client: Client,
    eve: Seat,
    eve_client: Client,
}

impl Scene {
    async fn set(flags: &[&str]) -> Self {
        let (broker, room) = (Broker::start(flags).await, Room::new());
        let (ana, eve) = (Seat::new(&room, "Ana"), Seat::new(&room, "Eve"));
        let mut ana_client = Client::creating(&broker, &room, &ana).await;
        let eve_client = Client::joining(&broker, &room, &eve).await;
        assert!(matches!(ana_client.event().await, Event::Joined(_)));
        Self { broker, room, ana, ana_client, eve, eve_client }
    }

    /// Eve is gone for the others, and that is all that they notice.
    async fn only_eve_is_gone(mut self) {
        assert_eq!(self.ana_client.event().await, Event::Away { member: self.eve.member });
        assert!(self.ana_client.is_undisturbed().await);
        let mut again = Client::connect(&self.broker.room_url(&self.room)).await;
        again.come_back(&self.room, &self.eve).await.expect("may come back");
    }
}

fn code(answered: (Option<i64>, Result<String, klatch_shared::wire::Refusal>)) -> (Option<i64>, RefusalCode) {
    (answered.0, answered.1.expect_err("a refusal").code)
}

#[tokio::test]
async fn each_unreadable_frame_is_answered_once() {
    let mut scene = Scene::set(&[]).await;
    let eve = &mut scene.eve_client;
    for (frame, id, wanted) in [
        ("", None, RefusalCode::BadFrame),
        ("{\"id\":1,\"verb\":\"pi", None, RefusalCode::BadFrame),
        ("[1,2,3]", None, RefusalCode::BadFrame),
        ("[5,\"ping\"]", None, RefusalCode::BadFrame),
        ("{\"verb\":\"ping\"}", None, RefusalCode::BadFrame),
        ("{\"id\":\"1\",\"verb\":\"ping\"}", None, RefusalCode::BadFrame),
        ("{\"id\":5}", Some(5), RefusalCode::BadFrame),
        ("{\"id\":6,\"verb\":\"dance\"}", Some(6), RefusalCode::UnknownVerb),
        ("{\"id\":7,\"verb\":\"lock\",\"locked\":\"yes\"}", Some(7), RefusalCode::BadRequest),
        ("{\"id\":8,\"verb\":\"offer\",\"to\":1,\"exchange\":-1,\"body\":[]}", Some(8), RefusalCode::BadRequest),
        ("{\"id\":9,\"verb\":\"join\"}", Some(9), RefusalCode::BadRequest),
    ] {
        eve.send(frame).await;
        assert_eq!(code(eve.reply().await), (id, wanted), "{frame}");
    }
    eve.socket.send(Message::binary(vec![0, 1, 2, 255])).await.expect("open");
    assert_eq!(code(eve.reply().await), (None, RefusalCode::BadFrame));
    let deep = "[".repeat(30_000);
    eve.send(format!("{{\"id\":1,\"verb\":\"lock\",\"locked\":{deep}")).await;
    assert!(matches!(code(eve.reply().await), (_, RefusalCode::BadFrame | RefusalCode::BadRequest)));
    assert!(eve.is_undisturbed().await, "one answer each");
    assert!(scene.ana_client.is_undisturbed().await);
}

#[tokio::test]
async fn who_sends_nothing_readable_is_closed() {
    let mut scene = Scene::set(&["--limit", "unreadable-frames=5"]).await;
    let eve = &mut scene.eve_client;
    for _ in 0..4 {
        eve.send("?").await;
        assert_eq!(code(eve.reply().await), (None, RefusalCode::BadFrame));
    }
    eve.done(Verb::Ping).await.expect("one readable frame, and the count begins anew");
    for _ in 0..5 {
        eve.send("?").await;
    }
    assert_eq!(eve.close_code().await, 4005);
    scene.only_eve_is_gone().await;
}

#[tokio::test]
async fn a_frame_may_be_as_large_as_it_may_and_no_larger() {
    let mut scene = Scene::set(&[]).await;
    let padding = |size: usize| {
        let frame = "{\"id\":1,\"verb\":\"ping\",\"x\":\"\"}";
        frame.replace("\"\"", &format!("\"{}\"", "x".repeat(size - frame.len())))
    };
    scene.eve_client.send(padding(MAX_FRAME_BYTES)).await;
    assert!(matches!(scene.eve_client.reply().await, (Some(1), Ok(_))));
    scene.eve_client.send(padding(MAX_FRAME_BYTES + 1)).await;
    assert_eq!(scene.eve_client.close_code().await, 1009);
    scene.only_eve_is_gone().await;
}

#[tokio::test]
async fn many_small_pieces_do_not_make_a_larger_frame() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let mut scene = Scene::set(&[]).await;
    for piece in 0..70 {
        let code = if piece == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(vec![b'x'; 1000], OpCode::Data(code), false);
        if scene.eve_client.socket.send(Message::Frame(frame)).await.is_err() {
            break;
        }
    }
    assert_eq!(scene.eve_client.close_code().await, 1009);
    scene.only_eve_is_gone().await;
}

#[tokio::test]
async fn what_is_not_utf8_or_no_websocket_closes_with_the_reason() {
    for (bytes, code) in [
        // A masked frame of text with the byte 0xff in it; one that is not masked; one with a reserved bit.
        (&[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe][..], 1007),
        (&[0x81, 0x02, b'h', b'i'][..], 1002),
        (&[0xf1, 0x82, 0, 0, 0, 0, b'h', b'i'][..], 1002),
        (&[0x8b, 0x80, 0, 0, 0, 0][..], 1002),
    ] {
        let mut scene = Scene::set(&[]).await;
        let MaybeTlsStream::Plain(stream) = scene.eve_client.socket.get_mut() else { panic!("plain") };
        stream.write_all(bytes).await.expect("open");
        assert_eq!(scene.eve_client.close_code().await, code, "{bytes:x?}");
        scene.only_eve_is_gone().await;
    }
}

#[tokio::test]
async fn half_a_frame_and_then_nothing_leaves_the_seat_away() {
    let mut scene = Scene::set(&[]).await;
    let MaybeTlsStream::Plain(stream) = scene.eve_client.socket.get_mut() else { panic!("plain") };
    stream.write_all(&[0x81, 0xfe, 0xff]).await.expect("open");
    stream.shutdown().await.expect("open");
    scene.only_eve_is_gone().await;
}

#[tokio::test]
async fn a_flood_is_refused_frame_by_frame_and_then_closed() {
    let flags = ["--limit", "frame-burst=71", "--limit", "frames-per-second=1", "--limit", "excess-frames=10"];
    let mut scene = Scene::set(&flags).await;
    let ping = |id| Request { id, verb: Verb::Ping }.to_frame();
    let mut refused = 0;
    for id in 0..25 {
        scene.eve_client.send(ping(id)).await;
        match scene.eve_client.reply().await {
            (answered, Ok(_)) => assert_eq!(answered, Some(id)),
            (answered, Err(refusal)) => {
                assert_eq!((answered, refusal.code), (Some(id), RefusalCode::TooFast));
                refused += 1;
            }
        }
    }
    assert!(refused >= 4, "{refused}");
    for id in 25..60 {
        if scene.eve_client.socket.send(Message::text(ping(id))).await.is_err() {
            break;
        }
    }
    assert_eq!(scene.eve_client.close_code().await, 4005);
    scene.only_eve_is_gone().await;
}

#[tokio::test]
async fn a_flood_of_pings_is_closed_too() {
    let flags = ["--limit", "frame-burst=71", "--limit", "frames-per-second=1", "--limit", "excess-frames=10"];
    let mut scene = Scene::set(&flags).await;
    for _ in 0..100 {
        if scene.eve_client.socket.send(Message::Ping("flood".into())).await.is_err() {
            break;
        }
    }
    assert_eq!(scene.eve_client.close_code().await, 4005);
    scene.only_eve_is_gone().await;
}

#[tokio::test]
async fn whoever_sends_more_than_another_reads_is_refused_and_the_slow_one_stays() {
    let mut flags = vec!["--limit", "queue-bytes=131072", "--limit", "frame-burst=1000000"];
    flags.extend(["--limit", "queue-frames=64"]);
    let mut scene = Scene::set(&flags).await;
    let large = "A".repeat(48 * 1024).parse::<klatch_shared::Sealed>().expect("base64url");
    let (since, mut refused) = (Instant::now(), ExchangeId(0));
    for exchange in 1.. {
        let offer = Offer { to: scene.eve.member, exchange: ExchangeId(exchange), body: large.clone() };
        match scene.ana_client.done(Verb::Offer(offer)).await {
            Ok(()) => assert!(since.elapsed() < PATIENCE, "the queue has no bound"),
            Err(code) => {
                assert_eq!(code, RefusalCode::TooFast);
                refused = ExchangeId(exchange);
                break;
            }
        }
    }
    let held = held_by_the_system(&scene.eve_client);
    assert!((1..=256 * 1024).contains(&held), "the system holds {held} bytes for who does not read");
    // What was let through comes, and what was refused may be sent again.
    for wanted in 1..refused.0 {
        let Event::Offer { exchange, .. } = scene.eve_client.event().await else { panic!("no offer") };
        assert_eq!(exchange, ExchangeId(wanted));
    }
    let again = Offer { to: scene.eve.member, exchange: refused, body: large };
    scene.ana_client.done(Verb::Offer(again)).await.expect("there is room");
    assert!(matches!(scene.eve_client.event().await, Event::Offer { exchange, .. } if exchange == refused));
    assert!(scene.eve_client.is_undisturbed().await && scene.ana_client.is_undisturbed().await);
}

/// Bytes that the broker has sent to a client's socket, and that have not arrived there.
fn held_by_the_system(client: &Client) -> u32 {
    let MaybeTlsStream::Plain(stream) = client.socket.get_ref() else { unreachable!("there is no TLS here") };
    let port = |address: std::io::Result<std::net::SocketAddr>| format!(":{:04X}", address.expect("connected").port());
    let (here, there) = (port(stream.local_addr()), port(stream.peer_addr()));
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.rfind(|row| row[1].ends_with(&there) && row[2].ends_with(&here)).expect("a connection");
    u32::from_str_radix(row[4].split(':').next().expect("two queues"), 16).expect("hexadecimal")
}

#[tokio::test]
async fn forged_proofs_are_refused() {
    let broker = Broker::start(&[]).await;
    let room = Room::new();
    let seat = Seat::new(&room, "Ana");
    let mut client = Client::connect(&broker.room_url(&room)).await;
    let create = client.create_request(&room, &seat);
    let other_room = Room::new();
    let proof = |room: &Room, label, nonce: &Nonce, member: &MemberId| room.keys.prove(label, nonce, member);
    let nonce = client.hello.nonce;
    for (forged, what) in [
        (proof(&room, ProofLabel::Create, &Nonce::random(), &seat.member), "another socket's"),
        (proof(&room, ProofLabel::Join, &nonce, &seat.member), "for something else"),
        (proof(&room, ProofLabel::Create, &nonce, &MemberId::random()), "another member's"),
        (proof(&other_room, ProofLabel::Create, &nonce, &seat.member), "another room's"),
    ] {
        let forged = Create { proof: forged, ..create.clone() };
        assert_eq!(client.done(Verb::Create(forged)).await, Err(RefusalCode::BadProof), "{what}");
    }
    let squatting = Create {
        key: other_room.keys.public(),
        proof: proof(&other_room, ProofLabel::Create, &nonce, &seat.member),
        ..create
    };
    assert_eq!(client.done(Verb::Create(squatting)).await, Err(RefusalCode::BadProof));
    client.create(&room, &seat).await.expect("the true one holds");

    let mut eve = Client::connect(&broker.room_url(&room)).await;
    let ben = Seat::new(&room, "Ben");
    let admission = Admission::Invite { token: room.invite.clone(), seat: ben.token.hash() };
    let join = eve.join_request(&room, &ben, admission);
    let replayed = Join { proof: proof(&room, ProofLabel::Join, &nonce, &ben.member), ..join };
    assert_eq!(eve.done(Verb::Join(replayed)).await, Err(RefusalCode::BadProof), "made for another socket");
}

#[tokio::test]
async fn forged_tokens_and_ids_are_refused() {
    let scene = Scene::set(&[]).await;
    let mut mallory = Client::connect(&scene.broker.room_url(&scene.room)).await;
    let seat = Seat::new(&scene.room, "Mallory");
    let invite = Admission::Invite { token: InviteToken::random(), seat: seat.token.hash() };
    let join = mallory.join_request(&scene.room, &seat, invite);
    assert_eq!(mallory.done(Verb::Join(join)).await, Err(RefusalCode::BadInvitation));

    let as_ana = Seat { member: scene.ana.member, ..seat.clone() };
    let token = Admission::Seat { token: SeatToken::random() };
    let join = mallory.join_request(&scene.room, &as_ana, token);
    assert_eq!(mallory.done(Verb::Join(join)).await, Err(RefusalCode::UnknownSeat));
    assert_eq!(mallory.join(&scene.room, &as_ana).await, Err(RefusalCode::MemberTaken));
    assert_eq!(mallory.offer(&scene.ana, 1).await, Err(RefusalCode::NotJoined));
    let offer = Offer { to: seat.member, exchange: ExchangeId(1), body: body() };
    assert_eq!(mallory.done(Verb::Offer(offer)).await, Err(RefusalCode::NotJoined));
    for verb in [Verb::Leave, Verb::Forget(Forget::default()), Verb::End] {
        assert_eq!(mallory.done(verb).await, Err(RefusalCode::NotJoined));
    }
}

#[tokio::test]
async fn who_guesses_too_often_has_one_guess_a_socket_and_locks_nobody_out() {
    let broker = Broker::start(&["--limit", "failures-per-address=3"]).await;
    let room = Room::new();
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let ben_client = Client::joining(&broker, &room, &ben).await;
    assert!(matches!(ana_client.event().await, Event::Joined(_)));
    let guess = Room { keys: room.keys.clone(), ..Room::new() };
    let mut eve = Client::connect(&broker.room_url(&room)).await;
    for _ in 0..3 {
        assert_eq!(eve.join(&guess, &Seat::new(&room, "Eve")).await, Err(RefusalCode::BadInvitation));
    }
    assert_eq!(eve.join(&guess, &Seat::new(&room, "Eve")).await, Err(RefusalCode::TooManyFailures));
    assert_eq!(eve.close_code().await, 4005);

    let mut forger = Client::connect(&broker.room_url(&room)).await;
    let create = forger.create_request(&room, &Seat::new(&room, "Eve"));
    let forged = Create { proof: Room::new().keys.prove(ProofLabel::Create, &Nonce::random(), &ana.member), ..create };
    assert_eq!(forger.done(Verb::Create(forged)).await, Err(RefusalCode::TooManyFailures));
    assert_eq!(forger.close_code().await, 4005);

    // The same address: the same household.
    drop(ben_client);
    let mut ben_client = Client::connect(&broker.room_url(&room)).await;
    ben_client.come_back(&room, &ben).await.expect("has a seat");
    let _cleo = Client::joining(&broker, &room, &Seat::new(&room, "Cleo")).await;
    let elsewhere = Room::new();
    let _dee = Client::creating(&broker, &elsewhere, &Seat::new(&elsewhere, "Dee")).await;
    ana_client.done(Verb::Ping).await.expect("whoever is inside stays");
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let broker = Broker::start(&["--limit", "connections-per-address=3"]).await;
    let url = broker.room_url(&Room::new());
    let mut inside = Vec::new();
    for _ in 0..3 {
        inside.push(Client::connect(&url).await);
    }
    assert!(Client::try_connect(&url, &[]).await.is_err());
    drop(inside);
    let since = Instant::now();
    while Client::try_connect(&url, &[]).await.is_err() {
        assert!(since.elapsed() < PATIENCE, "places are not given back");
    }
}

#[tokio::test]
async fn a_socket_that_only_listens_gets_nothing() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let mut watcher = Client::connect(&broker.room_url(&room)).await;
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let _ben_client = Client::joining(&broker, &room, &ben).await;
    ana_client.offer(&ben, 1).await.expect("passed on");
    assert!(watcher.is_undisturbed().await);
    watcher.socket.close(None).await.expect("open");
    while let Some(Ok(_)) = watcher.socket.next().await {}
}
