//! How loud somebody is, for oneself alone.

use anyhow::{Result, ensure};
use klatch_tests::page::{END, HOME};
use klatch_tests::{Kind, Person, play};
use std::time::Duration;

/// Firefox's microphone hums evenly, Chromium's beeps about every second.
const HUM: Duration = Duration::from_millis(1200);
/// See [`HUM`].
const BEEPS: Duration = Duration::from_millis(2500);

#[test]
fn two_hundred_percent_is_really_louder_and_none_is_silent() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        ana.hears(1).await?;
        let usual = ana.loudness(HUM).await?;
        turns(&ana, "Volume of Bo", END).await?;
        let loud = ana.loudness(HUM).await?;
        ensure!(loud > 2.5 * usual, "100 % has a power of {usual}, 200 % of {loud}");
        ana.page().hover(&ana.sees("Bo").await?).await?;
        ana.toggles("Mute Bo").await?;
        let muted = ana.loudness(HUM).await?;
        ensure!(muted < usual / 100.0, "muted it has a power of {muted}, {usual} before");
        ana.toggles("Mute Bo").await?;
        let again = ana.loudness(HUM).await?;
        ensure!(again > 2.5 * usual, "unmuted it has a power of {again}, {loud} before");
        turns(&ana, "Volume of Bo", HOME).await?;
        let none = ana.loudness(HUM).await?;
        ensure!(none < usual / 100.0, "at 0 % it has a power of {none}");
        // For oneself alone.
        bo.hears(1).await
    });
}

#[test]
fn firefox_mutes_and_lowers_too() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([_ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        bo.hears(1).await?;
        let usual = bo.loudness(BEEPS).await?;
        turns(&bo, "Volume of Ana", HOME).await?;
        ensure!(bo.loudness(BEEPS).await? < usual / 100.0, "0 % is heard");
        turns(&bo, "Volume of Ana", "100 %").await?;
        bo.hears(1).await?;
        bo.page().hover(&bo.sees("Ana").await?).await?;
        bo.toggles("Mute Ana").await?;
        ensure!(bo.loudness(BEEPS).await? < usual / 100.0, "a muted member is heard");
        Ok(())
    });
}

#[test]
fn who_is_hidden_is_not_seen_heard_or_read_by_whoever_hides_them() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        bo.toggles("Camera").await?;
        ana.watches("Bo").await?;
        ana.hears(1).await?;
        let usual = ana.loudness(HUM).await?;
        ana.opens("People").await?;
        ana.toggles("Hide Bo").await?;
        ana.no_longer_sees("Bo").await?;
        let hidden = ana.loudness(HUM).await?;
        ensure!(hidden < usual / 100.0, "hidden it has a power of {hidden}, {usual} before");
        bo.hears(1).await?;
        bo.is_connected_to("Ana").await?;
        bo.says("Can you see me?").await?;
        bo.reads("received by all").await?;
        ana.has_unread(None).await?;
        ana.opens("Chat").await?;
        ensure!(!ana.page().text().await?.contains("Can you see me?"), "who is hidden is read");
        ana.opens("People").await?;
        ana.toggles("Hide Bo").await?;
        ana.watches("Bo").await?;
        ana.hears(1).await?;
        bo.says("And now?").await?;
        ana.reads("And now?").await?;
        // Nothing is lost by it.
        ana.reads("Can you see me?").await
    });
}

/// Turns a slider: to its end by a key, or to so many percent by steps.
async fn turns(person: &Person, slider: &str, to: &str) -> Result<()> {
    let element = person.page().find("slider", slider).await?;
    person.page().focus(&element).await?;
    match to.strip_suffix(" %") {
        None => person.page().press(to).await?,
        Some(percent) => {
            person.page().press(HOME).await?;
            while person.page().value(&element).await? != percent {
                person.page().press(klatch_tests::page::ARROW_UP).await?;
            }
        }
    }
    // The sliding sound of the change is not what is measured.
    person.loudness(Duration::from_millis(300)).await.map(|_| ())
}
