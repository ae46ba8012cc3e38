//! Whom the door turns away: why, and what the log says of it.

use crate::address::Address;
use crate::trouble::Trouble;

/// Why somebody is turned away at the door, before anything could be asked there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// There are as many connections as there may be.
    Connections,
    /// This address has as many as it may have.
    ConnectionsPerAddress,
    /// The oldest handshake was given up for a newer one.
    Handshakes,
    /// This address has as many handshakes under way as it may have.
    HandshakesPerAddress,
    /// A page from elsewhere.
    Origin,
}

impl TurnedAway {
    pub(super) const ALL: [Self; 5] =
        [Self::Connections, Self::ConnectionsPerAddress, Self::Handshakes, Self::HandshakesPerAddress, Self::Origin];

    /// The limit that is in the way, where it is one.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections-per-address",
            Self::Handshakes => "tls-handshakes",
            Self::HandshakesPerAddress => "tls-handshakes-per-address",
            Self::Origin => "origin",
        }
    }

    /// Has the log say that people are turned away, once a minute for each limit, and at `debug` whom each time.
    pub(super) fn log(self, from: Option<Address>, in_the_way: &Trouble) {
        let label = self.label();
        match self {
            Self::Connections | Self::ConnectionsPerAddress | Self::Handshakes | Self::HandshakesPerAddress => {
                if in_the_way.is_to_be_told() {
                    tracing::warn!(
                        "people are turned away, as --limit {label} lets no more in: the metrics count them"
                    );
                }
            }
            // Whoever forges one need not be one of us.
            Self::Origin => {}
        }
        tracing::debug!(address = from.map(|from| tracing::field::display(from.unredacted())), reason = %label, "turned away");
    }
}
