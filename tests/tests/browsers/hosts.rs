//! Those who host: who may open rooms at their server, and the pages on which they say who they are.

use anyhow::{Context, Result, ensure};
use klatch_tests::page::{ENTER, PATIENCE};
use klatch_tests::wire::Recorder;
use klatch_tests::{Broker, Kind, Person, play, wait};
use serde_json::Value;

use super::looks::{SIZES, seen};

const CODE: &str = "correct horse battery";
const WRONG: &str = "This is not a host code of this server.";

/// A file with a code, gone with the test.
struct Codes(std::path::PathBuf);

impl Codes {
    fn new(name: &str) -> Result<Self> {
        let file = Self(std::env::temp_dir().join(format!("klatch-host-codes-{}-{name}", std::process::id())));
        file.say(CODE)?;
        Ok(file)
    }

    fn say(&self, codes: &str) -> Result<()> {
        std::fs::write(&self.0, codes).context("a place for files")
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl Drop for Codes {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Waits until the keyboard is in the field of the code.
async fn is_at_the_code(person: &Person) -> Result<()> {
    wait::until("the code to be asked for", PATIENCE, async || {
        let focused = person.page().call("() => document.activeElement?.id ?? ''", Value::Null).await?;
        Ok((focused == "host-code").then_some(()))
    })
    .await
}

/// What a field has, of which Firefox tells no role, as that of a password has none.
const FIELD: &str = "document.getElementById('host-code')";

/// Waits for the field of the code, and says what is in it.
async fn code_of(person: &Person) -> Result<String> {
    wait::until("the code's field", PATIENCE, async || {
        let labelled = format!("() => [{FIELD}?.labels[0].textContent, {FIELD}?.value]");
        let found = person.page().call(&labelled, Value::Null).await?;
        Ok((found[0] == "Host code").then(|| found[1].as_str().unwrap_or_default().to_owned()))
    })
    .await
}

async fn types_code(person: &Person, code: &str) -> Result<()> {
    code_of(person).await?;
    person.page().call(&format!("() => {FIELD}.select()"), Value::Null).await?;
    person.page().type_text(code).await?;
    ensure!(code_of(person).await? == code, "something else was typed");
    Ok(())
}

#[test]
fn a_room_is_opened_with_the_hosts_code_which_is_remembered() {
    play(async |scene| {
        let codes = Codes::new("remembered")?;
        let (recorder, _) = scene.recorded_broker(&["--host-code-file", codes.path()]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ana = scene.person(kind, "Ana").await?;
            ana.page().open(&recorder.url()).await?;
            code_of(&ana).await?;
            ana.names_a_room("Sunday breakfast").await?;
            ana.page().shows("Please type the host code.").await?;
            is_at_the_code(&ana).await?;
            types_code(&ana, "wrong horse battery").await?;
            ana.page().press(ENTER).await?;
            ana.page().shows(WRONG).await?;
            is_at_the_code(&ana).await?;
            let name = ana.page().find("textbox", "Room name").await?;
            ensure!(ana.page().value(&name).await? == "Sunday breakfast", "the name is lost");
            ana.page().reload().await?;
            ensure!(code_of(&ana).await?.is_empty(), "a wrong one is remembered");

            types_code(&ana, CODE).await?;
            ana.names_a_room("Sunday breakfast").await?;
            ana.joins().await?;
            let link = ana.invitation().await?;
            ana.leaves().await?;
            ensure!(code_of(&ana).await? == CODE, "it is to be typed again");
            ana.page().reload().await?;
            ensure!(code_of(&ana).await? == CODE, "it is to be typed again");
            ana.names_a_room("Tea").await?;
            ana.joins().await?;
            ensure!(!ana.page().address().await?.contains("horse"), "the code is in the address");

            let bo = scene.person(kind, "Bo").await?;
            bo.accepts(&link).await?;
        }
        for request in recorder.wires().iter().flat_map(|wire| wire.requests()) {
            ensure!(!request.contains("horse"), "{request}");
        }
        Ok(())
    });
}

#[test]
fn a_code_that_was_withdrawn_while_somebody_waits_before_a_room_is_told_to_them() {
    play(async |scene| {
        let codes = Codes::new("withdrawn")?;
        let recorder = Recorder::start().await?;
        let url = recorder.url();
        let flags = ["--public-url", &url, "--host-code-file", codes.path()];
        for text in ["WebSocket", "ws://"] {
            scene.forgive(text);
        }
        let mut broker = Broker::start(&flags).await?;
        recorder.forward_to(broker.port());
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.page().open(&url).await?;
        types_code(&ana, CODE).await?;
        ana.names_a_room("Sunday breakfast").await?;
        ana.page().find("button", "Join").await?;
        broker.stop().await?;
        codes.say("another one\n")?;
        let broker = Broker::start(&flags).await?;
        recorder.forward_to(broker.port());
        ana.asks_to_join().await?;
        ana.is_in_trouble("A host code is wanted", "Ask whoever runs it for one.").await
    });
}

#[test]
fn a_member_with_a_code_brings_the_room_back_for_all_after_a_restart() {
    play(async |scene| {
        let codes = Codes::new("back")?;
        let recorder = Recorder::start().await?;
        let url = recorder.url();
        let flags = ["--public-url", &url, "--host-code-file", codes.path()];
        for text in ["WebSocket", "ws://", "can’t establish a connection", "interrupted while the page was loading"] {
            scene.forgive(text);
        }
        let mut broker = Broker::start(&flags).await?;
        recorder.forward_to(broker.port());
        let (ana, bo) = (scene.person(Kind::Chromium, "Ana").await?, scene.person(Kind::Firefox, "Bo").await?);
        ana.page().open(&url).await?;
        types_code(&ana, CODE).await?;
        ana.names_a_room("Sunday breakfast").await?;
        ana.joins().await?;
        let link = ana.invitation().await?;
        bo.accepts(&link).await?;
        bo.is_connected_to("Ana").await?;
        broker.stop().await?;
        let broker = Broker::start(&flags).await?;
        recorder.forward_to(broker.port());
        for person in [&ana, &bo] {
            person.is_told("The server is back.").await?;
        }
        let dee = scene.person(Kind::Chromium, "Dee").await?;
        dee.accepts(&link).await?;
        dee.is_connected_to("Bo").await
    });
}

#[test]
fn where_everybody_may_open_rooms_no_code_is_asked_for() {
    play(async |scene| {
        let broker = scene.broker(&["--imprint", "https://klatch.example/imprint"]).await?;
        let ana = scene.person(Kind::Firefox, "Ana").await?;
        ana.page().open(broker.url()).await?;
        // By then the page has heard from the server.
        ana.page().find("link", "Imprint").await?;
        ensure!(!ana.page().text().await?.contains("Host code"), "a code is asked for");
        ensure!(!ana.page().has("link", "Privacy").await?, "there is a link to nowhere");
        Ok(())
    });
}

#[test]
fn who_runs_it_is_linked_at_the_foot_before_a_room() {
    play(async |scene| {
        let (imprint, privacy) = ("https://klatch.example/imprint?a=b", "http://klatch.example/privacy");
        let broker = scene.broker(&["--imprint", imprint, "--privacy", privacy]).await?;
        let ([_ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let bo = scene.person(kind, "Bo").await?;
            for (url, what) in [(broker.url(), "host-home"), (&*link, "host-lobby")] {
                bo.page().open(url).await?;
                for (name, url) in [("Imprint", imprint), ("Privacy", privacy)] {
                    let found = bo.page().find("link", name).await?;
                    let attributes = "(link) => [link.getAttribute('href'), link.target, link.rel]";
                    let attributes = bo.page().call_on(&found, attributes, Value::Null).await?;
                    ensure!(attributes == serde_json::json!([url, "_blank", "noreferrer"]), "{attributes}");
                }
                if kind == Kind::Chromium {
                    seen(scene, &bo, what, SIZES[0], "light").await?;
                    seen(scene, &bo, what, SIZES[1], "dark").await?;
                }
            }
        }
        Ok(())
    });
}

#[test]
fn the_field_of_the_code_fits_from_phone_to_wide_screen_by_day_and_by_night() {
    play(async |scene| {
        let codes = Codes::new("seen")?;
        let broker = scene.broker(&["--host-code-file", codes.path()]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.page().open(broker.url()).await?;
        code_of(&ana).await?;
        for what in ["code", "code-wrong"] {
            for scheme in ["light", "dark"] {
                for size in &SIZES[..2] {
                    seen(scene, &ana, what, *size, scheme).await?;
                }
            }
            types_code(&ana, "wrong horse battery").await?;
            ana.names_a_room("Sunday breakfast").await?;
            ana.page().shows(WRONG).await?;
        }
        Ok(())
    });
}
