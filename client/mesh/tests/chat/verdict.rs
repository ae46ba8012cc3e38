//! Whether all is well with a room at rest.

use std::collections::BTreeMap;

use klatch_shared::peer::{ChatMessage, PeerMessage};
use klatch_shared::{MemberId, MessageId};

use crate::member::Member;
use crate::world::World;

/// The latest revision of each message that some honest page had.
pub type Known = BTreeMap<(MemberId, MessageId), ChatMessage>;

impl World {
    pub fn honest(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.here && !member.lies)
    }

    /// What an honest member says is nothing that was said before the one who hears it came.
    pub fn check_privacy(&self, to: usize, text: &str) {
        let messages = match PeerMessage::parse(text) {
            Ok(PeerMessage::Chat { message }) => vec![message],
            Ok(PeerMessage::Lacked { messages, .. }) => messages,
            _ => vec![],
        };
        for message in messages {
            let said = self.said.iter().find(|(_, id, _)| *id == message.id);
            assert!(said.is_none_or(|(_, _, seats)| to < *seats), "who came later is told what was said before");
        }
    }

    /// What a page has of those who really were in the room: others may be made up to those alone who can't know better.
    fn real<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a ChatMessage> {
        let was_here = |author| self.members.iter().any(|member| member.seat.member == author);
        member.chat.messages().filter(move |message| was_here(message.author))
    }

    /// What honest pages have, all together.
    pub fn known(&self) -> Known {
        let mut known = Known::new();
        for message in self.honest().flat_map(|member| self.real(member)) {
            let entry = known.entry((message.author, message.id)).or_insert_with(|| message.clone());
            if message.follows(entry) {
                *entry = message.clone();
            }
        }
        known
    }

    /// All honest pages have the same, once each, in one order, and show it; and nothing that one of them had has gone or is out of date.
    pub fn agrees(&self, before: &Known) -> Result<(), String> {
        let first = self.honest().next().ok_or("nobody is here")?;
        let all: Vec<&ChatMessage> = self.real(first).collect();
        for member in self.honest() {
            if !self.real(member).eq(all.iter().copied()) {
                return Err(format!("{} and {} differ", member.seat.ordinal, first.seat.ordinal));
            }
            member.is_well()?;
        }
        for (key, message) in before {
            match first.chat.message(key.0, key.1) {
                None => return Err(format!("a message was lost: {message:?}")),
                Some(kept) if message.follows(kept) => return Err(format!("a revision was lost: {message:?}")),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Each two honest pages have the same of what both may have, and who may have something that one of them had has it.
    pub fn agrees_pairwise(&self, before: &Known) -> Result<(), String> {
        for (member, (key, message)) in self.honest().flat_map(|member| before.iter().map(move |it| (member, it))) {
            let has = member.chat.message(key.0, key.1).is_some_and(|kept| !message.follows(kept));
            if message.moment.last_seat >= member.seat.ordinal && !has {
                return Err(format!("{} lacks {message:?}", member.seat.ordinal));
            }
        }
        for one in self.honest() {
            one.is_well()?;
            for other in self.honest() {
                let later = one.seat.ordinal.max(other.seat.ordinal);
                let both = |member: &Member| -> Vec<ChatMessage> {
                    self.real(member).filter(|message| message.moment.last_seat >= later).cloned().collect()
                };
                if both(one) != both(other) {
                    return Err(format!("{} and {} differ", one.seat.ordinal, other.seat.ordinal));
                }
            }
        }
        Ok(())
    }
}

impl Member {
    fn is_well(&self) -> Result<(), String> {
        let messages: Vec<&ChatMessage> = self.chat.messages().collect();
        if !messages.windows(2).all(|pair| pair[0].place() < pair[1].place()) {
            return Err("messages are not in their order".into());
        }
        let mut keys: Vec<_> = messages.iter().map(|message| (message.author, message.id)).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("a message is there twice".into());
        }
        if messages.iter().any(|message| self.shown.get(&(message.author, message.id)) != Some(message)) {
            return Err("a message is not shown as it is".into());
        }
        if self.shows_history != self.chat.keeps_history() {
            return Err("the history's switch is not shown as it is".into());
        }
        Ok(())
    }

    /// Whether it is known that all our messages reached a member.
    pub fn knows_that_all_reached(&self, other: MemberId) -> bool {
        let mut own = self.chat.messages().filter(|message| message.author == self.seat.member);
        own.all(|message| self.reached.contains(&(message.id, other)))
    }
}
