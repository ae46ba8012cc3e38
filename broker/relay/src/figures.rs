//! What the relay counts. Nothing here tells who.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::message::Refusal;

macro_rules! figures {
    ($($(#[doc = $doc:literal])+ $field:ident;)+) => {
        /// The relay's figures at one moment. All but `allocations` and `connections` only grow.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Figures {
            $($(#[doc = $doc])+ pub $field: u64,)+
            /// Refused requests by the error code that they were answered with, each code once, in order.
            pub refusals: Vec<(u16, u64)>,
        }

        impl Figures {
            /// All but the refusals: each with its name and its meaning.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($field), concat!($($doc),+).trim_ascii(), self.$field),)+].into_iter()
            }
        }

        /// The same while they are counted: by one thread, read by any.
        #[derive(Debug, Default)]
        pub(crate) struct Counts {
            $(pub(crate) $field: Count,)+
            refusals: [Count; Refusal::ALL.len()],
        }

        impl Counts {
            pub(crate) fn figures(&self) -> Figures {
                let refusals = Refusal::ALL.iter().zip(&self.refusals);
                Figures {
                    $($field: self.$field.now(),)+
                    refusals: refusals.map(|(refusal, count)| (refusal.code(), count.now())).collect(),
                }
            }
        }
    };
}

figures! {
    /// Allocations that live.
    allocations;
    /// Allocations that were ever made.
    allocations_made;
    /// TCP and TLS connections that are open.
    connections;
    /// TCP and TLS connections that were turned away or given up before they had said anything.
    connections_refused;
    /// Binding requests that were answered.
    bindings;
    /// Packets from clients to their peers.
    packets_to_peers;
    /// Bytes of payload from clients to their peers.
    bytes_to_peers;
    /// Packets from peers to clients. One from client to client here counts in both directions.
    packets_to_clients;
    /// Bytes of payload from peers to clients.
    bytes_to_clients;
    /// Packets that nobody has permission for, or no channel, or no allocation.
    dropped_unpermitted;
    /// Packets to addresses that are not relayed to.
    dropped_forbidden;
    /// Packets in excess of a rate.
    dropped_excess;
    /// Packets that the kernel would not send, or a connection had no room for.
    dropped_unsent;
    /// Packets that were neither STUN nor ChannelData, or malformed, or too large.
    dropped_malformed;
    /// Requests of strangers in excess of what one address is answered.
    dropped_strangers;
}

/// One figure. Only the relay's thread counts, so that counting is a load and a store.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: usize) {
        self.0.store(self.0.load(Relaxed) + more as u64, Relaxed);
    }

    pub(crate) fn set(&self, value: usize) {
        self.0.store(value as u64, Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counts {
    pub(crate) fn refused(&self, refusal: Refusal) {
        if let Some(place) = Refusal::ALL.iter().position(|other| *other == refusal) {
            self.refusals[place].add(1);
        }
    }
}

impl Figures {
    /// How many requests were answered with this error code.
    pub fn refused(&self, code: u16) -> u64 {
        self.refusals.iter().find(|(known, _)| *known == code).map_or(0, |(_, count)| *count)
    }
}
