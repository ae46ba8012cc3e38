//! What is counted while it happens: by any thread, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use klatch_shared::wire::{Glance, Peeked, RefusalCode, Verb};

use super::REFUSALS;
use super::text::Text;
use super::turned_away::TurnedAway;
use crate::address::Address;
use crate::trouble::Trouble;

/// Closes as RFC 6455 and [`klatch_shared::wire::CloseCode`] number them; 1000 is for a client that closed, 1006 for one that was lost.
const CLOSES: [u16; 12] = [1000, 1002, 1006, 1007, 1009, 1012, 4001, 4002, 4003, 4004, 4005, 4006];
/// Bounds of the latencies told apart, in microseconds.
const BOUNDS: [u64; 10] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000];

/// Verbs that take about as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A signature is checked.
    Entering,
    /// Something is passed on to another member.
    Signalling,
    /// All others.
    Other,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Entering, Self::Signalling, Self::Other];

    pub(crate) fn of(verb: &Verb) -> Self {
        match verb {
            Verb::Create(_) | Verb::Join(_) | Verb::Revive(_) => Self::Entering,
            Verb::Offer(_) | Verb::Answer(_) | Verb::Candidate(_) => Self::Signalling,
            Verb::Leave
            | Verb::Forget(_)
            | Verb::Card(_)
            | Verb::Lock(_)
            | Verb::End
            | Verb::Peek(_)
            | Verb::HostCode(_)
            | Verb::IceServers
            | Verb::Ping => Self::Other,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Entering => "entering",
            Self::Signalling => "signalling",
            Self::Other => "other",
        }
    }
}

/// All counts since the start.
#[derive(Debug)]
pub(crate) struct Tally {
    joins: AtomicU64,
    turned_away: [AtomicU64; TurnedAway::ALL.len()],
    in_the_way: [Trouble; TurnedAway::ALL.len()],
    refusals: [AtomicU64; REFUSALS],
    /// Rooms that were found, and those that were not.
    glances: [AtomicU64; 2],
    closes: [AtomicU64; CLOSES.len()],
    latencies: [Histogram; Kind::ALL.len()],
}

#[derive(Debug, Default)]
struct Histogram {
    /// One for each bound, and one beyond.
    counts: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            joins: AtomicU64::new(0),
            turned_away: Default::default(),
            in_the_way: Default::default(),
            refusals: [const { AtomicU64::new(0) }; REFUSALS],
            glances: Default::default(),
            closes: Default::default(),
            latencies: Default::default(),
        }
    }
}

impl Tally {
    /// A seat was given, or taken again.
    pub(crate) fn joined(&self) {
        count(&self.joins);
    }

    /// A connection was dropped, or its WebSocket refused; a trusted proxy's own is from no address.
    pub(crate) fn turned_away(&self, why: TurnedAway, from: Option<Address>) {
        count(&self.turned_away[why as usize]);
        why.log(from, &self.in_the_way[why as usize]);
    }

    pub(crate) fn refused(&self, code: RefusalCode) {
        count(&self.refusals[code as usize]);
    }

    /// Somebody looked into rooms. Those who guess are not told from pages that look after rooms that are gone.
    pub(crate) fn looked(&self, peeked: &Peeked) {
        let [found, missed] = &self.glances;
        for room in &peeked.rooms {
            count(match room.glance {
                Glance::Alive(_) => found,
                Glance::Refused(_) => missed,
            });
        }
    }

    /// A WebSocket ended with this code.
    pub(crate) fn closed(&self, code: u16) {
        if let Some(index) = CLOSES.iter().position(|known| *known == code) {
            count(&self.closes[index]);
        }
    }

    /// A verb was answered after so long.
    pub(crate) fn took(&self, kind: Kind, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let histogram = &self.latencies[kind as usize];
        count(&histogram.counts[BOUNDS.partition_point(|bound| *bound < micros)]);
        histogram.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn write(&self, text: &mut Text) {
        text.counter("klatch_joins_total", "Seats that were given or taken again.").value(now(&self.joins));
        let meaning = "Connections that were turned away before anything could be asked, by the limit, or the origin, in the way.";
        let mut turned_away = text.counter("klatch_connections_refused_total", meaning);
        for why in TurnedAway::ALL {
            turned_away = turned_away.labelled(&[("reason", why.label())], now(&self.turned_away[why as usize]));
        }
        let mut refused =
            text.counter("klatch_refusals_total", "Requests that were refused, by the code that was answered.");
        for code in RefusalCode::ALL {
            refused = refused.labelled(&[("code", code.word())], now(&self.refusals[*code as usize]));
        }
        let meaning = "Rooms that were looked into, by whether the room lived and the token was one of its own.";
        let mut looked = text.counter("klatch_glances_total", meaning);
        for (found, glances) in ["yes", "no"].iter().zip(&self.glances) {
            looked = looked.labelled(&[("found", *found)], now(glances));
        }
        let meaning = "WebSockets that ended, by close code: 1000 where the client closed, 1006 where it was lost.";
        let mut closed = text.counter("klatch_closes_total", meaning);
        for (code, closes) in CLOSES.iter().zip(&self.closes) {
            closed = closed.labelled(&[("code", &code.to_string())], now(closes));
        }
        let meaning = "Time from a request that was read to its answer that is queued, without what the disk takes.";
        let mut taken = text.histogram("klatch_verb_seconds", meaning);
        for kind in Kind::ALL {
            let histogram = &self.latencies[kind as usize];
            let counts = histogram.counts.each_ref().map(now);
            taken = taken.buckets(("kind", kind.label()), &BOUNDS, &counts, now(&histogram.micros));
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn now(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use klatch_shared::wire::CloseCode;

    fn written(tally: &Tally) -> String {
        let mut text = Text::default();
        tally.write(&mut text);
        text.into_string()
    }

    #[test]
    fn who_is_turned_away_is_counted_by_the_name_of_the_limit_in_the_way() {
        let tally = Tally::default();
        TurnedAway::ALL.iter().for_each(|why| tally.turned_away(*why, None));
        tally.turned_away(TurnedAway::Handshakes, None);
        let (text, known) = (written(&tally), crate::limits::help());
        for why in TurnedAway::ALL {
            let (label, count) = (why.label(), 1 + u64::from(why == TurnedAway::Handshakes));
            let line = format!("klatch_connections_refused_total{{reason=\"{label}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
            assert!(why == TurnedAway::Origin || known.contains(&format!("  {label}=")), "{label} is a limit");
        }
    }

    #[test]
    fn everything_is_told_even_before_it_happens() {
        let text = written(&Tally::default());
        for code in RefusalCode::ALL {
            assert!(text.contains(&format!("klatch_refusals_total{{code=\"{}\"}} 0\n", code.word())), "{code:?}");
        }
        for code in CloseCode::ALL {
            assert!(text.contains(&format!("klatch_closes_total{{code=\"{}\"}} 0\n", code.code())), "{code:?}");
        }
    }

    #[test]
    fn what_happens_is_counted_where_it_belongs() {
        let tally = Tally::default();
        RefusalCode::ALL.iter().for_each(|code| tally.refused(*code));
        tally.refused(RefusalCode::RoomFull);
        tally.refused(RefusalCode::Unknown);
        CLOSES.iter().for_each(|code| tally.closed(*code));
        tally.closed(CloseCode::Silent.code());
        tally.closed(9999);
        let text = written(&tally);
        assert!(text.contains("klatch_refusals_total{code=\"room-full\"} 2\n"));
        assert!(text.contains("klatch_refusals_total{code=\"shutting-down\"} 1\n"));
        assert!(text.contains("klatch_closes_total{code=\"4003\"} 2\n"));
        assert_eq!(text.matches("klatch_closes_total{").count(), CLOSES.len());
    }

    #[test]
    fn a_bucket_holds_all_that_took_no_longer() {
        let tally = Tally::default();
        for micros in [10, 50, 51, 9_000, 1_000_000] {
            tally.took(Kind::Signalling, Duration::from_micros(micros));
        }
        let text = written(&tally);
        for (bound, count) in [("0.00005", 2), ("0.0001", 3), ("0.005", 3), ("0.01", 4), ("0.25", 4), ("+Inf", 5)] {
            let line = format!("klatch_verb_seconds_bucket{{kind=\"signalling\",le=\"{bound}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(text.contains("klatch_verb_seconds_count{kind=\"signalling\"} 5\n"));
        assert!(text.contains("klatch_verb_seconds_sum{kind=\"signalling\"} 1.009111\n"));
        assert!(text.contains("klatch_verb_seconds_count{kind=\"entering\"} 0\n"));
    }
}
