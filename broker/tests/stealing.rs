//! The state file in a thief's hands: what stands there, and what can be done with it.

mod common;

use std::collections::BTreeSet;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use common::{Broker, Client, ROOM_NAME, Room, Seat, TempFile};
use klatch_shared::TokenHash;
use klatch_shared::wire::{Admission, Admitted, Create, RefusalCode, Verb};
use serde::Serialize;

const ANA: &str = "Anastasia Quartermain";
const BEN: &str = "Benvolio Montague";

/// A room that Ana created and Ben joined, both away, in a broker that keeps it.
struct Theft {
    file: TempFile,
    broker: Broker,
    room: Room,
    ana: Seat,
    ben: Seat,
}

impl Theft {
    async fn prepare() -> Self {
        let (file, room) = (TempFile::unused(), Room::new());
        let broker = Broker::start(&["--state", file.path()]).await;
        let (ana, ben) = (Seat::new(&room, ANA), Seat::new(&room, BEN));
        drop(Client::creating(&broker, &room, &ana).await);
        drop(Client::joining(&broker, &room, &ben).await);
        Self { file, broker, room, ana, ben }
    }

    async fn restart(self) -> Self {
        self.broker.server.shutdown().await;
        Self { broker: Broker::start(&["--state", self.file.path()]).await, ..self }
    }

    /// Tries to pass for each member with what may be the hash that its seat was taken with.
    async fn misuse(&self, likely: &[TokenHash]) {
        for (seat, hash) in [&self.ana, &self.ben].into_iter().flat_map(|seat| likely.iter().map(move |it| (seat, *it)))
        {
            let mut thief = Client::connect(&self.broker.room_url(&self.room)).await;
            let create = Create { seat: hash, ..thief.create_request(&self.room, seat) };
            assert_eq!(thief.ask::<Admitted>(Verb::Create(create)).await, Err(RefusalCode::RoomExists));
            let admission = Admission::Invite { token: self.room.invite.clone(), seat: hash };
            let join = thief.join_request(&self.room, seat, admission);
            assert_eq!(thief.ask::<Admitted>(Verb::Join(join)).await, Err(RefusalCode::MemberTaken));
        }
    }

    fn loot(&self) -> Vec<u8> {
        std::fs::read(self.file.path()).expect("readable")
    }
}

fn text(value: impl Serialize) -> String {
    serde_json::to_string(&value).expect("plain").trim_matches('"').into()
}

fn holds(loot: &[u8], bytes: &[u8]) -> bool {
    loot.windows(bytes.len()).any(|window| window == bytes)
}

#[tokio::test]
async fn no_key_no_token_no_name_and_no_address_is_in_the_state_file() {
    let theft = Theft::prepare().await;
    let Theft { room, ana, ben, .. } = &theft;
    let loot = theft.loot();
    for (what, sealed) in
        [("a name", room.name.as_str()), ("a card", ana.card.as_str()), ("a hash", &text(room.invite.hash()))]
    {
        assert!(holds(&loot, sealed.as_bytes()), "the file was read, and has {what}");
    }
    for (what, secret) in [
        ("the room's key", room.keys.key().reveal()),
        ("the invitation", room.invite.reveal()),
        ("a seat's token", ana.token.reveal()),
        ("a seat's token", ben.token.reveal()),
        ("what a seat is taken with", text(ana.token.hash())),
        ("what a seat is taken with", text(ben.token.hash())),
    ] {
        let bytes = Base64UrlUnpadded::decode_vec(&secret).expect("base64url");
        assert!(!holds(&loot, secret.as_bytes()) && !holds(&loot, &bytes), "{what} is in the state file");
    }
    for name in [ANA, BEN, ROOM_NAME, "Anastasia", "Montague", "Kitchen", "127.0.0.1"] {
        assert!(!holds(&loot, name.as_bytes()), "{name} is in the state file");
    }
}

#[tokio::test]
async fn who_has_the_file_and_the_link_too_sits_on_nobodys_seat() {
    let theft = Theft::prepare().await;
    let loot = theft.loot();
    // Members know each other's ids and sessions; the rest would have to be something in the file.
    let text = String::from_utf8_lossy(&loot);
    let likely: BTreeSet<_> = text.split('"').filter(|text| text.parse::<TokenHash>().is_ok()).collect();
    assert!(likely.len() >= 3, "two seats' and an invitation's: {}", likely.len());
    let likely: Vec<TokenHash> = likely.into_iter().map(|text| text.parse().expect("one")).collect();
    theft.misuse(&likely).await;
    theft.restart().await.misuse(&likely).await;
}
