//! One member's end of a socket that never waits.

use anyhow::Result;

use super::line::Line;
use super::seats::Seat;

/// Somebody in a room.
pub struct Member {
    /// Their id.
    pub id: String,
    /// To the server.
    pub line: Line,
    /// Where in the crowd the others of the room are.
    others: Vec<usize>,
    next: usize,
}

impl Member {
    /// Who took this seat, with these others.
    ///
    /// # Errors
    /// The socket can't be told not to wait.
    pub fn new(seat: Seat, others: Vec<usize>) -> Result<Self> {
        let Seat { member, stream, held } = seat;
        Ok(Self { id: member.to_string(), line: Line::open(stream, held)?, others, next: 0 })
    }

    /// Whose turn it is to get something; the others get it in turn.
    pub fn next_receiver(&mut self) -> usize {
        self.next = (self.next + 1) % self.others.len();
        self.others[self.next]
    }
}
