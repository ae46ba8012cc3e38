//! What the broker answers when it does what it was asked.

use serde::Serialize;

use super::{MemberView, Refusal};
use crate::json::{Fields, FromJson, object};
use crate::{MemberId, RoomId, Sealed};

/// Done; nothing to add.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Empty {}

/// A seat is taken: the room as it is now. Events that follow change it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Admitted {
    /// This seat's place in the order in which seats were taken.
    pub ordinal: u32,
    /// Who created the room.
    pub creator: MemberId,
    /// Whether new seats are refused.
    pub locked: bool,
    /// The room's name.
    pub name: Sealed,
    /// All other seats, in order.
    pub members: Vec<MemberView>,
}

/// How the peeked rooms are, in the order asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peeked {
    /// One each.
    pub rooms: Vec<PeekedRoom>,
}

/// How one room is: `{"room":…,"ok":{…}}` or `{"room":…,"error":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "RawPeekedRoom")]
pub struct PeekedRoom {
    /// The room asked for.
    pub room: RoomId,
    /// Its state, or why it isn't told.
    pub glance: Glance,
}

/// See [`PeekedRoom`].
#[derive(Clone, Debug, PartialEq)]
pub enum Glance {
    /// It lives.
    Alive(RoomGlance),
    /// It doesn't, or the token is none of its.
    Refused(Refusal),
}

/// A [`PeekedRoom`] as it travels.
#[derive(Serialize)]
struct RawPeekedRoom {
    room: RoomId,
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<RoomGlance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refusal>,
}

impl TryFrom<RawPeekedRoom> for PeekedRoom {
    type Error = &'static str;
    fn try_from(raw: RawPeekedRoom) -> Result<Self, Self::Error> {
        let glance = match (raw.ok, raw.error) {
            (Some(glance), None) => Glance::Alive(glance),
            (None, Some(refusal)) => Glance::Refused(refusal),
            _ => return Err("neither ok nor error"),
        };
        Ok(Self { room: raw.room, glance })
    }
}

impl From<PeekedRoom> for RawPeekedRoom {
    fn from(peeked: PeekedRoom) -> Self {
        let (ok, error) = match peeked.glance {
            Glance::Alive(glance) => (Some(glance), None),
            Glance::Refused(refusal) => (None, Some(refusal)),
        };
        Self { room: peeked.room, ok, error }
    }
}

/// A living room from outside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoomGlance {
    /// Members inside.
    pub present: u32,
    /// Whether new seats are refused.
    pub locked: bool,
    /// Whether as many are present as may be.
    pub full: bool,
    /// The room's name.
    pub name: Sealed,
    /// For an empty room: milliseconds until it is discarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
}

/// Servers for `RTCConfiguration.iceServers` (W3C WebRTC §4.2.1).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IceServers {
    /// In order of preference.
    pub ice_servers: Vec<IceServer>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URLs.
    pub urls: Vec<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

object!(Admitted { ordinal, creator, locked, name, members });
object!(Peeked { rooms });
object!(RawPeekedRoom { room ? ok, error });
object!(RoomGlance { present, locked, full, name ? expires_in });
object!(IceServers { ice_servers });
object!(IceServer { urls ? username, credential });

impl FromJson for Empty {
    fn from_json(json: &str) -> Option<Self> {
        Fields::of(json).map(|_| Self {})
    }
}

impl FromJson for PeekedRoom {
    fn from_json(json: &str) -> Option<Self> {
        RawPeekedRoom::from_json(json)?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::RefusalCode;
    use crate::{RoomKey, RoomKeys};

    #[test]
    fn a_peeked_room_carries_either_ok_or_error() {
        let room = RoomKeys::derive(&RoomKey::random()).id();
        let refused = PeekedRoom { room, glance: Glance::Refused(Refusal::of(RefusalCode::UnknownRoom)) };
        let text = serde_json::to_string(&refused).expect("plain data");
        assert!(text.contains(r#""error":{"code":"unknown-room""#) && !text.contains("\"ok\""), "{text}");
        assert_eq!(PeekedRoom::from_json(&text), Some(refused));
        assert_eq!(PeekedRoom::from_json(&format!(r#"{{"room":"{room}"}}"#)), None);
    }
}
