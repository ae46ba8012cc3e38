//! The chat of a room, as a pure state machine: every message reaches every member, once, in an order all agree on.
//!
//! Messages are signed by their authors, so anybody may pass them on. An author says a message to all whose channels are open. What that
//! misses (a link that is down, somebody who comes later or comes back) is found by comparing: once a second each member tells each other
//! a [digest](PeerMessage::Digest) of what it has. Where two digests differ, and go on to, each end says a [list](PeerMessage::Have) of what
//! it has, and is answered with the [rest](PeerMessage::Lacked), a bounded number at a time. We ask one member at a time, so that a newcomer
//! is not told everything by everybody. When an exchange leaves both as they were, the same two digests start no other: a room at rest
//! says nothing but digests.
//!
//! What differs for good: messages of authors whose cards a newcomer never saw. They can't be verified, and are not taken.
//!
//! Where the creator switched the history off, a message is for whoever had a seat when it was said. The author tells so in the message,
//! by the latest seat that it knew of: the order of seats is everybody's, and survives that pages are loaded again. Nobody hands on
//! or takes what is not for the one who would get it. It is a rule of honest pages, and no secret kept from dishonest ones. The switch is a
//! message too, and spreads as they do.
//!
//! The contract: tell facts, carry out the [`Order`]s that come back, in order, and call [`Chat::pulse`] once a second. Times are
//! milliseconds of a clock that does not run backwards, but for those that are said to be the wall's.
//!
//! Where things are: `log` keeps messages and their order, `channel` how we stand with one member, `exchange` what is heard and answered.

mod channel;
mod exchange;
mod log;

use klatch_shared::limits::MAX_SEATS;
use klatch_shared::peer::{Authentic, ChatMessage, Moment, PeerMessage, Print};
use klatch_shared::{MemberId, MessageId, RoomId, VerifyingKey};

use channel::Channel;
use log::Log;

/// Seats that are remembered, those released long ago among them: their owners' messages can still be verified.
const MAX_KNOWN_SEATS: usize = 4 * MAX_SEATS;

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Tell a member.
    Say {
        /// Whom.
        to: MemberId,
        /// What.
        message: PeerMessage,
    },
    /// A message came, or was revised: show it, in its place among [`Chat::messages`].
    Show {
        /// Whose.
        author: MemberId,
        /// Which.
        id: MessageId,
    },
    /// A message of ours is known to have reached a member.
    Reached {
        /// Whom.
        member: MemberId,
        /// Which.
        id: MessageId,
    },
    /// The room's history was switched: show how it is now ([`Chat::keeps_history`]), and keep [`Chat::switch`] with the seat.
    Switched,
    /// Count something of a member's that was dropped: it was signed by nobody who is said to have signed it.
    Dropped {
        /// Who said it.
        from: MemberId,
    },
}

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
struct Known {
    seat: Seat,
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
}

impl Known {
    fn channel(&self) -> Option<&Channel> {
        match &self.contact {
            Contact::Open(channel) => Some(channel),
            Contact::Closed | Contact::Gone => None,
        }
    }

    fn channel_mut(&mut self) -> Option<&mut Channel> {
        match &mut self.contact {
            Contact::Open(channel) => Some(channel),
            Contact::Closed | Contact::Gone => None,
        }
    }
}

/// The chat.
#[derive(Clone, Debug)]
pub struct Chat {
    room: RoomId,
    me: Seat,
    creator: MemberId,
    log: Log,
    /// Of those whom we know, and ours.
    seats: Vec<Known>,
    /// What was handed to us and can't be verified, as its author's card is not known: we ask for it no more.
    strangers: Vec<Print>,
    /// The creator's card is not known, and somebody handed us a switch: nobody can prove to us that the history is off. We believe it,
    /// which gives nothing away.
    hearsay: bool,
    /// Who is telling us what we lack, and until when the others wait.
    turn: Option<(MemberId, u64)>,
}

impl Chat {
    /// Ours, as we enter the room at the time `wall` (milliseconds since 1970).
    pub fn new(room: RoomId, me: Seat, creator: MemberId, wall: u64) -> Self {
        let (log, seats) = (Log::new(wall), vec![Known { seat: me, contact: Contact::Closed }]);
        Self { room, me, creator, log, seats, strangers: Vec::new(), hearsay: false, turn: None }
    }

    /// The broker told of a seat, and its card opened. May be told again.
    pub fn met(&mut self, seat: Seat) {
        if let Some(known) = self.known_mut(seat.member) {
            if let Contact::Gone = known.contact {
                known.contact = Contact::Closed;
            }
            return;
        }
        if self.seats.len() == MAX_KNOWN_SEATS {
            let gone = self.seats.iter().position(|known| matches!(known.contact, Contact::Gone));
            let Some(first) = gone else { return };
            self.seats.remove(first);
        }
        self.seats.push(Known { seat, contact: Contact::Closed });
        // Of what could not be read or came to nothing before, some may be this member's.
        self.strangers.clear();
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

    /// The greatest time of a message that we know of, and no less than when we entered.
    pub fn clock(&self) -> u64 {
        self.log.clock()
    }

    /// When a message is said that we say now; `wall` is the time by our clock, in milliseconds since 1970.
    pub fn moment(&self, wall: u64) -> Moment {
        Moment { sent: wall, at: wall.max(self.log.clock().saturating_add(1)), last_seat: self.latest_seat() }
    }

    /// The place of the latest seat that we know of, released ones among them.
    pub fn latest_seat(&self) -> u32 {
        self.seats.iter().map(|known| known.seat.ordinal).max().unwrap_or_default()
    }

    /// We say a message, or revise one, or switch the history: to all who are here.
    pub fn say(&mut self, message: Authentic) -> Vec<Order> {
        let said = ChatMessage::clone(&message);
        let mut orders: Vec<Order> = self.keep(message).into_iter().collect();
        if orders.is_empty() {
            return orders;
        }
        for known in &self.seats {
            if known.channel().is_some() && self.lets(known.seat, &said) {
                orders.push(Order::Say { to: known.seat.member, message: PeerMessage::Chat { message: said.clone() } });
            }
        }
        orders
    }

    /// The switch of the room's history, where it was ever used. To be kept with the seat: a page that is loaded again has forgotten it,
    /// and until another member hands it on would tell newcomers what is not for them.
    pub fn switch(&self) -> Option<&ChatMessage> {
        self.log.get(self.creator, MessageId::HISTORY)
    }

    /// The switch was kept with the seat, from before this page was loaded. To be told once the creator's seat is known.
    pub fn remembers(&mut self, switch: ChatMessage) -> Vec<Order> {
        self.take(self.me.member, switch).into_iter().collect()
    }

    /// Whether who comes is told what was said before.
    pub fn keeps_history(&self) -> bool {
        self.switch().map_or(!self.hearsay, |switch| switch.text.is_some())
    }

    /// All messages, in the order all agree on, deleted ones among them.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &ChatMessage> {
        self.log.entries().iter().map(|entry| &entry.message).filter(|message| !message.is_switch())
    }

    /// A message as it is now. An id alone says nothing: whoever writes chooses it.
    pub fn message(&self, author: MemberId, id: MessageId) -> Option<&ChatMessage> {
        self.log.get(author, id)
    }

    /// Whether a member is to be told a message: where history is not kept, who was there. Those up to the last seat when it was
    /// switched off have seen all that there was.
    fn lets(&self, seat: Seat, message: &ChatMessage) -> bool {
        let seen = self.switch().map_or(0, |switch| switch.moment.last_seat).max(message.moment.last_seat);
        self.keeps_history() || message.is_switch() || seat.ordinal <= seen
    }

    fn known(&self, member: MemberId) -> Option<&Known> {
        self.seats.iter().find(|known| known.seat.member == member)
    }

    fn known_mut(&mut self, member: MemberId) -> Option<&mut Known> {
        self.seats.iter_mut().find(|known| known.seat.member == member)
    }

    fn open(&self, member: MemberId) -> Option<(&Channel, Seat)> {
        let known = self.known(member)?;
        Some((known.channel()?, known.seat))
    }

    fn end_turn(&mut self, member: MemberId) {
        self.turn = self.turn.filter(|(whose, _)| *whose != member);
    }
}
