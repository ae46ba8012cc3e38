//! The server out of reach for a while: the call goes on without it.

use std::time::Duration;

use anyhow::{Result, ensure};
use klatch_tests::page::PATIENCE;
use klatch_tests::wire::Recorder;
use klatch_tests::{Broker, Kind, Person, Scene, play, wait};
use serde_json::{Value, json};

use crate::seats::WITHOUT_A_WORD;

/// The banner while there is no server.
const OUT_OF_REACH: &str = "The server is out of reach.";

/// Two in a room, with a server that [`Recorder::let_pass`] takes out of their reach.
async fn meet_over(recorder: &Recorder, scene: &Scene) -> Result<([Person; 2], String)> {
    // Browsers tell their consoles of WebSockets that can't be opened.
    for text in ["WebSocket", "ws://", "can’t establish a connection", "interrupted while the page was loading"] {
        scene.forgive(text);
    }
    scene.meet_at(&recorder.url(), [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await
}

#[test]
fn a_call_outlives_its_server_and_finds_it_again() {
    play(async |scene| {
        let (recorder, _) = scene.recorded_broker(&[]).await?;
        let ([ana, bo], link) = meet_over(&recorder, scene).await?;

        recorder.let_pass(false);
        for person in [&ana, &bo] {
            person.is_told("The connection to the server is lost.").await?;
            person.page().shows(OUT_OF_REACH).await?;
            person.hears(1).await?;
        }
        ana.is_connected_to("Bo").await?;
        bo.says("Still there?").await?;
        ana.reads("Still there?").await?;
        bo.reads("received by all").await?;

        recorder.let_pass(true);
        ana.is_told("The server is back.").await?;
        for person in [&ana, &bo] {
            person.page().no_longer_shows(OUT_OF_REACH).await?;
        }
        let dee = scene.person(Kind::Chromium, "Dee").await?;
        dee.accepts(&link).await?;
        for person in [&ana, &bo] {
            person.is_connected_to("Dee").await?;
        }
        ana.hears(2).await
    });
}

#[test]
fn who_leaves_without_the_server_is_seen_going_at_once() {
    play(async |scene| {
        let (recorder, _) = scene.recorded_broker(&[]).await?;
        let ([ana, bo], _) = meet_over(&recorder, scene).await?;
        recorder.let_pass(false);
        for person in [&ana, &bo] {
            person.page().shows(OUT_OF_REACH).await?;
        }
        bo.leaves().await?;
        // Less than a page has that may be back.
        wait::until("Bo’s tile to go", Duration::from_secs(8), async || {
            Ok((!ana.page().has("group", "Bo").await?).then_some(()))
        })
        .await?;
        ana.is_told("Bo left").await
    });
}

#[test]
fn a_server_that_lost_the_room_is_not_said_to_be_out_of_reach() {
    play(async |scene| {
        let (recorder, _) = scene.recorded_broker(&[]).await?;
        let ([ana, bo], _) = meet_over(&recorder, scene).await?;
        // Another one in its place.
        let other = scene.broker(&["--public-url", &recorder.url(), "--limit", "revival-seconds=0"]).await?;
        recorder.let_pass(false);
        ana.page().shows(OUT_OF_REACH).await?;
        recorder.forward_to(other.port());
        recorder.let_pass(true);
        for person in [&ana, &bo] {
            person.page().shows("The server was restarted and has lost this room.").await?;
            person.hears(1).await?;
        }
        Ok(())
    });
}

#[test]
fn a_call_outlives_an_update_of_its_server_and_so_do_the_room_its_lock_and_its_link() {
    play(async |scene| {
        let file = std::env::temp_dir().join(format!("klatch-update-{}.redb", std::process::id()));
        update(scene, &["--state", &file.display().to_string()]).await?;
        Ok(std::fs::remove_file(file)?)
    });
}

#[test]
fn a_server_that_keeps_nothing_is_told_of_the_room_by_its_members() {
    play(async |scene| update(scene, &[]).await);
}

/// The server is stopped and started again with these flags, in the middle of a call.
async fn update(scene: &Scene, flags: &[&str]) -> Result<()> {
    let recorder = Recorder::start().await?;
    let url = recorder.url();
    let flags = [&["--public-url", &url], flags].concat();
    let mut broker = Broker::start(&flags).await?;
    recorder.forward_to(broker.port());
    let ([ana, bo], link) = meet_over(&recorder, scene).await?;
    ana.toggles("Lock room").await?;
    bo.page().shows("Locked").await?;

    broker.stop().await?;
    for person in [&ana, &bo] {
        person.page().shows(OUT_OF_REACH).await?;
        person.hears(1).await?;
    }
    bo.says("Still there?").await?;
    ana.reads("Still there?").await?;
    let broker = Broker::start(&flags).await?;
    recorder.forward_to(broker.port());
    for person in [&ana, &bo] {
        person.page().no_longer_shows(OUT_OF_REACH).await?;
        person.hears(1).await?;
        let text = person.page().text().await?;
        ensure!(!text.contains(" left") && !text.contains("lost this room"), "nobody left: {text}");
    }
    let dee = scene.person(Kind::Chromium, "Dee").await?;
    dee.page().open(&link).await?;
    dee.is_in_trouble("This room is locked", "Ask somebody inside to unlock it.").await?;
    ana.toggles("Lock room").await?;
    dee.accepts(&link).await?;
    for person in [&ana, &bo] {
        person.is_connected_to("Dee").await?;
    }
    dee.hears(2).await
}

/// Keeps the page's sockets within reach and counts them; what is asked with the verb in `__refused.verb` is refused with its
/// code, so many times. Of a socket with something in `__held` nothing more is heard until `__heard` gets it.
const SOCKETS: &str = r#"() => {
    const sockets = (window.__sockets = []);
    window.__refused = { verb: null, code: null, times: 0 };
    window.__pings = 0;
    window.WebSocket = new Proxy(WebSocket, {
        construct(target, args) {
            if (window.__cut) throw new Error("cut");
            const socket = new target(...args);
            socket.__since = performance.now();
            const doomed = new Set();
            const send = socket.send;
            socket.send = (text) => {
                const { id, verb } = JSON.parse(text);
                if (verb === "ping") window.__pings += 1;
                if (verb === window.__refused.verb && window.__refused.times > 0) {
                    window.__refused.times -= 1;
                    doomed.add(id);
                }
                send.call(socket, text);
            };
            socket.addEventListener("message", (event) => {
                if (socket.__held) {
                    socket.__held.push(event.data);
                    event.stopImmediatePropagation();
                    return;
                }
                const { id } = JSON.parse(event.data);
                if (!doomed.delete(id)) return;
                event.stopImmediatePropagation();
                const refusal = { code: window.__refused.code, reason: "Not now." };
                socket.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ id, error: refusal }) }));
            });
            socket.__heard = () => {
                const { __held } = socket;
                socket.__held = null;
                for (const data of __held) socket.dispatchEvent(new MessageEvent("message", { data }));
            };
            sockets.push(socket);
            window.__dialled?.(socket);
            return socket;
        },
    });
}"#;

#[test]
fn who_loses_the_server_first_and_then_the_link_is_gone() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Firefox, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let bo = scene.person(Kind::Chromium, "Bo").await?;
        bo.page().prepare(SOCKETS).await?;
        bo.accepts(&link).await?;
        ana.is_connected_to("Bo").await?;
        bo.is_connected_to("Ana").await?;
        bo.page().call("() => { window.__cut = true; window.__sockets.at(-1).close(); }", Value::Null).await?;
        bo.page().shows(OUT_OF_REACH).await?;
        wait::never("Bo is gone though there is a link", Duration::from_secs(5), async || {
            Ok((!ana.page().has("group", "Bo").await?).then_some(()))
        })
        .await?;
        ana.seems_cut_off().await?;
        ana.no_longer_sees("Bo").await
    });
}

#[test]
fn who_was_out_of_the_servers_reach_learns_who_came_and_went_meanwhile() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let [bo, cleo] = [scene.person(Kind::Firefox, "Bo").await?, scene.person(Kind::Chromium, "Cleo").await?];
        bo.page().prepare(SOCKETS).await?;
        cleo.page().prepare(WITHOUT_A_WORD).await?;
        for person in [&bo, &cleo] {
            person.accepts(&link).await?;
            person.is_connected_to("Ana").await?;
        }
        bo.is_connected_to("Cleo").await?;
        let cut = "() => {
            window.__links = __test.connections;
            window.__cut = true;
            window.__sockets.at(-1).close();
        }";
        bo.page().call(cut, Value::Null).await?;
        bo.page().shows(OUT_OF_REACH).await?;
        cleo.leaves().await?;
        ana.no_longer_sees("Cleo").await?;
        let dee = scene.person(Kind::Firefox, "Dee").await?;
        dee.accepts(&link).await?;
        ana.is_connected_to("Dee").await?;
        ensure!(bo.page().has("group", "Cleo").await? && !bo.page().has("group", "Dee").await?, "Bo was told");
        bo.page().call("() => void (window.__cut = false)", Value::Null).await?;
        bo.no_longer_sees("Cleo").await?;
        bo.is_connected_to("Dee").await?;
        bo.hears(2).await?;
        let kept = "__links.filter(({ connectionState }) => connectionState === 'connected').length";
        ensure!(bo.page().number(kept).await? == 1.0, "the link with Ana was not left alone");
        Ok(())
    });
}

#[test]
fn a_refusal_that_will_pass_does_not_end_the_call() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        for (code, kind) in [("too-many-failures", Kind::Chromium), ("shutting-down", Kind::Firefox)] {
            let bo = scene.person(kind, "Bo").await?;
            bo.page().prepare(SOCKETS).await?;
            bo.accepts(&link).await?;
            bo.is_connected_to("Ana").await?;
            let refuse = "(refused) => { window.__refused = refused; window.__sockets.at(-1).close(); }";
            bo.page().call(refuse, json!({ "verb": "join", "code": code, "times": 2 })).await?;
            bo.page().shows(OUT_OF_REACH).await?;
            bo.hears(1).await?;
            bo.page().no_longer_shows(OUT_OF_REACH).await?;
            ensure!(bo.page().number("window.__refused.times").await? == 0.0, "nothing was refused");
            bo.is_connected_to("Ana").await?;
            bo.leaves().await?;
            ana.no_longer_sees("Bo").await?;
        }
        Ok(())
    });
}

#[test]
fn a_silent_socket_is_given_up_whatever_it_says_and_one_that_hangs_is_replaced_when_the_network_is_back() {
    play(async |scene| {
        let (recorder, _) = scene.recorded_broker(&[]).await?;
        scene.forgive("WebSocket");
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.page().prepare(SOCKETS).await?;
        ana.creates_at(&recorder.url(), "Sunday breakfast").await?;

        recorder.stall();
        ana.is_told("The connection to the server is lost.").await?;
        let online = r#"() => {
            const last = window.__sockets.at(-1);
            const hangs = last.readyState === WebSocket.CONNECTING && performance.now() - last.__since > 1500;
            if (!hangs) return 0;
            const before = window.__sockets.length;
            dispatchEvent(new Event('online'));
            return window.__sockets.length - before;
        }"#;
        wait::until("a socket that hangs to be replaced", PATIENCE, async || {
            Ok((ana.page().call(online, Value::Null).await? == 1).then_some(()))
        })
        .await?;
        recorder.let_pass(true);
        ana.is_told("The server is back.").await
    });
}

#[test]
fn of_a_socket_that_is_asked_after_and_one_that_is_dialled_beside_it_the_first_that_speaks_stays() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        // One hears what it was told just before the other speaks, as the network is back; one hears nothing more, as the tab is.
        let hush = "() => {
            __sockets.splice(0, __sockets.length - 1);
            __sockets[0].__held = [];
        }";
        let late = "() => {
            window.__dialled = (other) => other.addEventListener('open', __sockets[0].__heard);
            dispatchEvent(new Event('online'));
        }";
        let never = "() => document.dispatchEvent(new Event('visibilitychange'))";
        for kind in [Kind::Chromium, Kind::Firefox] {
            for (asks, which_are_open) in [(late, json!([true, false])), (never, json!([false, true]))] {
                let ana = scene.person(kind, "Ana").await?;
                ana.page().prepare(SOCKETS).await?;
                ana.creates(&broker, "Sunday breakfast").await?;
                ana.page().call(hush, Value::Null).await?;
                ana.page().call(asks, Value::Null).await?;
                let open = "() => __sockets.map(({ readyState }) => readyState === WebSocket.OPEN)";
                wait::until("one of two to stay", PATIENCE, async || {
                    Ok((ana.page().call(open, Value::Null).await? == which_are_open).then_some(()))
                })
                .await?;
                ana.toggles("Lock room").await?;
                ana.page().shows("Locked").await?;
                ensure!(!ana.page().text().await?.contains("server"), "nothing of this is told");
                ensure!(ana.page().call(open, Value::Null).await? == which_are_open, "that is all");
            }
        }
        Ok(())
    });
}

#[test]
fn a_machine_that_slept_asks_before_it_gives_its_socket_up() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let bo = scene.person(Kind::Chromium, "Bo").await?;
        bo.page().prepare(SOCKETS).await?;
        bo.creates(&broker, "Sunday breakfast").await?;
        let (sockets, pings) =
            (bo.page().number("window.__sockets.length").await?, bo.page().number("window.__pings").await?);
        let sleep = "() => { const { now } = performance; performance.now = () => now.call(performance) + 60_000; }";
        bo.page().call(sleep, Value::Null).await?;
        wait::until("a ping", PATIENCE, async || Ok((bo.page().number("window.__pings").await? > pings).then_some(())))
            .await?;
        wait::never("the socket is given up", Duration::from_secs(7), async || {
            Ok((bo.page().number("window.__sockets.length").await? > sockets).then_some(()))
        })
        .await
    });
}

#[test]
fn a_page_that_is_older_than_the_server_offers_to_reload() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let bo = scene.person(kind, "Bo").await?;
            bo.page().prepare(SOCKETS).await?;
            bo.creates(&broker, "Sunday breakfast").await?;
            ensure!(!bo.page().text().await?.contains("newer version"));
            // The next hello is an updated server's.
            let update = "() => {
                const { parse } = JSON;
                const told = Object.getOwnPropertyDescriptor(MessageEvent.prototype, 'data').get;
                Object.defineProperty(MessageEvent.prototype, 'data', { get() {
                    const data = told.call(this);
                    if (typeof data !== 'string' || !data.includes('\"hello\"')) return data;
                    return JSON.stringify({ ...parse(data), client: '0123456789abcdef' });
                } });
                window.__sockets.at(-1).close();
            }";
            bo.page().call(update, Value::Null).await?;
            bo.page().shows("The server has a newer version of this page.").await?;
            bo.page().find("button", "Reload").await?;
        }
        Ok(())
    });
}

#[test]
fn a_server_that_a_browser_refuses_is_not_the_end_of_calls_that_need_none() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        let refuse = "() => {
            RTCPeerConnection.prototype.setConfiguration = () => {
                throw new DOMException('a server without a password', 'InvalidAccessError');
            };
        }";
        bo.page().prepare(refuse).await?;
        bo.accepts(&link).await?;
        bo.is_connected_to("Ana").await?;
        ana.hears(1).await
    });
}
