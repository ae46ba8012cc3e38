//! Many members at once, played by one thread that waits for all their sockets together.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Interest, Poll, Token};

use super::echo::Echo;
use super::member::Member;
use super::offer::OfferFrame;
use super::seats::Seat;
use super::ws;

/// For what is under way to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// No member has this place.
const ECHO: Token = Token(usize::MAX);

/// The members.
pub struct Crowd {
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    echo: Option<Echo>,
    chunk: Vec<u8>,
    offer: OfferFrame,
    sent_at: Vec<Instant>,
    tally: Tally,
}

/// What came of a load.
#[derive(Default)]
pub struct Tally {
    /// Offers that reached their receiver.
    pub delivered: u64,
    /// From the write at the sender to the read at the receiver, in milliseconds.
    pub latencies: Vec<f64>,
    /// What an echo took that no server had a part in, in milliseconds.
    pub echoes: Vec<f64>,
    acknowledged: u64,
    /// Members whose acknowledgement came since they were looked at.
    ready: Vec<usize>,
    refusal: Option<String>,
    closed: Option<String>,
}

impl Crowd {
    /// Nobody yet.
    ///
    /// # Errors
    /// The kernel has nothing to wait with.
    pub fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            members: Vec::new(),
            echo: None,
            chunk: vec![0; 256 * 1024],
            offer: OfferFrame::new(),
            sent_at: Vec::new(),
            tally: Tally::default(),
        })
    }

    /// Lets in the members of one room.
    ///
    /// # Errors
    /// A socket can't be waited for.
    pub fn enter(&mut self, seats: Vec<Seat>) -> Result<()> {
        let first = self.members.len();
        let room = first..first + seats.len();
        for (index, seat) in room.clone().zip(seats) {
            let mut member = Member::new(seat, room.clone().filter(|other| *other != index).collect())?;
            let events = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(member.line.source(), Token(index), events)?;
            self.members.push(member);
        }
        Ok(())
    }

    /// Lets time pass: pings are answered.
    ///
    /// # Errors
    /// A member was thrown out.
    pub fn idle(&mut self, during: Duration) -> Result<()> {
        let end = Instant::now() + during;
        loop {
            self.look(end.saturating_duration_since(Instant::now()).min(Duration::from_millis(100)))?;
            if Instant::now() >= end {
                return self.check();
            }
        }
    }

    /// As many offers as the server takes: each member has `window` of them under way.
    ///
    /// # Errors
    /// One is refused or lost.
    pub fn flood(&mut self, window: usize, during: Duration) -> Result<Tally> {
        self.tally = Tally::default();
        let end = Instant::now() + during;
        for member in 0..self.members.len() {
            for _ in 0..window {
                self.send(member)?;
            }
        }
        while Instant::now() < end {
            self.look(Duration::from_millis(100))?;
            for member in std::mem::take(&mut self.tally.ready) {
                self.send(member)?;
            }
        }
        self.settle()
    }

    /// So many offers a second, one after the other.
    ///
    /// # Errors
    /// One is refused or lost.
    pub fn trickle(&mut self, per_second: u32, during: Duration) -> Result<Tally> {
        self.tally = Tally::default();
        let (start, pause) = (Instant::now(), Duration::from_secs(1) / per_second);
        let mut due = start;
        // A stride that meets everybody, and not the members of a room one after the other.
        let (count, mut member) = (self.members.len(), 0);
        while due < start + during {
            // Spinning: the kernel's own timers are coarser than what is measured.
            if Instant::now() >= due {
                self.send(member)?;
                member = (member + 89) % count;
                due += pause;
            }
            self.look(Duration::ZERO)?;
            self.tally.ready.clear();
        }
        self.settle()
    }

    /// So many offers a second, and between any two of them an echo, until `over` says of the time since the start that it is
    /// enough. Nothing spins: others on this core, of lower priority, are to have the rest of it.
    ///
    /// # Errors
    /// An offer is refused or lost.
    pub fn pace(&mut self, per_second: u32, mut over: impl FnMut(Duration) -> Result<bool>) -> Result<Tally> {
        if self.echo.is_none() {
            let mut echo = Echo::start()?;
            self.poll.registry().register(echo.source(), ECHO, Interest::READABLE)?;
            self.echo = Some(echo);
        }
        self.tally = Tally::default();
        let (start, pause) = (Instant::now(), Duration::from_secs(1) / (2 * per_second));
        let (mut due, mut turn) = (start, 0);
        while !over(start.elapsed())? {
            if Instant::now() >= due {
                // A stride that meets everybody, and not the members of a room one after the other.
                match (turn % 2, &mut self.echo) {
                    (0, Some(echo)) => echo.call()?,
                    _ => self.send(turn / 2 * 89 % self.members.len())?,
                }
                turn += 1;
                due += pause;
            }
            self.look(due.saturating_duration_since(Instant::now()))?;
            self.tally.ready.clear();
            self.check()?;
        }
        self.settle()
    }

    /// Waits for all that is under way.
    fn settle(&mut self) -> Result<Tally> {
        let (sent, deadline) = (self.sent_at.len() as u64, Instant::now() + PATIENCE);
        while self.tally.acknowledged < sent || self.tally.delivered < sent {
            self.check()?;
            if Instant::now() > deadline {
                let Tally { delivered, acknowledged, .. } = self.tally;
                bail!("of {sent} offers, {delivered} were delivered and {acknowledged} acknowledged");
            }
            self.look(Duration::from_millis(10))?;
        }
        self.offer.begin_anew_after(u32::try_from(sent)?);
        self.sent_at.clear();
        self.check()?;
        Ok(std::mem::take(&mut self.tally))
    }

    fn check(&self) -> Result<()> {
        match (&self.tally.refusal, &self.tally.closed) {
            (Some(refusal), _) => bail!("an offer was refused: {refusal}"),
            (None, Some(closed)) => bail!("a member was thrown out: {closed}"),
            (None, None) => Ok(()),
        }
    }

    fn send(&mut self, from: usize) -> Result<()> {
        let to = self.members[from].next_receiver();
        let number = u32::try_from(self.sent_at.len())?;
        let frame = self.offer.numbered(number, &self.members[to].id);
        self.sent_at.push(Instant::now());
        self.members[from].line.write(frame).context("sending an offer")
    }

    fn look(&mut self, patience: Duration) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            outcome => outcome?,
        }
        for event in &self.events {
            if event.token() == ECHO {
                let echo = self.echo.as_mut().and_then(|echo| echo.heard().transpose()).transpose()?;
                self.tally.echoes.extend(echo.map(|took| took.as_secs_f64() * 1e3));
                continue;
            }
            let Token(index) = event.token();
            let member = &mut self.members[index];
            if event.is_writable() {
                member.line.flush()?;
            }
            if event.is_readable() {
                let (offer, sent_at, tally) = (&self.offer, &self.sent_at, &mut self.tally);
                member
                    .line
                    .read(&mut self.chunk, |opcode, payload| tally.take(index, opcode, payload, offer, sent_at))?;
            }
        }
        Ok(())
    }
}

impl Tally {
    fn take(&mut self, member: usize, opcode: u8, payload: &[u8], offer: &OfferFrame, sent_at: &[Instant]) {
        match opcode {
            ws::TEXT if payload.starts_with(br#"{"event":"offer""#) => {
                if let Some(sent) = offer.number_of(payload).and_then(|number| sent_at.get(number)) {
                    self.latencies.push(sent.elapsed().as_secs_f64() * 1e3);
                    self.delivered += 1;
                }
            }
            ws::TEXT if payload.starts_with(br#"{"id":"#) => {
                if payload.windows(5).any(|bytes| bytes == br#""ok":"#) {
                    self.acknowledged += 1;
                    self.ready.push(member);
                } else {
                    self.refusal = Some(String::from_utf8_lossy(payload).into_owned());
                }
            }
            ws::CLOSE => self.closed = Some(String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned()),
            _ => {}
        }
    }
}
