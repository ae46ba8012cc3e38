//! Locking and ending, over real sockets.

mod common;

use common::{Broker, Client, Room, Seat};
use klatch_shared::wire::{Event, Lock, RefusalCode, Verb};

#[tokio::test]
async fn a_locked_room_takes_nobody_new_and_those_who_have_a_seat_back() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let [ana, ben, eve] = ["Ana", "Ben", "Eve"].map(|name| Seat::new(&room, name));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let mut ben_client = Client::joining(&broker, &room, &ben).await;
    assert_eq!(ben_client.done(Verb::Lock(Lock { locked: true })).await, Err(RefusalCode::NotCreator));
    ana_client.done(Verb::Lock(Lock { locked: true })).await.expect("the creator");
    assert_eq!(ben_client.event().await, Event::Locked { locked: true });

    let mut eve_client = Client::connect(&broker.room_url(&room)).await;
    assert_eq!(eve_client.join(&room, &eve).await, Err(RefusalCode::RoomLocked));
    drop(ben_client);
    let mut ben_client = Client::connect(&broker.room_url(&room)).await;
    assert!(ben_client.come_back(&room, &ben).await.expect("has a seat").locked);

    ana_client.done(Verb::Lock(Lock { locked: false })).await.expect("the creator");
    assert_eq!(ben_client.event().await, Event::Locked { locked: false });
    eve_client.join(&room, &eve).await.expect("open again");
}

#[tokio::test]
async fn ending_tells_and_closes_everybody() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let mut ben_client = Client::joining(&broker, &room, &ben).await;
    assert_eq!(ben_client.done(Verb::End).await, Err(RefusalCode::NotCreator));
    ana_client.done(Verb::End).await.expect("the creator");
    assert_eq!(ben_client.event().await, Event::Ended);
    assert_eq!((ben_client.close_code().await, ana_client.close_code().await), (4002, 4002));

    let mut again = Client::connect(&broker.room_url(&room)).await;
    assert_eq!(again.come_back(&room, &ben).await, Err(RefusalCode::UnknownRoom));
    again.create(&room, &ben).await.expect("its name is free");
}
