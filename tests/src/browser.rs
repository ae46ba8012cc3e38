//! A browser under a driver: its flags, its console, and profiles that share nothing.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::StreamExt;
use rustix::process::Signal;
use serde_json::{Map, Value, json};
use thirtyfour::bidi::BiDi;
use thirtyfour::bidi::events::LogEntryAdded;
use thirtyfour::{Capabilities, WebDriver};

use crate::driver::{Display, Driver, variable};
use crate::lab::{Home, PAGE_PORT, PUBLIC};

/// A browser that does not answer a command for this long is dead.
const COMMAND: Duration = Duration::from_secs(20);
/// What a start may take on a busy machine.
const START: Duration = Duration::from_secs(180);
/// Console entries that are kept.
const MAX_ENTRIES: usize = 2000;

/// A name that leads Chromium to this machine, and that is not as trusted as `localhost` is.
pub const PLAIN_HOST: &str = "klatch.test";

/// Which browser, and how it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// With a beeping microphone, a camera and a screen that are made up and granted without a question.
    Chromium,
    /// The same.
    Firefox,
    /// The same, but it asks before it gives a page any of them.
    AskingChromium,
    /// As on a machine without microphone and camera.
    BareChromium,
    /// On a display of its own, which it can share; without microphone and camera.
    FirefoxOnDisplay,
}

/// A running browser.
pub struct Browser {
    kind: Kind,
    bidi: BiDi,
    session: Option<WebDriver>,
    console: Console,
    // Dropped in this order.
    driver: Driver,
    _display: Option<Display>,
}

/// Something a page wrote to its console.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which tab.
    pub tab: String,
    /// `error`, `warn`, `info` or `debug`.
    pub level: String,
    /// What.
    pub text: String,
}

type Console = Arc<Mutex<VecDeque<Entry>>>;

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    /// It is not there, or does not come up.
    pub async fn start(kind: Kind) -> Result<Arc<Self>> {
        Self::start_at(None, kind).await
    }

    /// Starts one at `home`, if there is one.
    ///
    /// # Errors
    /// It is not there, or does not come up.
    pub(crate) async fn start_at(home: Option<&Home>, kind: Kind) -> Result<Arc<Self>> {
        // reqwest and the WebSocket ask for a provider, though nothing here is encrypted. A second time is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        tokio::time::timeout(START, Self::launch(home, kind))
            .await
            .map_err(|_| anyhow!("{kind:?} did not start within {START:?}"))?
            .with_context(|| format!("{kind:?} did not start"))
            .map(Arc::new)
    }

    async fn launch(home: Option<&Home>, kind: Kind) -> Result<Self> {
        let (driver, display) = match kind {
            Kind::Chromium | Kind::AskingChromium | Kind::BareChromium => (Driver::chromium(home).await?, None),
            Kind::Firefox => (Driver::firefox(home, None).await?, None),
            Kind::FirefoxOnDisplay => {
                let display = Display::start().await?;
                (Driver::firefox(home, Some(&display)).await?, Some(display))
            }
        };
        let session = WebDriver::new(driver.url(), capabilities(kind, driver.process().scratch())).await?;
        let bidi = session.bidi().await?;
        bidi.send_raw("script.addPreloadScript", json!({ "functionDeclaration": include_str!("preload.js") })).await?;
        let console = Console::default();
        let mut entries = bidi.subscribe::<LogEntryAdded>().await?;
        tokio::spawn({
            let console = console.clone();
            async move {
                while let Some(entry) = entries.next().await {
                    keep(&console, entry);
                }
            }
        });
        Ok(Self { kind, bidi, session: Some(session), console, driver, _display: display })
    }

    /// Its processes are killed, all at once.
    ///
    /// # Errors
    /// The kernel does not tell which they are.
    pub fn is_killed(&self) -> Result<()> {
        self.driver.process().signal_descendants(Signal::KILL)
    }

    /// Its processes are stopped, as on a machine whose lid is closed.
    ///
    /// # Errors
    /// The kernel does not tell which they are.
    pub fn falls_asleep(&self) -> Result<()> {
        self.driver.process().signal_descendants(Signal::STOP)
    }

    /// They go on.
    ///
    /// # Errors
    /// As before.
    pub fn wakes(&self) -> Result<()> {
        self.driver.process().signal_descendants(Signal::CONT)
    }

    /// Which.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Sends a WebDriver BiDi command.
    ///
    /// # Errors
    /// The browser refuses it, or is dead.
    pub async fn command(&self, method: &str, parameters: Value) -> Result<Value> {
        tokio::time::timeout(COMMAND, self.bidi.send_raw(method, parameters))
            .await
            .map_err(|_| anyhow!("{:?} did not answer {method} within {COMMAND:?}", self.kind))?
            .map_err(|error| anyhow!("{:?}, {method}: {}: {}", self.kind, error.error, error.message))
    }

    /// A new profile, without storage in common with others.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn new_profile(&self) -> Result<String> {
        let profile = self.command("browser.createUserContext", json!({})).await?;
        text(&profile, "userContext")
    }

    /// Closes a profile with all its tabs.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn remove_profile(&self, profile: &str) -> Result<()> {
        self.command("browser.removeUserContext", json!({ "userContext": profile })).await.map(|_| ())
    }

    /// A new tab, in a window of its own: only one tab of a window is visible, and pages save their effort in others.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn new_tab(&self, profile: &str) -> Result<String> {
        let tab = self.command("browsingContext.create", json!({ "type": "window", "userContext": profile })).await?;
        text(&tab, "context")
    }

    /// What a tab wrote to its console so far.
    pub fn console(&self, tab: &str) -> Vec<Entry> {
        let console = self.console.lock().unwrap_or_else(PoisonError::into_inner);
        console.iter().filter(|entry| entry.tab == tab).cloned().collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver is killed: there is nobody to say goodbye to.
        if let Some(session) = self.session.take() {
            let _ = session.leak();
        }
    }
}

fn keep(console: &Console, entry: LogEntryAdded) {
    let tab = entry.source["context"].as_str().unwrap_or_default().to_owned();
    let level = serde_json::to_value(&entry.level).ok().and_then(|level| level.as_str().map(str::to_owned));
    let mut text = entry.text.unwrap_or_default();
    if let Some(frame) = entry.stack_trace["callFrames"].as_array().and_then(|frames| frames.first()) {
        text += &format!(" at {}:{}", frame["url"].as_str().unwrap_or_default(), frame["lineNumber"]);
    }
    let mut console = console.lock().unwrap_or_else(PoisonError::into_inner);
    if console.len() == MAX_ENTRIES {
        console.pop_front();
    }
    console.push_back(Entry { tab, level: level.unwrap_or_default(), text });
}

fn text(value: &Value, field: &str) -> Result<String> {
    value[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {value}"))
}

fn capabilities(kind: Kind, scratch: &Path) -> Capabilities {
    let value = match kind {
        Kind::Chromium | Kind::AskingChromium | Kind::BareChromium => chromium(kind, scratch),
        Kind::Firefox | Kind::FirefoxOnDisplay => firefox(kind == Kind::FirefoxOnDisplay),
    };
    let map: Map<String, Value> = value.as_object().cloned().expect("it is written as an object");
    Capabilities::from(map)
}

fn chromium(kind: Kind, scratch: &Path) -> Value {
    let mut args = vec![
        "--headless=new".to_owned(),
        "--no-sandbox".into(),
        "--disable-gpu".into(),
        "--disable-quic".into(),
        "--disable-dev-shm-usage".into(),
        "--no-first-run".into(),
        "--disable-background-networking".into(),
        "--disable-component-update".into(),
        "--disable-sync".into(),
        "--disable-breakpad".into(),
        // Windows lie on top of each other here; that must not make their pages idle.
        "--disable-backgrounding-occluded-windows".into(),
        "--disable-renderer-backgrounding".into(),
        "--autoplay-policy=no-user-gesture-required".into(),
        format!("--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1"),
        // The lab has no certificates that anybody trusts.
        format!("--unsafely-treat-insecure-origin-as-secure=http://{}:{PAGE_PORT}", PUBLIC.1),
        "--ignore-certificate-errors".into(),
        format!("--user-data-dir={}", scratch.join("profile").display()),
    ];
    if kind != Kind::BareChromium {
        args.push("--use-fake-device-for-media-stream".into());
    }
    if kind == Kind::Chromium {
        args.push("--use-fake-ui-for-media-stream".into());
    }
    json!({
        "browserName": "chrome",
        "webSocketUrl": true,
        "unhandledPromptBehavior": "accept",
        "goog:chromeOptions": { "binary": variable("CHROMIUM", "/usr/bin/chromium"), "args": args },
    })
}

fn firefox(on_display: bool) -> Value {
    json!({
        "browserName": "firefox",
        "webSocketUrl": true,
        "acceptInsecureCerts": true,
        "unhandledPromptBehavior": "accept",
        "moz:firefoxOptions": {
            "binary": variable("FIREFOX", "/usr/bin/firefox-esr"),
            "args": if on_display { json!([]) } else { json!(["-headless"]) },
            "prefs": {
                "media.navigator.streams.fake": !on_display,
                "media.navigator.permission.disabled": true,
                "dom.securecontext.allowlist": PUBLIC.1,
                "permissions.default.camera": 1,
                "permissions.default.microphone": 1,
                "media.autoplay.default": 0,
                "media.autoplay.blocking_policy": 0,
                "media.autoplay.block-webaudio": false,
                "app.update.enabled": false,
                "media.gmp-manager.updateEnabled": false,
                "network.captive-portal-service.enabled": false,
                "network.connectivity-service.enabled": false,
                "browser.sessionstore.resume_from_crash": false,
            },
        },
    })
}
