//! Coming, going and coming back, over and over: each time the two are connected, and nothing of the times before is left.

use anyhow::{Result, ensure};
use klatch_tests::{Kind, Person, Scene, play, play_within};
use std::time::Duration;

/// Descriptions that two may set until they are through: an offer in vain, one that is answered, and an exchange that a busy machine is
/// too late to do without.
const ENOUGH: f64 = 5.0;
/// Who meets.
type Pairs = &'static [[Kind; 2]];
/// Times that are enough for each change, and for whom.
const FEW: (usize, Pairs) = (4, &[[Kind::Chromium; 2], [Kind::Chromium, Kind::Firefox]]);
/// Times that find what is rare, and who may find it.
const MANY: (usize, Pairs) = (50, &[[Kind::Chromium; 2], [Kind::Chromium, Kind::Firefox], [Kind::Firefox; 2]]);
/// What those may take on a busy machine.
const LONG: Duration = Duration::from_secs(2400);

#[test]
fn who_leaves_and_comes_back_is_connected_each_time() {
    play(async |scene| one_after_the_other(scene, FEW).await);
}

#[test]
fn two_who_reload_at_once_are_connected_each_time() {
    play(async |scene| both_at_once(scene, FEW).await);
}

#[test]
#[ignore = "takes twenty minutes"]
fn who_leaves_and_comes_back_fifty_times_is_connected_each_time() {
    play_within(LONG, async |scene| one_after_the_other(scene, MANY).await);
}

#[test]
#[ignore = "takes twenty minutes"]
fn two_who_reload_at_once_fifty_times_are_connected_each_time() {
    play_within(LONG, async |scene| both_at_once(scene, MANY).await);
}

/// Keeps an offer back until the page has sent one of its own; counts the descriptions that it sets.
const CROSSING: &str = r#"() => {
    const held = [];
    [window.__set, window.__offered] = [0, false];
    window.WebSocket = new Proxy(WebSocket, {
        construct(target, args) {
            const socket = new target(...args);
            const send = socket.send;
            socket.send = (text) => {
                send.call(socket, text);
                if (JSON.parse(text).verb !== "offer") return;
                window.__offered = true;
                for (const data of held.splice(0)) socket.dispatchEvent(new MessageEvent("message", { data }));
            };
            socket.addEventListener("message", (event) => {
                if (window.__offered || JSON.parse(event.data).event !== "offer") return;
                event.stopImmediatePropagation();
                held.push(event.data);
            });
            return socket;
        },
    });
    if (!window.RTCPeerConnection) return;
    const { setLocalDescription } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.setLocalDescription = function (...args) {
        window.__set += 1;
        return setLocalDescription.apply(this, args);
    };
}"#;

#[test]
fn two_whose_offers_cross_come_to_an_end_of_it() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let [ana, bo] = [scene.person(kind, "Ana").await?, scene.person(kind, "Bo").await?];
            cross(&ana, &bo).await?;
            let link = ana.creates(&broker, "Sunday breakfast").await?;
            bo.accepts(&link).await?;
            crossed(&ana, &bo).await?;
            part(&ana, &bo).await?;
        }
        Ok(())
    });
}

async fn one_after_the_other(scene: &Scene, (times, pairs): (usize, Pairs)) -> Result<()> {
    let broker = scene.broker(&[]).await?;
    for [first, second] in pairs {
        let ([ana, bo], _) = scene.meet(&broker, [(*first, "Ana"), (*second, "Bo")]).await?;
        for time in 0..times {
            bo.leaves().await?;
            // Ana's page has seen him go in some of the times, and is surprised in the others.
            if time.is_multiple_of(2) {
                ana.no_longer_sees("Bo").await?;
            }
            bo.page().click("link", "Sunday breakfast").await?;
            bo.is_in_the_room().await?;
            are_connected(&ana, &bo).await?;
        }
        part(&ana, &bo).await?;
    }
    Ok(())
}

/// Each time there is glare.
async fn both_at_once(scene: &Scene, (times, pairs): (usize, Pairs)) -> Result<()> {
    let broker = scene.broker(&[]).await?;
    for [first, second] in pairs {
        let ([ana, bo], _) = scene.meet(&broker, [(*first, "Ana"), (*second, "Bo")]).await?;
        cross(&ana, &bo).await?;
        for _ in 0..times {
            tokio::try_join!(ana.page().reload(), bo.page().reload())?;
            crossed(&ana, &bo).await?;
            scene.check_consoles()?;
        }
        part(&ana, &bo).await?;
    }
    Ok(())
}

/// From their next loads on, neither hears of an offer before it has made its own.
async fn cross(ana: &Person, bo: &Person) -> Result<()> {
    for person in [ana, bo] {
        person.page().prepare(CROSSING).await?;
    }
    Ok(())
}

/// Connected, after both had offered, and soon done with it.
async fn crossed(ana: &Person, bo: &Person) -> Result<()> {
    are_connected(ana, bo).await?;
    let mut set = 0.0;
    for person in [ana, bo] {
        ensure!(person.page().number("Number(__offered)").await? == 1.0, "{} has made no offer", person.name());
        set += person.page().number("__set").await?;
    }
    ensure!(set <= ENOUGH, "{set} descriptions were set");
    Ok(())
}

/// By one connection each, over which sound comes.
async fn are_connected(ana: &Person, bo: &Person) -> Result<()> {
    for (person, other) in [(ana, bo), (bo, ana)] {
        person.is_connected_to(other.name()).await?;
        person.hears(1).await?;
    }
    Ok(())
}

async fn part(ana: &Person, bo: &Person) -> Result<()> {
    for person in [ana, bo] {
        person.leaves().await?;
        ensure!(person.connections().await?.is_empty(), "{} keeps connections", person.name());
    }
    Ok(())
}
