//! Microphones, cameras, speakers: chosen, switched, refused and missing.

use anyhow::ensure;
use klatch_tests::{Kind, play};

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
        bo.page().open(&link).await?;
        bo.page().shows("Your browser does not let this page use the microphone.").await?;
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
