//! What one connection says, and whether it still makes sense.

use std::time::{Duration, Instant};

use klatch_shared::wire::{RefusalCode, Request, Unreadable, Verb};

use super::pace::{Pace, Verdict, tokens};
use super::verbs;
use crate::metrics::Kind;
use crate::switchboard::Line;

/// What a connection may say in one turn, as [`Pace`] counts it: then whoever else is due comes first.
const TURN_TOKENS: i64 = 16;

/// What is known of what was said.
pub(super) struct Conversation {
    pace: Pace,
    /// Unreadable frames, one after another.
    unreadable: u32,
    /// Said in this turn.
    said: i64,
}

impl Conversation {
    pub(super) fn new(line: &Line) -> Self {
        let switchboard = line.switchboard();
        Self { pace: Pace::new(&switchboard.limits, switchboard.now()), unreadable: 0, said: 0 }
    }

    /// Answers a message of text.
    pub(super) fn take_text(&mut self, line: &Line, text: &str) {
        self.take(line, text.len(), Request::parse(text));
    }

    /// Answers a message of so many bytes that is no text.
    pub(super) fn take_binary(&mut self, line: &Line, size: usize) {
        self.take(line, size, Err(Unreadable { id: None, refusal: RefusalCode::BadFrame.into() }));
    }

    fn take(&mut self, line: &Line, size: usize, request: Result<Request, Unreadable>) {
        let proof = matches!(request, Ok(Request { verb: Verb::Create(_) | Verb::Join(_) | Verb::Revive(_), .. }));
        match (self.count(line, size, proof), request) {
            (Verdict::Hopeless, _) => line.give_up(),
            (Verdict::TooFast, Ok(Request { id, .. })) => line.refuse(Some(id), RefusalCode::TooFast),
            (Verdict::TooFast, Err(Unreadable { id, .. })) => line.refuse(id, RefusalCode::TooFast),
            (Verdict::Fine, Ok(request)) => {
                self.unreadable = 0;
                let (kind, begun) = (Kind::of(&request.verb), Instant::now());
                verbs::answer(line, request);
                line.switchboard().tally.took(kind, begun.elapsed());
                line.switchboard().relieve();
            }
            (Verdict::Fine, Err(Unreadable { id, refusal })) => {
                line.refuse(id, refusal.code);
                self.unreadable += 1;
                if self.unreadable >= line.switchboard().limits.unreadable_frames {
                    line.give_up();
                }
            }
        }
    }

    /// Counts what has no answer of its own.
    pub(super) fn overhear(&mut self, line: &Line, size: usize) {
        match self.count(line, size, false) {
            Verdict::Fine | Verdict::TooFast => {}
            Verdict::Hopeless => line.give_up(),
        }
    }

    /// Whether somebody else should have a turn. The next one begins with that.
    pub(super) fn turn_is_over(&mut self) -> bool {
        let over = self.said >= TURN_TOKENS;
        if over {
            self.said = 0;
        }
        over
    }

    /// Whether one more message of so many bytes is more than the calm say at once.
    pub(super) fn would_be_loud(&mut self, line: &Line, bytes: usize) -> bool {
        self.pace.would_be_loud(bytes, line.switchboard().now())
    }

    /// How long ago the last loud word was.
    pub(super) fn calm_for(&self, line: &Line) -> Duration {
        Duration::from_millis(self.pace.calm_for(line.switchboard().now()))
    }

    fn count(&mut self, line: &Line, size: usize, proof: bool) -> Verdict {
        self.said = self.said.saturating_add(tokens(size, proof));
        self.pace.frame(size, proof, line.switchboard().now())
    }
}
