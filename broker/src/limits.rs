//! Everything the broker bounds, named once, with its default. `--limit NAME=VALUE` sets any of them, and any of the relay's
//! ([`klatch_relay::Limits`]).
//!
//! What is part of the protocol (frame size, seats a room, an exchange's life) is in [`klatch_shared::limits`].

use klatch_relay::{BadLimit, Limit, LimitSetting};

klatch_relay::limits! {
    /// The bounds of one broker.
    pub struct Limits {
        /// Connections at once; fewer where this program may open fewer files.
        connections "connections" = 20000, 1;
        /// Connections at once from one address (IPv6: from one /64).
        connections_per_address "connections-per-address" = 1000, 1;
        /// Living rooms opened from one address.
        rooms_per_address "rooms-per-address" = 500, 1;
        /// Rooms opened or brought back from one address in `rate-seconds`.
        openings_per_address "openings-per-address" = 1000, 1;
        /// New seats asked for from one address in `rate-seconds`. Whoever comes back to a seat is not counted, nor refused for it.
        joins_per_address "joins-per-address" = 3000, 1;
        /// How long openings and joins of an address are counted.
        rate_seconds "rate-seconds" = 300, 1;
        /// Wrong proofs, invitations, seat tokens and host codes from an address in `failure-seconds`; each one more ends its connection, and
        /// no host code from there is looked at until they are over, be it right or wrong.
        failures_per_address "failures-per-address" = 50, 1;
        /// How long failures of an address are counted.
        failure_seconds "failure-seconds" = 300, 1;
        /// Addresses of which openings, joins and failures are counted, each; beyond, the oldest count is given up.
        counted_addresses "counted-addresses" = 10000, 1;
        /// Frames a second from one connection; one above 1 KiB, or with a proof to check, counts as several.
        frames_per_second "frames-per-second" = 100, 1;
        /// Frames at once from one connection, before `frames-per-second` holds.
        frame_burst "frame-burst" = 2000, 1;
        /// Refused frames in excess of the rate after which a connection is closed.
        excess_frames "excess-frames" = 500, 1;
        /// Unreadable frames one after another after which a connection is closed.
        unreadable_frames "unreadable-frames" = 30, 1;
        /// Answers waiting to be sent to one connection, which is too slow beyond; half as many signals, of which a sender has a quarter.
        queue_frames "queue-frames" = 2000, 8;
        /// The same in bytes.
        queue_bytes "queue-bytes" = 1048576, 131072;
        /// Bytes waiting to be sent to all connections together; beyond, who holds most is closed as too slow.
        backlog_bytes "backlog-bytes" = 268435456, 1048576;
        /// Seconds from the start in which members may bring back rooms that an earlier broker had; 0 never. Whoever has a room's link is
        /// believed, so members themselves meet nobody new in a room that was locked until its creator unlocks it. Not with `--state`.
        revival_seconds "revival-seconds" = 600, 0;
        /// Changes waiting to be written to the state file; beyond, whoever asks for one more is refused.
        unkept_changes "unkept-changes" = 20000, 1;
        /// Seconds a client may take for a request's header, and idle between two requests.
        header_seconds "header-seconds" = 15, 1;
        /// Seconds one HTTP connection may last that does not become a WebSocket.
        http_seconds "http-seconds" = 300, 1;
        /// Seconds after which who takes nothing of an answer is let go, at most twice as many.
        stalled_seconds "stalled-seconds" = 15, 1;
        /// TLS handshakes at once; beyond, the oldest is given up.
        tls_handshakes "tls-handshakes" = 1000, 1;
        /// TLS handshakes at once from one address; more are dropped.
        tls_handshakes_per_address "tls-handshakes-per-address" = 100, 1;
        /// Seconds that a client may take for one.
        tls_handshake_seconds "tls-handshake-seconds" = 10, 1;
    }
}

/// The broker's limits and the relay's.
const TABLES: [&[Limit]; 2] = [Limits::TABLE, klatch_relay::Limits::TABLE];

/// Reads the setting of any limit.
pub(crate) fn setting(text: &str) -> Result<LimitSetting, BadLimit> {
    LimitSetting::parse(text, TABLES)
}

/// Names, defaults and meanings, for `--help`.
pub(crate) fn help() -> String {
    format!("Limits, for --limit NAME=VALUE:\n{}", LimitSetting::help(TABLES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_can_be_set_by_its_name() {
        for limit in Limits::TABLE {
            let set = |value: u32| {
                let mut limits = Limits::default();
                limits.set(&setting(&format!("{}={value}", limit.name)).expect(limit.name));
                limits
            };
            assert_eq!(set(limit.default), Limits::default(), "{}", limit.name);
            assert_ne!(set(limit.default + 1), Limits::default(), "{}", limit.name);
        }
    }

    #[test]
    fn no_two_limits_have_one_name() {
        let names: Vec<_> = TABLES.iter().copied().flatten().map(|limit| limit.name).collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn help_names_every_limit_with_its_default() {
        for limit in TABLES.iter().copied().flatten() {
            assert!(help().contains(&format!("  {}={} ", limit.name, limit.default)), "{}", limit.name);
        }
    }
}
