//! How much of what members say for each other is passed on: it is we whom the receiver hears it from, so all of it together must stay
//! within what one member may say, with room for what we say ourselves; and no sender may use that up alone.

use crate::Allowance;

/// What is passed on for one member, and to them.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    by: Allowance,
    to: Allowance,
}

impl Passing {
    /// Nothing yet at the time `now`, in milliseconds.
    pub fn new(now: u64) -> Self {
        Self { by: Allowance::new(now), to: Allowance::new(now) }
    }

    /// Whether a text of so many bytes of this member's still fits: a third of what they may say. To be asked first.
    pub fn takes_from(&mut self, bytes: usize, now: u64) -> bool {
        self.by.takes(3 * bytes + 2 * Allowance::BYTES, now)
    }

    /// Whether it fits to this member: half of what we may say.
    pub fn takes_to(&mut self, bytes: usize, now: u64) -> bool {
        self.to.takes(2 * bytes + Allowance::BYTES, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_passed_on_the_receiver_allows_it_and_as_much_of_our_own() {
        let (mut senders, mut receiver) = ([Passing::new(0); 10], Passing::new(0));
        let mut allowance = Allowance::new(0);
        let mut passed = 0;
        for now in 0..60_000 {
            let ours =
                if now == 0 { Allowance::BURST / 2 } else { u32::from(now % 1000 == 0) * Allowance::A_SECOND / 2 };
            assert!((0..ours).all(|_| allowance.takes(100, now)), "we are named for what we say");
            for (sender, bytes) in senders.iter_mut().zip((500..).step_by(700)) {
                if sender.takes_from(bytes, now) && receiver.takes_to(bytes, now) {
                    assert!(allowance.takes(bytes, now), "we are named for what we pass on");
                    passed += 1;
                }
            }
        }
        assert!(passed > 300);
    }
}
