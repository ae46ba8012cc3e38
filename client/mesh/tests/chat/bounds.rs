//! How much is said and kept, whoever is in the room.

use klatch_mesh::chat::Seat;
use klatch_shared::limits::{MAX_CHAT_CHARS, MAX_KEPT_MESSAGES};
use klatch_shared::peer::{ChatMessage, Moment, PeerMessage, Prints};
use klatch_shared::{Card, MemberKeys};

use crate::stories::{all_have, texts};
use crate::world::World;

#[test]
fn a_newcomer_is_told_some_twenty_messages_a_second_the_oldest_first() {
    let mut world = World::of(2);
    for _ in 0..100 {
        world.says(0);
    }
    world.settles();
    let newcomer = world.joins(false);
    world.mends_all();
    let old = texts(&world.members[0]);
    assert_eq!(texts(&world.members[newcomer]), old[..24]);
    world.second();
    assert_eq!(texts(&world.members[newcomer]), old[..48]);
    world.seconds(3);
    assert_eq!(texts(&world.members[newcomer]), old);
}

#[test]
fn a_room_at_rest_says_nothing_but_one_digest_a_second_to_each() {
    let mut world = World::of(4);
    world.says(0);
    world.settles();
    let traffic = world.traffic;
    world.seconds(60);
    assert_eq!(world.traffic, traffic);
    let (now, wall) = (world.now + 1000, world.wall());
    let said = world.members[0].pulse(now, wall);
    assert_eq!(said.len(), 3);
    assert!(said.iter().all(|(_, text)| text.len() < 100));
}

#[test]
fn what_cannot_be_verified_is_not_asked_for_again_until_its_author_is_met() {
    let mut world = World::of(3);
    let known = world.joins(false);
    let author = world.joins(false);
    world.settles();
    for _ in 0..5 {
        world.says(author);
    }
    world.settles();
    world.leaves(author);
    // One who does not know of the author, and who as far as they know came before there was another seat.
    let told = world.members[author].told();
    let newcomer = world.joins(false);
    let me = Seat { ordinal: 0, ..world.members[newcomer].seat };
    world.begins_again(newcomer, me, known + 1);
    world.settles();
    assert_eq!(world.members[newcomer].chat.messages().count(), 0);
    let handed = world.handed;
    for _ in 0..5 {
        world.says(0);
        world.seconds(15);
    }
    assert_eq!(world.handed, handed);
    world.members[newcomer].meets(&told);
    world.quietens();
    assert_eq!(world.members[newcomer].chat.messages().count(), 10);
}

#[test]
fn no_more_members_are_made_up_than_there_were_seats() {
    let mut world = World::of(2);
    let released = world.joins(false);
    let liar = world.joins(true);
    world.settles();
    world.releases(released);
    let newcomer = world.joins(false);
    let me = world.members[newcomer].seat;
    world.begins_again(newcomer, me, released);
    let told = world.members[liar].told();
    world.members[newcomer].meets(&told);
    world.settles();
    let (mut cards, mut messages) = (vec![], vec![]);
    for at in 1..=9 {
        let keys = MemberKeys::random();
        let (member, moment) = (keys.verifying().owner(), Moment { sent: at, at, last_seat: 0 });
        cards.push(Card::new(world.room, &keys, "Nobody".parse().expect("a name"), 0));
        messages.push(ChatMessage::say(world.room, member, &keys, moment, world.text("was")).into_inner());
    }
    world.lie(liar, newcomer, &PeerMessage::Lacked { cards, messages });
    world.settles();
    assert_eq!([newcomer, 0].map(|i| world.members[i].chat.messages().count()), [1, 0]);
}

#[test]
fn two_full_halves_become_one_and_fall_silent() {
    let mut world = World::of(4);
    for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        world.cut(a, b);
    }
    world.delivers_all();
    for said in 0..MAX_KEPT_MESSAGES + 50 {
        world.says(if said % 5 == 0 { 1 } else { 0 });
        world.says(if said % 3 == 0 { 3 } else { 2 });
        world.delivers_all();
    }
    world.seconds(5);
    let halves = [0, 2].map(|i| world.members[i].chat.messages().count());
    assert_eq!(halves, [MAX_KEPT_MESSAGES; 2]);
    world.settles();
    all_have(&world, MAX_KEPT_MESSAGES);
    let shares = [0, 1, 2, 3].map(|i| {
        let author = world.members[i].seat.member;
        world.members[0].chat.messages().filter(|message| message.author == author).count()
    });
    assert_eq!(shares, [130, 110, 130, 130], "who said little keeps all of it, and the others share the rest");
}

#[test]
fn who_floods_a_room_drives_out_nobody_elses_words() {
    let mut world = World::of(2);
    for _ in 0..30 {
        world.says(0);
    }
    for _ in 0..MAX_KEPT_MESSAGES * 2 {
        world.says(1);
    }
    world.settles();
    let author = world.members[0].seat.member;
    assert_eq!(world.members[1].chat.messages().filter(|message| message.author == author).count(), 30);
    all_have(&world, MAX_KEPT_MESSAGES);
}

#[test]
fn who_wrote_a_message_that_had_to_go_is_told_that_it_can_be_revised_no_more() {
    let mut world = World::of(2);
    let ids: Vec<_> = (0..MAX_KEPT_MESSAGES + 2).map(|_| world.says(0)).collect();
    world.settles();
    assert_eq!(world.members[0].let_go, ids[..2].iter().copied().collect());
    assert!(world.members[1].let_go.is_empty());
}

#[test]
fn who_always_has_something_new_to_tell_keeps_no_other_from_being_asked() {
    let mut world = World::of(3);
    let liar = world.joins(true);
    world.settles();
    for (a, b) in [(0, 1), (0, liar), (2, liar)] {
        world.cut(a, b);
    }
    world.delivers_all();
    let mut id = None;
    for second in 0..30 {
        // News each second, and never the same digest.
        let messages = vec![world.made_up(liar, 1000 + second)];
        world.lie(liar, 1, &PeerMessage::Lacked { cards: vec![], messages });
        world.second();
        if second == 10 {
            id = Some(world.says(0));
        }
    }
    let author = world.members[0].seat.member;
    assert!(id.is_some_and(|id| world.members[1].chat.message(author, id).is_some()));
}

#[test]
fn long_messages_are_handed_on_as_many_as_fit() {
    let mut world = World::of(2);
    for longest in ["\u{1f600}", "\"", "x"].into_iter().cycle().take(30) {
        world.says_this(0, longest.repeat(MAX_CHAT_CHARS).parse().expect("a text"));
    }
    world.settles();
    let newcomer = world.joins(false);
    world.mends_all();
    assert!(world.members[newcomer].chat.messages().count() > 0);
    world.settles();
    all_have(&world, 30);
}

#[test]
fn who_asks_again_and_again_is_told_no_more_than_who_asks_once() {
    let mut world = World::of(2);
    for _ in 0..100 {
        world.says(0);
    }
    let liar = world.joins(true);
    world.mends_all();
    let handed = world.handed;
    for _ in 0..20 {
        world.lie(liar, 0, &PeerMessage::Have { prints: Prints(vec![]), aside: 0 });
        world.delivers_all();
        world.now += 40;
    }
    assert_eq!(world.handed, handed);
}
