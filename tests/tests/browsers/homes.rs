//! People at home in a lab of network namespaces: what the tests that play there share.

use std::io::Write as _;

use anyhow::Result;
use klatch_tests::lab::Home;
use klatch_tests::{Broker, Kind, Lab, Person, Scene, play};

/// Plays in a lab, or says plainly why not.
///
/// # Panics
/// The test fails.
pub fn play_in_lab<F: AsyncFnOnce(&Scene, &mut Lab) -> Result<()>>(scenario: F) {
    play(async |scene| match Lab::impossible() {
        None => scenario(scene, &mut Lab::start().await?).await,
        Some(why) => {
            // Past libtest, which keeps what passing tests print to itself.
            writeln!(std::io::stderr(), "LEFT OUT: {}: no network namespaces here: {why}", scene.name())?;
            Ok(())
        }
    });
}

/// Two in a room, each at home.
///
/// # Errors
/// They don't find together.
pub async fn meet(scene: &Scene, broker: &Broker, homes: [(&Home, Kind, &str); 2]) -> Result<(Person, Person)> {
    let [(first, kind, name), (second, other_kind, other_name)] = homes;
    let one = scene.person_at(first, kind, name).await?;
    let other = scene.person_at(second, other_kind, other_name).await?;
    let link = one.creates(broker, "Sunday breakfast").await?;
    other.accepts(&link).await?;
    Ok((one, other))
}
