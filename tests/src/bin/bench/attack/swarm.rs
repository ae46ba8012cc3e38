//! Many lines, looked after by one thread.

use std::io::ErrorKind;
use std::time::Duration;

use anyhow::Result;
use mio::{Events, Interest, Poll, Token};

use super::super::line::Line;
use super::super::ws;

/// Lines by their place; one that ended has left its place empty.
pub struct Swarm {
    poll: Poll,
    events: Events,
    lines: Vec<Option<Line>>,
    chunk: Vec<u8>,
}

impl Swarm {
    /// Nobody yet.
    ///
    /// # Errors
    /// The kernel has nothing to wait with.
    pub fn new() -> Result<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(256));
        Ok(Self { poll, events, lines: Vec::new(), chunk: vec![0; 256 * 1024] })
    }

    /// Takes one more in, and says at which place.
    ///
    /// # Errors
    /// It can't be waited for.
    pub fn add(&mut self, line: Line) -> Result<usize> {
        self.lines.push(None);
        let place = self.lines.len() - 1;
        self.put(place, line)?;
        Ok(place)
    }

    /// Gives a place to another.
    ///
    /// # Errors
    /// It can't be waited for.
    pub fn put(&mut self, place: usize, mut line: Line) -> Result<()> {
        let events = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(line.source(), Token(place), events)?;
        self.lines[place] = Some(line);
        Ok(())
    }

    /// Sends a text, if the line is still there.
    pub fn say(&mut self, place: usize, text: &str) {
        let mut frame = Vec::with_capacity(text.len() + 16);
        ws::put_frame(&mut frame, ws::TEXT, text.as_bytes());
        self.write(place, &frame);
    }

    /// Sends bytes, if the line is still there. That it is gone is heard when it is looked at.
    pub fn write(&mut self, place: usize, bytes: &[u8]) {
        if let Some(line) = &mut self.lines[place] {
            let _ = line.write(bytes);
        }
    }

    /// How many bytes wait to be sent.
    pub fn unsent(&self, place: usize) -> usize {
        self.lines[place].as_ref().map_or(0, Line::unsent)
    }

    /// Lets all go.
    pub fn clear(&mut self) {
        self.lines.clear();
    }

    /// Waits a little for something to happen, and tells `heard` what came at which place. A line's end is heard as
    /// [`ws::CLOSE`], perhaps twice.
    ///
    /// # Errors
    /// The kernel can't wait.
    pub fn look(&mut self, patience: Duration, mut heard: impl FnMut(usize, u8, &[u8])) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            outcome => outcome?,
        }
        for event in &self.events {
            let Token(place) = event.token();
            let Some(line) = self.lines.get_mut(place).and_then(Option::as_mut) else { continue };
            let mut over = event.is_writable() && line.flush().is_err();
            if event.is_readable() {
                let read = line.read(&mut self.chunk, |opcode, payload| {
                    over |= opcode == ws::CLOSE;
                    heard(place, opcode, payload);
                });
                over |= read.is_err();
            }
            if over {
                self.lines[place] = None;
                heard(place, ws::CLOSE, b"..over");
            }
        }
        Ok(())
    }
}
