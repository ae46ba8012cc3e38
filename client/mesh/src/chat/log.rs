//! The messages that a member keeps, in the order that all agree on.
//!
//! Whoever heard of the same messages keeps the same, whatever the order in which they came: of an id's revisions the last, and of all
//! as many as [`MAX_KEPT_MESSAGES`]. A message's rank is the number of its author's newer ones, then its author; those of the lowest
//! rank are kept. A further message only raises ranks, so one that had to go never comes back, and no one who floods the room drives out
//! another's words.

use klatch_shared::limits::MAX_KEPT_MESSAGES;
use klatch_shared::peer::{Authentic, ChatMessage, Print};
use klatch_shared::{MemberId, MessageId};

/// How far one message moves our clock at most: a year in milliseconds. Longer than clocks are wrong, and too short for anybody to bring
/// them to their end.
const STRIDE: u64 = 366 * 24 * 60 * 60 * 1000;

/// The messages.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// In their order.
    entries: Vec<Entry>,
    /// The greatest time heard of.
    clock: u64,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) message: ChatMessage,
    pub(super) print: Print,
    /// Of our own: who has it, one revision or another.
    reached: Vec<MemberId>,
}

impl Log {
    /// An empty one, in which time begins with `clock`.
    pub(super) fn new(clock: u64) -> Self {
        Self { entries: Vec::new(), clock }
    }

    /// The greatest time heard of, as far as it was believed.
    pub(super) fn clock(&self) -> u64 {
        self.clock
    }

    /// A time was heard of.
    pub(super) fn hear_of(&mut self, at: u64) {
        self.clock = self.clock.max(at.min(self.clock.saturating_add(STRIDE)));
    }

    /// Takes a message in; whether that changed something.
    pub(super) fn take(&mut self, message: Authentic) -> bool {
        let message = message.into_inner();
        self.hear_of(message.moment.at);
        let mut reached = Vec::new();
        if let Some(known) = self.position(message.author, message.id) {
            if !message.follows(&self.entries[known].message) {
                return false;
            }
            reached = self.entries.remove(known).reached;
        }
        let print = message.print();
        let at = self.entries.iter().position(|entry| entry.message.place() > message.place());
        self.entries.insert(at.unwrap_or(self.entries.len()), Entry { message, print, reached });
        if self.entries.len() <= MAX_KEPT_MESSAGES {
            return true;
        }
        let excess = self.highest_rank();
        self.entries.remove(excess).print != print
    }

    /// The oldest message of whoever has most. The history's switch stays.
    fn highest_rank(&self) -> usize {
        let (mut held, mut most, mut excess) = (Vec::<(MemberId, usize)>::new(), (0, None), 0);
        for (at, entry) in self.entries.iter().enumerate().rev().filter(|(_, entry)| !entry.message.is_switch()) {
            let author = entry.message.author;
            let known = held.iter().position(|(who, _)| *who == author).unwrap_or_else(|| {
                held.push((author, 0));
                held.len() - 1
            });
            held[known].1 += 1;
            if (held[known].1, Some(author)) > most {
                (most, excess) = ((held[known].1, Some(author)), at);
            }
        }
        excess
    }

    fn position(&self, author: MemberId, id: MessageId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.message.author == author && entry.message.id == id)
    }

    /// A message as it is now.
    pub(super) fn get(&self, author: MemberId, id: MessageId) -> Option<&ChatMessage> {
        self.position(author, id).map(|at| &self.entries[at].message)
    }

    /// The message with this fingerprint.
    pub(super) fn find(&self, print: Print) -> Option<&ChatMessage> {
        self.entries.iter().find(|entry| entry.print == print).map(|entry| &entry.message)
    }

    /// All, in their order.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A message of ours has reached a member; which, if that is new.
    pub(super) fn note(&mut self, print: Print, member: MemberId) -> Option<MessageId> {
        let entry = self.entries.iter_mut().find(|entry| entry.print == print && !entry.reached.contains(&member))?;
        entry.reached.push(member);
        Some(entry.message.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use klatch_shared::peer::Moment;
    use klatch_shared::{MemberKeys, RoomId, RoomKey, RoomKeys};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    struct Author {
        id: MemberId,
        keys: MemberKeys,
    }

    /// Three authors in a room, and what they said: a lot, less and little.
    struct Room {
        id: RoomId,
        authors: [Author; 3],
        said: Vec<Authentic>,
    }

    static ROOM: LazyLock<Room> = LazyLock::new(|| {
        let id = RoomKeys::derive(&RoomKey::random()).id();
        let authors =
            [1, 2, 3].map(|n| Author { id: MemberId::from_random_bytes([n; 16]), keys: MemberKeys::random() });
        let said = (0..MAX_KEPT_MESSAGES as u64 + 150).map(|n| {
            let author = if n % 7 == 0 { 2 } else { usize::from(n % 3 == 0) };
            say(id, &authors[author], 1000 + n)
        });
        let said = said.collect();
        Room { id, authors, said }
    });

    fn say(room: RoomId, author: &Author, at: u64) -> Authentic {
        let moment = Moment { sent: at, at, last_seat: 0 };
        ChatMessage::say(room, author.id, &author.keys, moment, "hello".parse().expect("a text"))
    }

    fn prints(log: &Log) -> Vec<Print> {
        log.entries().iter().map(|entry| entry.print).collect()
    }

    /// The log of who heard these of what was said.
    fn log_of(said: impl IntoIterator<Item = usize>) -> Log {
        let mut log = Log::new(0);
        for n in said {
            log.take(ROOM.said[n].clone());
        }
        log
    }

    #[test]
    fn a_message_stands_in_its_place_and_its_last_revision_there() {
        let author = &ROOM.authors[0];
        let [early, late] = [1, 2].map(|at| say(ROOM.id, author, at));
        let edited = early.revised(ROOM.id, &author.keys, Some("bye".parse().expect("a text"))).expect("one more");
        let mut log = Log::new(0);
        assert!(log.take(late.clone()) && log.take(edited.clone()));
        assert!(!log.take(early.clone()), "it was revised");
        assert!(!log.take(edited.clone()), "it is there");
        let messages: Vec<_> = log.entries().iter().map(|entry| &entry.message).collect();
        assert_eq!(messages, [&*edited, &*late]);
        assert_eq!(log.get(author.id, early.id), Some(&*edited));
        assert_eq!(log.get(ROOM.authors[1].id, early.id), None);
        assert_eq!((log.find(late.print()), log.find(early.print())), (Some(&*late), None));
    }

    #[test]
    fn the_clock_follows_what_it_hears_and_nobody_brings_it_to_its_end() {
        let mut log = Log::new(1_700_000_000_000);
        log.hear_of(5);
        assert_eq!(log.clock(), 1_700_000_000_000);
        log.hear_of(1_700_000_000_777);
        assert_eq!(log.clock(), 1_700_000_000_777);
        (0..1_000_000).for_each(|_| log.hear_of(u64::MAX));
        assert!(log.clock() < u64::MAX / 100);
    }

    #[test]
    fn of_too_many_the_oldest_goes_of_whoever_has_most() {
        let log = log_of(0..ROOM.said.len());
        let held = |author: usize| {
            let kept = log.entries().iter().filter(|entry| entry.message.author == ROOM.authors[author].id);
            kept.map(|entry| entry.message.moment.at).collect::<Vec<_>>()
        };
        let said = |author: usize| {
            let said = ROOM.said.iter().filter(|message| message.author == ROOM.authors[author].id);
            said.map(|message| message.moment.at).collect::<Vec<_>>()
        };
        assert_eq!((held(1), held(2)), (said(1), said(2)), "who said less keeps all");
        let all = said(0);
        let kept = MAX_KEPT_MESSAGES - held(1).len() - held(2).len();
        assert_eq!(held(0), all[all.len() - kept..]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whoever_heard_of_the_same_keeps_the_same_whatever_came_first(
            shuffled in Just((0..ROOM.said.len()).collect::<Vec<_>>()).prop_shuffle(), at: prop::sample::Index
        ) {
            let all = log_of(0..ROOM.said.len());
            let kept = prints(&all);
            let mut one = log_of(shuffled.iter().copied());
            prop_assert_eq!(&prints(&one), &kept);
            prop_assert!(shuffled.iter().all(|n| !one.take(ROOM.said[*n].clone())), "what had to go does not come back");
            // Two who each heard a part tell each other what they kept.
            let (some, rest) = shuffled.split_at(at.index(shuffled.len()));
            let (mut one, other) = (log_of(some.iter().copied()), log_of(rest.iter().copied()));
            for message in ROOM.said.iter().filter(|message| other.find(message.print()).is_some()) {
                one.take(message.clone());
            }
            prop_assert_eq!(&prints(&one), &kept);
        }
    }
}
