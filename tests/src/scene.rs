//! One test: a few people, a broker or two, a time limit, and an account of what went wrong.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures_util::FutureExt;
use tokio::runtime::Runtime;

use crate::browser::{Browser, Kind};
use crate::lab::{Home, Lab};
use crate::page::Page;
use crate::wire::Recorder;
use crate::{Broker, Person};

/// After this a test hangs: far more than any needs on a machine that is slow today.
const LIMIT: Duration = Duration::from_secs(600);
/// What explaining a failure, or putting things away, may take.
const AFTERMATH: Duration = Duration::from_secs(20);

/// One at a time: see the crate's documentation.
static TURN: Mutex<()> = Mutex::new(());
/// Browsers outlive tests, and what talks to them lives in the runtime that started it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads can be started")
});
static BROWSERS: LazyLock<tokio::sync::Mutex<HashMap<Kind, Arc<Browser>>>> = LazyLock::new(Default::default);

/// Who and what plays in a test.
pub struct Scene {
    name: String,
    people: Mutex<Vec<Person>>,
    brokers: Mutex<Vec<Arc<Broker>>>,
    forgiven: Mutex<Vec<&'static str>>,
}

/// Plays a test; it fails too if a page wrote an error to its console.
///
/// # Panics
/// The test fails.
pub fn play<F: AsyncFnOnce(&Scene) -> Result<()>>(scenario: F) {
    play_within(LIMIT, scenario);
}

/// The same for a test that takes longer.
///
/// # Panics
/// The test fails.
pub fn play_within<F: AsyncFnOnce(&Scene) -> Result<()>>(limit: Duration, scenario: F) {
    let start = Instant::now();
    let outcome = attempt(name_of::<F>(), limit, scenario);
    eprintln!("({:.1} s)", start.elapsed().as_secs_f32());
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}

/// The same for who wants to know what came of it; not to be called in a runtime.
///
/// # Errors
/// The scenario fails, or a page wrote an error to its console.
pub fn attempt<T, F: AsyncFnOnce(&Scene) -> Result<T>>(name: String, limit: Duration, scenario: F) -> Result<T> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    RUNTIME.block_on(async {
        let scene = Scene { name, people: Mutex::default(), brokers: Mutex::default(), forgiven: Mutex::default() };
        let outcome = scene.perform(limit, scenario).await;
        if outcome.is_err() {
            scene.explain().await;
        }
        scene.clear_away(outcome.is_err()).await;
        outcome
    })
}

impl Scene {
    /// The test's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A broker with these flags.
    ///
    /// # Errors
    /// It does not serve.
    pub async fn broker(&self, flags: &[&str]) -> Result<Arc<Broker>> {
        let broker = Arc::new(Broker::start(flags).await?);
        lock(&self.brokers).push(broker.clone());
        Ok(broker)
    }

    /// The same behind somebody who records what passes, and by whose address it is opened.
    ///
    /// # Errors
    /// It does not serve.
    pub async fn recorded_broker(&self, flags: &[&str]) -> Result<(Recorder, Arc<Broker>)> {
        let recorder = Recorder::start().await?;
        let broker = self.broker(&[&["--public-url", &recorder.url()], flags].concat()).await?;
        recorder.forward_to(broker.port());
        Ok((recorder, broker))
    }

    /// Somebody with an empty profile, in front of an empty tab.
    ///
    /// # Errors
    /// The browser does not start, or can't.
    pub async fn person(&self, kind: Kind, name: &str) -> Result<Person> {
        let browser = browser(kind).await?;
        let profile = browser.new_profile().await?;
        self.seat(Person::new(name, Page::new(browser, &profile).await?, &profile))
    }

    /// A broker on this port of a lab's public host.
    ///
    /// # Errors
    /// It does not serve.
    pub async fn broker_in(&self, lab: &Lab, port: u16, flags: &[&str]) -> Result<Arc<Broker>> {
        let broker = Arc::new(Broker::start_in(lab, port, flags).await?);
        lock(&self.brokers).push(broker.clone());
        Ok(broker)
    }

    /// Somebody at home in a lab, with a browser of their own.
    ///
    /// # Errors
    /// The browser does not start, or can't.
    pub async fn person_at(&self, home: &Home, kind: Kind, name: &str) -> Result<Person> {
        let browser = Browser::start_at(Some(home), kind).await?;
        let profile = browser.new_profile().await?;
        self.seat(Person::new(name, Page::new(browser, &profile).await?, &profile))
    }

    /// A room with these people in it, all connected to each other; the first created it. Its invitation link too.
    ///
    /// # Errors
    /// They don't find together.
    pub async fn meet<const N: usize>(
        &self,
        broker: &Broker,
        people: [(Kind, &str); N],
    ) -> Result<([Person; N], String)> {
        self.meet_at(broker.url(), people).await
    }

    /// The same at another address of the broker.
    ///
    /// # Errors
    /// They don't find together.
    pub async fn meet_at<const N: usize>(&self, url: &str, people: [(Kind, &str); N]) -> Result<([Person; N], String)> {
        let mut inside = Vec::<Person>::new();
        let mut link = String::new();
        for (kind, name) in people {
            let person = self.person(kind, name).await?;
            match inside.first() {
                None => link = person.creates_at(url, "Sunday breakfast").await?,
                Some(_) => person.accepts(&link).await?,
            }
            inside.push(person);
        }
        for person in &inside {
            for (_, other) in people.iter().filter(|(_, name)| *name != person.name()) {
                person.is_connected_to(other).await?;
            }
        }
        let inside = inside.try_into().unwrap_or_else(|_| unreachable!("one each"));
        Ok((inside, link))
    }

    /// The same person in front of another tab of the same profile.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn second_tab(&self, person: &Person) -> Result<Person> {
        let page = Page::new(person.page().browser().clone(), person.profile()).await?;
        self.seat(Person::new(person.name(), page, person.profile()))
    }

    fn seat(&self, person: Person) -> Result<Person> {
        lock(&self.people).push(person.clone());
        Ok(person)
    }

    /// Somebody's browser is gone, and not to be asked for anything any more.
    pub fn forgets(&self, person: &Person) {
        lock(&self.people).retain(|other| other.profile() != person.profile() || other.name() != person.name());
    }

    /// Errors on the console with `text` in them belong to this test.
    pub fn forgive(&self, text: &'static str) {
        lock(&self.forgiven).push(text);
    }

    /// Keeps a picture of what a person sees, as `<test>/<name>.png` among the artefacts.
    ///
    /// # Errors
    /// The browser can't, or the disk.
    pub async fn keep_picture(&self, person: &Person, name: &str) -> Result<PathBuf> {
        let folder = artifacts().join(self.name.replace("::", "-"));
        std::fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, person.page().screenshot().await?)?;
        Ok(path)
    }

    async fn perform<T, F: AsyncFnOnce(&Self) -> Result<T>>(&self, limit: Duration, scenario: F) -> Result<T> {
        let performed = AssertUnwindSafe(tokio::time::timeout(limit, scenario(self))).catch_unwind().await;
        let outcome = match performed {
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
                Err(anyhow!("{}", text.unwrap_or("it panicked")))
            }
            Ok(Err(_)) => Err(anyhow!("it did not end within {limit:?}")),
            Ok(Ok(outcome)) => outcome,
        }?;
        self.check_consoles()?;
        Ok(outcome)
    }

    /// Fails if a page wrote an error to its console.
    ///
    /// # Errors
    /// One did.
    pub fn check_consoles(&self) -> Result<()> {
        let forgiven = lock(&self.forgiven).clone();
        for person in lock(&self.people).iter() {
            for entry in person.page().console() {
                if entry.level == "error" && !forgiven.iter().any(|text| entry.text.contains(text)) {
                    bail!("on {}’s console: {}", person.name(), entry.text);
                }
            }
        }
        Ok(())
    }

    /// Prints all that may tell why the test failed.
    async fn explain(&self) {
        let people = lock(&self.people).clone();
        for (index, person) in people.iter().enumerate() {
            eprintln!("---- {} in {:?}", person.name(), person.page().browser().kind());
            for entry in person.page().console() {
                eprintln!("console, {}: {}", entry.level, entry.text);
            }
            let told = tokio::time::timeout(AFTERMATH, async {
                let page = person.page();
                let place = page.call("() => location.href.split('#')[0]", serde_json::Value::Null).await?;
                eprintln!("{place} shows:\n{}", page.text().await?);
                let story = page.call("() => window.__test?.story.join('\\n') ?? ''", serde_json::Value::Null).await?;
                eprintln!("its connections:\n{}", story.as_str().unwrap_or_default());
                let picture = self.keep_picture(person, &format!("failed-{index}-{}", person.name())).await?;
                eprintln!("picture: {}", picture.display());
                anyhow::Ok(())
            });
            match told.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => eprintln!("no more is known: {error}"),
                Err(_) => eprintln!("the browser does not answer any more"),
            }
        }
        for broker in lock(&self.brokers).iter() {
            eprintln!("---- {} logged:\n{}", broker.url(), broker.log().tail(100));
        }
    }

    /// Closes all tabs. After a failure, or where that does not work, browsers start anew.
    async fn clear_away(&self, failed: bool) {
        let people = std::mem::take(&mut *lock(&self.people));
        let mut profiles: Vec<_> = people.iter().map(|person| (person.page().browser(), person.profile())).collect();
        profiles.dedup_by_key(|(_, profile)| *profile);
        let removed = tokio::time::timeout(AFTERMATH, async {
            for (browser, profile) in &profiles {
                browser.remove_profile(profile).await?;
            }
            anyhow::Ok(())
        });
        let clean = !failed && matches!(removed.await, Ok(Ok(())));
        let mut browsers = BROWSERS.lock().await;
        browsers.retain(|kind, _| clean && matches!(kind, Kind::Chromium | Kind::Firefox));
    }
}

async fn browser(kind: Kind) -> Result<Arc<Browser>> {
    let mut browsers = BROWSERS.lock().await;
    if let Some(browser) = browsers.get(&kind) {
        return Ok(browser.clone());
    }
    let browser = Browser::start(kind).await?;
    browsers.insert(kind, browser.clone());
    Ok(browser)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where pictures go.
fn artifacts() -> PathBuf {
    std::env::var_os("KLATCH_ARTIFACTS").map_or_else(|| std::env::temp_dir().join("klatch-artifacts"), PathBuf::from)
}

/// A test's name: libtest tells it to threads only, and with one thread there are none. The scenario's type has it, as
/// in `browsers::meeting::they_meet::{{closure}}`.
fn name_of<F>() -> String {
    let path = std::any::type_name::<F>();
    // The innermost, where a scenario was wrapped in another.
    let path = path.rsplit('<').next().unwrap_or(path);
    let path = path.split("::{{closure}}").next().unwrap_or(path);
    path.split_once("::").map_or(path, |(_, name)| name).to_owned()
}
