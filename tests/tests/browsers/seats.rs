//! Coming back: the old name, the old seat, and the end of both.

use anyhow::ensure;
use klatch_tests::page::PATIENCE;
use klatch_tests::{Kind, play, wait};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn who_left_comes_back_from_home_under_the_old_name_until_they_forget() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        bo.leaves().await?;
        ana.no_longer_sees("Bo").await?;
        ana.is_told("Bo left").await?;
        bo.page().find("list", "Your rooms").await?;
        bo.page().shows("1 inside").await?;
        bo.page().click("link", "Sunday breakfast").await?;
        bo.is_in_the_room().await?;
        bo.sees("Bo (you)").await?;
        bo.is_connected_to("Ana").await?;
        ana.is_connected_to("Bo").await?;
        ana.hears(1).await?;
        // Not from this tab, but from another one opened later.
        bo.leaves().await?;
        bo.page().close().await?;
        let bo = scene.second_tab(&bo).await?;
        bo.page().open(broker.url()).await?;
        bo.page().click("link", "Sunday breakfast").await?;
        bo.is_in_the_room().await?;
        ana.is_connected_to("Bo").await?;
        bo.leaves().await?;
        bo.page().click("button", "Forget Sunday breakfast").await?;
        bo.page().gone("link", "Sunday breakfast").await?;
        bo.page().reload().await?;
        bo.page().find("textbox", "Room name").await?;
        ensure!(!bo.page().has("link", "Sunday breakfast").await?, "it is forgotten");
        Ok(())
    });
}

#[test]
fn a_second_tab_takes_the_seat_and_the_first_says_so() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Chromium, "Bo")]).await?;
        let second = scene.second_tab(&bo).await?;
        second.page().open(broker.url()).await?;
        second.page().click("link", "Sunday breakfast").await?;
        second.is_in_the_room().await?;
        bo.is_in_trouble("This seat was opened elsewhere", "Go on there").await?;
        ana.is_connected_to("Bo").await?;
        ana.hears(1).await?;
        second.is_connected_to("Ana").await?;
        bo.page().click("button", "Use it here").await?;
        bo.is_in_the_room().await?;
        second.is_in_trouble("This seat was opened elsewhere", "Go on there").await?;
        bo.is_connected_to("Ana").await?;
        ana.is_connected_to("Bo").await?;
        ensure!(ana.page().all("group", Some("Bo"), None).await?.len() == 1, "one tile a member");
        Ok(())
    });
}

#[test]
fn a_reload_keeps_the_seat() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        for (person, name, other) in [(&bo, "Bo", &ana), (&ana, "Ana", &bo)] {
            person.page().reload().await?;
            person.is_in_the_room().await?;
            person.is_connected_to(other.name()).await?;
            other.is_connected_to(name).await?;
            person.hears(1).await?;
            other.hears(1).await?;
        }
        ana.toggles("Lock room").await
    });
}

#[test]
fn who_is_back_a_few_seconds_later_is_interrupted_meanwhile_and_did_not_leave() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (kind, "Bo")]).await?;
            ana.reads("Bo joined").await?;
            ana.watches_states().await?;
            // As in a reload that takes its time.
            bo.page().open("about:blank").await?;
            wait::until("Bo to be interrupted", PATIENCE, async || {
                Ok((ana.seen_states().await?.first().map(String::as_str) == Some("tile: interrupted")).then_some(()))
            })
            .await?;
            wait::never("Bo left", Duration::from_secs(4), async || {
                Ok(ana.page().text().await?.contains("Bo left").then_some(()))
            })
            .await?;
            bo.page().open(&link).await?;
            bo.is_in_the_room().await?;
            ana.is_connected_to("Bo").await?;
            ana.hears(1).await?;
            ana.reads_in_turn(&["Bo joined"]).await?;
            ensure!(!ana.page().text().await?.contains("Bo left"), "{kind:?}: a leave is told of");
            ana.page().close().await?;
        }
        Ok(())
    });
}

#[test]
fn closing_the_tab_is_seen_at_once() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (kind, "Bo")]).await?;
            ana.watches_states().await?;
            bo.page().close().await?;
            ana.no_longer_sees("Bo").await?;
            // Because Bo's page said so, and not because nothing came from it any more. It could have been a reload, so for
            // a moment he is said to be interrupted.
            let states = ana.seen_states().await?;
            ensure!(states.first().is_some_and(|first| first == "tile: interrupted"), "{kind:?}: {states:?}");
            ana.is_told("Bo left").await?;
            ana.page().close().await?;
        }
        Ok(())
    });
}

/// Loses the last word that the page has for others, as Firefox does with one of six tabs that are closed. Chromium tells nothing else
/// of a tab than that word, but does not lose it.
pub const WITHOUT_A_WORD: &str = r#"() => {
    if (!window.RTCDataChannel) return;
    const { send } = RTCDataChannel.prototype;
    RTCDataChannel.prototype.send = function (text) {
        if (JSON.parse(text).say !== "bye") return send.call(this, text);
        localStorage.setItem("lost", "bye");
    };
}"#;
/// Longer than a page that was closed is waited for, and shorter than one that may be in a tunnel.
const WHILE: Duration = Duration::from_secs(24);

#[test]
fn a_tab_that_closes_without_a_word_is_not_waited_for_as_one_in_a_tunnel() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ana = scene.person(kind, "Ana").await?;
            let link = ana.creates(&broker, "Sunday breakfast").await?;
            let bo = scene.person(Kind::Firefox, "Bo").await?;
            bo.page().prepare(WITHOUT_A_WORD).await?;
            bo.accepts(&link).await?;
            bo.is_connected_to("Ana").await?;
            // So that word is lost. Of a tab that closes Firefox does not always keep what it noted last either.
            bo.page().reload().await?;
            bo.is_in_the_room().await?;
            bo.is_connected_to("Ana").await?;
            ana.is_connected_to("Bo").await?;
            ensure!(bo.page().call("() => localStorage.lost", Value::Null).await? == "bye", "nothing was lost");
            bo.page().close().await?;
            let gone = async || Ok((!ana.page().has("group", "Bo").await?).then_some(()));
            wait::until("Bo to be gone", WHILE, gone).await?;
            ana.page().close().await?;
        }
        Ok(())
    });
}

/// A machine that sleeps is noticed by the server first, and its page is waited for after that.
const ASLEEP: Duration = Duration::from_secs(150);

#[test]
#[ignore = "takes three minutes"]
fn who_sleeps_until_others_call_it_leaving_is_in_the_call_again_on_waking() {
    play(async |scene| {
        for text in ["WebSocket", "ws://", "ICE failed"] {
            scene.forgive(text);
        }
        let broker = scene.broker(&[]).await?;
        for [kind, other] in [[Kind::Chromium, Kind::Firefox], [Kind::Firefox, Kind::Chromium]] {
            let ([ana, bo], _) = scene.meet(&broker, [(kind, "Ana"), (other, "Bo")]).await?;
            // All of her browser, so his is another.
            ana.page().browser().falls_asleep()?;
            let gone = async || Ok((!bo.page().has("group", "Ana").await?).then_some(()));
            wait::until("Ana to be gone", ASLEEP, gone).await?;
            ana.page().browser().wakes()?;
            // She has clicked nothing.
            for (person, met) in [(&ana, &bo), (&bo, &ana)] {
                person.is_connected_to(met.name()).await?;
                person.hears(1).await?;
            }
            for person in [&ana, &bo] {
                person.page().close().await?;
            }
        }
        Ok(())
    });
}

#[test]
fn an_empty_room_is_gone_after_its_time() {
    play(async |scene| {
        let broker = scene.broker(&["--room-ttl", "2s"]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        bo.leaves().await?;
        bo.page().find("link", "Sunday breakfast").await?;
        // As long as one is inside it lives, however long the other is away.
        wait::never("the room is gone with Ana inside", Duration::from_secs(3), async || {
            Ok(bo.page().all("link", Some("Sunday breakfast"), None).await?.is_empty().then_some(()))
        })
        .await?;
        ana.leaves().await?;
        for person in [&ana, &bo] {
            person.page().gone("link", "Sunday breakfast").await?;
        }
        let dee = scene.person(Kind::Chromium, "Dee").await?;
        dee.page().open(&link).await?;
        dee.is_in_trouble("This room is gone", "no longer exists").await
    });
}

#[test]
fn a_seat_is_kept_for_a_quarter_of_an_hour_where_no_server_knows_its_room() {
    play(async |scene| {
        let broker = scene.broker(&["--room-ttl", "1s"]).await?;
        let ([ana], _) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        ana.leaves().await?;
        let missed_since = "() => JSON.parse(localStorage['klatch.rooms'] ?? '[{}]')[0].missed ?? null";
        let noted = async || {
            let since = ana.page().call(missed_since, Value::Null).await?;
            Ok(since.as_i64())
        };
        let since = wait::until("a note that the room is missed", PATIENCE, noted).await?;
        let put_back = "(minutes) => { const rooms = JSON.parse(localStorage['klatch.rooms']); rooms[0].missed -= minutes; \
                        localStorage['klatch.rooms'] = JSON.stringify(rooms) }";
        let is_kept = "() => 'klatch.rooms' in localStorage";
        ana.page().call(put_back, json!(13)).await?;
        ana.page().reload().await?;
        ana.page().find("textbox", "Room name").await?;
        wait::never("the seat is forgotten", Duration::from_secs(2), async || {
            Ok((ana.page().call(is_kept, Value::Null).await? == json!(false)).then_some(()))
        })
        .await?;
        ensure!(noted().await? == Some(since - 13), "it is missed since the first time");
        ana.page().call(put_back, json!(4)).await?;
        ana.page().reload().await?;
        wait::until("a forgotten seat", PATIENCE, async || {
            Ok((ana.page().call(is_kept, Value::Null).await? == json!(false)).then_some(()))
        })
        .await
    });
}

#[test]
fn a_room_that_is_not_to_be_remembered_is_not() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([_ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        bo.page().open(&link).await?;
        bo.page().click("switch", "Remember this room").await?;
        bo.joins().await?;
        bo.leaves().await?;
        let bo = scene.second_tab(&bo).await?;
        bo.page().open(broker.url()).await?;
        bo.page().find("textbox", "Room name").await?;
        wait::never("the room is remembered", Duration::from_secs(2), async || {
            Ok(bo.page().has("link", "Sunday breakfast").await?.then_some(()))
        })
        .await
    });
}

#[test]
fn a_room_that_was_not_entered_leaves_nothing_behind() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.page().open(broker.url()).await?;
        ana.names_a_room("Sunday breakfast").await?;
        ana.page().find("button", "Join").await?;
        let kept = "() => localStorage.getItem('klatch.rooms')";
        ensure!(ana.page().call(kept, Value::Null).await?.is_null(), "the key of a room that is not there is kept");
        // A reload is no reason to lose it.
        ana.page().reload().await?;
        ana.joins().await?;
        ensure!(ana.page().call(kept, Value::Null).await?.is_string(), "the seat is not kept");
        Ok(())
    });
}

#[test]
fn all_rooms_are_forgotten_at_once() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ana = scene.person(kind, "Ana").await?;
            for room in ["Breakfast", "Lunch"] {
                ana.creates(&broker, room).await?;
                ana.leaves().await?;
            }
            for room in ["Breakfast", "Lunch"] {
                ana.page().find("link", room).await?;
            }
            ana.page().click("button", "Forget all").await?;
            for room in ["Breakfast", "Lunch"] {
                ana.page().gone("link", room).await?;
            }
            let kept = "() => [localStorage, sessionStorage].map((storage) => storage.getItem('klatch.rooms'))";
            let kept = ana.page().call(kept, Value::Null).await?;
            ensure!(kept == serde_json::json!([null, null]), "{kind:?} keeps {kept}");
        }
        Ok(())
    });
}

#[test]
fn a_browser_that_stores_nothing_is_in_the_call_all_the_same() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let bo = scene.person(kind, "Bo").await?;
            let refuse = "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; }";
            bo.page().prepare(refuse).await?;
            bo.accepts(&link).await?;
            bo.is_connected_to("Ana").await?;
            // Without a seat that is kept, the key in the address is the way back.
            ensure!(bo.page().address().await? == link, "the key is lost");
            bo.leaves().await?;
            ana.no_longer_sees("Bo").await?;
        }
        Ok(())
    });
}

#[test]
fn a_seat_that_was_released_is_taken_anew_with_the_invitation() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        bo.accepts(&link).await?;
        // As if another copy of this profile had given the seat up: what is stored stays.
        let rooms = bo.page().call("() => localStorage.getItem('klatch.rooms')", Value::Null).await?;
        bo.leaves().await?;
        bo.page().click("button", "Forget Sunday breakfast").await?;
        bo.page().gone("link", "Sunday breakfast").await?;
        bo.page().call("(rooms) => localStorage.setItem('klatch.rooms', rooms)", rooms).await?;
        bo.page().click("link", "Sunday breakfast").await?;
        bo.is_in_the_room().await?;
        bo.is_connected_to("Ana").await?;
        ana.is_connected_to("Bo").await
    });
}

#[test]
fn the_link_of_the_room_that_one_is_in_changes_nothing_in_the_address_bar() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        for person in [&ana, &bo] {
            for fragment in [link.split_once('#').map_or("", |(_, fragment)| fragment), "x"] {
                person.page().call("(fragment) => { location.hash = fragment; }", json!(fragment)).await?;
                wait::until("the fragment to be taken out", PATIENCE, async || {
                    let hash = person.page().call("() => location.hash", Value::Null).await?;
                    Ok((hash == "").then_some(()))
                })
                .await?;
            }
            person.is_in_the_room().await?;
            person.hears(1).await?;
        }
        ana.is_connected_to("Bo").await
    });
}
