//! Microphones, cameras, speakers: chosen, switched, refused and missing.

use anyhow::ensure;
use klatch_tests::page::PATIENCE;
use klatch_tests::{Kind, play, wait};
use serde_json::Value;

#[test]
fn devices_are_chosen_before_and_in_the_call() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        let bo = scene.person(Kind::Chromium, "Bo").await?;
        bo.page().open(&link).await?;
        bo.page().click("switch", "Join with camera").await?;
        bo.page().shows("Fake Audio Input 1").await?;
        ensure!(bo.page().options("Camera device").await?.len() >= 2);
        ensure!(bo.page().options("Speaker").await?.len() >= 2);
        bo.page().choose("Microphone device", "Fake Audio Input 1").await?;
        bo.joins().await?;
        ensure!(bo.has_on("Camera").await?);
        ana.is_connected_to("Bo").await?;
        ana.hears(1).await?;
        ana.watches("Bo").await?;
        bo.opens("Settings").await?;
        bo.page().choose("Microphone device", "Fake Audio Input 2").await?;
        bo.page().choose("Theme", "Dark").await?;
        ana.hears(1).await?;
        ana.watches("Bo").await?;
        // Firefox offers a choice too.
        let dee = scene.person(Kind::Firefox, "Dee").await?;
        dee.page().open(&link).await?;
        ensure!(!dee.page().options("Microphone device").await?.is_empty());
        Ok(())
    });
}

#[test]
fn muting_is_seen_by_the_others_and_silences() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        for (person, other) in [(&ana, &bo), (&bo, &ana)] {
            other.sees_microphone(person.name(), true).await?;
            other.hears(1).await?;
            person.toggles("Microphone").await?;
            other.sees_microphone(person.name(), false).await?;
            other.hears_nothing().await?;
            person.toggles("Microphone").await?;
            other.sees_microphone(person.name(), true).await?;
            other.hears(1).await?;
        }
        Ok(())
    });
}

#[test]
fn who_is_muted_stays_so_over_a_reload_and_is_not_in_the_next_room() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Chromium, "Bo")]).await?;
        bo.toggles("Microphone").await?;
        ana.sees_microphone("Bo", false).await?;
        bo.page().reload().await?;
        bo.is_in_the_room().await?;
        bo.is_connected_to("Ana").await?;
        bo.waits_until("Microphone", false).await?;
        ana.sees_microphone("Bo", false).await?;
        bo.leaves().await?;
        bo.page().click("link", "Sunday breakfast").await?;
        bo.is_in_the_room().await?;
        bo.waits_until("Microphone", true).await
    });
}

#[test]
fn one_joins_without_either_and_switches_them_on_later() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        bo.page().open(&link).await?;
        bo.page().click("switch", "Join with microphone").await?;
        bo.joins().await?;
        ensure!(!bo.has_on("Microphone").await? && !bo.has_on("Camera").await?);
        ana.is_connected_to("Bo").await?;
        ana.sees_microphone("Bo", false).await?;
        bo.hears(1).await?;
        bo.toggles("Microphone").await?;
        bo.toggles("Camera").await?;
        ana.hears(1).await?;
        ana.watches("Bo").await?;
        bo.toggles("Camera").await?;
        ana.shows_no_picture("Bo").await?;
        bo.toggles("Camera").await?;
        ana.watches("Bo").await.map(|_| ())
    });
}

#[test]
fn what_is_off_is_released() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ana = scene.person(kind, "Ana").await?;
            ana.creates(&broker, "Sunday breakfast").await?;
            ana.captures(&["audio"]).await?;
            ana.toggles("Camera").await?;
            ana.captures(&["audio", "video"]).await?;
            ana.toggles("Camera").await?;
            ana.captures(&["audio"]).await?;
            ana.leaves().await?;
            ana.captures(&[]).await?;
        }
        Ok(())
    });
}

#[test]
fn a_denied_microphone_is_told_and_does_not_keep_anybody_out() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        let bo = scene.person(Kind::AskingChromium, "Bo").await?;
        bo.denies(broker.url(), &["microphone", "camera"]).await?;
        // Once, though the device that was chosen last time is not there.
        let count = "() => {
            if (!window.MediaDevices) return;
            window.__asked = 0;
            const { getUserMedia } = MediaDevices.prototype;
            MediaDevices.prototype.getUserMedia = function (constraints) {
                window.__asked += 1;
                return getUserMedia.call(this, constraints);
            };
        }";
        bo.page().prepare(count).await?;
        bo.page().open(broker.url()).await?;
        let choose = r#"() => localStorage.setItem("klatch.preferences", JSON.stringify({ microphone: "gone" }))"#;
        bo.page().call(choose, Value::Null).await?;
        bo.page().open(&link).await?;
        bo.page().shows("Your browser does not let this page use the microphone.").await?;
        ensure!(bo.page().call("() => window.__asked", Value::Null).await? == 1, "it was asked for twice");
        bo.joins().await?;
        ensure!(!bo.has_on("Microphone").await?);
        bo.is_connected_to("Ana").await?;
        bo.hears(1).await?;
        ana.sees_microphone("Bo", false).await?;
        bo.page().click("button", "Camera").await?;
        bo.page().shows("Your browser does not let this page use the camera.").await
    });
}

#[test]
fn a_missing_microphone_is_told() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let bo = scene.person(Kind::BareChromium, "Bo").await?;
        bo.page().open(broker.url()).await?;
        bo.names_a_room("Sunday breakfast").await?;
        bo.page().shows("No microphone was found.").await?;
        bo.joins().await?;
        ensure!(!bo.has_on("Microphone").await?);
        bo.page().click("button", "Camera").await?;
        bo.page().shows("No camera was found.").await
    });
}

/// Devices that can be unplugged and plugged in: `__unplug` ends what is captured from a kind, `__list` changes what there is.
const PLUGS: &str = r#"() => {
    // Not on empty pages.
    if (!window.MediaDevices) return;
    // Firefox dispatches no made-up events to tracks.
    const told = new Map();
    const { addEventListener } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (name, tell, ...rest) {
        if (this instanceof MediaStreamTrack && name === "ended") told.set(this, [...(told.get(this) ?? []), tell]);
        return addEventListener.call(this, name, tell, ...rest);
    };
    const live = new Set();
    const { getUserMedia, enumerateDevices } = MediaDevices.prototype;
    MediaDevices.prototype.getUserMedia = async function (constraints) {
        const stream = await getUserMedia.call(this, constraints);
        stream.getTracks().forEach((track) => live.add(track));
        return stream;
    };
    window.__unplug = (kind) => {
        for (const track of live) {
            if (track.kind !== kind || track.readyState !== "live") continue;
            track.stop();
            told.get(track)?.forEach((tell) => tell.call(track, new Event("ended")));
        }
    };
    let change = (devices) => devices;
    MediaDevices.prototype.enumerateDevices = async function () {
        return change(await enumerateDevices.call(this));
    };
    window.__list = (how) => {
        change = how;
        navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    };
}"#;

#[test]
fn an_unplugged_microphone_is_replaced_and_an_unplugged_camera_is_off() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let bo = scene.person(kind, "Bo").await?;
            bo.page().prepare(PLUGS).await?;
            bo.accepts(&link).await?;
            ana.is_connected_to("Bo").await?;
            bo.toggles("Camera").await?;
            ana.watches("Bo").await?;
            bo.page().call("() => window.__unplug('audio')", Value::Null).await?;
            bo.is_told("Your microphone was unplugged or taken.").await?;
            bo.waits_until("Microphone", true).await?;
            ana.sees_microphone("Bo", true).await?;
            ana.hears(1).await?;
            bo.page().call("() => window.__unplug('video')", Value::Null).await?;
            bo.is_told("Your camera was unplugged or taken.").await?;
            bo.waits_until("Camera", false).await?;
            ana.shows_no_picture("Bo").await?;
            bo.leaves().await?;
            ana.no_longer_sees("Bo").await?;
        }
        Ok(())
    });
}

#[test]
fn devices_that_come_and_go_are_told_and_a_speaker_that_is_gone_is_not_waited_for() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        let bo = scene.person(Kind::Chromium, "Bo").await?;
        bo.page().prepare(PLUGS).await?;
        bo.accepts(&link).await?;
        bo.is_connected_to("Ana").await?;
        let plug = "() => {
            window.__headset = { kind: 'audioinput', deviceId: 'new', label: 'A new headset' };
            window.__list((devices) => [...devices, window.__headset]);
        }";
        bo.page().call(plug, Value::Null).await?;
        bo.is_told("A new headset is connected. Choose it in Settings to use it.").await?;
        bo.opens("Settings").await?;
        bo.page().choose("Speaker", "Fake Audio Output 2").await?;
        let sinks = async || {
            bo.page()
                .call("() => [...document.querySelectorAll('audio')].map(({ sinkId }) => sinkId)", Value::Null)
                .await
        };
        wait::until("the other speaker", PATIENCE, async || {
            let sinks = sinks().await?;
            Ok(sinks
                .as_array()
                .is_some_and(|sinks| !sinks.is_empty() && sinks.iter().all(|sink| sink != ""))
                .then_some(()))
        })
        .await?;
        let unplug = "() => window.__list((devices) => [...devices.filter(({ label }) => label !== 'Fake Audio Output 2'), window.__headset])";
        bo.page().call(unplug, Value::Null).await?;
        bo.is_told("Fake Audio Output 2 was unplugged.").await?;
        wait::until("the system's own speaker", PATIENCE, async || {
            let sinks = sinks().await?;
            Ok(sinks.as_array().is_some_and(|sinks| sinks.iter().all(|sink| sink == "")).then_some(()))
        })
        .await?;
        bo.hears(1).await?;
        ana.hears(1).await
    });
}

/// Holds back what puts tracks into place, until `__go` is called.
const HOLD: &str = "() => {
    if (!window.RTCRtpSender) return;
    const { replaceTrack } = RTCRtpSender.prototype;
    const gate = new Promise((done) => (window.__go = done));
    window.__held = 0;
    RTCRtpSender.prototype.replaceTrack = async function (track) {
        window.__held += 1;
        await gate;
        return replaceTrack.call(this, track);
    };
}";

#[test]
fn a_microphone_that_comes_while_an_offer_is_taken_in_is_heard() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ana = scene.person(kind, "Ana").await?;
            ana.page().prepare(HOLD).await?;
            ana.page().open(broker.url()).await?;
            ana.names_a_room("Sunday breakfast").await?;
            ana.page().click("switch", "Join with microphone").await?;
            ana.joins().await?;
            let link = ana.invitation().await?;
            let bo = scene.person(Kind::Chromium, "Bo").await?;
            bo.accepts(&link).await?;
            wait::until("Bo’s offer to be taken in", PATIENCE, async || {
                Ok((ana.page().number("window.__held").await? > 0.0).then_some(()))
            })
            .await?;
            ana.toggles("Microphone").await?;
            ana.page().call("() => __go()", Value::Null).await?;
            bo.is_connected_to("Ana").await?;
            bo.hears(1).await?;
            ana.hears(1).await?;
            bo.leaves().await?;
        }
        Ok(())
    });
}
