//! What is said once a second, what is heard, and what is answered.

use klatch_shared::limits::{MAX_HANDED_MESSAGES, MAX_KEPT_MESSAGES, MAX_PEER_MESSAGE_BYTES};
use klatch_shared::peer::{Authentic, ChatMessage, Digest, PeerMessage, Print, Prints};
use klatch_shared::{MemberId, MessageId};

use super::channel::Channel;
use super::{Chat, Known, Order, Seat};

/// Who is asked has the turn for so long, and so long again with each news, but not longer than the second.
const PATIENCE: u64 = 3_000;
/// See [`PATIENCE`].
const LONGEST_TURN: u64 = 10_000;
/// A member is handed messages no sooner than so long after the last: once a pulse, and pulses may be early.
const HAND_PAUSE: u64 = 900;
/// A message on the channel is by less than so many bytes longer than what it says, before it is made text.
const ENVELOPE: usize = 150;

impl Chat {
    /// A second has gone by: hands on what members lack, and tells everybody our digest.
    pub fn pulse(&mut self, now: u64) -> Vec<Order> {
        let mut orders = Vec::new();
        for at in 0..self.seats.len() {
            let member = self.seats[at].seat.member;
            orders.extend(self.hand(now, member));
            orders.extend(self.tell_digest(member));
        }
        orders
    }

    pub(super) fn tell_digest(&self, to: MemberId) -> Option<Order> {
        let (_, seat) = self.open(to)?;
        let message = PeerMessage::Digest { digest: self.digest(seat), at: self.log.clock() };
        Some(Order::Say { to, message })
    }

    /// What we have of all that is for this member: the member, where nothing is missing, has the same.
    fn digest(&self, seat: Seat) -> Digest {
        Digest::of(&self.prints(&|message, _| self.lets(seat, message)))
    }

    fn prints(&self, which: &dyn Fn(&ChatMessage, Print) -> bool) -> Vec<Print> {
        let mut prints = Vec::new();
        for entry in self.log.entries() {
            if which(&entry.message, entry.print) {
                prints.push(entry.print);
            }
        }
        prints
    }

    /// A member told its digest and the greatest time that it knows of: [`PeerMessage::Digest`].
    pub fn heard_digest(&mut self, now: u64, from: MemberId, theirs: Digest, at: u64) -> Vec<Order> {
        self.log.hear_of(at);
        let Some((_, seat)) = self.open(from) else { return Vec::new() };
        let ours = self.digest(seat);
        let Some(channel) = self.channel_mut(from) else { return Vec::new() };
        if channel.compare(ours, theirs) {
            self.end_turn(from);
            return self.reached(from, &|_, _| true);
        }
        self.ask(now).into_iter().collect()
    }

    /// Says our list to whom we have not asked for longest among those who have something else, if it is nobody's turn.
    fn ask(&mut self, now: u64) -> Option<Order> {
        if self.turn.is_some_and(|(_, ends)| now < ends) {
            return None;
        }
        let waiting = |known: &Known| Some((known.channel()?.waits(now)?, known.seat.member));
        let (_, to) = self.seats.iter().filter_map(waiting).min()?;
        self.channel_mut(to)?.ask(now);
        self.turn = Some((to, now + PATIENCE));
        let mut prints = self.prints(&|_, _| true);
        prints.extend_from_slice(&self.strangers);
        Some(Order::Say { to, message: PeerMessage::Have { prints: Prints(prints) } })
    }

    /// A member told what it has: [`PeerMessage::Have`].
    pub fn heard_list(&mut self, now: u64, from: MemberId, list: &Prints) -> Vec<Order> {
        let owed = self.prints(&|_, print| !list.0.contains(&print));
        let Some(channel) = self.channel_mut(from) else { return Vec::new() };
        channel.owed = owed;
        let mut orders = self.reached(from, &|_, print| list.0.contains(&print));
        orders.extend(self.hand(now, from));
        orders
    }

    /// Hands a member some of what it lacks.
    fn hand(&mut self, now: u64, to: MemberId) -> Option<Order> {
        let (channel, seat) = self.open(to)?;
        if now < channel.hand_again {
            return None;
        }
        let (mut messages, mut bytes, mut done) = (Vec::new(), ENVELOPE, 0);
        for print in &channel.owed {
            if let Some(message) = self.log.find(*print).filter(|message| self.lets(seat, message)) {
                bytes += ENVELOPE + message.text.as_ref().map_or(0, |text| text.as_str().len());
                // Four characters for three bytes.
                if messages.len() == MAX_HANDED_MESSAGES || bytes > MAX_PEER_MESSAGE_BYTES / 4 * 3 {
                    break;
                }
                messages.push(message.clone());
            }
            done += 1;
        }
        let channel = self.channel_mut(to)?;
        channel.owed.drain(..done);
        if messages.is_empty() {
            return None;
        }
        channel.hand_again = now + HAND_PAUSE;
        Some(Order::Say { to, message: PeerMessage::Lacked { messages } })
    }

    /// A member handed us what we lack: [`PeerMessage::Lacked`].
    pub fn heard_lacked(&mut self, now: u64, from: MemberId, messages: Vec<ChatMessage>) -> Vec<Order> {
        let mut orders = Vec::new();
        for message in messages {
            orders.extend(self.take(from, message));
        }
        let is_news = orders.iter().any(|order| !matches!(order, Order::Dropped { .. }));
        let Some(channel) = self.channel_mut(from).filter(|_| is_news) else { return orders };
        channel.answered();
        let longest = channel.asked().unwrap_or_default() + LONGEST_TURN;
        if let Some((_, ends)) = self.turn.as_mut().filter(|(whose, _)| *whose == from) {
            *ends = longest.min(now + PATIENCE);
        }
        orders
    }

    /// A member said something: [`PeerMessage::Chat`].
    pub fn heard_message(&mut self, from: MemberId, message: ChatMessage) -> Vec<Order> {
        let (author, id) = (message.author, message.id);
        let mut orders: Vec<Order> = self.take(from, message).into_iter().collect();
        if author == from && self.log.get(author, id).is_some() {
            orders.push(Order::Say { to: from, message: PeerMessage::Received { id } });
        }
        orders
    }

    /// A message of ours arrived: [`PeerMessage::Received`].
    pub fn heard_received(&mut self, from: MemberId, id: MessageId) -> Vec<Order> {
        self.reached(from, &|message, _| message.id == id)
    }

    /// Takes in a message, unless we have it or better, or it is not for us, or nobody can tell yet whose it is.
    pub(super) fn take(&mut self, from: MemberId, message: ChatMessage) -> Option<Order> {
        let is_for_us = !message.is_switch() || message.author == self.creator;
        let is_wanted = match self.log.get(message.author, message.id) {
            Some(known) => message.follows(known),
            None => is_for_us && self.lets(self.me, &message),
        };
        if !is_wanted {
            return None;
        }
        let Some(author) = self.known(message.author) else {
            self.hearsay |= message.is_switch() && message.text.is_none();
            let print = message.print();
            self.strangers.retain(|known| *known != print);
            self.strangers.push(print);
            if self.strangers.len() > MAX_KEPT_MESSAGES {
                self.strangers.remove(0);
            }
            return None;
        };
        match message.by(self.room, &author.seat.key) {
            Some(message) => self.keep(message),
            None => Some(Order::Dropped { from }),
        }
    }

    /// Keeps a message; what is to be shown, if it is new.
    pub(super) fn keep(&mut self, message: Authentic) -> Option<Order> {
        let (author, id) = (message.author, message.id);
        let order = if message.is_switch() { Order::Switched } else { Order::Show { author, id } };
        self.log.take(message).then_some(order)
    }

    /// Notes which of our messages have reached a member.
    fn reached(&mut self, member: MemberId, has: &dyn Fn(&ChatMessage, Print) -> bool) -> Vec<Order> {
        let mut orders = Vec::new();
        let Some(seat) = self.known(member).map(|known| known.seat) else { return orders };
        for print in self.prints(&|it, print| it.author == self.me.member && has(it, print) && self.lets(seat, it)) {
            orders.extend(self.log.note(print, member).map(|id| Order::Reached { member, id }));
        }
        orders
    }

    fn channel_mut(&mut self, member: MemberId) -> Option<&mut Channel> {
        self.known_mut(member)?.channel_mut()
    }
}
