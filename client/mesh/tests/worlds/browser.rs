//! A model of `RTCPeerConnection` (W3C WebRTC): signalling states, rollback, the negotiation-needed flag with its queued task
//! (§4.7.3), asynchronous steps, ICE generations and candidates.
//!
//! A media section is a source's slot: a local slot for a source that the other end's offer brings too becomes one with it.
//! Sending or not is negotiated here as a direction is, which asks more of a mesh than the page does.

mod steps;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use klatch_mesh::Kind;
use klatch_shared::peer::{Description, IceCandidate, Source};

use crate::description::{Sdp, candidate, read_candidate};

/// One connection.
#[derive(Clone, Debug, Hash)]
pub struct Browser {
    /// Its certificate: unique in its world.
    pub id: u32,
    gathers: u32,
    signaling: Signaling,
    /// Sources with a slot, and whether we want to send there.
    slots: BTreeMap<Source, bool>,
    /// What gets slots with the first remote offer.
    later: BTreeMap<Source, bool>,
    current: Option<Pair>,
    pending: Option<Sdp>,
    pub step: Option<Step>,
    flag: Flag,
    restart: bool,
    serial: u32,
    generation: u32,
    ungathered: VecDeque<(u32, u32)>,
    gathered: BTreeMap<u32, u32>,
    known: BTreeSet<(u32, u32)>,
    /// The other end changed its certificate, or something broke: it never connects again.
    foreign: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Signaling {
    Stable,
    LocalOffer,
    RemoteOffer,
}

/// The descriptions in force.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pair {
    local: Sdp,
    remote: Sdp,
}

/// What is in flight.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Local(Sdp),
    Remote(Sdp),
}

/// `[[NegotiationNeeded]]`, the queued task, `[[UpdateNegotiationNeededFlagOnEmptyChain]]`.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Flag {
    needed: bool,
    queued: bool,
    on_empty: bool,
}

/// What became of a step.
#[derive(Clone, Debug)]
pub enum Outcome {
    Local(Kind, Description),
    Remote,
    Failed,
}

impl Browser {
    /// A connection with a data channel, and slots for these sources at once or with the first remote offer.
    pub fn open(id: u32, gathers: u32, sources: &BTreeMap<Source, bool>, offers: bool) -> Self {
        let (slots, later) =
            if offers { (sources.clone(), BTreeMap::new()) } else { (BTreeMap::new(), sources.clone()) };
        Self {
            id,
            gathers,
            signaling: Signaling::Stable,
            slots,
            later,
            current: None,
            pending: None,
            step: None,
            flag: Flag { queued: true, ..Flag::default() },
            restart: false,
            serial: 0,
            generation: 0,
            ungathered: VecDeque::new(),
            gathered: BTreeMap::new(),
            known: BTreeSet::new(),
            foreign: false,
        }
    }

    /// Sends this source, or not any more.
    pub fn send(&mut self, source: Source, sends: bool) {
        if self.current.is_none() && !self.later.is_empty() {
            self.later.insert(source, sends);
        } else if sends || self.slots.contains_key(&source) {
            self.slots.insert(source, sends);
            self.update_flag();
        }
    }

    /// `restartIce()` and `setLocalDescription()`: what it makes is made of what there is now.
    pub fn set_local(&mut self, restart: bool) {
        assert!(self.step.is_none(), "one step at a time");
        if restart {
            self.restart = true;
            self.update_flag();
        }
        let sdp = match self.signaling {
            Signaling::Stable | Signaling::LocalOffer => self.make_offer(),
            Signaling::RemoteOffer => self.make_answer(),
        };
        self.step = Some(Step::Local(sdp));
    }

    /// `setRemoteDescription()`.
    pub fn set_remote(&mut self, description: &Description) {
        assert!(self.step.is_none(), "one step at a time");
        self.step = Some(Step::Remote(Sdp::of(description)));
    }

    /// The step in flight ends.
    pub fn finish(&mut self) -> Option<Outcome> {
        let outcome = match self.step.take()? {
            Step::Local(sdp) => self.apply_local(sdp),
            Step::Remote(sdp) => self.apply_remote(sdp),
        };
        self.empty_chain();
        Some(outcome)
    }

    /// The step in flight fails.
    pub fn fail(&mut self) -> Option<Outcome> {
        self.step.take()?;
        self.empty_chain();
        Some(Outcome::Failed)
    }

    /// The queued task runs: whether `negotiationneeded` fires.
    pub fn run_task(&mut self) -> bool {
        self.flag.queued = false;
        if self.step.is_some() {
            self.flag.on_empty = true;
            return false;
        }
        if self.signaling != Signaling::Stable {
            return false;
        }
        if !self.is_needed() {
            self.flag.needed = false;
            return false;
        }
        !std::mem::replace(&mut self.flag.needed, true)
    }

    pub fn has_task(&self) -> bool {
        self.flag.queued
    }

    /// The next candidate is gathered.
    pub fn gather(&mut self) -> Option<IceCandidate> {
        let (ufrag, n) = self.ungathered.pop_front()?;
        self.gathered.insert(ufrag, n + 1);
        Some(candidate(ufrag, n))
    }

    pub fn has_candidate(&self) -> bool {
        !self.ungathered.is_empty()
    }

    /// `addIceCandidate()`; an error is that there is no remote description at all.
    pub fn add_candidate(&mut self, candidate: &IceCandidate) -> Result<(), &'static str> {
        let (ufrag, n) = read_candidate(candidate);
        let current = self.current.as_ref().map(|pair| pair.remote.ufrag);
        let pending = self.pending.as_ref().filter(|_| self.signaling == Signaling::RemoteOffer).map(|sdp| sdp.ufrag);
        if current.is_none() && pending.is_none() {
            return Err("a candidate without a remote description");
        }
        if [current, pending].contains(&Some(ufrag)) {
            self.known.insert((ufrag, n));
        }
        Ok(())
    }

    /// Whatever it is told, it carries no packet any more.
    pub fn jam(&mut self) {
        self.foreign = true;
    }

    /// Whether nothing is in progress and nothing wanted.
    pub fn is_settled(&self) -> bool {
        self.signaling == Signaling::Stable && self.step.is_none() && !self.is_needed()
    }

    /// Whether an exchange was completed.
    pub fn is_described(&self) -> bool {
        self.current.is_some()
    }

    /// Whether both ends have the same descriptions in force.
    pub fn agrees(&self, other: &Self) -> bool {
        match (&self.current, &other.current) {
            (Some(mine), Some(theirs)) => mine.local == theirs.remote && mine.remote == theirs.local,
            (_, _) => false,
        }
    }

    /// What the other end sends, as this end was told.
    pub fn receives(&self) -> BTreeSet<Source> {
        let lines = self.current.iter().flat_map(|pair| &pair.remote.lines);
        lines.filter(|(_, sends)| *sends).map(|(source, _)| *source).collect()
    }

    /// Whether every candidate of the other end's came.
    pub fn knows_all_of(&self, other: &Self) -> bool {
        let ufrag = other.ufrag();
        (0..other.gathered.get(&ufrag).copied().unwrap_or(0)).all(|n| self.known.contains(&(ufrag, n)))
    }

    /// The ICE generations of both ends, if this one has found a way to the other.
    pub fn path(&self, other: &Self) -> Option<(u32, u32)> {
        let (mine, theirs) = (self.current.as_ref()?, other.current.as_ref()?);
        let matched = mine.local.ufrag == theirs.remote.ufrag && mine.remote.ufrag == theirs.local.ufrag;
        // Of all candidates only the last one leads anywhere.
        let met = self.gathers > 0 && self.known.contains(&(mine.remote.ufrag, self.gathers - 1));
        let trusted = !self.foreign && !other.foreign;
        (matched && met && trusted).then_some((mine.local.ufrag, mine.remote.ufrag))
    }
}
