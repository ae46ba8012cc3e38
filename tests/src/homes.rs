//! People at home in a lab of network namespaces: what all who play there share.

use std::io::Write as _;
use std::time::Duration;

use crate::lab::Home;
use crate::{Broker, Kind, Lab, Person, Scene, play, play_within};
use anyhow::Result;

/// Plays in a lab, or says plainly why not.
///
/// # Panics
/// The test fails.
pub fn play_in_lab<F: AsyncFnOnce(&Scene, &mut Lab) -> Result<()>>(scenario: F) {
    play(async |scene| in_lab(scene, scenario).await);
}

/// The same for a test that takes longer.
///
/// # Panics
/// The test fails.
pub fn play_in_lab_within<F: AsyncFnOnce(&Scene, &mut Lab) -> Result<()>>(limit: Duration, scenario: F) {
    play_within(limit, async |scene| in_lab(scene, scenario).await);
}

async fn in_lab<F: AsyncFnOnce(&Scene, &mut Lab) -> Result<()>>(scene: &Scene, scenario: F) -> Result<()> {
    match Lab::impossible() {
        None => scenario(scene, &mut Lab::start().await?).await,
        Some(why) => {
            // Past libtest, which keeps what passing tests print to itself, and where build.sh counts it.
            writeln!(std::io::stdout(), "LEFT OUT: {}: no network namespaces here: {why}", scene.name())?;
            Ok(())
        }
    }
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
