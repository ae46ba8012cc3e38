//! Long meetings with much coming and going, in good networks and in bad ones: what they take of the server and of a member who stays
//! does not grow.
//!
//! Whose memory is looked at, Ana, is asked by scripts alone until the end: a driver's handle on an element keeps it, and all that it was
//! part of, for as long as her page lives.

use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use klatch_tests::homes::play_in_lab_within;
use klatch_tests::lab::{Fault, Firewall, Home, Nat, PAGE_PORT};
use klatch_tests::page::PATIENCE;
use klatch_tests::usage::{open_files, resident_kib, steady};
use klatch_tests::{Broker, Kind, Person, play_within, wait};

/// Rounds that are enough to compare.
const MIN_ROUNDS: usize = 9;
/// What those may take on a busy machine.
const SLOW: Duration = Duration::from_secs(600);

#[test]
#[ignore = "takes eight minutes, or KLATCH_SOAK_MINUTES"]
fn guests_come_and_go_and_nothing_of_them_stays() {
    let meeting = meeting(8.0);
    play_within(meeting + SLOW, async |scene| {
        // Connections without a request end soon, so that only those of members are open after a guest has gone.
        let broker = scene.broker(&["--limit", "header-seconds=1"]).await?;
        let idle = open_files(broker.id())?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        let guests = [scene.person(Kind::Chromium, "Çelik").await?, scene.person(Kind::Firefox, "Dee").await?];
        let mut seated = [false; 2];

        let (since, mut resident, mut heap, mut connections) = (Instant::now(), Vec::new(), Vec::new(), Vec::new());
        while since.elapsed() < meeting || resident.len() < MIN_ROUNDS {
            let round = resident.len();
            let guest = scene.second_tab(&guests[round % 2]).await?;
            comes(&guest, &broker, &link, seated[round % 2]).await?;
            takes_part(&guest, [&ana, &bo], round).await?;
            seated[round % 2] = goes(&guest, &bo, round / 2).await?;
            bo.no_longer_sees(guest.name()).await?;
            bo.is_connected_to("Ana").await?;
            has(&ana, guest.name(), Tile::None).await?;
            has(&ana, "Bo", Tile::Connected).await?;
            // The two who stay have a socket each.
            let mut files = 0;
            wait::until("the guest's connections to end", Duration::from_secs(20), async || {
                files = open_files(broker.id())?;
                Ok((files == idle + 2).then_some(()))
            })
            .await?;
            resident.push(resident_kib(broker.id())?);
            // What the scripts hold, rather than the process: that keeps for itself what it once had, and has more of it
            // on a busy machine.
            let holdings = ana.page().holdings().await?;
            println!("after {:.0} s, round {round}: {holdings:.0?}", since.elapsed().as_secs_f64());
            heap.push(holdings.script + holdings.module);
            connections.push(holdings.connections);
            scene.check_consoles()?;
        }
        steady("KiB resident of the server", &resident).map_err(Error::msg)?;
        steady("connections of a page that stays", &connections).map_err(Error::msg)?;
        steady("KiB in the heap of a page that stays", &heap).map_err(Error::msg)
    });
}

#[test]
#[ignore = "takes ten minutes, or KLATCH_SOAK_MINUTES"]
fn guests_come_and_go_while_networks_fail_and_nothing_of_that_stays() {
    let meeting = meeting(10.0);
    play_in_lab_within(meeting + SLOW, async |scene, lab| {
        for text in [
            "WebSocket",
            "ws://",
            "can’t establish a connection",
            "interrupted while the page was loading",
            "ICE failed",
        ] {
            scene.forgive(text);
        }
        // So strict that all goes over the relay, which is the server's.
        let mut homes = Vec::new();
        for _ in 0..3 {
            homes.push(lab.home(Nat::Symmetric, Firewall::Open).await?);
        }
        let file = std::env::temp_dir().join(format!("klatch-soak-{}.redb", std::process::id()));
        // Whoever failed may have left one of that name.
        let _ = std::fs::remove_file(&file);
        let state = file.display().to_string();
        let flags = ["--turn", "--turn-listen", "203.0.113.1:3478", "--state", &state];
        let broker = scene.broker_in(lab, PAGE_PORT, &flags).await?;
        let ana = scene.person_at(&homes[0], Kind::Chromium, "Ana").await?;
        let bo = scene.person_at(&homes[1], Kind::Firefox, "Bo").await?;
        let visitor = scene.person_at(&homes[2], Kind::Chromium, "Dee").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        bo.accepts(&link).await?;
        ana.is_connected_by("relay", "Bo").await?;

        let (since, mut resident, mut heap, mut seated) = (Instant::now(), Vec::new(), Vec::new(), false);
        let mut connections = Vec::new();
        let mut said = Vec::new();
        while since.elapsed() < meeting || resident.len() < MIN_ROUNDS {
            let round = resident.len();
            let guest = scene.second_tab(&visitor).await?;
            let fault = begins(&homes[0], round)?;
            comes(&guest, &broker, &link, seated).await?;
            guest.is_connected_by("relay", "Bo").await?;
            let words = format!("Good morning, number {round}!");
            guest.says(&words).await?;
            tokio::time::sleep_until((fault + TROUBLE).into()).await;
            ends(&homes[0], round)?;
            for (person, others) in [(&bo, ["Ana", "Dee"]), (&guest, ["Ana", "Bo"])] {
                for other in others {
                    person.is_connected_by("relay", other).await?;
                }
                person.reads_in_turn(&[&words]).await?;
                person.closes("Chat").await?;
            }
            for other in ["Bo", "Dee"] {
                has(&ana, other, Tile::Connected).await?;
            }
            said.push(words);
            bo.hears(2).await?;
            seated = goes(&guest, &bo, round).await?;
            bo.no_longer_sees("Dee").await?;
            has(&ana, "Dee", Tile::None).await?;
            resident.push(resident_kib(broker.id())?);
            let holdings = ana.page().holdings().await?;
            println!(
                "after {:.0} s, round {round}: {holdings:.0?}, {:.0?}",
                since.elapsed().as_secs_f64(),
                resident.last()
            );
            heap.push(holdings.script + holdings.module);
            connections.push(holdings.connections);
            scene.check_consoles()?;
        }
        ana.reads_in_turn(&said.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        steady("KiB resident of the server and relay", &resident).map_err(Error::msg)?;
        steady("connections of a page that stays", &connections).map_err(Error::msg)?;
        steady("KiB in the heap of a page that stays", &heap).map_err(Error::msg)?;
        Ok(std::fs::remove_file(file)?)
    });
}

/// Long enough for a cut to be noticed.
const TROUBLE: Duration = Duration::from_secs(6);

/// Another trouble in each round.
fn begins(home: &Home, round: usize) -> Result<Instant> {
    match round % 3 {
        0 => home.suffers(Fault::Cut)?,
        1 => home.suffers(Fault::Loss(10))?,
        _ => drop(home.moves()?),
    }
    Ok(Instant::now())
}

fn ends(home: &Home, round: usize) -> Result<()> {
    // A new address is there to stay.
    if round % 3 < 2 { home.recovers() } else { Ok(()) }
}

/// How long it goes on, unless that is said.
fn meeting(usual: f64) -> Duration {
    let minutes = std::env::var("KLATCH_SOAK_MINUTES").map_or(usual, |text| text.parse().expect("minutes"));
    Duration::from_secs_f64(minutes * 60.0)
}

/// What a page shows of somebody.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tile {
    None,
    /// Without a picture.
    Connected,
    Picture,
}

async fn has(person: &Person, name: &str, wanted: Tile) -> Result<()> {
    let look = "(name) => {
        const tile = document.querySelector(`[role=group][data-state][aria-label=\"${name}\"]`);
        return tile && `${tile.dataset.state}${tile.querySelector('video')?.videoWidth ? ' with a picture' : ''}`;
    }";
    let what = format!("{} to have {wanted:?} of {name}", person.name());
    wait::until(&what, PATIENCE, async || {
        let seen = person.page().call(look, name.into()).await?;
        let seen = match seen.as_str() {
            None => Some(Tile::None),
            Some("connected") => Some(Tile::Connected),
            Some("connected with a picture") => Some(Tile::Picture),
            Some(_) => None,
        };
        Ok((seen == Some(wanted)).then_some(()))
    })
    .await
}

/// By the link, or from home to the seat that was kept.
async fn comes(guest: &Person, broker: &Broker, link: &str, seated: bool) -> Result<()> {
    if seated {
        guest.page().open(broker.url()).await?;
        guest.page().click("link", "Sunday breakfast").await?;
        guest.is_in_the_room().await
    } else {
        guest.accepts(link).await
    }
}

async fn takes_part(guest: &Person, [ana, bo]: [&Person; 2], round: usize) -> Result<()> {
    has(ana, guest.name(), Tile::Connected).await?;
    bo.is_connected_to(guest.name()).await?;
    for person in [ana, bo] {
        guest.is_connected_to(person.name()).await?;
    }
    let words = format!("Good morning, number {round}");
    guest.says(&words).await?;
    bo.reads(&words).await?;
    bo.closes("Chat").await?;
    guest.toggles("Camera").await?;
    bo.watches(guest.name()).await?;
    has(ana, guest.name(), Tile::Picture).await?;
    guest.toggles("Camera").await?;
    bo.shows_no_picture(guest.name()).await?;
    has(ana, guest.name(), Tile::Connected).await?;
    bo.hears(2).await?;
    guest.hears(2).await
}

/// In one of three ways; whether the seat is kept.
async fn goes(guest: &Person, host: &Person, way: usize) -> Result<bool> {
    let kept = !way.is_multiple_of(3);
    match way % 3 {
        0 => {
            guest.leaves().await?;
            guest.page().click("button", "Forget Sunday breakfast").await?;
            guest.page().gone("link", "Sunday breakfast").await?;
        }
        1 => {}
        _ => {
            guest.page().reload().await?;
            guest.is_in_the_room().await?;
            host.is_connected_by_any(&["direct", "relay"], guest.name()).await?;
            guest.leaves().await?;
        }
    }
    guest.page().close().await?;
    Ok(kept)
}
