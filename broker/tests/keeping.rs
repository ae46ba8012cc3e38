//! Rooms that outlive the broker, over real sockets: it stops, and another begins where it ended.

mod common;

use std::time::{Duration, Instant};

use common::{Broker, Client, PATIENCE, Room, Seat, TempFile};
use klatch_shared::AnyToken;
use klatch_shared::wire::{Event, Forget, Glance, Lock, NewCard, Peek, PeekAt, Peeked, Presence, RefusalCode, Verb};

/// A broker whose rooms are kept in a file of its own.
struct Host {
    file: TempFile,
    broker: Broker,
}

impl Host {
    async fn start() -> Self {
        Self::start_with(TempFile::unused(), &[]).await
    }

    async fn start_with(file: TempFile, flags: &[&str]) -> Self {
        Self { broker: Broker::start(&[&["--state", file.path()], flags].concat()).await, file }
    }

    async fn stop(self) -> TempFile {
        self.broker.server.shutdown().await;
        self.file
    }

    /// Stops, and starts again with these flags.
    async fn restart(self, flags: &[&str]) -> Self {
        Self::start_with(self.stop().await, flags).await
    }

    async fn connect(&self, room: &Room) -> Client {
        Client::connect(&self.broker.room_url(room)).await
    }

    /// How a room is to whoever has its invitation.
    async fn peek(&self, room: &Room) -> Glance {
        let mut client = Client::connect(&format!("ws://{}/ws", self.broker.address())).await;
        let at = PeekAt { room: room.keys.id(), token: AnyToken::Invite(room.invite.clone()) };
        let mut peeked: Peeked = client.ask(Verb::Peek(Peek { rooms: vec![at] })).await.expect("peeked");
        peeked.rooms.remove(0).glance
    }
}

#[tokio::test]
async fn after_a_restart_the_same_link_the_same_seats_and_the_same_lock_hold() {
    let (host, room) = (Host::start().await, Room::new());
    let [ana, ben, cleo, dora] = ["Ana", "Ben", "Cleo", "Dora"].map(|name| Seat::new(&room, name));
    let mut ana_client = Client::creating(&host.broker, &room, &ana).await;
    let ben_client = Client::joining(&host.broker, &room, &ben).await;
    let mut cleo_client = Client::joining(&host.broker, &room, &cleo).await;
    cleo_client.done(Verb::Leave).await.expect("left");
    ana_client.done(Verb::Lock(Lock { locked: true })).await.expect("the creator");
    drop((ana_client, ben_client, cleo_client));

    let host = host.restart(&[]).await;
    let mut ben_client = host.connect(&room).await;
    let admitted = ben_client.come_back(&room, &ben).await.expect("has a seat");
    assert_eq!((admitted.ordinal, admitted.creator, admitted.locked), (1, ana.member, true));
    assert_eq!(admitted.name, room.name);
    let seen: Vec<_> = admitted.members.iter().map(|view| (view.member, view.presence, view.session)).collect();
    assert_eq!(seen, [(ana.member, Presence::Away, ana.session), (cleo.member, Presence::Left, cleo.session)]);
    assert_eq!(admitted.members[0].card, ana.card);

    let mut dora_client = host.connect(&room).await;
    assert_eq!(dora_client.join(&room, &dora).await, Err(RefusalCode::RoomLocked));
    let mut ana_client = host.connect(&room).await;
    ana_client.come_back(&room, &ana).await.expect("has a seat");
    assert!(matches!(ben_client.event().await, Event::Back(view) if view.member == ana.member));
    ana_client.done(Verb::Lock(Lock { locked: false })).await.expect("the creator still");
    assert_eq!(dora_client.join(&room, &dora).await.expect("the same invitation").ordinal, 3);
}

#[tokio::test]
async fn what_was_given_up_renamed_or_ended_stays_so() {
    let (host, room, ended) = (Host::start().await, Room::new(), Room::new());
    let [ana, ben, cleo] = ["Ana", "Ben", "Cleo"].map(|name| Seat::new(&room, name));
    let mut ana_client = Client::creating(&host.broker, &room, &ana).await;
    let mut ben_client = Client::joining(&host.broker, &room, &ben).await;
    drop(Client::joining(&host.broker, &room, &cleo).await);
    ben_client.done(Verb::Forget(Forget { token: None })).await.expect("released");
    ana_client.done(Verb::Forget(Forget { token: Some(cleo.token.clone()) })).await.expect("released");
    let Seat { card, .. } = Seat::new(&room, "Anna");
    ana_client.done(Verb::Card(NewCard { card: card.clone() })).await.expect("renamed");
    let dora = Seat::new(&ended, "Dora");
    Client::creating(&host.broker, &ended, &dora).await.done(Verb::End).await.expect("ended");
    drop((ana_client, ben_client));

    let host = host.restart(&[]).await;
    for seat in [&ben, &cleo] {
        assert_eq!(host.connect(&room).await.come_back(&room, seat).await, Err(RefusalCode::UnknownSeat));
    }
    let dan = Seat::new(&room, "Dan");
    let admitted = host.connect(&room).await.join(&room, &dan).await.expect("the same invitation");
    assert_eq!((admitted.ordinal, admitted.members.len(), &admitted.members[0].card), (3, 1, &card));
    assert_eq!(host.connect(&ended).await.come_back(&ended, &dora).await, Err(RefusalCode::UnknownRoom));
    assert!(matches!(host.peek(&ended).await, Glance::Refused(refusal) if refusal.code == RefusalCode::UnknownRoom));
}

#[tokio::test]
async fn an_empty_rooms_time_runs_on_while_there_is_no_broker() {
    let (ttl, room) = (Duration::from_secs(2), Room::new());
    let ana = Seat::new(&room, "Ana");
    let host = Host::start().await.restart(&["--room-ttl", "2s"]).await;
    let mut client = Client::creating(&host.broker, &room, &ana).await;
    client.done(Verb::Leave).await.expect("left");
    let left = Instant::now();
    drop(client);

    let host = host.restart(&["--room-ttl", "2s"]).await;
    let passed = left.elapsed();
    let Glance::Alive(glance) = host.peek(&room).await else { panic!("it died early") };
    let rest = Duration::from_millis(glance.expires_in.expect("nobody is there"));
    assert!(rest + passed <= ttl + Duration::from_millis(50), "{passed:?} had passed, and {rest:?} were left");

    let file = host.stop().await;
    while left.elapsed() < ttl {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let host = Host::start_with(file, &["--room-ttl", "2s"]).await;
    assert_eq!(host.connect(&room).await.come_back(&room, &ana).await, Err(RefusalCode::UnknownRoom));
}

#[tokio::test]
async fn a_room_in_which_somebody_was_lives_its_whole_time_from_the_restart() {
    let (host, room) = (Host::start().await, Room::new());
    let ana = Seat::new(&room, "Ana");
    let mut client = Client::creating(&host.broker, &room, &ana).await;
    let stopped = tokio::spawn(async move { host.restart(&["--room-ttl", "1s"]).await });
    assert_eq!(client.close_code().await, 1012);
    let (host, started) = (stopped.await.expect("it starts again"), Instant::now());
    assert!(
        matches!(host.peek(&room).await, Glance::Alive(glance) if glance.expires_in.is_some_and(|rest| rest > 500))
    );
    let mut watcher = host.connect(&room).await;
    while watcher.finds(&room).await {
        assert!(started.elapsed() < PATIENCE, "it never dies");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(started.elapsed() > Duration::from_millis(500));
}
