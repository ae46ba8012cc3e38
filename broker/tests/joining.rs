//! Creating, joining, coming back, leaving: over real sockets.

mod common;

use std::time::SystemTime;

use common::{Broker, Client, Room, Seat, TempFile};
use klatch_relay::Secret;
use klatch_shared::wire::{Event, Forget, Presence, RefusalCode, Verb};

#[tokio::test]
async fn hello_names_the_pages_that_a_host_must_show_and_only_where_there_are_some() {
    let (imprint, privacy) = ("https://host.example/imprint", "https://host.example/privacy");
    let broker = Broker::start(&["--imprint", imprint, "--privacy", privacy]).await;
    let hello = Client::connect(&broker.room_url(&Room::new())).await.hello;
    assert_eq!((hello.imprint.as_deref(), hello.privacy.as_deref()), (Some(imprint), Some(privacy)));
    let broker = Broker::start(&[]).await;
    let hello = Client::connect(&broker.room_url(&Room::new())).await.hello;
    assert_eq!((hello.imprint, hello.privacy), (None, None));
}

#[tokio::test]
async fn the_broker_speaks_first_and_differently_to_each() {
    let broker = Broker::start(&["--max-members", "5", "--public-url", "https://meet.example"]).await;
    let room = Room::new();
    let one = Client::connect(&broker.room_url(&room)).await;
    let other = Client::connect(&broker.room_url(&room)).await;
    assert_ne!(one.hello.nonce, other.hello.nonce);
    assert_eq!((one.hello.max_members, one.hello.max_frame_bytes), (5, 65536));
    assert_eq!(one.hello.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(one.hello.client, other.hello.client, "the same page for all");
    assert_eq!(one.hello.public_url.as_deref(), Some("https://meet.example"));
}

#[tokio::test]
async fn members_learn_of_each_other() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::connect(&broker.room_url(&room)).await;
    let admitted = ana_client.create(&room, &ana).await.expect("a room");
    assert_eq!((admitted.ordinal, admitted.creator, admitted.members.len()), (0, ana.member, 0));

    let mut ben_client = Client::connect(&broker.room_url(&room)).await;
    let admitted = ben_client.join(&room, &ben).await.expect("a seat");
    assert_eq!((admitted.ordinal, admitted.creator), (1, ana.member));
    assert_eq!(admitted.name, room.name);
    let [view] = &admitted.members[..] else { panic!("one other") };
    assert_eq!((view.member, view.session, &view.card), (ana.member, ana.session, &ana.card));

    let Event::Joined(view) = ana_client.event().await else { panic!("nobody joined") };
    assert_eq!((view.member, view.ordinal, view.presence), (ben.member, 1, Presence::Present));
    assert_eq!((view.session, view.card), (ben.session, ben.card));
}

#[tokio::test]
async fn a_lost_socket_is_away_and_comes_back_with_its_page_or_a_new_one() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let ben_client = Client::joining(&broker, &room, &ben).await;
    assert!(matches!(ana_client.event().await, Event::Joined(_)));

    for ben in [ben.clone(), ben.reloaded()] {
        let mut again = Client::connect(&broker.room_url(&room)).await;
        again.come_back(&room, &ben).await.expect("back");
        let Event::Back(view) = ana_client.event().await else { panic!("not back") };
        assert_eq!((view.member, view.session), (ben.member, ben.session));
        drop(again);
        assert_eq!(ana_client.event().await, Event::Away { member: ben.member });
    }
    drop(ben_client);
    assert!(ana_client.is_undisturbed().await, "the older socket had no seat any more");
}

#[tokio::test]
async fn leaving_keeps_the_seat_and_forgetting_releases_it() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let mut ben_client = Client::joining(&broker, &room, &ben).await;
    assert!(matches!(ana_client.event().await, Event::Joined(_)));

    ben_client.done(Verb::Leave).await.expect("left");
    assert_eq!(ana_client.event().await, Event::Left { member: ben.member });
    ben_client.come_back(&room, &ben).await.expect("on the same socket");
    assert!(matches!(ana_client.event().await, Event::Back(_)));
    ben_client.done(Verb::Forget(Forget::default())).await.expect("released");
    assert_eq!(ana_client.event().await, Event::Forgotten { member: ben.member });
    assert_eq!(ben_client.come_back(&room, &ben).await, Err(RefusalCode::UnknownSeat));
}

#[tokio::test]
async fn a_newer_socket_takes_the_seat_over() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let mut older = Client::joining(&broker, &room, &ben).await;
    let mut newer = Client::connect(&broker.room_url(&room)).await;
    newer.come_back(&room, &ben.reloaded()).await.expect("taken over");
    assert_eq!(older.close_code().await, 4001);
    assert!(matches!(ana_client.event().await, Event::Joined(_)));
    assert!(matches!(ana_client.event().await, Event::Back(_)));
    ana_client.offer(&ben, 1).await.expect("passed on");
    assert!(matches!(newer.event().await, Event::Offer { .. }));
    assert!(ana_client.is_undisturbed().await);
}

#[tokio::test]
async fn a_full_room_refuses_and_keeps_seats() {
    let (broker, room) = (Broker::start(&["--max-members", "2"]).await, Room::new());
    let [ana, ben, eve] = ["Ana", "Ben", "Eve"].map(|name| Seat::new(&room, name));
    let _ana_client = Client::creating(&broker, &room, &ana).await;
    let mut ben_client = Client::joining(&broker, &room, &ben).await;
    let mut eve_client = Client::connect(&broker.room_url(&room)).await;
    assert_eq!(eve_client.join(&room, &eve).await, Err(RefusalCode::RoomFull));
    ben_client.done(Verb::Leave).await.expect("left");
    eve_client.join(&room, &eve).await.expect("a place is free");
    assert_eq!(ben_client.come_back(&room, &ben).await, Err(RefusalCode::RoomFull));
    eve_client.done(Verb::Leave).await.expect("left");
    ben_client.come_back(&room, &ben).await.expect("the seat was kept");
}

#[tokio::test]
async fn a_new_card_reaches_the_others() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let mut ben_client = Client::joining(&broker, &room, &ben).await;
    assert!(matches!(ana_client.event().await, Event::Joined(_)));
    let card = Seat::new(&room, "Benjamin").card;
    ben_client.done(Verb::Card(klatch_shared::wire::NewCard { card: card.clone() })).await.expect("changed");
    assert_eq!(ana_client.event().await, Event::Card { member: ben.member, card });
}

#[tokio::test]
async fn members_are_told_of_ice_servers_and_nobody_else_is() {
    let broker = Broker::start(&["--ice-server", "stun:stun.example:3478"]).await;
    let room = Room::new();
    let mut client = Client::connect(&broker.room_url(&room)).await;
    let asked: Result<klatch_shared::wire::IceServers, _> = client.ask(Verb::IceServers).await;
    assert_eq!(asked, Err(RefusalCode::NotJoined));
    client.create(&room, &Seat::new(&room, "Ana")).await.expect("a room");
    let servers: klatch_shared::wire::IceServers = client.ask(Verb::IceServers).await.expect("a member");
    assert_eq!(servers.ice_servers[0].urls, ["stun:stun.example:3478"]);
}

#[tokio::test]
async fn members_are_handed_credentials_for_outside_servers_that_tell_nothing_of_them() {
    let secret = TempFile::with("outside");
    let flags = ["--ice-server", "turn:turn.example:3478", "--ice-secret-file", secret.path()];
    let (broker, room) = (Broker::start(&flags).await, Room::new());
    let (ana, ben) = (Seat::new(&room, "Ana"), Seat::new(&room, "Ben"));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let mut ben_client = Client::joining(&broker, &room, &ben).await;
    let of_ana = ana_client.credentials().await.expect("a member");
    let of_ben = ben_client.credentials().await.expect("a member");
    let (expiry, holder) = of_ana.username.split_once(':').expect("expiry:holder");
    let left = expiry.parse::<u64>().expect("a time") - SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    assert!((590..=600).contains(&left), "{left}");
    let outside = Secret::new(b"outside").expect("a secret");
    let made = outside.credentials(&holder.parse().expect("a holder"), expiry.parse().expect("a time"), 0);
    assert_eq!((&of_ana.username, &of_ana.credential), (&made.username, &made.password));
    assert!(!of_ana.username.contains(&ana.member.to_string()));
    assert_ne!(holder, of_ben.username.split_once(':').expect("expiry:holder").1);
}

#[tokio::test]
async fn a_socket_leads_to_the_room_in_its_path_and_no_other() {
    let (broker, room, other) = (Broker::start(&[]).await, Room::new(), Room::new());
    let mut client = Client::connect(&broker.room_url(&other)).await;
    let seat = Seat::new(&room, "Ana");
    assert_eq!(client.create(&room, &seat).await, Err(RefusalCode::BadProof));
}
