//! Every way that a world can go, each state visited once.

use std::collections::HashSet;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use crate::world::{Event, Order, World};

/// What an exploration found.
#[derive(Debug)]
pub struct Findings {
    /// States visited.
    pub states: usize,
    /// Of these, states in which nothing more happens.
    pub ends: usize,
    /// The most offers that it took.
    pub offers: u32,
}

/// What must be so when nothing more happens.
#[derive(Clone, Copy, Debug)]
pub enum Rest {
    /// The ends agree, without having waited, and every candidate came.
    Calm,
    /// And it took one exchange.
    Brief,
    /// The ends agree after a while, whatever was lost, and packets flow.
    Patient,
}

/// More exchanges than any of these worlds has a reason for.
const TOO_LONG: usize = 400;

/// Visits all states that `start` leads to. Where nothing else may happen, time
/// passes, if it may, until the world is at rest.
pub fn explore(start: World, order: Order, rest: Rest) -> Result<Findings, String> {
    let mut seen = HashSet::from([fingerprint(&start)]);
    let mut open = vec![(start, Trail::default())];
    let (mut ends, mut offers) = (0, 0);
    while let Some((world, trail)) = open.pop() {
        let mut events = world.events(order);
        if events.is_empty() {
            match rest.complaint(&world) {
                None => (ends, offers) = (ends + 1, offers.max(world.network.offers())),
                Some(_) if rest.waits() && world.next_time().is_some() => events.push(Event::Time),
                Some(complaint) => return Err(trail.tell(complaint, &world)),
            }
        }
        for event in events {
            let mut next = world.clone();
            let trail = trail.and(event);
            if let Err(fault) = next.happen(event) {
                return Err(trail.tell(&fault, &next));
            }
            if trail.length() > TOO_LONG {
                return Err(trail.tell("it goes on without end", &next));
            }
            if seen.insert(fingerprint(&next)) {
                open.push((next, trail));
            }
        }
    }
    Ok(Findings { states: seen.len(), ends, offers })
}

impl Rest {
    fn complaint(self, world: &World) -> Option<&'static str> {
        let lost = (!world.knows_all()).then_some("a candidate was lost");
        let long = (world.network.offers() > 1).then_some("it took more than one offer");
        match self {
            Self::Calm => world.complaint().or(lost),
            Self::Brief => world.complaint().or(lost).or(long),
            Self::Patient => world.complaint().or(world.is_silent().then_some("packets don't flow")),
        }
    }

    fn waits(self) -> bool {
        match self {
            Self::Calm | Self::Brief => false,
            Self::Patient => true,
        }
    }
}

/// How a state was reached.
#[derive(Clone, Debug, Default)]
struct Trail(Option<Rc<(Event, Trail)>>, usize);

impl Trail {
    fn and(&self, event: Event) -> Self {
        Self(Some(Rc::new((event, self.clone()))), self.1 + 1)
    }

    fn length(&self) -> usize {
        self.1
    }

    fn tell(&self, complaint: &str, world: &World) -> String {
        let mut events = Vec::new();
        let mut trail = self;
        while let Some(last) = &trail.0 {
            events.push(last.0);
            trail = &last.1;
        }
        events.reverse();
        format!("{complaint}, after {events:?}\n{world:?}")
    }
}

/// A state in a number.
pub fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    (world.now, world.fresh, world.sessions, &world.todo, &world.path, world.pulse, print(&world.network))
        .hash(&mut hasher);
    for end in &world.ends {
        (end.print, &end.session, &end.known, &end.sources, &end.browser, &end.ghosts, end.fails_next)
            .hash(&mut hasher);
    }
    hasher.finish()
}

/// Something in a number, by what its `Debug` tells. Eight bytes at a time: a test's build hashes slowly.
pub fn print(it: &impl fmt::Debug) -> u64 {
    let mut text = String::with_capacity(4096);
    write!(text, "{it:?}").expect("a text takes anything");
    let words = text.as_bytes().chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(text.len() as u64, |hash, word| (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
}
