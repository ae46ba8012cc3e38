//! Two browsers in one room: sound, pictures, names.

use anyhow::ensure;
use klatch_tests::{Kind, play};

#[test]
fn chromium_and_firefox_hear_and_see_each_other() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        ensure!(link.starts_with(&format!("{}/r/", broker.url())) && link.contains('#'), "an odd link");
        ana.sees("Ana (you)").await?;
        bo.sees("Bo (you)").await?;
        ana.is_told("Bo joined").await?;
        ana.opens("Invite").await?;
        ana.page().click("button", "Copy link").await?;
        ana.is_told("copied").await?;
        ana.closes("Invite").await?;
        for person in [&ana, &bo] {
            person.page().find("heading", "Sunday breakfast").await?;
            ensure!(!person.page().address().await?.contains('#'), "the key stays in the address bar");
            ensure!(person.has_on("Microphone").await? && !person.has_on("Camera").await?);
            person.hears(1).await?;
        }
        // Firefox's microphone hums without a pause.
        ana.reads_on("Bo", "speaking").await?;

        for person in [&ana, &bo] {
            person.toggles("Camera").await?;
        }
        for (person, own, other) in [(&ana, "Ana (you)", "Bo"), (&bo, "Bo (you)", "Ana")] {
            person.decodes(1).await?;
            person.watches(other).await?;
            person.watches(own).await?;
            ensure!(person.connections().await?.len() == 1, "one connection a pair");
        }
        bo.toggles("Camera").await?;
        ana.shows_no_picture("Bo").await?;
        bo.watches("Ana").await?;
        ana.hears(1).await
    });
}

#[test]
fn a_new_name_is_seen_by_the_others_and_equal_names_are_told_apart() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Chromium, "Bo")]).await?;
        bo.opens("Settings").await?;
        bo.page().fill("Your name", "Ana").await?;
        bo.page().click("button", "Change name").await?;
        bo.sees("Ana (2) (you)").await?;
        bo.sees("Ana").await?;
        ana.is_connected_to("Ana (2)").await?;
        ana.sees("Ana (you)").await?;
        bo.page().fill("Your name", "صباح الخير").await?;
        bo.page().click("button", "Change name").await?;
        ana.sees("صباح الخير").await.map(|_| ())
    });
}
