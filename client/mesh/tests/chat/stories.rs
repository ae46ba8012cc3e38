//! What happens in a room, one thing at a time.

use klatch_shared::peer::{ChatMessage, PeerMessage};

use crate::member::Member;
use crate::world::World;

/// What a page shows that was not deleted.
pub fn texts(member: &Member) -> Vec<String> {
    let text = |message: &ChatMessage| Some(message.text.as_ref()?.as_str().to_owned());
    member.chat.messages().filter_map(text).collect()
}

/// All have the same, so many messages.
pub fn all_have(world: &World, count: usize) {
    world.agrees(&world.known()).expect("the room agrees");
    assert_eq!(world.members[0].chat.messages().count(), count);
}

#[test]
fn what_is_said_is_at_once_with_all_who_are_here() {
    let mut world = World::of(3);
    let (id, traffic) = (world.says(1), world.traffic);
    world.delivers_all();
    all_have(&world, 1);
    assert_eq!(world.traffic - traffic, 2, "each of the others says that it was received");
    assert!([0, 2].iter().all(|i| world.members[1].reached.contains(&(id, world.members[*i].seat.member))));
}

#[test]
fn a_message_goes_around_a_broken_link_within_three_seconds_each_time() {
    let mut world = World::of(3);
    world.cut(0, 1);
    world.delivers_all();
    for said in 1..=4 {
        world.says(0);
        world.seconds(3);
        all_have(&world, said);
    }
    world.mend(0, 1);
    world.delivers_all();
    assert!(world.members[0].knows_that_all_reached(world.members[1].seat.member), "it shows that they arrived");
}

#[test]
fn what_was_lost_with_a_channel_is_there_when_it_opens() {
    let mut world = World::of(2);
    world.says(0);
    world.cut(0, 1);
    world.says(0);
    world.says(1);
    world.delivers_all();
    world.mend(0, 1);
    world.delivers_all();
    all_have(&world, 3);
}

#[test]
fn who_comes_later_or_comes_back_is_told_what_was_said_and_by_one_alone() {
    let mut world = World::of(5);
    for said in 0..60 {
        world.says(said % 5);
    }
    world.settles();
    let handed = |world: &mut World| {
        let before = world.handed;
        world.settles();
        world.handed - before
    };
    let newcomer = world.joins(false);
    let once = handed(&mut world);
    all_have(&world, 60);
    let whole: usize = world.members[newcomer]
        .chat
        .messages()
        .map(|it| PeerMessage::Chat { message: it.clone() }.to_text().len())
        .sum();
    // The authors' cards are in each of three parts.
    let with_cards = whole + whole / 3;
    assert!(once < with_cards, "{once} bytes were handed on for {whole}");
    world.reloads(2);
    assert!(handed(&mut world) < with_cards);
    all_have(&world, 60);
}

#[test]
fn edits_and_deletions_find_their_way_and_keep_their_place() {
    let mut world = World::of(3);
    let (first, second, third) = (world.says(0), world.says(0), world.says(1));
    world.settles();
    world.cut(0, 2);
    world.cut(1, 2);
    world.delivers_all();
    world.edits(0, first);
    world.deletes(0, second);
    world.edits(1, third);
    world.settles();
    all_have(&world, 3);
    let messages: Vec<_> = world.members[2].chat.messages().collect();
    assert_eq!([first, second, third], [messages[0].id, messages[1].id, messages[2].id]);
    assert!(messages[0].text.is_some() && messages[1].text.is_none());
    assert!(messages.iter().all(|message| message.revision == 1));
}

#[test]
fn a_deleted_message_does_not_come_back_with_who_was_away() {
    let mut world = World::of(3);
    let id = world.says(0);
    world.settles();
    (0..2).for_each(|i| world.cut(i, 2));
    world.delivers_all();
    world.deletes(0, id);
    world.delivers_all();
    world.reloads(0);
    world.settles();
    assert!(world.members.iter().all(|member| texts(member).is_empty()));
    all_have(&world, 1);
}

#[test]
fn two_halves_that_one_link_joins_hear_each_other_two_seconds_a_step() {
    let mut world = World::of(4);
    for (a, b) in [(0, 2), (0, 3), (1, 3)] {
        world.cut(a, b);
    }
    world.delivers_all();
    for said in 1..=6 {
        world.says(if said % 2 == 0 { 0 } else { 3 });
        world.delivers_all();
        world.seconds(4);
        all_have(&world, said);
    }
}

#[test]
fn what_a_newcomer_says_stands_behind_what_was_said_before_though_its_clock_is_behind() {
    let mut world = World::without_history(4);
    let first = world.says(3);
    world.settles();
    let newcomer = world.joins(false);
    world.mends_all();
    assert_eq!(world.members[newcomer].chat.messages().count(), 0);
    let second = world.says(newcomer);
    world.settles();
    let ids: Vec<_> = world.members[1].chat.messages().map(|message| message.id).collect();
    assert_eq!(ids, [first, second]);
}

#[test]
fn who_never_met_an_author_reads_their_words_by_the_card_that_is_handed_on() {
    let mut world = World::of(3);
    world.says(1);
    world.settles();
    world.releases(1);
    let author = world.members[1].seat.member;
    // The broker tells of the author no more; then of none of those who met them.
    for met in [0, 2] {
        let newcomer = world.joins(false);
        let me = world.members[newcomer].seat;
        world.begins_again(newcomer, me, 0);
        let told: Vec<_> = (0..newcomer).filter(|i| *i != 1).map(|i| world.members[i].told()).collect();
        told.iter().for_each(|told| world.members[newcomer].meets(told));
        world.settles();
        let member = &world.members[newcomer];
        assert_eq!(texts(member).len(), 1);
        assert_eq!(member.chat.unmet_name(author).map(ToString::to_string).as_deref(), Some("Member 1"));
        assert!(member.chat.unmet_name(world.members[0].seat.member).is_none());
        world.releases(met);
    }
    let last = world.members.len() - 1;
    assert!(world.members[last].here && world.members.iter().all(|member| member.dropped == 0));
}

#[test]
fn a_newcomer_reads_a_member_whom_others_reach_and_the_broker_does_not_tell_of() {
    for unknown in [0, 1] {
        let mut world = World::of(3);
        let newcomer = world.joins(false);
        let me = world.members[newcomer].seat;
        world.begins_again(newcomer, me, 0);
        let told: Vec<_> = (0..3).filter(|i| *i != unknown).map(|i| world.members[i].told()).collect();
        told.iter().for_each(|told| world.members[newcomer].meets(told));
        world.settles();
        // Nor is it fooled by a switch of the history that the creator never signed.
        let switch = PeerMessage::Lacked { cards: vec![], messages: vec![world.forged_switch(2, false)] };
        world.lie(2, newcomer, &switch);
        world.delivers_all();
        assert!(world.members[newcomer].chat.keeps_history());
        world.says(unknown);
        world.quietens();
        assert_eq!(texts(&world.members[newcomer]).len(), 1);
    }
}
