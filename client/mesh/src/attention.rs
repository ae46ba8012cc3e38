//! What one member looks at, as far as it is followed. How many look at a picture decides what all of them get, and each change of it costs
//! them a moment of a worse one, so nobody is to change it often.

use klatch_shared::peer::Wants;

/// One member's. More is followed at once; less, too, unless they said something else a moment ago.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    followed: Wants,
    said: Wants,
    calm_at: u64,
}

impl Attention {
    /// How long a member has to stay with what they said before less is followed, in milliseconds.
    pub const CALM: u64 = 5_000;

    /// Of a member who has not spoken yet.
    pub const NEW: Self = Self { followed: Wants::EVERYTHING, said: Wants::EVERYTHING, calm_at: 0 };

    /// The member says what they want from `now` on, in milliseconds.
    pub fn says(&mut self, now: u64, wants: Wants) {
        self.said = wants;
        self.follow(now);
        self.calm_at = now + Self::CALM;
    }

    /// What is followed at that time.
    pub fn follow(&mut self, now: u64) -> Wants {
        let Wants { camera, screen } = if now < self.calm_at { self.followed } else { Wants::NOTHING };
        self.followed = Wants { camera: camera.max(self.said.camera), screen: screen.max(self.said.screen) };
        self.followed
    }

    /// Whether less is to be followed, once the member has stayed with it.
    pub fn lags(&self) -> bool {
        self.followed != self.said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uplink::Audience;
    use klatch_shared::peer::{Sends, Source};
    use proptest::prelude::*;

    fn camera(height: u16) -> Wants {
        Wants { camera: height, screen: 0 }
    }

    #[test]
    fn who_is_calm_is_followed_at_once_up_and_down() {
        let mut attention = Attention::NEW;
        assert_eq!(attention.follow(0), Wants::EVERYTHING);
        for (now, wants) in [(0, camera(225)), (5_000, camera(900)), (10_000, Wants::NOTHING), (15_000, camera(225))] {
            attention.says(now, wants);
            assert_eq!((attention.follow(now), attention.lags()), (wants, false), "at {now}");
        }
    }

    #[test]
    fn who_wants_more_again_has_it_at_once_and_less_only_once_it_has_stayed_so() {
        let mut attention = Attention::NEW;
        attention.says(0, camera(900));
        attention.says(1_000, Wants::NOTHING);
        assert_eq!((attention.follow(5_999), attention.lags()), (camera(900), true));
        assert_eq!((attention.follow(6_000), attention.lags()), (Wants::NOTHING, false));
        attention.says(6_001, camera(450));
        assert_eq!(attention.follow(6_001), camera(450));
        attention.says(6_002, Wants { camera: 0, screen: 900 });
        assert_eq!(attention.follow(6_002), Wants { camera: 450, screen: 900 }, "each picture by itself");
    }

    /// How often what somebody else is sent changes in a minute, if a member says now this and now nothing, that often.
    fn changes(every: u64) -> usize {
        let live = Sends { camera: true, ..Sends::default() };
        let (mut attention, mut wants) = (Attention::NEW, [Wants::NOTHING, Wants::EVERYTHING].into_iter().cycle());
        let encodings = (0..60_000).map(|now| {
            if now % every == 0 {
                attention.says(now, wants.next().expect("there is always another"));
            }
            let audience = Audience::of(live, [Wants::EVERYTHING, attention.follow(now)]);
            audience.encoding(Source::Camera, Wants::EVERYTHING, 720).map(|encoding| encoding.max_bitrate)
        });
        let encodings: Vec<_> = encodings.collect();
        encodings.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    #[test]
    fn who_says_now_this_and_now_that_changes_hardly_anything_for_others() {
        for every in [45, 1_000, 4_999] {
            assert!(changes(every) <= 1, "each {every} ms: {} changes a minute", changes(every));
        }
        assert!((5..=12).contains(&changes(6_000)), "who takes their time is followed");
    }

    proptest! {
        #[test]
        fn whatever_is_said_it_is_had_at_once_and_less_at_most_once_in_a_while_and_in_the_end(
            said in proptest::collection::vec((0u64..7_000, 0u16..3, 0u16..3), 1..60)
        ) {
            let (mut attention, mut now, mut less_at) = (Attention::NEW, 0, None);
            for (wait, camera, screen) in said {
                let before = attention.followed;
                now += wait;
                let wants = Wants { camera, screen };
                attention.says(now, wants);
                let followed = attention.follow(now);
                prop_assert!(followed.camera >= camera && followed.screen >= screen);
                if followed.camera < before.camera || followed.screen < before.screen {
                    prop_assert!(less_at.is_none_or(|at| now >= at + Attention::CALM), "less after {:?}, at {}", less_at, now);
                    less_at = Some(now);
                }
                prop_assert_eq!(attention.follow(now + Attention::CALM - 1), followed);
                let mut later = attention;
                prop_assert_eq!(later.follow(now + Attention::CALM), wants);
            }
        }
    }
}
