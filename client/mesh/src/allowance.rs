//! How much one member may say over the data channel: a token bucket, so that a flood costs the others next to nothing.

use klatch_shared::peer::PeerMessage;

/// One member's bucket.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Thousandths of a token, because time is in milliseconds.
    level: u64,
    at: u64,
}

impl Allowance {
    /// Messages that may come at once: more than a page sends when a link is back after a while.
    pub const BURST: u32 = 300;
    /// Messages a second in the long run: more than people type, pages answer and pass on.
    pub const A_SECOND: u32 = 30;
    /// Messages a second that may wait while nothing is read: a page that is blocked, as by a print preview, reads all at once what was said
    /// meanwhile, which is less than this from each member.
    const WAITING: u64 = 3;
    /// For so long, in milliseconds: sound goes on, and links may stay.
    const BLOCKED: u64 = 10 * 60 * 1000;
    /// A long message counts once more for each so many bytes.
    pub const BYTES: usize = 2048;

    /// A full bucket at the time `now`, in milliseconds.
    pub fn new(now: u64) -> Self {
        Self { level: u64::from(Self::BURST) * 1000, at: now }
    }

    /// Whether a message of so many bytes still fits; if so, it is counted.
    pub fn takes(&mut self, bytes: usize, now: u64) -> bool {
        self.takes_beside(0, bytes, now)
    }

    /// The same, where up to so many a second may have waited since the last one.
    fn takes_beside(&mut self, waiting: u64, bytes: usize, now: u64) -> bool {
        // A token a second is a thousandth a millisecond.
        let pause = now.saturating_sub(self.at).min(Self::BLOCKED);
        let most = self.level.max(u64::from(Self::BURST) * 1000 + pause * waiting);
        self.level = most.min(self.level + pause * u64::from(Self::A_SECOND));
        self.at = self.at.max(now);
        let cost = u64::try_from(1 + bytes / Self::BYTES).unwrap_or(u64::MAX).saturating_mul(1000);
        let fits = cost <= self.level;
        if fits {
            self.level -= cost;
        }
        fits
    }

    /// What a member says, if it can be read and still fits. What a person says counts five times, as six a second are more than anybody
    /// types; and of what is handed on, up to all that is kept, each message by itself, unless it is long.
    pub fn reads(&mut self, text: &str, now: u64) -> Option<PeerMessage> {
        if !self.takes_beside(Self::WAITING, text.len(), now) {
            return None;
        }
        let message = PeerMessage::parse(text).ok()?;
        let more = match &message {
            PeerMessage::Chat { .. } => 4,
            PeerMessage::Lacked { cards, messages } => {
                messages.len().max(cards.len()).saturating_sub(text.len() / Self::BYTES)
            }
            _ => return Some(message),
        };
        self.takes(more.saturating_sub(1) * Self::BYTES, now).then_some(message)
    }
}

#[cfg(test)]
mod tests {
    use klatch_shared::limits::{MAX_HANDED_MESSAGES, MAX_KEPT_MESSAGES};
    use klatch_shared::peer::{ChatMessage, Moment};
    use klatch_shared::{Card, MemberId, MemberKeys, RoomKey, RoomKeys};

    use super::*;

    fn taken(allowance: &mut Allowance, bytes: usize, now: u64) -> usize {
        (0..10_000).take_while(|_| allowance.takes(bytes, now)).count()
    }

    #[test]
    fn a_burst_fits_and_then_the_rate_holds() {
        let mut allowance = Allowance::new(5_000);
        assert_eq!(taken(&mut allowance, 10, 5_000), Allowance::BURST as usize);
        assert_eq!(taken(&mut allowance, 10, 6_000), Allowance::A_SECOND as usize);
    }

    #[test]
    fn what_was_said_while_the_page_was_blocked_fits_and_little_more() {
        let pulse = PeerMessage::Bye { left: false }.to_text();
        let read =
            |allowance: &mut Allowance, now| (0..10_000).take_while(|_| allowance.reads(&pulse, now).is_some()).count();
        for (pause, most) in [(0, 300), (10_000, 330), (600_000, 2_100), (36_000_000, 2_100)] {
            let mut allowance = Allowance::new(0);
            assert_eq!(read(&mut allowance, pause), most, "after {pause} ms");
            assert_eq!(read(&mut allowance, pause + 1_000), 30, "as before, after {pause} ms");
            assert_eq!(taken(&mut Allowance::new(0), 10, pause), Allowance::BURST as usize, "of anything else");
        }
        // What was gained is not lost to the next message, nor does it grow with those that don't fit.
        let mut allowance = Allowance::new(0);
        assert!(allowance.reads(&pulse, 600_000).is_some());
        assert!((600_000..700_000).all(|now| !allowance.takes(usize::MAX, now)));
        assert_eq!(read(&mut allowance, 700_000), 2_099);
    }

    #[test]
    fn a_long_message_counts_as_several() {
        let mut allowance = Allowance::new(0);
        assert_eq!(taken(&mut allowance, 3 * Allowance::BYTES, 0), Allowance::BURST as usize / 4);
    }

    #[test]
    fn nobody_talks_faster_than_people_type_and_all_that_is_kept_may_be_handed_on() {
        let (room, keys) = (RoomKeys::derive(&RoomKey::random()).id(), MemberKeys::random());
        let moment = Moment { sent: 1, at: 1, last_seat: 0 };
        let text = "Hello".parse().expect("a text");
        let message = ChatMessage::say(room, MemberId::random(), &keys, moment, text).into_inner();
        let handed = vec![message.clone(); MAX_HANDED_MESSAGES];
        let lacked = PeerMessage::Lacked { cards: Vec::new(), messages: handed }.to_text();
        let long =
            ChatMessage::say(room, MemberId::random(), &keys, moment, "long".repeat(500).parse().expect("a text"));
        let lacked_long = PeerMessage::Lacked { cards: Vec::new(), messages: vec![long.into_inner(); 20] }.to_text();
        let said = PeerMessage::Chat { message }.to_text();
        let fits = |allowance: &mut Allowance, text: &str, now| allowance.reads(text, now).is_some();

        let mut allowance = Allowance::new(0);
        assert_eq!((0..1_000).filter(|_| fits(&mut allowance, &said, 0)).count(), 60, "at once");
        assert!((1..1_000).all(|n| fits(&mut allowance, &said, n * 200)), "five a second");
        assert!(!(1..1_000).all(|n| fits(&mut allowance, &said, 200_000 + n * 100)), "ten a second");

        // Cards have to be looked at, too, though there is no message with them.
        let card = Card::new(room, &keys, "Ana".parse().expect("a name"), 1);
        let cards = PeerMessage::Lacked { cards: vec![card; MAX_HANDED_MESSAGES], messages: Vec::new() }.to_text();
        let mut allowance = Allowance::new(0);
        let handed = (0..1_000).filter(|_| fits(&mut allowance, &cards, 0)).count();
        assert!((1..=Allowance::BURST as usize / MAX_HANDED_MESSAGES).contains(&handed), "{handed} times");

        for (lacked, each) in [(&lacked, MAX_HANDED_MESSAGES), (&lacked_long, 20)] {
            let mut allowance = Allowance::new(0);
            let most = MAX_KEPT_MESSAGES.div_ceil(each) as u64;
            // Beside a pulse, a digest, and signals that are passed on.
            let beside = |allowance: &mut Allowance, at| (0..6).all(|_| allowance.takes(500, at));
            assert!((0..most).all(|n| fits(&mut allowance, lacked, n * 900) && beside(&mut allowance, n * 900)));
            assert!((0..1_000).any(|_| !fits(&mut allowance, lacked, most * 900)), "and not all at once");
        }
        assert!(!fits(&mut Allowance::new(0), "{", 0), "what can't be read");
    }

    #[test]
    fn no_time_and_no_size_overflows() {
        let mut allowance = Allowance::new(u64::MAX);
        assert!(!allowance.takes(usize::MAX, 0));
        assert!(allowance.takes(0, u64::MAX));
    }
}
