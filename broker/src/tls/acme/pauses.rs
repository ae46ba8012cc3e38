//! How long to wait before a directory is asked again, by what the last try has cost there.
//!
//! Let's Encrypt (<https://letsencrypt.org/docs/rate-limits/>) lets a name fail to be proven five times an hour, and issues five
//! certificates a week for the same names, one more each 34 hours once they are used up. So tries that failed are four at most in any
//! hour, and after a certificate that helped nothing, or was lost, the next is asked for after more than 34 hours. Who mends what was
//! wrong does not have to wait: a new start asks at once.

use std::fmt;
use std::time::Duration;

use klatch_shared::random_bytes;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
/// After the first try in a row that failed, the second, and so on; after those, the last again. The first is short, as a port may just
/// have been opened.
const AFTER_TRIES: [u64; 6] = [2 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, LONGEST_AFTER_TRIES];
const LONGEST_AFTER_TRIES: u64 = 6 * HOUR;
/// After the first time in a row that nobody was reached. It doubles, to what tries wait at most.
const AFTER_SILENCE: u64 = 5;
const AFTER_CERTIFICATES: u64 = 48 * HOUR;

/// What a try that was in vain has cost, as directories count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    /// The directory was not reached.
    Nothing,
    /// A try.
    Try,
    /// A certificate.
    Certificate,
}

/// How long to wait after so many failures in a row and this one: half of it by chance, so that not all who failed together come back
/// together.
pub(super) fn pause(failures: u32, cost: Cost) -> Duration {
    whole(failures, cost).mul_f64(between(f64::from(u16::from_be_bytes(random_bytes())) / f64::from(u16::MAX)))
}

/// A part that is three quarters at least, and one and a quarter at most.
fn between(chance: f64) -> f64 {
    0.75 + chance / 2.0
}

fn whole(failures: u32, cost: Cost) -> Duration {
    Duration::from_secs(match cost {
        Cost::Nothing => AFTER_SILENCE.saturating_mul(2_u64.saturating_pow(failures)).min(LONGEST_AFTER_TRIES),
        Cost::Try => {
            let rung = usize::try_from(failures).ok().and_then(|failures| AFTER_TRIES.get(failures));
            rung.copied().unwrap_or(LONGEST_AFTER_TRIES)
        }
        Cost::Certificate => AFTER_CERTIFICATES,
    })
}

/// A pause as it is told.
pub(super) struct Told(pub(super) Duration);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds if seconds >= 2 * HOUR => write!(f, "{} hours", seconds / HOUR),
            seconds if seconds >= 2 * MINUTE => write!(f, "{} minutes", seconds / MINUTE),
            seconds => write!(f, "{seconds} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortest pause that chance may make of it, in seconds.
    fn shortest(failures: u32, cost: Cost) -> f64 {
        whole(failures, cost).as_secs_f64() * between(0.0)
    }

    /// When something of this cost happens, if one after the other fails at these costs and all pauses are as short as can be.
    fn times(costs: impl IntoIterator<Item = Cost>, counted: Cost) -> Vec<f64> {
        let (mut now, mut times) = (0.0, Vec::new());
        for (failures, cost) in (0..).zip(costs) {
            times.extend((cost == counted).then_some(now));
            now += shortest(failures, cost);
        }
        times
    }

    /// The most that fall into one window of this length.
    fn most_within(window: u64, times: &[f64]) -> usize {
        let within = |first: f64| times.iter().filter(|at| (first..first + window as f64).contains(*at)).count();
        times.iter().map(|first| within(*first)).max().unwrap_or(0)
    }

    #[test]
    fn no_hour_has_more_than_four_tries_whatever_lies_between_them() {
        for kinds in 0..1_u32 << 12 {
            let costs = (0..12).map(|turn| if kinds >> turn & 1 == 0 { Cost::Try } else { Cost::Nothing });
            let times = times(costs, Cost::Try);
            assert!(most_within(HOUR, &times) <= 4, "{kinds:b}: {times:?}");
        }
    }

    #[test]
    fn no_week_has_more_than_five_certificates_that_help_nothing() {
        let times = times([Cost::Certificate; 40], Cost::Certificate);
        assert!(most_within(7 * 24 * HOUR, &times) <= 5, "{times:?}");
        assert!(shortest(0, Cost::Certificate) > (34 * HOUR) as f64, "the next is there by then");
    }

    #[test]
    fn pauses_grow_and_have_an_end() {
        for cost in [Cost::Nothing, Cost::Try] {
            let pauses: Vec<_> = (0..50).map(|failures| whole(failures, cost)).collect();
            assert!(pauses.is_sorted(), "{pauses:?}");
            for failures in [49, u32::MAX] {
                assert_eq!(whole(failures, cost), Duration::from_secs(6 * HOUR));
            }
        }
        assert!(pause(0, Cost::Nothing) < Duration::from_secs(7));
        assert!((90..=150).contains(&pause(0, Cost::Try).as_secs()));
    }

    #[test]
    fn a_pause_is_told_as_people_count() {
        let told = |seconds| Told(Duration::from_secs(seconds)).to_string();
        assert_eq!((told(5), told(119)), ("5 s".into(), "119 s".into()));
        assert_eq!((told(120), told(7199)), ("2 minutes".into(), "119 minutes".into()));
        assert_eq!((told(7200), told(172_800)), ("2 hours".into(), "48 hours".into()));
    }
}
