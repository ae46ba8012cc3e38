//! The messages that a member keeps, in the order that all agree on.
//!
//! Whoever heard of the same messages keeps the same, whatever the order in which they came: of an id's revisions the last, and of all
//! as many as [`MAX_KEPT_MESSAGES`]. A message's rank is the number of its author's newer ones, then its author; those of the lowest
//! rank are kept. A further message only raises ranks, so one that had to go never comes back, and no one who floods the room from one seat
//! drives out another's words. Who has many seats has a share for each.

use klatch_shared::limits::MAX_KEPT_MESSAGES;
use klatch_shared::peer::{Authentic, ChatMessage, Print};
use klatch_shared::{MemberId, MessageId};

/// How far ahead of our time on the wall a message may be to be believed: a year in milliseconds, longer than clocks are wrong. A message of
/// a later time is taken once its time has come within a year.
const HORIZON: u64 = 366 * DAY;
/// How far ahead our clock follows: less than [`HORIZON`] by two days. So whoever makes up a time, however late, leads nobody's words beyond
/// what others believe, of whose clocks one is a day fast and another a day slow, as a wrong time zone makes them. Nothing stays below all that
/// is said after it for longer than that.
const FOLLOWED: u64 = HORIZON - 2 * DAY;
const DAY: u64 = 24 * 60 * 60 * 1000;

/// The messages.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// In their order.
    entries: Vec<Entry>,
    /// The greatest time heard of, as far as it was believed.
    heard: u64,
    /// The time on our wall.
    wall: u64,
}

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing: it is known, or there is no room for it.
    Not,
    /// It is kept.
    In,
    /// It is kept, and this one had to go.
    For(MemberId, MessageId),
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) message: ChatMessage,
    pub(super) print: Print,
    /// Of our own: who has it as it is now.
    reached: Vec<MemberId>,
}

impl Log {
    /// An empty one, begun at the time `wall`.
    pub(super) fn new(wall: u64) -> Self {
        Self { entries: Vec::new(), heard: wall, wall }
    }

    /// It is now so late by the clock on our wall.
    pub(super) fn tell_time(&mut self, wall: u64) {
        self.wall = wall;
    }

    /// The greatest time heard of, as far as we follow.
    pub(super) fn clock(&self) -> u64 {
        self.clock_at(self.wall)
    }

    /// The same where it is so late on our wall by now.
    pub(super) fn clock_at(&self, wall: u64) -> u64 {
        let last = self.entries.last().map_or(0, |entry| entry.message.moment.at);
        self.heard.max(last.min(wall.saturating_add(FOLLOWED)))
    }

    /// A time was heard of.
    pub(super) fn hear_of(&mut self, at: u64) {
        self.heard = self.heard.max(at.min(self.wall.saturating_add(FOLLOWED)));
    }

    /// Whether a message of this time can't be believed yet.
    pub(super) fn is_early(&self, at: u64) -> bool {
        at > self.wall.saturating_add(HORIZON)
    }

    /// Takes a message in, if it is new. A revision stands where its own time has it.
    pub(super) fn take(&mut self, message: Authentic) -> Taken {
        let message = message.into_inner();
        self.hear_of(message.moment.at);
        if let Some(known) = self.position(message.author, message.id) {
            if !message.follows(&self.entries[known].message) {
                return Taken::Not;
            }
            self.entries.remove(known);
        }
        let print = message.print();
        let at = self.entries.iter().position(|entry| entry.message.place() > message.place());
        self.entries.insert(at.unwrap_or(self.entries.len()), Entry { message, print, reached: Vec::new() });
        if self.entries.len() <= MAX_KEPT_MESSAGES {
            return Taken::In;
        }
        let excess = self.highest_rank();
        let gone = self.entries.remove(excess);
        if gone.print == print { Taken::Not } else { Taken::For(gone.message.author, gone.message.id) }
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

    /// A member's seat was released: it counts no more who comes and goes.
    pub(super) fn forget(&mut self, member: MemberId) {
        self.entries.iter_mut().for_each(|entry| entry.reached.retain(|known| *known != member));
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
        assert_eq!([log.take(late.clone()), log.take(edited.clone())], [Taken::In; 2]);
        assert_eq!(log.take(early.clone()), Taken::Not, "it was revised");
        assert_eq!(log.take(edited.clone()), Taken::Not, "it is there");
        let messages: Vec<_> = log.entries().iter().map(|entry| &entry.message).collect();
        assert_eq!(messages, [&*edited, &*late]);
        assert_eq!(log.get(author.id, early.id), Some(&*edited));
        assert_eq!(log.get(ROOM.authors[1].id, early.id), None);
        assert_eq!((log.find(late.print()), log.find(early.print())), (Some(&*late), None));
    }

    #[test]
    fn the_clock_follows_what_it_hears_and_nobody_brings_it_further_than_a_year_ahead() {
        let mut log = Log::new(1_700_000_000_000);
        log.hear_of(5);
        assert_eq!(log.clock(), 1_700_000_000_000);
        log.hear_of(1_700_000_000_777);
        assert_eq!(log.clock(), 1_700_000_000_777);
        (0..3).for_each(|_| log.hear_of(u64::MAX));
        assert_eq!(log.clock(), 1_700_000_000_000 + FOLLOWED);
    }

    #[test]
    fn what_is_believed_and_not_followed_yet_is_followed_when_its_time_comes() {
        let mut log = Log::new(0);
        assert!(log.is_early(HORIZON + 1) && !log.is_early(HORIZON));
        log.take(say(ROOM.id, &ROOM.authors[0], HORIZON));
        assert_eq!(log.clock(), FOLLOWED);
        log.tell_time(HORIZON - FOLLOWED);
        assert_eq!(log.clock(), HORIZON);
    }

    #[test]
    fn what_has_to_go_is_told() {
        let author = &ROOM.authors[0];
        let mut log = Log::new(0);
        let said: Vec<_> = (1..=MAX_KEPT_MESSAGES as u64 + 1).map(|at| say(ROOM.id, author, at)).collect();
        let (last, rest) = said.split_last().expect("some");
        assert!(rest.iter().all(|message| log.take(message.clone()) == Taken::In));
        assert_eq!(log.take(last.clone()), Taken::For(author.id, said[0].id));
        assert_eq!(log.take(said[0].clone()), Taken::Not);
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
            let is_there = |taken| taken == Taken::Not;
            prop_assert!(shuffled.iter().all(|n| is_there(one.take(ROOM.said[*n].clone()))), "what had to go does not come back");
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
