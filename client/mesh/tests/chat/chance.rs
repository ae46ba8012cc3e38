//! What may happen to a room, by chance.

use proptest::prelude::*;

use crate::liar::{LIES_OF_THE_ABSENT, Lie};
use crate::world::World;

/// Something that happens. Numbers are taken modulo of what there is.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    Say(usize),
    Edit(usize),
    Delete(usize),
    Cut(usize),
    Mend(usize),
    /// A member is cut off from all.
    Isolate(usize),
    Reload(usize),
    Join,
    Leave(usize),
    /// A seat is given up.
    Release(usize),
    Switch(bool),
    /// The broker tells a member something.
    Tell(usize),
    /// So many things arrive, here and there.
    Arrive(usize, usize),
    /// Time goes by; one member's second is over.
    Pulse(usize, u64),
    /// All that is on the way arrives, and a second goes by for all.
    Second,
    Lie(Lie, usize),
}

/// Members that a room of chance has at most.
pub const CROWD: usize = 6;

/// What the room is up to, beside what happens to every room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    None,
    /// The creator switches the history off and on.
    Switches,
    /// Somebody lies.
    Lies,
    /// Somebody lies, and seats are given up.
    Departures,
}

/// Things that happen, one after the other.
pub fn events(mischief: Mischief) -> impl Strategy<Value = Vec<Event>> {
    let trouble = trouble();
    let event = match mischief {
        Mischief::None => trouble.boxed(),
        Mischief::Switches => prop_oneof![30 => trouble, 1 => any::<bool>().prop_map(Event::Switch)].boxed(),
        Mischief::Lies => prop_oneof![6 => trouble, 1 => lies()].boxed(),
        Mischief::Departures => {
            prop_oneof![8 => trouble, 8 => lies_of_the_absent(), 1 => Just(Event::Join), 1 => any::<usize>().prop_map(Event::Release)]
                .boxed()
        }
    };
    prop::collection::vec(event, 0..80)
}

fn lies() -> impl Strategy<Value = Event> {
    any::<(Lie, usize)>().prop_map(|(lie, n)| Event::Lie(lie, n))
}

fn lies_of_the_absent() -> impl Strategy<Value = Event> {
    (prop::sample::select(&LIES_OF_THE_ABSENT[..]), any::<usize>()).prop_map(|(lie, n)| Event::Lie(lie, n))
}

fn trouble() -> impl Strategy<Value = Event> {
    let n = any::<usize>;
    prop_oneof![
        8 => n().prop_map(Event::Say),
        3 => n().prop_map(Event::Edit),
        2 => n().prop_map(Event::Delete),
        4 => n().prop_map(Event::Cut),
        4 => n().prop_map(Event::Mend),
        1 => n().prop_map(Event::Isolate),
        1 => n().prop_map(Event::Reload),
        1 => Just(Event::Join),
        1 => n().prop_map(Event::Leave),
        3 => n().prop_map(Event::Tell),
        8 => (0..20_usize, n()).prop_map(|(count, at)| Event::Arrive(count, at)),
        4 => (n(), 0..2000_u64).prop_map(|(i, ms)| Event::Pulse(i, ms)),
        4 => Just(Event::Second),
    ]
}

impl World {
    pub fn happens(&mut self, event: Event) {
        let member = |world: &Self, n: usize| n % world.members.len();
        match event {
            Event::Say(n) => {
                let i = member(self, n);
                if self.members[i].here && !self.members[i].lies {
                    self.says(i);
                }
            }
            Event::Edit(n) | Event::Delete(n) => {
                let Some((i, id, _)) = self.said.get(n % self.said.len().max(1)).copied() else { return };
                if self.members[i].here {
                    match event {
                        Event::Edit(_) => self.edits(i, id),
                        _ => self.deletes(i, id),
                    }
                }
            }
            Event::Cut(n) => {
                let link = n % self.links.len();
                self.links[link].2.cut();
            }
            Event::Mend(n) => {
                let (a, b, _) = self.links[n % self.links.len()];
                self.mend(a, b);
            }
            Event::Isolate(n) => {
                let i = member(self, n);
                self.links.iter_mut().filter(|(a, b, _)| *a == i || *b == i).for_each(|(_, _, link)| link.cut());
            }
            Event::Reload(n) => {
                let i = member(self, n);
                if self.may_go(i) && !self.members[i].released {
                    self.reloads(i);
                }
            }
            Event::Join => {
                if self.members.len() < CROWD {
                    let newcomer = self.joins(false);
                    // As for those who are there already: whose clock is far ahead can be led beyond what others believe yet.
                    if self.members.iter().any(|member| member.lies) {
                        self.members[newcomer].sets_clock();
                    }
                }
            }
            Event::Leave(n) => {
                let i = member(self, n);
                if i > 0 && self.may_go(i) {
                    self.leaves(i);
                }
            }
            Event::Release(n) => {
                let i = member(self, n);
                if self.may_go(i) && !self.members[i].released {
                    self.releases(i);
                }
            }
            Event::Switch(kept) => {
                if self.members[0].here {
                    self.switches(kept);
                }
            }
            Event::Tell(n) => {
                self.tells(member(self, n));
            }
            Event::Arrive(count, at) => {
                for step in 0..count {
                    let at = at.wrapping_add(step.wrapping_mul(7));
                    self.arrives(at / 2 % self.links.len(), at % 2);
                }
            }
            Event::Pulse(n, ms) => {
                self.now += ms;
                self.pulses(member(self, n));
            }
            Event::Second => self.second(),
            Event::Lie(lie, at) => self.lies(lie, at),
        }
    }

    /// The liar stays a liar.
    fn may_go(&self, i: usize) -> bool {
        !self.members[i].lies && self.anchor != Some(i)
    }
}
