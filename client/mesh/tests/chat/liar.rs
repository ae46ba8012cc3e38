//! What a dishonest member may say.

use klatch_shared::peer::{ChatMessage, Moment, PeerMessage};
use proptest::prelude::*;

use crate::member::HORIZON;
use crate::world::{DAWN, World};

/// A lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A message of this time is said to one member alone.
    At(u64),
    /// One revision is said as one thing to one member, and as another to another, in another place.
    Equivocate,
    /// What was overheard is said again.
    Replay,
    /// The same, bent.
    Forge,
    /// A digest of nothing, from the end of time.
    Digest,
    /// A list of fingerprints, of nothing or of too much.
    List(usize),
    /// Something unreadable.
    Garbage,
    /// Many messages at once, to one member.
    Flood,
    /// What somebody said is handed on without their card.
    Withhold,
    /// Somebody is told of who never was, by a card and a message.
    MakeUp,
    /// A switch of the history that the creator never signed: on or off.
    Switch(bool),
}

/// Those about members who left, and for them.
pub const LIES_OF_THE_ABSENT: [Lie; 4] = [Lie::Withhold, Lie::MakeUp, Lie::Switch(false), Lie::Switch(true)];

pub const LIES: [Lie; 16] = [
    Lie::At(0),
    Lie::At(u64::MAX),
    Lie::At(u64::MAX / 2),
    Lie::At(DAWN + HORIZON / 2),
    Lie::Equivocate,
    Lie::Replay,
    Lie::Forge,
    Lie::Digest,
    Lie::List(0),
    Lie::List(10_000),
    Lie::Garbage,
    Lie::Flood,
    Lie::Withhold,
    Lie::MakeUp,
    Lie::Switch(false),
    Lie::Switch(true),
];

impl Arbitrary for Lie {
    type Parameters = ();
    type Strategy = prop::sample::Select<Lie>;
    fn arbitrary_with((): ()) -> Self::Strategy {
        prop::sample::select(&LIES[..])
    }
}

impl World {
    /// The liar among the members says something to one of them.
    pub fn lies(&mut self, lie: Lie, n: usize) {
        let Some(liar) = self.members.iter().position(|member| member.lies) else { return };
        let others: Vec<usize> = (0..self.members.len()).filter(|i| *i != liar).collect();
        let (to, other) = (others[n % others.len()], others[(n / 7) % others.len()]);
        if self.lies_only {
            // And is there before anybody who tells the truth.
            self.mend(liar, to);
            self.delivers_all_but(liar);
        }
        let overheard = self.overheard.get(n % self.overheard.len().max(1)).cloned().unwrap_or_default();
        match lie {
            Lie::At(at) => {
                let message = self.made_up(liar, at);
                self.lie(liar, to, &PeerMessage::Chat { message });
            }
            Lie::Equivocate => {
                let (base, keys) = (self.made_up(liar, 5), self.members[liar].keys.clone());
                let mut moved = base.clone();
                moved.moment.at = u64::try_from(n).unwrap_or_default();
                let one = base.revised(self.room, &keys, Some(self.text("means"))).expect("one more");
                let another = moved.revised(self.room, &keys, None).expect("one more");
                self.lie(liar, to, &PeerMessage::Chat { message: one.into_inner() });
                self.lie(liar, other, &PeerMessage::Chat { message: another.into_inner() });
            }
            Lie::Replay => self.put(liar, to, overheard),
            Lie::Forge => {
                let bent = overheard.replace("says", "swears").replace("\"revision\":0", "\"revision\":9");
                self.put(liar, to, bent);
            }
            Lie::Digest => {
                let text = format!(r#"{{"say":"digest","digest":"{}","at":{}}}"#, "A".repeat(22), u64::MAX);
                self.put(liar, to, text);
            }
            Lie::List(count) => {
                let text = format!(r#"{{"say":"have","prints":"{}"}}"#, "AAAAAAAAAAA".repeat(count));
                self.put(liar, to, text);
            }
            Lie::Garbage => self.put(liar, to, overheard.chars().rev().collect()),
            Lie::Flood => {
                for step in 0..40 {
                    let message = self.made_up(liar, step);
                    self.lie(liar, to, &PeerMessage::Chat { message });
                }
            }
            Lie::Withhold => {
                let heard: Vec<_> = self.members[liar].chat.messages().cloned().collect();
                let messages = heard.get(n % heard.len().max(1)).cloned().into_iter().collect();
                self.lie(liar, to, &PeerMessage::Lacked { cards: vec![], messages });
            }
            Lie::MakeUp => {
                let (card, message) = self.made_up_member(["Member 1", "Member 2"][n % 2], "I owe the liar money");
                self.lie(liar, to, &PeerMessage::Lacked { cards: vec![card], messages: vec![message] });
            }
            Lie::Switch(kept) => {
                let messages = vec![self.forged_switch(liar, kept)];
                self.lie(liar, to, &PeerMessage::Lacked { cards: vec![], messages });
            }
        }
    }

    /// A switch of the history that the liar signed for the creator.
    pub fn forged_switch(&self, liar: usize, kept: bool) -> ChatMessage {
        let (creator, member) = (self.members[0].seat.member, &self.members[liar]);
        let moment = member.chat.moment(self.wall());
        ChatMessage::switch(self.room, creator, &member.keys, None, moment, kept).into_inner()
    }

    /// A message that the liar never took in itself.
    pub fn made_up(&self, liar: usize, at: u64) -> ChatMessage {
        let member = &self.members[liar];
        let moment = Moment { sent: at, at, last_seat: u32::MAX };
        ChatMessage::say(self.room, member.seat.member, &member.keys, moment, self.text("lies")).into_inner()
    }

    pub fn lie(&mut self, liar: usize, to: usize, message: &PeerMessage) {
        self.put(liar, to, message.to_text());
    }

    fn put(&mut self, liar: usize, to: usize, text: String) {
        self.link(liar, to).say(usize::from(liar > to), text);
    }
}
