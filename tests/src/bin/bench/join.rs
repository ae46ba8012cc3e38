//! From a link to a voice: how long a newcomer waits, in a browser with nothing in its cache and the microphone granted.
//!
//! One member is inside, in another profile of the same browser. The bare page has the same steps: a lobby with a level meter
//! and how many are inside, a name typed, a click, an offer, an answer, candidates.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use klatch_tests::browser::Browser;
use klatch_tests::page::Page;
use klatch_tests::{Kind, wait};
use serde::Deserialize;
use serde_json::{Value, json};

use super::seats::Server;
use super::table::{Table, Target};

const PATIENCE: Duration = Duration::from_secs(30);
/// Between what prepares and what is measured: a browser goes on for a while after each.
const REST: Duration = Duration::from_millis(1500);

/// On the page's clock, in milliseconds.
#[derive(Debug, Deserialize)]
struct Stopwatch {
    loaded: Option<f64>,
    joinable: Option<f64>,
    clicked: Option<f64>,
    heard: Option<f64>,
}

#[derive(Default)]
struct Figures {
    loaded: Vec<f64>,
    joinable: Vec<f64>,
    heard: Vec<f64>,
}

/// Measures both pages in turns.
///
/// # Errors
/// A page does not get as far as sound.
pub async fn bench(rounds: usize) -> Result<Table> {
    let browser = Browser::start(Kind::Chromium).await?;
    let stopwatch = json!({ "functionDeclaration": include_str!("stopwatch.js") });
    browser.command("script.addPreloadScript", stopwatch).await?;
    let (klatch, floor) = (Server::klatch().await?, Server::floor().await?);
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    // The first round warms the browser itself up.
    for round in 0..=rounds {
        for turn in [round % 2, (round + 1) % 2] {
            let (server, figures) = if turn == 0 { (&klatch, &mut ours) } else { (&floor, &mut theirs) };
            let watch = measure(&browser, server, round).await.with_context(|| server.url().to_owned())?;
            if round > 0 {
                figures.note(&watch).with_context(|| format!("{watch:?}"))?;
            }
        }
    }
    let mut table = Table::new(format!("join: headless Chromium, an empty cache, one member inside; {rounds} rounds"));
    let target = Target::Ratio(1.5);
    table.compare("from the link to its last file, ms", 0, &ours.loaded, &theirs.loaded, Target::None);
    table.compare("from the link to Join, ms", 0, &ours.joinable, &theirs.joinable, target);
    table.compare("from Join to the first sound, ms", 0, &ours.heard, &theirs.heard, target);
    Ok(table)
}

impl Figures {
    /// Adds one run; `None` if it did not get to its end.
    fn note(&mut self, watch: &Stopwatch) -> Option<()> {
        self.loaded.push(watch.loaded?);
        self.joinable.push(watch.joinable?);
        self.heard.push(watch.heard? - watch.clicked?);
        Some(())
    }
}

/// One newcomer's way in.
async fn measure(browser: &Arc<Browser>, server: &Server, round: usize) -> Result<Stopwatch> {
    let host = Visitor::new(browser).await?;
    let link = host.open_a_room(server, round).await.context("the member inside")?;
    let newcomer = Visitor::new(browser).await?;
    tokio::time::sleep(REST).await;
    newcomer.page.open(&link).await?;
    newcomer.waits_until("Join can be clicked", |watch| watch.joinable.is_some()).await?;
    // The lobby is calm before it is left.
    tokio::time::sleep(REST).await;
    newcomer.joins("Bo").await?;
    let watch = newcomer.waits_until("there is sound", |watch| watch.heard.is_some()).await?;
    newcomer.goes().await?;
    host.goes().await?;
    Ok(watch)
}

/// Somebody with an empty profile.
struct Visitor {
    browser: Arc<Browser>,
    profile: String,
    page: Page,
}

impl Visitor {
    async fn new(browser: &Arc<Browser>) -> Result<Self> {
        let profile = browser.new_profile().await?;
        let page = Page::new(browser.clone(), &profile).await?;
        Ok(Self { browser: browser.clone(), profile, page })
    }

    /// Is inside a new room; its link comes back.
    async fn open_a_room(&self, server: &Server, round: usize) -> Result<String> {
        match server {
            Server::Klatch(broker) => {
                self.page.open(broker.url()).await?;
                self.page.fill("Room name", "Bench").await?;
                self.page.click("button", "Create room").await?;
                self.joins("Ana").await?;
                self.page.click("button", "Invite").await?;
                self.page.value(&self.page.find("textbox", "Invitation link").await?).await
            }
            Server::Floor { url, .. } => {
                let link = format!("{url}/r/{round}");
                self.page.open(&link).await?;
                self.joins("Ana").await?;
                let inside = "() => document.title === 'Inside'";
                wait::until("to be inside", PATIENCE, async || {
                    Ok((self.page.call(inside, Value::Null).await? == true).then_some(()))
                })
                .await?;
                Ok(link)
            }
        }
    }

    async fn joins(&self, name: &str) -> Result<()> {
        self.page.fill("Your name", name).await?;
        self.page.click("button", "Join").await
    }

    async fn waits_until(&self, what: &str, done: impl Fn(&Stopwatch) -> bool) -> Result<Stopwatch> {
        wait::until(what, PATIENCE, async || {
            let watch = self.page.call("() => window.__stopwatch", Value::Null).await?;
            Ok(Some(serde_json::from_value(watch)?).filter(|watch| done(watch)))
        })
        .await
    }

    async fn goes(self) -> Result<()> {
        self.browser.remove_profile(&self.profile).await
    }
}
