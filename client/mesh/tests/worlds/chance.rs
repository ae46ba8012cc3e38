//! One way that a world can go, by chance, and then calm: whether it comes to rest well.

use crate::world::{Delivery, Event, Order, World};

/// So much time, in milliseconds, and so many events.
pub type Bound = (u64, usize);

/// Once chance is over, a world must be well within this.
pub const BOUND: Bound = (300_000, 3_000);

/// Lets chance choose among what may happen, until it has no more numbers; then all goes its way until nothing is left to happen.
pub fn run(world: World, chances: &[u16], order: Order) -> Result<World, String> {
    run_within(BOUND, world, chances, order)
}

/// The same with another bound.
pub fn run_within(bound: Bound, mut world: World, chances: &[u16], order: Order) -> Result<World, String> {
    for chance in chances {
        if let Some(event) = choose(&world, *chance, order) {
            world.happen(event)?;
        }
    }
    let calm_since = world.now;
    for _ in 0..bound.1 {
        let event = match world.events(Order::Kept).first() {
            Some(event) => *event,
            None if world.next_time().is_some() && world.now < calm_since + bound.0 => Event::Time,
            None => return verdict(world),
        };
        world.happen(event)?;
    }
    Err(format!("it goes on without end\n{world:?}"))
}

fn verdict(world: World) -> Result<World, String> {
    let hidden = (!world.shows_connected()).then_some("a page does not show the connection");
    match world.complaint().or(hidden) {
        Some(complaint) => Err(format!("{complaint}\n{world:?}")),
        None => Ok(world),
    }
}

fn choose(world: &World, chance: u16, order: Order) -> Option<Event> {
    let mut events = world.events(order);
    if order == Order::Lost {
        for i in 0..2 {
            events.extend(world.network.signals(i).map(|at| Event::Arrive(i, at, Delivery::Duplicate)));
        }
    }
    events.push(Event::Wait(u64::from(chance / 16)));
    events.extend(world.next_time().map(|_| Event::Time));
    let n = usize::from(chance) % events.len();
    events.get(n).copied()
}
