//! Hundreds who ask for much and read nothing, or a byte a second: members whom others flood with signals, askers, and readers of
//! the page's largest file.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use klatch_shared::limits::MAX_PEEKED_ROOMS;
use klatch_shared::wire::{Peek, PeekAt, Request, Verb};
use klatch_shared::{AnyToken, InviteToken, RoomKey, RoomKeys};

use super::super::line::Line;
use super::super::offer::OfferFrame;
use super::super::seats::Room;
use super::super::{http, ws};
use super::ground::Ground;
use super::leash::Leash;
use super::swarm::Swarm;

/// Rooms in which one reads nothing, and so many others send it offers.
const ROOMS: usize = 80;
const SENDERS: usize = 4;
/// An offer, in bytes: about what one sender may send of at once.
const OFFER_BYTES: usize = 48 * 1024;
/// Who ask, and who load the page's largest file.
const ASKERS: usize = 400;
const LOADERS: usize = 400;
/// Questions of each asker, whose answers are as large.
const QUESTIONS: usize = 60;
/// Between two bytes that are read, and between two offers of a sender.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks, and reads next to nothing for as long as the leash holds.
///
/// # Errors
/// Somebody is not let in.
pub fn attack(ground: &Ground, leash: &mut Leash) -> Result<String> {
    let question = question();
    let mut offer = OfferFrame::of(OFFER_BYTES);
    leash.wait()?;
    let mut places = 0..;
    let mut next = || places.next().expect("endless");

    let (mut swarm, mut slow, mut receivers) = (Swarm::new()?, Vec::new(), Vec::new());
    for _ in 0..ROOMS {
        let mut room = Room::new();
        let mut seats = Vec::new();
        for sender in 0..=SENDERS {
            let newcomer = room.newcomer();
            let stream = if sender == 0 { ground.connect_narrow(next())? } else { ground.connect(next())? };
            let (stream, held) = ws::upgrade(stream, ground.port, &newcomer.path)?;
            seats.push(newcomer.sit_down(stream, held, true)?);
        }
        let mut seats = seats.into_iter();
        let reader = seats.next().context("a room has members")?;
        for seat in seats {
            swarm.add(Line::open(seat.stream, seat.held)?)?;
            receivers.push(reader.member.to_string());
        }
        slow.push(reader.stream.into_socket());
    }
    for _ in 0..ASKERS {
        let (mut stream, _) = ws::upgrade(ground.connect_narrow(next())?, ground.port, "/ws")?;
        stream.set_nonblocking(true)?;
        for _ in 0..QUESTIONS {
            let _ = stream.write(&question);
        }
        slow.push(stream);
    }
    let file = largest_file(ground)?;
    for _ in 0..LOADERS {
        let mut stream = ground.connect_narrow(next())?;
        write!(stream, "GET /{file} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", ground.port)?;
        slow.push(stream);
    }
    slow.iter().try_for_each(|stream| stream.set_nonblocking(true))?;

    let (mut due, mut number, mut bytes, mut acknowledged, mut refused) = (Instant::now(), 0, 0, 0u64, 0u64);
    let mut said = false;
    while leash.holds()? {
        if Instant::now() >= due {
            due += PAUSE;
            for (place, receiver) in receivers.iter().enumerate() {
                number += 1;
                swarm.write(place, offer.numbered(number, receiver));
            }
            // One in two reads a byte.
            bytes += slow.iter_mut().step_by(2).map(read_a_byte).sum::<usize>();
            if !said && refused > 0 {
                leash.reach_the_height();
                said = true;
            }
        }
        swarm.look(Duration::from_millis(100), |_, opcode, payload| {
            if opcode == ws::TEXT && payload.starts_with(br#"{"id":"#) {
                let ok = payload.windows(5).any(|bytes| bytes == br#""ok":"#);
                (acknowledged, refused) = (acknowledged + u64::from(ok), refused + u64::from(!ok));
            }
        })?;
    }
    let readers = slow.len();
    Ok(format!(
        "{readers} readers, {bytes} bytes read, {acknowledged} offers let through to them and {refused} refused"
    ))
}

fn read_a_byte(stream: &mut TcpStream) -> usize {
    stream.read(&mut [0]).unwrap_or(0)
}

fn question() -> Vec<u8> {
    let somewhere =
        || PeekAt { room: RoomKeys::derive(&RoomKey::random()).id(), token: AnyToken::Invite(InviteToken::random()) };
    let rooms = std::iter::repeat_with(somewhere).take(MAX_PEEKED_ROOMS).collect();
    let mut frame = Vec::new();
    ws::put_frame(&mut frame, ws::TEXT, Request { id: 1, verb: Verb::Peek(Peek { rooms }) }.to_frame().as_bytes());
    frame
}

/// The page's module, by the name that the page has for it.
fn largest_file(ground: &Ground) -> Result<String> {
    let page = http::get(ground.port, "/", "identity")?;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let words = page.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter));
    let module = words.into_iter().find(|word| word.ends_with(".wasm"));
    Ok(module.context("the page names no module")?.to_owned())
}
