//! Who is told what was said before it came, and who is not.

use klatch_mesh::chat::Chat;
use klatch_shared::MessageId;
use klatch_shared::peer::{ChatMessage, PeerMessage};

use crate::stories::{all_have, texts};
use crate::world::World;

#[test]
fn without_history_a_newcomer_hears_nothing_of_before_and_all_of_after() {
    let mut world = World::without_history(3);
    world.says(0);
    world.settles();
    let newcomer = world.joins(false);
    world.settles();
    assert!(texts(&world.members[newcomer]).is_empty());
    world.cut(0, newcomer);
    world.delivers_all();
    world.says(0);
    world.seconds(3);
    assert_eq!(texts(&world.members[newcomer]).len(), 1, "a gap of a broken link heals");
    world.settles();
    assert_eq!(texts(&world.members[1]).len(), 2);
}

#[test]
fn without_history_who_loads_the_page_again_is_told_what_it_was_there_for_and_tells_newcomers_none_of_it() {
    let mut world = World::without_history(2);
    world.says(0);
    world.settles();
    let newcomer = world.joins(false);
    world.settles();
    world.says(0);
    world.reloads(1);
    world.settles();
    assert_eq!(texts(&world.members[1]).len(), 2);
    assert_eq!(texts(&world.members[newcomer]).len(), 1);
}

#[test]
fn without_history_who_claims_an_early_place_at_a_broker_that_forgot_the_room_is_told_nothing_of_before() {
    let mut world = World::without_history(3);
    world.says(0);
    world.settles();
    let stranger = world.joins(false);
    for member in &mut world.members[..stranger] {
        member.news.back_mut().expect("told of the stranger").0.ordinal = 1;
    }
    world.settles();
    assert!(texts(&world.members[stranger]).is_empty());
    let (seat, _) = world.members[stranger].told();
    assert!(world.members[..stranger].iter().all(|member| member.chat.place(seat.member, 1) == 3), "behind all others");
    world.says(0);
    world.settles();
    assert_eq!(texts(&world.members[stranger]).len(), 1);
}

#[test]
fn where_the_history_is_switched_off_later_those_who_had_it_keep_it_and_hear_of_revisions() {
    let mut world = World::of(2);
    let id = world.says(0);
    world.settles();
    let newcomer = world.joins(false);
    world.settles();
    world.switches(false);
    world.settles();
    world.deletes(0, id);
    world.settles();
    assert_eq!(world.members[newcomer].chat.messages().count(), 1);
    assert!(texts(&world.members[newcomer]).is_empty());
    world.says(1);
    let last = world.joins(false);
    world.settles();
    assert_eq!(world.members[last].chat.messages().count(), 0);
    assert!(world.members.iter().all(|member| !member.chat.keeps_history()));
    world.switches(true);
    world.settles();
    all_have(&world, 2);
}

#[test]
fn a_room_whose_creator_is_gone_for_good_stays_without_history() {
    let mut world = World::without_history(2);
    world.says(1);
    world.settles();
    world.releases(0);
    let newcomer = world.joins(false);
    // The broker no longer tells of the creator's seat.
    let me = world.members[newcomer].seat;
    world.begins_again(newcomer, me, 0);
    let other = world.members[1].told();
    world.members[newcomer].meets(&other);
    world.settles();
    assert!(!world.members[newcomer].chat.keeps_history());
    assert!(texts(&world.members[newcomer]).is_empty());
}

#[test]
fn a_switch_that_nobody_can_prove_is_believed_and_shown() {
    let mut world = World::without_history(2);
    let switch = world.members[0].chat.switch().cloned().expect("it was switched");
    let newcomer = world.joins(false);
    let me = world.members[newcomer].seat;
    world.begins_again(newcomer, me, 0);
    let other = world.members[1].told();
    world.members[newcomer].meets(&other);
    world.cut(0, newcomer);
    world.delivers_all();
    // Who has the creator's card withholds it.
    (world.members[1].lies, world.lies_only) = (true, true);
    world.mend(1, newcomer);
    world.delivers_all();
    for _ in 0..2 {
        world.lie(1, newcomer, &PeerMessage::Lacked { cards: vec![], messages: vec![switch.clone()] });
        world.delivers_all();
        let member = &world.members[newcomer];
        assert!(!member.chat.keeps_history() && !member.shows_history && member.chat.switch().is_none());
    }
}

#[test]
fn a_liar_who_hands_a_newcomer_what_was_said_before_is_not_believed() {
    let mut world = World::without_history(2);
    let id = world.says(0);
    world.settles();
    let message = world.members[1].chat.message(world.members[0].seat.member, id).cloned().expect("it was heard");
    let newcomer = world.joins(false);
    world.settles();
    world.members[1].lies = true;
    world.lie(1, newcomer, &PeerMessage::Lacked { cards: vec![], messages: vec![message.clone()] });
    world.lie(1, newcomer, &PeerMessage::Chat { message });
    world.delivers_all();
    assert!(texts(&world.members[newcomer]).is_empty());
}

#[test]
fn nobody_but_the_creator_switches_the_history() {
    let mut world = World::of(2);
    let liar = world.joins(true);
    world.settles();
    let member = &world.members[liar];
    let (seat, moment) = (member.seat, member.chat.moment(world.wall()));
    let own = ChatMessage::switch(world.room, seat.member, &member.keys, None, moment, false);
    let creator = world.members[0].seat.member;
    let forged = ChatMessage::switch(world.room, creator, &member.keys, None, moment, false);
    for switch in [own, forged] {
        world.lie(liar, 1, &PeerMessage::Lacked { cards: vec![], messages: vec![switch.into_inner()] });
    }
    world.delivers_all();
    let chat = &world.members[1].chat;
    assert!(chat.keeps_history() && chat.message(seat.member, MessageId::HISTORY).is_none());
    assert_eq!(world.members[1].dropped, 1);
}

/// A newcomer whom nobody told of the creator believes a liar that the creator switched the history off.
fn after_a_forged_switch() -> (World, usize) {
    let mut world = World::of(2);
    let liar = world.joins(true);
    world.settles();
    world.says(1);
    world.settles();
    let newcomer = world.joins(false);
    let me = world.members[newcomer].seat;
    world.begins_again(newcomer, me, 0);
    for i in [1, liar] {
        let told = world.members[i].told();
        world.members[newcomer].meets(&told);
    }
    world.delivers_all();
    world.mend(liar, newcomer);
    world.delivers_all_but(liar);
    let forged = world.forged_switch(liar, false);
    world.lie(liar, newcomer, &PeerMessage::Lacked { cards: vec![], messages: vec![forged] });
    world.delivers_all_but(liar);
    assert!(!world.members[newcomer].chat.keeps_history());
    (world, newcomer)
}

#[test]
fn a_forged_switch_is_forgotten_once_the_creator_is_known() {
    let (mut world, newcomer) = after_a_forged_switch();
    let creator = world.members[0].told();
    world.members[newcomer].meets(&creator);
    world.settles();
    assert!(world.members[newcomer].shows_history);
    assert_eq!(texts(&world.members[newcomer]).len(), 1);
}

#[test]
fn a_forged_switch_is_forgotten_by_what_others_know_of_a_creator_who_is_gone_for_good() {
    let (mut world, newcomer) = after_a_forged_switch();
    world.releases(0);
    world.mend(1, newcomer);
    world.delivers_all();
    assert!(world.members[newcomer].shows_history);
    world.seconds(5);
    assert_eq!(texts(&world.members[newcomer]).len(), 1);
}

#[test]
fn a_switch_that_was_believed_is_kept_once_it_is_proven() {
    let mut world = World::without_history(2);
    let switch = world.members[0].chat.switch().cloned().expect("it was switched");
    let newcomer = world.joins(false);
    let me = world.members[newcomer].seat;
    world.begins_again(newcomer, me, 0);
    world.members[newcomer].remembers(switch.clone());
    assert!(!world.members[newcomer].shows_history && world.members[newcomer].chat.switch().is_none());
    let creator = world.members[0].told();
    world.members[newcomer].meets(&creator);
    assert!(!world.members[newcomer].shows_history);
    assert_eq!(world.members[newcomer].chat.switch(), Some(&switch));
}

#[test]
fn whose_switch_a_page_remembers_is_the_creator_whomever_a_forgetful_broker_has_for_that() {
    let mut world = World::without_history(2);
    world.says(1);
    world.settles();
    let switch = world.members[1].chat.switch().cloned().expect("it was kept with the seat");
    let usurper = world.joins(false);
    world.settles();
    let (me, wall) = (world.members[1].seat, world.wall());
    let told = [0, usurper].map(|i| world.members[i].told());
    world.begins_again(1, me, 0);
    world.members[1].chat = Chat::new(world.room, me, told[1].0.member, wall);
    told.iter().for_each(|told| world.members[1].meets(told));
    world.members[1].remembers(switch);
    world.members[1].here = true;
    world.settles();
    assert!(!world.members[1].chat.keeps_history());
    assert_eq!([1, usurper].map(|i| texts(&world.members[i]).len()), [1, 0]);
}
