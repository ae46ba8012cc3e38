//! Everything the broker bounds, named once, with its default. `--limit NAME=VALUE` sets any of them.
//!
//! What is part of the protocol (frame size, seats a room, an exchange's life) is in [`klatch_shared::limits`].

use std::fmt::Write as _;
use std::str::FromStr;

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident $name:literal = $default:literal, $least:literal;)+) => {
        /// The bounds of one broker.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $field: u32,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Limits {
            /// Changes the one that `setting` names.
            pub fn set(&mut self, setting: &LimitSetting) {
                let LimitSetting { name, value } = *setting;
                match name {
                    $(LimitName::$field => self.$field = value,)+
                }
            }
        }

        /// Which limit.
        #[allow(non_camel_case_types, reason = "named as the fields that they stand for")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum LimitName {
            $($field,)+
        }

        /// Name, default, least value, meaning.
        const TABLE: &[(LimitName, &str, u32, u32, &[&str])] =
            &[$((LimitName::$field, $name, $default, $least, &[$($doc),+]),)+];
    };
}

limits! {
    /// Connections at once.
    connections "connections" = 20000, 1;
    /// Connections at once from one address (IPv6: from one /64).
    connections_per_address "connections-per-address" = 1000, 1;
    /// Living rooms opened from one address.
    rooms_per_address "rooms-per-address" = 500, 1;
    /// Wrong proofs, invitations and seat tokens from an address in `failure-seconds`; each one more ends its connection.
    failures_per_address "failures-per-address" = 50, 1;
    /// How long failures of an address are counted.
    failure_seconds "failure-seconds" = 300, 1;
    /// Addresses whose failures are counted; beyond, the oldest count is given up.
    failing_addresses "failing-addresses" = 10000, 1;
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
    /// Bytes waiting to be sent to all connections together; beyond, signals are refused and who holds most is closed as too slow.
    backlog_bytes "backlog-bytes" = 268435456, 1048576;
    /// Seconds a client may take for a request's header, and idle between two requests.
    header_seconds "header-seconds" = 15, 1;
    /// Seconds one HTTP connection may last that does not become a WebSocket.
    http_seconds "http-seconds" = 300, 1;
}

impl Limits {
    /// Names, defaults and meanings, for `--help`.
    pub fn help() -> String {
        let mut text = String::from("Limits, for --limit NAME=VALUE:\n");
        for (_, name, default, _, meaning) in TABLE {
            let meaning: String = meaning.concat();
            let _ = writeln!(text, "  {:<36}{}", format!("{name}={default}"), meaning.trim());
        }
        text
    }
}

/// `NAME=VALUE`: one limit and what to set it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSetting {
    name: LimitName,
    value: u32,
}

/// A text that sets no limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    /// No `=` in it.
    #[error("a limit is set as NAME=VALUE")]
    Shape,
    /// No such limit.
    #[error("there is no limit {0}; --help lists them")]
    Name(String),
    /// Not a number, or too small.
    #[error("{0} must be a whole number from {1} to {max}", max = u32::MAX)]
    Value(&'static str, u32),
}

impl FromStr for LimitSetting {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Self, BadLimit> {
        let (wanted, value) = text.split_once('=').ok_or(BadLimit::Shape)?;
        let (name, known, _, least, _) =
            TABLE.iter().find(|(_, known, ..)| *known == wanted).ok_or_else(|| BadLimit::Name(wanted.into()))?;
        match value.parse() {
            Ok(value) if value >= *least => Ok(Self { name: *name, value }),
            _ => Err(BadLimit::Value(known, *least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_can_be_set_by_its_name() {
        for (_, name, default, _, _) in TABLE {
            let mut limits = Limits::default();
            limits.set(&format!("{name}={default}").parse().expect(name));
            assert_eq!(limits, Limits::default(), "{name}");
            limits.set(&format!("{name}={}", default + 1).parse().expect(name));
            assert_ne!(limits, Limits::default(), "{name}");
        }
    }

    #[test]
    fn what_sets_no_limit_says_why() {
        let reason = |text: &str| text.parse::<LimitSetting>().expect_err(text).to_string();
        assert_eq!(reason("connections"), "a limit is set as NAME=VALUE");
        assert_eq!(reason("fun=3"), "there is no limit fun; --help lists them");
        assert_eq!(reason("connections=0"), "connections must be a whole number from 1 to 4294967295");
        assert_eq!(reason("connections=-1"), "connections must be a whole number from 1 to 4294967295");
    }

    #[test]
    fn help_names_every_limit_with_its_default() {
        for (_, name, default, _, _) in TABLE {
            assert!(Limits::help().contains(&format!("{name}={default} ")), "{name}");
        }
    }
}
