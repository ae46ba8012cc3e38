//! One room whose members send as fast as the broker takes it: signals to each other, cards, questions, rubbish, and giants; one of them
//! comes and goes. Beside it somebody brings a room back that never was, again and again, each time with as many seats made up as an
//! account may tell of. Whoever is closed for it is there again at once, and whoever may not come back comes from elsewhere, as somebody
//! else.

use std::time::Duration;

use anyhow::{Result, ensure};
use klatch_shared::limits::{MAX_FRAME_BYTES, MAX_PEEKED_ROOMS};
use klatch_shared::wire::{Peek, PeekAt, Request, ServerFrame, Verb};
use klatch_shared::{AnyToken, InviteToken, Nonce, RoomId, RoomKey, RoomKeys};

use super::super::offer::OfferFrame;
use super::super::seats::{Newcomer, Room, nonce_of};
use super::super::ws;
use super::ground::{FROM_ONE, Ground};
use super::leash::Leash;
use super::swarm::Swarm;

/// Bytes that may wait at a flooder for the socket to take them.
const AHEAD: usize = 128 * 1024;
/// Frames written in one go.
const BURST: usize = 32;
/// An offer that costs as little of the broker's patience as any frame.
const SMALL_OFFER: usize = 400;

/// What a member does without end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matter {
    Signals,
    Cards,
    /// Is gone as soon as it is there.
    Returns,
    /// Tells of a room of which the broker knows nothing, and is somebody else as soon as it is there.
    Accounts,
    Questions,
    Pings,
    Rubbish,
    Binary,
    Giants,
}

const MATTERS: [Matter; 9] = [
    Matter::Signals,
    Matter::Cards,
    Matter::Returns,
    Matter::Accounts,
    Matter::Questions,
    Matter::Pings,
    Matter::Rubbish,
    Matter::Binary,
    Matter::Giants,
];

impl Matter {
    /// Whoever does it goes on until they are closed for it.
    fn is_endless(self) -> bool {
        !matches!(self, Self::Returns | Self::Accounts)
    }
}

struct Flooder {
    matter: Matter,
    newcomer: Newcomer,
    /// Their card, as a change of it.
    card: Vec<u8>,
    /// Had the seat before.
    returns: bool,
    /// On this connection.
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Connecting,
    Asked,
    Seated,
    Refused,
}

impl Flooder {
    fn new(matter: Matter, rooms: &mut Rooms) -> Self {
        let room = if matter == Matter::Accounts { &mut rooms.made_up } else { &mut rooms.flooded };
        let newcomer = room.newcomer();
        let card = framed(&newcomer.card_change());
        Self { matter, newcomer, card, returns: false, progress: Progress::Connecting }
    }

    fn request(&self, nonce: &Nonce) -> String {
        match self.matter {
            Matter::Accounts => self.newcomer.made_up_account(nonce),
            _ if self.returns => self.newcomer.return_request(nonce),
            _ => self.newcomer.request(nonce),
        }
    }
}

struct Rooms {
    flooded: Room,
    /// Was never there.
    made_up: Room,
}

/// Floods for as long as the leash holds.
///
/// # Errors
/// Nobody can be let in.
pub fn attack(ground: &Ground, leash: &mut Leash) -> Result<String> {
    let mut rooms = Rooms { flooded: Room::new(), made_up: Room::new() };
    let (victim, mut supply) = (rooms.flooded.newcomer(), Supply::new());
    leash.wait()?;
    let (stream, held) = ws::upgrade(ground.connect(0)?, ground.port, &victim.path)?;
    let victim = victim.sit_down(stream, held, true)?;
    let mut swarm = Swarm::new()?;
    let mut flooders = Vec::new();
    for matter in MATTERS {
        let flooder = Flooder::new(matter, &mut rooms);
        swarm.add(ground.websocket(FROM_ONE, &flooder.newcomer.path)?)?;
        flooders.push(flooder);
    }
    // Who is flooded reads it all.
    let victim_id = victim.member.to_string();
    swarm.add(super::super::line::Line::open(victim.stream, victim.held)?)?;
    leash.reach_the_height();

    let (mut frames, mut closed, mut seated, mut returned, mut accounts, mut homes) = (0u64, 0u64, 0, 0u64, 0u64, 1);
    while leash.holds()? {
        let (mut over, mut greeted) = (Vec::new(), Vec::new());
        swarm.look(Duration::from_millis(1), |place, opcode, payload| {
            let Some(flooder) = flooders.get_mut(place) else { return };
            match (opcode, flooder.progress) {
                (ws::CLOSE, _) => over.push(place),
                (ws::TEXT, Progress::Connecting) => {
                    let nonce = nonce_of(&String::from_utf8_lossy(payload));
                    greeted.extend(nonce.map(|nonce| (place, nonce)));
                }
                (ws::TEXT, Progress::Asked) => {
                    if let ServerFrame::Reply { outcome, .. } = ServerFrame::parse(&String::from_utf8_lossy(payload)) {
                        flooder.progress = if outcome.is_ok() { Progress::Seated } else { Progress::Refused };
                        seated += usize::from(outcome.is_ok() && flooder.matter.is_endless());
                        returned += u64::from(outcome.is_ok() && flooder.matter == Matter::Returns);
                    }
                }
                _ => {}
            }
        })?;
        for (place, nonce) in greeted {
            let flooder = &mut flooders[place];
            swarm.say(place, &flooder.request(&nonce));
            flooder.progress = Progress::Asked;
            accounts += u64::from(flooder.matter == Matter::Accounts);
        }
        over.sort_unstable();
        over.dedup();
        closed += over.len() as u64;
        let had_enough = |flooder: &Flooder| match flooder.progress {
            Progress::Seated => !flooder.matter.is_endless(),
            Progress::Refused => true,
            Progress::Connecting | Progress::Asked => false,
        };
        over.extend((0..flooders.len()).filter(|place| had_enough(&flooders[*place])));
        over.sort_unstable();
        over.dedup();
        for place in over {
            let flooder = &mut flooders[place];
            flooder.returns |= flooder.progress == Progress::Seated;
            // Somebody else, from elsewhere, for as long as the room has seats.
            homes += usize::from(flooder.progress == Progress::Refused);
            if flooder.progress == Progress::Refused || flooder.matter == Matter::Accounts {
                *flooder = Flooder::new(flooder.matter, &mut rooms);
            }
            flooder.progress = Progress::Connecting;
            swarm.put(place, ground.websocket(homes * FROM_ONE, &flooder.newcomer.path)?)?;
        }
        for (place, flooder) in flooders.iter().enumerate() {
            for _ in 0..BURST {
                if flooder.progress == Progress::Seated && swarm.unsent(place) < AHEAD {
                    swarm.write(place, supply.frame(flooder, &victim_id));
                    frames += 1;
                }
            }
        }
    }
    ensure!(seated >= MATTERS.into_iter().filter(|matter| matter.is_endless()).count(), "not everybody was let in");
    ensure!(returned > 1 && accounts > 1, "hardly anybody came back, or gave an account");
    Ok(format!(
        "{frames} frames, {closed} times closed for it; {seated} times seated, {returned} times back; {accounts} accounts; from {homes} addresses"
    ))
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

    fn frame<'a>(&'a mut self, flooder: &'a Flooder, victim: &str) -> &'a [u8] {
        match flooder.matter {
            Matter::Signals => {
                self.next += 1;
                self.offer.numbered(self.next, victim)
            }
            Matter::Cards => &flooder.card,
            // Has left by then.
            Matter::Returns | Matter::Accounts | Matter::Pings => &[0x89, 0x80, 0, 0, 0, 0],
            Matter::Questions => &self.question,
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
