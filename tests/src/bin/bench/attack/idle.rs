//! Ten thousand connections who come as fast as they can, answer pings, and say nothing.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::super::ws;
use super::ground::Ground;
use super::leash::Leash;
use super::swarm::Swarm;

const CONNECTIONS: usize = 10_000;
/// Connections made between two looks at those that are there.
const AT_ONCE: usize = 50;

/// Comes, and stays for as long as the leash holds.
///
/// # Errors
/// Somebody is not let in, or thrown out.
pub fn attack(ground: &Ground, leash: &mut Leash) -> Result<String> {
    leash.wait()?;
    let (mut swarm, mut count) = (Swarm::new()?, Count::default());
    for nth in 0..CONNECTIONS {
        swarm.add(ground.websocket(nth, "/ws")?)?;
        if nth % AT_ONCE == AT_ONCE - 1 {
            swarm.look(Duration::ZERO, |_, opcode, _| count.hear(opcode))?;
        }
    }
    let mut said = false;
    while leash.holds()? {
        swarm.look(Duration::from_millis(100), |_, opcode, _| count.hear(opcode))?;
        ensure!(count.lost == 0, "{} of {} were thrown out", count.lost, count.greeted);
        if count.greeted == CONNECTIONS && !said {
            leash.reach_the_height();
            said = true;
        }
    }
    Ok(format!("{} connections, {} pings", count.greeted, count.pings))
}

/// What came.
#[derive(Default)]
struct Count {
    greeted: usize,
    pings: usize,
    lost: usize,
}

impl Count {
    fn hear(&mut self, opcode: u8) {
        match opcode {
            // The broker says hello, and nothing else to whoever asks nothing.
            ws::TEXT => self.greeted += 1,
            ws::PING => self.pings += 1,
            ws::CLOSE => self.lost += 1,
            _ => {}
        }
    }
}
