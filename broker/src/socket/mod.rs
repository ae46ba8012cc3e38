//! One WebSocket, from its first frame to its last: a task of its own, and nothing else that runs for it.
//!
//! The broker speaks first ([`klatch_shared::wire::Hello`]). Each frame is answered once, through the same queue as the events, so that
//! a page sees things in the order in which they happened. A member who does not read is never waited for: what others send it is
//! refused once it has too much to read, and who takes nothing at all is closed as silent.
//!
//! Nobody waits long for another either: a connection has short turns, and the loud are kept apart from the calm ([`quarters`]).

pub(crate) mod backlog;
pub(crate) mod news;
pub(crate) mod outbox;
pub(crate) mod quarters;
pub(crate) mod upgrade;

mod conversation;
#[cfg(test)]
mod judged;
mod pace;
mod queue;
#[cfg(test)]
mod tests;
mod verbs;
mod wire;

use std::time::Duration;

use klatch_shared::limits::{BROKER_PING, BROKER_SILENCE};
use klatch_shared::wire::CloseCode;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

use crate::switchboard::Line;
use conversation::Conversation;
use quarters::{Portable, Quarter, Quarters, breathe, unhurried};
use wire::{End, Incident, Wire};

/// After so long without a loud word a member has a place among the calm.
const CALM: Duration = Duration::from_secs(2);

/// Serves one connection, until it ends or is served elsewhere; `stay` is kept for as long. The line is dropped with it: whoever
/// sat on it is away.
pub(crate) async fn serve<S: Portable>(
    stream: S,
    already_read: Vec<u8>,
    line: Line,
    quarters: Quarters,
    stay: impl Send + 'static,
) {
    let wire = Wire::new(stream, already_read, line.outbox.clone()).await;
    let conversation = Conversation::new(&line);
    let heartbeat = Heartbeat::start();
    let session =
        Session { wire, line, conversation, heartbeat, quarters, quarter: Quarter::Yard, unheard: None, stay };
    session.go_on().await;
}

/// A connection that is being served.
struct Session<S, V> {
    wire: Wire<S>,
    line: Line,
    conversation: Conversation,
    heartbeat: Heartbeat,
    quarters: Quarters,
    quarter: Quarter,
    /// What came and was too loud for where it came.
    unheard: Option<Utf8Bytes>,
    stay: V,
}

/// Why a session is not served here any more.
enum Outcome {
    /// It is over.
    Over(End),
    /// Its place is elsewhere.
    Moves(Quarter),
}

impl<S: Portable, V: Send + 'static> Session<S, V> {
    async fn go_on(mut self) {
        match self.run().await {
            Outcome::Moves(quarter) => self.move_to(quarter),
            Outcome::Over(end) => {
                let Self { wire, line, stay, .. } = self;
                line.switchboard().tally.closed(end.code());
                // Whoever sat here is away from now on, however long the goodbye takes.
                drop(line);
                wire.close(end).await;
                drop(stay);
            }
        }
    }

    fn move_to(mut self, quarter: Quarter) {
        self.quarter = quarter;
        let there = self.quarters.of(quarter).clone();
        there.spawn(unhurried(async move {
            if let Err(error) = self.wire.settle() {
                tracing::debug!(%error, "a connection stays with the threads that it had");
            }
            self.go_on().await;
        }));
    }

    async fn run(&mut self) -> Outcome {
        let mut alarm = std::pin::pin!(sleep_until(self.heartbeat.due()));
        if let Some(text) = self.unheard.take() {
            self.conversation.take_text(&self.line, &text);
        }
        loop {
            tokio::select! {
                biased;
                () = &mut alarm => {
                    match self.heartbeat.beat() {
                        Beat::Silent => return Outcome::Over(End::Due(CloseCode::Silent)),
                        Beat::Ping => self.line.outbox.push_beat(Frame::ping(Bytes::new())),
                        Beat::Wait => {}
                    }
                    alarm.as_mut().reset(self.heartbeat.due());
                }
                incident = self.wire.next() => {
                    if matches!(incident, Incident::Written) {
                        // That the system took it does not tell that the other end did.
                        yield_now().await;
                        continue;
                    }
                    self.heartbeat.heard();
                    match incident {
                        Incident::Text(text) if self.is_too_loud_here(text.len()) => {
                            self.unheard = Some(text);
                            return Outcome::Moves(Quarter::Yard);
                        }
                        Incident::Text(text) => self.conversation.take_text(&self.line, &text),
                        Incident::Binary(bytes) => self.conversation.take_binary(&self.line, bytes.len()),
                        Incident::Other(size) => self.conversation.overhear(&self.line, size),
                        Incident::Taken | Incident::Written => {}
                        Incident::End(end) => return Outcome::Over(end),
                    }
                    let quarter = self.quarter_deserved();
                    if quarter != self.quarter {
                        return Outcome::Moves(quarter);
                    }
                    breathe();
                    if self.conversation.turn_is_over() {
                        yield_now().await;
                    }
                }
            }
        }
    }

    fn is_too_loud_here(&mut self, bytes: usize) -> bool {
        self.quarter == Quarter::Parlour && self.conversation.would_be_loud(&self.line, bytes)
    }

    fn quarter_deserved(&self) -> Quarter {
        let calm = self.line.was_seated() && self.conversation.calm_for(&self.line) >= CALM;
        if calm { Quarter::Parlour } else { Quarter::Yard }
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
