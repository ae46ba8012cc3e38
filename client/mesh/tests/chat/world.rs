//! A room, its members, the channels between them, and time.

use klatch_shared::peer::ChatText;
use klatch_shared::{MemberId, MessageId, RoomId, RoomKey, RoomKeys};

use crate::link::{Item, Link};
use crate::member::{Member, Said};

/// Milliseconds since 1970 as the world begins.
pub const DAWN: u64 = 1_700_000_000_000;

/// The world.
pub struct World {
    pub now: u64,
    pub room: RoomId,
    /// In the order of their seats.
    pub members: Vec<Member>,
    /// Of each two members, the earlier first.
    pub links: Vec<(usize, usize, Link)>,
    /// What was said first: by whom, which, and how many seats there were.
    pub said: Vec<(usize, MessageId, usize)>,
    /// Texts that were on the way, for those who play them again.
    pub overheard: Vec<String>,
    /// Texts other than digests that were said.
    pub traffic: usize,
    /// Bytes of messages that were handed on.
    pub handed: usize,
    /// Whether the history is off from the beginning: nothing may reach who comes later.
    pub is_off: bool,
    /// Who never goes, and is never loaded again.
    pub anchor: Option<usize>,
    /// The liar says nothing but lies.
    pub lies_only: bool,
    texts: usize,
}

impl World {
    /// A room with its creator.
    pub fn new() -> Self {
        let room = RoomKeys::derive(&RoomKey::random()).id();
        let creator = Member::new(room, None, 0, false, DAWN);
        Self {
            now: 0,
            room,
            members: vec![creator],
            links: Vec::new(),
            said: Vec::new(),
            overheard: Vec::new(),
            traffic: 0,
            handed: 0,
            is_off: false,
            anchor: None,
            lies_only: false,
            texts: 0,
        }
    }

    /// A room of so many, all connected, who know of each other and are at rest.
    pub fn of(count: usize) -> Self {
        let mut world = Self::new();
        for _ in 1..count {
            world.joins(false);
        }
        world.settles();
        world
    }

    /// The same, where the creator has switched the history off at first.
    pub fn without_history(count: usize) -> Self {
        let mut world = Self::new();
        world.is_off = true;
        world.switches(false);
        for _ in 1..count {
            world.joins(false);
            world.settles();
        }
        world
    }

    pub fn wall(&self) -> u64 {
        DAWN + self.now
    }

    /// Somebody takes a new seat; the broker will tell everybody.
    pub fn joins(&mut self, lies: bool) -> usize {
        let i = self.members.len();
        let creator = self.members[0].seat.member;
        let ordinal = u32::try_from(i).expect("few members");
        let mut member = Member::new(self.room, Some(creator), ordinal, lies, self.wall());
        for (j, other) in self.members.iter_mut().enumerate() {
            other.news.push_back(member.told());
            if !other.released {
                member.meets(&other.told());
            }
            self.links.push((j, i, Link::default()));
        }
        member.chat.met_all();
        self.members.push(member);
        i
    }

    /// A page is loaded again.
    pub fn reloads(&mut self, i: usize) {
        self.leaves(i);
        let seats: Vec<_> = self.members.iter().filter(|member| !member.released).map(Member::told).collect();
        let wall = self.wall();
        self.members[i].news.clear();
        self.members[i].reload(wall, &seats);
    }

    /// A page is closed.
    pub fn leaves(&mut self, i: usize) {
        self.members[i].here = false;
        for (a, b, link) in &mut self.links {
            if *a == i || *b == i {
                link.cut();
                link.ways[usize::from(*b == i)].clear();
            }
        }
    }

    pub fn says(&mut self, i: usize) -> MessageId {
        self.texts += 1;
        self.says_this(i, self.text("says"))
    }

    pub fn says_this(&mut self, i: usize, text: ChatText) -> MessageId {
        let wall = self.wall();
        let (message, said) = self.members[i].says(wall, text);
        self.said.push((i, message.id, self.members.len()));
        self.carry(i, said);
        message.id
    }

    pub fn edits(&mut self, i: usize, id: MessageId) {
        self.texts += 1;
        let text = self.text("means");
        let said = self.members[i].revises(id, Some(text));
        self.carry(i, said);
    }

    pub fn deletes(&mut self, i: usize, id: MessageId) {
        let said = self.members[i].revises(id, None);
        self.carry(i, said);
    }

    pub fn switches(&mut self, kept: bool) {
        let wall = self.wall();
        let said = self.members[0].switches(wall, kept);
        self.carry(0, said);
    }

    pub fn link(&mut self, a: usize, b: usize) -> &mut Link {
        let (a, b) = (a.min(b), a.max(b));
        let found = self.links.iter_mut().find(|(x, y, _)| (*x, *y) == (a, b));
        &mut found.expect("each two have a link").2
    }

    pub fn cut(&mut self, a: usize, b: usize) {
        self.link(a, b).cut();
    }

    /// The two connect, if both are here and know of each other.
    pub fn mend(&mut self, a: usize, b: usize) {
        let [one, other] = [&self.members[a], &self.members[b]];
        let know = one.knows.contains(&other.seat.member) && other.knows.contains(&one.seat.member);
        if one.here && other.here && know {
            self.link(a, b).mend();
        }
    }

    /// The broker tells a member the next thing that it has to tell.
    pub fn tells(&mut self, i: usize) -> bool {
        let news = self.members[i].news.pop_front();
        news.is_some_and(|told| {
            self.members[i].meets(&told);
            self.members[i].chat.met_all();
            true
        })
    }

    /// What waits on a link's way comes to its end.
    pub fn arrives(&mut self, link: usize, end: usize) -> bool {
        let (a, b, ref mut it) = self.links[link];
        let Some(item) = it.ways[end].pop_front() else { return false };
        let (to, from) = if end == 0 { (a, b) } else { (b, a) };
        let sender = self.members[from].seat.member;
        let said = match item {
            Item::Opened => self.members[to].opened(sender),
            Item::Closed => {
                self.members[to].closed(sender);
                vec![]
            }
            Item::Text(text) => {
                let member = &mut self.members[to];
                let strays = member.strays();
                let said = member.hears(self.now, sender, &text);
                let knows = self.is_off && !member.chat.keeps_history();
                assert!(!knows || member.strays() <= strays, "what is not for a member is taken");
                said
            }
        };
        self.carry(to, said);
        true
    }

    /// A second goes by for one member.
    pub fn pulses(&mut self, i: usize) {
        if self.members[i].here {
            let said = self.members[i].pulse(self.now, DAWN + self.now);
            self.carry(i, said);
        }
    }

    /// All that is on the way arrives.
    pub fn delivers_all(&mut self) {
        while (0..self.members.len()).any(|i| self.tells(i))
            || (0..self.links.len()).any(|link| self.arrives(link, 0) || self.arrives(link, 1))
        {}
    }

    /// A second goes by for all, and nothing is on the way any more.
    pub fn second(&mut self) {
        self.now += 1000;
        (0..self.members.len()).for_each(|i| self.pulses(i));
        self.delivers_all();
    }

    pub fn seconds(&mut self, count: usize) {
        (0..count).for_each(|_| self.second());
    }

    /// All who are here connect.
    pub fn mends_all(&mut self) {
        self.delivers_all();
        for at in 0..self.links.len() {
            let (a, b, _) = self.links[at];
            self.mend(a, b);
        }
        self.delivers_all();
    }

    /// All connect, and time goes by until nothing but digests is said; so many seconds.
    pub fn settles(&mut self) -> usize {
        self.mends_all();
        self.quietens()
    }

    /// Time goes by until nothing but digests is said for a while; so many seconds.
    pub fn quietens(&mut self) -> usize {
        let (mut quiet, mut seconds) = (0, 0);
        while quiet < 15 {
            let before = self.traffic;
            self.second();
            seconds += 1;
            quiet = if self.traffic == before { quiet + 1 } else { 0 };
            assert!(seconds < 600, "the room does not come to rest");
        }
        seconds - quiet
    }

    /// Puts what a member says on its way.
    pub fn carry(&mut self, from: usize, said: Vec<Said>) {
        if self.lies_only && self.members[from].lies {
            return;
        }
        for (to, text) in said {
            let to = self.index(to);
            // A newcomer whom nobody has told yet does not know of the switch, and may know of it once this arrives.
            if self.is_off && !self.members[from].lies && !self.members[from].chat.keeps_history() {
                self.check_privacy(to, &text);
            }
            if !text.starts_with(r#"{"say":"digest""#) {
                self.traffic += 1;
            }
            if text.starts_with(r#"{"say":"lacked""#) {
                self.handed += text.len();
            }
            if self.overheard.len() < 300 {
                self.overheard.push(text.clone());
            }
            self.link(from, to).say(usize::from(from > to), text);
        }
    }

    pub fn index(&self, member: MemberId) -> usize {
        self.members.iter().position(|it| it.seat.member == member).expect("a member")
    }

    pub fn text(&self, verb: &str) -> ChatText {
        format!("somebody {verb} {}", self.texts).parse().expect("a text")
    }
}
