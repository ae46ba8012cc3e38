//! How long a page that lost its server waits before it calls again: longer each time, and short again once a connection has lived.
//!
//! Being let in again is no success yet. A proxy or a server that closes right after it would be called by everybody twice a second, and
//! tell everybody of each return.

/// The first wait in milliseconds, twice as long each time, up to the second.
const WAITS: (u32, u32) = (500, 5_000);
/// How long a connection lives after the return to be worth it.
const WORTH_IT: u64 = 10_000;

/// Counts the calls since a connection last lived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Returns {
    calls: u32,
    /// From when on the connection that there is has been worth its call.
    worth_it: u64,
}

impl Returns {
    /// The server has let us in again.
    pub fn let_in(&mut self, now: u64) {
        self.worth_it = now + WORTH_IT;
    }

    /// There is no connection: how long to wait before the next call. With `luck`, from 0 to 1, that is from half the time to all of it, so
    /// that those who lost their server together don't come back to it all at once.
    pub fn wait(&mut self, now: u64, luck: f64) -> u32 {
        if now >= std::mem::replace(&mut self.worth_it, u64::MAX) {
            self.calls = 0;
        }
        let wait = (WAITS.0 << self.calls.min(5)).min(WAITS.1);
        self.calls += 1;
        wait / 2 + (f64::from(wait) / 2.0 * luck) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_let_in_and_thrown_out_again_waits_longer_each_time() {
        let mut returns = Returns::default();
        let waits = (0..6).map(|time| {
            let wait = returns.wait(time * 10_000, 1.0);
            returns.let_in(time * 10_000 + 1);
            wait
        });
        assert!(waits.eq([500, 1_000, 2_000, 4_000, 5_000, 5_000]));
    }

    #[test]
    fn after_a_connection_that_lived_the_first_wait_is_short_and_the_next_is_not() {
        let mut returns = Returns::default();
        (0..9).for_each(|_| {
            returns.wait(0, 0.0);
        });
        returns.let_in(1_000);
        assert_eq!([11_000, 90_000, 180_000].map(|now| returns.wait(now, 1.0)), [500, 1_000, 2_000]);
    }

    #[test]
    fn who_lost_the_server_together_comes_back_one_by_one() {
        for (calls, wait) in [(0, 500), (9, 5_000)] {
            let after = |luck| {
                let mut returns = Returns::default();
                (0..=calls).map(|_| returns.wait(0, luck)).last()
            };
            assert_eq!([0.0, 0.5, 1.0].map(after), [wait / 2, wait * 3 / 4, wait].map(Some));
        }
    }
}
