//! Offers, answers and candidates go to whom they are for, along exchanges that the broker saw begin.

mod common;

use common::{Broker, Client, Room, Seat, answer, body, candidate};
use klatch_shared::ExchangeId;
use klatch_shared::limits::MAX_CANDIDATES;
use klatch_shared::wire::{Event, RefusalCode, Side, Verb};

struct Pair {
    broker: Broker,
    room: Room,
    ana: Seat,
    ben: Seat,
    ana_client: Client,
    ben_client: Client,
}

impl Pair {
    async fn meet() -> Self {
        let (broker, room) = (Broker::start(&[]).await, Room::new());
        let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
        let mut ana_client = Client::creating(&broker, &room, &ana).await;
        let ben_client = Client::joining(&broker, &room, &ben).await;
        assert!(matches!(ana_client.event().await, Event::Joined(view) if view.member == ben.member));
        Self { broker, room, ana, ben, ana_client, ben_client }
    }
}

#[tokio::test]
async fn an_exchange_reaches_both_ends_as_it_was_sent() {
    let Pair { ana, ben, mut ana_client, mut ben_client, .. } = Pair::meet().await;
    let exchange = ExchangeId(1);

    ben_client.offer(&ana, 1).await.expect("passed on");
    assert_eq!(ana_client.event().await, Event::Offer { from: ben.member, exchange, body: body() });
    ben_client.done(candidate(&ana, 1, Side::Offerer, 1)).await.expect("passed on");
    let from_offerer = Event::Candidate { from: ben.member, exchange, side: Side::Offerer, sequence: 1, body: body() };
    assert_eq!(ana_client.event().await, from_offerer);

    ana_client.done(answer(&ben, 1)).await.expect("passed on");
    assert_eq!(ben_client.event().await, Event::Answer { from: ana.member, exchange, body: body() });
    ana_client.done(candidate(&ben, 1, Side::Answerer, 7)).await.expect("passed on");
    let from_answerer =
        Event::Candidate { from: ana.member, exchange, side: Side::Answerer, sequence: 7, body: body() };
    assert_eq!(ben_client.event().await, from_answerer);
}

#[tokio::test]
async fn nothing_passes_without_an_exchange() {
    let Pair { ana, ben, mut ana_client, mut ben_client, .. } = Pair::meet().await;
    assert_eq!(ana_client.done(answer(&ben, 1)).await, Err(RefusalCode::UnknownExchange));
    assert_eq!(ana_client.done(candidate(&ben, 1, Side::Offerer, 1)).await, Err(RefusalCode::UnknownExchange));
    ben_client.offer(&ana, 1).await.expect("passed on");
    assert_eq!(ana_client.done(answer(&ben, 2)).await, Err(RefusalCode::UnknownExchange));
    assert_eq!(ben_client.done(answer(&ana, 1)).await, Err(RefusalCode::UnknownExchange));
    ana_client.done(answer(&ben, 1)).await.expect("passed on");
    assert_eq!(ana_client.done(answer(&ben, 1)).await, Err(RefusalCode::UnknownExchange));
    assert_eq!(ben_client.offer(&ana, 1).await, Err(RefusalCode::UnknownExchange));
}

#[tokio::test]
async fn an_exchange_has_so_many_candidates_each_way() {
    let Pair { ana, ben, mut ana_client, mut ben_client, .. } = Pair::meet().await;
    ben_client.offer(&ana, 1).await.expect("passed on");
    for sequence in 1..=MAX_CANDIDATES {
        ben_client.done(candidate(&ana, 1, Side::Offerer, sequence)).await.expect("passed on");
    }
    let one_more = candidate(&ana, 1, Side::Offerer, MAX_CANDIDATES + 1);
    assert_eq!(ben_client.done(one_more).await, Err(RefusalCode::TooManyCandidates));
    ana_client.done(candidate(&ben, 1, Side::Answerer, 1)).await.expect("the other way has its own count");
}

#[tokio::test]
async fn only_present_members_of_the_same_room_are_reached() {
    let Pair { broker, room, ana, ben, mut ana_client, mut ben_client } = Pair::meet().await;
    let stranger = Seat::new(&room, "Eve");
    assert_eq!(ana_client.offer(&stranger, 1).await, Err(RefusalCode::NotPresent));
    assert_eq!(ana_client.offer(&ana, 1).await, Err(RefusalCode::NotPresent));

    let elsewhere = Room::new();
    let eve = Seat::new(&elsewhere, "Eve");
    let mut eve_client = Client::creating(&broker, &elsewhere, &eve).await;
    assert_eq!(eve_client.offer(&ana, 1).await, Err(RefusalCode::NotPresent));
    assert_eq!(ana_client.offer(&eve, 1).await, Err(RefusalCode::NotPresent));

    ben_client.done(Verb::Leave).await.expect("left");
    assert_eq!(ana_client.event().await, Event::Left { member: ben.member });
    assert_eq!(ana_client.offer(&ben, 1).await, Err(RefusalCode::NotPresent));
    assert_eq!(ben_client.offer(&ana, 1).await, Err(RefusalCode::NotJoined));
    assert!(eve_client.is_undisturbed().await && ben_client.is_undisturbed().await);
}

#[tokio::test]
async fn an_exchange_dies_with_the_path_it_was_on() {
    let Pair { broker, room, ana, ben, mut ana_client, mut ben_client } = Pair::meet().await;
    ana_client.offer(&ben, 1).await.expect("passed on");
    assert!(matches!(ben_client.event().await, Event::Offer { .. }));
    drop(ben_client);
    assert_eq!(ana_client.event().await, Event::Away { member: ben.member });
    let mut ben_client = Client::connect(&broker.room_url(&room)).await;
    ben_client.come_back(&room, &ben).await.expect("back");
    assert_eq!(ben_client.done(answer(&ana, 1)).await, Err(RefusalCode::UnknownExchange));
}
