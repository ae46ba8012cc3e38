//! What a browser's steps do: descriptions are made, put in force, rolled back (JSEP, RFC 9429).

use klatch_mesh::Kind;
use klatch_shared::peer::Source;

use super::{Browser, Outcome, Pair, Signaling};
use crate::description::Sdp;

impl Browser {
    pub fn make_offer(&mut self) -> Sdp {
        let new = self.current.is_none() || self.restart;
        let ufrag = match (&self.pending, &self.current) {
            (Some(pending), _) if !self.restart => pending.ufrag,
            (_, Some(current)) if !new => current.local.ufrag,
            (_, _) => self.next_ufrag(),
        };
        let mut sources = self.pending.as_ref().map_or_else(|| self.agreed(), Sdp::sources);
        let fresh: Vec<Source> = self.slots.keys().copied().filter(|source| !sources.contains(source)).collect();
        sources.extend(fresh);
        self.write(Kind::Offer, ufrag, &sources)
    }

    pub fn make_answer(&mut self) -> Sdp {
        let offer = self.pending.clone().expect("there is an offer");
        let ufrag = match &self.current {
            Some(pair) if pair.remote.ufrag == offer.ufrag => pair.local.ufrag,
            Some(_) | None => self.next_ufrag(),
        };
        self.write(Kind::Answer, ufrag, &offer.sources())
    }

    pub fn write(&mut self, kind: Kind, ufrag: u32, sources: &[Source]) -> Sdp {
        self.serial += 1;
        let lines = sources.iter().map(|source| (*source, self.slots.get(source).copied().unwrap_or(false))).collect();
        let candidates = self.gathered.get(&ufrag).copied().unwrap_or(0);
        Sdp { kind, writer: self.id, serial: self.serial, ufrag, candidates, lines }
    }

    pub fn apply_local(&mut self, sdp: Sdp) -> Outcome {
        let description = sdp.to_description();
        let kind = sdp.kind;
        if self.ufrag() != sdp.ufrag && !self.gathered.contains_key(&sdp.ufrag) {
            self.gathered.insert(sdp.ufrag, 0);
            self.ungathered.extend((0..self.gathers).map(|n| (sdp.ufrag, n)));
        }
        match kind {
            Kind::Offer => (self.pending, self.signaling) = (Some(sdp), Signaling::LocalOffer),
            Kind::Answer => {
                let remote = self.pending.take().expect("an answer answers an offer");
                self.settle(Pair { local: sdp, remote });
            }
        }
        Outcome::Local(kind, description)
    }

    pub fn apply_remote(&mut self, sdp: Sdp) -> Outcome {
        match (sdp.kind, self.signaling) {
            (Kind::Offer, _) => {
                if self.signaling == Signaling::LocalOffer {
                    self.roll_back();
                }
                if !sdp.sources().starts_with(&self.agreed()) {
                    return Outcome::Failed;
                }
                self.learn(&sdp);
                for source in sdp.sources() {
                    let sends = self.later.remove(&source).unwrap_or(false);
                    self.slots.entry(source).or_insert(sends);
                }
                let later = std::mem::take(&mut self.later);
                self.slots.extend(later.into_iter().filter(|(_, sends)| *sends));
                (self.pending, self.signaling) = (Some(sdp), Signaling::RemoteOffer);
                Outcome::Remote
            }
            (Kind::Answer, Signaling::LocalOffer) => {
                if self.pending.as_ref().map(Sdp::sources) != Some(sdp.sources()) {
                    return Outcome::Failed;
                }
                self.learn(&sdp);
                let local = self.pending.take().expect("checked above");
                self.settle(Pair { local, remote: sdp });
                Outcome::Remote
            }
            (Kind::Answer, Signaling::Stable | Signaling::RemoteOffer) => Outcome::Failed,
        }
    }

    pub fn learn(&mut self, sdp: &Sdp) {
        self.foreign |= self.current.as_ref().is_some_and(|pair| pair.remote.writer != sdp.writer);
        self.known.extend((0..sdp.candidates).map(|n| (sdp.ufrag, n)));
    }

    /// The generation of an offer that nobody answered is forgotten, and its candidates with it.
    pub fn roll_back(&mut self) {
        self.pending = None;
        self.signaling = Signaling::Stable;
        let current = self.ufrag();
        let before = self.ungathered.len();
        self.ungathered.retain(|(ufrag, _)| *ufrag == current);
        // As Chromium may, whose transport goes with its first offer, and takes the look for addresses along.
        if self.current.is_none() && self.ungathered.len() < before {
            self.gathers = 0;
        }
    }

    fn settle(&mut self, pair: Pair) {
        self.restart &= self.current.as_ref().is_some_and(|before| before.local.ufrag == pair.local.ufrag);
        self.current = Some(pair);
        self.signaling = Signaling::Stable;
        (self.flag.needed, self.flag.on_empty) = (false, true);
    }

    pub fn empty_chain(&mut self) {
        if std::mem::take(&mut self.flag.on_empty) {
            self.update_flag();
        }
    }

    pub fn update_flag(&mut self) {
        if self.step.is_some() {
            self.flag.on_empty = true;
        } else {
            self.flag.queued = true;
        }
    }

    pub fn is_needed(&self) -> bool {
        let Some(pair) = &self.current else {
            return true;
        };
        let differs = |source: &Source, sends: &bool| !pair.local.lines.contains(&(*source, *sends));
        self.restart || self.slots.iter().any(|(source, sends)| differs(source, sends))
    }

    pub fn agreed(&self) -> Vec<Source> {
        self.current.as_ref().map(|pair| pair.local.sources()).unwrap_or_default()
    }

    pub fn ufrag(&self) -> u32 {
        self.current.as_ref().map_or(0, |pair| pair.local.ufrag)
    }

    pub fn next_ufrag(&mut self) -> u32 {
        self.generation += 1;
        self.id * 16 + self.generation
    }
}
