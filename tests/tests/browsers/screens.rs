//! Shared screens, beside cameras and each other.

use klatch_tests::{Kind, play};

#[test]
fn a_screen_and_a_camera_from_chromium_are_seen_in_firefox_at_once() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        ana.toggles("Camera").await?;
        ana.toggles("Share screen").await?;
        ana.watches("Ana’s screen (you)").await?;
        bo.decodes(2).await?;
        bo.watches("Ana’s screen").await?;
        bo.watches("Ana").await?;
        // The fake screen comes with sound, which has a volume of its own.
        bo.page().find("slider", "Volume of Ana’s screen").await?;
        bo.page().find("button", "Mute Ana’s screen").await?;
        ana.toggles("Share screen").await?;
        bo.no_longer_sees("Ana’s screen").await?;
        ana.no_longer_sees("Ana’s screen (you)").await?;
        bo.watches("Ana").await.map(|_| ())
    });
}

#[test]
fn two_screens_are_shared_at_once_and_a_newcomer_sees_both() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Chromium, "Bo")]).await?;
        for (person, other) in [(&ana, &bo), (&bo, &ana)] {
            person.toggles("Share screen").await?;
            other.watches(&format!("{}’s screen", person.name())).await?;
        }
        let dee = scene.person(Kind::Firefox, "Dee").await?;
        dee.accepts(&link).await?;
        for name in ["Ana", "Bo"] {
            dee.is_connected_to(name).await?;
            dee.watches(&format!("{name}’s screen")).await?;
        }
        Ok(())
    });
}

#[test]
fn firefox_shares_its_display() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::FirefoxOnDisplay, "Bo")]).await?;
        bo.toggles("Share screen").await?;
        let (width, height) = ana.watches("Bo’s screen").await?;
        anyhow::ensure!(width > height && width >= 640, "a screen of {width} by {height}");
        bo.toggles("Share screen").await?;
        ana.no_longer_sees("Bo’s screen").await
    });
}
