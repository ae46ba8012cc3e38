//! Without a mouse, and without sound at first.

use anyhow::{Result, ensure};
use klatch_tests::page::{ENTER, ESCAPE, PATIENCE, TAB};
use klatch_tests::{Kind, Person, play, wait};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn a_room_is_created_joined_and_left_by_keys_alone() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ana = scene.person(kind, "Ana").await?;
            ana.page().open(broker.url()).await?;
            ana.page().find("textbox", "Room name").await?;
            tabs_to(&ana, "Room name").await?;
            ana.page().type_text("Sunday breakfast\n").await?;
            ana.page().find("textbox", "Your name").await?;
            // Each page begins where there is something to read, or, where a keyboard is likely, to do.
            let begins =
                "() => document.activeElement.matches(matchMedia('(hover: hover)').matches ? '#your-name' : 'h1')";
            wait::until("the focus at the beginning of the lobby", PATIENCE, async || {
                Ok((ana.page().call(begins, Value::Null).await? == true).then_some(()))
            })
            .await?;
            tabs_to(&ana, "Your name").await?;
            ana.page().press(ENTER).await?;
            ana.page().shows("Please type a name.").await?;
            ensure!(focused(&ana).await? == "Your name", "what is wrong is not where the keyboard is");
            ana.page().type_text("Ana\n").await?;
            ana.is_in_the_room().await?;
            let place = ana.page().call("() => [document.title, document.activeElement.tagName]", Value::Null).await?;
            ensure!(place == json!(["Sunday breakfast – Klatch", "H1"]), "{kind:?}: {place}");
            tabs_to(&ana, "Microphone").await?;
            ana.page().press(" ").await?;
            ana.waits_until("Microphone", false).await?;
            tabs_to(&ana, "Chat").await?;
            ana.page().press(ENTER).await?;
            ana.page().find("textbox", "Message").await?;
            tabs_to(&ana, "Message").await?;
            ana.page().type_text("Hello\n").await?;
            ana.reads("Hello").await?;
            ana.page().press(ESCAPE).await?;
            ana.page().gone("textbox", "Message").await?;
            wait::until("the focus to be back on “Chat”", PATIENCE, async || {
                Ok((focused(&ana).await? == "Chat").then_some(()))
            })
            .await?;
            // Escape closes what lies on top, and only that.
            ana.opens("Settings").await?;
            tabs_to(&ana, "End room for everyone").await?;
            ana.page().press(ENTER).await?;
            ana.page().find("button", "Keep it").await?;
            ana.page().press(ESCAPE).await?;
            ana.page().gone("button", "Keep it").await?;
            ana.page().find("combobox", "Theme").await?;
            ana.page().press(ESCAPE).await?;
            ana.page().gone("combobox", "Theme").await?;
            tabs_to(&ana, "Leave").await?;
            ana.page().press(ENTER).await?;
            ana.page().find("textbox", "Room name").await?;
        }
        Ok(())
    });
}

#[test]
fn sound_that_the_browser_holds_back_comes_with_a_click() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Firefox, "Ana"), (Kind::Chromium, "Bo")]).await?;
        bo.hears(1).await?;
        bo.page().prepare(STRICT).await?;
        bo.page().reload().await?;
        bo.is_connected_to("Ana").await?;
        ensure!(bo.loudness(Duration::from_secs(1)).await? == 0.0, "the browser does not hold sound back");
        bo.page().click("button", "Click to hear").await?;
        bo.page().gone("button", "Click to hear").await?;
        bo.hears(1).await?;
        ana.is_connected_to("Bo").await
    });
}

/// Browsers differ in when they hold sound back, and the drivers' let everything play: this is the strictest rule, that
/// nothing is heard before the page was touched.
const STRICT: &str = "() => {
    const free = (element) => element.muted || navigator.userActivation.hasBeenActive;
    const { play } = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = function () {
        return free(this) ? play.call(this) : Promise.reject(new DOMException('not yet', 'NotAllowedError'));
    };
    addEventListener('play', ({ target }) => free(target) || target.pause(), true);
}";

/// Presses Tab until what has this name has the focus.
async fn tabs_to(person: &Person, name: &str) -> Result<()> {
    let mut met = Vec::new();
    for _ in 0..40 {
        let now = focused(person).await?;
        if now == name {
            return Ok(());
        }
        met.push(now);
        person.page().press(TAB).await?;
    }
    anyhow::bail!("Tab does not lead to “{name}”, but to {met:?}")
}

/// The name of what has the focus.
async fn focused(person: &Person) -> Result<String> {
    let name = "() => { const { activeElement: element } = document; \
                return element.ariaLabel ?? element.labels?.[0]?.innerText ?? element.innerText ?? '' }";
    let name = person.page().call(name, Value::Null).await?;
    Ok(name.as_str().unwrap_or_default().trim().chars().take(80).collect())
}
