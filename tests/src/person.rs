//! Somebody in front of a page of Klatch, and what such a person does there. Names and roles are surface.md's.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::Broker;
use crate::page::{Element, PATIENCE, Page};
use crate::wait;

/// Browsers take a quarter of a minute to say that there is no way.
const GIVING_UP: Duration = Duration::from_secs(45);

/// Somebody with a name, a profile and a tab.
#[derive(Clone)]
pub struct Person {
    name: String,
    page: Page,
    profile: String,
}

impl Person {
    pub(crate) fn new(name: &str, page: Page, profile: &str) -> Self {
        Self { name: name.to_owned(), page, profile: profile.to_owned() }
    }

    /// The name that they give.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What they look at.
    pub fn page(&self) -> &Page {
        &self.page
    }

    pub(crate) fn profile(&self) -> &str {
        &self.profile
    }

    /// Has said no, for good, when the browser asked whether pages of `origin` may use these.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn denies(&self, origin: &str, permissions: &[&str]) -> Result<()> {
        for name in permissions {
            let parameters = json!({ "descriptor": { "name": name }, "state": "denied", "origin": origin, "userContext": self.profile });
            self.page.browser().command("permissions.setPermission", parameters).await?;
        }
        Ok(())
    }

    // ---- doors

    /// Creates a room and goes in; its invitation link comes back.
    ///
    /// # Errors
    /// The page does not let them.
    pub async fn creates(&self, broker: &Broker, room: &str) -> Result<String> {
        self.creates_at(broker.url(), room).await
    }

    /// The same at another address of the broker.
    ///
    /// # Errors
    /// The page does not let them.
    pub async fn creates_at(&self, url: &str, room: &str) -> Result<String> {
        self.page.open(url).await?;
        self.names_a_room(room).await?;
        self.joins().await?;
        self.invitation().await
    }

    /// On the home page: types a room's name and clicks *Create room*.
    ///
    /// # Errors
    /// The page does not let them.
    pub async fn names_a_room(&self, room: &str) -> Result<()> {
        self.page.fill("Room name", room).await?;
        self.page.click("button", "Create room").await
    }

    /// Opens an invitation link and goes in.
    ///
    /// # Errors
    /// The page does not let them.
    pub async fn accepts(&self, link: &str) -> Result<()> {
        self.page.open(link).await?;
        self.joins().await
    }

    /// Before joining: gives the name, clicks *Join* and is in the room.
    ///
    /// # Errors
    /// The page does not let them.
    pub async fn joins(&self) -> Result<()> {
        self.asks_to_join().await?;
        self.is_in_the_room().await
    }

    /// Before joining: gives the name and clicks *Join*.
    ///
    /// # Errors
    /// The page does not let them.
    pub async fn asks_to_join(&self) -> Result<()> {
        self.page.fill("Your name", &self.name).await?;
        self.page.click("button", "Join").await
    }

    /// Waits to be in the room.
    ///
    /// # Errors
    /// Something else comes.
    pub async fn is_in_the_room(&self) -> Result<()> {
        self.page.find("button", "Leave").await.with_context(|| format!("{} is not in", self.name)).map(|_| ())
    }

    /// Leaves by the button.
    ///
    /// # Errors
    /// The page does not let them.
    pub async fn leaves(&self) -> Result<()> {
        self.page.click("button", "Leave").await?;
        self.page.gone("button", "Leave").await
    }

    /// The invitation link, from the panel *Invite*.
    ///
    /// # Errors
    /// It is not there.
    pub async fn invitation(&self) -> Result<String> {
        self.opens("Invite").await?;
        let link = self.page.value(&self.page.find("textbox", "Invitation link").await?).await?;
        self.closes("Invite").await?;
        Ok(link)
    }

    // ---- toolbar

    /// Clicks a button with two states and waits until it is in the other.
    ///
    /// # Errors
    /// It is not there, or stays.
    pub async fn toggles(&self, button: &str) -> Result<()> {
        let before = self.has_on(button).await?;
        self.page.click("button", button).await?;
        self.waits_until(button, !before).await
    }

    /// Whether such a button is pressed.
    ///
    /// # Errors
    /// It is not there.
    pub async fn has_on(&self, button: &str) -> Result<bool> {
        let element = self.page.find("button", button).await?;
        match self.page.attribute(&element, "aria-pressed").await?.as_deref() {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            other => bail!("“{button}” has aria-pressed {other:?}"),
        }
    }

    /// Waits for a state of such a button.
    ///
    /// # Errors
    /// It does not come.
    pub async fn waits_until(&self, button: &str, on: bool) -> Result<()> {
        let what = format!("“{button}” to be {}", if on { "on" } else { "off" });
        wait::until(&what, PATIENCE, async || Ok((self.has_on(button).await? == on).then_some(()))).await
    }

    /// Opens a panel, if it is not open.
    ///
    /// # Errors
    /// It stays closed.
    pub async fn opens(&self, panel: &str) -> Result<()> {
        self.turns(panel, "true").await
    }

    /// Closes a panel, if it is open.
    ///
    /// # Errors
    /// It stays open.
    pub async fn closes(&self, panel: &str) -> Result<()> {
        self.turns(panel, "false").await
    }

    async fn turns(&self, panel: &str, wanted: &str) -> Result<()> {
        if self.expanded(panel).await? == wanted {
            return Ok(());
        }
        self.page.click("button", panel).await?;
        wait::until(&format!("“{panel}” to be expanded: {wanted}"), PATIENCE, async || {
            Ok((self.expanded(panel).await? == wanted).then_some(()))
        })
        .await
    }

    async fn expanded(&self, panel: &str) -> Result<String> {
        let button = self.page.find("button", panel).await?;
        self.page.attribute(&button, "aria-expanded").await?.context("aria-expanded is missing")
    }

    // ---- stage

    /// Waits for the tile of this name.
    ///
    /// # Errors
    /// It does not come.
    pub async fn sees(&self, tile: &str) -> Result<Element> {
        self.page.find("group", tile).await.with_context(|| format!("{} does not see {tile}", self.name))
    }

    /// Waits until the tile's member is said to have the microphone on, or off.
    ///
    /// # Errors
    /// It is said otherwise for too long.
    pub async fn sees_microphone(&self, tile: &str, on: bool) -> Result<()> {
        // Who speaks has it on.
        let words: &[&str] = if on { &["microphone on", "speaking"] } else { &["microphone off"] };
        self.reads_one_on(tile, words).await
    }

    /// Waits until the tile has `words` on it.
    ///
    /// # Errors
    /// It does not for too long.
    pub async fn reads_on(&self, tile: &str, words: &str) -> Result<()> {
        self.reads_one_on(tile, &[words]).await
    }

    async fn reads_one_on(&self, tile: &str, words: &[&str]) -> Result<()> {
        wait::until(&format!("{words:?} on {tile} for {}", self.name), PATIENCE, async || {
            let text = self.page.text_of(&self.sees(tile).await?).await?;
            Ok(words.iter().any(|words| text.contains(words)).then_some(()))
        })
        .await
    }

    /// Waits until no tile has this name.
    ///
    /// # Errors
    /// It stays.
    pub async fn no_longer_sees(&self, tile: &str) -> Result<()> {
        self.page.gone("group", tile).await.with_context(|| format!("{} still sees {tile}", self.name))
    }

    /// Waits until the connection to this member is up, and direct.
    ///
    /// # Errors
    /// It is not for too long.
    pub async fn is_connected_to(&self, member: &str) -> Result<()> {
        self.is_connected_by("direct", member).await
    }

    /// Waits until the connection to this member is up, by `path`: `direct` or `relay`.
    ///
    /// # Errors
    /// It is not for too long.
    pub async fn is_connected_by(&self, path: &str, member: &str) -> Result<()> {
        self.is_connected_by_any(&[path], member).await
    }

    /// Waits until the connection to this member is up, by one of these paths.
    ///
    /// # Errors
    /// It is not for too long.
    pub async fn is_connected_by_any(&self, paths: &[&str], member: &str) -> Result<()> {
        let mut state = None;
        let connected = wait::until(&format!("{} to be connected to {member}", self.name), PATIENCE, async || {
            let tile = self.sees(member).await?;
            state = self.page.attribute(&tile, "data-state").await?;
            Ok((state.as_deref() == Some("connected")).then_some(tile))
        })
        .await;
        let tile = connected.with_context(|| format!("data-state is {state:?}"))?;
        // Where a relay answers first, browsers find the direct path a moment later.
        let mut found = None;
        let arrived = wait::until("data-path", PATIENCE, async || {
            found = self.page.attribute(&tile, "data-path").await?;
            Ok(found.as_deref().is_some_and(|found| paths.contains(&found)).then_some(()))
        })
        .await;
        arrived.with_context(|| format!("data-path is {found:?}"))
    }

    /// Waits until the page has given the connection to this member up.
    ///
    /// # Errors
    /// It has not for too long, or the connection is up.
    pub async fn does_not_reach(&self, member: &str) -> Result<()> {
        wait::until(&format!("{} to give up reaching {member}", self.name), GIVING_UP, async || {
            let tile = self.sees(member).await?;
            match self.page.attribute(&tile, "data-state").await?.as_deref() {
                Some("failed") => Ok(Some(())),
                Some("connected") => bail!("{} is connected to {member}", self.name),
                _ => Ok(None),
            }
        })
        .await
    }

    /// Has the page take its connections for failed, as after the loss of a network, though nothing is wrong with them.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn seems_cut_off(&self) -> Result<()> {
        let lose = "() => {
            const up = __test.connections.filter(({ connectionState }) => connectionState === 'connected');
            for (const connection of up) {
                Object.defineProperty(connection, 'connectionState', { value: 'failed', configurable: true });
                connection.dispatchEvent(new Event('connectionstatechange'));
            }
            window.__find_again = () => {
                for (const connection of up) {
                    delete connection.connectionState;
                    connection.dispatchEvent(new Event('connectionstatechange'));
                }
            };
            return up.length;
        }";
        let lost = self.page.call(lose, Value::Null).await?;
        ensure!(lost != 0, "{} has no connection to lose", self.name);
        Ok(())
    }

    /// Ends what [`Person::seems_cut_off`] began.
    ///
    /// # Errors
    /// It did not begin.
    pub async fn seems_back(&self) -> Result<()> {
        self.page.call("() => __find_again()", Value::Null).await.map(|_| ())
    }

    /// From now on writes down which states tiles show and which connections come to, for [`Person::seen_states`].
    ///
    /// # Errors
    /// The browser can't.
    pub async fn watches_states(&self) -> Result<()> {
        let watch = "() => {
            const states = (window.__states = []);
            const note = (changes) => states.push(...changes.map(({ target }) => `tile: ${target.dataset.state}`));
            new MutationObserver(note).observe(document.body, { subtree: true, attributeFilter: ['data-state'] });
            for (const connection of __test.connections) {
                const tell = () => states.push(`connection: ${connection.connectionState}`);
                connection.addEventListener('connectionstatechange', tell);
            }
        }";
        self.page.call(watch, Value::Null).await.map(|_| ())
    }

    /// What [`Person::watches_states`] wrote down, in its order.
    ///
    /// # Errors
    /// Nothing was watched.
    pub async fn seen_states(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.page.call("() => window.__states", Value::Null).await?)?)
    }

    // ---- words

    /// Says something in the chat.
    ///
    /// # Errors
    /// The page does not let them.
    pub async fn says(&self, text: &str) -> Result<()> {
        self.opens("Chat").await?;
        self.page.fill("Message", text).await?;
        self.page.click("button", "Send").await
    }

    /// Waits until the button *Chat* tells of unread messages, in these words, or of none.
    ///
    /// # Errors
    /// It does not.
    pub async fn has_unread(&self, words: Option<&str>) -> Result<()> {
        wait::until(&format!("{words:?} for {}", self.name), PATIENCE, async || {
            let button = self.page.find("button", "Chat").await?;
            let title = self.page.attribute(&button, "title").await?.unwrap_or_default();
            Ok((words.is_some_and(|words| title == words) || words.is_none() && !title.contains("unread"))
                .then_some(()))
        })
        .await
    }

    /// Waits until the chat shows `text`.
    ///
    /// # Errors
    /// It does not.
    pub async fn reads(&self, text: &str) -> Result<()> {
        self.opens("Chat").await?;
        let log = self.page.find("log", "Messages").await?;
        wait::until(&format!("“{text}” in {}’s chat", self.name), PATIENCE, async || {
            Ok(self.page.text_of(&log).await?.contains(text).then_some(()))
        })
        .await
    }

    /// Waits until the chat shows each of these, one after another and once.
    ///
    /// # Errors
    /// It does not.
    pub async fn reads_in_turn(&self, texts: &[&str]) -> Result<()> {
        for text in texts {
            self.reads(text).await?;
        }
        let log = self.page.text_of(&self.page.find("log", "Messages").await?).await?;
        let places: Vec<_> = texts.iter().map(|text| log.match_indices(text).map(|(at, _)| at).collect()).collect();
        let once: Vec<usize> =
            places.iter().filter_map(|at: &Vec<_>| <[_; 1]>::try_from(&at[..]).ok()).flatten().collect();
        ensure!(once.len() == texts.len() && once.is_sorted(), "{texts:?} is not how {} reads: {log}", self.name);
        Ok(())
    }

    /// Waits until the chat shows `text` no longer.
    ///
    /// # Errors
    /// It still does.
    pub async fn no_longer_reads(&self, text: &str) -> Result<()> {
        self.opens("Chat").await?;
        let log = self.page.find("log", "Messages").await?;
        wait::until(&format!("no “{text}” in {}’s chat", self.name), PATIENCE, async || {
            Ok((!self.page.text_of(&log).await?.contains(text)).then_some(()))
        })
        .await
    }

    /// Pastes text into the chat's field, and sends it.
    ///
    /// # Errors
    /// The page does not let them.
    pub async fn pastes(&self, text: &str) -> Result<()> {
        self.opens("Chat").await?;
        let paste = "(field, text) => {
            field.value = text;
            field.dispatchEvent(new Event('input', { bubbles: true }));
        }";
        self.page.call_on(&self.page.find("textbox", "Message").await?, paste, json!(text)).await?;
        self.page.click("button", "Send").await
    }

    /// Waits for a page that says what is wrong: its heading, a sentence with `advice` in it, and a way on.
    ///
    /// # Errors
    /// It does not come.
    pub async fn is_in_trouble(&self, heading: &str, advice: &str) -> Result<()> {
        self.page.find("heading", heading).await?;
        self.page.shows(advice).await?;
        self.page.find("link", "To the start page").await.map(|_| ())
    }

    /// Waits until a notice has `text` in it.
    ///
    /// # Errors
    /// None has.
    pub async fn is_told(&self, text: &str) -> Result<()> {
        wait::until(&format!("a notice for {} with “{text}”", self.name), PATIENCE, async || {
            let status = self.page.find("status", "Notices").await?;
            Ok(self.page.text_of(&status).await?.contains(text).then_some(()))
        })
        .await
    }
}
