//! What is said once a second, what is heard, and what is answered.

use klatch_shared::limits::{CARD_BYTES, MAX_HANDED_MESSAGES, MAX_PEER_MESSAGE_BYTES};
use klatch_shared::peer::{Authentic, ChatMessage, Digest, PeerMessage, Print, Prints};
use klatch_shared::{Card, MemberId, MessageId};

use super::log::Taken;
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
    /// A second has gone by, and it is `wall` by our clock: hands on what members lack, and tells everybody our digest.
    pub fn pulse(&mut self, now: u64, wall: u64) -> Vec<Order> {
        self.log.tell_time(wall);
        if self.early.is_some_and(|at| !self.log.is_early(at)) {
            self.early = None;
            self.read_again();
        }
        let mut orders = Vec::new();
        let open = self.seats.iter().filter(|known| known.channel().is_some()).map(|known| known.seat.member);
        for member in open.collect::<Vec<_>>() {
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
        let (is_equal, was_asked) = (channel.compare(ours, theirs), channel.asked().is_some());
        self.is_caught_up |= is_equal || was_asked && now >= self.answered + PATIENCE;
        if is_equal {
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
        (self.turn, self.answered) = (Some((to, now + PATIENCE)), now);
        let mut prints = self.prints(&|_, _| true);
        let aside = self.channel_mut(to)?.ask(now);
        prints.extend_from_slice(aside);
        let aside = aside.len() as u16;
        Some(Order::Say { to, message: PeerMessage::Have { prints: Prints(prints), aside } })
    }

    /// A member told what it has, and has set `aside`: [`PeerMessage::Have`]. What we only heard of from others, who may have made it up, comes
    /// last.
    pub fn heard_list(&mut self, now: u64, from: MemberId, list: &Prints, aside: u16) -> Vec<Order> {
        let is_hearsay = |message: &ChatMessage| self.known(message.author).is_some_and(Known::is_unmet);
        let lacking = |hearsay| self.prints(&|it, print| !list.0.contains(&print) && is_hearsay(it) == hearsay);
        let mut owed = lacking(false);
        owed.extend_from_slice(&lacking(true));
        let Some(channel) = self.channel_mut(from) else { return Vec::new() };
        channel.owed = owed;
        let kept = &list.0[..list.0.len().saturating_sub(aside.into())];
        let mut orders = self.reached(from, &|_, print| kept.contains(&print));
        orders.extend(self.hand(now, from));
        orders
    }

    /// Hands a member some of what it lacks.
    fn hand(&mut self, now: u64, to: MemberId) -> Option<Order> {
        let (channel, seat) = self.open(to)?;
        if now < channel.hand_again {
            return None;
        }
        let (mut cards, mut messages, mut bytes, mut done) = (Vec::<Card>::new(), Vec::new(), ENVELOPE, 0);
        for print in &channel.owed {
            if let Some(message) = self.log.find(*print).filter(|message| self.lets(seat, message)) {
                bytes += ENVELOPE + message.text.as_ref().map_or(0, |text| text.as_str().len());
                let card = self.card_of(message.author).filter(|card| !cards.contains(card));
                bytes += card.map_or(0, |_| CARD_BYTES);
                // Four characters for three bytes.
                if messages.len() == MAX_HANDED_MESSAGES || bytes > MAX_PEER_MESSAGE_BYTES / 4 * 3 {
                    break;
                }
                messages.push(message.clone());
                cards.extend(card.cloned());
            }
            done += 1;
        }
        let channel = self.channel_mut(to)?;
        channel.owed.drain(..done);
        if messages.is_empty() {
            return None;
        }
        channel.hand_again = now + HAND_PAUSE;
        Some(Order::Say { to, message: PeerMessage::Lacked { cards, messages } })
    }

    /// A member handed us what we lack: [`PeerMessage::Lacked`].
    pub fn heard_lacked(
        &mut self,
        now: u64,
        from: MemberId,
        cards: Vec<Card>,
        messages: Vec<ChatMessage>,
    ) -> Vec<Order> {
        let is_news = self.is_caught_up;
        let mut orders: Vec<Order> = Vec::new();
        for card in cards {
            orders.extend(self.handed_card(from, card));
        }
        for message in messages {
            orders.extend(self.take(from, message, is_news));
        }
        let is_answer = orders.iter().any(|order| !matches!(order, Order::Dropped { .. }));
        if !is_answer {
            return orders;
        }
        self.answered = now;
        let Some(channel) = self.channel_mut(from) else { return orders };
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
        let is_its_own = author == from;
        let mut orders = self.take(from, message, is_its_own);
        if let Some(kept) = self.log.get(author, id).filter(|_| is_its_own) {
            let prints = Prints(vec![kept.print()]);
            orders.push(Order::Say { to: from, message: PeerMessage::Received { prints } });
        }
        orders
    }

    /// Messages of ours arrived: [`PeerMessage::Received`].
    pub fn heard_received(&mut self, from: MemberId, prints: &Prints) -> Vec<Order> {
        self.reached(from, &|_, print| prints.0.contains(&print))
    }

    /// Takes in a message, unless we have it or better, or it is not for us, or nobody can tell yet whose it is or whether its time will come.
    pub(super) fn take(&mut self, from: MemberId, message: ChatMessage, is_news: bool) -> Vec<Order> {
        let is_for_us = !message.is_switch() || message.author == self.creator;
        let is_wanted = match self.log.get(message.author, message.id) {
            Some(known) => message.follows(known),
            None => is_for_us && self.lets(self.me, &message),
        };
        if !is_wanted {
            return Vec::new();
        }
        let at = message.moment.at;
        if self.log.is_early(at) {
            self.early = Some(self.early.map_or(at, |earliest| earliest.min(at)));
            self.set_aside(from, &message);
            return Vec::new();
        }
        let Some(author) = self.known(message.author) else {
            self.set_aside(from, &message);
            return if message.is_switch() && message.text.is_none() && self.hearsay.is_none() {
                self.hearsay = Some(message);
                vec![Order::Switched]
            } else {
                Vec::new()
            };
        };
        match message.by(self.room, &author.seat.key) {
            Some(message) => self.keep(message, is_news),
            // Who met the author may know another key of theirs, which is the author's fault.
            None if author.is_unmet() => Vec::new(),
            None => vec![Order::Dropped { from }],
        }
    }

    /// Asks this member no more for what can't be read yet.
    fn set_aside(&mut self, from: MemberId, message: &ChatMessage) {
        if let Some(channel) = self.channel_mut(from) {
            channel.set_aside(message.print());
        }
    }

    /// Keeps a message; what is to be shown, if it is new.
    pub(super) fn keep(&mut self, message: Authentic, is_news: bool) -> Vec<Order> {
        let (author, id) = (message.author, message.id);
        let is_news = is_news && message.text.is_some();
        let mut orders = Vec::new();
        let let_go = match self.log.take(message) {
            Taken::Not => return orders,
            Taken::In => None,
            Taken::For(author, id) => Some(Order::LetGo { author, id }),
        };
        orders.push(if id == MessageId::HISTORY { Order::Switched } else { Order::Show { author, id, is_news } });
        orders.extend(let_go);
        orders
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
}
