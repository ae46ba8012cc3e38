//! Everything the relay bounds, named once, with its default: one part of what `--limit NAME=VALUE` sets.
//!
//! An address means one IPv4 address or one IPv6 /64. What the RFCs and the kernel fix is in the modules that it concerns.

crate::limits! {
    /// The bounds of one relay.
    pub struct Limits {
        /// Allocations at once.
        allocations "turn-allocations" = 4000, 1;
        /// Allocations at once of one seat, however often its credentials are renewed; and never more than a quarter of those that are left.
        allocations_per_credential "turn-allocations-per-credential" = 256, 1;
        /// The same from one IPv4 address or IPv6 /56.
        allocations_per_address "turn-allocations-per-address" = 1000, 1;
        /// The same in one room.
        allocations_per_room "turn-allocations-per-room" = 1000, 1;
        /// Peer addresses at once that one allocation has permissions for.
        permissions "turn-permissions" = 64, 1;
        /// Channels at once of one allocation.
        channels "turn-channels" = 64, 1;
        /// Seconds that an allocation lasts without a refresh.
        lifetime_seconds "turn-lifetime-seconds" = 600, 60;
        /// Seconds that an allocation lasts at most, however often it is refreshed.
        longest_seconds "turn-longest-seconds" = 43200, 60;
        /// Packets a second of one allocation, both ways together.
        packets_per_second "turn-packets-per-second" = 20000, 1;
        /// Bytes a second of one allocation, both ways together.
        bytes_per_second "turn-bytes-per-second" = 12500000, 1500;
        /// Seconds' worth of packets and bytes that one allocation may send at once.
        burst_seconds "turn-burst-seconds" = 2, 1;
        /// Bytes a second of all allocations of one room together, over `turn-account-seconds`.
        room_bytes_per_second "turn-room-bytes-per-second" = 50000000, 1500;
        /// Bytes a second of all allocations from one address together, over `turn-account-seconds`.
        address_bytes_per_second "turn-address-bytes-per-second" = 50000000, 1500;
        /// Seconds over which a room's and an address's bytes are counted.
        account_seconds "turn-account-seconds" = 30, 1;
        /// Replies a second to one address that has not shown valid credentials (400, 401), over UDP and over connections each.
        challenges_per_second "turn-challenges-per-second" = 50, 1;
        /// Signed requests a second of one seat, and wrongly signed ones from one address; more are dropped.
        requests_per_second "turn-requests-per-second" = 500, 1;
        /// Replies a second to Binding requests from one address, over UDP and over connections each.
        bindings_per_second "turn-bindings-per-second" = 200, 1;
        /// TCP and TLS connections at once; a newcomer takes the place of one without an allocation.
        connections "turn-connections" = 4000, 1;
        /// The same from one address.
        connections_per_address "turn-connections-per-address" = 500, 1;
        /// TLS handshakes a second; more wait for their turn.
        handshakes_per_second "turn-handshakes-per-second" = 200, 1;
        /// TLS connections a second from one address, of which four seconds' worth may come at once; more are closed.
        handshakes_per_address "turn-handshakes-per-address" = 50, 1;
        /// Seconds that a connection may take to its first complete message, TLS included.
        handshake_seconds "turn-handshake-seconds" = 10, 1;
        /// Seconds that a connection without an allocation may go without a whole message.
        idle_seconds "turn-idle-seconds" = 10, 1;
        /// Seconds that a connection may go without an allocation, whatever it says.
        allocate_seconds "turn-allocate-seconds" = 30, 1;
        /// Bytes that may wait to be sent to one connection; what comes on top is lost, as on a full link.
        queue_bytes "turn-queue-bytes" = 262144, 16384;
    }
}

// What nobody has reason to set.

/// Of the allocations that are left, one seat, one room and one address may each have one in so many. That slows down who comes from a
/// few addresses; who has dozens of them, and as many rooms, takes all: hosts who must withstand that say who may open rooms.
pub(crate) const SHARE: usize = 4;
/// Messages that a connection without an allocation may say at once, which is as many as a datagram socket has in a turn. Whoever
/// has something to ask says one or two.
pub(crate) const UNSERVED_MESSAGES: usize = 64;
/// Bytes that the kernel is asked to hold for a socket that is listened on, for a relayed one, and connections that it is to keep until
/// they are accepted. It may grant less.
pub(crate) const DOOR_BUFFER: usize = 4 << 20;
pub(crate) const RELAYED_BUFFER: usize = 1 << 20;
pub(crate) const BACKLOG: i32 = 1024;
/// For how many of the host's own addresses there is a socket besides that of all addresses.
pub(crate) const OWN_DOORS: usize = 64;
/// Paths of which it is remembered that they refuse large segments.
pub(crate) const REFUSED_PATHS: usize = 256;
/// Addresses or holders whose replies are counted, in so many rows of so many places.
pub(crate) const DOORSTEP_ROWS: usize = 1024;
pub(crate) const DOORSTEP_WAYS: usize = 4;
/// How many seconds' worth of replies may come at once.
pub(crate) const DOORSTEP_SECONDS: u32 = 4;
/// Batches that one socket gets before the others have their turn.
pub(crate) const TURNS: usize = 2;
/// Connections that are accepted at once.
pub(crate) const ACCEPTS: usize = 32;
/// Orders of the relay's owner that are carried out at once: a storm of rooms that end is one for each of their members.
pub(crate) const ORDERS: usize = 32;
/// Datagrams that are received or sent with one call at most.
pub(crate) const BATCH: usize = 32;
/// The largest control message that is looked at. None that a client has reason to send is half as large.
pub(crate) const MAX_REQUEST: usize = 2048;
/// The largest datagram that is relayed. Media keep to a path's MTU, the largest of which is about that.
pub(crate) const MAX_DATAGRAM: usize = 9000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LimitSetting;

    #[test]
    fn each_limit_can_be_set_by_its_name() {
        for limit in Limits::TABLE {
            let set = |value: u32| {
                let mut limits = Limits::default();
                limits.set(&LimitSetting::parse(&format!("{}={value}", limit.name), [Limits::TABLE]).unwrap());
                limits
            };
            assert_eq!(set(limit.default), Limits::default(), "{}", limit.name);
            assert_ne!(set(limit.default + 1), Limits::default(), "{}", limit.name);
        }
    }

    #[test]
    fn each_name_says_that_it_is_of_the_relay() {
        assert!(Limits::TABLE.iter().all(|limit| limit.name.starts_with("turn-")));
    }
}
