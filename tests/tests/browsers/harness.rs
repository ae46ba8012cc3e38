//! The helpers themselves, against a page of a few lines: what they can't tell apart there, they can't tell anywhere.

use anyhow::{Result, ensure};
use klatch_tests::fixture::Fixture;
use klatch_tests::page::{END, PATIENCE, Page};
use klatch_tests::{Kind, Person, Scene, play};
use serde_json::{Value, json};
use std::time::Duration;

const BOTH: [Kind; 2] = [Kind::Chromium, Kind::Firefox];

#[test]
fn things_are_found_by_role_and_name_and_used() {
    play(async |scene| {
        let fixture = Fixture::serve(PAGE).await?;
        for kind in BOTH {
            let person = scene.person(kind, "Ana").await?;
            let page = person.page();
            page.open(&fixture.url()).await?;
            ensure!(page.all("button", Some("Hidden"), None).await?.is_empty(), "{kind:?} finds what is hidden");
            // Whatever gives a role and a name, for the browser finds them.
            for (role, name) in [
                ("button", "Say it aloud"),
                ("heading", "People and more"),
                ("link", "Home"),
                ("list", "People and more"),
                ("switch", "Mirror my picture"),
                ("textbox", "People and more"),
                ("radio", "Tea"),
            ] {
                ensure!(page.all(role, Some(name), None).await?.len() == 1, "{kind:?} has not one {role} “{name}”");
            }
            ensure!(page.all("button", Some("Mute"), None).await?.len() == 2, "{kind:?} takes a part of a name for it");
            ensure!(page.all("button", None, Some(&page.find("group", "Bo").await?)).await?.len() == 2);
            page.fill("Your name", "Ana-María ☕").await?;
            page.fill("Your name", "Zoë ☕").await?;
            page.click("button", "Greet").await?;
            page.shows("Hello, Zoë ☕!").await?;
            let group = page.find("group", "Ana (you)").await?;
            page.click_on(&page.find_in(Some(&group), "button", "Mute").await?).await?;
            page.shows("muted Ana").await?;
            let slider = page.find("slider", "Volume").await?;
            page.focus(&slider).await?;
            page.press(END).await?;
            ensure!(page.value(&slider).await? == "200");
            page.choose("Theme", "Dark").await?;
            page.shows("theme dark").await?;
            ensure!(page.find("button", "Covered").await.is_ok());
        }
        Ok(())
    });
}

#[test]
#[should_panic(expected = "in the way")]
fn what_is_covered_is_not_clicked() {
    play(async |scene| {
        let fixture = Fixture::serve(PAGE).await?;
        let person = scene.person(Kind::Chromium, "Ana").await?;
        person.page().open(&fixture.url()).await?;
        person.page().click("button", "Covered").await
    });
}

#[test]
fn every_kind_of_console_error_is_noticed() {
    play(async |scene| {
        let fixture = Fixture::serve(PAGE).await?;
        for kind in BOTH {
            for (name, expected) in [
                ("Log", "logged on purpose"),
                ("Throw", "thrown on purpose"),
                ("Reject", "rejected on purpose"),
                ("Style", "Content-Security-Policy: style-src"),
                ("Load", "could not load"),
            ] {
                let person = scene.person(kind, name).await?;
                person.page().open(&fixture.url()).await?;
                ensure!(person.page().console().is_empty(), "{:?}", person.page().console());
                person.page().click("button", name).await?;
                klatch_tests::wait::until(&format!("{kind:?} to tell of {name}"), PATIENCE, async || {
                    let console = person.page().console();
                    Ok(console
                        .iter()
                        .any(|entry| entry.level == "error" && entry.text.contains(expected))
                        .then_some(()))
                })
                .await?;
            }
        }
        ensure!(scene.check_consoles().is_err());
        for text in ["on purpose", "Content-Security-Policy", "could not load"] {
            scene.forgive(text);
        }
        Ok(())
    });
}

#[test]
fn nothing_is_held_of_connections_that_the_page_let_go_of() {
    const COME_AND_GO: &str = "async (count) => {
        for (let n = 0; n < count; n += 1) {
            const [one, other] = [new RTCPeerConnection(), new RTCPeerConnection()];
            ['audio', 'video', 'audio', 'video'].forEach((kind) => one.addTransceiver(kind));
            await one.setLocalDescription();
            await other.setRemoteDescription(one.localDescription);
            await other.setLocalDescription();
            await one.setRemoteDescription(other.localDescription);
            await new Promise((then) => setTimeout(then, 300));
            one.close();
            other.close();
        }
    }";
    play(async |scene| {
        let fixture = Fixture::serve(PAGE).await?;
        let person = scene.person(Kind::Chromium, "Ana").await?;
        person.page().open(&fixture.url()).await?;
        let mut script = Vec::new();
        for _ in 0..3 {
            person.page().call(COME_AND_GO, json!(20)).await?;
            script.push(person.page().holdings().await?.script);
        }
        let grown = script[2] - script[1];
        ensure!(grown < 20.0, "{grown:.0} KiB more after twenty pairs: {script:.0?}");
        Ok(())
    });
}

#[test]
fn sound_and_pictures_between_the_two_browsers_are_measured() {
    play(async |scene| {
        let fixture = Fixture::serve(PAGE).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        call(scene, &fixture, &ana, &bo).await?;
        for person in [&ana, &bo] {
            person.hears(1).await?;
            person.decodes(1).await?;
            person.watches("Ana (you)").await?;
            let pair = person.connections().await?[0].pair.clone();
            ensure!(pair.is_some_and(|(local, remote)| local.is_some() && remote.is_some()), "no selected pair");
        }
        // Not in Firefox: its Web Audio needs a sound card.
        let seconds = Duration::from_secs(3);
        let set = async |gain: f64| ana.page().call("(value) => { gain.gain.value = value }", json!(gain)).await;
        set(1.0).await?;
        let loud = ana.loudness(seconds).await?;
        set(2.0).await?;
        let louder = ana.loudness(seconds).await?;
        set(0.0).await?;
        ana.loudness(Duration::from_millis(300)).await?;
        let silent = ana.loudness(seconds).await?;
        ensure!(loud > 1e-6 && louder > 2.0 * loud && silent < loud / 100.0, "{loud}, {louder}, {silent}");
        ana.page().call("() => { for (const track of tracks) track.enabled = false }", Value::Null).await?;
        bo.hears_nothing().await
    });
}

/// An offer and an answer, carried by hand.
async fn call(_scene: &Scene, fixture: &Fixture, ana: &Person, bo: &Person) -> Result<()> {
    let ask = async |page: &Page, function: &str, argument: Value| page.call(function, argument).await;
    for person in [ana, bo] {
        person.page().open(&fixture.url()).await?;
        ask(person.page(), "() => prepare()", Value::Null).await?;
    }
    let offer = ask(ana.page(), "() => describe('offer')", Value::Null).await?;
    ask(bo.page(), "(offer) => connection.setRemoteDescription(offer)", offer).await?;
    let answer = ask(bo.page(), "() => describe('answer')", Value::Null).await?;
    ask(ana.page(), "(answer) => connection.setRemoteDescription(answer)", answer).await?;
    ensure!(ask(ana.page(), "(echo) => echo", json!("x")).await? == json!("x"));
    Ok(())
}

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>Fixture</title><link rel="icon" href="data:,">
<label>Your name <input id="name"></label>
<button id="greet">Greet</button> <button hidden>Hidden</button>
<p id="out"></p>
<div role="group" aria-label="Ana (you)"><button id="mute">Mute</button><video id="video" autoplay muted></video></div>
<div role="group" aria-label="Bo"><button>Mute</button><button>Mute for all</button></div>
<h2 id="people">People <b>and more</b></h2><ul aria-labelledby="people"><li>Ana</li></ul><textarea aria-labelledby="people"></textarea>
<a href="/" aria-label="Home"><svg></svg></a> <label><input type="radio"> Tea</label>
<button><i aria-hidden="true">!</i>Say it aloud</button>
<label><input type="checkbox" role="switch"> Mirror my picture</label>
<input type="range" min="0" max="200" value="100" aria-label="Volume">
<select id="theme" aria-label="Theme"><option value="l">Light</option><option value="dark">Dark</option></select>
<button id="log">Log</button><button id="throw">Throw</button><button id="reject">Reject</button>
<button id="style">Style</button><button id="load">Load</button>
<div id="pile"><button id="under">Covered</button><button id="over">On top</button></div>
<script>
const out = (text) => document.getElementById("out").textContent = text;
const on = (id, act, type = "click") => document.getElementById(id).addEventListener(type, act);
on("greet", () => out(`Hello, ${document.getElementById("name").value}!`));
on("mute", () => out("muted Ana"));
on("theme", (event) => out(`theme ${event.target.value}`), "change");
on("log", () => console.error("logged on purpose"));
on("throw", () => { throw new Error("thrown on purpose"); });
on("reject", () => { Promise.reject(new Error("rejected on purpose")); });
on("style", () => document.body.setAttribute("style", "color: red"));
on("load", () => document.body.append(Object.assign(new Image(), { src: "data:image/png;base64,AAAA" })));
{ const { style } = document.getElementById("over");
  const { x, y } = document.getElementById("under").getBoundingClientRect();
  Object.assign(style, { position: "fixed", left: `${x}px`, top: `${y}px`, width: "200px", height: "60px" }); }

let connection, gain, tracks;
async function prepare() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  tracks = stream.getTracks();
  connection = new RTCPeerConnection();
  for (const track of tracks) connection.addTrack(track, stream);
  const context = new AudioContext();
  gain = context.createGain();
  gain.connect(context.destination);
  connection.ontrack = ({ track }) => {
    if (track.kind === "video") { document.getElementById("video").srcObject = new MediaStream([track]); return; }
    // Chromium gives a remote stream to Web Audio only while a media element plays it too.
    const heard = navigator.userAgent.includes("Firefox");
    Object.assign(new Audio(), { srcObject: new MediaStream([track]), muted: !heard }).play();
    if (!heard) context.createMediaStreamSource(new MediaStream([track])).connect(gain);
  };
}
async function describe(type) {
  await connection.setLocalDescription(await (type === "offer" ? connection.createOffer() : connection.createAnswer()));
  if (connection.iceGatheringState !== "complete")
    await new Promise((done) => connection.addEventListener("icegatheringstatechange", () => connection.iceGatheringState === "complete" && done()));
  return connection.localDescription.toJSON();
}
</script>"#;
