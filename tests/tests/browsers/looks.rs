//! How it looks: pictures for people to judge, and what a program can.

use anyhow::{Result, ensure};
use klatch_tests::page::PATIENCE;
use klatch_tests::{Broker, Kind, Person, Scene, play, wait};
use serde_json::Value;

pub(crate) const SIZES: [(u32, u32); 3] = [(360, 740), (1280, 800), (1920, 1080)];

#[test]
fn every_page_before_a_room_fits_from_phone_to_wide_screen_by_day_and_by_night() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let (_, link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        let newcomer = scene.person(Kind::Chromium, "Zoë").await?;
        newcomer.page().open(broker.url()).await?;
        newcomer.page().find("button", "Create room").await?;
        themed(scene, &newcomer, "home").await?;
        newcomer.page().open(&link).await?;
        newcomer.page().shows("2 inside").await?;
        themed(scene, &newcomer, "lobby").await?;
        newcomer.page().open(&format!("{}/r/nonsense", broker.url())).await?;
        newcomer.page().find("link", "To the start page").await?;
        themed(scene, &newcomer, "trouble").await?;
        returning(scene, &broker).await
    });
}

#[test]
fn a_room_fits_from_phone_to_wide_screen_by_day_and_by_night() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo, dee], _) = scene
            .meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo"), (Kind::Chromium, "Wilhelmine Großmann")])
            .await?;
        bo.toggles("Camera").await?;
        dee.toggles("Share screen").await?;
        ana.watches("Wilhelmine Großmann’s screen").await?;
        ana.watches("Bo").await?;
        bo.says("Morning! The plan is on https://example.org/plan").await?;
        ana.reads("https://example.org/plan").await?;
        ana.says("Lovely. Shall we lock the room?").await?;
        ana.closes("Chat").await?;
        themed(scene, &ana, "room").await?;
        for panel in ["Chat", "People", "Invite", "Settings"] {
            ana.opens(panel).await?;
            let what = format!("room-{}", panel.to_lowercase());
            match panel {
                "Chat" => themed(scene, &ana, &what).await?,
                _ => {
                    seen(scene, &ana, &what, SIZES[0], "dark").await?;
                    seen(scene, &ana, &what, SIZES[1], "light").await?;
                }
            }
        }
        Ok(())
    });
}

/// Somebody with rooms on the home page.
async fn returning(scene: &Scene, broker: &Broker) -> Result<()> {
    let person = scene.person(Kind::Chromium, "Çelik").await?;
    for room in ["Küche ☕", "صباح الخير", "Redaktion Dienstag, mit allen, die etwas zu sagen haben"] {
        person.creates(broker, room).await?;
        person.leaves().await?;
    }
    person.page().find("list", "Your rooms").await?;
    person.page().find("link", "Küche ☕").await?;
    themed(scene, &person, "your-rooms").await
}

/// In each size and theme.
pub(crate) async fn themed(scene: &Scene, person: &Person, what: &str) -> Result<()> {
    for scheme in ["light", "dark"] {
        for size in SIZES {
            seen(scene, person, what, size, scheme).await?;
        }
    }
    person.page().resize(1280, 800).await
}

/// A picture, and what must hold in each.
pub(crate) async fn seen(
    scene: &Scene,
    person: &Person,
    what: &str,
    (width, height): (u32, u32),
    scheme: &'static str,
) -> Result<()> {
    dress(person, scheme).await?;
    person.page().resize(width, height).await?;
    let (wide, styled): (u32, u32) = serde_json::from_value(person.page().call(MEASURE, Value::Null).await?)?;
    scene.keep_picture(person, &format!("{what}-{width}-{scheme}")).await?;
    ensure!(wide <= width, "{what} is {wide} pixels wide in {width}, {scheme}");
    ensure!(styled == 0, "{what} has {styled} inline styles");
    Ok(())
}

/// As the choice *Theme* does, which not every page has open; that it works is a test of its own.
async fn dress(person: &Person, scheme: &str) -> Result<()> {
    person
        .page()
        .call("(scheme) => { document.documentElement.dataset.theme = scheme }", scheme.into())
        .await
        .map(|_| ())
}

/// The page's width once it is laid out, and elements with a style of their own.
const MEASURE: &str = "async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const { scrollWidth } = document.documentElement;
    return [Math.max(scrollWidth, document.body.scrollWidth), document.querySelectorAll('[style]').length];
}";

#[test]
fn the_theme_is_chosen_and_remembered() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ana = scene.person(kind, "Ana").await?;
            ana.page().open(broker.url()).await?;
            let mut grounds = Vec::new();
            for theme in ["Dark", "Light"] {
                ana.page().choose("Theme", theme).await?;
                ana.page().reload().await?;
                ana.page().find("combobox", "Theme").await?;
                let ground = "() => getComputedStyle(document.body).backgroundColor";
                grounds.push(ana.page().call(ground, Value::Null).await?);
            }
            ensure!(grounds[0] != grounds[1], "dark and light are both {}", grounds[0]);
        }
        Ok(())
    });
}

#[test]
fn why_one_cannot_join_is_in_sight_on_a_phone() {
    play(async |scene| {
        let broker = scene.broker(&["--max-members", "1"]).await?;
        let ([_ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            for height in [640, 740] {
                let bo = scene.person(kind, "Bo").await?;
                bo.page().resize(360, height).await?;
                bo.page().open(&link).await?;
                bo.page().shows("1 inside").await?;
                bo.page().click("button", "Join").await?;
                bo.page().shows("Please type a name.").await?;
                is_in_sight(&bo, "#your-name-error").await?;
                bo.asks_to_join().await?;
                bo.page().shows("This room is full.").await?;
                is_in_sight(&bo, "#join-error").await?;
                scene.keep_picture(&bo, &format!("full-{kind:?}-{height}")).await?;
            }
        }
        Ok(())
    });
}

/// Waits until nothing lies over an element, at its corners and its middle.
async fn is_in_sight(person: &Person, selector: &str) -> Result<()> {
    let seen = "(selector) => {
        const element = document.querySelector(selector);
        const { left, right, top, bottom } = element.getBoundingClientRect();
        const points = [[left + 1, top + 1], [(left + right) / 2, (top + bottom) / 2], [right - 1, bottom - 1]];
        return points.every((point) => element.contains(document.elementFromPoint(...point)));
    }";
    wait::until(&format!("{selector} to be in sight"), PATIENCE, async || {
        Ok((person.page().call(seen, selector.into()).await? == true).then_some(()))
    })
    .await
}
