//! The one clock: it never runs backwards, and knows what the system's shows.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Milliseconds since 1970 as they were at the start, and from then on as they pass. What the system's clock does meanwhile, which is
/// set and jumps, does not show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), started_at: system_time() }
    }

    /// What it shows.
    pub(crate) fn now(&self) -> u64 {
        self.started_at.saturating_add(millis(self.started.elapsed()))
    }

    /// When it shows this; times before the start are the start.
    pub(crate) fn instant(&self, at: u64) -> Instant {
        self.started + Duration::from_millis(at.saturating_sub(self.started_at))
    }

    /// What the system's clock shows, as far as one can tell now, when this one shows `at`. The two drift apart where the system's is
    /// set or the machine sleeps; another start of the program knows nothing but the system's.
    pub(crate) fn system_time_at(&self, at: u64) -> u64 {
        system_time().saturating_add(at).saturating_sub(self.now())
    }
}

fn system_time() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, millis)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn times_are_told_apart_from_what_the_system_shows_at_them() {
        let clock = Clock::start();
        let start = clock.now();
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(
            (clock.now(), clock.instant(start + 7)),
            (start + 3_600_000, clock.started + Duration::from_millis(7))
        );
        assert_eq!(clock.instant(start - 7), clock.started);
        // The system's clock, which nobody paused, did not see this hour.
        let seen = clock.system_time_at(start + 3_600_000 - 500);
        assert!(seen.abs_diff(start - 500) < 60_000, "{seen}");
    }
}
