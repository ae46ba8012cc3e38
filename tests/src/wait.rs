//! Waiting for conditions: the only way in which these tests let time pass.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(60);

/// Looks again and again until `look` finds something.
///
/// # Errors
/// Nothing was found within the time, or `look` failed.
pub async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        match tokio::time::timeout_at(deadline.into(), look()).await {
            Ok(found) => {
                if let Some(found) = found? {
                    return Ok(found);
                }
            }
            Err(_) => bail!("waited {within:?} in vain for {what}; the last look did not come to an end"),
        }
        if Instant::now() + PAUSE > deadline {
            bail!("waited {within:?} in vain for {what}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes sure that `look` finds nothing for as long as `during`: for what must not happen.
///
/// # Errors
/// It happened, or `look` failed.
pub async fn never<T>(what: &str, during: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<()> {
    let deadline = Instant::now() + during;
    while Instant::now() < deadline {
        if look().await?.is_some() {
            bail!("this must not happen, and did: {what}");
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
