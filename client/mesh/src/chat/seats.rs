//! The seats that we know of, and how their owners are reached.
//!
//! The broker tells of those that are there. Of seats that were released before we came, or whose owners are not back in a room that was
//! revived, other members hand on the cards: each proves by itself whose it is ([`Card::proves`]). There were only so many seats before ours,
//! so only so many cards are taken, and nobody crowds the chat with members who never were.

use klatch_shared::limits::MAX_SEATS;
use klatch_shared::{Card, MemberId, Username, VerifyingKey};

use super::channel::Channel;
use super::{Chat, Order};

/// Seats that are remembered, those released long ago among them: their owners' messages can still be verified.
const MAX_KNOWN_SEATS: usize = 4 * MAX_SEATS;

/// A member's place in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Whose.
    pub member: MemberId,
    /// Its place in the order in which seats were taken.
    pub ordinal: u32,
    /// What the member's statements verify with, from the card.
    pub key: VerifyingKey,
}

/// A seat that we know of.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) seat: Seat,
    /// To be handed on; ours is not.
    card: Option<Card>,
    contact: Contact,
}

/// How its owner is reached.
#[derive(Clone, Debug)]
enum Contact {
    /// Over an open channel.
    Open(Channel),
    /// Not now.
    Closed,
    /// The seat was released.
    Gone,
    /// The broker never told us of it: another member handed us the card.
    Unmet,
}

impl Known {
    /// Ourselves.
    pub(super) fn us(seat: Seat) -> Self {
        Self { seat, card: None, contact: Contact::Closed }
    }

    /// Whether the broker never told us of it.
    pub(super) fn is_unmet(&self) -> bool {
        matches!(self.contact, Contact::Unmet)
    }

    pub(super) fn channel(&self) -> Option<&Channel> {
        match &self.contact {
            Contact::Open(channel) => Some(channel),
            Contact::Closed | Contact::Gone | Contact::Unmet => None,
        }
    }

    pub(super) fn channel_mut(&mut self) -> Option<&mut Channel> {
        match &mut self.contact {
            Contact::Open(channel) => Some(channel),
            Contact::Closed | Contact::Gone | Contact::Unmet => None,
        }
    }
}

impl Chat {
    /// The broker told of a seat, and its card opened. May be told again, and is with each new card.
    pub fn met(&mut self, seat: Seat, card: &Card) {
        if let Some(known) = self.known_mut(seat.member) {
            (known.seat, known.card) = (seat, Some(card.clone()));
            if known.channel().is_none() {
                known.contact = Contact::Closed;
            }
            return;
        }
        self.learn(Known { seat, card: Some(card.clone()), contact: Contact::Closed });
    }

    /// A card that another member handed on.
    pub(super) fn handed_card(&mut self, card: Card) {
        let unmet = self.seats.iter().filter(|known| known.is_unmet()).count();
        let seats_before = self.latest_seat() as usize + 1;
        if unmet >= MAX_SEATS || self.seats.len() >= seats_before {
            return;
        }
        if let Some(member) = card.proves(self.room).filter(|member| self.known(*member).is_none()) {
            // Its place is hearsay, and nobody is told anything by it.
            let seat = Seat { member, ordinal: 0, key: card.verifying };
            self.learn(Known { seat, card: Some(card), contact: Contact::Unmet });
        }
    }

    fn learn(&mut self, known: Known) {
        if self.seats.len() == MAX_KNOWN_SEATS {
            let away = |known: &Known| matches!(known.contact, Contact::Gone | Contact::Unmet);
            let Some(first) = self.seats.iter().position(away) else { return };
            self.seats.remove(first);
        }
        self.seats.push(known);
        // Of what could not be read or came to nothing before, some may be this member's.
        self.read_again();
    }

    /// What was set aside may be handed to us once more.
    pub(super) fn read_again(&mut self) {
        self.unread.clear();
        for channel in self.seats.iter_mut().filter_map(Known::channel_mut) {
            channel.unsettle();
        }
    }

    /// A seat was released. What its owner said stays.
    pub fn gone(&mut self, member: MemberId) {
        self.part(member, Contact::Gone);
    }

    /// The channel to a member opened.
    pub fn opened(&mut self, member: MemberId) -> Vec<Order> {
        self.part(member, Contact::Open(Channel::new()));
        self.tell_digest(member).into_iter().collect()
    }

    /// The channel to a member closed, with what was on the way.
    pub fn closed(&mut self, member: MemberId) {
        if self.open(member).is_some() {
            self.part(member, Contact::Closed);
        }
    }

    fn part(&mut self, member: MemberId, contact: Contact) {
        if let Some(known) = self.known_mut(member) {
            known.contact = contact;
            self.end_turn(member);
        }
    }

    /// The place of the latest seat that we know of, released ones among them.
    pub fn latest_seat(&self) -> u32 {
        self.seats.iter().map(|known| known.seat.ordinal).max().unwrap_or_default()
    }

    /// What somebody is called of whom the broker never told us.
    pub fn unmet_name(&self, member: MemberId) -> Option<&Username> {
        let known = self.known(member).filter(|known| known.is_unmet())?;
        Some(&known.card.as_ref()?.name)
    }

    /// The card of somebody who is not here, for those who may not know it.
    pub(super) fn card_of_absent(&self, member: MemberId) -> Option<&Card> {
        self.known(member).filter(|known| known.channel().is_none())?.card.as_ref()
    }

    pub(super) fn known(&self, member: MemberId) -> Option<&Known> {
        self.seats.iter().find(|known| known.seat.member == member)
    }

    pub(super) fn known_mut(&mut self, member: MemberId) -> Option<&mut Known> {
        self.seats.iter_mut().find(|known| known.seat.member == member)
    }

    pub(super) fn open(&self, member: MemberId) -> Option<(&Channel, Seat)> {
        let known = self.known(member)?;
        Some((known.channel()?, known.seat))
    }

    pub(super) fn channel_mut(&mut self, member: MemberId) -> Option<&mut Channel> {
        self.known_mut(member)?.channel_mut()
    }
}
