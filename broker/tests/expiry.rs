//! An empty room dies on time.

mod common;

use std::time::{Duration, Instant};

use common::{Broker, Client, PATIENCE, Room, Seat};
use klatch_shared::wire::{RefusalCode, Verb};

/// The broker counts in whole milliseconds.
const TICK: Duration = Duration::from_millis(1);

#[tokio::test]
async fn an_empty_room_dies_on_time_and_not_before() {
    let (broker, room) = (Broker::start(&["--room-ttl", "1s"]).await, Room::new());
    let ana = Seat::new(&room, "Ana");
    let mut watcher = Client::connect(&format!("ws://{}/ws", broker.address())).await;
    let mut client = Client::creating(&broker, &room, &ana).await;
    let left = Instant::now();
    client.done(Verb::Leave).await.expect("left");
    while watcher.finds(&room).await {
        assert!(left.elapsed() < PATIENCE, "it never dies");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(left.elapsed() >= Duration::from_secs(1) - TICK, "it died early");
    assert_eq!(client.come_back(&room, &ana).await, Err(RefusalCode::UnknownRoom));
}

#[tokio::test]
async fn whoever_comes_back_in_time_finds_the_room() {
    let (broker, room) = (Broker::start(&["--room-ttl", "2s"]).await, Room::new());
    let ana = Seat::new(&room, "Ana");
    drop(Client::creating(&broker, &room, &ana).await);
    let mut client = Client::connect(&broker.room_url(&room)).await;
    client.come_back(&room, &ana).await.expect("in time");
    let mut watcher = Client::connect(&format!("ws://{}/ws", broker.address())).await;
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(2500) {
        assert!(watcher.finds(&room).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
