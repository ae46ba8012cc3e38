//! Who is named for what the others put up with, and who is not.

use anyhow::{Context, Result, ensure};
use klatch_shared::peer::{PassedSignal, PeerMessage};
use klatch_shared::wire::Side;
use klatch_shared::{ExchangeId, MemberId};
use klatch_tests::outsider::Outsider;
use klatch_tests::{Kind, play};
use serde_json::Value;

use crate::hostile::{NAMED, floods, mal_comes, others, with_mal};

#[test]
fn who_reloads_without_end_is_named_and_costs_few_connections_and_a_newcomer_none() {
    // Counts the connections that the page makes, and those that the browser does not.
    let count = "() => {
        window.__made = window.__failed = 0;
        if (!window.RTCPeerConnection) return;
        window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
            construct(target, args) {
                window.__made += 1;
                window.__failed += 1;
                const made = new target(...args);
                window.__failed -= 1;
                return made;
            },
        });
    }";
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.page().prepare(count).await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        bo.accepts(&link).await?;
        ana.is_connected_to("Bo").await?;
        let mal = Outsider::new("Mal", &link)?;
        let dee = scene.person(Kind::Chromium, "Dee").await?;
        let meanwhile = async {
            tokio::try_join!(ana.is_told(NAMED), bo.is_told(NAMED))?;
            dee.accepts(&link).await?;
            dee.is_connected_to("Ana").await?;
            dee.is_connected_to("Bo").await
        };
        tokio::select! {
            over = mal.reloads(broker.port()) => over?,
            met = meanwhile => met?,
        }
        ana.hears(2).await?;
        bo.hears(2).await?;
        let [made, failed] = [ana.page().number("__made").await?, ana.page().number("__failed").await?];
        ensure!(made < 60.0 && failed == 0.0, "{made} connections were made, {failed} failed");
        Ok(())
    });
}

#[test]
fn nobody_is_named_for_what_the_broker_says_of_them() {
    // Keeps the page's sockets within reach, and who came.
    let sockets = "() => {
        window.__sockets = [];
        window.WebSocket = new Proxy(WebSocket, {
            construct(target, args) {
                const socket = new target(...args);
                window.__sockets.push(socket);
                socket.addEventListener('message', ({ data }) => {
                    const { event, member } = JSON.parse(data);
                    if (event === 'joined') window.__member = member;
                });
                return socket;
            },
        });
    }";
    let invent = "() => {
        const socket = window.__sockets.find(({ readyState }) => readyState === WebSocket.OPEN);
        for (let exchange = 1000; exchange < 1200; exchange++) {
            const offer = { event: 'offer', from: window.__member, exchange, body: 'A'.repeat(400) };
            socket.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(offer) }));
        }
        return window.__member;
    }";
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.page().prepare(sockets).await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let bo = scene.person(Kind::Chromium, "Bo").await?;
        bo.accepts(&link).await?;
        ana.is_connected_to("Bo").await?;
        let from = ana.page().call(invent, Value::Null).await?;
        ensure!(from.is_string(), "who is Bo?");
        // All of it was read before this.
        bo.says("Do you hear me?").await?;
        ana.reads("Do you hear me?").await?;
        ensure!(!ana.page().text().await?.contains("sends too much"), "Bo is named for what others made up");
        ana.is_connected_to("Bo").await
    });
}

#[test]
fn who_forges_others_signals_disturbs_no_call_and_has_nobody_named_but_themselves() {
    let signals = |from: MemberId, to: MemberId| -> Result<Vec<String>> {
        let places = [(Side::Offerer, 0), (Side::Answerer, 0), (Side::Offerer, 1), (Side::Answerer, 1)];
        // Those that there were, and that may come.
        let all = [1, 2, 3, 1000].into_iter().flat_map(|exchange| places.map(|place| (exchange, place)));
        let signal = |(exchange, (side, sequence))| {
            let (exchange, body) = (ExchangeId(exchange), "A".repeat(400).parse().context("a body")?);
            Ok(PeerMessage::Signal(PassedSignal { from, to, exchange, side, sequence, body }).to_text())
        };
        all.map(signal).collect()
    };
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let [ana, bo, mal] = with_mal(scene, &broker).await?;
        for person in [&ana, &bo] {
            person.watches_states().await?;
        }
        // Each hears what is for them, and what they are to pass on, as from the other.
        let victims = others(&mal).await?;
        ensure!(victims.len() == 2, "Mal sees {victims:?}");
        let forged = [signals(victims[0], victims[1])?, signals(victims[1], victims[0])?].concat();
        let forged: Vec<&str> = forged.iter().map(String::as_str).collect();
        floods(&mal, &forged, 3).await?;
        // All of it has come once this has.
        mal.says("That was all").await?;
        for (person, other, words) in [(&ana, &bo, "Do you hear me?"), (&bo, &ana, "Loud and clear")] {
            person.reads("That was all").await?;
            person.says(words).await?;
            other.reads(words).await?;
            person.hears(2).await?;
            let states = person.seen_states().await?;
            ensure!(states.is_empty(), "{} was disturbed: {states:?}", person.name());
            ensure!(!person.page().text().await?.contains("sends too much"), "somebody is named for it");
        }
        // What does not open and came over its sender's own channel is its sender's.
        let here = others(&ana).await?;
        let me = here.into_iter().find(|id| !victims.contains(id)).context("Mal's id")?;
        for to in victims {
            let own = signals(me, to)?;
            floods(&mal, &own.iter().map(String::as_str).collect::<Vec<_>>(), 3).await?;
        }
        for (person, other) in [(&ana, &bo), (&bo, &ana)] {
            person.is_told(NAMED).await?;
            let named = format!("{} sends too much", other.name());
            ensure!(!person.page().text().await?.contains(&named), "{named}, as they passed it on");
        }
        Ok(())
    });
}

#[test]
fn who_is_named_stays_so_after_leaving_for_a_moment() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Firefox, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let mal = mal_comes(scene, Kind::Chromium, &link).await?;
        mal.is_connected_to("Ana").await?;
        floods(&mal, &["rubbish"], 30).await?;
        ana.is_told(NAMED).await?;
        mal.leaves().await?;
        ana.no_longer_sees("Mal").await?;
        mal.page().click("link", "Sunday breakfast").await?;
        ana.is_connected_to("Mal").await?;
        ana.opens("People").await?;
        ana.page().find("button", "Drop the connection").await.map(drop)
    });
}
