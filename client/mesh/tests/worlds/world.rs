//! Two ends and what is between them; what may happen next; whether all is well.

mod change;
mod company;
mod path;
mod pulse;

use std::collections::{BTreeSet, VecDeque};

use klatch_mesh::{Carrier, Health, Input};
use klatch_shared::peer::Source;
use klatch_shared::{MemberId, SessionNonce};

use crate::browser::Browser;
use crate::end::{Broken, End};
use crate::network::{Message, Network};

pub use change::Change;
use path::Path;
pub use pulse::{Pulse, Says};

/// What may happen next. The number is the end's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Change(usize),
    Step(usize),
    Task(usize),
    Gather(usize),
    /// A message arrives: the first, or one out of order, or one a second time.
    Arrive(usize, usize, Delivery),
    /// The first message over the data channel arrives.
    Hear(usize),
    /// A message by way of a helper arrives.
    Help(usize, usize),
    Ghost(usize),
    /// Time passes, to the next thing that waits for it.
    Time,
    /// So many milliseconds pass.
    Wait(u64),
}

/// Whether messages keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Kept,
    Lost,
}

/// Whether what arrives will arrive again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Only,
    Duplicate,
}

/// The world.
#[derive(Clone, Debug)]
pub struct World {
    pub now: u64,
    pub ends: [End; 2],
    pub network: Network,
    pub todo: [VecDeque<Change>; 2],
    pub path: Path,
    /// Without one nobody listens for silence.
    pub pulse: Option<Pulse>,
    pub fresh: u32,
    pub sessions: u8,
    rules: Broken,
    gathers: u32,
}

impl World {
    /// Two members meet; these ends offer; these are their changes.
    pub fn new(rules: Broken, offers: [bool; 2], todo: [&[Change]; 2], gathers: u32) -> Result<Self, String> {
        let members = [MemberId::from_random_bytes([1; 16]), MemberId::from_random_bytes([2; 16])];
        let sessions = [SessionNonce::from_bytes([1; 16]), SessionNonce::from_bytes([2; 16])];
        let end = |i: usize| End::new(members[i], members[1 - i], sessions[i], rules, gathers);
        let mut world = Self {
            now: 0,
            ends: [end(0), end(1)],
            network: Network::default(),
            todo: todo.map(|changes| changes.iter().copied().collect()),
            path: Path::default(),
            pulse: None,
            fresh: 0,
            sessions: 2,
            rules,
            gathers,
        };
        for i in 0..2 {
            world.ends[i].known = Some(sessions[1 - i]);
            let present = Input::Present { peer: members[1 - i], session: sessions[1 - i], we_offer: offers[i] };
            world.feed(i, present)?;
        }
        Ok(world)
    }

    /// What may happen now.
    pub fn events(&self, order: Order) -> Vec<Event> {
        let mut events = Vec::new();
        for i in 0..2 {
            let end = &self.ends[i];
            let browser = end.browser.as_ref().map(|(_, browser)| browser);
            let mut add = |may: bool, event: Event| events.extend(may.then_some(event));
            add(browser.is_some_and(|browser| browser.step.is_some()), Event::Step(i));
            add(browser.is_some_and(Browser::has_task), Event::Task(i));
            add(browser.is_some_and(Browser::has_candidate), Event::Gather(i));
            add(!self.network.ways[i].is_empty(), Event::Arrive(i, 0, Delivery::Only));
            add(!self.network.said[i].is_empty() && self.hears(i), Event::Hear(i));
            add(!end.ghosts.is_empty(), Event::Ghost(i));
            let waits = self.todo[i].front() == Some(&Change::OnceMet) && !self.network.channel;
            add(!self.todo[i].is_empty() && !waits, Event::Change(i));
            events.extend(self.network.helps(i).map(|at| Event::Help(i, at)));
            if order == Order::Lost {
                events.extend(
                    self.network.signals(i).filter(|at| *at > 0).map(|at| Event::Arrive(i, at, Delivery::Only)),
                );
            }
        }
        events
    }

    /// When the next thing that waits for time is due.
    pub fn next_time(&self) -> Option<u64> {
        let ends = self.ends.iter().filter_map(|end| end.mesh.deadline());
        let said = (0..2).filter_map(|i| self.next_said(i).map(|(at, _)| at));
        let beat = self.pulse.map(|pulse| pulse.next());
        ends.chain(said).chain(beat).filter(|at| *at > self.now).min()
    }

    /// It happens.
    pub fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Change(i) => {
                if let Some(change) = self.todo[i].pop_front() {
                    self.change(i, change)?;
                }
            }
            Event::Step(i) => self.step(i)?,
            Event::Task(i) => {
                if let Some((link, browser)) = &mut self.ends[i].browser {
                    let (link, fires) = (*link, browser.run_task());
                    if fires {
                        self.feed(i, Input::NegotiationNeeded { link })?;
                    }
                }
            }
            Event::Gather(i) => {
                if let Some((link, browser)) = &mut self.ends[i].browser
                    && let Some(candidate) = browser.gather()
                {
                    let link = *link;
                    self.feed(i, Input::LocalCandidate { link, candidate })?;
                }
            }
            Event::Arrive(i, at, again) => self.arrive(i, at, again)?,
            Event::Hear(i) => {
                if let Some(message) = self.network.said[i].pop_front()
                    && let Some(input) = self.ends[i].unseal(Carrier::Channel, message)
                {
                    self.feed(i, input)?;
                }
            }
            Event::Help(i, at) => {
                if let Some((helper, message)) = self.network.helped[i].remove(at)
                    && let Some(input) = self.ends[i].unseal(Carrier::Via(helper), message)
                {
                    self.feed(i, input)?;
                }
            }
            Event::Ghost(i) => {
                let (link, mut browser) = self.ends[i].ghosts.remove(0);
                let input = browser.finish().map_or(Input::NegotiationNeeded { link }, |it| End::report(link, it));
                self.feed(i, input)?;
            }
            Event::Time => self.pass(self.next_time().unwrap_or(self.now))?,
            Event::Wait(ms) => self.pass(self.now + ms)?,
        }
        self.say()
    }

    /// What is wrong now that nothing is left to happen.
    pub fn complaint(&self) -> Option<&'static str> {
        let [Some((_, a)), Some((_, b))] = self.ends.each_ref().map(|end| end.browser.as_ref()) else {
            return Some("an end has no connection");
        };
        if !a.is_settled() || !b.is_settled() {
            return Some("an end is not stable, or wants something");
        }
        if !a.agrees(b) {
            return Some("the ends have different descriptions in force");
        }
        for (i, receiver) in [(0, b), (1, a)] {
            let sent: BTreeSet<Source> =
                self.ends[i].sources.iter().filter(|(_, sends)| **sends).map(|(source, _)| *source).collect();
            if sent != receiver.receives() {
                return Some("one end does not receive what the other sends");
            }
        }
        if self.gathers > 0 && self.generations().is_none() {
            return Some("the ends are not connected");
        }
        None
    }

    /// Whether every candidate came to the other end: to be asked where nothing is lost.
    pub fn knows_all(&self) -> bool {
        let [Some((_, a)), Some((_, b))] = self.ends.each_ref().map(|end| end.browser.as_ref()) else {
            return false;
        };
        a.knows_all_of(b) && b.knows_all_of(a)
    }

    /// Whether no packets flow that are to.
    pub fn is_silent(&self) -> bool {
        self.gathers > 0 && !self.flows()
    }

    /// Whether both pages show a connection.
    pub fn shows_connected(&self) -> bool {
        self.ends.iter().all(|end| end.health == Health::Connected)
    }

    pub fn feed(&mut self, i: usize, input: Input) -> Result<(), String> {
        let sent = self.ends[i].feed(self.now, &mut self.fresh, input)?;
        self.network.connect(self.connections());
        for (carrier, message) in sent {
            self.network.send(i, carrier, message)?;
        }
        Ok(())
    }

    /// The connections that there are, or 0.
    fn connections(&self) -> [u32; 2] {
        self.ends.each_ref().map(|end| end.browser.as_ref().map_or(0, |(_, browser)| browser.id))
    }

    fn pass(&mut self, until: u64) -> Result<(), String> {
        self.now = until;
        (0..2).try_for_each(|i| self.feed(i, Input::Tick))?;
        self.beat()
    }

    fn step(&mut self, i: usize) -> Result<(), String> {
        let fails = std::mem::take(&mut self.ends[i].fails_next);
        if let Some((link, browser)) = &mut self.ends[i].browser {
            let link = *link;
            let outcome = if fails { browser.fail() } else { browser.finish() };
            if let Some(outcome) = outcome {
                self.feed(i, End::report(link, outcome))?;
            }
        }
        Ok(())
    }

    fn arrive(&mut self, i: usize, at: usize, again: Delivery) -> Result<(), String> {
        let message = match again {
            Delivery::Only => self.network.ways[i].remove(at),
            Delivery::Duplicate => self.network.ways[i].get(at).cloned(),
        };
        let Some(message) = message else {
            return Ok(());
        };
        if let Message::Present { session } = &message {
            self.ends[i].known = Some(*session);
        }
        match self.ends[i].unseal(Carrier::Broker, message) {
            Some(input) => self.feed(i, input),
            None => Ok(()),
        }
    }
}
