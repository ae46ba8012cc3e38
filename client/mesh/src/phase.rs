//! Whose turn it is in a link's exchange, and what is wanted of the next.

use klatch_shared::ExchangeId;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first word is the other end's, until then; or this connection is to be replaced, then, or the first one made.
    Waiting { until: u64 },
    /// No exchange is under way. The browser is stable, or holds an offer of ours that was given up: setting a local
    /// description makes an offer in both. We offer no sooner than that.
    Idle { not_before: u64 },
    /// The browser makes our offer.
    Offering { exchange: ExchangeId, wish: Wish },
    /// It was sent; its answer is awaited until then.
    Offered { exchange: ExchangeId, wish: Wish, until: u64 },
    /// The browser sets the answer.
    Completing { exchange: ExchangeId, wish: Wish },
    /// The browser sets their offer.
    Accepting { exchange: ExchangeId, wish: Wish },
    /// The browser makes our answer.
    Answering { exchange: ExchangeId, wish: Wish },
    /// It refused to, and is asked again then.
    Owing { exchange: ExchangeId, wish: Wish, until: u64 },
}

/// What we want to negotiate. An exchange carries what was wanted when it began, and gives it back if it fails; what is wanted
/// meanwhile is kept apart, for afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    /// Nothing.
    #[default]
    Nothing,
    /// An offer.
    Offer,
    /// An offer with an ICE restart.
    Restart,
}

impl Phase {
    /// What its exchange was to settle.
    pub(crate) fn carried(self) -> Wish {
        match self {
            Self::Waiting { .. } | Self::Idle { .. } => Wish::Nothing,
            Self::Offering { wish, .. }
            | Self::Offered { wish, .. }
            | Self::Completing { wish, .. }
            | Self::Accepting { wish, .. }
            | Self::Answering { wish, .. }
            | Self::Owing { wish, .. } => wish,
        }
    }
}
