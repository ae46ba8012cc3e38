//! A socket in virtual time, over a pipe instead of a network.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use klatch_shared::wire::{Create, Event, Request, ServerFrame, Verb};
use klatch_shared::{InviteToken, MemberId, ProofLabel, RoomId, RoomKey, RoomKeys, SeatToken, SessionNonce};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::*;
use crate::ice::Servers;
use crate::limits::Limits;
use crate::rooms::{ConnectionId, Policy, Revival};
use crate::state::State;
use crate::state::commits::Ticket;
use crate::switchboard::{Switchboard, Welcome};

/// The other end of a served socket, its line's outbox, and how often the socket was moved.
struct Pipe {
    page: WebSocketStream<DuplexStream>,
    outbox: outbox::Outbox,
    moves: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

/// A pipe's end that counts how often it is moved.
struct Movable(DuplexStream, Arc<AtomicUsize>);

impl Portable for Movable {
    fn settle(&mut self) -> io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl AsyncRead for Movable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Movable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

async fn open(limits: Limits, size: usize) -> Pipe {
    open_at(None, limits, size).await
}

async fn open_at(place: Option<RoomId>, limits: Limits, size: usize) -> Pipe {
    let policy = Policy { max_members: 3, max_rooms: 3, room_ttl: 1000, revival: Revival::default() };
    let state = State::fleeting(policy, &limits);
    let switchboard = Arc::new(Switchboard::new(state, limits, Welcome::default(), Servers::default()));
    let line = switchboard.connect(place, std::net::IpAddr::from([192, 0, 2, 1]).into());
    let (ours, theirs) = tokio::io::duplex(size);
    let (outbox, moves) = (line.outbox.clone(), Arc::<AtomicUsize>::default());
    let ours = Movable(ours, Arc::clone(&moves));
    let serving = tokio::spawn(async move { serve(ours, Vec::new(), line, Quarters::in_one(), ()).await });
    let page = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    Pipe { page, outbox, moves, serving }
}

impl Pipe {
    async fn next(&mut self) -> Message {
        self.page.next().await.expect("open").expect("a message")
    }

    /// Asks, and waits for the answer.
    async fn ask(&mut self, frame: String) -> Message {
        self.page.send(Message::text(frame)).await.expect("open");
        loop {
            let message = self.next().await;
            if message.is_text() {
                return message;
            }
        }
    }

    async fn is_answered(&mut self) {
        assert_eq!(self.ask("{\"id\":1,\"verb\":\"ping\"}".into()).await, Message::text("{\"id\":1,\"ok\":{}}"));
    }

    fn moves(&self) -> usize {
        self.moves.load(Ordering::Relaxed)
    }

    async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(Some(frame)) = self.next().await {
                return frame.code.into();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_socket_is_pinged_and_lives_as_long_as_it_answers() {
    let start = Instant::now();
    let mut pipe = open(Limits::default(), 4096).await;
    let hello = pipe.next().await;
    assert!(matches!(ServerFrame::parse(hello.to_text().expect("text")), ServerFrame::Event(Event::Hello(_))));
    for count in 1..=30 {
        assert!(matches!(pipe.next().await, Message::Ping(_)));
        assert_eq!(start.elapsed().as_secs(), count * 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_pinged_and_answered_while_what_it_is_told_waits_for_a_commit() {
    let mut pipe = open(Limits::default(), 4096).await;
    let _hello = pipe.next().await;
    pipe.outbox.push_answer(Some(7), Ticket::NONE.next(), outbox::text_frame("late".into()));
    pipe.is_answered().await;
    assert!(matches!(pipe.next().await, Message::Ping(_)));
}

#[tokio::test(start_paused = true)]
async fn a_silent_socket_is_closed_after_its_time() {
    let start = Instant::now();
    let mut pipe = open(Limits::default(), 4096).await;
    // Nothing is answered while nothing is read.
    tokio::time::sleep(Duration::from_millis(25_001)).await;
    assert_eq!(pipe.close_code().await, 4003);
    assert_eq!(start.elapsed().as_secs(), 25);
    while pipe.page.next().await.is_some() {}
    pipe.serving.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn whoever_closes_is_answered_with_the_same_code() {
    let mut pipe = open(Limits::default(), 4096).await;
    let _hello = pipe.next().await;
    let frame = CloseFrame { code: 3000.into(), reason: Utf8Bytes::default() };
    pipe.page.close(Some(frame)).await.expect("open");
    assert_eq!(pipe.close_code().await, 3000);
}

#[tokio::test(start_paused = true)]
async fn a_silent_socket_that_takes_nothing_either_ends_all_the_same() {
    let pipe = open(Limits::default(), 16).await;
    pipe.outbox.push(outbox::text_frame("x".repeat(1000)));
    timeout(Duration::from_secs(40), pipe.serving).await.expect("it is not waited for").expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_closed_as_too_slow_at_once_and_not_waited_for() {
    let limits = Limits { queue_frames: 8, ..Limits::default() };
    let mut pipe = open(limits, 600).await;
    let _hello = pipe.next().await;
    let push = |count| (0..count).for_each(|_| pipe.outbox.push(outbox::text_frame("x".repeat(100))));
    // Five and a half of these fill the pipe; the rest of the eight have left the queue for the socket's own buffer.
    push(8);
    tokio::time::sleep(Duration::from_millis(1)).await;
    push(8);
    push(1);
    let start = Instant::now();
    // What was half sent is sent whole, and then the reason.
    for _ in 0..8 {
        assert_eq!(pipe.next().await, Message::text("x".repeat(100)));
    }
    assert!(matches!(pipe.next().await, Message::Close(Some(frame)) if u16::from(frame.code) == 4004));
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_sent_more_than_it_takes_lives_as_long_as_it_takes_something() {
    let mut pipe = open(Limits::default(), 600).await;
    let _hello = pipe.next().await;
    let (outbox, start) = (pipe.outbox.clone(), Instant::now());
    while start.elapsed() < Duration::from_secs(120) {
        // As much as there is room for, always: no pong ever comes in time.
        while outbox.takes(ConnectionId(9), 4000) {
            outbox.push_signal(ConnectionId(9), outbox::text_frame("x".repeat(4000)));
        }
        let (Message::Text(_) | Message::Ping(_)) = pipe.next().await else { panic!("closed") };
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_sent_more_than_it_takes_is_still_answered() {
    let mut pipe = open(Limits::default(), 600).await;
    let _hello = pipe.next().await;
    let outbox = pipe.outbox.clone();
    let fill = move || {
        while outbox.takes(ConnectionId(9), 4000) {
            outbox.push_signal(ConnectionId(9), outbox::text_frame("x".repeat(4000)));
        }
    };
    fill();
    tokio::time::sleep(Duration::from_millis(1)).await;
    pipe.page.send(Message::text("{\"id\":1,\"verb\":\"ping\"}")).await.expect("open");
    for _ in 0..100 {
        if pipe.next().await == Message::text("{\"id\":1,\"ok\":{}}") {
            return;
        }
        fill();
    }
    panic!("not answered");
}

#[tokio::test(start_paused = true)]
async fn what_was_queued_before_closing_is_sent_first_and_nothing_after() {
    let mut pipe = open(Limits::default(), 256).await;
    for count in 0..100 {
        pipe.outbox.push(outbox::text_frame(format!("{count}")));
    }
    pipe.outbox.close(CloseCode::Ended);
    pipe.outbox.push(outbox::text_frame("late".into()));
    pipe.outbox.close(CloseCode::Restarting);
    let _hello = pipe.next().await;
    for count in 0..100 {
        assert_eq!(pipe.next().await, Message::text(format!("{count}")));
    }
    assert_eq!(pipe.close_code().await, 4002);
}

#[tokio::test(start_paused = true)]
async fn frames_of_every_length_arrive_as_they_were() {
    for size in [256, 100_000] {
        let mut pipe = open(Limits::default(), size).await;
        let _hello = pipe.next().await;
        for length in [0, 1, 125, 126, 127, 2048, 65_535, 65_536, 70_000] {
            let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
            pipe.outbox.push(outbox::text_frame(text.clone()));
            assert_eq!(pipe.next().await, Message::text(text));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_is_answered_and_the_connection_ended() {
    let mut pipe = open(Limits::default(), 4096).await;
    pipe.page.close(None).await.expect("open");
    while pipe.page.next().await.is_some_and(|message| message.is_ok()) {}
    assert_eq!(pipe.page.get_mut().read(&mut [0; 16]).await.expect("an end"), 0);
    pipe.serving.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_together_are_all_answered_in_order() {
    let mut pipe = open(Limits::default(), 1 << 20).await;
    let _hello = pipe.next().await;
    for id in 0..100 {
        pipe.page.feed(Message::text(format!("{{\"id\":{id},\"verb\":\"ping\"}}"))).await.expect("open");
    }
    pipe.page.flush().await.expect("open");
    for id in 0..100 {
        assert_eq!(pipe.next().await, Message::text(format!("{{\"id\":{id},\"ok\":{{}}}}")));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_readable_is_answered_before_what_was_not_closes() {
    let mut pipe = open(Limits::default(), 1 << 20).await;
    let _hello = pipe.next().await;
    pipe.page.feed(Message::text("{\"id\":1,\"verb\":\"ping\"}")).await.expect("open");
    pipe.page.feed(Message::text("x".repeat(70_000))).await.expect("open");
    pipe.page.flush().await.expect("open");
    assert_eq!(pipe.next().await, Message::text("{\"id\":1,\"ok\":{}}"));
    assert_eq!(pipe.close_code().await, 1009);
}

#[tokio::test(start_paused = true)]
async fn many_bytes_that_make_no_message_are_too_many() {
    let mut pipe = open(Limits::default(), 4096).await;
    let _hello = pipe.next().await;
    let (mut reading, mut writing) = tokio::io::split(pipe.page.into_inner());
    // An empty first part, and then only more of these: the message never grows.
    let pieces = std::iter::once(0x01).chain(std::iter::repeat_n(0x00, 30_000));
    let frames: Vec<u8> = pieces.flat_map(|first| [first, 0x80, 0, 0, 0, 0]).collect();
    let sending = tokio::spawn(async move { writing.write_all(&frames).await });
    let mut answer = Vec::new();
    reading.read_to_end(&mut answer).await.expect("an end");
    assert_eq!(answer[..4], [0x88, answer[1], 0x03, 0xf1], "closed with 1009");
    sending.await.expect("no panic").expect("taken, and thrown away");
}

#[tokio::test(start_paused = true)]
async fn who_says_much_at_once_keeps_nobody_waiting_for_all_of_it() {
    let (mut loud, mut other) = (open(Limits::default(), 1 << 20).await, open(Limits::default(), 4096).await);
    let (_hello, _other_hello) = (loud.next().await, other.next().await);
    for id in 0..1900 {
        loud.page.feed(Message::text(format!("{{\"id\":{id},\"verb\":\"ping\"}}"))).await.expect("open");
    }
    loud.page.flush().await.expect("open");
    other.is_answered().await;
    let answered = std::iter::from_fn(|| loud.page.next().now_or_never()).count();
    assert!(answered < 600, "{answered} came first");
}

#[tokio::test(start_paused = true)]
async fn a_member_who_is_calm_has_a_place_apart_for_as_long() {
    let (keys, member) = (RoomKeys::derive(&RoomKey::random()), MemberId::random());
    let mut pipe = open_at(Some(keys.id()), Limits::default(), 1 << 20).await;
    let hello = pipe.next().await;
    let ServerFrame::Event(Event::Hello(hello)) = ServerFrame::parse(hello.to_text().expect("text")) else { panic!() };
    let create = Verb::Create(Create {
        member,
        key: keys.public(),
        proof: keys.prove(ProofLabel::Create, &hello.nonce, &member),
        seat: SeatToken::random().hash(),
        invite: InviteToken::random().hash(),
        name: "name".parse().expect("base64url"),
        card: "card".parse().expect("base64url"),
        session: SessionNonce::random(),
        code: None,
    });
    pipe.ask(Request { id: 1, verb: create }.to_frame()).await;
    pipe.is_answered().await;
    assert_eq!(pipe.moves(), 0, "whoever just came");

    tokio::time::sleep(CALM + Duration::from_secs(1)).await;
    for _ in 0..9 {
        pipe.is_answered().await;
    }
    assert_eq!(pipe.moves(), 1, "calm");

    let padding = "x".repeat(48 * 1024);
    pipe.ask(format!("{{\"id\":1,\"verb\":\"ping\",\"x\":\"{padding}\"}}")).await;
    pipe.is_answered().await;
    assert_eq!(pipe.moves(), 2, "loud");

    tokio::time::sleep(CALM + Duration::from_secs(1)).await;
    pipe.is_answered().await;
    for _ in 0..40 {
        pipe.page.feed(Message::Ping(Bytes::new())).await.expect("open");
    }
    pipe.page.flush().await.expect("open");
    pipe.is_answered().await;
    assert_eq!(pipe.moves(), 4, "calm again, and loud without a word");
}

#[tokio::test(start_paused = true)]
async fn a_stranger_has_no_place_among_members() {
    let mut pipe = open(Limits::default(), 4096).await;
    let _hello = pipe.next().await;
    tokio::time::sleep(CALM + Duration::from_secs(1)).await;
    pipe.is_answered().await;
    assert_eq!(pipe.moves(), 0);
}
