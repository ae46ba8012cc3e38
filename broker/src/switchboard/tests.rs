//! The switchboard without sockets, its clock turned by hand.

use super::*;
use crate::rooms::{Policy, Revival};
use crate::state::{Keeper, StateError};
use klatch_shared::wire::{Create, Empty, Lock, Peek, PeekAt, Request, Verb};
use klatch_shared::{AnyToken, InviteToken, MemberId, ProofLabel, RoomKey, RoomKeys, SeatToken, SessionNonce};
use std::future::poll_fn;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

/// How long a disk is waited for that writes, or never will.
const PATIENCE: Duration = Duration::from_secs(60);

fn switchboard(limits: Limits) -> Arc<Switchboard> {
    let policy = Policy { max_members: 3, max_rooms: 3, room_ttl: 60_000, revival: Revival::default() };
    Arc::new(Switchboard::new(State::fleeting(policy, &limits), limits, Welcome::default(), Servers::default()))
}

/// Somebody who creates a room of its own.
fn creator(switchboard: &Arc<Switchboard>) -> Line {
    let (keys, member, invite) = (RoomKeys::derive(&RoomKey::random()), MemberId::random(), InviteToken::random());
    create(switchboard, &keys, member, &invite)
}

fn create(switchboard: &Arc<Switchboard>, keys: &RoomKeys, member: MemberId, invite: &InviteToken) -> Line {
    let line = switchboard.connect(Some(keys.id()), std::net::IpAddr::from([192, 0, 2, 1]).into());
    let create = Create {
        member,
        key: keys.public(),
        proof: keys.prove(ProofLabel::Create, &line.nonce, &member),
        seat: SeatToken::random().hash(),
        invite: invite.hash(),
        name: "name".parse().expect("base64url"),
        card: "card".parse().expect("base64url"),
        session: SessionNonce::random(),
        code: None,
    };
    // As it comes over the wire, so that the test breaks where the words change.
    let request = Request { id: 1, verb: Verb::Create(create) };
    let Ok(Request { verb: Verb::Create(create), .. }) = Request::parse(&request.to_frame()) else { panic!() };
    let ask = line.prove_create(keys.id(), create).expect("the proof holds");
    line.ask(keys.id(), 1, ask);
    line
}

/// Somebody who has joined nothing.
fn stranger(switchboard: &Arc<Switchboard>, place: Option<RoomId>) -> Line {
    switchboard.connect(place, std::net::IpAddr::from([192, 0, 2, 2]).into())
}

/// A disk that writes when it is told to, and as well as it is told.
struct Disk {
    tell: mpsc::Sender<Result<(), StateError>>,
    begun: mpsc::Receiver<()>,
}

impl Disk {
    /// A switchboard that keeps rooms there. The disk is to be dropped first: from then on it writes everything.
    fn under(limits: Limits) -> (Arc<Switchboard>, Self, oneshot::Receiver<StateError>) {
        let policy = Policy { max_members: 3, max_rooms: 9, room_ttl: 60_000, revival: Revival::default() };
        let ((tell, told), (begin, begun)) = (mpsc::channel(), mpsc::channel());
        let state = State::fleeting(policy, &limits);
        let (keeper, failure) = Keeper::start(state.clock, &limits, move |_| {
            let _ = begin.send(());
            told.recv().unwrap_or(Ok(()))
        });
        let state = State { keeper: Some(keeper), ..state };
        (
            Arc::new(Switchboard::new(state, limits, Welcome::default(), Servers::default())),
            Self { tell, begun },
            failure,
        )
    }

    /// Waits until it has something to write.
    fn is_asked(&self) {
        self.begun.recv().expect("there is somebody who writes");
    }

    fn write(&self) {
        self.tell.send(Ok(())).expect("there is a disk");
    }

    fn fail(&self) {
        self.tell.send(Err(StateError::Stopped)).expect("there is a disk");
    }
}

/// What is sent to somebody next.
async fn next(line: &Line) -> String {
    let frame = poll_fn(|cx| line.outbox.poll_rest(cx)).await.expect("something is queued");
    frame.into_text().expect("text").as_str().to_owned()
}

/// Whether there is something to send that waits for the disk.
fn waits(line: &Line) -> bool {
    line.outbox.poll_rest(&Context::from_waker(Waker::noop())).is_pending()
}

fn rooms(switchboard: &Switchboard) -> usize {
    switchboard.lock().rooms.count()
}

#[tokio::test(start_paused = true)]
async fn an_empty_room_is_discarded_on_time_though_nobody_asks() {
    let switchboard = switchboard(Limits::default());
    let timekeeper = tokio::spawn({
        let switchboard = Arc::clone(&switchboard);
        async move { switchboard.keep_time().await }
    });
    // The timekeeper is asleep with nothing to wait for when the first room is emptied.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (first, second) = (creator(&switchboard), creator(&switchboard));
    drop(first);
    tokio::time::sleep(Duration::from_secs(20)).await;
    drop(second);
    tokio::time::sleep(Duration::from_millis(39_990)).await;
    assert_eq!(rooms(&switchboard), 2);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(rooms(&switchboard), 1);
    tokio::time::sleep(Duration::from_millis(19_960)).await;
    assert_eq!(rooms(&switchboard), 1);
    tokio::time::sleep(Duration::from_millis(40)).await;
    assert_eq!(rooms(&switchboard), 0);
    timekeeper.abort();
}

#[tokio::test]
async fn where_too_much_waits_whoever_holds_most_is_closed_and_nobody_else() {
    let switchboard = switchboard(Limits { backlog_bytes: 10_000, ..Limits::default() });
    let [one, most, other] = [(); 3].map(|()| creator(&switchboard));
    for (line, bytes) in [(&one, 2000), (&most, 3000), (&other, 1000)] {
        line.outbox.push(text_frame("x".repeat(bytes)));
    }
    switchboard.relieve();
    assert!([&one, &most, &other].iter().all(|line| line.outbox.held() > 1000), "there is no need");
    one.outbox.push(text_frame("x".repeat(3000)));
    most.outbox.push(text_frame("x".repeat(3000)));
    switchboard.relieve();
    assert_eq!(most.outbox.held(), 0);
    assert!(one.outbox.held() > 5000 && other.outbox.held() > 1000);
}

#[tokio::test]
async fn who_goes_leaves_no_line_behind() {
    let switchboard = switchboard(Limits::default());
    let line = creator(&switchboard);
    assert_eq!(switchboard.lock().outboxes.len(), 1);
    drop(line);
    assert!(switchboard.lock().outboxes.is_empty());
}

#[tokio::test]
async fn nobody_is_told_of_a_decision_before_it_is_written_down_nor_of_what_follows_from_it() {
    let (switchboard, disk, _failure) = Disk::under(Limits::default());
    let (keys, member, invite) = (RoomKeys::derive(&RoomKey::random()), MemberId::random(), InviteToken::random());
    let ana = create(&switchboard, &keys, member, &invite);
    disk.is_asked();
    assert!(next(&ana).await.contains("hello") && waits(&ana));
    disk.write();
    assert!(next(&ana).await.contains("ordinal"));

    ana.ask(keys.id(), 2, Ask::Lock(Lock { locked: true }));
    ana.grant(3, &Empty {});
    let (ben, cleo) = (stranger(&switchboard, Some(keys.id())), stranger(&switchboard, None));
    ben.ask(keys.id(), 1, Ask::Lock(Lock { locked: true }));
    cleo.peek(1, &Peek { rooms: vec![PeekAt { room: keys.id(), token: AnyToken::Invite(invite) }] });
    for line in [&ben, &cleo] {
        assert!(next(line).await.contains("hello"));
    }
    disk.is_asked();
    assert!([&ana, &ben, &cleo].into_iter().all(waits));
    disk.write();
    assert!(next(&ana).await.contains("\"id\":2") && next(&ana).await.contains("\"id\":3"), "in order");
    assert!(next(&ben).await.contains("not-joined") && next(&cleo).await.contains("\"locked\":true"));
}

#[tokio::test]
async fn what_is_not_of_that_room_does_not_wait() {
    let (switchboard, disk, _failure) = Disk::under(Limits::default());
    let (one, other) = (creator(&switchboard), stranger(&switchboard, None));
    disk.is_asked();
    assert!(next(&one).await.contains("hello") && waits(&one));
    let elsewhere = RoomKeys::derive(&RoomKey::random()).id();
    other.peek(1, &Peek { rooms: vec![PeekAt { room: elsewhere, token: AnyToken::Seat(SeatToken::random()) }] });
    other.ask(elsewhere, 2, Ask::Leave);
    other.grant(3, &Empty {});
    for expected in ["hello", "unknown-room", "not-joined", "\"id\":3"] {
        assert!(next(&other).await.contains(expected), "{expected}");
    }
    disk.write();
    assert!(next(&one).await.contains("ordinal"));
}

#[tokio::test]
async fn where_nothing_can_be_written_nobody_is_told_that_it_was_and_everybody_that_the_broker_goes() {
    let (switchboard, disk, failure) = Disk::under(Limits::default());
    let ana = creator(&switchboard);
    ana.grant(2, &Empty {});
    disk.fail();
    assert!(matches!(failure.await, Ok(StateError::Stopped)));
    assert!(next(&ana).await.contains("hello") && waits(&ana));
    switchboard.give_up();
    assert!(next(&ana).await.contains("shutting-down") && next(&ana).await.contains("\"id\":2,\"ok\""));
    ana.grant(3, &Empty {});
    assert!(poll_fn(|cx| ana.outbox.poll_rest(cx)).await.is_none(), "it is closing");
}

#[tokio::test]
async fn where_the_disk_is_far_behind_who_would_change_something_is_refused_and_may_try_again() {
    let (switchboard, disk, _failure) = Disk::under(Limits { unkept_changes: 1, ..Limits::default() });
    // One may be written while another waits.
    let first = creator(&switchboard);
    disk.is_asked();
    let lines = [first, creator(&switchboard), creator(&switchboard)];
    for line in &lines {
        assert!(next(line).await.contains("hello"));
    }
    assert!(waits(&lines[0]) && next(&lines[2]).await.contains("too-fast"));
    drop(disk);
    assert!(next(&lines[0]).await.contains("ordinal"));
    assert!(next(&creator(&switchboard)).await.contains("hello"));
    assert!(switchboard.close_books(Instant::now() + PATIENCE).await);
}

#[tokio::test]
async fn everything_is_written_before_the_books_are_closed() {
    let (switchboard, disk, _failure) = Disk::under(Limits::default());
    let lines = [(); 5].map(|()| creator(&switchboard));
    drop(disk);
    switchboard.close();
    assert!(switchboard.close_books(Instant::now() + PATIENCE).await);
    for line in &lines {
        assert!(next(line).await.contains("hello") && next(line).await.contains("ordinal"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_is_given_up_at_the_end_and_nobody_was_told_of_what_it_did_not_write() {
    let (switchboard, disk, _failure) = Disk::under(Limits::default());
    let ana = creator(&switchboard);
    disk.is_asked();
    switchboard.close();
    assert!(!switchboard.close_books(Instant::now() + PATIENCE).await);
    assert!(next(&ana).await.contains("hello") && waits(&ana));
}
