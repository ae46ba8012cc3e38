//! What the broker answers when it does what it was asked.

use super::{MemberView, Refusal};
use crate::json::{Fields, FromJson, Object, ToFields, object};
use crate::{MemberId, RoomId, Sealed};

/// Done; nothing to add.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Empty {}

/// A seat is taken: the room as it is now. Events that follow change it.
#[derive(Clone, Debug, PartialEq)]
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
    /// Whose seats are kept besides, of a room that was revived: they have not come back yet.
    pub reserved: Vec<MemberId>,
    /// The room was revived: the broker knows of its lock and its seats before that by what those said who have its key. The number is
    /// the same for as long as this broker runs, and another after each start.
    pub revived: Option<u32>,
}

/// How the peeked rooms are, in the order asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Peeked {
    /// One each.
    pub rooms: Vec<PeekedRoom>,
}

/// How one room is: `{"room":…,"ok":{…}}` or `{"room":…,"error":{…}}`.
#[derive(Clone, Debug, PartialEq)]
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

/// A living room from outside.
#[derive(Clone, Debug, PartialEq)]
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
    pub expires_in: Option<u64>,
}

/// Servers for `RTCConfiguration.iceServers` (W3C WebRTC §4.2.1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IceServers {
    /// In order of preference.
    pub ice_servers: Vec<IceServer>,
}

/// One server.
#[derive(Clone, Debug, PartialEq)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URLs.
    pub urls: Vec<String>,
    /// For TURN.
    pub username: Option<String>,
    /// For TURN.
    pub credential: Option<String>,
}

object!(Admitted { ordinal, creator, locked, name, members, reserved ? revived });

object!(Peeked { rooms });
object!(RoomGlance { present, locked, full, name ? expires_in });
object!(IceServers { ice_servers });
object!(IceServer { urls ? username, credential });

impl FromJson for Empty {
    fn from_json(json: &str) -> Option<Self> {
        Fields::of(json).map(|_| Self {})
    }
}

impl ToFields for Empty {
    fn write_fields(&self, _: &mut Object<'_>) {}
}

impl FromJson for PeekedRoom {
    fn from_json(json: &str) -> Option<Self> {
        let fields = Fields::of(json)?;
        let glance = match (fields.optional("ok")?, fields.optional("error")?) {
            (Some(glance), None) => Glance::Alive(glance),
            (None, Some(refusal)) => Glance::Refused(refusal),
            _ => return None,
        };
        Some(Self { room: fields.get("room")?, glance })
    }
}

impl ToFields for PeekedRoom {
    fn write_fields(&self, to: &mut Object<'_>) {
        to.field("room", &self.room);
        match &self.glance {
            Glance::Alive(glance) => to.field("ok", glance),
            Glance::Refused(refusal) => to.field("error", refusal),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::ToJson;
    use crate::wire::RefusalCode;
    use crate::{RoomKey, RoomKeys};

    #[test]
    fn a_peeked_room_carries_either_ok_or_error() {
        let room = RoomKeys::derive(&RoomKey::random()).id();
        let refused = PeekedRoom { room, glance: Glance::Refused(Refusal::of(RefusalCode::UnknownRoom)) };
        let text = refused.to_json();
        assert!(text.contains(r#""error":{"code":"unknown-room""#) && !text.contains("\"ok\""), "{text}");
        assert_eq!(PeekedRoom::from_json(&text), Some(refused));
        assert_eq!(PeekedRoom::from_json(&format!(r#"{{"room":"{room}"}}"#)), None);
    }
}
