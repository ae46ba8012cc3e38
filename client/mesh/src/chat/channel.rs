//! An open channel to one member: whether they have what we have, when to ask for the rest, and what they are owed.

use klatch_shared::limits::MAX_KEPT_MESSAGES;
use klatch_shared::peer::{Digest, Print};

/// Two that are equal by now may be told so a moment late, so only what differs twice differs; on a new channel, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing was heard on it yet.
    Fresh,
    /// We have the same.
    Equal,
    /// We had not, when we last heard.
    Doubted,
    /// And again.
    Different(Digests),
}

/// Ours and theirs.
type Digests = [Digest; 2];

/// The channel.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    standing: Standing,
    /// When we asked last.
    asked: Option<u64>,
    /// When we may ask again.
    ask_again: u64,
    /// What we had both when we asked last: asking again would bring no more.
    settled: Option<Digests>,
    /// What the other end handed us and we can't read, as its author's card is not known, or can't believe yet: we ask this member for it no
    /// more. Others may hand it with the card.
    unread: Vec<Print>,
    /// What the other end lacks, as its list had it, the oldest first.
    pub(super) owed: Vec<Print>,
    /// When it may be told some of that again.
    pub(super) hand_again: u64,
}

/// Having asked to no avail, we don't ask the same member again for so long, whatever is said meanwhile.
const IN_VAIN: u64 = 10_000;

impl Channel {
    /// One that has just opened.
    pub(super) fn new() -> Self {
        Self {
            standing: Standing::Fresh,
            asked: None,
            ask_again: 0,
            settled: None,
            unread: Vec::new(),
            owed: Vec::new(),
            hand_again: 0,
        }
    }

    /// The other end told its digest. Whether we have the same.
    pub(super) fn compare(&mut self, ours: Digest, theirs: Digest) -> bool {
        self.standing = match self.standing {
            Standing::Equal if ours != theirs => Standing::Doubted,
            Standing::Fresh | Standing::Doubted | Standing::Different(_) if ours != theirs => {
                Standing::Different([ours, theirs])
            }
            Standing::Fresh | Standing::Equal | Standing::Doubted | Standing::Different(_) => Standing::Equal,
        };
        let is_equal = self.standing == Standing::Equal;
        if is_equal {
            self.answered();
        }
        is_equal
    }

    /// When we asked last, if we should ask now.
    pub(super) fn waits(&self, now: u64) -> Option<Option<u64>> {
        match self.standing {
            Standing::Fresh | Standing::Equal | Standing::Doubted => None,
            Standing::Different(digests) => {
                (self.settled != Some(digests) && now >= self.ask_again).then_some(self.asked)
            }
        }
    }

    /// We ask. What need not be handed to us beside what we have.
    pub(super) fn ask(&mut self, now: u64) -> &[Print] {
        if let Standing::Different(digests) = self.standing {
            self.settled = Some(digests);
        }
        self.asked = Some(now);
        self.ask_again = now + IN_VAIN;
        &self.unread
    }

    /// It handed us something that is not to be read yet.
    pub(super) fn set_aside(&mut self, print: Print) {
        self.unread.retain(|known| *known != print);
        if self.unread.len() == MAX_KEPT_MESSAGES {
            self.unread.remove(0);
        }
        self.unread.push(print);
    }

    /// When we asked last.
    pub(super) fn asked(&self) -> Option<u64> {
        self.asked
    }

    /// It was not in vain.
    pub(super) fn answered(&mut self) {
        self.ask_again = 0;
    }

    /// Asking may bring more than last time, and what was set aside may be read by now.
    pub(super) fn unsettle(&mut self) {
        self.settled = None;
        self.unread.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: char) -> Digest {
        n.to_string().repeat(22).parse().expect("sixteen bytes")
    }

    #[test]
    fn on_a_new_channel_a_difference_counts_at_once_and_later_the_second_time() {
        let (ours, theirs) = (digest('A'), digest('Q'));
        let mut channel = Channel::new();
        assert_eq!(channel.waits(0), None);
        assert!(!channel.compare(ours, theirs));
        assert_eq!(channel.waits(0), Some(None));
        assert!(channel.compare(ours, ours));
        assert_eq!(channel.waits(0), None);
        channel.compare(ours, theirs);
        assert_eq!(channel.waits(0), None, "it may be on the way");
        channel.compare(ours, theirs);
        assert_eq!(channel.waits(0), Some(None));
    }

    #[test]
    fn what_came_to_nothing_is_not_tried_again_until_something_has_changed() {
        let (ours, theirs, more) = (digest('A'), digest('Q'), digest('g'));
        let mut channel = Channel::new();
        channel.compare(ours, theirs);
        channel.ask(1_000);
        channel.compare(ours, theirs);
        assert_eq!(channel.waits(1_000_000), None);
        channel.compare(ours, more);
        assert_eq!(channel.waits(1_000 + IN_VAIN - 1), None, "the last time was in vain");
        assert_eq!(channel.waits(1_000 + IN_VAIN), Some(Some(1_000)));
        channel.answered();
        assert_eq!(channel.waits(2_000), Some(Some(1_000)));
        channel.compare(ours, theirs);
        assert_eq!(channel.waits(2_000), None);
        channel.unsettle();
        assert_eq!(channel.waits(2_000), Some(Some(1_000)));
    }
}
