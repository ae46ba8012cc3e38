//! One room whose members send as fast as the broker takes it: signals to each other, questions, rubbish, and giants. Whoever
//! is closed for it is there again at once.

use std::time::Duration;

use anyhow::Result;
use klatch_shared::limits::{MAX_FRAME_BYTES, MAX_PEEKED_ROOMS};
use klatch_shared::wire::{Peek, PeekAt, Request, Verb};
use klatch_shared::{AnyToken, InviteToken, RoomId, RoomKey, RoomKeys};

use super::super::offer::OfferFrame;
use super::super::seats::{Newcomer, Room, nonce_of};
use super::super::ws;
use super::ground::Ground;
use super::leash::Leash;
use super::swarm::Swarm;

/// Bytes that may wait at a flooder for the socket to take them.
const AHEAD: usize = 128 * 1024;
/// Frames written in one go.
const BURST: usize = 32;
/// An offer that costs as little of the broker's patience as any frame.
const SMALL_OFFER: usize = 400;

/// What a member sends without end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matter {
    Signals,
    Questions,
    Pings,
    Rubbish,
    Binary,
    Giants,
}

const MATTERS: [Matter; 6] =
    [Matter::Signals, Matter::Questions, Matter::Pings, Matter::Rubbish, Matter::Binary, Matter::Giants];

struct Flooder {
    matter: Matter,
    newcomer: Newcomer,
    seated: bool,
}

/// Floods for as long as the leash holds.
///
/// # Errors
/// Nobody can be let in.
pub fn attack(ground: &Ground, leash: &mut Leash) -> Result<String> {
    let mut room = Room::new();
    let (victim, mut supply) = (room.newcomer(), Supply::new());
    leash.wait()?;
    let (stream, held) = ws::upgrade(ground.connect(0)?, ground.port, &victim.path)?;
    let victim = victim.sit_down(stream, held, true)?;
    let mut swarm = Swarm::new()?;
    let mut flooders = Vec::new();
    for matter in MATTERS {
        let newcomer = room.newcomer();
        swarm.add(ground.websocket(1, &newcomer.path)?)?;
        flooders.push(Flooder { matter, newcomer, seated: false });
    }
    // Who is flooded reads it all.
    let victim_id = victim.member.to_string();
    swarm.add(super::super::line::Line::open(victim.stream, victim.held)?)?;
    leash.reach_the_height();

    let (mut frames, mut closed) = (0u64, 0u64);
    while leash.holds()? {
        let (mut over, mut greeted) = (Vec::new(), Vec::new());
        swarm.look(Duration::from_millis(1), |place, opcode, payload| match opcode {
            ws::CLOSE if place < flooders.len() => over.push(place),
            ws::TEXT if place < flooders.len() && !flooders[place].seated => {
                if let Some(nonce) = nonce_of(&String::from_utf8_lossy(payload)) {
                    greeted.push((place, nonce));
                }
            }
            _ => {}
        })?;
        for (place, nonce) in greeted {
            swarm.say(place, &flooders[place].newcomer.request(&nonce));
            flooders[place].seated = true;
        }
        over.dedup();
        for place in over {
            closed += 1;
            let newcomer = room.newcomer();
            swarm.put(place, ground.websocket(1, &newcomer.path)?)?;
            flooders[place] = Flooder { newcomer, seated: false, ..flooders[place] };
        }
        for (place, flooder) in flooders.iter().enumerate() {
            for _ in 0..BURST {
                if flooder.seated && swarm.unsent(place) < AHEAD {
                    swarm.write(place, supply.frame(flooder.matter, &victim_id));
                    frames += 1;
                }
            }
        }
    }
    Ok(format!("{frames} frames, {closed} times closed for it"))
}

/// Frames of all kinds.
struct Supply {
    offer: OfferFrame,
    next: u32,
    question: Vec<u8>,
    giant: Vec<u8>,
}

impl Supply {
    fn new() -> Self {
        let somewhere = || PeekAt { room: unknown_room(), token: AnyToken::Invite(InviteToken::random()) };
        let rooms = std::iter::repeat_with(somewhere).take(MAX_PEEKED_ROOMS).collect();
        let question = Request { id: 1, verb: Verb::Peek(Peek { rooms }) }.to_frame();
        let head = r#"{"id":1,"verb":"lock","locked":"#;
        let giant = format!("{head}{}", r#"[{"a":"#.repeat((MAX_FRAME_BYTES - head.len()) / 6));
        Self { offer: OfferFrame::of(SMALL_OFFER), next: 0, question: framed(&question), giant: framed(&giant) }
    }

    fn frame(&mut self, matter: Matter, victim: &str) -> &[u8] {
        match matter {
            Matter::Signals => {
                self.next += 1;
                self.offer.numbered(self.next, victim)
            }
            Matter::Questions => &self.question,
            Matter::Pings => &[0x89, 0x80, 0, 0, 0, 0],
            Matter::Rubbish => &[0x81, 0x81, 0, 0, 0, 0, b'?'],
            Matter::Binary => &[0x82, 0x84, 0, 0, 0, 0, 0xff, 0, 0xff, 0],
            Matter::Giants => &self.giant,
        }
    }
}

fn unknown_room() -> RoomId {
    RoomKeys::derive(&RoomKey::random()).id()
}

fn framed(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    ws::put_frame(&mut frame, ws::TEXT, text.as_bytes());
    frame
}
