//! The switchboard without sockets, its clock turned by hand.

use super::*;
use klatch_shared::wire::{Create, Request, Verb};
use klatch_shared::{InviteToken, MemberId, ProofLabel, RoomKey, RoomKeys, SeatToken, SessionNonce};

fn switchboard() -> Arc<Switchboard> {
    let policy = Policy { max_members: 3, max_rooms: 3, room_ttl: 60_000 };
    Arc::new(Switchboard::new(policy, Limits::default(), None, Servers::default()))
}

/// Somebody who creates a room of its own.
fn creator(switchboard: &Arc<Switchboard>) -> Line {
    let (keys, member) = (RoomKeys::derive(&RoomKey::random()), MemberId::random());
    let line = switchboard.connect(Some(keys.id()), std::net::IpAddr::from([192, 0, 2, 1]).into());
    let create = Create {
        member,
        key: keys.public(),
        proof: keys.prove(ProofLabel::Create, &line.nonce, &member),
        seat: SeatToken::random().hash(),
        invite: InviteToken::random().hash(),
        name: "name".parse().expect("base64url"),
        card: "card".parse().expect("base64url"),
        session: SessionNonce::random(),
    };
    // As it comes over the wire, so that the test breaks where the words change.
    let request = Request { id: 1, verb: Verb::Create(create) };
    let Ok(Request { verb: Verb::Create(create), .. }) = Request::parse(&request.to_frame()) else { panic!() };
    let ask = line.prove_create(keys.id(), create).expect("the proof holds");
    line.ask(keys.id(), 1, ask);
    line
}

fn rooms(switchboard: &Switchboard) -> usize {
    switchboard.lock().rooms.count()
}

#[tokio::test(start_paused = true)]
async fn an_empty_room_is_discarded_on_time_though_nobody_asks() {
    let switchboard = switchboard();
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
    let policy = Policy { max_members: 3, max_rooms: 3, room_ttl: 60_000 };
    let limits = Limits { backlog_bytes: 10_000, ..Limits::default() };
    let switchboard = Arc::new(Switchboard::new(policy, limits, None, Servers::default()));
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
    let switchboard = switchboard();
    let line = creator(&switchboard);
    assert_eq!(switchboard.lock().outboxes.len(), 1);
    drop(line);
    assert!(switchboard.lock().outboxes.is_empty());
}
