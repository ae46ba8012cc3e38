//! What the mesh asks for: orders.

use klatch_shared::peer::{Description, IceCandidate};
use klatch_shared::wire::Side;
use klatch_shared::{ExchangeId, MemberId, SessionNonce};

use crate::{Carrier, Kind, LinkId, Signal};

/// Orders, carried out in this order; for one link never two of [`Command::SetLocal`] and [`Command::SetRemote`] at a time.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Make the connection. `offers`: with media sections for our sources, as we will offer; else without.
    Open {
        /// Which connection.
        link: LinkId,
        /// Whether we will offer first.
        offers: bool,
    },
    /// `setLocalDescription()` without an argument: an offer when stable, an answer to a remote offer. `restart`: with
    /// `restartIce()` before it. Report [`crate::Input::LocalSet`] or [`crate::Input::StepFailed`].
    SetLocal {
        /// Which connection.
        link: LinkId,
        /// Whether with an ICE restart.
        restart: bool,
    },
    /// `setRemoteDescription()`; over an offer of our own it rolls back by itself. Report [`crate::Input::RemoteSet`] or
    /// [`crate::Input::StepFailed`].
    SetRemote {
        /// Which connection.
        link: LinkId,
        /// Offer or answer.
        kind: Kind,
        /// The description.
        description: Description,
    },
    /// `addIceCandidate()`.
    AddCandidate {
        /// Which connection.
        link: LinkId,
        /// The candidate.
        candidate: IceCandidate,
    },
    /// Seal for the member's session and send.
    Send {
        /// To whom.
        peer: MemberId,
        /// To which page session.
        session: SessionNonce,
        /// How.
        carrier: Carrier,
        /// Where it belongs.
        exchange: ExchangeId,
        /// Which end of that exchange we are.
        side: Side,
        /// Its place there: 0 is the description, candidates count from 1.
        sequence: u32,
        /// What to send.
        signal: Signal,
    },
    /// Close the connection.
    Close {
        /// Which connection.
        link: LinkId,
    },
    /// The member refuses to have a link with us, which answered our latest offer: tell so, and report [`crate::Input::Gone`].
    Refused {
        /// Who does.
        peer: MemberId,
    },
    /// The member costs us connections: their page was loaded again too soon after many other times, so that the link waits before one is
    /// made; or what they say is of another connection than before, or fits ours no longer, or has ours closed, and so ours is replaced.
    Hurried {
        /// Whose.
        peer: MemberId,
    },
    /// Somebody is silent, or the browser misses them: see whether the broker can still be reached, as it may be our own network that is
    /// lost. Report [`crate::Input::BrokerLost`] if not.
    ProbeBroker,
    /// Show how the link is.
    Show {
        /// With whom.
        peer: MemberId,
        /// How it is now.
        health: Health,
    },
}

/// How a link is: a tile's `data-state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Not yet connected.
    Connecting,
    /// Connected.
    Connected,
    /// Was connected, and is being mended.
    Interrupted,
    /// Does not connect, though it has been tried for long; it goes on trying, slowly.
    Failed,
}
