//! What newcomers read of those who left, whoever tells of them, and what is kept of those who come and go.

use klatch_mesh::chat::{Chat, Order, Seat};
use klatch_shared::peer::{ChatMessage, Digest, Moment, PeerMessage};
use klatch_shared::{Card, MemberId, MemberKeys};

use crate::member::Member;
use crate::stories::texts;
use crate::world::World;

impl World {
    /// A page is as it would be if the broker had told it that this is its seat and of so many of the first ones.
    pub fn begins_again(&mut self, i: usize, me: Seat, count: usize) {
        self.leaves(i);
        let (wall, creator) = (self.wall(), self.members[0].seat.member);
        let known: Vec<_> = self.members[..count].iter().map(Member::told).collect();
        self.members[i].news.clear();
        self.members[i].reload(wall, &known);
        self.members[i].chat = Chat::new(self.room, me, creator, wall);
        known.iter().for_each(|told| self.members[i].meets(told));
    }

    /// A page is closed, and its seat released.
    pub fn releases(&mut self, i: usize) {
        self.leaves(i);
        self.delivers_all();
        self.members[i].released = true;
        let gone = self.members[i].seat.member;
        self.members.iter_mut().for_each(|member| member.chat.gone(gone));
    }

    /// All that is on the way arrives, but nothing at one of them.
    pub fn delivers_all_but(&mut self, deaf: usize) {
        let arrives = |world: &mut Self, link: usize| {
            let (a, b, _) = world.links[link];
            a != deaf && world.arrives(link, 0) || b != deaf && world.arrives(link, 1)
        };
        while (0..self.members.len()).any(|i| self.tells(i)) || (0..self.links.len()).any(|link| arrives(self, link)) {}
    }

    /// The card and a message of somebody who never was.
    pub fn made_up_member(&self, name: &str, text: &str) -> (Card, ChatMessage) {
        let (keys, moment) = (MemberKeys::random(), Moment { sent: 1, at: 1, last_seat: u32::MAX });
        let member = keys.verifying().owner();
        let card = Card::new(self.room, &keys, name.parse().expect("a name"), 0);
        let message = ChatMessage::say(self.room, member, &keys, moment, text.parse().expect("a text"));
        (card, message.into_inner())
    }
}

/// 0 and a liar stay, 1 said something and released its seat. Somebody comes who has heard of nothing yet but the liar's lies.
struct Departure {
    world: World,
    liar: usize,
    newcomer: usize,
}

impl Departure {
    fn new() -> Self {
        let mut world = World::of(2);
        let liar = world.joins(true);
        world.settles();
        world.says(1);
        world.settles();
        world.releases(1);
        let newcomer = world.joins(false);
        world.delivers_all();
        world.mend(liar, newcomer);
        world.delivers_all_but(liar);
        Self { world, liar, newcomer }
    }

    fn lie(&mut self, cards: Vec<Card>, messages: Vec<ChatMessage>) {
        self.world.lie(self.liar, self.newcomer, &PeerMessage::Lacked { cards, messages });
        self.world.delivers_all_but(self.liar);
    }

    /// The newcomer connects with 0 too. Whether it reads what 1 said.
    fn reads_who_left(&mut self) -> bool {
        self.world.mend(0, self.newcomer);
        self.world.delivers_all_but(self.liar);
        for _ in 0..20 {
            self.world.second();
        }
        self.reads(self.newcomer)
    }

    fn reads(&self, who: usize) -> bool {
        texts(&self.world.members[who]).iter().any(|text| text.starts_with("somebody says"))
    }

    fn label(&self, who: usize, author: MemberId) -> Option<String> {
        self.world.members[who].chat.unmet_label(author)
    }
}

#[test]
fn who_hands_a_message_without_its_card_keeps_it_from_nobody() {
    let mut departure = Departure::new();
    let message = departure.world.members[departure.liar].chat.messages().next().cloned().expect("it was heard");
    departure.lie(vec![], vec![message]);
    assert!(!departure.reads(departure.newcomer), "nobody can tell whose it is");
    assert!(departure.reads_who_left());
}

#[test]
fn who_makes_members_up_takes_the_place_of_none_and_no_name_of_theirs() {
    let mut departure = Departure::new();
    let (card, message) = departure.world.made_up_member("Member 1", "I owe the liar money");
    let (made_up, real) = (message.author, departure.world.members[1].seat.member);
    departure.lie(vec![card], vec![message]);
    assert!(departure.reads_who_left());
    let labels = [made_up, real].map(|author| departure.label(departure.newcomer, author).expect("a card was handed"));
    assert_eq!(labels, ["Member 1", "Member 1 (2)"]);
}

#[test]
fn who_believed_a_liar_tells_others_first_what_they_know_themselves() {
    let mut departure = Departure::new();
    let (card, message) = departure.world.made_up_member("Member 1", "I owe the liar money");
    departure.lie(vec![card], vec![message]);
    assert!(departure.reads_who_left());
    // Somebody else, whom the newcomer has met, says something and goes too.
    let Departure { mut world, newcomer, .. } = departure;
    let author = world.joins(false);
    world.settles();
    world.says(author);
    world.settles();
    world.releases(author);
    let last = world.joins(false);
    world.delivers_all();
    world.mend(newcomer, last);
    world.quietens();
    let author = world.members[author].seat.member;
    assert!(world.members[last].chat.messages().any(|message| message.author == author));
}

#[test]
fn who_comes_and_goes_for_ever_drives_nobodys_card_out() {
    let mut world = World::of(3);
    world.says(1);
    world.settles();
    world.releases(1);
    for ordinal in 3..1_000 {
        let keys = MemberKeys::random();
        let seat = Seat { member: keys.verifying().owner(), ordinal, key: keys.verifying() };
        let card = Card::new(world.room, &keys, "Mal".parse().expect("a name"), 0);
        for i in [0, 2] {
            world.members[i].meets(&(seat, card.clone()));
            world.members[i].chat.gone(seat.member);
        }
    }
    let newcomer = world.joins(false);
    world.delivers_all();
    let me = Seat { ordinal: 1_000, ..world.members[newcomer].seat };
    world.begins_again(newcomer, me, 0);
    for i in [0, 2] {
        let told = world.members[i].told();
        world.members[newcomer].meets(&told);
    }
    world.settles();
    assert_eq!(texts(&world.members[newcomer]).len(), 1);
}

#[test]
fn of_a_released_seat_it_is_not_remembered_what_reached_it() {
    let mut world = World::of(2);
    let id = world.says(0);
    world.settles();
    let (told, chat) = (world.members[1].told(), &mut world.members[0].chat);
    let member = told.0.member;
    let print = chat.messages().next().expect("it was said").print();
    let hears = |chat: &mut Chat| {
        chat.opened(member);
        chat.heard_digest(60_000, member, Digest::of(&[print]), 0)
    };
    assert!(hears(chat).is_empty(), "it was told already");
    chat.gone(member);
    chat.met(told.0, &told.1);
    assert_eq!(hears(chat), [Order::Reached { member, id }]);
}
