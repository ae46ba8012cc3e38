//! Two thousand rooms created and joined at once, three times over: all connections are asked for before any is answered.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use klatch_shared::wire::ServerFrame;

use super::super::seats::{Newcomer, Room, nonce_of};
use super::super::ws;
use super::ground::Ground;
use super::leash::Leash;
use super::swarm::Swarm;

const ROOMS: usize = 2_000;
const STORMS: usize = 3;
/// For all of a storm to have a seat.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody in a room of two: at an even place who creates it, and next to them who joins.
struct Guest {
    newcomer: Newcomer,
    request: Option<String>,
    seated: bool,
}

/// Storms, and stays for as long as the leash holds.
///
/// # Errors
/// Somebody is refused or thrown out.
pub fn attack(ground: &Ground, leash: &mut Leash) -> Result<String> {
    let mut storms: Vec<_> = std::iter::repeat_with(guests).take(STORMS).collect();
    leash.wait()?;
    let (mut swarm, mut took) = (Swarm::new()?, Vec::new());
    for (nth, guests) in storms.iter_mut().enumerate() {
        swarm.clear();
        let start = Instant::now();
        for (place, guest) in guests.iter().enumerate() {
            // From other addresses than the last storm: an address has only so many rooms.
            swarm.add(ground.websocket(nth * guests.len() + place, &guest.newcomer.path)?)?;
        }
        seat(&mut swarm, guests)?;
        took.push(format!("{:.1} s", start.elapsed().as_secs_f64()));
    }
    leash.reach_the_height();
    while leash.holds()? {
        swarm.look(Duration::from_millis(100), |_, _, _| {})?;
    }
    Ok(format!("{STORMS} times {ROOMS} rooms of two, in {}", took.join(", ")))
}

fn guests() -> Vec<Guest> {
    let rooms = std::iter::repeat_with(Room::new).take(ROOMS);
    let newcomers = rooms.flat_map(|mut room| [room.newcomer(), room.newcomer()]);
    newcomers.map(|newcomer| Guest { newcomer, request: None, seated: false }).collect()
}

fn seat(swarm: &mut Swarm, guests: &mut [Guest]) -> Result<()> {
    let (start, mut waiting) = (Instant::now(), guests.len());
    while waiting > 0 {
        let (mut ready, mut failure) = (Vec::new(), None);
        swarm.look(Duration::from_millis(100), |place, opcode, payload| match opcode {
            ws::TEXT => {
                let text = String::from_utf8_lossy(payload);
                if let Some(nonce) = nonce_of(&text) {
                    guests[place].request = Some(guests[place].newcomer.request(&nonce));
                    ready.push(place);
                } else if let ServerFrame::Reply { outcome, .. } = ServerFrame::parse(&text) {
                    failure = outcome.err().map(|refusal| refusal.to_string()).or(failure.take());
                    guests[place].seated = true;
                    waiting -= 1;
                    ready.push(place | 1);
                }
            }
            ws::CLOSE => failure = Some(String::from_utf8_lossy(payload).into_owned()),
            _ => {}
        })?;
        if let Some(failure) = failure {
            bail!("a guest was not seated: {failure}");
        }
        for place in ready {
            // Who joins waits for who creates.
            if (place % 2 == 0 || guests[place - 1].seated)
                && let Some(request) = guests[place].request.take()
            {
                swarm.say(place, &request);
            }
        }
        if start.elapsed() > PATIENCE {
            bail!("{waiting} of {} guests have no seat after {PATIENCE:?}", guests.len());
        }
    }
    Ok(())
}
