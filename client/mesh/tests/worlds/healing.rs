//! How soon a call is whole again: two ends that hear of each other each second, a path that is lost, and the time that it takes.

use klatch_mesh::{Health, Input, Misdeeds};

use crate::end::Broken;
use crate::world::Change::{self, *};
use crate::world::{Event, Order, World};

const BEAT: u64 = 1_000;
pub const START: u64 = 10_000;

/// Two connected ends, with a beat each second.
pub struct Call {
    pub world: World,
    beat: u64,
    says: Says,
}

/// What an end hears between two beats.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    /// A word, and sound.
    Sound,
    /// A word.
    Words,
    /// No word, or two: each other one is late.
    LateWords,
}

impl Call {
    pub fn of_two() -> Self {
        let world = World::new(Broken(None), [false, true], [&[], &[]], 2).expect("two ends meet");
        let mut call = Self { world, beat: BEAT, says: Says::Sound };
        call.until(START);
        assert!(call.is_whole());
        call
    }

    pub fn is_whole(&self) -> bool {
        self.world.complaint().is_none() && self.world.shows_connected() && self.world.flows()
    }

    /// All that happens until then, in the order of time.
    fn until(&mut self, end: u64) {
        self.first(end, |_| false);
        self.world.happen(Event::Wait(end - self.world.now)).expect("time passes");
    }

    /// When it is so for the first time, if it is before `end`.
    pub fn first(&mut self, end: u64, is_so: impl Fn(&Self) -> bool) -> Option<u64> {
        loop {
            if is_so(self) {
                return Some(self.world.now);
            }
            let event = match self.world.events(Order::Kept).first() {
                Some(event) => *event,
                None => match self.world.next_time().filter(|at| *at <= self.beat) {
                    Some(at) if at > end => return None,
                    Some(_) => Event::Time,
                    None if self.beat > end => return None,
                    None => {
                        self.pulse();
                        continue;
                    }
                },
            };
            self.world.happen(event).expect("nothing goes wrong");
        }
    }

    /// Each end says something; what packets carry is heard.
    fn pulse(&mut self) {
        self.world.happen(Event::Wait(self.beat - self.world.now)).expect("time passes");
        let is_late = self.says == Says::LateWords && (self.beat / BEAT).is_multiple_of(2);
        let sound = self.says == Says::Sound;
        for i in 0..2 {
            if let Some((link, _)) = &self.world.ends[i].browser
                && self.world.flows()
                && !is_late
            {
                let link = *link;
                self.world.feed(i, Input::Heard { link, sound }).expect("it is a fact");
            }
            self.world.feed(i, Input::Beat).expect("it is a fact");
        }
        self.beat += BEAT;
    }

    pub fn happens(&mut self, to: usize, change: Change) {
        self.world.change(to, change).expect("nothing goes wrong");
        self.world.say().expect("browsers say how they are");
    }

    fn offers(&self) -> u32 {
        self.world.network.offers()
    }
}

#[test]
fn a_connection_that_never_comes_about_is_replaced_though_browsers_say_nothing_of_it() {
    let mut world = World::new(Broken(None), [false, true], [&[], &[]], 2).expect("two ends meet");
    world.path.is_hushed = true;
    for end in &mut world.ends {
        end.browser.iter_mut().for_each(|(_, browser)| browser.jam());
    }
    let mut call = Call { world, beat: BEAT, says: Says::Sound };
    let at = call.first(60_000, Call::is_whole).expect("it comes about");
    assert!(at <= 16_000, "connected after {at} ms");
}

#[test]
fn a_dead_path_is_noticed_by_both_ends_before_their_browsers_say_so() {
    let mut call = Call::of_two();
    call.happens(0, PathDown);
    let noticed = |call: &Call| call.world.ends.iter().all(|end| end.health == Health::Interrupted);
    let at = call.first(START + 10_000, noticed).expect("it is noticed");
    assert!(at <= START + 4_000, "noticed after {} ms", at - START);
}

#[test]
fn what_carries_packets_again_is_whole_again_within_a_beat_or_two_whatever_the_outage() {
    for outage in [2_000, 3_500, 5_000, 12_000, 14_500, 40_000, 90_000] {
        let mut call = Call::of_two();
        call.happens(0, PathDown);
        call.until(START + outage);
        call.happens(0, PathUp);
        let at = call.first(START + outage + 60_000, Call::is_whole).expect("it heals");
        // What browsers gave up waits for the next rung.
        let bound = if outage < 15_000 { 2_000 } else { 30_000 };
        let took = at - START - outage;
        println!("an outage of {outage} ms is healed {took} ms after it, with {} offers", call.offers());
        assert!(took <= bound, "{took} ms after an outage of {outage} ms");
    }
}

#[test]
fn a_path_that_only_a_restart_mends_is_mended_within_seven_seconds_while_the_broker_can_be_reached() {
    let mut call = Call::of_two();
    let dead = call.world.generations().expect("they are connected");
    call.world.path.dead.insert(dead);
    let at = call.first(START + 60_000, |call| call.world.now > START && call.is_whole()).expect("it heals");
    assert!(at <= START + 7_000, "mended after {} ms", at - START);
    assert_eq!(call.offers(), 2, "one to meet, one to mend");
}

#[test]
fn what_restarts_do_not_mend_a_fresh_connection_does() {
    let mut call = Call::of_two();
    call.happens(1, Jam);
    let at = call.first(START + 120_000, |call| call.world.now > START && call.is_whole()).expect("it heals");
    assert!(at <= START + 50_000, "mended after {} ms", at - START);
}

#[test]
fn an_outage_that_stays_costs_few_offers() {
    let mut call = Call::of_two();
    call.happens(0, PathDown);
    call.until(START + 60_000);
    let before = call.offers();
    call.until(START + 660_000);
    let more = call.offers() - before;
    assert!((10..=45).contains(&more), "{more} offers in ten minutes, from both ends");
}

#[test]
fn after_a_change_of_network_the_end_that_changed_restarts_as_soon_as_silence_tells() {
    let mut call = Call::of_two();
    let dead = call.world.generations().expect("they are connected");
    call.world.path.dead.insert(dead);
    // The polite end, which would wait the longer.
    call.happens(0, NetworkChanged);
    let at = call.first(START + 60_000, |call| call.world.now > START && call.is_whole()).expect("it heals");
    assert!(at <= START + 5_000, "mended after {} ms", at - START);
}

#[test]
fn a_broker_that_is_lost_beside_silence_is_a_change_of_network_whichever_comes_first() {
    for (says, lost, bound) in
        [(Says::Sound, 0, 2_000), (Says::Sound, 2_500, 3_500), (Says::Words, 0, 3_000), (Says::Words, 3_500, 5_000)]
    {
        // The end whose network changed is the polite one, which would wait the longer.
        let mut call = Call::of_two();
        call.says = says;
        call.until(START + 1_000);
        let start = call.world.now;
        let dead = call.world.generations().expect("they are connected");
        call.world.path.dead.insert(dead);
        call.happens(0, Cut);
        call.until(start + lost);
        call.happens(0, Notice);
        call.until(start + lost + 400);
        call.happens(0, Back);
        let at = call.first(start + 60_000, |call| call.world.now > start && call.is_whole()).expect("it heals");
        println!("{says:?}, lost after {lost} ms: mended after {} ms", at - start);
        assert!(at <= start + bound, "{says:?}, lost after {lost} ms: mended after {} ms", at - start);
        assert!(call.offers() <= 3, "one to meet, and one of each to mend");
    }
}

#[test]
fn the_broker_is_probed_once_as_soon_as_somebody_is_silent() {
    for (says, after) in [(Says::Sound, 1_000), (Says::Words, 2_000)] {
        let mut call = Call::of_two();
        call.says = says;
        call.until(START + 1_000);
        call.happens(0, PathDown);
        let probes = |call: &Call| call.world.ends[0].probes;
        assert_eq!(probes(&call), 0);
        let at = call.first(START + 9_000, |call| probes(call) > 0).expect("it is probed");
        assert_eq!(at, START + 1_000 + after, "{says:?}");
        call.until(START + 60_000);
        assert_eq!(probes(&call), 1);
    }
}

#[test]
fn words_that_come_late_leave_a_link_alone_whatever_becomes_of_the_broker() {
    let mut call = Call::of_two();
    call.says = Says::LateWords;
    call.until(START + 2_000);
    let suffers = |call: &Call| !call.is_whole() || call.world.ends.iter().any(|end| end.probes > 0);
    for round in 0..10 {
        for change in [Cut, Notice] {
            call.happens(0, change);
            call.happens(1, change);
        }
        call.happens(0, NetworkChanged);
        let now = call.world.now;
        assert_eq!(call.first(now + 1_700, suffers), None, "round {round}");
        call.happens(0, Back);
        call.happens(1, Back);
        assert_eq!(call.first(now + 11_300, suffers), None, "round {round}");
    }
    assert_eq!(call.offers(), 1);
}

#[test]
fn a_call_whose_broker_is_dead_mends_nothing_and_is_whole_soon_after_it_is_back() {
    let mut call = Call::of_two();
    for end in 0..2 {
        call.happens(end, Cut);
        call.happens(end, Notice);
    }
    let dead = call.world.generations().expect("they are connected");
    call.world.path.dead.insert(dead);
    call.until(START + 100_000);
    assert!(!call.is_whole());
    call.happens(0, Back);
    call.happens(1, Back);
    let back = call.world.now;
    let at = call.first(back + 60_000, Call::is_whole).expect("it heals");
    assert!(at <= back + 2_000, "mended {} ms after the broker was back", at - back);
}

#[test]
fn a_page_whose_network_comes_and_goes_is_not_named_for_its_offers() {
    for (down, up) in
        [(1_000, 1_000), (2_500, 500), (3_000, 2_000), (4_500, 500), (6_000, 1_500), (11_000, 3_000), (17_000, 2_000)]
    {
        let mut call = Call::of_two();
        let mut misdeeds = [Misdeeds::new(START); 2];
        let mut counted = call.world.network.wanted;
        while call.world.now < START + 600_000 {
            for (change, time) in [(PathDown, down), (PathUp, up)] {
                call.happens(0, change);
                call.until(call.world.now + time);
                for end in 0..2 {
                    let wanted = call.world.network.wanted[end]
                        - std::mem::replace(&mut counted[end], call.world.network.wanted[end]);
                    assert!(
                        (0..wanted).all(|_| !misdeeds[end].offered(call.world.now)),
                        "end {end}, {down} ms down, {up} ms up, {counted:?} at {}",
                        call.world.now
                    );
                }
            }
        }
        println!("{down} ms down, {up} ms up: {counted:?} offers in ten minutes");
    }
}
