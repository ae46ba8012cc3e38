//! What networks and servers do to a call, in a lab of network namespaces: it is whole again by itself, and says meanwhile how it is.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use klatch_tests::lab::{Fault, Firewall, Home, Nat, PAGE_PORT};
use klatch_tests::page::PATIENCE;
use klatch_tests::{Broker, Kind, Lab, Person, Scene, wait};
use serde_json::Value;

use crate::homes::{meet, play_in_lab};

/// How soon after a path is dead both pages say so: before browsers do.
const NOTICED: Duration = Duration::from_millis(5_000);

async fn home(lab: &mut Lab) -> Result<Home> {
    lab.home(Nat::Cone, Firewall::Open).await
}

/// A server; another one, which lives on, tells members their outer addresses.
async fn broker(scene: &Scene, lab: &Lab) -> Result<Broker> {
    scene.broker_in(lab, PAGE_PORT + 1, &["--turn", "--turn-listen", "203.0.113.1:3478"]).await?;
    Broker::start_in(lab, PAGE_PORT, &["--ice-server", "stun:203.0.113.1:3478"]).await
}

/// Two at home, who hear each other.
async fn call(scene: &Scene, lab: &mut Lab) -> Result<(Broker, [Home; 2], [Person; 2])> {
    // Browsers tell their consoles of WebSockets that can't be opened.
    for text in
        ["WebSocket", "ws://", "can’t establish a connection", "interrupted while the page was loading", "ICE failed"]
    {
        scene.forgive(text);
    }
    let homes = [home(lab).await?, home(lab).await?];
    let broker = broker(scene, lab).await?;
    let people = [(&homes[0], Kind::Chromium, "Ana"), (&homes[1], Kind::Firefox, "Bo")];
    let (ana, bo) = meet(scene, &broker, people).await?;
    for (person, other) in [(&ana, "Bo"), (&bo, "Ana")] {
        person.is_connected_to(other).await?;
        person.hears(1).await?;
    }
    Ok((broker, homes, [ana, bo]))
}

/// Waits until the tile of `other` says so; how long that took.
async fn shows(person: &Person, other: &str, state: &str, since: Instant) -> Result<Duration> {
    wait::until(&format!("{other} to be {state} for {}", person.name()), PATIENCE, async || {
        let tile = person.sees(other).await?;
        Ok((person.page().attribute(&tile, "data-state").await?.as_deref() == Some(state)).then_some(()))
    })
    .await?;
    Ok(since.elapsed())
}

/// Both hear each other again, and what was said meanwhile has arrived once.
async fn is_whole(people: &[Person; 2], since: Instant) -> Result<Duration> {
    let [ana, bo] = people;
    shows(ana, "Bo", "connected", since).await?;
    shows(bo, "Ana", "connected", since).await?;
    ana.hears(1).await?;
    bo.hears(1).await?;
    let took = since.elapsed();
    ana.reads("Are you there?").await?;
    ensure!(ana.page().text().await?.matches("Are you there?").count() == 1, "it was said once");
    bo.reads("received by all").await?;
    for person in people {
        ensure!(!person.page().text().await?.contains(" left"), "nobody left: {}", person.page().text().await?);
    }
    Ok(took)
}

/// The first home's way out is cut for so long.
async fn outage(scene: &Scene, lab: &mut Lab, length: Duration) -> Result<()> {
    let (_broker, [first, _second], people) = call(scene, lab).await?;
    let cut = Instant::now();
    first.suffers(Fault::Cut)?;
    people[1].says("Are you there?").await?;
    if length >= NOTICED {
        for (person, other) in [(&people[0], "Bo"), (&people[1], "Ana")] {
            let noticed = shows(person, other, "interrupted", cut).await?;
            eprintln!("{} noticed after {:.1} s", person.name(), noticed.as_secs_f32());
        }
    }
    // The outage has a length of its own.
    tokio::time::sleep_until((cut + length).into()).await;
    first.recovers()?;
    let took = is_whole(&people, Instant::now()).await?;
    eprintln!("a cut of {length:?}: whole {:.1} s after it", took.as_secs_f32());
    Ok(())
}

#[test]
fn a_call_whose_uplink_is_cut_for_five_seconds_goes_on() {
    play_in_lab(async |scene, lab| outage(scene, lab, Duration::from_secs(5)).await);
}

#[test]
#[ignore = "takes a minute"]
fn a_call_whose_uplink_is_cut_for_twelve_seconds_goes_on() {
    play_in_lab(async |scene, lab| outage(scene, lab, Duration::from_secs(12)).await);
}

#[test]
#[ignore = "takes two minutes"]
fn a_call_whose_uplink_is_cut_for_forty_seconds_goes_on() {
    play_in_lab(async |scene, lab| outage(scene, lab, Duration::from_secs(40)).await);
}

#[test]
fn who_comes_into_another_network_is_heard_again_soon() {
    play_in_lab(async |scene, lab| {
        let (_broker, [first, _second], people) = call(scene, lab).await?;
        let moved = Instant::now();
        first.moves()?;
        people[1].says("Are you there?").await?;
        shows(&people[1], "Ana", "interrupted", moved).await?;
        let took = is_whole(&people, moved).await?;
        eprintln!("an address changed: whole {:.1} s after it", took.as_secs_f32());
        Ok(())
    });
}

#[test]
fn without_a_server_a_broken_link_is_mended_by_way_of_a_third_member() {
    play_in_lab(async |scene, lab| {
        let (broker, [first, second], people) = call(scene, lab).await?;
        let third = home(lab).await?;
        let dee = scene.person_at(&third, Kind::Chromium, "Dee").await?;
        dee.accepts(&people[0].invitation().await?).await?;
        for person in &people {
            person.is_connected_to("Dee").await?;
        }
        drop(broker);
        for person in &people {
            person.page().shows("The server is out of reach.").await?;
        }
        // Long enough for browsers to give the path up: nothing but an ICE restart helps then.
        first.suffers(Fault::Apart(&second))?;
        people[1].says("Are you there?").await?;
        let failed = "() => __test.connections.filter((it) => it.connectionState === 'failed').length";
        wait::until("a browser to give up", PATIENCE, async || {
            for person in &people {
                if person.page().call(failed, Value::Null).await? == 1 {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .await?;
        first.recovers()?;
        let recovered = Instant::now();
        shows(&people[0], "Bo", "connected", recovered).await?;
        let took = shows(&people[1], "Ana", "connected", recovered).await?;
        eprintln!("mended without a server {:.1} s after there was a path", took.as_secs_f32());
        people[0].reads("Are you there?").await?;
        people[0].hears(2).await?;
        dee.hears(2).await
    });
}
