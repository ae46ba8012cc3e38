//! A server that is stopped and started again under a call of five, beside that call without.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::account;
use crate::diary::{Diary, PAUSE, Tally, Time, now};
use crate::page::PATIENCE;
use crate::usage::median;
use crate::{Broker, Kind, Person, Scene, wait};

/// How long each part of the call is.
const PART: Duration = Duration::from_secs(10);
/// How often the server is stopped and started, with a quiet part before and after: other programs disturb sound too, now and then.
const TIMES: usize = 3;
/// Within this the next process is to serve.
const GAP: Duration = Duration::from_secs(2);
/// One update may differ so many times as much as it does from one part to another.
const FAR: f64 = 5.0;
const NAMES: [&str; 5] = ["Ana", "Bo", "Cleo", "Dee", "Ed"];

/// What came of it: the sound of all to all, and their messages.
#[derive(Clone, Debug)]
pub struct Update {
    /// In parts of the call in which nothing happened.
    pub quiet: Vec<Tally>,
    /// In those between them, in which the server was stopped and started again.
    pub updated: Vec<Tally>,
    /// The longest time in which somebody did not hear somebody else, in milliseconds.
    pub silence: Time,
    /// How long there was no server at most.
    pub gap: Duration,
    /// Messages that were said, a second and member one.
    pub said: usize,
    /// Those that somebody did not get, or more than once.
    pub astray: Vec<String>,
}

/// What tells of sound.
pub struct Measure {
    /// In words.
    pub what: &'static str,
    /// Digits behind the point that are worth telling.
    pub digits: usize,
    /// How it is counted.
    pub tell: fn(&Tally) -> f64,
    /// By how much it differs from one part to another in which as little happens.
    pub noise: f64,
}

impl Measure {
    /// All.
    pub const ALL: [Self; 2] = [
        Self { what: "concealed of 1,000 samples", digits: 2, tell: Tally::concealment, noise: 1.0 },
        Self { what: "packets lost", digits: 0, tell: |tally| tally.lost, noise: 5.0 },
    ];

    /// In the worst of these.
    pub fn worst(&self, tallies: &[Tally]) -> f64 {
        tallies.iter().map(self.tell).fold(0.0, f64::max)
    }

    /// In the middle of these.
    pub fn of(&self, tallies: &[Tally]) -> f64 {
        median(&tallies.iter().map(self.tell).collect::<Vec<_>>())
    }
}

impl Update {
    /// Whether nobody needs to have noticed.
    ///
    /// # Errors
    /// Words went astray, or sound is worse than without an update.
    pub fn check(&self) -> Result<()> {
        ensure!(self.astray.is_empty(), "these are lost, or were read more than once: {:?}", self.astray);
        ensure!(self.silence <= PAUSE, "silence for {:.0} ms: {self:?}", self.silence);
        for measure in Measure::ALL {
            let (updated, quiet) = (measure.of(&self.updated), measure.of(&self.quiet));
            ensure!(updated <= quiet + measure.noise, "{}: {updated}, and {quiet} without: {self:?}", measure.what);
            let (updated, quiet) = (measure.worst(&self.updated), measure.worst(&self.quiet));
            let most = quiet + measure.noise * FAR;
            ensure!(updated <= most, "{}: {updated} once, and {quiet} without: {self:?}", measure.what);
        }
        Ok(())
    }
}

/// Five meet, talk and chat; the server is stopped as service managers do, and the next started in its place with these flags,
/// some times.
///
/// # Errors
/// Somebody does not find back, or a newcomer not in.
pub async fn update(scene: &Scene, flags: &[&str]) -> Result<Update> {
    for text in ["WebSocket", "ws://"] {
        scene.forgive(text);
    }
    let mut broker = Broker::start(flags).await?;
    let port = broker.port();
    let (people, link) = scene.meet(&broker, NAMES.map(|name| (Kind::Chromium, name))).await?;
    for person in &people {
        person.keeps_a_diary(people.len() - 1).await?;
        person.keeps_saying(person.name()).await?;
    }
    wait_for(&people, "to hear all", |diary| diary.fresh == people.len() - 1).await?;
    let begin = now();
    let (mut quiet, mut updated, mut gap) = (vec![part(&people, async || Ok(())).await?], Vec::new(), Duration::ZERO);
    for _ in 0..TIMES {
        // Nothing is asked of anybody meanwhile: that would disturb them more than what happens.
        let update = part(&people, async || {
            let since = Instant::now();
            broker.stop().await?;
            broker = Broker::start_on(port, flags).await?;
            gap = gap.max(since.elapsed());
            Ok(())
        });
        updated.push(update.await?);
        wait_for(&people, "to be back", |diary| !diary.away).await?;
        quiet.push(part(&people, async || Ok(())).await?);
    }
    ensure!(gap < GAP, "the server took {gap:?} to end and to start");
    for person in &people {
        person.falls_silent().await?;
    }
    let mut diaries = Vec::new();
    let read = wait::until("everything to be read", PATIENCE, async || {
        diaries = tell(&people).await?;
        Ok(account::lacking(&diaries, &[]).is_empty().then_some(()))
    });
    // What is lacking is told of below.
    let _ = read.await;
    for (person, diary) in people.iter().zip(&diaries) {
        // The banner came and went; the tiles stayed as they were.
        let (banner, tiles): (Vec<_>, Vec<_>) = diary.states.iter().partition(|(_, of, _)| of.is_empty());
        let calm = tiles.iter().all(|(_, _, state)| state == "connected");
        let states: Vec<_> = banner.iter().map(|(_, _, state)| state.as_str()).collect();
        ensure!(calm && states == ["away", "gone"].repeat(TIMES), "{}: {:?}", person.name(), diary.states);
    }
    let newcomer = scene.person(Kind::Chromium, "Gil").await?;
    newcomer.accepts(&link).await?;
    for person in &people {
        person.is_connected_to("Gil").await?;
        newcomer.is_connected_to(person.name()).await?;
    }
    newcomer.hears(people.len()).await?;
    let gaps = diaries.iter().map(|diary| diary.longest_gap(begin));
    let silence = gaps.map(|(from, to)| to - from).fold(0.0, Time::max);
    let said = diaries.iter().map(|diary| diary.said.len()).sum();
    let astray = account::lacking(&diaries, &[]).into_iter().chain(account::repeated(&diaries)).collect();
    Ok(Update { quiet, updated, silence, gap, said, astray })
}

/// What was heard in a part of the call in which `happens` does.
async fn part(people: &[Person], happens: impl AsyncFnOnce() -> Result<()>) -> Result<Tally> {
    let (since, before) = (Instant::now(), sum(people).await?);
    happens().await?;
    ensure!(since.elapsed() < PART, "it took longer than {PART:?}");
    tokio::time::sleep_until((since + PART).into()).await;
    Ok(sum(people).await? - before)
}

async fn sum(people: &[Person]) -> Result<Tally> {
    Ok(tell(people).await?.iter().map(|diary| diary.tally).sum())
}

async fn tell(people: &[Person]) -> Result<Vec<Diary>> {
    let mut diaries = Vec::new();
    for person in people {
        diaries.push(person.diary().await.with_context(|| person.name().to_owned())?);
    }
    Ok(diaries)
}

async fn wait_for(people: &[Person], what: &str, holds: impl Fn(&Diary) -> bool) -> Result<()> {
    wait::until(&format!("all {what}"), PATIENCE, async || Ok(tell(people).await?.iter().all(&holds).then_some(())))
        .await
}
