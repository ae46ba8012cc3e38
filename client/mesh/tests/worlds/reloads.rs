//! Who loads their page again and again: the last one counts, and connections are made at a rate of their own.

use klatch_mesh::{Command, ConnectionState, Input, Kind, Signal};
use klatch_shared::wire::Side;

use crate::single::{POLITER, Page, candidate, description, member, session};

/// How many connections were made, and how often a page came too soon.
fn made(commands: &[Command]) -> (usize, usize) {
    let count = |is: fn(&Command) -> bool| commands.iter().filter(|command| is(command)).count();
    (count(|it| matches!(it, Command::Open { .. })), count(|it| matches!(it, Command::Hurried { .. })))
}

/// Another connection is made after this time, and no sooner.
fn assert_made_after(page: &mut Page, wait: u64) {
    let due = page.now + wait;
    assert_eq!(made(&page.at(due - 1)).0, 0);
    assert_eq!(made(&page.at(due)).0, 1);
}

/// A page to whom the other end's comes five times more.
fn reloaded() -> Page {
    let mut page = Page::meets(false);
    let commands: Vec<_> = (2..=6).flat_map(|number| page.reloads(number)).collect();
    assert_eq!(made(&commands), (5, 0), "a few in a row");
    page
}

#[test]
fn a_few_reloads_in_a_row_have_their_connections_at_once_and_more_are_too_soon() {
    let mut page = reloaded();
    let old = page.link();
    let commands = page.reloads(7);
    assert_eq!(commands[..2], [Command::Close { link: old }, Command::Hurried { peer: member(POLITER) }]);
    assert_eq!(made(&commands), (0, 1));
    assert_eq!(made(&page.reloads(8)), (0, 1));
    assert!(page.at(1_999).is_empty());
    let link = page.at(2_000);
    assert_eq!(link, [Command::Open { link: page.link(), offers: true }]);
}

#[test]
fn the_last_of_many_pages_is_answered_once_there_is_a_connection() {
    let mut page = reloaded();
    page.reloads(7);
    assert!(page.told(1, Side::Offerer, 0, Signal::Offer(description("theirs"))).is_empty());
    assert!(page.told(1, Side::Offerer, 1, Signal::Candidate(candidate("theirs"))).is_empty());
    let commands = page.at(2_000);
    assert_eq!(made(&commands), (1, 0));
    assert!(matches!(commands[1], Command::SetRemote { kind: Kind::Offer, .. }));
    let link = page.link();
    page.remote();
    page.local(Kind::Answer);
    page.connection(ConnectionState::Connected);
    assert_eq!(page.hears(Input::Gone { peer: member(POLITER) }), [Command::Close { link }]);
}

#[test]
fn nothing_is_closed_where_nothing_was_made() {
    let mut page = reloaded();
    page.reloads(7);
    assert!(page.hears(Input::Gone { peer: member(POLITER) }).is_empty());
    assert_eq!(page.mesh.deadline(), None);
}

#[test]
fn who_offers_another_connection_each_time_is_counted_for_each_that_ours_is_replaced_for() {
    let mut page = Page::meets(false);
    let mut replaced = 0;
    for number in 1..=60 {
        page.now = u64::from(number) * 500;
        let mut commands = page.told(number, Side::Offerer, 0, Signal::Offer(description(&number.to_string())));
        commands.extend(page.remote());
        page.local(Kind::Answer);
        let (opened, hurried) = made(&commands);
        assert_eq!(opened, hurried, "{commands:?}");
        replaced += opened;
    }
    assert!((20..=30).contains(&replaced), "{replaced}");
}

#[test]
fn who_offers_what_our_connection_does_not_take_is_counted_for_each_that_it_is_replaced_for() {
    let mut page = Page::meets(false);
    let (mut replaced, mut counted) = (0, 0);
    for number in 1..=20 {
        page.now = u64::from(number) * 1_500;
        let mut commands = page.told(number, Side::Offerer, 0, Signal::Offer(description("theirs")));
        if number > 1 {
            let link = page.link();
            commands.extend(page.hears(Input::StepFailed { link }));
        }
        commands.extend(page.remote());
        page.local(Kind::Answer);
        let (opened, hurried) = made(&commands);
        (replaced, counted) = (replaced + opened, counted + hurried);
    }
    assert_eq!((replaced, counted), (19, 19));
}

#[test]
fn who_has_our_connection_closed_again_and_again_waits_ever_longer_for_another_and_is_counted_each_time() {
    let mut page = Page::meets(true);
    let mut waits = Vec::new();
    for _ in 0..7 {
        page.connects();
        let closed = page.connection(ConnectionState::Closed);
        assert_eq!(made(&closed), (0, 4), "{closed:?}");
        let at = page.mesh.deadline().expect("another one");
        waits.push(at - page.now);
        assert_eq!(made(&page.at(at)), (1, 0));
    }
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    page.connects();
    page.now += 60_000;
    assert_eq!(made(&page.connection(ConnectionState::Closed)), (1, 4), "one that lasted is replaced at once");
}

#[test]
fn who_had_our_connection_closed_has_another_no_sooner_whatever_they_offer() {
    for comes_again in [false, true] {
        let mut page = Page::meets(false);
        let theirs = |number: u32| if comes_again { number } else { 1 };
        let offer = |number: u32| Signal::Offer(description(&format!("connection {}", theirs(number))));
        page.told(1, Side::Offerer, 0, offer(1));
        for (number, wait) in (2..).zip([1_000, 2_000, 4_000]) {
            page.remote();
            page.local(Kind::Answer);
            page.connection(ConnectionState::Connected);
            page.connection(ConnectionState::Closed);
            assert_eq!(made(&page.told(number, Side::Offerer, 0, offer(number))), (0, 0));
            assert_made_after(&mut page, wait);
        }
    }
}

#[test]
fn who_closed_the_channel_has_another_connection_no_sooner_for_offers_that_no_browser_takes() {
    let mut page = Page::meets(true);
    for wait in [1_000, 2_000, 4_000, 8_000] {
        page.connects();
        page.hears(Input::ChannelClosed { link: page.link() });
        let commands = page.told(wait, Side::Offerer, 0, Signal::Offer(description("theirs")));
        assert!(matches!(commands[..], [Command::SetRemote { .. }]), "{commands:?}");
        page.hears(Input::StepFailed { link: page.link() });
        assert_made_after(&mut page, u64::from(wait));
    }
}

#[test]
fn a_channel_that_closed_and_then_its_connection_count_once() {
    let mut page = Page::meets(true);
    for wait in [1_000, 2_000] {
        page.connects();
        page.hears(Input::ChannelClosed { link: page.link() });
        page.connection(ConnectionState::Closed);
        page.hears(Input::ChannelClosed { link: page.link() });
        assert_made_after(&mut page, wait);
    }
}

#[test]
fn what_was_being_settled_when_our_connection_was_closed_holds_nothing_up() {
    let mut page = Page::meets(false);
    page.told(1, Side::Offerer, 0, Signal::Offer(description("theirs")));
    assert_eq!(made(&page.connection(ConnectionState::Closed)), (0, 4), "the answer never comes to an end");
    let at = page.mesh.deadline().expect("another one");
    assert_eq!(made(&page.at(at)), (1, 0));
}

#[test]
fn who_reloads_or_leaves_without_end_has_one_connection_a_second_at_most() {
    for leaves in [false, true] {
        let mut page = Page::meets(false);
        let mut commands = Vec::new();
        for now in (0..60_000).step_by(10) {
            page.now = now;
            if leaves {
                commands.extend(page.hears(Input::Gone { peer: member(POLITER) }));
            }
            commands.extend(page.reloads(if leaves { 1 } else { (now / 10 % 200) as u8 }));
        }
        let (opened, too_soon) = made(&commands);
        assert!((30..60).contains(&opened) && too_soon + opened == 6_000, "{opened} and {too_soon}, {leaves}");
    }
}

#[test]
fn nobody_waits_for_another_who_reloads_without_end() {
    let mut page = reloaded();
    page.reloads(7);
    let peer = member(9);
    let commands = page.hears(Input::Present { peer, session: session(9), we_offer: false });
    assert_eq!(made(&commands), (1, 0));
}
