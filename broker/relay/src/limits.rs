//! Everything the relay bounds, named once, with its default: one part of what `--limit NAME=VALUE` sets.
//!
//! An address means one IPv4 address or one IPv6 /64. What the RFCs fix is in the modules that it concerns.

use std::fmt::Write as _;
use std::str::FromStr;

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident $name:literal = $default:literal, $least:literal;)+) => {
        /// The bounds of one relay.
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
    /// Allocations at once.
    allocations "turn-allocations" = 4000, 1;
    /// Allocations at once with the same credentials.
    allocations_per_credential "turn-allocations-per-credential" = 64, 1;
    /// Allocations at once from one address.
    allocations_per_address "turn-allocations-per-address" = 1000, 1;
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
    /// Replies a second to one address that has not shown valid credentials: 400, 401, 420.
    challenges_per_second "turn-challenges-per-second" = 50, 1;
    /// Replies a second to Binding requests from one address.
    bindings_per_second "turn-bindings-per-second" = 200, 1;
    /// TCP and TLS connections at once.
    connections "turn-connections" = 4000, 1;
    /// TCP and TLS connections at once from one address.
    connections_per_address "turn-connections-per-address" = 500, 1;
    /// TLS handshakes a second; more wait in the backlog.
    handshakes_per_second "turn-handshakes-per-second" = 200, 1;
    /// Seconds that a connection may take to its first complete message, TLS included.
    handshake_seconds "turn-handshake-seconds" = 10, 1;
    /// Seconds that a connection without an allocation may be idle.
    idle_seconds "turn-idle-seconds" = 60, 1;
    /// Bytes that may wait to be sent to one connection; what comes on top is lost, as on a full link.
    queue_bytes "turn-queue-bytes" = 262144, 16384;
}

impl Limits {
    /// Names, defaults and meanings, a line each, for `--help`.
    pub fn help() -> String {
        let mut text = String::new();
        for (_, name, default, _, meaning) in TABLE {
            let meaning: String = meaning.concat();
            let _ = writeln!(text, "  {:<44}{}", format!("{name}={default}"), meaning.trim());
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

/// A text that sets no limit of the relay.
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
        assert_eq!(reason("turn-channels"), "a limit is set as NAME=VALUE");
        assert_eq!(reason("fun=3"), "there is no limit fun; --help lists them");
        assert_eq!(reason("turn-channels=0"), "turn-channels must be a whole number from 1 to 4294967295");
    }

    #[test]
    fn help_names_every_limit_with_its_default() {
        for (_, name, default, _, _) in TABLE {
            assert!(Limits::help().contains(&format!("{name}={default} ")), "{name}");
        }
    }
}
