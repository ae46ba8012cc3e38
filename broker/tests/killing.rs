//! The program killed at random moments, with much going on: whatever it acknowledged is there when it runs again, and whatever it
//! refused is not.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::program::{klatch, start, start_on_small_disk};
use common::{Client, PATIENCE, Room, Seat, TempFile};
use klatch_shared::wire::{Admission, Admitted, Empty, Forget, Lock, NewCard, RefusalCode, Verb};
use klatch_shared::{Sealed, random_bytes};
use tokio::io::AsyncReadExt as _;
use tokio::process::Child;
use tokio::sync::Notify;
use tokio::time::timeout;

const KILLS: u32 = 16;
/// How many people do things at the same time.
const PEOPLE: usize = 8;

/// What is known of something that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known<T> {
    /// It was answered.
    As(T),
    /// It was asked for and not answered: it may be the one or the other.
    Unsure(T, T),
}

impl<T: Clone + PartialEq> Known<T> {
    fn allows(&self, found: &T) -> bool {
        match self {
            Self::As(value) => value == found,
            Self::Unsure(one, other) => one == found || other == found,
        }
    }

    /// It may become `wanted`.
    fn ask(&mut self, wanted: T) {
        let (Self::As(before) | Self::Unsure(before, _)) = &*self;
        *self = Self::Unsure(before.clone(), wanted);
    }

    /// It did, or did not.
    fn settle(&mut self, granted: bool) {
        if let Self::Unsure(before, wanted) = &*self {
            *self = Self::As(if granted { wanted.clone() } else { before.clone() });
        }
    }
}

/// A seat, and whether it was taken.
struct Taken {
    seat: Seat,
    is_there: Known<bool>,
    card: Known<Sealed>,
}

impl Taken {
    fn new(room: &Room, name: &str) -> Self {
        let seat = Seat::new(room, name);
        let card = Known::As(seat.card.clone());
        Self { seat, is_there: Known::As(false), card }
    }
}

/// One room, as those know it who were in there.
struct Record {
    room: Room,
    lives: Known<bool>,
    locked: Known<bool>,
    creator: Taken,
    guests: Vec<Taken>,
}

/// How much was acknowledged.
#[derive(Default)]
struct Acknowledged {
    count: AtomicU32,
    more: Notify,
}

impl Acknowledged {
    fn note(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.more.notify_one();
    }

    async fn reach(&self, count: u32) {
        while self.count.load(Ordering::Relaxed) < count {
            self.more.notified().await;
        }
    }
}

/// The running program.
struct Program {
    child: Child,
    url: String,
}

impl Program {
    async fn start(file: &TempFile) -> Self {
        let limits =
            ["rooms", "openings", "joins", "failures"].map(|what| format!("{what}-per-address=100000")).join(",");
        let (child, url) = start(&["--listen", "127.0.0.1:0", "--state", file.path(), "--limit", &limits]).await;
        Self { child, url: url.replace("http", "ws") }
    }

    async fn kill(mut self) {
        self.child.start_kill().expect("it runs");
        self.child.wait().await.expect("it ends");
    }

    fn room_url(&self, room: &Room) -> String {
        format!("{}/ws/{}", self.url, room.keys.id())
    }
}

impl Record {
    fn new() -> Self {
        let room = Room::new();
        let creator = Taken::new(&room, "Ana");
        Self { room, lives: Known::As(false), locked: Known::As(false), creator, guests: Vec::new() }
    }

    /// A room's whole life, as far as there is a broker: nothing once there is none.
    async fn live(&mut self, url: &str, acknowledged: &Acknowledged) -> Option<()> {
        let connect = async || Client::try_connect(url, &[]).await.ok();
        let room = &self.room;

        let mut ana = connect().await?;
        let create = ana.create_request(room, &self.creator.seat);
        self.lives.ask(true);
        self.creator.is_there.ask(true);
        let created = ana.try_ask::<Admitted>(Verb::Create(create)).await?.is_ok();
        self.lives.settle(created);
        self.creator.is_there.settle(created);
        acknowledged.note();

        for name in ["Ben", "Cleo", "Dora"] {
            let mut client = connect().await?;
            self.guests.push(Taken::new(room, name));
            let guest = self.guests.last_mut().expect("it was pushed just now");
            let admission = Admission::Invite { token: room.invite.clone(), seat: guest.seat.token.hash() };
            let join = client.join_request(room, &guest.seat, admission);
            guest.is_there.ask(true);
            guest.is_there.settle(client.try_ask::<Admitted>(Verb::Join(join)).await?.is_ok());
            acknowledged.note();

            let Seat { card, .. } = Seat::new(room, "Another name");
            guest.card.ask(card.clone());
            guest.card.settle(client.try_ask::<Empty>(Verb::Card(NewCard { card })).await?.is_ok());
            acknowledged.note();

            // Whoever comes after the lock is refused, and must not be there later.
            let locked = self.locked == Known::As(false);
            self.locked.ask(locked);
            self.locked.settle(ana.try_ask::<Empty>(Verb::Lock(Lock { locked })).await?.is_ok());
            acknowledged.note();
        }

        let ben = &mut self.guests[0];
        if random_bytes::<1>()[0] < 128 {
            ben.is_there.ask(false);
            let forget = Verb::Forget(Forget { token: Some(ben.seat.token.clone()) });
            ben.is_there.settle(ana.try_ask::<Empty>(forget).await?.is_ok());
            acknowledged.note();
        }
        if random_bytes::<1>()[0] < 64 {
            self.lives.ask(false);
            self.lives.settle(ana.try_ask::<Empty>(Verb::End).await?.is_ok());
            acknowledged.note();
        }
        Some(())
    }

    /// Whether everything is as it was said to be. What was not known is from now on.
    async fn check(&mut self, url: &str) {
        let mut client = Client::connect(url).await;
        let admitted = match client.come_back(&self.room, &self.creator.seat).await {
            Ok(admitted) => admitted,
            Err(RefusalCode::UnknownRoom) => {
                assert!(self.lives.allows(&false), "a room is lost");
                self.lives = Known::As(false);
                return;
            }
            Err(code) => panic!("the creator's seat is lost: {code:?}"),
        };
        assert!(self.lives.allows(&true), "a room that was ended, or never granted, is there");
        assert!(self.creator.is_there.allows(&true));
        assert!(self.locked.allows(&admitted.locked), "{:?} and not {}", self.locked, admitted.locked);
        assert_eq!((admitted.creator, &admitted.name), (self.creator.seat.member, &self.room.name));
        self.lives = Known::As(true);
        self.locked = Known::As(admitted.locked);
        for guest in &mut self.guests {
            let view = admitted.members.iter().find(|view| view.member == guest.seat.member);
            assert!(guest.is_there.allows(&view.is_some()), "{:?} and not {}", guest.is_there, view.is_some());
            guest.is_there = Known::As(view.is_some());
            if let Some(view) = view {
                assert!(guest.card.allows(&view.card), "another name than the latest");
                guest.card = Known::As(view.card.clone());
            }
        }
        let known: BTreeSet<_> = self.guests.iter().map(|guest| guest.seat.member).collect();
        assert!(
            admitted.members.iter().all(|view| known.contains(&view.member)),
            "somebody is there whom nobody asked for"
        );
        // Whose seat is there can sit on it.
        if let Some(Taken { seat, card: Known::As(card), .. }) =
            self.guests.iter().find(|guest| guest.is_there == Known::As(true))
        {
            let seat = Seat { card: card.clone(), ..seat.clone() };
            Client::connect(url).await.come_back(&self.room, &seat).await.expect("has a seat");
        }
    }
}

/// Rooms one after another, until there is no broker.
async fn be_busy(url: String, acknowledged: Arc<Acknowledged>) -> Vec<Record> {
    let mut records = Vec::new();
    loop {
        let mut record = Record::new();
        let url = format!("{url}/ws/{}", record.room.keys.id());
        let went_on = record.live(&url, &acknowledged).await.is_some();
        records.push(record);
        if !went_on {
            return records;
        }
    }
}

/// The program runs, is much asked, and is killed once so much is acknowledged.
async fn busy_until_killed(file: &TempFile, acknowledged: u32) -> Vec<Record> {
    let program = Program::start(file).await;
    let count = Arc::<Acknowledged>::default();
    let people: Vec<_> = (0..PEOPLE).map(|_| tokio::spawn(be_busy(program.url.clone(), Arc::clone(&count)))).collect();
    count.reach(acknowledged).await;
    program.kill().await;
    let mut records = Vec::new();
    for person in people {
        records.append(&mut person.await.expect("no panic"));
    }
    records
}

#[tokio::test]
async fn whatever_was_acknowledged_survives_being_killed_at_any_moment() {
    let file = TempFile::unused();
    let mut all: Vec<Record> = Vec::new();
    for _ in 0..KILLS {
        let mut records = busy_until_killed(&file, u32::from(random_bytes::<1>()[0])).await;
        let program = Program::start(&file).await;
        for record in &mut records {
            record.check(&program.room_url(&record.room)).await;
        }
        program.kill().await;
        all.append(&mut records);
    }
    assert!(all.iter().filter(|record| record.lives == Known::As(true)).count() > 5, "much was there to be lost");
    let program = Program::start(&file).await;
    for record in &mut all {
        record.check(&program.room_url(&record.room)).await;
    }
}

#[tokio::test]
async fn killed_while_it_starts_it_starts_the_next_time_with_all_that_was_there() {
    for _ in 0..4 {
        let file = TempFile::unused();
        kill_while_it_starts(&file).await;
        let mut records = busy_until_killed(&file, 300).await;
        kill_while_it_starts(&file).await;
        let program = Program::start(&file).await;
        for record in &mut records {
            record.check(&program.room_url(&record.room)).await;
        }
        assert!(records.iter().any(|record| record.lives == Known::As(true)), "something was there to be lost");
        program.kill().await;
        file.remove_what_is_beside();
    }
}

/// Six times, within what a start takes.
async fn kill_while_it_starts(file: &TempFile) {
    for _ in 0..6 {
        let mut child = klatch(&["--listen", "127.0.0.1:0", "--state", file.path()]).spawn().expect("it runs");
        let moment = Duration::from_micros(u64::from(u16::from_be_bytes(random_bytes())));
        let _ = timeout(moment, child.wait()).await;
        child.start_kill().expect("it runs or has ended");
        child.wait().await.expect("it ends");
    }
}

#[tokio::test]
async fn where_the_disk_is_full_nothing_more_is_acknowledged_and_it_ends_with_a_reason() {
    let file = TempFile::unused();
    let flags = ["--listen", "127.0.0.1:0", "--state", file.path()];
    let (mut child, url) = start_on_small_disk(2048, &flags).await;
    let url = url.replace("http", "ws");
    let mut granted = Vec::new();
    let (mut client, refusal) = loop {
        let room = Room::new();
        let seat = Seat::new(&room, "Ana");
        let mut client = Client::connect(&format!("{url}/ws/{}", room.keys.id())).await;
        match client.create(&room, &seat).await {
            Ok(_) => granted.push((room, seat)),
            Err(refusal) => break (client, refusal),
        }
    };
    assert_eq!((refusal, client.close_code().await), (RefusalCode::ShuttingDown, 1012));
    drop(client);
    assert_eq!(timeout(PATIENCE, child.wait()).await.expect("it ends").expect("a status").code(), Some(1));
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).await.expect("text");
    let reason = said.lines().last().expect("a reason");
    assert!(reason.starts_with(&format!("klatch: can't write to the state file {}: ", file.path())), "{said}");

    let program = Program::start(&file).await;
    assert!(!granted.is_empty());
    for (room, seat) in &granted {
        let mut client = Client::connect(&program.room_url(room)).await;
        client.come_back(room, seat).await.expect("was acknowledged");
    }
}
