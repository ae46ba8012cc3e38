//! One member: a chat, and the driver that carries out its orders.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use klatch_mesh::chat::{Chat, Order, Seat};
use klatch_shared::limits::{MAX_KEPT_MESSAGES, MAX_PEER_MESSAGE_BYTES};
use klatch_shared::peer::{ChatMessage, ChatText, PeerMessage};
use klatch_shared::{MemberId, MemberKeys, MessageId, RoomId};

/// How wrong a member's clock is at most: by some months.
const WRONG: u64 = 10_000_000_000;

/// To whom, what.
pub type Said = (MemberId, String);

/// A member.
pub struct Member {
    pub keys: MemberKeys,
    pub seat: Seat,
    pub chat: Chat,
    /// Has a page open.
    pub here: bool,
    pub lies: bool,
    /// What the broker is about to tell.
    pub news: VecDeque<Seat>,
    /// Whom the broker told of.
    pub knows: BTreeSet<MemberId>,
    /// What the page shows.
    pub shown: BTreeMap<(MemberId, MessageId), ChatMessage>,
    /// Which of our messages are known to have reached whom.
    pub reached: BTreeSet<(MessageId, MemberId)>,
    pub dropped: usize,
    room: RoomId,
    creator: MemberId,
    /// How wrong this machine's clock is.
    skew: u64,
}

impl Member {
    pub fn new(room: RoomId, creator: Option<MemberId>, ordinal: u32, lies: bool, wall: u64) -> Self {
        let keys = MemberKeys::random();
        let member = MemberId::random();
        let seat = Seat { member, ordinal, key: keys.verifying() };
        let creator = creator.unwrap_or(member);
        let skew = [0, 300_000, 7_000, WRONG][ordinal as usize % 4];
        Self {
            keys,
            seat,
            chat: Chat::new(room, seat, creator, wall + skew),
            here: true,
            lies,
            news: VecDeque::new(),
            knows: BTreeSet::new(),
            shown: BTreeMap::new(),
            reached: BTreeSet::new(),
            dropped: 0,
            room,
            creator,
            skew,
        }
    }

    /// The page is loaded again: all that it had is gone, but for what is kept with the seat.
    pub fn reload(&mut self, wall: u64, seats: &[Seat]) {
        let switch = self.chat.switch().cloned();
        self.chat = Chat::new(self.room, self.seat, self.creator, wall + self.skew);
        self.knows.clear();
        self.shown.clear();
        self.reached.clear();
        self.here = true;
        seats.iter().for_each(|seat| self.meets(*seat));
        if let Some(switch) = switch {
            let orders = self.chat.remembers(switch);
            assert!(self.carry_out(orders).is_empty());
        }
    }

    /// The broker tells of a seat.
    pub fn meets(&mut self, seat: Seat) {
        self.chat.met(seat);
        self.knows.insert(seat.member);
    }

    /// Says something new.
    pub fn says(&mut self, wall: u64, text: ChatText) -> (ChatMessage, Vec<Said>) {
        let moment = self.chat.moment(wall + self.skew);
        let latest = self.chat.messages().map(|it| it.moment.at).max().filter(|at| *at < wall + 2 * WRONG);
        assert!(latest < Some(moment.at), "a message is later than all that its author has seen");
        let message = ChatMessage::say(self.room, self.seat.member, &self.keys, moment, text);
        let said = ChatMessage::clone(&message);
        let orders = self.chat.say(message);
        (said, self.carry_out(orders))
    }

    /// Revises a message, if it is still known.
    pub fn revises(&mut self, id: MessageId, text: Option<ChatText>) -> Vec<Said> {
        let known = self.chat.message(self.seat.member, id);
        let Some(revised) = known.and_then(|known| known.revised(self.room, &self.keys, text)) else { return vec![] };
        let orders = self.chat.say(revised);
        self.carry_out(orders)
    }

    /// The creator switches the room's history.
    pub fn switches(&mut self, wall: u64, kept: bool) -> Vec<Said> {
        let (moment, before) = (self.chat.moment(wall + self.skew), self.chat.switch());
        let switch = ChatMessage::switch(self.room, self.seat.member, &self.keys, before, moment, kept);
        let orders = self.chat.say(switch);
        self.carry_out(orders)
    }

    /// Messages that were said before this member came, by what their authors say.
    pub fn strays(&self) -> usize {
        self.chat.messages().filter(|message| message.moment.last_seat < self.seat.ordinal).count()
    }

    pub fn pulse(&mut self, now: u64) -> Vec<Said> {
        let orders = self.chat.pulse(now);
        self.carry_out(orders)
    }

    pub fn opened(&mut self, with: MemberId) -> Vec<Said> {
        let orders = self.chat.opened(with);
        self.carry_out(orders)
    }

    pub fn closed(&mut self, with: MemberId) {
        self.chat.closed(with);
    }

    /// Hears a text.
    pub fn hears(&mut self, now: u64, from: MemberId, text: &str) -> Vec<Said> {
        let Ok(message) = PeerMessage::parse(text) else {
            self.dropped += 1;
            return vec![];
        };
        let orders = match message {
            PeerMessage::Chat { message } => self.chat.heard_message(from, message),
            PeerMessage::Received { id } => self.chat.heard_received(from, id),
            PeerMessage::Digest { digest, at } => self.chat.heard_digest(now, from, digest, at),
            PeerMessage::Have { prints } => self.chat.heard_list(now, from, &prints),
            PeerMessage::Lacked { messages } => self.chat.heard_lacked(now, from, messages),
            PeerMessage::Sends(_)
            | PeerMessage::Wants(_)
            | PeerMessage::Bye
            | PeerMessage::Pulse { .. }
            | PeerMessage::Signal(_) => vec![],
        };
        self.carry_out(orders)
    }

    fn carry_out(&mut self, orders: Vec<Order>) -> Vec<Said> {
        assert!(self.chat.messages().count() <= MAX_KEPT_MESSAGES, "a chat grows beyond its bound");
        let mut out = Vec::new();
        for order in orders {
            match order {
                Order::Say { to, message } => {
                    let text = message.to_text();
                    assert!(text.len() <= MAX_PEER_MESSAGE_BYTES, "a message does not fit the channel");
                    out.push((to, text));
                }
                Order::Show { author, id } => {
                    if let Some(message) = self.chat.message(author, id) {
                        self.shown.insert((author, id), message.clone());
                    }
                }
                Order::Reached { member, id } => {
                    assert!(self.reached.insert((id, member)), "a receipt comes once");
                }
                Order::Switched => {}
                Order::Dropped { .. } => self.dropped += 1,
            }
        }
        out
    }
}
