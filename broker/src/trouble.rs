//! What goes on for long, and is told of in the log now and then.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often it is told of.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// One such thing, and when it was told of.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Option<Instant>>);

impl Trouble {
    /// Whether it was not told of lately; from now on it was.
    pub(crate) fn is_to_be_told(&self) -> bool {
        // Nothing that holds it can panic halfway.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|told| told.elapsed() >= SAY_AGAIN);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn what_goes_on_is_told_of_once_a_minute() {
        let (trouble, mut told) = (Trouble::default(), 0);
        for _ in 0..3000 {
            told += u32::from(trouble.is_to_be_told());
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(told, 5, "in five minutes");
    }
}
