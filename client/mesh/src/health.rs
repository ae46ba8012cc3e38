//! How a connection does, and when an ICE restart is due: a ladder of growing waits.
//!
//! Browsers call a lost path `disconnected` after about 5 s, which may heal by itself, and `failed` after 15 s, which
//! heals only by an ICE restart. One end restarts: the impolite one; the polite one joins in when that does not help, as
//! it does when its own machine's network changed.

use crate::{ConnectionState, Health};

/// How long a link is shown as being made or mended, before it is shown as failed.
const HOPE: u64 = 30_000;
/// The waits before each restart, after `failed`: of the impolite end, and of the polite one.
const LADDER: [[u64; 5]; 2] = [[0, 4_000, 10_000, 20_000, 30_000], [6_000, 10_000, 20_000, 30_000, 30_000]];
/// How long after a change of network a `disconnected` is taken for its effect.
const DOUBT: u64 = 20_000;
/// Changes of network come in bursts; within this of a restart they ask for no other.
const BURST: u64 = 2_000;

/// Who is polite: gives way in glare, and restarts later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// The higher id.
    Impolite,
    /// The lower id.
    Polite,
}

/// A connection's health over time.
#[derive(Clone, Debug)]
pub(crate) struct Vitals {
    standing: Standing,
    past: Past,
    doubted_until: u64,
    restarted: Option<u64>,
}

/// How it is now.
#[derive(Clone, Copy, Debug)]
enum Standing {
    /// Being made.
    Young { since: u64 },
    /// Connected.
    Well,
    /// Disconnected; may heal by itself.
    Hurt { since: u64 },
    /// Failed; the next restart is due at `next`.
    Down { since: u64, rung: usize, next: u64 },
}

/// Whether it ever worked.
#[derive(Clone, Copy, Debug)]
enum Past {
    Unconnected,
    Connected,
}

impl Vitals {
    /// Of a connection that is being made.
    pub(crate) fn new(now: u64) -> Self {
        Self { standing: Standing::Young { since: now }, past: Past::Unconnected, doubted_until: 0, restarted: None }
    }

    /// The browser told how the connection is.
    pub(crate) fn observe(&mut self, now: u64, state: ConnectionState, manners: Manners) {
        match state {
            ConnectionState::New | ConnectionState::Connecting => {}
            ConnectionState::Connected => {
                (self.standing, self.past, self.doubted_until) = (Standing::Well, Past::Connected, 0);
            }
            ConnectionState::Disconnected => match self.standing {
                Standing::Well if now < self.doubted_until => self.fall(now, now),
                Standing::Well => self.standing = Standing::Hurt { since: now },
                Standing::Young { .. } | Standing::Hurt { .. } | Standing::Down { .. } => {}
            },
            ConnectionState::Failed | ConnectionState::Closed => match self.standing {
                Standing::Well | Standing::Young { .. } | Standing::Hurt { .. } => {
                    self.fall(now, now + wait(manners, 0));
                }
                Standing::Down { .. } => {}
            },
        }
    }

    /// The connection is replaced by a fresh one.
    pub(crate) fn replaced(&mut self, now: u64) {
        self.standing = match self.standing {
            Standing::Young { since } | Standing::Hurt { since } | Standing::Down { since, .. } => match self.past {
                Past::Unconnected => Standing::Young { since },
                Past::Connected => Standing::Hurt { since },
            },
            Standing::Well => Standing::Hurt { since: now },
        };
    }

    /// The machine's network changed: what is not known to work is restarted at once, what works is doubted for a while.
    pub(crate) fn network_changed(&mut self, now: u64) {
        let recent = self.restarted.is_some_and(|at| now < at + BURST);
        match self.standing {
            Standing::Well => self.doubted_until = now + DOUBT,
            Standing::Young { .. } | Standing::Hurt { .. } | Standing::Down { .. } if recent => {}
            Standing::Young { .. } | Standing::Hurt { .. } => self.fall(now, now),
            Standing::Down { since, rung, .. } => self.standing = Standing::Down { since, rung, next: now },
        }
    }

    /// Whether a restart is due; told once a rung.
    pub(crate) fn take_restart(&mut self, now: u64, manners: Manners) -> bool {
        let Standing::Down { since, rung, next } = self.standing else {
            return false;
        };
        if now < next {
            return false;
        }
        self.standing = Standing::Down { since, rung: rung + 1, next: now + wait(manners, rung + 1) };
        self.restarted = Some(now);
        true
    }

    /// Whether it works, as far as is known.
    pub(crate) fn is_well(&self) -> bool {
        matches!(self.standing, Standing::Well)
    }

    /// What to show.
    pub(crate) fn health(&self, now: u64) -> Health {
        match self.standing {
            Standing::Well => Health::Connected,
            Standing::Young { since } | Standing::Hurt { since } | Standing::Down { since, .. } => match self.past {
                Past::Unconnected | Past::Connected if now >= since + HOPE => Health::Failed,
                Past::Unconnected => Health::Connecting,
                Past::Connected => Health::Interrupted,
            },
        }
    }

    /// When time alone changes something.
    pub(crate) fn deadline(&self, now: u64) -> Option<u64> {
        let (since, next) = match self.standing {
            Standing::Well => return None,
            Standing::Young { since } | Standing::Hurt { since } => (since, None),
            Standing::Down { since, next, .. } => (since, Some(next)),
        };
        let hopeless = Some(since + HOPE).filter(|at| *at > now);
        [hopeless, next].into_iter().flatten().min()
    }

    fn fall(&mut self, now: u64, next: u64) {
        let since = match self.standing {
            Standing::Young { since } | Standing::Hurt { since } | Standing::Down { since, .. } => since,
            Standing::Well => now,
        };
        self.standing = Standing::Down { since, rung: 0, next };
    }
}

fn wait(manners: Manners, rung: usize) -> u64 {
    let ladder = match manners {
        Manners::Impolite => LADDER[0],
        Manners::Polite => LADDER[1],
    };
    ladder[rung.min(ladder.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConnectionState::{Connected, Connecting, Disconnected, Failed};

    /// When restarts come, if ticked at each deadline until `end`.
    fn restarts(vitals: &mut Vitals, manners: Manners, mut now: u64, end: u64) -> Vec<u64> {
        let mut times = Vec::new();
        loop {
            if vitals.take_restart(now, manners) {
                times.push(now);
            }
            match vitals.deadline(now) {
                Some(next) if next <= end => now = next,
                Some(_) | None => return times,
            }
        }
    }

    #[test]
    fn a_young_link_that_does_not_connect_is_shown_as_failed_after_thirty_seconds() {
        let vitals = Vitals::new(1_000);
        assert_eq!(vitals.health(30_999), Health::Connecting);
        assert_eq!(vitals.deadline(1_000), Some(31_000));
        assert_eq!(vitals.health(31_000), Health::Failed);
        assert_eq!(vitals.deadline(31_000), None);
    }

    #[test]
    fn a_short_outage_shows_and_heals_without_a_restart() {
        let mut vitals = Vitals::new(0);
        vitals.observe(500, Connected, Manners::Impolite);
        vitals.observe(9_000, Disconnected, Manners::Impolite);
        assert_eq!(vitals.health(9_000), Health::Interrupted);
        assert!(restarts(&mut vitals, Manners::Impolite, 9_000, 15_000).is_empty());
        vitals.observe(16_000, Connected, Manners::Impolite);
        assert_eq!((vitals.health(16_000), vitals.deadline(16_000)), (Health::Connected, None));
    }

    #[test]
    fn after_failed_the_impolite_end_restarts_at_once_and_ever_more_patiently() {
        let mut vitals = Vitals::new(0);
        vitals.observe(0, Failed, Manners::Impolite);
        let times = restarts(&mut vitals, Manners::Impolite, 0, 100_000);
        assert_eq!(times, [0, 4_000, 14_000, 34_000, 64_000, 94_000]);
        let mut polite = Vitals::new(0);
        polite.observe(0, Failed, Manners::Polite);
        assert_eq!(restarts(&mut polite, Manners::Polite, 0, 40_000), [6_000, 16_000, 36_000]);
    }

    #[test]
    fn connecting_again_does_not_hide_that_it_is_being_mended() {
        let mut vitals = Vitals::new(0);
        vitals.observe(0, Connected, Manners::Polite);
        vitals.observe(1_000, Failed, Manners::Polite);
        vitals.observe(1_100, Connecting, Manners::Polite);
        assert_eq!(vitals.health(2_000), Health::Interrupted);
        assert_eq!(vitals.health(31_000), Health::Failed);
        vitals.observe(40_000, Connected, Manners::Polite);
        assert_eq!(vitals.health(40_000), Health::Connected);
    }

    #[test]
    fn a_change_of_network_restarts_what_is_not_well_once_and_doubts_what_is() {
        let mut vitals = Vitals::new(0);
        vitals.network_changed(100);
        assert!(vitals.take_restart(100, Manners::Polite));
        vitals.network_changed(200);
        assert!(!vitals.take_restart(200, Manners::Polite));
        vitals.observe(300, Connected, Manners::Polite);
        vitals.network_changed(50_000);
        assert!(!vitals.take_restart(50_000, Manners::Polite));
        vitals.observe(55_300, Disconnected, Manners::Polite);
        assert!(vitals.take_restart(55_300, Manners::Polite));
    }
}
