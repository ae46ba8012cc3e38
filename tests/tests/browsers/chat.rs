//! Words between members.

use anyhow::ensure;
use klatch_tests::page::{BACKSPACE, ENTER, PATIENCE};
use klatch_tests::{Kind, Person, play, wait};
use serde_json::Value;

#[test]
fn words_go_both_ways_and_who_received_them_shows() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        ana.says("Good morning! ☕").await?;
        bo.reads("Good morning! ☕").await?;
        bo.says("Grüße aus 東京").await?;
        ana.reads("Grüße aus 東京").await?;
        for person in [&ana, &bo] {
            person.reads("received by all").await?;
            person.closes("Chat").await?;
        }
        // Said while the log is closed: counted, and read when it opens.
        ana.says("Are you there?").await?;
        ana.says("Hello?").await?;
        bo.has_unread(Some("2 unread")).await?;
        bo.opens("Chat").await?;
        bo.reads("Hello?").await?;
        bo.has_unread(None).await?;
        // Who comes and goes is told in the log.
        bo.leaves().await?;
        ana.reads("Bo left").await?;
        ana.says("Alone again").await?;
        ana.reads("nobody else was here").await
    });
}

#[test]
fn what_is_too_long_is_not_sent_and_not_lost() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.creates(&broker, "Sunday breakfast").await?;
        ana.opens("Chat").await?;
        ana.pastes(&"x".repeat(2001)).await?;
        ana.is_told("This message is too long.").await?;
        let field = ana.page().find("textbox", "Message").await?;
        ensure!(ana.page().value(&field).await?.len() == 2001, "what was written is gone");
        // Nor when the panel was closed meanwhile.
        ana.closes("Chat").await?;
        ana.opens("Chat").await?;
        let field = ana.page().find("textbox", "Message").await?;
        ensure!(ana.page().value(&field).await?.len() == 2001, "the draft is gone");
        ana.page().focus(&field).await?;
        ana.page().press(BACKSPACE).await?;
        ana.page().press(ENTER).await?;
        ana.reads("xxxx").await?;
        ensure!(ana.page().value(&field).await?.is_empty(), "what was sent is still there");
        Ok(())
    });
}

#[test]
fn the_end_of_the_log_stays_in_sight_when_the_window_shrinks() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.creates(&broker, "Sunday breakfast").await?;
        ana.page().resize(1280, 800).await?;
        for number in 1..=12 {
            ana.says(&format!("Number {number}")).await?;
        }
        ana.reads("Number 12").await?;
        ana.page().resize(500, 740).await?;
        let log = ana.page().find("log", "Messages").await?;
        let below = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight";
        wait::until("the end to be in sight", PATIENCE, async || {
            let below = ana.page().call_on(&log, below, Value::Null).await?;
            Ok(below.as_f64().is_some_and(|below| below < 2.0).then_some(()))
        })
        .await
    });
}

#[test]
fn what_is_said_before_a_channel_opens_arrives_when_it_does() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let guest = scene.person(kind, "Bo").await?;
            // Its candidates come to nothing until it is let go: no connection, and no channel.
            let hold = "() => {
                const held = [];
                let open = false;
                const { addIceCandidate } = RTCPeerConnection.prototype;
                RTCPeerConnection.prototype.addIceCandidate = function (...rest) {
                    if (open) return addIceCandidate.apply(this, rest);
                    return new Promise((done) => held.push(() => done(addIceCandidate.apply(this, rest))));
                };
                const { setRemoteDescription } = RTCPeerConnection.prototype;
                RTCPeerConnection.prototype.setRemoteDescription = function (description) {
                    if (open) return setRemoteDescription.call(this, description);
                    return new Promise((done) => held.push(() => done(setRemoteDescription.call(this, description))));
                };
                window.__go = () => ((open = true), held.forEach((go) => go()));
            }";
            guest.page().prepare(hold).await?;
            guest.accepts(&link).await?;
            guest.sees("Ana").await?;
            ana.sees("Bo").await?;
            let words = format!("Welcome, {kind:?}!");
            ana.says(&words).await?;
            guest.says("Thank you!").await?;
            guest.page().call("() => window.__go()", Value::Null).await?;
            guest.reads(&words).await?;
            ana.reads("Thank you!").await?;
            guest.leaves().await?;
            ana.no_longer_sees("Bo").await?;
        }
        Ok(())
    });
}

#[test]
fn links_open_without_a_way_back_and_hostile_text_stays_text() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        let hostile = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";
        for (from, to) in [(&ana, &bo), (&bo, &ana)] {
            let address = format!("https://example.org/{}?b=c#d", from.name());
            from.says(&format!("See {address}, and javascript:alert(1)")).await?;
            to.reads(&address).await?;
            let link = to.page().find("link", &address).await?;
            let rel = to.page().attribute(&link, "rel").await?.unwrap_or_default();
            ensure!(rel.contains("noopener") && rel.contains("noreferrer"), "rel is {rel}");
            ensure!(to.page().attribute(&link, "target").await?.as_deref() == Some("_blank"));
            ensure!(!to.page().has("link", "javascript:alert(1)").await?);
            from.says(hostile).await?;
            to.reads(hostile).await?;
            ensure!(markup(to).await? == 0, "what {} wrote became markup", from.name());
        }
        Ok(())
    });
}

#[test]
fn who_comes_later_and_who_loads_the_page_anew_reads_what_was_said() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        ana.says("Coffee is ready").await?;
        bo.reads("Coffee is ready").await?;
        bo.says("On my way").await?;
        ana.reads("On my way").await?;
        let cleo = scene.person(Kind::Chromium, "Cleo").await?;
        cleo.accepts(&link).await?;
        cleo.reads_in_turn(&["Coffee is ready", "On my way", "You joined"]).await?;
        cleo.has_unread(None).await?;
        for person in [&ana, &bo] {
            person.page().reload().await?;
            person.reads_in_turn(&["Coffee is ready", "On my way", "You joined"]).await?;
        }
        ana.reads("received by all").await
    });
}

#[test]
fn a_message_is_edited_deleted_and_brought_back_by_whoever_wrote_it() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Firefox, "Ana"), (Kind::Chromium, "Bo")]).await?;
        ana.says("Coffe is ready").await?;
        bo.reads("Coffe is ready").await?;
        ensure!(!bo.page().has("button", "Edit: Coffe is ready").await?, "it is not Bo's");
        ana.page().fill("Message", "a draft").await?;
        ana.page().click("button", "Edit: Coffe is ready").await?;
        let field = ana.page().find("textbox", "Message").await?;
        ensure!(ana.page().value(&field).await? == "Coffe is ready");
        // A half-done edit outlives the panel, and an empty one tells what to do.
        ana.page().fill("Message", "Coffee is").await?;
        ana.closes("Chat").await?;
        ana.opens("Chat").await?;
        let field = ana.page().find("textbox", "Message").await?;
        ensure!(ana.page().value(&field).await? == "Coffee is", "the edit is lost");
        ana.page().fill("Message", " ").await?;
        ana.page().click("button", "Send").await?;
        ana.is_told("A message cannot be empty.").await?;
        ana.page().fill("Message", "Coffee is ready").await?;
        ana.page().click("button", "Send").await?;
        bo.reads("Coffee is ready").await?;
        bo.reads("edited").await?;
        ensure!(ana.page().value(&field).await? == "a draft", "the draft is back");
        let delete = ana.page().find("button", "Delete: Coffee is ready").await?;
        ana.page().focus(&delete).await?;
        ana.page().press(ENTER).await?;
        bo.reads("Deleted").await?;
        bo.no_longer_reads("Coffee").await?;
        // So does whoever comes later.
        let cleo = scene.person(Kind::Chromium, "Cleo").await?;
        cleo.accepts(&link).await?;
        cleo.reads("Deleted").await?;
        cleo.no_longer_reads("Coffee").await?;
        let focused = "() => document.activeElement.getAttribute('aria-label')";
        let focused = ana.page().call(focused, Value::Null).await?;
        ensure!(focused == "Bring back: Coffee is ready", "the keyboard is at {focused}");
        ana.page().click("button", "Bring back: Coffee is ready").await?;
        for person in [&bo, &cleo] {
            person.reads("Coffee is ready").await?;
        }
        Ok(())
    });
}

#[test]
fn what_one_link_loses_another_member_passes_on() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        // Ana's page says nothing of the chat over a channel that opens from now on.
        let watch = "() => {
            const { send } = RTCDataChannel.prototype;
            const known = (window.__known = new Set());
            RTCDataChannel.prototype.send = function (text) {
                if (!window.__closed) known.add(this);
                else if (!known.has(this) && /\"(chat|digest|have|lacked)\"/.test(text)) return;
                send.call(this, text);
            };
        }";
        ana.page().call(watch, Value::Null).await?;
        wait::until("a word to Bo", PATIENCE, async || {
            let known = ana.page().call("() => (window.__closed = window.__known.size === 1)", Value::Null).await?;
            Ok((known == true).then_some(()))
        })
        .await?;
        let cleo = scene.person(Kind::Chromium, "Cleo").await?;
        cleo.accepts(&link).await?;
        cleo.is_connected_to("Ana").await?;
        ana.says("From Ana").await?;
        cleo.reads("From Ana").await?;
        bo.says("From Bo").await?;
        cleo.says("From Cleo").await?;
        for person in [&ana, &bo, &cleo] {
            person.reads_in_turn(&["From Ana", "From Bo", "From Cleo"]).await?;
        }
        Ok(())
    });
}

#[test]
fn where_no_history_is_kept_newcomers_read_what_is_said_from_then_on() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        ana.opens("Invite").await?;
        ana.page().click("switch", "Newcomers can read earlier messages").await?;
        bo.reads("Whoever joins does not see what was said before").await?;
        // It is remembered by whoever is alone when they come back.
        bo.leaves().await?;
        ana.page().reload().await?;
        ana.reads("Whoever joins does not see what was said before").await?;
        ana.says("Between us").await?;
        let cleo = scene.person(Kind::Firefox, "Cleo").await?;
        cleo.accepts(&link).await?;
        cleo.is_connected_to("Ana").await?;
        ana.says("Welcome, Cleo").await?;
        cleo.reads("Welcome, Cleo").await?;
        // Who had a seat when it was said reads it all the same, and would hand it on.
        bo.accepts(&link).await?;
        bo.reads_in_turn(&["Between us", "Welcome, Cleo"]).await?;
        cleo.is_connected_to("Bo").await?;
        bo.says("I am back").await?;
        cleo.reads_in_turn(&["Welcome, Cleo", "I am back"]).await?;
        cleo.no_longer_reads("Between us").await
    });
}

/// Images and scripts in the log, and signs that one ran.
async fn markup(person: &Person) -> anyhow::Result<u64> {
    let count = "() => document.querySelectorAll('[role=log] :is(img, script)').length + (document.title === 'taken')";
    Ok(person.page().call(count, Value::Null).await?.as_u64().unwrap_or(1))
}
