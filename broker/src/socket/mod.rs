//! One WebSocket, from its first frame to its last: a task of its own, and nothing else that runs for it.
//!
//! The broker speaks first ([`klatch_shared::wire::Hello`]). Each frame is answered once, through the same queue as the events, so that
//! a page sees things in the order in which they happened. A member who does not read is never waited for: what others send it is
//! refused once it has too much to read, and who takes nothing at all is closed as silent.

pub(crate) mod backlog;
pub(crate) mod news;
pub(crate) mod outbox;
pub(crate) mod upgrade;

mod pace;
mod queue;
#[cfg(test)]
mod tests;
mod verbs;
mod wire;

use std::time::Duration;

use klatch_shared::limits::{BROKER_PING, BROKER_SILENCE};
use klatch_shared::wire::{CloseCode, RefusalCode, Request, Unreadable, Verb};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;

use crate::switchboard::Line;
use pace::{Pace, Verdict};
use wire::{End, Incident, Wire};

/// Serves one connection until it ends. The line is dropped with it: whoever sat on it is away.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, already_read: Vec<u8>, line: Line) {
    let mut wire = Wire::new(stream, already_read, line.outbox.clone()).await;
    let mut conversation = Conversation::new(&line);
    let mut heartbeat = Heartbeat::start();
    let mut alarm = std::pin::pin!(sleep_until(heartbeat.due()));
    let end = loop {
        tokio::select! {
            biased;
            () = &mut alarm => {
                match heartbeat.beat() {
                    Beat::Silent => break End::Due(CloseCode::Silent),
                    Beat::Ping => line.outbox.push(Frame::ping(Bytes::new())),
                    Beat::Wait => {}
                }
                alarm.as_mut().reset(heartbeat.due());
            }
            incident = wire.next() => {
                heartbeat.heard();
                match incident {
                    Incident::Text(text) => conversation.take(text.len(), Request::parse(&text)),
                    Incident::Binary(size) => conversation.take(size, Err(Unreadable { id: None, refusal: RefusalCode::BadFrame.into() })),
                    Incident::Other(size) => conversation.overhear(size),
                    Incident::Taken => {}
                    Incident::End(end) => break end,
                }
            }
        }
    };
    // Whoever sat here is away from now on, however long the goodbye takes.
    drop(line);
    wire.close(end).await;
}

/// What one connection says, and whether it still makes sense.
struct Conversation<'a> {
    line: &'a Line,
    pace: Pace,
    /// Unreadable frames, one after another.
    unreadable: u32,
}

impl<'a> Conversation<'a> {
    fn new(line: &'a Line) -> Self {
        let switchboard = line.switchboard();
        Self { line, pace: Pace::new(&switchboard.limits, switchboard.now()), unreadable: 0 }
    }

    /// Answers one message of so many bytes.
    fn take(&mut self, size: usize, request: Result<Request, Unreadable>) {
        let proof = matches!(request, Ok(Request { verb: Verb::Create(_) | Verb::Join(_) | Verb::Revive(_), .. }));
        match (self.count(size, proof), request) {
            (Verdict::Hopeless, _) => self.give_up(),
            (Verdict::TooFast, Ok(Request { id, .. })) => self.line.refuse(Some(id), RefusalCode::TooFast),
            (Verdict::TooFast, Err(Unreadable { id, .. })) => self.line.refuse(id, RefusalCode::TooFast),
            (Verdict::Fine, Ok(request)) => {
                self.unreadable = 0;
                verbs::answer(self.line, request);
                self.line.switchboard().relieve();
            }
            (Verdict::Fine, Err(Unreadable { id, refusal })) => {
                self.line.refuse(id, refusal.code);
                self.unreadable += 1;
                if self.unreadable >= self.line.switchboard().limits.unreadable_frames {
                    self.give_up();
                }
            }
        }
    }

    /// Counts what has no answer of its own.
    fn overhear(&mut self, size: usize) {
        match self.count(size, false) {
            Verdict::Fine | Verdict::TooFast => {}
            Verdict::Hopeless => self.give_up(),
        }
    }

    fn count(&mut self, size: usize, proof: bool) -> Verdict {
        self.pace.frame(size, proof, self.line.switchboard().now())
    }

    fn give_up(&self) {
        self.line.outbox.close(CloseCode::Misbehaved);
    }
}

/// When to ping, and when to give up.
struct Heartbeat {
    heard: Instant,
    ping: Instant,
}

enum Beat {
    Ping,
    Silent,
    Wait,
}

impl Heartbeat {
    const PING: Duration = BROKER_PING;
    const SILENCE: Duration = BROKER_SILENCE;

    fn start() -> Self {
        let now = Instant::now();
        Self { heard: now, ping: now + Self::PING }
    }

    fn heard(&mut self) {
        self.heard = Instant::now();
    }

    fn due(&self) -> Instant {
        self.ping.min(self.heard + Self::SILENCE)
    }

    fn beat(&mut self) -> Beat {
        let now = Instant::now();
        if now >= self.heard + Self::SILENCE {
            return Beat::Silent;
        }
        if now >= self.ping {
            self.ping = now + Self::PING;
            return Beat::Ping;
        }
        Beat::Wait
    }
}
