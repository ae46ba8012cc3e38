//! As many as a kitchen table seats.

use anyhow::ensure;
use klatch_tests::{Kind, play};

#[test]
fn five_members_are_all_connected_and_hear_each_other() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let (people, link) = scene
            .meet(
                &broker,
                [
                    (Kind::Chromium, "Ana"),
                    (Kind::Firefox, "Bo"),
                    (Kind::Chromium, "Çelik"),
                    (Kind::Firefox, "Dee"),
                    (Kind::Chromium, "Émile"),
                ],
            )
            .await?;
        for person in &people {
            person.hears(4).await?;
            person.page().shows("5 here").await?;
        }
        people[4].says("Everybody here?").await?;
        people[4].reads("received by all").await?;
        for person in &people[..4] {
            person.reads("Everybody here?").await?;
        }
        // One goes: the others stay as they are.
        people[0].leaves().await?;
        for person in &people[1..] {
            person.no_longer_sees("Ana").await?;
            person.hears(3).await?;
        }
        ensure!(people[1].invitation().await? == link, "every member has the same link");
        Ok(())
    });
}
