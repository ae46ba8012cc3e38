//! How a connection does, and when it is mended: a ladder of growing waits.
//!
//! Browsers call a lost path `disconnected` after about 5 s and `failed` after 15 s, and Firefox does at once where its own network is
//! another. Members hear of each other each second, so silence tells earlier: what is silent for three seconds is down, whatever the
//! browser says, and works again only when something is heard. One end sees to it: the impolite one; the polite one joins in when that
//! does not help; after a change of network it is whichever end's it was, at once.

use crate::patience::Patience;
use crate::{ConnectionState, Health, Rules};

/// How long a link is shown as being made or mended, before it is shown as failed.
const HOPE: u64 = 30_000;
/// The waits before each attempt: of the impolite end, and of the polite one.
const LADDER: [[u64; 5]; 2] = [[2_000, 4_000, 10_000, 20_000, 30_000], [8_000, 10_000, 20_000, 30_000, 30_000]];
/// The wait before the first attempt once the browser has given a path up.
const FAILED: [u64; 2] = [0, 6_000];
/// The silence after which a path is taken for dead, as beats tell it: of three seconds, less what a timer may be early.
const QUIET: u64 = 2_900;
/// The same of whom sound was heard, a packet of it each 0.4 s at least, while the path is doubted: one may be lost.
const QUIET_OF_SOUND: u64 = 900;
/// The same of whoever says a word each second, of which one may be late.
const QUIET_OF_WORDS: u64 = 2_400;
/// How long before that silence tells that something may be wrong.
const HINT: u64 = 250;
/// Who has sent no sound for so long may have switched their microphone off: words are all that is to come.
const SOUNDLESS: u64 = 450;
/// How long a connection that was described, and has not come about, is waited for. Browsers say nothing of one end that found no way
/// to be reached by.
const STILLBORN: u64 = 10_000;
/// How long after the network may have changed, or a word of the other end's, a lost path is mended at once.
const DOUBT: u64 = 20_000;
/// If nothing is lost for so long after another connection was due, the next loss counts as the first.
const LASTING: u64 = 60_000;
/// Changes of network come in bursts, and both ends find out: within this of an attempt there is no other for them.
const BURST: u64 = 2_000;

/// Who is polite: gives way in glare, and mends later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// The higher id.
    Impolite,
    /// The lower id.
    Polite,
}

/// A connection's health over time.
#[derive(Clone, Debug)]
pub(crate) struct Vitals {
    standing: Standing,
    past: Past,
    said: Said,
    pulse: Pulse,
    /// Attempts since it worked last.
    rung: usize,
    doubted_until: u64,
    attempted: Option<u64>,
    /// When the other end was asked last.
    asked: Option<u64>,
    /// When it asked last.
    bidden: Option<u64>,
    /// When that was heeded last.
    heeded: Option<u64>,
    /// Counts losses that follow each other closely, but for those by a failed path.
    losses: Patience,
    /// No attempt comes before this, be it a restart or a fresh connection.
    not_before: u64,
}

/// How it is now.
#[derive(Clone, Copy, Debug)]
enum Standing {
    /// Being made; waited for, since it was described, for so long as beats tell.
    Young { since: u64, waited: u64 },
    /// Connected.
    Well,
    /// Not any more; may heal by itself. The next attempt is due at `next`.
    Down { since: u64, next: u64 },
}

/// Whether it ever worked.
#[derive(Clone, Copy, Debug)]
enum Past {
    Unconnected,
    Connected,
}

/// What the browser said last; of what is lost for good the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Said {
    Works,
    Doubtful,
    /// It has given the path up: nothing but an ICE restart helps.
    Failed,
    /// The data channel is lost: nothing but a fresh connection has one again.
    Maimed,
    /// All of it is.
    Closed,
}

/// What is heard of the other end.
#[derive(Clone, Copy, Debug)]
enum Pulse {
    /// It has not spoken yet, and may be of a kind that does not.
    Unheard,
    /// It has spoken, last with sound or without, since the beat before this one.
    Heard { sound: bool },
    /// It has not since, for so long as beats tell.
    Silent { sound: bool, time: u64 },
}

impl Vitals {
    /// Of a connection that is being made.
    pub(crate) fn new(now: u64) -> Self {
        Self {
            standing: Standing::Young { since: now, waited: 0 },
            past: Past::Unconnected,
            said: Said::Doubtful,
            pulse: Pulse::Unheard,
            rung: 0,
            doubted_until: 0,
            attempted: None,
            asked: None,
            bidden: None,
            heeded: None,
            losses: Patience::default(),
            not_before: now,
        }
    }

    /// The browser told how the connection is.
    pub(crate) fn observe(&mut self, now: u64, state: ConnectionState, manners: Manners) {
        if self.is_maimed() {
            return;
        }
        match state {
            ConnectionState::New | ConnectionState::Connecting | ConnectionState::Closed => {}
            ConnectionState::Connected => {
                self.said = Said::Works;
                if let Pulse::Silent { sound, .. } = self.pulse {
                    self.pulse = Pulse::Heard { sound };
                }
                self.doubted_until = 0;
                self.rise();
            }
            ConnectionState::Disconnected => {
                self.said = Said::Doubtful;
                if self.is_well() {
                    self.weaken(now, manners);
                }
            }
            ConnectionState::Failed => {
                self.said = Said::Failed;
                let due = now + if self.rung == 0 { first(FAILED, manners) } else { wait(manners, self.rung) };
                match self.standing {
                    Standing::Well | Standing::Young { .. } => self.fall(now, due),
                    Standing::Down { since, next } => self.standing = Standing::Down { since, next: next.min(due) },
                }
            }
        }
    }

    /// Something came from the other end; `sound`: packets of sound, too.
    pub(crate) fn heard(&mut self, sound: bool) {
        let sends_sound = match self.pulse {
            Pulse::Unheard => false,
            Pulse::Heard { sound } => sound,
            Pulse::Silent { sound, time } => sound && time < SOUNDLESS,
        };
        self.pulse = Pulse::Heard { sound: sound || sends_sound };
        if self.said == Said::Works {
            self.rise();
        }
    }

    /// The data channel closed, or all of the connection. What is being mended is replaced no sooner for it. Whoever brings it about again and
    /// again waits ever longer for another connection, whichever end wants it and whatever hastens it, as each may bring a flood of its own.
    /// What is lost after ten seconds in which the browser found no path does not count.
    // Inlined it takes 60 bytes more of the page.
    #[inline(never)]
    pub(crate) fn lose(&mut self, now: u64, what: Said, soonest: u64, manners: Manners, rules: impl Rules) {
        if !self.is_maimed() && (self.said == Said::Works || now < self.since(now) + STILLBORN) {
            self.not_before = if now >= self.not_before + LASTING {
                self.losses.rest();
                soonest.max(now)
            } else {
                self.losses.retry(now, rules)
            };
        }
        self.said = self.said.max(what);
        match self.standing {
            Standing::Well | Standing::Young { .. } => self.weaken(now, manners),
            Standing::Down { .. } => {}
        }
    }

    /// See [`Vitals::lose`].
    pub(crate) fn not_before(&self) -> u64 {
        self.not_before
    }

    /// Whether only a fresh connection helps.
    pub(crate) fn is_maimed(&self) -> bool {
        self.said >= Said::Maimed
    }

    /// Whether nothing is to be had of this connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.said == Said::Closed
    }

    /// Whether the browser has given the path up.
    pub(crate) fn has_failed(&self) -> bool {
        self.said == Said::Failed
    }

    /// What was heard since the last beat, `passed` milliseconds ago, was told. Whether silence tells as of now that something may be
    /// wrong: the other end says less than it does where all is well.
    pub(crate) fn beat(&mut self, now: u64, passed: u64, manners: Manners, is_described: bool) -> bool {
        if let Standing::Young { waited, .. } = &mut self.standing
            && is_described
        {
            *waited += passed;
            if *waited >= STILLBORN {
                self.observe(now, ConnectionState::Failed, manners);
            }
        }
        let (sound, before, time) = match self.pulse {
            Pulse::Unheard => return false,
            Pulse::Heard { sound } => (sound, 0, 0),
            Pulse::Silent { sound, time } => (sound, time, time + passed),
        };
        self.pulse = Pulse::Silent { sound, time };
        self.listen(now, manners);
        let hint = most(sound) - HINT;
        before < hint && time >= hint
    }

    /// The network may have changed: what works may be about to show that it does not, if it has not shown it already.
    fn doubt(&mut self, now: u64, manners: Manners) {
        self.doubted_until = now + DOUBT;
        self.listen(now, manners);
    }

    /// Takes what is silent for too long for dead.
    fn listen(&mut self, now: u64, manners: Manners) {
        let Pulse::Silent { sound, time } = self.pulse else { return };
        if time >= (if now < self.doubted_until { most(sound) } else { QUIET }) && self.is_well() {
            self.weaken(now, manners);
        }
    }

    /// The connection is replaced by a fresh one.
    pub(crate) fn replaced(&mut self, now: u64) {
        (self.said, self.pulse) = (Said::Doubtful, Pulse::Unheard);
        self.standing = Standing::Young { since: self.since(now), waited: 0 };
    }

    /// The network may have changed; whether the path is lost as well, as the browser says, and so by that. It is not waited for then, though
    /// it counts.
    pub(crate) fn broker_lost(&mut self, now: u64, manners: Manners) -> bool {
        self.doubt(now, manners);
        let is_lost = matches!(self.standing, Standing::Down { .. }) && self.said > Said::Works;
        if is_lost {
            self.not_before = self.not_before.min(now);
        }
        is_lost
    }

    /// The machine's network changed: what is not known to work is restarted at once, what works is doubted for a while. What was lost
    /// may have been so by the network.
    pub(crate) fn network_changed(&mut self, now: u64, manners: Manners) {
        self.losses.rest();
        self.not_before = 0;
        match self.standing {
            Standing::Well => self.doubt(now, manners),
            Standing::Young { .. } | Standing::Down { .. } if is_recent(self.attempted, now) => {}
            Standing::Young { .. } => self.fall(now, now),
            Standing::Down { .. } => self.hasten(now),
        }
    }

    /// Whether it is time to mend it; told once a rung.
    pub(crate) fn take_due(&mut self, now: u64, manners: Manners) -> bool {
        let Standing::Down { since, next } = self.standing else {
            return false;
        };
        if now < next.max(self.not_before) {
            return false;
        }
        self.rung += 1;
        self.standing = Standing::Down { since, next: now + wait(manners, self.rung) };
        self.attempted = Some(now);
        true
    }

    /// What could not be mended may be now.
    pub(crate) fn hasten(&mut self, now: u64) {
        if let Standing::Down { since, .. } = self.standing {
            self.standing = Standing::Down { since, next: now };
        }
    }

    /// The other end is asked for it to be mended.
    pub(crate) fn asks(&mut self, now: u64) {
        self.asked = Some(now);
    }

    /// The other end asks for it to be mended: whether to do so. What works here may be about to show that it does not; whoever asks again
    /// knows better. Who asks and asks is heeded once in a while, and of two who ask each other the impolite one heeds: a restart that
    /// follows another would take from it the time to find a path.
    pub(crate) fn heeds(&mut self, now: u64, manners: Manners) -> bool {
        let is_doubted = now < self.doubted_until;
        self.doubt(now, manners);
        self.bidden = Some(now);
        let leaves_it = manners == Manners::Polite && is_recent(self.asked, now);
        (is_doubted || !self.is_well()) && !leaves_it && self.catches_up(now)
    }

    /// Whether to do now what the other end asked for a moment ago.
    pub(crate) fn catches_up(&mut self, now: u64) -> bool {
        let is_owed = is_recent(self.bidden, now) && !is_recent(self.heeded, now);
        if is_owed {
            self.heeded = Some(now);
        }
        is_owed
    }

    /// Whether it works, as far as is known.
    pub(crate) fn is_well(&self) -> bool {
        matches!(self.standing, Standing::Well)
    }

    /// What to show.
    pub(crate) fn health(&self, now: u64) -> Health {
        match self.standing {
            Standing::Well => Health::Connected,
            Standing::Young { since, .. } | Standing::Down { since, .. } => match self.past {
                Past::Unconnected | Past::Connected if now >= since + HOPE => Health::Failed,
                Past::Unconnected => Health::Connecting,
                Past::Connected => Health::Interrupted,
            },
        }
    }

    /// When time alone changes something.
    pub(crate) fn deadline(&self, now: u64) -> Option<u64> {
        let (since, next) = match self.standing {
            Standing::Well => return None,
            Standing::Young { since, .. } => (since, None),
            Standing::Down { since, next } => (since, Some(next.max(self.not_before))),
        };
        let hopeless = Some(since + HOPE).filter(|at| *at > now);
        [hopeless, next].into_iter().flatten().min()
    }

    fn rise(&mut self) {
        (self.standing, self.past) = (Standing::Well, Past::Connected);
        self.rung = 0;
    }

    /// What worked, or was to, seems not to. What was restarted a moment ago, as the other end knew before, is given its time.
    fn weaken(&mut self, now: u64, manners: Manners) {
        let is_urgent = now < self.doubted_until && !is_recent(self.heeded, now);
        let due = if is_urgent { now } else { now + wait(manners, 0) };
        self.fall(now, due);
    }

    fn fall(&mut self, now: u64, next: u64) {
        self.standing = Standing::Down { since: self.since(now), next };
    }

    /// Since when it has not worked.
    fn since(&self, now: u64) -> u64 {
        match self.standing {
            Standing::Young { since, .. } | Standing::Down { since, .. } => since,
            Standing::Well => now,
        }
    }
}

/// The longest silence that is none, in doubt.
fn most(sound: bool) -> u64 {
    if sound { QUIET_OF_SOUND } else { QUIET_OF_WORDS }
}

/// Whether that was a moment ago.
fn is_recent(at: Option<u64>, now: u64) -> bool {
    at.is_some_and(|at| now < at + BURST)
}

fn wait(manners: Manners, rung: usize) -> u64 {
    let ladder = first(LADDER, manners);
    ladder[rung.min(ladder.len() - 1)]
}

/// The impolite end's, or the polite one's.
fn first<T: Copy>(of: [T; 2], manners: Manners) -> T {
    match manners {
        Manners::Impolite => of[0],
        Manners::Polite => of[1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConnectionState::{Connected, Connecting, Disconnected, Failed};

    /// When it is due, if ticked at each deadline until `end`.
    fn mends(vitals: &mut Vitals, manners: Manners, mut now: u64, end: u64) -> Vec<u64> {
        let mut mends = Vec::new();
        loop {
            mends.extend(vitals.take_due(now, manners).then_some(now));
            match vitals.deadline(now) {
                Some(next) if next <= end => now = next,
                Some(_) | None => return mends,
            }
        }
    }

    fn connected(manners: Manners) -> Vitals {
        let mut vitals = Vitals::new(0);
        vitals.observe(0, Connected, manners);
        vitals
    }

    /// A beat each quarter of a second: when silence told that something may be wrong.
    fn pass(vitals: &mut Vitals, from: u64, to: u64, manners: Manners, is_described: bool) -> Vec<u64> {
        (from..=to).step_by(250).filter(|now| vitals.beat(*now, 250, manners, is_described)).collect()
    }

    #[test]
    fn a_young_link_that_does_not_connect_is_shown_as_failed_after_thirty_seconds() {
        let vitals = Vitals::new(1_000);
        assert_eq!(vitals.health(30_999), Health::Connecting);
        assert_eq!(vitals.deadline(1_000), Some(31_000));
        assert_eq!(vitals.health(31_000), Health::Failed);
        assert_eq!(vitals.deadline(31_000), None);
    }

    #[test]
    fn a_short_outage_shows_and_heals_without_a_restart() {
        let mut vitals = connected(Manners::Impolite);
        vitals.observe(9_000, Disconnected, Manners::Impolite);
        assert_eq!(vitals.health(9_000), Health::Interrupted);
        assert!(mends(&mut vitals, Manners::Impolite, 9_000, 10_999).is_empty());
        vitals.observe(10_999, Connected, Manners::Impolite);
        assert_eq!((vitals.health(10_999), vitals.deadline(10_999)), (Health::Connected, None));
    }

    #[test]
    fn the_impolite_end_mends_soon_and_ever_more_patiently_and_the_polite_one_later() {
        let mut vitals = connected(Manners::Impolite);
        vitals.observe(0, Disconnected, Manners::Impolite);
        assert_eq!(mends(&mut vitals, Manners::Impolite, 0, 100_000), [2_000, 6_000, 16_000, 36_000, 66_000, 96_000]);
        let mut polite = connected(Manners::Polite);
        polite.observe(0, Disconnected, Manners::Polite);
        assert_eq!(mends(&mut polite, Manners::Polite, 0, 70_000), [8_000, 18_000, 38_000, 68_000]);
    }

    #[test]
    fn where_the_other_end_takes_it_for_lost_it_is_mended_as_soon_as_it_is_lost_here_too() {
        let mut vitals = connected(Manners::Polite);
        assert!(!vitals.heeds(1_000, Manners::Polite) && !vitals.take_due(1_000, Manners::Polite));
        vitals.observe(2_000, Disconnected, Manners::Polite);
        assert!(vitals.take_due(2_000, Manners::Polite));
    }

    #[test]
    fn of_two_who_ask_each_other_the_impolite_one_heeds_and_who_heeded_asks_for_nothing_more_at_once() {
        let lost = |manners| {
            let mut vitals = connected(manners);
            vitals.network_changed(1_000, manners);
            vitals.observe(2_000, Disconnected, manners);
            assert!(vitals.take_due(2_000, manners));
            vitals.asks(2_000);
            vitals
        };
        assert!(lost(Manners::Impolite).heeds(2_050, Manners::Impolite));
        let mut polite = lost(Manners::Polite);
        assert!(!polite.heeds(2_050, Manners::Polite), "the impolite end is asked, too");
        assert!(polite.heeds(6_000, Manners::Polite), "it was not, or in vain");
        let mut asked = connected(Manners::Impolite);
        asked.network_changed(1_000, Manners::Impolite);
        assert!(asked.heeds(2_000, Manners::Impolite));
        asked.observe(2_100, Disconnected, Manners::Impolite);
        assert_eq!(mends(&mut asked, Manners::Impolite, 2_100, 9_000), [4_100, 8_100]);
    }

    #[test]
    fn who_was_asked_while_it_still_worked_does_it_once_it_does_not() {
        for manners in [Manners::Impolite, Manners::Polite] {
            let mut vitals = connected(manners);
            assert!(!vitals.heeds(1_000, manners));
            vitals.observe(2_000, Disconnected, manners);
            assert!(vitals.take_due(2_000, manners));
            assert!(vitals.catches_up(2_000) && !vitals.catches_up(2_500), "once for each");
        }
    }

    #[test]
    fn who_asks_again_is_heeded_once_in_a_while_whatever_seems_here() {
        let mut vitals = connected(Manners::Impolite);
        let heeded: Vec<u64> = (0..100).map(|n| n * 100).filter(|at| vitals.heeds(*at, Manners::Impolite)).collect();
        assert_eq!(heeded, [100, 2_100, 4_100, 6_100, 8_100]);
    }

    #[test]
    fn what_the_browser_has_given_up_is_mended_at_once() {
        for before in [Connecting, Connected, Disconnected] {
            let mut vitals = Vitals::new(0);
            vitals.observe(0, before, Manners::Impolite);
            vitals.observe(1_000, Failed, Manners::Impolite);
            assert!(vitals.take_due(1_000, Manners::Impolite));
            assert!(!vitals.take_due(1_000, Manners::Impolite));
        }
    }

    #[test]
    fn three_seconds_of_silence_tell_before_the_browser_does() {
        let mut vitals = connected(Manners::Impolite);
        pass(&mut vitals, 0, 99_000, Manners::Impolite, true);
        assert!(vitals.is_well(), "who has never spoken may be of a kind that does not");
        vitals.heard(true);
        pass(&mut vitals, 100_000, 102_750, Manners::Impolite, true);
        assert!(vitals.is_well());
        vitals.beat(103_000, 250, Manners::Impolite, true);
        assert_eq!((vitals.health(103_000), vitals.deadline(103_000)), (Health::Interrupted, Some(105_000)));
        vitals.heard(true);
        assert_eq!(vitals.health(103_000), Health::Connected);
    }

    #[test]
    fn beats_count_for_the_time_that_passed_between_them() {
        let mut vitals = connected(Manners::Impolite);
        vitals.heard(false);
        for beat in 0..=3 {
            assert!(vitals.is_well());
            vitals.beat(beat * 60_000, 1_000, Manners::Impolite, true);
        }
        assert!(!vitals.is_well());
    }

    #[test]
    fn what_was_described_and_has_not_come_about_is_given_up_though_the_browser_says_nothing() {
        let mut vitals = Vitals::new(0);
        pass(&mut vitals, 250, 10_000, Manners::Impolite, false);
        pass(&mut vitals, 10_250, 19_750, Manners::Impolite, true);
        assert!(!vitals.has_failed() && !vitals.take_due(19_999, Manners::Impolite));
        vitals.beat(20_000, 250, Manners::Impolite, true);
        assert!(vitals.has_failed() && vitals.take_due(20_000, Manners::Impolite));
        vitals.replaced(21_000);
        pass(&mut vitals, 21_250, 30_750, Manners::Impolite, true);
        assert!(!vitals.has_failed(), "the next one has as long");
        vitals.observe(30_500, Connected, Manners::Impolite);
        pass(&mut vitals, 31_000, 130_000, Manners::Impolite, true);
        assert!(vitals.is_well());
    }

    #[test]
    fn what_is_heard_does_not_hide_that_the_browser_is_not_heard_itself() {
        let mut vitals = connected(Manners::Impolite);
        vitals.heard(true);
        vitals.observe(5_000, Disconnected, Manners::Impolite);
        vitals.heard(true);
        assert_eq!(vitals.health(5_000), Health::Interrupted);
    }

    #[test]
    fn a_connection_without_its_channel_is_down_whatever_else_comes_over_it() {
        let mut vitals = connected(Manners::Polite);
        vitals.heard(true);
        vitals.lose(1_000, Said::Maimed, 1_000, Manners::Polite, crate::Protocol);
        vitals.heard(true);
        vitals.observe(2_000, Connected, Manners::Polite);
        assert_eq!((vitals.health(2_000), vitals.take_due(9_000, Manners::Polite)), (Health::Interrupted, true));
        let mut young = Vitals::new(0);
        young.lose(1_000, Said::Maimed, 1_000, Manners::Impolite, crate::Protocol);
        assert!(young.take_due(3_000, Manners::Impolite));
        vitals.replaced(9_000);
        vitals.observe(9_500, Connected, Manners::Polite);
        assert_eq!(vitals.health(9_500), Health::Connected);
    }

    #[test]
    fn connecting_again_does_not_hide_that_it_is_being_mended() {
        let mut vitals = connected(Manners::Polite);
        vitals.observe(1_000, Failed, Manners::Polite);
        vitals.observe(1_100, Connecting, Manners::Polite);
        assert_eq!(vitals.health(2_000), Health::Interrupted);
        vitals.replaced(20_000);
        assert_eq!(vitals.health(20_000), Health::Interrupted);
        assert_eq!(vitals.health(31_000), Health::Failed);
        vitals.observe(40_000, Connected, Manners::Polite);
        assert_eq!(vitals.health(40_000), Health::Connected);
    }

    #[test]
    fn a_change_of_network_restarts_what_is_not_well_once_and_doubts_what_is() {
        let mut vitals = Vitals::new(0);
        vitals.network_changed(100, Manners::Polite);
        assert!(vitals.take_due(100, Manners::Polite));
        vitals.network_changed(200, Manners::Polite);
        assert!(!vitals.take_due(200, Manners::Polite));
        vitals.replaced(300);
        vitals.observe(11_000, Failed, Manners::Polite);
        vitals.network_changed(20_000, Manners::Polite);
        assert!(vitals.take_due(20_000, Manners::Polite), "what never came about may do so now");
        vitals.observe(20_300, Connected, Manners::Polite);
        vitals.network_changed(50_000, Manners::Polite);
        // Said before the change, and read after it.
        vitals.heard(true);
        assert!(!vitals.take_due(50_000, Manners::Polite));
        vitals.observe(55_300, Disconnected, Manners::Polite);
        assert!(vitals.take_due(55_300, Manners::Polite));
    }

    #[test]
    fn after_a_change_of_network_a_second_is_enough_of_sound_and_two_and_a_half_of_words() {
        for (sound, most) in [(true, 1_000), (false, 2_500)] {
            let mut vitals = connected(Manners::Polite);
            vitals.heard(sound);
            vitals.network_changed(10_000, Manners::Polite);
            let hints = pass(&mut vitals, 10_000, 10_000 + most - 250, Manners::Polite, true);
            assert!(vitals.is_well());
            assert_eq!(hints, [10_000 + most - 250]);
            assert!(!vitals.beat(10_000 + most, 250, Manners::Polite, true), "silence is told of once");
            assert!(vitals.take_due(10_000 + most, Manners::Polite));
        }
    }

    #[test]
    fn a_word_between_two_packets_of_sound_does_not_hide_that_there_is_sound() {
        for words in [1, 2, 3] {
            let mut vitals = connected(Manners::Polite);
            vitals.heard(true);
            vitals.beat(0, 250, Manners::Polite, true);
            let mut now = 0;
            for _ in 1..words {
                vitals.heard(false);
                pass(&mut vitals, now + 250, now + 1_000, Manners::Polite, true);
                now += 1_000;
            }
            vitals.heard(false);
            let hints = pass(&mut vitals, now + 250, now + 20_000, Manners::Polite, true);
            let patience = if words == 1 { 750 } else { 2_250 };
            assert_eq!(hints, [now + 250 + patience], "{words} words after the last packet");
        }
    }

    #[test]
    fn what_was_silent_before_the_network_changed_or_the_other_end_asked_is_lost_at_once() {
        for silence in [750, 1_000] {
            let silent = || {
                let mut vitals = connected(Manners::Polite);
                vitals.heard(true);
                pass(&mut vitals, 1_000, 1_000 + silence, Manners::Polite, true);
                vitals
            };
            let mut vitals = silent();
            vitals.network_changed(2_500, Manners::Polite);
            assert_eq!(vitals.take_due(2_500, Manners::Polite), silence == 1_000);
            assert_eq!(silent().heeds(2_500, Manners::Polite), silence == 1_000);
        }
    }
}
