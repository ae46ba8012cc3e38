//! The way for packets, and what browsers say of their connections.

use std::collections::BTreeSet;

use klatch_mesh::{ConnectionState, Input};

use super::World;

/// The way for packets, and what each browser says of it.
#[derive(Clone, Debug, Hash)]
pub struct Path {
    pub works: bool,
    /// Browsers say nothing of what never was: none of their candidates led anywhere.
    pub is_hushed: bool,
    said: [Said; 2],
    /// Ends that no packet reaches, though theirs arrive.
    pub deaf: [bool; 2],
    /// ICE generations that have failed.
    pub dead: BTreeSet<(u32, u32)>,
    /// The same of one end alone.
    pub half_dead: [BTreeSet<(u32, u32)>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Said {
    of: u32,
    state: ConnectionState,
    since: u64,
}

impl Default for Path {
    fn default() -> Self {
        let said = Said { of: 0, state: ConnectionState::New, since: 0 };
        Self {
            works: true,
            is_hushed: false,
            deaf: [false; 2],
            said: [said; 2],
            dead: BTreeSet::new(),
            half_dead: Default::default(),
        }
    }
}

/// A browser says `disconnected` so long after packets stop.
const DISCONNECTED: u64 = 5_000;
/// And `failed` so long after that.
const FAILED: u64 = 10_000;
/// Or so long after there was hope for packets, if none ever came.
const NEVER: u64 = 15_000;

impl World {
    /// The ICE generations that could carry packets.
    pub fn generations(&self) -> Option<(u32, u32)> {
        let [Some((_, a)), Some((_, b))] = self.ends.each_ref().map(|end| end.browser.as_ref()) else {
            return None;
        };
        a.path(b).or_else(|| b.path(a).map(|(theirs, ours)| (ours, theirs)))
    }

    /// Whether packets flow, both ways: ICE's checks are answered, and without an answer a browser says that there is no connection.
    pub fn flows(&self) -> bool {
        self.hears(0) && self.hears(1)
    }

    /// Whether packets come to this end.
    pub fn hears(&self, i: usize) -> bool {
        let is_dead = |pair| self.path.dead.contains(&pair) || self.path.half_dead[i].contains(&pair);
        self.path.works && !self.path.deaf[i] && self.generations().is_some_and(|pair| !is_dead(pair))
    }

    /// What a browser will say of its connection, and when.
    pub fn next_said(&self, i: usize) -> Option<(u64, ConnectionState)> {
        let (_, browser) = self.ends[i].browser.as_ref().filter(|_| self.gathers > 0)?;
        let Said { state, since, .. } = self.path.said[i];
        if self.flows() {
            return (state != ConnectionState::Connected).then_some((self.now, ConnectionState::Connected));
        }
        match state {
            ConnectionState::New | ConnectionState::Connecting => {
                (browser.is_described() && !self.path.is_hushed).then_some((since + NEVER, ConnectionState::Failed))
            }
            ConnectionState::Disconnected => Some((since + FAILED, ConnectionState::Failed)),
            ConnectionState::Connected => Some((since + DISCONNECTED, ConnectionState::Disconnected)),
            ConnectionState::Failed | ConnectionState::Closed => None,
        }
    }

    /// Browsers say how their connections are.
    pub fn say(&mut self) -> Result<(), String> {
        for i in 0..2 {
            self.watch(i);
            let Some((at, state)) = self.next_said(i) else {
                continue;
            };
            if at > self.now {
                continue;
            }
            if state == ConnectionState::Failed {
                self.path.dead.extend(self.generations());
            }
            self.tell(i, state)?;
        }
        self.open_channel()
    }

    fn tell(&mut self, i: usize, state: ConnectionState) -> Result<(), String> {
        self.path.said[i].state = state;
        self.path.said[i].since = self.now;
        let Some((link, _)) = &self.ends[i].browser else { return Ok(()) };
        let link = *link;
        self.feed(i, Input::Connection { link, state })
    }

    /// The browser of this end misses its path at once.
    pub fn miss(&mut self, i: usize) -> Result<(), String> {
        self.watch(i);
        let is_connected = self.path.said[i].state == ConnectionState::Connected;
        if is_connected { self.tell(i, ConnectionState::Disconnected) } else { Ok(()) }
    }

    /// A data channel opens once the connections carry packets, and outlives their not carrying any, unless it is closed.
    fn open_channel(&mut self) -> Result<(), String> {
        let connected = self.path.said.iter().all(|said| said.state == ConnectionState::Connected);
        if !self.network.channel && !self.network.closed && connected && self.flows() {
            (self.network.channel, self.network.opened) = (true, [true; 2]);
            for i in 0..2 {
                if let Some((link, _)) = &self.ends[i].browser {
                    let link = *link;
                    self.feed(i, Input::ChannelOpen { link })?;
                }
            }
        }
        Ok(())
    }

    /// A new connection has said nothing; while packets flow the clock of their stopping does not run.
    pub fn watch(&mut self, i: usize) {
        let of = self.ends[i].browser.as_ref().map_or(0, |(_, browser)| browser.id);
        if self.path.said[i].of != of {
            self.path.said[i] = Said { of, state: ConnectionState::New, since: self.now };
        } else if self.path.said[i].state == ConnectionState::Connected && self.flows() {
            self.path.said[i].since = self.now;
        }
    }
}
