//! How soon a call is whole again: two ends that listen for each other, a path that is lost, and the time that it takes.

use klatch_mesh::{Health, Misdeeds};

use crate::end::Broken;
use crate::world::Change::{self, *};
use crate::world::{Event, Order, Pulse, Says, World};

pub const START: u64 = 10_000;

/// Two connected ends that listen for silence.
pub struct Call {
    pub world: World,
}

impl Call {
    pub fn of_two() -> Self {
        Self::in_which(Pulse::shown(Says::Sound))
    }

    fn in_which(pulse: Pulse) -> Self {
        let mut world = World::new(Broken(None), [false, true], [&[], &[]], 2).expect("two ends meet");
        world.pulse = Some(pulse);
        let mut call = Self { world };
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
                None if self.world.next_time().is_some_and(|at| at <= end) => Event::Time,
                None => return None,
            };
            self.world.happen(event).expect("nothing goes wrong");
        }
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
    world.pulse = Some(Pulse::shown(Says::Sound));
    let mut call = Call { world };
    let at = call.first(60_000, Call::is_whole).expect("it comes about");
    assert!(at <= 16_000, "connected after {at} ms");
}

#[test]
fn a_dead_path_is_noticed_by_both_ends_before_their_browsers_say_so() {
    let mut call = Call::of_two();
    call.happens(0, PathDown);
    let noticed = |call: &Call| call.world.ends.iter().all(|end| end.health == Health::Interrupted);
    let at = call.first(START + 10_000, noticed).expect("it is noticed");
    assert!(at <= START + 3_000, "noticed after {} ms", at - START);
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
fn a_path_that_works_one_way_only_is_mended_as_soon() {
    for (end, pulse) in [0, 1].into_iter().flat_map(|end| [Says::Sound, Says::Words].map(|says| (end, says))) {
        let mut call = Call::in_which(Pulse::shown(pulse));
        call.happens(end, HalfDead);
        let noticed = |call: &Call| call.world.ends[end].health == Health::Interrupted;
        let at = call.first(START + 60_000, noticed).expect("it is noticed");
        assert!(at <= START + 4_000, "{pulse:?}, {end} is deaf: noticed after {} ms", at - START);
        let at = call.first(START + 60_000, Call::is_whole).expect("it heals");
        println!("{pulse:?}, {end} is deaf: mended after {} ms", at - START);
        assert!(at <= START + 7_000, "{pulse:?}, {end} is deaf: mended after {} ms", at - START);
    }
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
        [(Says::Sound, 0, 1_500), (Says::Sound, 1_250, 2_000), (Says::Words, 0, 3_000), (Says::Words, 3_500, 4_500)]
    {
        // The end whose network changed is the polite one, which would wait the longer.
        let mut call = Call::in_which(Pulse::shown(says));
        let start = call.world.now;
        call.happens(0, Move);
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
fn whose_sockets_are_gone_with_their_network_is_connected_afresh_by_the_next_socket() {
    for end in 0..2 {
        let mut call = Call::in_which(Pulse::shown(Says::Sound));
        let start = call.world.now;
        for change in [Move, Jam, Miss] {
            call.happens(end, change);
        }
        call.until(start + 400);
        call.happens(end, Notice);
        call.happens(end, Back);
        let at = call.first(start + 60_000, |call| call.world.now > start && call.is_whole()).expect("it heals");
        println!("end {end}: mended after {} ms", at - start);
        assert!(at <= start + 1_000, "end {end}: mended after {} ms", at - start);
        assert!(call.offers() <= 2, "one to meet, and one to mend");
    }
}

#[test]
fn a_path_that_a_browser_misses_for_a_moment_is_left_alone() {
    for end in 0..2 {
        let mut call = Call::in_which(Pulse::shown(Says::Sound));
        let offers = call.offers();
        for second in 0..10 {
            call.happens(end, Miss);
            call.until(START + 1_000 * (second + 1));
        }
        call.until(START + 60_000);
        assert!(call.is_whole());
        assert_eq!(call.offers(), offers);
    }
}

#[test]
fn the_broker_is_probed_as_soon_as_somebody_is_silent_and_once_more_when_the_browser_says_so() {
    for (pulse, after) in [
        (Pulse::shown(Says::Sound), 750),
        (Pulse::shown(Says::Words), 2_250),
        (Pulse::hidden(Says::Sound), 1_000),
        (Pulse::hidden(Says::Words), 3_000),
    ] {
        let mut call = Call::in_which(pulse);
        call.happens(0, PathDown);
        let probes = |call: &Call| call.world.ends[0].probes;
        assert_eq!(probes(&call), 0);
        let at = call.first(START + 9_000, |call| probes(call) > 0).expect("it is probed");
        assert_eq!(at, START + after, "{pulse:?}");
        call.until(START + 60_000);
        assert_eq!(probes(&call), 2);
    }
}

#[test]
fn it_is_probed_as_soon_where_it_is_quiet_around_whoever_is_lost() {
    for later in (0..2_000).step_by(50) {
        let mut call = Call::in_which(Pulse::shown(Says::Quiet));
        call.until(START + later);
        call.happens(0, PathDown);
        let at = call.first(START + 9_000, |call| call.world.ends[0].probes > 0).expect("it is probed");
        assert!(at <= START + later + 1_000, "lost at {later} ms, probed {} ms later", at - START - later);
    }
}

#[test]
fn words_that_come_late_leave_a_link_alone_whatever_becomes_of_the_broker() {
    let mut call = Call::in_which(Pulse::shown(Says::LateWords));
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
fn a_page_whose_network_comes_and_goes_is_not_named() {
    for (down, up) in
        [(1_000, 1_000), (2_500, 500), (3_000, 2_000), (4_500, 500), (6_000, 1_500), (11_000, 3_000), (17_000, 2_000)]
    {
        let mut call = Call::of_two();
        let mut misdeeds = [Misdeeds::new(START); 2];
        // Offers, and connections that they cost the other.
        let costs = |call: &Call| [0, 1].map(|end| [call.world.network.wanted[end], call.world.ends[1 - end].hurried]);
        let mut counted = costs(&call);
        while call.world.now < START + 600_000 {
            for (change, time) in [(PathDown, down), (PathUp, up)] {
                call.happens(0, change);
                call.until(call.world.now + time);
                let (now, before) = (call.world.now, std::mem::replace(&mut counted, costs(&call)));
                for ((misdeeds, new), old) in misdeeds.iter_mut().zip(counted).zip(before) {
                    let [offers, hurried] = [0, 1].map(|cost| new[cost] - old[cost]);
                    let named =
                        (0..offers).any(|_| misdeeds.offered(now)) || (0..hurried).any(|_| misdeeds.hurried(now));
                    assert!(!named, "{down} ms down, {up} ms up, {counted:?} at {now}");
                }
            }
        }
        println!("{down} ms down, {up} ms up: {counted:?} offers and connections in ten minutes");
    }
}
