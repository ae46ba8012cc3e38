//! What somebody lives through in a call, with its times: how tiles were, when nobody was heard, what was said and read.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Person;

/// Milliseconds on the machine's clock, which pages have too.
pub type Time = f64;

/// Longer than a microphone says nothing in a call that all is well with: Opus sends a packet each 0.4 s at least.
pub const PAUSE: Time = 1_000.0;

/// What was written down so far.
#[derive(Clone, Debug, Deserialize)]
pub struct Diary {
    /// Since when it is kept.
    pub since: Time,
    /// When it was asked for.
    pub now: Time,
    /// From when on which tile said what; a tile without a name is the banner of a server that is out of reach.
    pub states: Vec<(Time, String, String)>,
    /// From when until when less was heard than is to be. The last has not ended yet, and may be of no length.
    /// Sound of which nothing is lacking, while the page was too busy to write it down for less than three seconds, is none.
    pub gaps: Vec<(Time, Time)>,
    /// Since when sound came over each connection that ever was.
    pub voices: Vec<Time>,
    /// Connections over which sound came lately.
    pub fresh: usize,
    /// Tiles that say `connected`.
    pub connected: usize,
    /// The server is said to be out of reach.
    pub away: bool,
    /// Of all sound that came.
    pub tally: Tally,
    /// All that was said.
    pub said: Vec<String>,
    /// All that the chat shows of what anybody said so.
    pub read: Vec<String>,
}

/// Sound that came, and what was lacking of it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Tally {
    /// Packets that never came.
    pub lost: f64,
    /// Samples that were played.
    pub samples: f64,
    /// Those of them that were made up.
    pub concealed: f64,
    /// Those of them that were made up as silence.
    pub silent: f64,
}

impl Tally {
    /// Of a thousand samples, how many were made up to fill gaps in what somebody said.
    pub fn concealment(&self) -> f64 {
        (self.concealed - self.silent) / self.samples.max(1.0) * 1e3
    }
}

impl std::ops::Sub for Tally {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            lost: self.lost - other.lost,
            samples: self.samples - other.samples,
            concealed: self.concealed - other.concealed,
            silent: self.silent - other.silent,
        }
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, tally| Self {
            lost: sum.lost + tally.lost,
            samples: sum.samples + tally.samples,
            concealed: sum.concealed + tally.concealed,
            silent: sum.silent + tally.silent,
        })
    }
}

/// The machine's clock.
pub fn now() -> Time {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e3)
}

impl Diary {
    /// When a tile said `state` first, after `since`.
    pub fn first(&self, state: &str, since: Time) -> Option<Time> {
        self.states.iter().find(|(at, _, said)| *at >= since && said == state).map(|(at, ..)| *at)
    }

    /// When a tile last came to say `state`, after `since`.
    pub fn last(&self, state: &str, since: Time) -> Option<Time> {
        self.states.iter().rfind(|(at, _, said)| *at >= since && said == state).map(|(at, ..)| *at)
    }

    /// The longest time after `since` in which less was heard than is to be.
    pub fn longest_gap(&self, since: Time) -> (Time, Time) {
        let after = self.gaps.iter().filter(|(_, to)| *to >= since);
        after.copied().max_by(|one, other| (one.1 - one.0).total_cmp(&(other.1 - other.0))).unwrap_or((since, since))
    }
}

impl Person {
    /// From now on, in this page: from how many `others` there is always something to be heard.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn keeps_a_diary(&self, others: usize) -> Result<()> {
        self.page().call(include_str!("diary.js"), json!([others, false])).await.map(|_| ())
    }

    /// The same, of the connections alone that there are now.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn keeps_a_diary_of_who_is_here(&self, others: usize) -> Result<()> {
        self.page().call(include_str!("diary.js"), json!([others, true])).await.map(|_| ())
    }

    /// From now on another number is to be heard.
    ///
    /// # Errors
    /// There is no diary.
    pub async fn is_to_hear(&self, others: usize) -> Result<()> {
        self.page().call("(others) => __diary.hears(others)", json!(others)).await.map(|_| ())
    }

    /// Was connected to `other` and had sound from everybody in the diary since it is kept, in a page that was never too busy to be used.
    ///
    /// # Errors
    /// Somebody was not heard for a while, the page did nothing for one, or there is no diary.
    pub async fn heard_all_along(&self, other: &Self) -> Result<()> {
        let diary = self.diary().await?;
        let (from, to) = diary.longest_gap(diary.since);
        let (me, after, lasted) = (self.name(), from - diary.since, to - from);
        ensure!(lasted <= 2.0 * PAUSE, "{me} heard too little for {lasted:.0} ms, after {after:.0} ms");
        let mut states = diary.states.iter().filter(|(_, of, _)| of == other.name());
        ensure!(states.all(|(.., said)| said == "connected"), "for {me}: {:?}", diary.states);
        Ok(())
    }

    /// Says something each second, in the name of `author`.
    ///
    /// # Errors
    /// There is no diary.
    pub async fn keeps_saying(&self, author: &str) -> Result<()> {
        self.opens("Chat").await?;
        self.page().call("(name) => __diary.speaks(name)", json!(author)).await.map(|_| ())
    }

    /// Says no more.
    ///
    /// # Errors
    /// There is no diary.
    pub async fn falls_silent(&self) -> Result<()> {
        self.page().call("() => __diary.stops()", Value::Null).await.map(|_| ())
    }

    /// What is in the diary.
    ///
    /// # Errors
    /// There is none.
    pub async fn diary(&self) -> Result<Diary> {
        let told = self.page().call("() => __diary.tells()", Value::Null).await?;
        serde_json::from_value(told).context("a diary of another shape")
    }
}
