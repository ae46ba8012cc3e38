//! Looking at rooms from outside.

mod common;

use common::{Broker, Client, Room, Seat};
use klatch_shared::wire::{Forget, Glance, Lock, Peek, PeekAt, Peeked, RefusalCode, RoomGlance, Verb};
use klatch_shared::{AnyToken, InviteToken, SeatToken};

async fn peek(client: &mut Client, room: &Room, token: AnyToken) -> Glance {
    let peek = Peek { rooms: vec![PeekAt { room: room.keys.id(), token }] };
    let mut peeked: Peeked = client.ask(Verb::Peek(peek)).await.expect("peeked");
    peeked.rooms.pop().expect("one").glance
}

async fn lobby(broker: &Broker) -> Client {
    Client::connect(&format!("ws://{}/ws", broker.address())).await
}

#[tokio::test]
async fn a_seat_and_an_invitation_show_how_a_room_is() {
    let (broker, room) = (Broker::start(&["--max-members", "1"]).await, Room::new());
    let ana = Seat::new(&room, "Ana");
    let mut client = Client::creating(&broker, &room, &ana).await;
    let mut lobby = lobby(&broker).await;
    let alive = |present, locked, full| RoomGlance { present, locked, full, name: room.name.clone(), expires_in: None };
    let glance = peek(&mut lobby, &room, AnyToken::Invite(room.invite.clone())).await;
    assert_eq!(glance, Glance::Alive(alive(1, false, true)));
    client.done(Verb::Lock(Lock { locked: true })).await.expect("locked");
    let glance = peek(&mut lobby, &room, AnyToken::Seat(ana.token.clone())).await;
    assert_eq!(glance, Glance::Alive(alive(1, true, true)));
    client.done(Verb::Leave).await.expect("left");
    let Glance::Alive(glance) = peek(&mut lobby, &room, AnyToken::Seat(ana.token)).await else { panic!("alive") };
    assert!(glance.expires_in.is_some_and(|left| left <= 1_800_000 && left > 1_700_000));
}

#[tokio::test]
async fn without_a_token_a_room_is_as_unknown_as_one_that_is_not_there() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let _client = Client::creating(&broker, &room, &Seat::new(&room, "Ana")).await;
    let mut lobby = lobby(&broker).await;
    let nowhere = peek(&mut lobby, &Room::new(), AnyToken::Invite(InviteToken::random())).await;
    assert!(matches!(&nowhere, Glance::Refused(refusal) if refusal.code == RefusalCode::UnknownRoom));
    assert_eq!(peek(&mut lobby, &room, AnyToken::Invite(InviteToken::random())).await, nowhere);
    assert_eq!(peek(&mut lobby, &room, AnyToken::Seat(SeatToken::random())).await, nowhere);
}

#[tokio::test]
async fn the_lobby_is_for_looking_alone() {
    let (broker, room) = (Broker::start(&[]).await, Room::new());
    let mut lobby = lobby(&broker).await;
    let seat = Seat::new(&room, "Ana");
    assert_eq!(lobby.create(&room, &seat).await, Err(RefusalCode::NoRoomHere));
    assert_eq!(lobby.join(&room, &seat).await, Err(RefusalCode::NoRoomHere));
    for verb in [Verb::Leave, Verb::Forget(Forget::default()), Verb::End, Verb::IceServers] {
        assert_eq!(lobby.done(verb).await, Err(RefusalCode::NoRoomHere));
    }
    lobby.done(Verb::Ping).await.expect("answered");
}
