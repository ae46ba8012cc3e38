//! The lobby that stands in the page before the app: looked at, typed into and clicked while the module is held up.

use anyhow::{Result, ensure};
use klatch_tests::page::PATIENCE;
use klatch_tests::{Kind, Person, play, wait};
use serde_json::{Value, json};

/// Holds the module back until `__go` is called, and keeps what the app draws first.
const HOLD: &str = r#"() => {
    const compile = WebAssembly.compileStreaming;
    const held = new Promise((go) => (window.__go = go));
    WebAssembly.compileStreaming = async (...source) => {
        const [module] = await Promise.all([compile.apply(WebAssembly, source), held]);
        return module;
    };
    // Attributes, in order, and words; without what is the default anyway, and what devices there are is another matter.
    const told = (node) => {
        if (node.nodeType === Node.TEXT_NODE) return node.data.trim();
        const devices = node.matches("select") && node.id !== "theme";
        const ignored = ["placeholder", "type", "value", "selected", devices && "disabled"];
        const attributes = [...node.attributes].filter(({ name }) => !ignored.includes(name));
        const sorted = attributes.map(({ name, value }) => ` ${name}=${value}`).sort().join("");
        const inside = [...node.childNodes].slice(0, devices ? 1 : Infinity).map(told).join("");
        return `<${node.localName}${sorted} ${node.value ?? ""}>${inside}`;
    };
    addEventListener("DOMContentLoaded", () => {
        const app = document.getElementById("app");
        const threshold = app.firstElementChild;
        window.__before = told(threshold);
        new MutationObserver((_, observer) => {
            if (threshold.isConnected || !app.firstElementChild) return;
            window.__after = told(app.firstElementChild);
            observer.disconnect();
        }).observe(app, { childList: true });
    });
}"#;

async fn comes_to_the_threshold(person: &Person, link: &str) -> Result<()> {
    person.page().prepare(HOLD).await?;
    person.page().open(link).await?;
    person.page().find("textbox", "Your name").await.map(|_| ())
}

async fn lets_the_app_in(person: &Person) -> Result<()> {
    person.page().call("() => window.__go()", Value::Null).await.map(|_| ())
}

async fn the_app_is_there(person: &Person) -> Result<()> {
    wait::until("the app", PATIENCE, async || {
        Ok((person.page().call("() => window.__after !== undefined", Value::Null).await? == true).then_some(()))
    })
    .await
}

#[test]
fn the_threshold_is_the_lobby_as_the_app_draws_it() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let link = scene.person(Kind::Chromium, "Ana").await?.creates(&broker, "Sunday breakfast").await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let bo = scene.person(kind, "Bo").await?;
            bo.page().prepare(HOLD).await?;
            for preferences in [
                json!(null),
                json!({ "name": "bo", "theme": "dark", "join_with_microphone": false, "join_with_camera": true, "relay_only": true }),
            ] {
                bo.page().open(broker.url()).await?;
                let keep = "(preferences) => localStorage.setItem('klatch.preferences', JSON.stringify(preferences))";
                bo.page().call(keep, preferences).await?;
                bo.page().open(&link).await?;
                bo.page().find("textbox", "Your name").await?;
                scene.keep_picture(&bo, &format!("{kind:?}-before")).await?;
                lets_the_app_in(&bo).await?;
                the_app_is_there(&bo).await?;
                let drawn = bo.page().call("() => [window.__before, window.__after]", Value::Null).await?;
                ensure!(drawn[0] == drawn[1], "{kind:?}:\nbefore {}\nafter  {}", drawn[0], drawn[1]);
                bo.page().shows("1 inside").await?;
            }
        }
        Ok(())
    });
}

#[test]
fn what_is_done_before_the_app_is_there_is_not_lost() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        for (kind, name) in [(Kind::Chromium, "Bo"), (Kind::Firefox, "Cleo")] {
            let guest = scene.person(kind, name).await?;
            comes_to_the_threshold(&guest, &link).await?;
            guest.page().click("switch", "Join with microphone").await?;
            guest.asks_to_join().await?;
            let join = guest.page().find("button", "Join").await?;
            ensure!(
                guest.page().attribute(&join, "disabled").await?.is_some(),
                "Join does not show that it was clicked"
            );
            lets_the_app_in(&guest).await?;
            guest.is_in_the_room().await?;
            guest.waits_until("Microphone", false).await?;
            ana.sees(name).await?;
        }
        Ok(())
    });
}

#[test]
fn a_name_is_typed_across_the_threshold() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        for (kind, name) in [(Kind::Chromium, "Bo"), (Kind::Firefox, "Cleo")] {
            let guest = scene.person(kind, name).await?;
            comes_to_the_threshold(&guest, &link).await?;
            let field = guest.page().find("textbox", "Your name").await?;
            guest.page().focus(&field).await?;
            let (start, end) = name.split_at(1);
            guest.page().type_text(start).await?;
            lets_the_app_in(&guest).await?;
            the_app_is_there(&guest).await?;
            guest.page().type_text(&format!("{end}\n")).await?;
            guest.is_in_the_room().await?;
            ana.sees(name).await?;
        }
        Ok(())
    });
}

#[test]
fn a_page_that_does_not_load_whole_says_so() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let link = scene.person(Kind::Chromium, "Ana").await?.creates(&broker, "Sunday breakfast").await?;
        scene.forgive("the line was cut");
        for kind in [Kind::Chromium, Kind::Firefox] {
            let bo = scene.person(kind, "Bo").await?;
            let cut = "() => { WebAssembly.compileStreaming = () => Promise.reject(new Error('the line was cut')); }";
            bo.page().prepare(cut).await?;
            for url in [link.as_str(), broker.url()] {
                bo.page().open(url).await?;
                bo.page().shows("This page did not load whole. Check your connection, then load it again.").await?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_page_that_breaks_down_later_says_so() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ana = scene.person(kind, "Ana").await?;
            ana.creates(&broker, "Sunday breakfast").await?;
            // As when the module traps. What a test's own script throws is told to the page without the error.
            let trap = "() => void dispatchEvent(
                new ErrorEvent('error', { error: new WebAssembly.RuntimeError('unreachable') }))";
            ana.page().call(trap, serde_json::Value::Null).await?;
            ana.is_told("This page has stopped working.").await?;
        }
        Ok(())
    });
}
