//! The chat of a room, as a pure state machine: every message reaches every member, once, in an order all agree on.
//!
//! Messages are signed by their authors, so anybody may pass them on. An author says a message to all whose channels are open. What that
//! misses (a link that is down, somebody who comes later or comes back) is found by comparing: once a second each member tells each other
//! a [digest](PeerMessage::Digest) of what it has. Where two digests differ, and go on to, each end says a [list](PeerMessage::Have) of what
//! it has, and is answered with the [rest](PeerMessage::Lacked), a bounded number at a time. We ask one member at a time, so that a newcomer
//! is not told everything by everybody. When an exchange leaves both as they were, the same two digests start no other: a room at rest
//! says nothing but digests.
//!
//! A message is handed on with its author's card, as a newcomer may not have it. What one member hands on and we
//! can't read, for want of a card, we ask no more of that member, and of the others as ever. What differs for good: messages of
//! authors whose cards nobody has any more. They can't be verified, and are not taken. What differs for a while: messages from so far in the
//! future that they can't be believed yet (`log`).
//!
//! Where the creator switched the history off, a message is for whoever had a seat when it was said. The author tells so in the message,
//! by the latest seat that it knew of: the order of seats is everybody's, and survives that pages are loaded again. Nobody hands on
//! or takes what is not for the one who would get it. It is a rule of honest pages, and no secret kept from dishonest ones. The switch is a
//! message too, and spreads as they do.
//!
//! The contract: tell facts, carry out the [`Order`]s that come back, in order, and call [`Chat::pulse`] once a second. Times are
//! milliseconds of a clock that does not run backwards, but for those that are said to be the wall's.
//!
//! Where things are: `log` keeps messages and their order, `channel` how we stand with one member, `seats` whom we know,
//! `exchange` what is heard and answered.

mod channel;
mod exchange;
mod log;
mod seats;

use klatch_shared::peer::{Authentic, ChatMessage, Moment, PeerMessage};
use klatch_shared::{MemberId, MessageId, RoomId};

use log::Log;
use seats::Known;

pub use seats::Seat;

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
        /// It is said just now, or came late: it was not here already when we entered.
        is_news: bool,
    },
    /// A message is kept no longer: ours can't be revised any more, and another's is to be shown to nobody any more, as who comes later is
    /// not told of it either.
    LetGo {
        /// Who wrote it.
        author: MemberId,
        /// Which.
        id: MessageId,
    },
    /// A message of ours is known to have reached a member, as it is now.
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

/// The chat.
#[derive(Clone, Debug)]
pub struct Chat {
    room: RoomId,
    me: Seat,
    creator: MemberId,
    log: Log,
    /// Of those whom we know, and ours.
    seats: Vec<Known>,
    /// The place of the latest who was here before whoever comes next. Of those who were here before us the broker alone tells.
    before: Option<u32>,
    /// The least time of a message that can't be believed yet.
    early: Option<u64>,
    /// The creator's card is not known, and somebody handed us this: nobody can prove to us that the history is off. We believe it until
    /// the card is known, which gives nothing away.
    hearsay: Option<ChatMessage>,
    /// Who is telling us what we lack, and until when the others wait.
    turn: Option<(MemberId, u64)>,
    /// When we asked last, or were last told something that we had asked for.
    answered: u64,
    /// We have had from somebody what there was when we entered.
    is_caught_up: bool,
}

impl Chat {
    /// Ours, as we enter the room at the time `wall` (milliseconds since 1970).
    pub fn new(room: RoomId, me: Seat, creator: MemberId, wall: u64) -> Self {
        Self {
            room,
            me,
            creator,
            log: Log::new(wall),
            seats: vec![Known::us(me)],
            before: None,
            early: None,
            hearsay: None,
            turn: None,
            answered: 0,
            is_caught_up: false,
        }
    }

    /// The greatest time of a message that we know of, and no less than when we entered.
    pub fn clock(&self) -> u64 {
        self.log.clock()
    }

    /// When a message is said that we say now; `wall` is the time by our clock, in milliseconds since 1970.
    pub fn moment(&self, wall: u64) -> Moment {
        Moment { sent: wall, at: wall.max(self.log.clock_at(wall).saturating_add(1)), last_seat: self.latest_seat() }
    }

    /// We say a message, or revise one, or switch the history: to all who are here.
    pub fn say(&mut self, message: Authentic) -> Vec<Order> {
        let said = ChatMessage::clone(&message);
        let mut orders = self.keep(message, false);
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
    /// and until another member hands it on would tell newcomers what is not for them. Its author is the creator, whomever a broker that
    /// forgot the room has for that.
    pub fn switch(&self) -> Option<&ChatMessage> {
        self.log.get(self.creator, MessageId::HISTORY)
    }

    /// The switch was kept with the seat, from before this page was loaded. To be told once the creator's seat is known.
    pub fn remembers(&mut self, switch: ChatMessage) -> Vec<Order> {
        self.creator = switch.author;
        self.take(self.me.member, switch, false)
    }

    /// Whether who comes is told what was said before.
    pub fn keeps_history(&self) -> bool {
        self.switch().map_or(self.hearsay.is_none(), |switch| switch.text.is_some())
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

    /// Whether a member is ever to have this message.
    pub fn is_for(&self, member: MemberId, message: &ChatMessage) -> bool {
        self.known(member).is_some_and(|known| self.lets(known.seat, message))
    }

    fn end_turn(&mut self, member: MemberId) {
        self.turn = self.turn.filter(|(whose, _)| *whose != member);
    }
}
