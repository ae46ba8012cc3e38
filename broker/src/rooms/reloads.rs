//! How often a seat's owner comes as another page: each time all others in the room make a connection anew. Whoever comes back as the
//! same page costs nobody that, and is not counted.

/// Those of one seat.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reloads {
    /// When the last of them will have been [`Reloads::APART`] from the one before, had they come so far apart.
    settled_at: u64,
}

impl Reloads {
    /// So many may come at once.
    const AT_ONCE: u64 = 10;
    /// So far apart in the long run, in milliseconds.
    const APART: u64 = 1_000;

    /// Whether one more now would be too many.
    pub(super) fn are_too_many(self, now: u64) -> bool {
        self.settled_at > now.saturating_add((Self::AT_ONCE - 1) * Self::APART)
    }

    /// One more.
    pub(super) fn note(&mut self, now: u64) {
        self.settled_at = self.settled_at.max(now).saturating_add(Self::APART);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn come(reloads: &mut Reloads, now: u64) -> usize {
        let came = (0..100).take_while(|_| {
            let may = !reloads.are_too_many(now);
            if may {
                reloads.note(now);
            }
            may
        });
        came.count()
    }

    #[test]
    fn some_come_at_once_and_then_one_each_second() {
        let mut reloads = Reloads::default();
        assert_eq!([5_000, 5_999, 6_000, 9_000].map(|now| come(&mut reloads, now)), [10, 0, 1, 3]);
        assert_eq!(come(&mut reloads, 3_600_000), 10, "a pause gives no more than at first");
    }

    #[test]
    fn no_time_overflows() {
        let mut reloads = Reloads::default();
        reloads.note(u64::MAX);
        assert!(reloads.are_too_many(0) && !reloads.are_too_many(u64::MAX));
    }
}
