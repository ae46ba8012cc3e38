//! Rooms that members bring back, over real sockets, to a broker that knows nothing of them.

mod common;

use common::{Broker, Client, Room, Seat, TempFile};
use klatch_shared::wire::{Account, Admitted, Event, Lock, Presence, RefusalCode, Revive, SeatOf, Verb};
use klatch_shared::{Nonce, ProofLabel};

/// What a member who was admitted would bring back.
fn remembers(client: &Client, room: &Room, seat: &Seat, admitted: &Admitted, locked: bool) -> Revive {
    let seats = admitted.members.iter().map(SeatOf::from);
    Revive {
        member: seat.member,
        key: room.keys.public(),
        proof: room.keys.prove(ProofLabel::Revive, &client.hello.nonce, &seat.member),
        token: seat.token.clone(),
        ordinal: admitted.ordinal,
        card: seat.card.clone(),
        session: seat.session,
        account: Account {
            creator: admitted.creator,
            locked,
            name: admitted.name.clone(),
            invite: room.invite.hash(),
            next_ordinal: admitted.ordinal + 1,
            seats: seats.collect(),
        },
        code: None,
    }
}

#[tokio::test]
async fn what_members_were_told_brings_their_room_back() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let [ana, ben, cleo, dora] = ["Ana", "Ben", "Cleo", "Dora"].map(|name| Seat::new(&room, name));
    let mut ana_client = Client::creating(&broker, &room, &ana).await;
    let _ben_client = Client::joining(&broker, &room, &ben).await;
    let mut cleo_client = Client::connect(&broker.room_url(&room)).await;
    let cleo_knows = cleo_client.join(&room, &cleo).await.expect("a seat");
    ana_client.done(Verb::Lock(Lock { locked: true })).await.expect("the creator's to lock");
    broker.server.shutdown().await;

    let broker = Broker::start(&[]).await;
    let mut cleo_client = Client::connect(&broker.room_url(&room)).await;
    assert_eq!(cleo_client.come_back(&room, &cleo).await, Err(RefusalCode::UnknownRoom));
    let revive = remembers(&cleo_client, &room, &cleo, &cleo_knows, true);
    let admitted: Admitted = cleo_client.ask(Verb::Revive(revive)).await.expect("a seat");
    assert_eq!(
        (admitted.ordinal, admitted.locked, admitted.creator, &admitted.name),
        (2, true, ana.member, &room.name)
    );
    assert_eq!((admitted.members, admitted.reserved), (vec![], vec![ana.member, ben.member]));
    let revived = admitted.revived.expect("a number");

    let mut dora_client = Client::connect(&broker.room_url(&room)).await;
    assert_eq!(dora_client.join(&room, &dora).await, Err(RefusalCode::RoomLocked));
    // By their tokens alone, as a page that was loaded anew would.
    let mut ana_client = Client::connect(&broker.room_url(&room)).await;
    let admitted = ana_client.come_back(&room, &ana).await.expect("a seat");
    assert_eq!((admitted.ordinal, admitted.members.len(), admitted.reserved), (0, 1, vec![ben.member]));
    assert_eq!(admitted.revived, Some(revived));
    let Event::Back(view) = cleo_client.event().await else { panic!("Ana is back") };
    assert_eq!((view.member, view.presence, view.card), (ana.member, Presence::Present, ana.card.clone()));
    ana_client.done(Verb::Lock(Lock { locked: false })).await.expect("the creator's to unlock");
    dora_client.join(&room, &dora).await.expect("the link is the same");
}

#[tokio::test]
async fn who_proves_nothing_and_where_rooms_are_kept_nobody_brings_one_back() {
    let (file, room) = (TempFile::unused(), Room::new());
    let ana = Seat::new(&room, "Ana");
    let admitted = Admitted {
        ordinal: 0,
        creator: ana.member,
        locked: false,
        name: room.name.clone(),
        members: vec![],
        reserved: vec![],
        revived: None,
    };
    let broker = Broker::start(&[]).await;
    let mut client = Client::connect(&broker.room_url(&room)).await;
    let revive = remembers(&client, &room, &ana, &admitted, false);
    let nonce = client.hello.nonce;
    for proof in [
        room.keys.prove(ProofLabel::Join, &nonce, &ana.member),
        room.keys.prove(ProofLabel::Revive, &Nonce::random(), &ana.member),
        Room::new().keys.prove(ProofLabel::Revive, &nonce, &ana.member),
    ] {
        let forged = Revive { proof, ..revive.clone() };
        assert_eq!(client.done(Verb::Revive(forged)).await, Err(RefusalCode::BadProof));
    }
    client.ask::<Admitted>(Verb::Revive(revive)).await.expect("the true one holds");

    for flags in [["--limit", "revival-seconds=0"], ["--state", file.path()]] {
        let broker = Broker::start(&flags).await;
        let mut client = Client::connect(&broker.room_url(&room)).await;
        let revive = remembers(&client, &room, &ana, &admitted, false);
        assert_eq!(client.done(Verb::Revive(revive)).await, Err(RefusalCode::UnknownRoom), "{flags:?}");
    }
}
