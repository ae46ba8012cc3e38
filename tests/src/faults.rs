//! What networks and machines do to a call, and how it gets over that: what the tests and the bench play.
//!
//! Ana has Chromium and Bo Firefox, or the other way round, each at home behind a router. Both say something each second and keep a diary
//! ([`crate::diary`]), from which all times come.

mod account;
mod update;

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

pub use account::Account;
pub use update::{Measure, Update, update};

use crate::diary::{Diary, Time, now};
use crate::lab::{Fault, Firewall, Home, Nat, PAGE_PORT};
use crate::page::PATIENCE;
use crate::{Broker, Kind, Lab, Person, Scene, wait};

/// What a call may take to be whole again.
const HEALING: Duration = Duration::from_secs(90);
/// How long it has to be whole for that to be so.
const STEADY: Time = 3_000.0;
/// What may pass until all that was said is read.
const READING: Duration = Duration::from_secs(30);
/// A browser has given a path up after that.
const GIVEN_UP: Duration = Duration::from_secs(15);
/// A server has given up who says nothing for so long, and so have other members' browsers; their pages don't call it leaving yet.
pub const NAP: Duration = Duration::from_secs(40);
/// How long what is lossy is so.
const LOSSY: Duration = Duration::from_secs(20);

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Ana's way out is cut for so long.
    Cut(Duration),
    /// Ana, with such a browser, comes into another network.
    Moved(Kind),
    /// The server is killed, and started again once its absence is noticed.
    ServerKilled,
    /// Ana's machine sleeps for so long: her lid is closed, her phone in a pocket.
    Asleep(Duration),
    /// The browser of a third member is killed, and its owner opens the link again, in a new one.
    MemberKilled,
    /// So many percent of Ana's packets are lost for a while.
    Loss(u8),
    /// The relay between the two, which is the server too, is killed and started again.
    RelayKilled,
    /// There is no server any more, and no way between the two until a browser has given it up; both reach a third member.
    Apart,
}

impl Trouble {
    /// All that belong to a bench.
    pub const ALL: [Self; 12] = [
        Self::Cut(Duration::from_secs(5)),
        Self::Cut(Duration::from_secs(12)),
        Self::Cut(Duration::from_secs(40)),
        Self::Moved(Kind::Chromium),
        Self::Moved(Kind::Firefox),
        Self::ServerKilled,
        Self::Asleep(NAP),
        Self::MemberKilled,
        Self::Loss(2),
        Self::Loss(10),
        Self::RelayKilled,
        Self::Apart,
    ];

    /// What may pass from its beginning until both Ana's page and Bo's say so: less than browsers take, which say nothing for five seconds, but
    /// where programs are killed meanwhile. Nothing is to be said of a loss: no link is taken for dead.
    fn noticed_within(self) -> Option<Time> {
        match self {
            Self::Loss(_) => None,
            Self::RelayKilled | Self::Apart => Some(7_000.0),
            Self::Cut(_) | Self::Moved(_) | Self::ServerKilled | Self::Asleep(_) | Self::MemberKilled => Some(5_000.0),
        }
    }

    /// What may pass from its end until all is whole again, on a busy machine: a few times what it takes on one that is not.
    /// Of what browsers have given up the next attempt may be half a minute away.
    pub fn heals_within(self) -> Time {
        match self {
            Self::Cut(length) if length > GIVEN_UP => 35_000.0,
            Self::Cut(_) | Self::Loss(_) => 10_000.0,
            Self::Moved(_) | Self::Asleep(_) | Self::ServerKilled | Self::RelayKilled => 20_000.0,
            Self::MemberKilled | Self::Apart => 35_000.0,
        }
    }

    /// What may pass from its end until all are heard again, where it leaves no way for sound; where it leaves one nobody falls silent.
    fn heard_within(self) -> Option<Time> {
        match self {
            Self::Cut(length) if length > GIVEN_UP => Some(35_000.0),
            Self::Cut(_) => Some(5_000.0),
            Self::Moved(_) => Some(2_000.0),
            Self::Asleep(_) => Some(10_000.0),
            Self::RelayKilled => Some(15_000.0),
            Self::Apart => Some(35_000.0),
            Self::ServerKilled | Self::MemberKilled | Self::Loss(_) => None,
        }
    }

    /// Whether there is a third member, Dee, in Chromium.
    fn takes_three(self) -> bool {
        matches!(self, Self::MemberKilled | Self::Apart)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(length) => write!(f, "uplink cut for {} s", length.as_secs()),
            Self::Moved(kind) => write!(f, "address changed, {kind:?}"),
            Self::Asleep(length) => write!(f, "asleep for {} s", length.as_secs()),
            Self::ServerKilled => f.write_str("broker killed, restarted"),
            Self::MemberKilled => f.write_str("browser killed, back by the link"),
            Self::Loss(percent) => write!(f, "{percent} % loss for {} s", LOSSY.as_secs()),
            Self::RelayKilled => f.write_str("relay killed, restarted"),
            Self::Apart => f.write_str("link mended through a third, no broker"),
        }
    }
}

/// When a browser lets its pages use an address: Chromium, on Linux, two seconds after the machine has it.
const USABLE: &str = "async (address) => {
    const { constructor } = RTCPeerConnection.prototype;
    // Some connections that are begun before then gather without end.
    const has = () => new Promise((then) => {
        const connection = new constructor();
        const told = (it) => { connection.close(); then(it); };
        connection.addEventListener('icecandidate', ({ candidate }) => candidate?.address === address && told(true));
        connection.createDataChannel('');
        connection.setLocalDescription();
        setTimeout(told, 200, false);
    });
    const since = Date.now();
    while (!(await has())) if (Date.now() - since > 4000) throw new Error(`no page may use ${address}`);
    return Date.now();
}";

/// Lets a call go through trouble until it is whole again.
///
/// # Errors
/// It does not get whole.
pub async fn befall(scene: &Scene, lab: &mut Lab, trouble: Trouble) -> Result<Account> {
    // Browsers tell their consoles of WebSockets that can't be opened.
    for text in
        ["WebSocket", "ws://", "can’t establish a connection", "interrupted while the page was loading", "ICE failed"]
    {
        scene.forgive(text);
    }
    let mut call = Call::begin(scene, lab, trouble).await?;
    for person in &call.people {
        person.keeps_a_diary(call.people.len() - 1).await?;
        person.keeps_saying(person.name()).await?;
    }
    call.goes_on(now(), 0.0).await?;
    let (begin, end) = call.suffers(trouble).await?;
    call.goes_on(end, STEADY).await?;
    for person in &call.people {
        person.falls_silent().await?;
    }
    let account = call.account(trouble, (begin, end)).await?;
    for person in &call.people {
        // Packets came; so there is sound in them.
        person.hears(call.people.len() - 1).await?;
        let text = person.page().text().await?;
        ensure!(trouble == Trouble::MemberKilled || !text.contains(" left"), "nobody left: {text}");
    }
    Ok(account)
}

struct Call<'a> {
    scene: &'a Scene,
    lab: &'a Lab,
    server: Option<Broker>,
    homes: Vec<Home>,
    people: Vec<Person>,
    link: String,
    /// What they said who are not there any more.
    bequeathed: Vec<String>,
}

impl<'a> Call<'a> {
    async fn begin(scene: &'a Scene, lab: &'a mut Lab, trouble: Trouble) -> Result<Self> {
        let [ana, bo] = match trouble {
            Trouble::Moved(Kind::Firefox) => [Kind::Firefox, Kind::Chromium],
            _ => [Kind::Chromium, Kind::Firefox],
        };
        let kinds = [(ana, "Ana"), (bo, "Bo"), (Kind::Chromium, "Dee")];
        let count = if trouble.takes_three() { 3 } else { 2 };
        let relayed = trouble == Trouble::RelayKilled;
        let (nat, path) = if relayed { (Nat::Symmetric, "relay") } else { (Nat::Cone, "direct") };
        let mut homes = Vec::new();
        for _ in 0..count {
            homes.push(lab.home(nat, Firewall::Open).await?);
        }
        if !relayed {
            // Another server, which lives on, tells members their outer addresses.
            scene.broker_in(lab, PAGE_PORT + 1, &RELAY).await?;
        }
        let server = serve(lab, trouble).await?;
        let (mut people, mut link) = (Vec::<Person>::new(), String::new());
        for (home, (kind, name)) in homes.iter().zip(kinds) {
            let person = scene.person_at(home, kind, name).await?;
            if people.is_empty() {
                link = person.creates(&server, "Sunday breakfast").await?;
            } else {
                person.accepts(&link).await?;
            }
            people.push(person);
        }
        for person in &people {
            for other in people.iter().filter(|other| other.name() != person.name()) {
                person.is_connected_by(path, other.name()).await?;
            }
        }
        Ok(Self { scene, lab, server: Some(server), homes, people, link, bequeathed: Vec::new() })
    }

    /// From when until when.
    async fn suffers(&mut self, trouble: Trouble) -> Result<(Time, Time)> {
        let (begin, since) = (now(), Instant::now());
        match trouble {
            Trouble::Cut(length) => self.lasts(Fault::Cut, since + length).await?,
            Trouble::Loss(percent) => self.lasts(Fault::Loss(percent), since + LOSSY).await?,
            Trouble::Moved(_) => {
                let address = self.homes[0].moves()?;
                // Until then there is no way for sound, whatever a page does.
                let usable = self.people[0].page().call(USABLE, json!(address)).await?;
                return Ok((begin, usable.as_f64().context("no time")?));
            }
            Trouble::Asleep(length) => {
                let browser = self.people[0].page().browser();
                browser.falls_asleep()?;
                tokio::time::sleep_until((since + length).into()).await;
                browser.wakes()?;
            }
            Trouble::ServerKilled => {
                self.server = None;
                self.all("to miss the server", |diary| diary.away).await?;
                self.server = Some(serve(self.lab, trouble).await?);
            }
            Trouble::RelayKilled => {
                self.server = None;
                self.server = Some(serve(self.lab, trouble).await?);
            }
            Trouble::MemberKilled => return self.loses_one().await,
            Trouble::Apart => {
                self.server = None;
                self.all("to miss the server", |diary| diary.away).await?;
                let begin = now();
                self.homes[0].suffers(Fault::Apart(&self.homes[1]))?;
                self.gives_up().await?;
                self.homes[0].recovers()?;
                return Ok((begin, now()));
            }
        }
        Ok((begin, now()))
    }

    async fn lasts(&self, fault: Fault<'_>, until: Instant) -> Result<()> {
        self.homes[0].suffers(fault)?;
        tokio::time::sleep_until(until.into()).await;
        self.homes[0].recovers()
    }

    /// Waits until a browser has given a path up: nothing but an ICE restart helps then.
    async fn gives_up(&self) -> Result<()> {
        let failed = "() => __test.connections.filter((it) => it.connectionState === 'failed').length";
        wait::until("a browser to give up", PATIENCE, async || {
            for person in &self.people[..2] {
                if person.page().call(failed, Value::Null).await? == 1 {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .await
    }

    /// The last of them is gone without a word, and comes again once that is noticed.
    async fn loses_one(&mut self) -> Result<(Time, Time)> {
        let lost = self.people.pop().context("there are three")?;
        // What nobody received is lost with her machine.
        lost.falls_silent().await?;
        self.bequeathed = lost.diary().await?.said;
        let said = self.bequeathed.clone();
        self.all("to read her last words", |diary| said.iter().all(|words| diary.read.contains(words))).await?;
        for person in &self.people {
            person.is_to_hear(1).await?;
        }
        let begin = now();
        lost.page().browser().is_killed()?;
        self.scene.forgets(&lost);
        drop(lost);
        self.all("to notice", |diary| diary.first("interrupted", begin).is_some()).await?;
        let home = self.homes.last().context("there are three")?;
        let back = self.scene.person_at(home, Kind::Chromium, "Dee").await?;
        let end = now();
        back.accepts(&self.link).await?;
        back.keeps_a_diary(2).await?;
        back.keeps_saying("Again").await?;
        self.people.push(back);
        Ok((begin, end))
    }

    async fn all(&self, what: &str, holds: impl Fn(&Diary) -> bool) -> Result<()> {
        wait::until(&format!("all {what}"), PATIENCE, async || {
            for person in &self.people {
                if !holds(&person.diary().await?) {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
        .await
    }

    /// Waits until all are connected, hear each other, and have a server if there is one, and that for a while.
    async fn goes_on(&self, after: Time, steady: Time) -> Result<()> {
        let others = self.people.len() - 1;
        let mut since = None;
        let mut last = Vec::new();
        let whole = wait::until("the call to be whole", HEALING, async || {
            last.clear();
            for person in &self.people {
                last.push(person.diary().await?);
            }
            let whole = |diary: &Diary| {
                let reached = diary.away == self.server.is_none();
                // What was heard within a second has to be from after that.
                reached && diary.connected == others && diary.fresh == others && diary.now > after + 1_000.0
            };
            if !last.iter().all(whole) {
                since = None;
                return Ok(None);
            }
            Ok((now() - *since.get_or_insert_with(now) >= steady).then_some(()))
        })
        .await;
        let states: Vec<_> = last.iter().map(|diary| (&diary.states, diary.fresh, diary.away)).collect();
        whole.with_context(|| format!("{states:?}"))
    }

    /// What came of it, once all that was said is read, or time is over.
    async fn account(&self, trouble: Trouble, times: (Time, Time)) -> Result<Account> {
        let mut diaries = Vec::new();
        let _ = wait::until("everything to be read", READING, async || {
            diaries.clear();
            for person in &self.people {
                diaries.push(person.diary().await?);
            }
            Ok(account::lacking(&diaries, &self.bequeathed).is_empty().then_some(()))
        })
        .await;
        Ok(Account::of(trouble, times, &diaries, &self.bequeathed))
    }
}

/// The bundled relay on the public host.
const RELAY: [&str; 3] = ["--turn", "--turn-listen", "203.0.113.1:3478"];

async fn serve(lab: &Lab, trouble: Trouble) -> Result<Broker> {
    let outer: &[&str] =
        if trouble == Trouble::RelayKilled { &RELAY } else { &["--ice-server", "stun:203.0.113.1:3478"] };
    // Nothing is kept, and who is there brings the room back.
    Broker::start_in(lab, PAGE_PORT, outer).await
}
