//! One member: a chat, and the driver that carries out its orders.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use klatch_mesh::chat::{Chat, Order, Seat};
use klatch_shared::limits::{MAX_KEPT_MESSAGES, MAX_PEER_MESSAGE_BYTES};
use klatch_shared::peer::{ChatMessage, ChatText, PeerMessage};
use klatch_shared::{Card, MemberId, MemberKeys, MessageId, RoomId};

/// How wrong a member's clock is at most: by some months.
pub const WRONG: u64 = 10_000_000_000;

/// What is believed is at most so far ahead.
pub const HORIZON: u64 = 366 * DAY;
/// And followed two of these less far.
pub const DAY: u64 = 24 * 60 * 60 * 1000;

/// To whom, what.
pub type Said = (MemberId, String);

/// A member.
pub struct Member {
    pub keys: MemberKeys,
    pub seat: Seat,
    pub card: Card,
    pub chat: Chat,
    /// Has a page open.
    pub here: bool,
    /// The seat was given up.
    pub released: bool,
    pub lies: bool,
    /// What the broker is about to tell.
    pub news: VecDeque<(Seat, Card)>,
    /// Whom the broker told of.
    pub knows: BTreeSet<MemberId>,
    /// What the page shows.
    pub shown: BTreeMap<(MemberId, MessageId), ChatMessage>,
    /// Which of those were news.
    pub news_shown: BTreeSet<MessageId>,
    /// Whether the page says that who comes is told what was said before.
    pub shows_history: bool,
    /// Which of our messages, as they are now, are known to have reached whom.
    pub reached: BTreeSet<(MessageId, MemberId)>,
    /// Which of our messages can't be revised any more.
    pub let_go: BTreeSet<MessageId>,
    pub dropped: usize,
    room: RoomId,
    creator: MemberId,
    /// How wrong this machine's clock is.
    skew: u64,
}

impl Member {
    pub fn new(room: RoomId, creator: Option<MemberId>, ordinal: u32, lies: bool, wall: u64) -> Self {
        let keys = MemberKeys::random();
        let member = keys.verifying().owner();
        let card = Card::new(room, &keys, format!("Member {ordinal}").parse().expect("a name"), 0);
        let seat = Seat { member, ordinal, key: keys.verifying() };
        let creator = creator.unwrap_or(member);
        let skew = [0, 300_000, 7_000, WRONG][ordinal as usize % 4];
        Self {
            keys,
            seat,
            card,
            chat: Chat::new(room, seat, creator, wall + skew),
            here: true,
            released: false,
            lies,
            news: VecDeque::new(),
            knows: BTreeSet::new(),
            shown: BTreeMap::new(),
            news_shown: BTreeSet::new(),
            shows_history: true,
            reached: BTreeSet::new(),
            let_go: BTreeSet::new(),
            dropped: 0,
            room,
            creator,
            skew,
        }
    }

    /// The page is loaded again: all that it had is gone, but for what is kept with the seat.
    pub fn reload(&mut self, wall: u64, seats: &[(Seat, Card)]) {
        let switch = self.chat.switch().cloned();
        self.chat = Chat::new(self.room, self.seat, self.creator, wall + self.skew);
        self.knows.clear();
        self.shown.clear();
        self.news_shown.clear();
        self.shows_history = true;
        self.reached.clear();
        self.let_go.clear();
        self.here = true;
        seats.iter().for_each(|told| self.meets(told));
        self.chat.met_all();
        if let Some(switch) = switch {
            self.remembers(switch);
        }
    }

    /// The switch was kept with the seat.
    pub fn remembers(&mut self, switch: ChatMessage) {
        let orders = self.chat.remembers(switch);
        assert!(self.carry_out(orders).is_empty());
    }

    /// The broker tells of a seat.
    pub fn meets(&mut self, (seat, card): &(Seat, Card)) {
        let seat = Seat { ordinal: self.chat.place(seat.member, seat.ordinal), ..*seat };
        let orders = self.chat.met(seat, card);
        assert!(self.carry_out(orders).is_empty());
        self.knows.insert(seat.member);
    }

    /// Somebody sets the machine's clock, which is hours wrong from now on.
    pub fn sets_clock(&mut self) {
        self.skew %= DAY;
    }

    /// What the broker tells of us.
    pub fn told(&self) -> (Seat, Card) {
        (self.seat, self.card.clone())
    }

    /// Says something new.
    pub fn says(&mut self, wall: u64, text: ChatText) -> (ChatMessage, Vec<Said>) {
        let moment = self.chat.moment(wall + self.skew);
        // What is believed so far ahead is not followed yet.
        let followed = wall + self.skew + HORIZON - 2 * DAY;
        let latest = self.chat.messages().map(|it| it.moment.at).filter(|at| *at <= followed).max();
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

    pub fn pulse(&mut self, now: u64, wall: u64) -> Vec<Said> {
        let orders = self.chat.pulse(now, wall + self.skew);
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
            PeerMessage::Received { prints } => self.chat.heard_received(from, &prints),
            PeerMessage::Digest { digest, at } => self.chat.heard_digest(now, from, digest, at),
            PeerMessage::Have { prints, aside } => self.chat.heard_list(now, from, &prints, aside),
            PeerMessage::Lacked { cards, messages } => self.chat.heard_lacked(now, from, cards, messages),
            PeerMessage::Sends(_)
            | PeerMessage::Wants(_)
            | PeerMessage::Bye { .. }
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
                Order::Show { author, id, is_news } => {
                    if is_news && !self.shown.contains_key(&(author, id)) {
                        self.news_shown.insert(id);
                    }
                    if let Some(message) = self.chat.message(author, id) {
                        self.reached.retain(|(known, _)| author != self.seat.member || *known != id);
                        self.shown.insert((author, id), message.clone());
                    }
                }
                Order::Reached { member, id } => {
                    assert!(self.reached.insert((id, member)), "a receipt comes once");
                }
                Order::Switched => {
                    self.reached.retain(|(id, _)| *id != MessageId::HISTORY);
                    self.shows_history = self.chat.keeps_history();
                }
                Order::LetGo { author, id } => {
                    assert!(self.chat.message(author, id).is_none());
                    if author == self.seat.member {
                        assert!(self.let_go.insert(id));
                    } else {
                        self.shown.remove(&(author, id));
                    }
                }
                Order::Dropped { .. } => self.dropped += 1,
            }
        }
        out
    }
}
