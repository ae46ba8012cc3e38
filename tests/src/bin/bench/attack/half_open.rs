//! Thousands of connections that begin something and don't go on: nothing at all, half a request, a WebSocket that is silent, half
//! a frame. Whoever is closed for it is there again at once.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use anyhow::Result;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::super::ws;
use super::ground::Ground;
use super::leash::Leash;

const OF_EACH: usize = 1_500;
/// Said in the frame's head, and half of it sent.
const FRAME_BYTES: usize = 60 * 1024;

/// How far a connection goes.
#[derive(Clone, Copy)]
enum Half {
    Nothing,
    Request,
    Silence,
    Frame,
}

const HALVES: [Half; 4] = [Half::Nothing, Half::Request, Half::Silence, Half::Frame];

/// Comes, and comes again, for as long as the leash holds.
///
/// # Errors
/// The kernel has no place for a connection.
pub fn attack(ground: &Ground, leash: &mut Leash) -> Result<String> {
    leash.wait()?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(256));
    let mut streams = Vec::new();
    let mut closed = 0u64;
    for nth in 0..OF_EACH * HALVES.len() {
        streams.push(begin(ground, &poll, nth)?);
    }
    leash.reach_the_height();
    while leash.holds()? {
        match poll.poll(&mut events, Some(Duration::from_millis(100))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            outcome => outcome?,
        }
        for event in &events {
            let Token(nth) = event.token();
            if event.is_read_closed() || event.is_error() {
                closed += 1;
                streams[nth] = begin(ground, &poll, nth)?;
            }
        }
    }
    Ok(format!("{} connections, {closed} times closed for it", streams.len()))
}

fn begin(ground: &Ground, poll: &Poll, nth: usize) -> Result<TcpStream> {
    let mut stream = ground.connect(nth)?;
    match HALVES[nth % HALVES.len()] {
        Half::Nothing => {}
        Half::Request => stream.write_all(b"GET /ws HTTP/1.1\r\nHost: local")?,
        Half::Silence => stream.write_all(ws::request(ground.port, "/ws").as_bytes())?,
        Half::Frame => {
            stream.write_all(ws::request(ground.port, "/ws").as_bytes())?;
            let mut frame = Vec::new();
            ws::put_frame(&mut frame, ws::TEXT, &[b' '; FRAME_BYTES]);
            stream.write_all(&frame[..FRAME_BYTES / 2])?;
        }
    }
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    poll.registry().register(&mut stream, Token(nth), Interest::READABLE)?;
    Ok(stream)
}
