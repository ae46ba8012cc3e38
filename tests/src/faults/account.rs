//! What a call went through, in figures.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use super::Trouble;
use crate::diary::{Diary, PAUSE, Time};

/// The silence of sound of which a page tells that has reason to look out for it, and some more.
const TOLD: Time = 2_000.0;

/// What came of a trouble. Times are in milliseconds.
#[derive(Clone, Debug)]
pub struct Account {
    /// Which.
    pub trouble: Trouble,
    /// After which time Ana's page and Bo's had both said so, if either did.
    pub noticed: Option<Time>,
    /// Of the two, how many said nothing of it though they were awake and it was not over before they could know.
    pub unaware: usize,
    /// How long it lasted.
    pub lasted: Time,
    /// From its end until all were connected again, and heard.
    pub healed: Time,
    /// The longest time in which somebody did not hear somebody else.
    pub silence: Time,
    /// Connections that were not mended but replaced by fresh ones, at either end.
    pub replaced: usize,
    /// Messages that were said.
    pub said: usize,
    /// Those that somebody did not get.
    pub lost: BTreeSet<String>,
    /// Those that somebody got more than once.
    pub repeated: BTreeSet<String>,
}

impl Account {
    /// From the diaries of who is there in the end, and what was said by who is not.
    pub(super) fn of(trouble: Trouble, (begin, end): (Time, Time), diaries: &[Diary], bequeathed: &[String]) -> Self {
        let sign = if trouble == Trouble::ServerKilled { "away" } else { "interrupted" };
        // It is between Ana and Bo, or befalls both; and who sleeps notices nothing.
        let awake = usize::from(matches!(trouble, Trouble::Asleep(_)));
        let both = || diaries.iter().take(2).skip(awake);
        let noticed = both().filter_map(|diary| diary.first(sign, begin)).max_by(Time::total_cmp);
        // One may hear the other again a second before it is heard itself. Where sound goes on, silence is no measure.
        let short = |diary: &Diary| silence(diary, begin) < TOLD && trouble.heard_within().is_some();
        let unaware = both().filter(|diary| diary.first(sign, begin).is_none() && !short(diary)).count();
        let healed = diaries.iter().map(|diary| healed(diary, begin)).fold(end, Time::max);
        // Whoever came back was not there to hear anything.
        let silences = diaries.iter().filter(|diary| diary.since <= begin).map(|diary| silence(diary, begin));
        let before = diaries.iter().filter(|diary| diary.since <= begin);
        let replaced = before.flat_map(|diary| &diary.voices).filter(|since| **since >= begin).count();
        Self {
            trouble,
            noticed: noticed.map(|at| at - begin),
            unaware,
            lasted: end - begin,
            healed: healed - end,
            silence: silences.fold(0.0, Time::max),
            replaced,
            said: said(diaries, bequeathed).len(),
            lost: lacking(diaries, bequeathed),
            repeated: repeated(diaries),
        }
    }

    /// The longest silence that there may be: none but where sound has no way, and there as long as that is so and a while to find it out
    /// and mend it.
    pub fn bearable(&self) -> Time {
        PAUSE + self.trouble.heard_within().map_or(0.0, |after| self.lasted + after)
    }

    /// Whether it is as it is to be.
    ///
    /// # Errors
    /// Something is lost, or was silent for too long, or nobody said so.
    pub fn check(&self) -> Result<()> {
        ensure!(self.lost.is_empty(), "lost: {:?}", self.lost);
        ensure!(self.repeated.is_empty(), "read more than once: {:?}", self.repeated);
        let in_time = match self.trouble.noticed_within() {
            Some(most) => self.unaware == 0 && self.noticed.is_some_and(|noticed| noticed <= most),
            None => self.noticed.is_none(),
        };
        ensure!(in_time, "noticed too late or not by both, or taken for dead: {self:?}");
        let most = self.trouble.heals_within();
        ensure!(self.healed <= most, "healed after {:.0} ms, and {most} were to do: {self:?}", self.healed);
        ensure!(self.silence <= self.bearable(), "silence for {:.0} ms: {self:?}", self.silence);
        Ok(())
    }
}

/// The longest time in which somebody did not hear everybody else.
fn silence(diary: &Diary, begin: Time) -> Time {
    let (from, to) = diary.longest_gap(begin);
    to - from
}

/// When somebody had all connections, sound and a server again.
fn healed(diary: &Diary, begin: Time) -> Time {
    let pauses = diary.gaps.iter().filter(|(from, to)| *to >= begin && to - from > PAUSE).map(|(_, to)| *to);
    let voices = diary.voices.iter().copied().filter(|since| *since >= begin);
    // The banner is a tile that goes.
    let states = diary
        .states
        .iter()
        .filter(|(at, of, said)| *at >= begin && (said == "connected" || (of.is_empty() && said == "gone")));
    pauses.chain(voices).chain(states.map(|(at, ..)| *at)).fold(begin, Time::max)
}

/// Messages that somebody has not read.
pub(super) fn lacking(diaries: &[Diary], bequeathed: &[String]) -> BTreeSet<String> {
    let all = said(diaries, bequeathed);
    let lack = |words: &String| diaries.iter().any(|diary| !diary.read.contains(words));
    all.into_iter().filter(lack).collect()
}

/// Messages that somebody has read more than once.
pub(super) fn repeated(diaries: &[Diary]) -> BTreeSet<String> {
    let again = |diary: &Diary| {
        let mut known = BTreeSet::new();
        diary.read.iter().filter(|words| !known.insert(*words)).cloned().collect::<Vec<_>>()
    };
    diaries.iter().flat_map(again).collect()
}

fn said(diaries: &[Diary], bequeathed: &[String]) -> BTreeSet<String> {
    diaries.iter().flat_map(|diary| &diary.said).chain(bequeathed).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::diary::Tally;

    /// What a tile says of who is cut off at 1,000 for five seconds.
    const CUT: [(Time, &str); 3] = [(14.0, "connected"), (5_000.0, "interrupted"), (9_000.0, "connected")];

    fn diary(states: &[(Time, &str)], gaps: &[(Time, Time)], said: &[&str], read: &[&str]) -> Diary {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Diary {
            since: 0.0,
            now: 20_000.0,
            states: states.iter().map(|(at, state)| (*at, "Bo".to_owned(), (*state).to_owned())).collect(),
            gaps: gaps.to_vec(),
            voices: vec![10.0],
            fresh: 1,
            connected: 1,
            away: false,
            tally: Tally::default(),
            said: texts(said),
            read: texts(read),
        }
    }

    #[test]
    fn a_cut_is_noticed_by_the_last_and_healed_when_all_are_heard() {
        let ana = diary(&CUT, &[(1_100.0, 8_000.0)], &["Ana:0;"], &["Ana:0;", "Bo:0;"]);
        let states = [(14.0, "connected"), (4_500.0, "interrupted"), (9_000.0, "connected")];
        let bo = diary(&states, &[(900.0, 9_500.0)], &["Bo:0;"], &["Ana:0;", "Bo:0;"]);
        let account = Account::of(Trouble::Cut(std::time::Duration::ZERO), (1_000.0, 6_000.0), &[ana, bo], &[]);
        assert_eq!((account.noticed, account.lasted, account.healed), (Some(4_000.0), 5_000.0, 3_500.0));
        assert_eq!((account.unaware, account.silence, account.replaced, account.said), (0, 8_600.0, 0, 2));
        account.check().unwrap();
    }

    #[test]
    fn both_say_in_time_what_befalls_them_but_who_sleeps_and_of_lost_packets_nothing_is_said() {
        const LATE: [(Time, &str); 1] = [(6_001.0, "interrupted")];
        const AWAY: [(Time, &str); 1] = [(1_100.0, "away")];
        const LENGTH: std::time::Duration = std::time::Duration::ZERO;
        let check_after = |silence: Time, trouble: Trouble, both: [&[(Time, &str)]; 2]| {
            let diaries = both.map(|states| diary(states, &[(1_100.0, 1_100.0 + silence)], &[], &[]));
            Account::of(trouble, (1_000.0, 6_000.0), &diaries, &[]).check().is_ok()
        };
        assert!(check_after(1_900.0, Trouble::RelayKilled, [&CUT, &[]]), "it was over before they could know");
        assert!(!check_after(2_100.0, Trouble::RelayKilled, [&CUT, &[]]));
        let check = |trouble: Trouble, both: [&[(Time, &str)]; 2]| {
            let lasts = trouble.heard_within().map_or(0.0, |_| 5_000.0);
            check_after(lasts, trouble, both)
        };
        assert!(check(Trouble::Cut(LENGTH), [&CUT, &CUT]) && !check(Trouble::Cut(LENGTH), [&CUT, &LATE]));
        assert!(!check(Trouble::Cut(LENGTH), [&CUT, &[]]) && !check(Trouble::Cut(LENGTH), [&[], &CUT]));
        assert!(check(Trouble::Asleep(LENGTH), [&[], &CUT]) && !check(Trouble::Asleep(LENGTH), [&CUT, &[]]));
        assert!(check(Trouble::ServerKilled, [&AWAY, &AWAY]) && !check(Trouble::ServerKilled, [&AWAY, &[]]));
        assert!(check(Trouble::Loss(2), [&[], &[]]) && !check(Trouble::Loss(2), [&[], &CUT]));
    }

    #[test]
    fn a_voice_that_began_meanwhile_is_of_another_connection_unless_its_page_is_new() {
        let diary =
            |since: Time, voices: &[Time]| Diary { since, voices: voices.to_vec(), ..diary(&[], &[], &[], &[]) };
        let account = |of: &[Diary]| Account::of(Trouble::Moved(Kind::Chromium), (1_000.0, 1_000.0), of, &[]).replaced;
        assert_eq!(account(&[diary(0.0, &[10.0, 999.0]), diary(0.0, &[10.0])]), 0);
        assert_eq!(account(&[diary(0.0, &[10.0, 1_500.0]), diary(2_000.0, &[2_500.0])]), 1);
    }

    #[test]
    fn nothing_may_be_lost_or_come_twice_and_no_silence_where_there_is_a_way() {
        let check = |gaps: &[(Time, Time)], read: &[&str]| {
            let diary = diary(&[(1_100.0, "away")], gaps, &["Ana:0;"], read);
            Account::of(Trouble::ServerKilled, (1_000.0, 6_000.0), &[diary], &[]).check()
        };
        check(&[], &["Ana:0;"]).unwrap();
        check(&[], &[]).unwrap_err();
        check(&[], &["Ana:0;", "Ana:0;"]).unwrap_err();
        check(&[(1_000.0, 3_000.0)], &["Ana:0;"]).unwrap_err();
    }

    #[test]
    fn who_is_heard_again_too_late_was_not_to_be_silent_for_so_long() {
        let check = |heard: Time| {
            let trouble = Trouble::Cut(std::time::Duration::from_secs(5));
            Account::of(trouble, (1_000.0, 6_000.0), &[diary(&CUT, &[(1_100.0, heard)], &[], &[])], &[]).check()
        };
        check(12_000.0).unwrap();
        check(12_200.0).unwrap_err();
    }
}
