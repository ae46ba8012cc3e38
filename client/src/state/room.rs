//! In the room: members, tiles, panels.

use std::rc::Rc;

use klatch_mesh::Health;
use klatch_shared::peer::Sends;
use klatch_shared::{MemberId, RoomId, RoomName, Username};
use web_sys::MediaStream;

use super::Chat;

/// The room that we are in.
#[derive(Clone, PartialEq)]
pub struct Room {
    /// Which.
    pub id: RoomId,
    /// Its name.
    pub name: RoomName,
    /// The invitation link, whole.
    pub link: String,
    /// Whether new seats are refused.
    pub locked: bool,
    /// Whether we created it: we may lock and end it.
    pub creator: bool,
    /// Whether who comes is told what was said before.
    pub keeps_history: bool,
    /// Ourselves.
    pub me: LocalTile,
    /// The others, in the order of their seats: those who are here or may be back any moment.
    pub members: Vec<Rc<Member>>,
    /// Whom the person hid, here or gone.
    pub hidden: Vec<MemberId>,
    /// How loud somebody was to be who went, for when they are back: the latest, no more than there are seats.
    pub loudness: Vec<(MemberId, Loudness)>,
    /// What was said.
    pub chat: Rc<Chat>,
    /// Which panel is open.
    pub panel: Option<Panel>,
    /// What the person put on the stage; none lets the page choose (the newest screen).
    pub on_stage: Option<TileId>,
    /// Whether the browser holds sound back until a click.
    pub sound_blocked: bool,
    /// How the broker's socket is.
    pub broker: BrokerLink,
    /// Whether this room is remembered on this machine.
    pub remembered: bool,
    /// Whether the system has a share sheet.
    pub can_share: bool,
}

/// Ourselves as a tile.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalTile {
    /// Our id.
    pub id: MemberId,
    /// Our name.
    pub name: Username,
    /// Our name as others see it, with a number if somebody else has the same.
    pub label: String,
}

/// Another member.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Who.
    pub id: MemberId,
    /// The name as shown, with a number if somebody else has the same.
    pub label: String,
    /// The name's first character.
    pub initial: String,
    /// How the link is: `data-state`.
    pub health: Health,
    /// How the path is, once connected: `data-path`.
    pub path: Option<Path>,
    /// Which sources are live, as the member says.
    pub sends: Sends,
    /// What is received, each a stream of one track.
    pub microphone: Option<MediaStream>,
    /// See above.
    pub camera: Option<MediaStream>,
    /// See above.
    pub screen: Option<MediaStream>,
    /// See above.
    pub screen_sound: Option<MediaStream>,
    /// Whether the member is speaking.
    pub speaking: bool,
    /// How loud they are to be.
    pub loudness: Loudness,
    /// Hidden by us.
    pub hidden: bool,
    /// How they behave.
    pub conduct: Conduct,
}

/// How loud a member is to be, as the person set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loudness {
    /// 0 to 200 percent.
    pub volume: u16,
    /// Muted by us.
    pub muted: bool,
    /// The screen's sound, 0 to 200 percent.
    pub screen_volume: u16,
    /// The screen's sound muted by us.
    pub screen_muted: bool,
}

impl Default for Loudness {
    fn default() -> Self {
        Self { volume: 100, muted: false, screen_volume: 100, screen_muted: false }
    }
}

/// How a member behaves, and what we did about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// As they should.
    Good,
    /// They send too much, or what can't be read.
    Bad,
    /// We dropped the link, until we want it again.
    Cut,
    /// They dropped it, until they want it again.
    Refuses,
}

impl Conduct {
    /// Whether there is to be no link.
    pub fn is_apart(self) -> bool {
        match self {
            Self::Good | Self::Bad => false,
            Self::Cut | Self::Refuses => true,
        }
    }
}

impl Member {
    /// A member of whom nothing is known but the name.
    pub fn new(id: MemberId, label: String, name: &Username) -> Self {
        Self {
            id,
            label,
            initial: name.initial().to_owned(),
            health: Health::Connecting,
            path: None,
            sends: Sends::default(),
            microphone: None,
            camera: None,
            screen: None,
            screen_sound: None,
            speaking: false,
            loudness: Loudness::default(),
            hidden: false,
            conduct: Conduct::Good,
        }
    }
}

/// The hue of a member's tile, `0..12`, the same for everybody: made from the id.
pub fn hue(member: MemberId) -> u8 {
    member.as_bytes().iter().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte)) % 12
}

/// How media travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// From machine to machine.
    Direct,
    /// Over a TURN relay.
    Relay,
}

/// What can be on the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileId {
    /// A member's picture.
    Person(MemberId),
    /// A member's screen, or our own.
    Screen(MemberId),
}

/// The id of the element that shows another member's picture or screen: how high it is tells the engine what to ask for.
pub fn tile_id(tile: TileId) -> String {
    match tile {
        TileId::Person(id) => "person-".to_owned() + &id.to_string(),
        TileId::Screen(id) => "screen-".to_owned() + &id.to_string(),
    }
}

/// What stands beside the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// What was said.
    Chat,
    /// Who is here.
    People,
    /// The invitation link.
    Invite,
    /// Devices, theme, name.
    Settings,
}

/// How the broker's socket is. The call goes on without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerLink {
    /// Up.
    Up,
    /// Lost; reconnecting by itself.
    Lost,
    /// Up, and without our room: it was restarted.
    Forgetful,
}
