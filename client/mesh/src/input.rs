//! What the mesh is told: facts.

use klatch_shared::peer::{Description, IceCandidate};
use klatch_shared::wire::Side;
use klatch_shared::{ExchangeId, MemberId, SessionNonce};

use crate::Carrier;

/// One connection's life with one member. A fresh connection has a higher generation; facts about an older one are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    /// The other end.
    pub peer: MemberId,
    /// Counts up with each fresh connection to that member.
    pub generation: u32,
}

/// Facts.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A member whose card opened is here, in this page session. The same session again keeps the link, and what waits
    /// for the member is tried at once; another one means a reloaded page, and a fresh connection. `we_offer`: we are the
    /// newcomer of the two.
    Present {
        /// Who.
        peer: MemberId,
        /// In which page session.
        session: SessionNonce,
        /// Whether we are the newcomer.
        we_offer: bool,
    },
    /// A member is not here any more, or we want no link with them.
    Gone {
        /// Who.
        peer: MemberId,
    },
    /// The broker can be reached (again).
    BrokerBack,
    /// The broker can't be reached for now.
    BrokerLost,
    /// A member's socket was lost: the broker passes nothing on to them until they are [`Input::Present`] again.
    Away {
        /// Who.
        peer: MemberId,
    },
    /// Something that a member sealed for us, opened and parsed, in whatever order it came.
    Signal {
        /// Who sealed it.
        peer: MemberId,
        /// How it came.
        carrier: Carrier,
        /// Where it belongs.
        exchange: ExchangeId,
        /// Which end of that exchange the sender is.
        side: Side,
        /// Its place there.
        sequence: u32,
        /// What it is.
        signal: Signal,
    },
    /// The broker refused to pass something of this exchange on.
    Refused {
        /// To whom it was sent.
        peer: MemberId,
        /// Where it belongs.
        exchange: ExchangeId,
        /// Which end of that exchange we are.
        side: Side,
    },
    /// The browser wants to negotiate (`negotiationneeded`, W3C WebRTC §4.7.3).
    NegotiationNeeded {
        /// Which connection.
        link: LinkId,
    },
    /// [`crate::Command::SetLocal`] was carried out: what the local description is now.
    LocalSet {
        /// Which connection.
        link: LinkId,
        /// What it turned out to be.
        kind: Kind,
        /// The description.
        description: Description,
    },
    /// [`crate::Command::SetRemote`] was carried out.
    RemoteSet {
        /// Which connection.
        link: LinkId,
    },
    /// [`crate::Command::SetLocal`] or [`crate::Command::SetRemote`] was refused by the browser.
    StepFailed {
        /// Which connection.
        link: LinkId,
    },
    /// The browser gathered a candidate (the empty one ends them).
    LocalCandidate {
        /// Which connection.
        link: LinkId,
        /// The candidate.
        candidate: IceCandidate,
    },
    /// `connectionState` changed.
    Connection {
        /// Which connection.
        link: LinkId,
        /// What it is now.
        state: ConnectionState,
    },
    /// The data channel opened.
    ChannelOpen {
        /// Of which connection.
        link: LinkId,
    },
    /// The data channel closed: it does not open again on this connection.
    ChannelClosed {
        /// Of which connection.
        link: LinkId,
    },
    /// A member said with whom their data channel works.
    Reaches {
        /// Who said so.
        peer: MemberId,
        /// With whom: few, as the driver reads no more of them than there can be.
        members: Vec<MemberId>,
    },
    /// Something came from the other end over this connection, whatever it was.
    Heard {
        /// Which connection.
        link: LinkId,
        /// Whether packets of sound came, of which there are some each second, spoken or not.
        sound: bool,
    },
    /// All that was heard until now has been told: whoever speaks says something each second. Some times a second, or once a second where
    /// the page is hidden. Silence is counted by beats, of which none counts for more than a second: a page that slept has heard nothing of
    /// what it will read in a moment.
    Beat,
    /// The machine's network changed, as far as the browser tells.
    NetworkChanged,
    /// Nothing happened but time.
    Tick,
}

/// What crosses between two members, sealed.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// Asks the other end to restart ICE. An exchange of its own that nothing follows: the other end offers, if it gets this at all.
    /// An end that restarts by itself holds an offer that may reach nobody, and some browsers then let the path die that would
    /// have come back.
    Ask,
    /// Begins an exchange.
    Offer(Description),
    /// Completes it; without a description it refuses the link itself.
    Answer(Description),
    /// Of one side of it.
    Candidate(IceCandidate),
}

/// Which kind of description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `offer`.
    Offer,
    /// `answer`.
    Answer,
}

/// `RTCPeerConnectionState` (W3C WebRTC §4.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// Nothing yet.
    New,
    /// Trying.
    Connecting,
    /// It works.
    Connected,
    /// It doesn't for the moment.
    Disconnected,
    /// It doesn't, and won't without an ICE restart.
    Failed,
    /// Over, by what the member did with it: where a browser closes one by itself, as Chromium does before a machine sleeps, it does not say
    /// this.
    Closed,
}
