//! How far ahead a message may be, what is news, and what a receipt is for.

use klatch_shared::peer::{Digest, Moment, PeerMessage};

use crate::member::{DAY, HORIZON, WRONG};
use crate::stories::all_have;
use crate::world::{DAWN, World};

#[test]
fn nobody_keeps_a_message_below_all_that_is_said_after_it() {
    let mut world = World::of(3);
    let liar = world.joins(true);
    world.settles();
    for at in [u64::MAX, DAWN + 2 * HORIZON, DAWN + HORIZON / 2] {
        let message = world.made_up(liar, at);
        (0..3).for_each(|to| world.lie(liar, to, &PeerMessage::Chat { message: message.clone() }));
    }
    world.settles();
    let last = world.says(0);
    world.settles();
    for i in 0..3 {
        let ids: Vec<_> = world.members[i].chat.messages().map(|message| message.id).collect();
        assert_eq!((ids.len(), ids.last()), (2, Some(&last)));
    }
}

#[test]
fn what_some_believe_and_others_do_not_yet_is_with_all_when_its_time_has_come() {
    let mut world = World::of(3);
    let liar = world.joins(true);
    world.settles();
    // The second one's clock is five minutes fast.
    let message = world.made_up(liar, DAWN + world.now + HORIZON + 200_000);
    world.lie(liar, 1, &PeerMessage::Chat { message });
    world.settles();
    let has = |world: &World| [0, 1, 2].map(|i| world.members[i].chat.messages().count());
    assert_eq!(has(&world), [0, 1, 0]);
    let answer = world.says(1);
    world.settles();
    assert_eq!(has(&world), [1, 2, 1], "its answer is believed at once");
    let traffic = world.traffic;
    world.seconds(60);
    assert_eq!(world.traffic, traffic, "what is not believed is not handed on again and again");
    world.now += 200_000;
    world.settles();
    all_have(&world, 2);
    world.now += 2 * DAY;
    world.second();
    let last = world.says(2);
    world.settles();
    let ids: Vec<_> = world.members[0].chat.messages().map(|message| message.id).collect();
    assert_eq!((ids[0], ids[2]), (answer, last), "two days later it stands above what is said");
}

#[test]
fn a_revision_that_claims_another_time_stands_there_for_all() {
    let mut world = World::of(2);
    let liar = world.joins(true);
    world.settles();
    let (base, keys) = (world.made_up(liar, DAWN), world.members[liar].keys.clone());
    let mut moved = base.clone();
    moved.moment = Moment { at: DAWN + 900_000, ..moved.moment };
    let moved = moved.revised(world.room, &keys, Some(world.text("means"))).expect("one more").into_inner();
    world.lie(liar, 0, &PeerMessage::Chat { message: base });
    world.delivers_all();
    world.says(0);
    world.lie(liar, 0, &PeerMessage::Chat { message: moved.clone() });
    world.lie(liar, 1, &PeerMessage::Chat { message: moved.clone() });
    world.settles();
    all_have(&world, 2);
    assert_eq!(world.members[1].chat.messages().next_back(), Some(&moved));
}

#[test]
fn what_was_there_when_we_entered_is_no_news_and_what_comes_late_is() {
    let mut world = World::of(2);
    (0..300).for_each(|said| {
        world.says(said % 2);
    });
    world.settles();
    let newcomer = world.joins(false);
    world.settles();
    let news = |world: &World| world.members[newcomer].news_shown.clone();
    assert!(news(&world).is_empty());
    let direct = world.says(0);
    world.delivers_all();
    world.cut(1, newcomer);
    world.delivers_all();
    let around = world.says(1);
    let deleted = world.says(1);
    world.deletes(1, deleted);
    world.settles();
    all_have(&world, 303);
    assert_eq!(news(&world), [direct, around].into_iter().collect());
    world.reloads(newcomer);
    world.settles();
    assert!(news(&world).is_empty());
}

#[test]
fn who_never_has_the_same_as_the_only_one_it_reaches_has_news_all_the_same() {
    let mut world = World::of(3);
    let liar = world.joins(true);
    world.settles();
    // Only one of them will ever believe it, so digests differ from now on.
    let message = world.made_up(liar, DAWN + HORIZON + 250_000);
    world.lie(liar, 1, &PeerMessage::Chat { message });
    world.settles();
    let newcomer = world.joins(false);
    world.cut(0, newcomer);
    world.cut(2, newcomer);
    world.cut(liar, newcomer);
    world.delivers_all();
    world.mend(1, newcomer);
    world.seconds(10);
    let id = world.says(0);
    world.seconds(20);
    assert!(world.members[newcomer].news_shown.contains(&id));
}

#[test]
fn a_receipt_is_for_what_a_message_says_now() {
    let mut world = World::of(2);
    let other = world.members[1].seat.member;
    let id = world.says(0);
    world.delivers_all();
    assert!(world.members[0].reached.contains(&(id, other)));
    world.cut(0, 1);
    world.delivers_all();
    world.edits(0, id);
    assert!(!world.members[0].reached.contains(&(id, other)));
    world.settles();
    assert!(world.members[0].reached.contains(&(id, other)));
    // A receipt that crosses with the next revision is for the one before.
    world.says(1);
    let early = world.members[0].chat.messages().next().expect("it is there").print();
    world.edits(0, id);
    let early = PeerMessage::Received { prints: klatch_shared::peer::Prints(vec![early]) };
    let now = world.now;
    world.members[0].hears(now, other, &early.to_text());
    assert!(!world.members[0].reached.contains(&(id, other)));
    world.delivers_all();
    assert!(world.members[0].reached.contains(&(id, other)));
}

#[test]
fn however_far_a_liar_leads_the_clocks_all_read_each_other_though_one_is_a_day_fast() {
    let mut world = World::of(4);
    let liar = world.joins(true);
    world.members[3].sets_clock();
    world.settles();
    let digest = PeerMessage::Digest { digest: Digest::of(&[]), at: u64::MAX };
    (0..4).for_each(|to| world.lie(liar, to, &digest));
    world.delivers_all();
    let ids = [3, 0, 1].map(|i| world.says(i));
    world.delivers_all();
    for i in 0..4 {
        let member = &world.members[i];
        assert!(ids.iter().all(|id| member.chat.messages().any(|message| message.id == *id)), "{i} lacks something");
    }
}

#[test]
fn what_is_only_set_aside_is_not_said_to_be_received() {
    let mut world = World::of(4);
    let liar = world.joins(true);
    world.settles();
    // Whose clock is months fast can be led beyond what others believe.
    let digest = PeerMessage::Digest { digest: Digest::of(&[]), at: u64::MAX };
    world.lie(liar, 3, &digest);
    world.delivers_all();
    let id = world.says(3);
    world.settles();
    let traffic = world.traffic;
    world.seconds(60);
    assert_eq!(world.traffic, traffic, "what is not believed is not handed on again and again");
    let other = world.members[0].seat.member;
    let states = |world: &World| {
        [world.members[0].chat.messages().count() == 1, world.members[3].reached.contains(&(id, other))]
    };
    assert_eq!(states(&world), [false; 2]);
    world.now += WRONG;
    world.settles();
    assert_eq!(states(&world), [true; 2]);
}
