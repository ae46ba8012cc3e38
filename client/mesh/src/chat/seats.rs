//! The seats that we know of, and how their owners are reached.
//!
//! The broker tells of those that are there. Of seats that were released before we came, or whose owners are not back in a room that was
//! revived, though perhaps still connected to others, members hand on the cards: each proves by itself whose it is ([`Card::proves`]).
//! There were only so many seats before ours, so only so many cards are taken of each who tells, and nobody crowds the chat with members
//! who never were, or others out of it.

use klatch_shared::limits::{MAX_KEPT_MESSAGES, MAX_SEATS};
use klatch_shared::peer::PeerMessage;
use klatch_shared::{Card, MemberId, Username, VerifyingKey, look_alike};

use super::channel::Channel;
use super::{Chat, Order};

/// Seats that are remembered: all that there are, all whose owners' messages are kept, which nobody could verify without their cards, and some more.
const MAX_KNOWN_SEATS: usize = MAX_KEPT_MESSAGES + 2 * MAX_SEATS;

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
    /// The broker never told us of it: this member handed us the card.
    Unmet(MemberId),
}

impl Known {
    /// Ourselves.
    pub(super) fn us(seat: Seat) -> Self {
        Self { seat, card: None, contact: Contact::Closed }
    }

    /// Whether the broker never told us of it.
    pub(super) fn is_unmet(&self) -> bool {
        matches!(self.contact, Contact::Unmet(_))
    }

    /// Whether the broker told us of it, and not that it was released.
    fn has_seat(&self) -> bool {
        matches!(self.contact, Contact::Open(_) | Contact::Closed)
    }

    pub(super) fn channel(&self) -> Option<&Channel> {
        match &self.contact {
            Contact::Open(channel) => Some(channel),
            Contact::Closed | Contact::Gone | Contact::Unmet(_) => None,
        }
    }

    pub(super) fn channel_mut(&mut self) -> Option<&mut Channel> {
        match &mut self.contact {
            Contact::Open(channel) => Some(channel),
            Contact::Closed | Contact::Gone | Contact::Unmet(_) => None,
        }
    }
}

impl Chat {
    /// Which place a seat has that the broker says to be at `told`: the one that we know, and of those whom we did not know, one behind
    /// all who were there before them. A broker that forgot the room believes whoever brings it back, and who comes early in the order
    /// reads what was said before them and is numbered first among equal names.
    pub fn place(&self, member: MemberId, told: u32) -> u32 {
        match (self.known(member).filter(|known| known.has_seat()), self.before) {
            (Some(known), _) => known.seat.ordinal,
            (None, Some(before)) if told <= before => self.latest_seat().saturating_add(1),
            (None, _) => told,
        }
    }

    /// All are met whom the broker told of at once: whoever comes from now on comes behind them.
    pub fn met_all(&mut self) {
        self.before = Some(self.latest_seat());
    }

    /// The broker told of a seat, and its card opened. May be told again, and is with each new card.
    pub fn met(&mut self, seat: Seat, card: &Card) -> Vec<Order> {
        if let Some(known) = self.known_mut(seat.member) {
            (known.seat, known.card) = (seat, Some(card.clone()));
            if known.channel().is_none() {
                known.contact = Contact::Closed;
            }
            return Vec::new();
        }
        self.learn(Known { seat, card: Some(card.clone()), contact: Contact::Closed })
    }

    /// A card that another member handed on. The creator's is one alone, and judges switches of the history.
    pub(super) fn handed_card(&mut self, from: MemberId, card: Card) -> Vec<Order> {
        let member = card.verifying.owner();
        let is_welcome = self.known(member).is_none() && (member == self.creator || self.may_tell_of_one_more(from));
        if !is_welcome || card.proves(self.room).is_none() {
            return Vec::new();
        }
        // Its place is hearsay, and nobody is told anything by it.
        let seat = Seat { member, ordinal: 0, key: card.verifying };
        self.learn(Known { seat, card: Some(card), contact: Contact::Unmet(from) })
    }

    /// Each may tell of as many as there were seats before ours that the broker does not tell of: who makes members up takes the place of
    /// none that others tell of.
    fn may_tell_of_one_more(&self, teller: MemberId) -> bool {
        let (mut told, mut others) = (0, 0);
        for known in &self.seats {
            match known.contact {
                Contact::Unmet(by) => told += usize::from(by == teller),
                Contact::Open(_) | Contact::Closed | Contact::Gone => others += 1,
            }
        }
        told < MAX_SEATS && others + told <= self.latest_seat() as usize
    }

    fn learn(&mut self, known: Known) -> Vec<Order> {
        if self.seats.len() == MAX_KNOWN_SEATS {
            let Some(first) = self.seats.iter().position(|known| self.is_dispensable(known)) else { return Vec::new() };
            self.seats.remove(first);
        }
        let member = known.seat.member;
        self.seats.push(known);
        // Of what could not be read or came to nothing before, some may be this member's.
        self.read_again();
        if member == self.creator { self.judge_hearsay() } else { Vec::new() }
    }

    /// Whether nothing that is kept needs the card of somebody who is not back.
    fn is_dispensable(&self, known: &Known) -> bool {
        let member = known.seat.member;
        let is_away = matches!(known.contact, Contact::Gone | Contact::Unmet(_));
        is_away && member != self.creator && !self.log.entries().iter().any(|entry| entry.message.author == member)
    }

    /// What was set aside may be handed to us once more.
    pub(super) fn read_again(&mut self) {
        for channel in self.seats.iter_mut().filter_map(Known::channel_mut) {
            channel.unsettle();
        }
    }

    /// What was believed for want of the creator's key is known to be true by now, or forgotten.
    fn judge_hearsay(&mut self) -> Vec<Order> {
        let Some(switch) = self.hearsay.take() else { return Vec::new() };
        self.take(self.me.member, switch, false);
        vec![Order::Switched]
    }

    /// A seat was released. What its owner said stays.
    pub fn gone(&mut self, member: MemberId) {
        self.part(member, Contact::Gone);
        self.log.forget(member);
    }

    /// The channel to a member opened. The creator's card goes with it: by it the member tells forged switches of the history, whom the
    /// broker may not tell of the creator.
    pub fn opened(&mut self, member: MemberId) -> Vec<Order> {
        self.part(member, Contact::Open(Channel::new()));
        let mut orders: Vec<Order> = self.tell_digest(member).into_iter().collect();
        if let Some(card) = self.card_of(self.creator).filter(|_| !orders.is_empty()) {
            let message = PeerMessage::Lacked { cards: vec![card.clone()], messages: Vec::new() };
            orders.push(Order::Say { to: member, message });
        }
        orders
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

    /// What somebody calls themselves of whom the broker never told us.
    pub fn unmet_name(&self, member: MemberId) -> Option<&Username> {
        let known = self.known(member).filter(|known| known.is_unmet())?;
        Some(&known.card.as_ref()?.name)
    }

    /// What to call them: equal names get a number, as one of them may be made up.
    pub fn unmet_label(&self, member: MemberId) -> Option<String> {
        let name = self.unmet_name(member)?.as_str();
        let earlier = self.seats.iter().map(|known| known.seat.member).take_while(|known| *known != member);
        let alike = |known| self.unmet_name(known).is_some_and(|other| look_alike(other.as_str(), name));
        Some(match earlier.filter(|known| alike(*known)).count() {
            0 => name.to_owned(),
            alike => name.to_owned() + " (" + &(alike + 1).to_string() + ")",
        })
    }

    /// The card of somebody else. Even if they are here, the broker may not tell of them to whom it is handed.
    pub(super) fn card_of(&self, member: MemberId) -> Option<&Card> {
        self.known(member)?.card.as_ref()
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
