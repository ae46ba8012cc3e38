//! A model of the broker and the way there: it passes on what belongs to a known exchange and refuses the rest; a socket may
//! die unnoticed, and takes with it what was on the way. And of the data channel between two connections, which keeps what it was
//! given until packets flow.

use std::collections::VecDeque;

use klatch_mesh::{Carrier, Signal};
use klatch_shared::limits::MAX_CANDIDATES;
use klatch_shared::wire::Side;
use klatch_shared::{ExchangeId, MemberId, SessionNonce};

/// What comes to an end.
#[derive(Clone, Debug)]
pub enum Message {
    /// Sealed by one page session for another.
    Signal { from: SessionNonce, to: SessionNonce, exchange: ExchangeId, side: Side, sequence: u32, signal: Signal },
    /// Of something that this end sent.
    Refused { exchange: ExchangeId, side: Side },
    /// The other end took or took back its seat.
    Present { session: SessionNonce },
    /// The other end's socket is gone.
    Away,
}

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    Works,
    /// Dead, and nobody has noticed.
    Cut,
    /// Dead, and its end knows.
    Gone,
}

/// A member who says that they reach both ends.
#[derive(Clone, Copy, Debug)]
pub struct Helper {
    pub id: MemberId,
    pub keeps: Keeps,
}

/// What a helper keeps to itself of what it is to pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    Nothing,
    Answers,
    Candidates,
    All,
}

impl Helper {
    fn passes_on(self, message: &Message) -> bool {
        let Message::Signal { signal, .. } = message else {
            return false;
        };
        match self.keeps {
            Keeps::Nothing => true,
            Keeps::Answers => !matches!(signal, Signal::Answer(_)),
            Keeps::Candidates => !matches!(signal, Signal::Candidate(_)),
            Keeps::All => false,
        }
    }
}

/// The broker between two ends.
#[derive(Clone, Debug)]
pub struct Network {
    pub sockets: [Socket; 2],
    /// Whether the broker refuses all that it is sent.
    pub refuses: bool,
    /// To each end.
    pub ways: [VecDeque<Message>; 2],
    /// The connections of the ends.
    pub connections: [u32; 2],
    /// Whether there is a data channel between them.
    pub channel: bool,
    /// Whether each end's present connection was told of one.
    pub opened: [bool; 2],
    /// Whether one was closed: these connections have none any more.
    pub closed: bool,
    /// What came to each end over it.
    pub said: [VecDeque<Message>; 2],
    /// Members who reach both ends.
    pub helpers: Vec<Helper>,
    /// What comes to each end by way of whom.
    pub helped: [VecDeque<(MemberId, Message)>; 2],
    /// From each end, the latest exchange that it began.
    begun: [Exchange; 2],
    /// How many were begun.
    offers: u32,
    /// From each end, how many were begun or asked for.
    pub wanted: [u32; 2],
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    id: ExchangeId,
    candidates: [u32; 2],
}

impl Default for Network {
    fn default() -> Self {
        let none = Exchange { id: ExchangeId(0), candidates: [0; 2] };
        Self {
            sockets: [Socket::Works; 2],
            refuses: false,
            ways: Default::default(),
            connections: [0; 2],
            channel: false,
            opened: [false; 2],
            closed: false,
            said: Default::default(),
            helpers: Vec::new(),
            helped: Default::default(),
            begun: [none; 2],
            offers: 0,
            wanted: [0; 2],
        }
    }
}

impl Network {
    /// End `from` sends.
    pub fn send(&mut self, from: usize, carrier: Carrier, message: Message) -> Result<(), &'static str> {
        let is_wanted = matches!(message, Message::Signal { signal: Signal::Offer(_) | Signal::Ask, .. });
        self.wanted[from] += u32::from(is_wanted);
        match carrier {
            Carrier::Broker => self.send_to_broker(from, message),
            Carrier::Channel if self.channel => {
                self.offers += u32::from(matches!(message, Message::Signal { signal: Signal::Offer(_), .. }));
                self.said[1 - from].push_back(message);
                Ok(())
            }
            // The other end's is gone, and this one has not noticed.
            Carrier::Channel if self.opened[from] => Ok(()),
            Carrier::Channel => Err("something is sent over a channel that is not open"),
            Carrier::Via(id) => {
                let helper = self.helpers.iter().find(|helper| helper.id == id).ok_or("there is nobody else")?;
                if helper.passes_on(&message) {
                    self.offers += u32::from(matches!(message, Message::Signal { signal: Signal::Offer(_), .. }));
                    self.helped[1 - from].push_back((id, message));
                }
                Ok(())
            }
        }
    }

    /// Where the first is that comes to an end by way of each helper.
    pub fn helps(&self, to: usize) -> impl Iterator<Item = usize> {
        let way = &self.helped[to];
        (0..way.len()).filter(|at| way.iter().take(*at).all(|(by, _)| *by != way[*at].0))
    }

    /// The data channel is closed: whoever is not told goes on to use it.
    pub fn close_channel(&mut self) {
        (self.channel, self.closed, self.said) = (false, true, Default::default());
    }

    /// These are the connections from now on: what was between others is gone.
    pub fn connect(&mut self, connections: [u32; 2]) {
        for (end, connection) in connections.into_iter().enumerate() {
            if self.connections[end] != connection {
                self.opened[end] = false;
                (self.channel, self.closed, self.said) = (false, false, Default::default());
            }
        }
        self.connections = connections;
    }

    fn send_to_broker(&mut self, from: usize, message: Message) -> Result<(), &'static str> {
        let Message::Signal { exchange, side, sequence, ref signal, .. } = message else {
            return Err("only signals are sent");
        };
        match self.sockets[from] {
            Socket::Gone => return Err("something is sent while signalling reaches nobody"),
            Socket::Cut => return Ok(()),
            Socket::Works if self.refuses => {
                self.ways[from].push_back(Message::Refused { exchange, side });
                return Ok(());
            }
            Socket::Works => {}
        }
        let offerer = if side == Side::Offerer { from } else { 1 - from };
        let known = self.begun[offerer].id == exchange;
        let passes = match signal {
            Signal::Offer(_) | Signal::Ask => exchange > self.begun[from].id,
            Signal::Answer(_) => known,
            Signal::Candidate(_) => known && self.count(offerer, side) <= MAX_CANDIDATES,
        };
        let placed = match signal {
            Signal::Offer(_) | Signal::Answer(_) | Signal::Ask => sequence == 0,
            Signal::Candidate(_) => sequence > 0,
        };
        if !placed {
            return Err("a sequence number in the wrong place");
        }
        let reached = self.sockets[1 - from] == Socket::Works;
        if passes && matches!(signal, Signal::Offer(_) | Signal::Ask) && reached {
            self.offers += u32::from(matches!(signal, Signal::Offer(_)));
            self.begun[from] = Exchange { id: exchange, candidates: [0; 2] };
        }
        if passes && reached {
            self.ways[1 - from].push_back(message);
        } else if self.sockets[1 - from] != Socket::Cut || !passes {
            self.ways[from].push_back(Message::Refused { exchange, side });
        }
        Ok(())
    }

    /// How many offers were passed on.
    pub fn offers(&self) -> u32 {
        self.offers
    }

    /// Where signals are on the way to an end: what the broker tells of members keeps its order, what members seal need not.
    pub fn signals(&self, to: usize) -> impl Iterator<Item = usize> {
        let signals = self.ways[to]
            .iter()
            .enumerate()
            .filter(|(_, message)| !matches!(message, Message::Present { .. } | Message::Away));
        signals.map(|(at, _)| at)
    }

    /// The socket dies: what comes to this end is lost.
    pub fn cut(&mut self, end: usize) {
        self.sockets[end] = Socket::Cut;
        self.ways[end].clear();
        if self.sockets[1 - end] == Socket::Works {
            self.ways[1 - end].push_back(Message::Away);
        }
    }

    /// Another page has the seat, with exchanges of its own.
    pub fn reload(&mut self, end: usize) {
        self.ways[end].clear();
        self.begun[end] = Exchange { id: ExchangeId(0), candidates: [0; 2] };
    }

    fn count(&mut self, offerer: usize, side: Side) -> u32 {
        let count = &mut self.begun[offerer].candidates[usize::from(side == Side::Answerer)];
        *count += 1;
        *count
    }
}
