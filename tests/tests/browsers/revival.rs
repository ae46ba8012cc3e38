//! A locked room whose server forgot it, and somebody with its link who is quicker than its members to bring it back.

use anyhow::{Context as _, Result, ensure};
use klatch_shared::wire::{Admitted, SeatOf};
use klatch_tests::outsider::Outsider;
use klatch_tests::page::PATIENCE;
use klatch_tests::wire::Recorder;
use klatch_tests::{Broker, Kind, Person, Scene, play, wait};
use serde_json::Value;
use std::time::Duration;

const OUT_OF_REACH: &str = "The server is out of reach.";
const TURNED_AWAY: &str = "Mal is in the room, who was not here when it was locked";

/// A server that is stopped and started again while nobody reaches it.
struct Restarts {
    recorders: [Recorder; 2],
    broker: Broker,
}

impl Restarts {
    async fn start() -> Result<Self> {
        let recorders = [Recorder::start().await?, Recorder::start().await?];
        let broker =
            Broker::start(&["--public-url", &recorders[0].url(), "--allow-origin", &recorders[1].url()]).await?;
        recorders.iter().for_each(|recorder| recorder.forward_to(broker.port()));
        Ok(Self { recorders, broker })
    }

    async fn restart(&mut self) -> Result<()> {
        self.recorders.iter().for_each(|recorder| recorder.let_pass(false));
        self.broker.stop().await?;
        self.broker =
            Broker::start(&["--public-url", &self.recorders[0].url(), "--allow-origin", &self.recorders[1].url()])
                .await?;
        self.recorders.iter().for_each(|recorder| recorder.forward_to(self.broker.port()));
        Ok(())
    }
}

/// Ana, who created the room, and Bo, each with a way to the server of their own.
async fn meet(scene: &Scene, server: &Restarts) -> Result<(Person, Person, String)> {
    for text in ["WebSocket", "ws://", "can’t establish a connection", "interrupted while the page was loading"] {
        scene.forgive(text);
    }
    let ana = scene.person(Kind::Chromium, "Ana").await?;
    let link = ana.creates_at(&server.recorders[0].url(), "Sunday breakfast").await?;
    let bo = scene.person(Kind::Firefox, "Bo").await?;
    bo.accepts(&link.replace(&server.recorders[0].url(), &server.recorders[1].url())).await?;
    ana.is_connected_to("Bo").await?;
    bo.is_connected_to("Ana").await?;
    Ok((ana, bo, link))
}

/// Two whose room was locked after Mal, who has the link, looked in, and whose server has forgotten it; what Mal saw, and the link.
async fn are_locked_from_one_who_looked_in(
    scene: &Scene,
    server: &mut Restarts,
) -> Result<([Person; 2], Outsider, Admitted, String)> {
    let (ana, bo, link) = meet(scene, server).await?;
    let mal = Outsider::new("Mal", &link)?;
    let saw = mal.looks_in(server.broker.port()).await?;
    ana.toggles("Lock room").await?;
    bo.page().shows("Locked").await?;
    server.restart().await?;
    Ok(([ana, bo], mal, saw, link))
}

/// Waits until whoever has only the link is refused.
async fn is_locked(server: &Restarts, link: &str) -> Result<()> {
    let refused = async || {
        let looked = Outsider::new("Dee", link)?.looks_in(server.broker.port()).await;
        Ok(looked.err().filter(|error| error.to_string().contains("RoomLocked")))
    };
    wait::until("a locked room", PATIENCE, refused).await.map(drop)
}

async fn is_not_met(person: &Person) -> Result<()> {
    ensure!(!person.page().has("group", "Mal").await?, "{} sees somebody who was locked out", person.name());
    person.hears(1).await
}

#[test]
fn who_has_only_the_link_is_met_by_nobody_and_the_call_goes_on() {
    play(async |scene| {
        let mut server = Restarts::start().await?;
        let (ana, bo, link) = meet(scene, &server).await?;
        ana.toggles("Lock room").await?;
        bo.page().shows("Locked").await?;
        server.restart().await?;
        let _mal = Outsider::new("Mal", &link)?.revives(server.broker.port(), None, Vec::new()).await?;
        server.recorders.iter().for_each(|recorder| recorder.let_pass(true));
        for person in [&ana, &bo] {
            person.page().no_longer_shows(OUT_OF_REACH).await?;
            person.page().shows(TURNED_AWAY).await?;
            is_not_met(person).await?;
        }
        // Seats, lock and link are the same.
        for (person, other) in [(&bo, &ana), (&ana, &bo)] {
            person.page().reload().await?;
            person.is_in_the_room().await?;
            person.is_connected_to(other.name()).await?;
            other.is_connected_to(person.name()).await?;
            is_not_met(person).await?;
        }
        let dee = scene.person(Kind::Chromium, "Dee").await?;
        dee.page().open(&link).await?;
        dee.is_in_trouble("This room is locked", "Ask somebody inside to unlock it.").await
    });
}

#[test]
fn who_was_here_before_it_was_locked_is_met_once_the_creator_unlocks_it() {
    play(async |scene| {
        let mut server = Restarts::start().await?;
        let ([ana, bo], mal, saw, link) = are_locked_from_one_who_looked_in(scene, &mut server).await?;
        // Ana's seat is told of and Bo's is not, nor that it is locked.
        let seats = saw.members.iter().filter(|view| view.member == saw.creator).map(SeatOf::from);
        let _mal = mal.revives(server.broker.port(), Some(saw.creator), seats.collect()).await?;
        server.recorders[0].let_pass(true);
        ana.page().no_longer_shows(OUT_OF_REACH).await?;
        ana.page().shows(TURNED_AWAY).await?;
        is_not_met(&ana).await?;
        ana.is_connected_to("Bo").await?;
        // Her page locks it again, before anybody else tells of the lock.
        is_locked(&server, &link).await?;
        server.recorders[1].let_pass(true);
        bo.page().no_longer_shows(OUT_OF_REACH).await?;
        bo.page().shows(TURNED_AWAY).await?;
        is_not_met(&bo).await?;
        bo.page().reload().await?;
        bo.is_connected_to("Ana").await?;
        is_not_met(&bo).await?;
        ana.toggles("Lock room").await?;
        for person in [&ana, &bo] {
            person.sees("Mal").await?;
        }
        Ok(())
    });
}

/// Bo's page is loaded again after somebody with the link was in the room first, in one way or another.
fn is_loaded_again(is_created: bool) {
    play(async |scene| {
        let mut server = Restarts::start().await?;
        let (ana, bo, link) = meet(scene, &server).await?;
        ana.toggles("Lock room").await?;
        bo.page().shows("Locked").await?;
        let address = link.replace(&server.recorders[0].url(), &server.recorders[1].url());
        bo.page().open("about:blank").await?;
        ana.no_longer_sees("Bo").await?;
        server.restart().await?;
        let mal = Outsider::new("Mal", &link)?;
        let port = server.broker.port();
        let _inside = if is_created { mal.creates(port).await } else { mal.revives(port, None, Vec::new()).await }?;
        server.recorders[1].let_pass(true);
        bo.page().open(&address).await?;
        for _ in 0..2 {
            bo.is_in_the_room().await?;
            bo.page().shows("Locked").await?;
            bo.page().shows(TURNED_AWAY).await?;
            is_alone(&bo).await?;
            bo.page().reload().await?;
        }
        server.recorders[0].let_pass(true);
        if !is_created {
            // His seat is the one that she knows.
            ana.is_connected_to("Bo").await?;
            bo.is_connected_to("Ana").await?;
            is_not_met(&ana).await?;
            is_not_met(&bo).await?;
        }
        Ok(())
    });
}

async fn is_alone(person: &Person) -> Result<()> {
    ensure!(!person.page().has("group", "Mal").await?, "{} sees somebody who was locked out", person.name());
    Ok(())
}

#[test]
fn whose_page_is_loaded_again_has_seat_and_lock_though_a_stranger_was_quicker() {
    is_loaded_again(false);
}

#[test]
fn whose_page_is_loaded_again_in_a_room_that_a_stranger_created_meets_nobody_unknown() {
    is_loaded_again(true);
}

#[test]
fn whom_a_forgetful_server_has_for_the_creator_ends_the_room_for_nobody() {
    play(async |scene| {
        let mut server = Restarts::start().await?;
        let ([ana, bo], mal, saw, link) = are_locked_from_one_who_looked_in(scene, &mut server).await?;
        let seats = saw.members.iter().map(SeatOf::from);
        let inside = mal.revives(server.broker.port(), None, seats.collect()).await?;
        server.recorders[1].let_pass(true);
        bo.page().shows(TURNED_AWAY).await?;
        // What its page remembers of the creator outlives a reload.
        bo.page().reload().await?;
        bo.page().shows(TURNED_AWAY).await?;
        inside.ends_the_room().await?;
        server.recorders[0].let_pass(true);
        for (person, other) in [(&ana, &bo), (&bo, &ana)] {
            person.page().no_longer_shows(OUT_OF_REACH).await?;
            person.is_connected_to(other.name()).await?;
        }
        is_locked(&server, &link).await
    });
}

#[test]
fn who_lost_the_seat_is_in_the_call_as_long_as_they_are_connected() {
    play(async |scene| {
        let server = Restarts::start().await?;
        let (ana, bo, link) = meet(scene, &server).await?;
        server.recorders[1].let_pass(false);
        bo.page().shows(OUT_OF_REACH).await?;
        let token = bo.page().call("() => JSON.parse(localStorage['klatch.rooms'])[0].seat", Value::Null).await?;
        let token = token.as_str().context("a token")?.parse()?;
        Outsider::new("Mal", &link)?.releases(server.broker.port(), token).await?;
        wait::never("Bo is gone though there is a link", Duration::from_secs(2), async || {
            Ok((!ana.page().has("group", "Bo").await?).then_some(()))
        })
        .await?;
        server.recorders[1].let_pass(true);
        bo.says("Still here").await?;
        ana.opens("Chat").await?;
        ana.reads("Still here").await?;
        // And no longer.
        bo.page().close().await?;
        ana.no_longer_sees("Bo").await
    });
}
