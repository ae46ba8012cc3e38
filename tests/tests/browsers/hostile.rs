//! Members who mean harm, or whose browser does: the others' calls go on.

use anyhow::{Context, Result, ensure};
use klatch_shared::limits::MAX_PEER_MESSAGE_BYTES;
use klatch_shared::peer::{ChatMessage, Moment, PeerMessage};
use klatch_shared::{MemberId, MemberKeys, RoomId};
use klatch_tests::page::PATIENCE;
use klatch_tests::{Broker, Kind, Person, Scene, play, wait};
use serde_json::{Value, json};
use std::time::Duration;

pub const NAMED: &str = "Mal sends too much, or what this page cannot read.";

/// Keeps the page's data channels within reach.
const CHANNELS: &str = r#"() => {
    const channels = (window.__channels = []);
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (...rest) {
        const channel = create.apply(this, rest);
        channels.push(channel);
        return channel;
    };
}"#;

/// Says these texts to everybody, each so many times.
pub async fn floods(person: &Person, texts: &[&str], times: u32) -> Result<()> {
    let flood = "([texts, times]) => {
        for (const channel of window.__channels.filter(({ readyState }) => readyState === 'open'))
            for (let i = 0; i < times; i++) texts.forEach((text) => channel.send(text));
    }";
    person.page().call(flood, json!([texts, times])).await.map(|_| ())
}

/// The others, as a page has their tiles.
pub async fn others(person: &Person) -> Result<Vec<MemberId>> {
    let tiles = "() => [...document.querySelectorAll('[id^=person-]')].map(({ id }) => id.slice(7))";
    let ids: Vec<String> = serde_json::from_value(person.page().call(tiles, Value::Null).await?)?;
    ids.iter().map(|id| id.parse().context("an id")).collect()
}

/// Mal comes by the link, whose channels are within reach.
pub async fn mal_comes(scene: &Scene, kind: Kind, link: &str) -> Result<Person> {
    let mal = scene.person(kind, "Mal").await?;
    mal.page().prepare(CHANNELS).await?;
    mal.accepts(link).await?;
    Ok(mal)
}

/// Ana, Bo and Mal, each connected to the others. Ana and Bo keep a diary of each other.
pub async fn with_mal(scene: &Scene, broker: &Broker) -> Result<[Person; 3]> {
    let ([ana, bo], link) = scene.meet(broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
    for person in [&ana, &bo] {
        person.keeps_a_diary_of_who_is_here(1).await?;
    }
    let mal = mal_comes(scene, Kind::Chromium, &link).await?;
    for person in [&ana, &bo] {
        person.is_connected_to("Mal").await?;
        mal.is_connected_to(person.name()).await?;
    }
    Ok([ana, bo, mal])
}

#[test]
fn rubbish_and_floods_between_members_are_left_out_and_the_others_go_on() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let [ana, bo, mal] = with_mal(scene, &broker).await?;
        let id = "AAAAAAAAAAA";
        let path: String = serde_json::from_value(mal.page().call("() => location.pathname", Value::Null).await?)?;
        let room: RoomId = path.trim_start_matches("/r/").parse()?;
        let (keys, moment) = (MemberKeys::random(), Moment { sent: 1, at: 1, last_seat: 0 });
        // In the name of Ana and of Bo, by who has not their keys, and of nobody.
        let victims = others(&mal).await?;
        ensure!(victims.len() == 2, "Mal sees {victims:?}");
        let mut forged = Vec::new();
        for author in victims.into_iter().chain([MemberId::random()]) {
            let message = ChatMessage::say(room, author, &keys, moment, "I am Ana".parse()?).into_inner();
            forged.push(PeerMessage::Lacked { cards: Vec::new(), messages: vec![message.clone()] }.to_text());
            forged.push(PeerMessage::Chat { message }.to_text());
        }
        let forged: Vec<&str> = forged.iter().map(String::as_str).collect();
        let long = format!(r#"{{"say":"bye","x":"{}"}}"#, "x".repeat(20_000));
        let unknown = format!(r#"{{"say":"received","prints":"{id}"}}"#);
        let rubbish = ["", "{", "null", r#"{"say":"dance"}"#, r#"{"say":"wants","camera":-1,"screen":1e99}"#];
        floods(&mal, &forged, 10).await?;
        for person in [&ana, &bo] {
            person.is_told(NAMED).await?;
        }
        floods(&mal, &rubbish, 10).await?;
        floods(&mal, &[&long, &unknown], 10).await?;
        floods(&mal, &[r#"{"say":"wants","camera":65535,"screen":1}"#, r#"{"say":"sends","camera":true}"#], 3000)
            .await?;
        bo.says("Do you hear me?").await?;
        ana.reads("Do you hear me?").await?;
        ana.says("Loud and clear").await?;
        bo.reads("Loud and clear").await?;
        ensure!(!ana.page().text().await?.contains("I am Ana"), "a forged message is shown");
        for (person, other) in [(&ana, &bo), (&bo, &ana)] {
            person.hears(2).await?;
            person.heard_all_along(other).await?;
        }
        // Ana has had enough; Bo has not.
        ana.opens("People").await?;
        ana.page().click("button", "Drop the connection").await?;
        is_connected(&mal, "Ana", false).await?;
        is_connected(&ana, "Mal", false).await?;
        ana.hears(1).await?;
        bo.hears(2).await?;
        mal.is_told("Ana has dropped the connection to you.").await?;
        // It stays so when either loads the page anew.
        ana.page().reload().await?;
        ana.reads_on("Mal", "Connection dropped by you.").await?;
        mal.reads_on("Ana", "Connection dropped by them.").await?;
        mal.page().reload().await?;
        mal.reads_on("Ana", "Connection dropped by them.").await?;
        ana.opens("People").await?;
        ana.page().click("button", "Connect again").await?;
        is_connected(&ana, "Mal", true).await?;
        is_connected(&mal, "Ana", true).await?;
        ana.hears(2).await
    });
}

/// Waits until the tile of `other` says that they are connected, or are not.
async fn is_connected(person: &Person, other: &str, connected: bool) -> Result<()> {
    wait::until(&format!("{other} for {}: {connected}", person.name()), PATIENCE, async || {
        let state = person.page().attribute(&person.sees(other).await?, "data-state").await?;
        Ok(((state.as_deref() == Some("connected")) == connected).then_some(()))
    })
    .await
}

#[test]
fn who_negotiates_without_end_disturbs_nobody_else() {
    const RENEGOTIATING: &str = "() => {
        window.__much = 0;
        setInterval(() => __test.connections.filter(({ signalingState }) => signalingState === 'stable').forEach((connection) => {
            window.__much += 1;
            connection.dispatchEvent(new Event('negotiationneeded'));
        }), 5);
    }";
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        with_mal_at_it(&with_mal(scene, &broker).await?, RENEGOTIATING, 50).await
    });
}

#[test]
fn who_sends_candidates_by_the_thousand_disturbs_nobody_else() {
    // As many as the page of an honest member lets through for an exchange, and another exchange as soon as may be.
    const CANDIDATES: &str = "() => {
        window.__much = 0;
        const { send } = RTCDataChannel.prototype;
        RTCDataChannel.prototype.send = function (text) {
            const { say, sequence } = JSON.parse(text);
            if (say === 'signal' && sequence > 0) window.__much += 1;
            return send.call(this, text);
        };
        setInterval(() => __test.connections.filter(({ signalingState }) => signalingState === 'stable').forEach((connection) => {
            connection.dispatchEvent(new Event('negotiationneeded'));
            for (let port = 1024; port < 1124; port++) {
                const candidate = new RTCIceCandidate({ candidate: `candidate:1 1 udp 2122260223 192.0.2.77 ${port} typ host`, sdpMid: '0' });
                connection.dispatchEvent(new RTCPeerConnectionIceEvent('icecandidate', { candidate }));
            }
        }), 20);
    }";
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        with_mal_at_it(&with_mal(scene, &broker).await?, CANDIDATES, 2000).await
    });
}

/// Mal does it, more than so many times; the others talk on, are never silent for each other, and find who sends too much under *People*:
/// the notice may be gone by then.
async fn with_mal_at_it([ana, bo, mal]: &[Person; 3], script: &str, times: u32) -> Result<()> {
    mal.page().call(script, Value::Null).await?;
    wait::until("much of it", PATIENCE, async || {
        Ok((mal.page().number("__much").await? > f64::from(times)).then_some(()))
    })
    .await?;
    for (person, other, words) in [(ana, bo, "Do you hear me?"), (bo, ana, "Loud and clear")] {
        person.says(words).await?;
        other.reads(words).await?;
        is_connected(person, other.name(), true).await?;
        person.hears(2).await?;
    }
    // No more than they take comes, and yet it does not end.
    for (person, other) in [(ana, bo), (bo, ana)] {
        person.opens("People").await?;
        person.page().shows("Sends too much, or what this page cannot read.").await?;
        person.heard_all_along(other).await?;
    }
    Ok(())
}

#[test]
fn a_message_that_is_sent_a_thousand_times_is_shown_once() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let mal = scene.person(Kind::Firefox, "Mal").await?;
        let parrot = r#"() => {
            const { send } = RTCDataChannel.prototype;
            RTCDataChannel.prototype.send = function (text) {
                for (let i = 0; i < (text.includes('"chat"') ? 1000 : 1); i++) send.call(this, text);
            };
        }"#;
        mal.page().prepare(parrot).await?;
        mal.accepts(&link).await?;
        ana.is_connected_to("Mal").await?;
        mal.says("Polly wants a cracker").await?;
        ana.reads("Polly wants a cracker").await?;
        ana.is_told("Mal sends too much").await?;
        ensure!(ana.page().text().await?.matches("Polly").count() == 1);
        Ok(())
    });
}

#[test]
fn a_flood_without_end_leaves_the_page_in_the_hands_of_whoever_it_comes_over() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let [ana, bo, mal] = with_mal(scene, &broker).await?;
        // As fast as the channels carry it, and over each that comes instead of one that was closed. More would be too much for Mal.
        let flood = "() => void setInterval(() => {
            for (const channel of window.__channels.filter(({ readyState }) => readyState === 'open'))
                while (channel.bufferedAmount < 1000) channel.send('{');
        }, 1)";
        mal.page().call(flood, Value::Null).await?;
        withstand([&ana, &bo], async || Ok(mal.page().number("window.__channels.length").await? > 4.0)).await
    });
}

#[test]
fn a_flood_over_a_channel_that_pages_have_not_ends_the_connection_and_is_named_for() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let [ana, bo, mal] = with_mal(scene, &broker).await?;
        // One more over each connection that there is, whenever there is one without.
        let flood = "() => {
            const more = new Map();
            window.__more = more;
            setInterval(() => {
                for (const connection of __test.connections.filter(({ connectionState }) => connectionState === 'connected'))
                    if (!more.has(connection)) more.set(connection, connection.createDataChannel('more'));
                for (const channel of [...more.values()].filter(({ readyState }) => readyState === 'open'))
                    while (channel.bufferedAmount < 1000) channel.send('{');
            }, 1);
        }";
        mal.page().call(flood, Value::Null).await?;
        withstand([&ana, &bo], async || Ok(mal.page().number("window.__more.size").await? > 6.0)).await
    });
}

/// Mal floods both: they are told, talk on, and drop Mal, who had to connect anew again and again.
async fn withstand([ana, bo]: [&Person; 2], mut again: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    // Each counts by themselves, and a notice goes.
    tokio::try_join!(ana.is_told(NAMED), bo.is_told(NAMED))?;
    bo.says("Do you hear me?").await?;
    ana.reads("Do you hear me?").await?;
    for (person, other) in [(ana, bo), (bo, ana)] {
        person.heard_all_along(other).await?;
    }
    wait::until("other connections", PATIENCE, async || Ok(again().await?.then_some(()))).await?;
    for person in [ana, bo] {
        person.opens("People").await?;
        person.page().click("button", "Drop the connection").await?;
        person.reads_on("Mal", "Connection dropped by you.").await?;
    }
    ana.says("That is better").await?;
    bo.reads("That is better").await
}

#[test]
fn media_that_nobody_announced_is_not_received() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, mal], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Chromium, "Mal")]).await?;
        let smuggle = "() => void __test.connections.find(({ connectionState }) => connectionState === 'connected')
            .addTransceiver('video', { direction: 'sendonly' })";
        mal.page().call(smuggle, Value::Null).await?;
        let directions = "() => __test.connections.flatMap((connection) => connection.getTransceivers())
            .map(({ currentDirection }) => currentDirection).filter(Boolean)";
        wait::until("the answer", PATIENCE, async || {
            let directions = ana.page().call(directions, Value::Null).await?;
            ensure!(!directions.to_string().contains("recvonly"), "it is received: {directions}");
            Ok(directions.to_string().contains("inactive").then_some(()))
        })
        .await?;
        ana.hears(1).await?;
        mal.hears(1).await
    });
}

#[test]
fn a_description_with_endless_sections_is_refused_and_the_others_go_on() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        let mal = scene.person(Kind::Chromium, "Mal").await?;
        // Sections that any browser would take.
        let swell = r#"() => {
            const { setLocalDescription } = RTCPeerConnection.prototype;
            RTCPeerConnection.prototype.setLocalDescription = function (...rest) {
                while (this.getTransceivers().length < 12) this.addTransceiver("audio", { direction: "inactive" });
                return setLocalDescription.apply(this, rest);
            };
            window.__offers = 0;
            const { send } = WebSocket.prototype;
            WebSocket.prototype.send = function (text) {
                window.__offers += JSON.parse(text).verb === "offer";
                return send.call(this, text);
            };
        }"#;
        mal.page().prepare(swell).await?;
        mal.accepts(&link).await?;
        for person in [&ana, &bo] {
            person.sees("Mal").await?;
        }
        ana.says("Who is Mal?").await?;
        bo.reads("Who is Mal?").await?;
        wait::until("Mal's offers", PATIENCE, async || {
            Ok((mal.page().call("() => window.__offers", Value::Null).await?.as_u64() >= Some(2)).then_some(()))
        })
        .await?;
        let most = "() => Math.max(...__test.connections.map((connection) => connection.getTransceivers().length))";
        wait::never("endless sections are taken", Duration::from_secs(2), async || {
            for person in [&ana, &bo] {
                let most = person.page().call(most, Value::Null).await?;
                ensure!(most.as_u64().is_some_and(|most| most <= 4), "{} has {most} transceivers", person.name());
            }
            Ok(None::<()>)
        })
        .await
    });
}

#[test]
fn who_says_goodbye_and_stays_is_connected_again() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Firefox, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let bo = scene.person(Kind::Chromium, "Bo").await?;
        bo.page().prepare(CHANNELS).await?;
        bo.accepts(&link).await?;
        bo.is_connected_to("Ana").await?;
        ana.is_connected_to("Bo").await?;
        ana.watches_states().await?;
        floods(&bo, &[r#"{"say":"bye"}"#], 1).await?;
        wait::until("Bo to be going, and back", PATIENCE, async || {
            Ok((ana.seen_states().await? == ["tile: interrupted", "tile: connected"]).then_some(()))
        })
        .await?;
        ana.hears(1).await
    });
}

#[test]
fn a_message_beyond_the_bound_is_left_out_and_the_connection_goes_on() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let [ana, bo, mal] = with_mal(scene, &broker).await?;
        for person in [&ana, &bo] {
            person.watches_states().await?;
        }
        // A goodbye of so many bytes: it is seen where it is read.
        let goodbye = |bytes: usize| {
            let frame = r#"{"say":"bye","x":""}"#;
            frame.replace(r#""""#, &format!(r#""{}""#, "x".repeat(bytes - frame.len())))
        };
        floods(&mal, &[&goodbye(MAX_PEER_MESSAGE_BYTES + 1), &goodbye(2 * MAX_PEER_MESSAGE_BYTES)], 1).await?;
        // All of it has come once this has.
        mal.says("Do you hear me?").await?;
        for person in [&ana, &bo] {
            person.reads("Do you hear me?").await?;
            let states = person.seen_states().await?;
            ensure!(states.is_empty(), "{} has read it: {states:?}", person.name());
            person.hears(2).await?;
        }
        // What has the bound's length is read.
        floods(&mal, &[&goodbye(MAX_PEER_MESSAGE_BYTES)], 1).await?;
        for person in [&ana, &bo] {
            wait::until("Mal to be going, and back", PATIENCE, async || {
                Ok((person.seen_states().await? == ["tile: interrupted", "tile: connected"]).then_some(()))
            })
            .await?;
        }
        Ok(())
    });
}

#[test]
fn a_text_of_megabytes_stays_out_of_the_memory_of_whoever_it_is_sent_to() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Firefox, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        // Chromium sends none that is so large.
        let mal = mal_comes(scene, Kind::Firefox, &link).await?;
        mal.is_connected_to("Ana").await?;
        ana.is_connected_to("Mal").await?;
        let before = ana.page().number("__test.memory()").await?;
        let large = "() => window.__channels.forEach((channel) => channel.send('x'.repeat(1 << 22)))";
        mal.page().call(large, Value::Null).await?;
        // All of it has come once this has.
        mal.says("Do you hear me?").await?;
        ana.reads("Do you hear me?").await?;
        let after = ana.page().number("__test.memory()").await?;
        ensure!(after < before + f64::from(1 << 21), "it is in there: {before} bytes, and {after}");
        ana.hears(1).await
    });
}

#[test]
fn nobody_is_heard_who_is_shown_as_muted() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let mal = mal_comes(scene, Kind::Chromium, &link).await?;
        ana.is_connected_to("Mal").await?;
        ana.hears(1).await?;
        let second = Duration::from_secs(1);
        ensure!(ana.loudness(second).await? > 0.0, "Mal is not heard");
        // What is sent stays as it was.
        let silence = r#"{"say":"sends","microphone":false,"camera":false,"screen":false,"screen_sound":false}"#;
        floods(&mal, &[silence], 1).await?;
        ana.sees_microphone("Mal", false).await?;
        ensure!(ana.loudness(second).await? == 0.0, "Mal is heard, and shown as muted");
        let voice = silence.replace("\"microphone\":false", "\"microphone\":true");
        floods(&mal, &[&voice], 1).await?;
        ana.sees_microphone("Mal", true).await?;
        ensure!(ana.loudness(second).await? > 0.0, "Mal is not heard again");
        Ok(())
    });
}

#[test]
fn a_message_draws_over_no_other() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        for text in [format!("Z{}", "\u{300}\u{323}".repeat(800)), format!("a{}z", "\n".repeat(1000))] {
            ana.pastes(&text).await?;
        }
        ana.says("That was all").await?;
        bo.reads("That was all").await?;
        let loose = "() => [...document.querySelectorAll('.message__text')].filter((text) =>
            getComputedStyle(text).overflowY === 'visible' || text.clientHeight > innerHeight).length";
        for person in [&ana, &bo] {
            ensure!(person.page().call(loose, Value::Null).await? == 0, "a message reaches out of its place");
        }
        Ok(())
    });
}

#[test]
fn nobody_takes_the_stage_again_and_again() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Chromium, "Bo")]).await?;
        bo.toggles("Share screen").await?;
        ana.watches("Bo’s screen").await?;
        let mal = mal_comes(scene, Kind::Chromium, &link).await?;
        ana.is_connected_to("Mal").await?;
        let count = "() => {
            window.__tiles = 0;
            const screens = (nodes) => [...nodes].filter(({ dataset }) => dataset?.kind === 'screen').length;
            const count = (changes) => changes.forEach(({ addedNodes }) => (window.__tiles += screens(addedNodes)));
            new MutationObserver(count).observe(document.body, { subtree: true, childList: true });
        }";
        ana.page().call(count, Value::Null).await?;
        let [on, off] = [true, false]
            .map(|screen| format!(r#"{{"say":"sends","microphone":true,"camera":false,"screen":{screen}}}"#));
        floods(&mal, &[&on, &off], 12).await?;
        floods(&mal, &[&on], 1).await?;
        // All of it has come once this has.
        mal.says("That was all").await?;
        ana.reads("That was all").await?;
        ana.sees("Mal’s screen").await?;
        let tiles = ana.page().number("window.__tiles").await?;
        ensure!(tiles <= 2.0, "a screen came {tiles} times");
        // There is nothing to be seen on it, so Bo's stays where it is.
        let staged = ana.page().call("() => document.querySelector('.tile--staged').ariaLabel", Value::Null).await?;
        ensure!(staged == "Bo’s screen", "on the stage: {staged}");
        Ok(())
    });
}
