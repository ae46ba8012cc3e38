//! An update of the server under a call of five: stopped as service managers do, and started again within two seconds.

use anyhow::Result;
use klatch_tests::faults::update;
use klatch_tests::{Scene, play};

#[test]
#[ignore = "takes two minutes"]
fn an_update_costs_a_call_of_five_neither_words_nor_sound() {
    play(async |scene| {
        let file = std::env::temp_dir().join(format!("klatch-five-{}.redb", std::process::id()));
        costs_nothing(scene, &["--state", &file.display().to_string()]).await?;
        Ok(std::fs::remove_file(file)?)
    });
}

#[test]
#[ignore = "takes two minutes"]
fn nor_does_that_of_a_server_which_keeps_nothing() {
    play(async |scene| costs_nothing(scene, &[]).await);
}

/// With these flags.
async fn costs_nothing(scene: &Scene, flags: &[&str]) -> Result<()> {
    let update = update(scene, flags).await?;
    eprintln!("{update:?}");
    update.check()
}
