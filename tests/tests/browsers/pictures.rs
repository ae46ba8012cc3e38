//! The README's pictures: a newsroom meets in two Chromiums and two Firefoxes. Made with
//! `cargo test -p klatch-tests --test browsers -- --ignored pictures`, and copied to `assets/pictures` by hand once they were looked at.

use anyhow::Result;
use klatch_tests::page::PATIENCE;
use klatch_tests::{Kind, Person, play, wait};
use serde_json::Value;

/// Something to look at instead of a test pattern: the browsers share it as they share any screen.
const SLIDES: &str = r##"() => {
    if (!window.MediaDevices) return;
    const write = (g, font, colour, text, x, y) => ((g.font = font), (g.fillStyle = colour), g.fillText(text, x, y));
    const box = (g, colour, ...sides) => ((g.fillStyle = colour), g.fillRect(...sides));
    const slides = {
        paper: (g) => {
            box(g, "#fffdf8", 0, 0, 1280, 800);
            write(g, "600 44px Noto Sans", "#23201c", "Sunday edition, page one", 70, 110);
            box(g, "#a8440f", 70, 135, 120, 5);
            [
                "Lead: the harbour reopens after eleven years",
                "Picture: the first ferry, by Dee (cropped, see note)",
                "Column: what the bakers say about flour",
                "Weather: fog until noon, then clear",
            ].forEach((line, i) => write(g, "27px Noto Sans", "#3b352d", `•  ${line}`, 84, 215 + i * 58));
            box(g, "#efe6d8", 70, 455, 520, 250);
            write(g, "22px Noto Sans", "#7a6f5f", "ferry.jpg, 4 columns", 225, 590);
            write(g, "22px Noto Sans", "#7a6f5f", "Deadline 18:00. Who reads the lead once more?", 640, 590);
        },
        ferry: (g) => {
            const scene = g.createLinearGradient(0, 0, 0, 800);
            [[0, "#c9dfe8"], [0.55, "#f3e3c3"], [0.56, "#2d6175"], [1, "#173946"]].forEach((stop) => scene.addColorStop(...stop));
            box(g, scene, 0, 0, 1280, 800);
            g.fillStyle = "#f6b35a";
            g.beginPath();
            g.arc(930, 330, 70, 0, 7);
            g.fill();
            g.fillStyle = "#fbf7ee";
            g.beginPath();
            [[260, 470], [860, 470], [790, 560], [320, 560]].forEach((point) => g.lineTo(...point));
            g.fill();
            g.fillRect(380, 400, 340, 70);
            box(g, "#b5452b", 560, 330, 54, 70);
            for (let i = 0; i < 7; i++) box(g, "#23414d", 400 + i * 45, 420, 26, 24);
            g.strokeStyle = "#a8440f";
            g.lineWidth = 6;
            g.setLineDash([18, 12]);
            g.strokeRect(210, 290, 700, 330);
            write(g, "24px Noto Sans", "#23201c", "ferry.jpg: crop like this?", 220, 275);
        },
    };
    MediaDevices.prototype.getDisplayMedia = async () => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 800 });
        const draw = () => slides[window.__slide](canvas.getContext("2d"));
        draw();
        setInterval(draw, 200);
        return canvas.captureStream(10);
    };
}"##;

#[test]
#[ignore = "makes pictures"]
fn a_newsroom_meets() {
    play(async |scene| {
        const ROOM: &str = "Redaktion Sonntag ☕";
        let broker = scene.broker(&[]).await?;
        let celik = scene.person(Kind::Chromium, "Çelik").await?;
        let link = celik.creates(&broker, ROOM).await?;
        celik.page().call("() => { document.documentElement.dataset.theme = 'dark' }", Value::Null).await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        let wilhelmine = scene.person(Kind::Chromium, "Wilhelmine").await?;
        let dee = scene.person(Kind::Firefox, "Dee").await?;
        for person in [&bo, &wilhelmine, &dee] {
            person.page().prepare(SLIDES).await?;
            person.accepts(&link).await?;
            celik.is_connected_to(person.name()).await?;
        }
        celik.says("Morning! Bo, can you show us page one?").await?;
        shares(&bo, "paper").await?;
        celik.watches("Bo’s screen").await?;
        bo.says("Here it is. Style guide: https://example.org/style").await?;
        celik.reads("https://example.org/style").await?;
        wilhelmine.says("Grüße 👋 the lead reads well now.").await?;
        celik.reads("Grüße 👋").await?;
        celik.says("Lovely. Locking the room for the meeting.").await?;
        celik.toggles("Lock room").await?;
        bo.reads("The room was locked").await?;
        wilhelmine.leaves().await?;
        celik.no_longer_sees("Wilhelmine").await?;
        wilhelmine.page().click("link", ROOM).await?;
        wilhelmine.is_in_the_room().await?;
        celik.is_connected_to("Wilhelmine").await?;
        shares(&dee, "ferry").await?;
        celik.watches("Dee’s screen").await?;
        wilhelmine.toggles("Camera").await?;
        celik.watches("Wilhelmine").await?;
        bo.watches("Wilhelmine").await?;
        dee.says("And this is how I would crop the ferry.").await?;
        for person in [&celik, &bo] {
            person.reads("crop the ferry").await?;
            person.hears(3).await?;
            for tile in ["Dee’s screen", if person.name() == "Bo" { "Bo’s screen (you)" } else { "Bo’s screen" }]
            {
                person.watches(tile).await?;
            }
            wait::until("the notices to go", PATIENCE, async || {
                let notices = person.page().find("status", "Notices").await?;
                Ok(person.page().text_of(&notices).await?.is_empty().then_some(()))
            })
            .await?;
        }
        scene.keep_picture(&celik, "room-dark").await?;
        scene.keep_picture(&bo, "room-light").await.map(|_| ())
    });
}

async fn shares(person: &Person, slide: &str) -> Result<()> {
    person.page().call("(slide) => { window.__slide = slide }", slide.into()).await?;
    person.toggles("Share screen").await
}
