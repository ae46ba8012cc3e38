//! What is really heard and seen, by the browsers' own statistics and by listening.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::page::PATIENCE;
use crate::{Person, wait};

/// More than a silent microphone brings together, and a small part of what a beep does.
const HEARD: f64 = 1e-4;
/// The mean power of what is surely no silence.
const AUDIBLE: f64 = 1e-6;
/// Frames that make a moving picture.
const SEEN: u64 = 5;

/// One connection between two members, as its own statistics tell.
#[derive(Clone, Debug, Deserialize)]
pub struct Connection {
    /// `connectionState`.
    pub state: String,
    /// What was measured of the sound that came in.
    pub energy: f64,
    /// What comes in.
    pub inbound: Vec<Stream>,
    /// What goes out.
    pub outbound: Vec<Stream>,
    /// The kinds of the two candidates in use, local first.
    pub pair: Option<(Option<String>, Option<String>)>,
}

/// One media stream, counted since its beginning.
#[derive(Clone, Debug, Deserialize)]
pub struct Stream {
    /// `audio` or `video`.
    pub kind: String,
    /// `totalAudioEnergy`.
    #[serde(default)]
    pub energy: f64,
    /// Frames decoded, or encoded.
    #[serde(default)]
    pub frames: u64,
    /// Packets received, or sent.
    #[serde(default)]
    pub packets: u64,
}

impl Connection {
    fn heard(&self) -> f64 {
        self.energy + self.inbound.iter().map(|stream| stream.energy).sum::<f64>()
    }
}

impl Person {
    /// The connections that are not closed, oldest first.
    ///
    /// # Errors
    /// The browser can't tell.
    pub async fn connections(&self) -> Result<Vec<Connection>> {
        let stats = self.page().call("() => __test.stats()", Value::Null).await?;
        serde_json::from_value(stats).context("statistics of another shape")
    }

    /// Waits until exactly so many connections are up, sound with energy in it comes out of each
    /// decoder, and the speakers play.
    ///
    /// # Errors
    /// It does not.
    pub async fn hears(&self, others: usize) -> Result<()> {
        let mut last = Vec::new();
        let mut start: Option<Vec<f64>> = None;
        let heard = wait::until(&format!("{} to hear {others}", self.name()), PATIENCE, async || {
            last = self.connections().await?;
            if last.len() != others || last.iter().any(|connection| connection.state != "connected") {
                start = None;
                return Ok(None);
            }
            let now: Vec<f64> = last.iter().map(Connection::heard).collect();
            let since = start.get_or_insert_with(|| now.clone());
            Ok(since.iter().zip(&now).all(|(then, now)| now - then > HEARD).then_some(()))
        })
        .await;
        heard.with_context(|| format!("{last:?}"))?;
        wait::until(&format!("the speakers of {} to play", self.name()), PATIENCE, async || {
            let power = self.page().call("(enough) => __test.loudness(1500, enough)", json!(AUDIBLE)).await?;
            Ok(power.as_f64().filter(|power| *power > AUDIBLE))
        })
        .await
        .map(|_| ())
    }

    /// Makes sure that no sound with energy in it arrives any more, after at most a moment.
    ///
    /// # Errors
    /// It does.
    pub async fn hears_nothing(&self) -> Result<()> {
        // Longer than the beeps of Chromium's microphone are apart.
        const QUIET: Duration = Duration::from_millis(1500);
        let mut last: Option<(f64, Instant)> = None;
        wait::until(&format!("silence for {}", self.name()), PATIENCE, async || {
            let heard: f64 = self.connections().await?.iter().map(Connection::heard).sum();
            let (before, since) = *last.get_or_insert((heard, Instant::now()));
            if heard - before >= HEARD / 10.0 {
                last = Some((heard, Instant::now()));
            }
            Ok((heard - before < HEARD / 10.0 && since.elapsed() >= QUIET).then_some(()))
        })
        .await
    }

    /// Waits until so many moving pictures are decoded.
    ///
    /// # Errors
    /// They are not.
    pub async fn decodes(&self, pictures: usize) -> Result<()> {
        let mut last = Vec::new();
        let mut start: Option<Vec<u64>> = None;
        let decoded = wait::until(&format!("{} to decode {pictures} pictures", self.name()), PATIENCE, async || {
            last = self.connections().await?;
            let inbound = last.iter().flat_map(|connection| &connection.inbound);
            let now: Vec<u64> = inbound.filter(|stream| stream.kind == "video").map(|stream| stream.frames).collect();
            let since = match &start {
                Some(since) if since.len() == now.len() => since,
                _ => start.insert(now.clone()),
            };
            let moving = since.iter().zip(&now).filter(|(then, now)| *now - *then >= SEEN).count();
            Ok((moving >= pictures).then_some(()))
        })
        .await;
        decoded.with_context(|| format!("{last:?}"))
    }

    /// Waits until the tile shows a moving picture; its size comes back.
    ///
    /// # Errors
    /// It does not.
    pub async fn watches(&self, tile: &str) -> Result<(u64, u64)> {
        wait::until(&format!("a moving picture in {tile} for {}", self.name()), PATIENCE, async || {
            let element = self.sees(tile).await?;
            let frames = self.page().call_on(&element, FRAMES, json!([SEEN, 1500])).await?;
            let size = frames["width"].as_u64().zip(frames["height"].as_u64());
            Ok(size.filter(|_| frames["count"].as_u64() >= Some(SEEN)))
        })
        .await
    }

    /// Waits until exactly these devices are busy for the page: `audio` for a microphone, `video` for a camera or screen.
    ///
    /// # Errors
    /// Others are.
    pub async fn captures(&self, kinds: &[&str]) -> Result<()> {
        let mut last = Vec::new();
        wait::until(&format!("{} to capture {kinds:?}", self.name()), PATIENCE, async || {
            let captured = self.page().call("() => __test.capturing()", Value::Null).await?;
            last = serde_json::from_value::<Vec<String>>(captured)?;
            last.sort();
            Ok((last == kinds).then_some(()))
        })
        .await
        .with_context(|| format!("captured: {last:?}"))
    }

    /// Waits until the tile shows no picture any more.
    ///
    /// # Errors
    /// It still does.
    pub async fn shows_no_picture(&self, tile: &str) -> Result<()> {
        wait::until(&format!("no picture in {tile} for {}", self.name()), PATIENCE, async || {
            let element = self.sees(tile).await?;
            let videos =
                self.page().call_on(&element, "(tile) => tile.querySelectorAll('video').length", Value::Null).await?;
            Ok((videos == 0).then_some(()))
        })
        .await
    }

    /// The mean power of what the speakers play during `during`.
    ///
    /// # Errors
    /// The browser can't tell.
    pub async fn loudness(&self, during: Duration) -> Result<f64> {
        let power = self.page().call("(during) => __test.loudness(during)", json!(during.as_millis())).await?;
        power.as_f64().context("loudness is no number")
    }
}

/// Frames that the element's video presents, until there are enough or time is over.
const FRAMES: &str = r"async (element, [enough, during]) => {
    const video = [...element.querySelectorAll('video')].find(({ videoWidth }) => videoWidth > 0);
    if (!video) return { count: 0 };
    let count = 0;
    await new Promise((resolve) => {
        const next = () => video.requestVideoFrameCallback(() => ++count < enough ? next() : resolve());
        next();
        setTimeout(resolve, during);
    });
    return { count, width: video.videoWidth, height: video.videoHeight };
}";
