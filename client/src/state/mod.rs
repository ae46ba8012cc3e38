//! All that the page shows, changed in one place: [`State::reduce`] takes an [`Action`] and nothing else does.
//!
//! Components show a state and emit [`Intent`]s; the engine carries intents out and tells what came of it in actions.

mod action;
mod chat;
mod intent;
mod media;
mod room;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use klatch_shared::wire::Hello;
use klatch_shared::{ClientHash, RoomId, RoomName, Username};

pub use action::{Action, RoomAction};
pub use chat::{Chat, Line, Receipt, Revision, Said};
pub use intent::{Intent, Sound};
pub use media::{Capture, Device, DeviceKind, Devices, LocalMedia};
pub use room::{BrokerLink, Conduct, LocalTile, Loudness, Member, Panel, Path, Room, TileId, hue, tile_id};

/// What the page shows.
#[derive(Clone, PartialEq)]
pub struct State {
    /// Which page, with what only it needs.
    pub page: Page,
    /// The name that was used last.
    pub name: Option<Username>,
    /// Rooms with a seat of ours that are still alive, newest first.
    pub rooms: Rc<Vec<KnownRoom>>,
    /// What the person chose and we remember.
    pub preferences: Preferences,
    /// What there is to choose from.
    pub devices: Devices,
    /// What we capture.
    pub local: LocalMedia,
    /// Newest last; shown until they expire or are dismissed.
    pub notices: Vec<Notice>,
    /// Which page the server served when this one was loaded, as far as it is known.
    pub served: Option<ClientHash>,
    /// The server has another page now.
    pub update_ready: bool,
    /// What the server says of who runs it.
    pub host: Rc<Host>,
}

/// What a server says of who runs it, and wants of whoever opens rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Where they say who they are.
    pub imprint: Option<String>,
    /// Where they say what becomes of people's data.
    pub privacy: Option<String>,
    /// Whether one of their codes is wanted.
    pub wants_code: bool,
}

impl Host {
    /// As a server said hello. What is no address on the web is no link.
    pub fn of(hello: &Hello) -> Self {
        let link = |url: &Option<String>| {
            url.clone().filter(|url| ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)))
        };
        let wants_code = hello.host_code.unwrap_or_default();
        Self { imprint: link(&hello.imprint), privacy: link(&hello.privacy), wants_code }
    }
}

/// A page, with its state.
#[derive(Clone, PartialEq)]
pub enum Page {
    /// Create, open, rejoin.
    Home(Home),
    /// Before joining.
    Lobby(Lobby),
    /// In the room.
    Room(Box<Room>),
    /// Something that a person must know, with what to do.
    Trouble(Trouble),
}

/// The home page's own state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// What is wrong with the room name that was typed.
    pub name_error: Option<String>,
    /// What is wrong with the link that was pasted.
    pub link_error: Option<String>,
    /// The host's code, as far as it is typed or known.
    pub code: String,
    /// What is wrong with it.
    pub code_error: Option<String>,
}

/// Before joining.
#[derive(Clone, Debug, PartialEq)]
pub struct Lobby {
    /// The room.
    pub room: RoomId,
    /// Its name, once known.
    pub name: Option<RoomName>,
    /// Whether we are about to create it.
    pub creating: bool,
    /// Members inside and whether it is locked, once known.
    pub inside: Option<(u32, bool)>,
    /// Whether it has no place for a new seat.
    pub full: bool,
    /// Whether we have a seat in it from before.
    pub seated: bool,
    /// *Join* was clicked and the answer is awaited.
    pub joining: bool,
    /// What is wrong with the name.
    pub name_error: Option<String>,
    /// Why it did not work, and what to do.
    pub error: Option<String>,
    /// Whether the room is to be remembered on this machine.
    pub remember: bool,
}

/// Something went wrong in a way that a page of its own must explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What happened, in a few words: the heading.
    pub title: String,
    /// What it means and what to do.
    pub advice: String,
    /// The main button, if something can be done: its label and what it does.
    pub remedy: Option<(String, Intent)>,
}

/// A room in *Your rooms*.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownRoom {
    /// Which.
    pub room: RoomId,
    /// Its name.
    pub name: RoomName,
    /// Members inside, once known.
    pub present: u32,
    /// Whether it is locked; a seat of ours opens it all the same.
    pub locked: bool,
    /// Minutes until it is discarded, when empty.
    pub minutes_left: Option<u32>,
}

/// What the person chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Light, dark or the system's.
    pub theme: Theme,
    /// Device ids; none is the system's default.
    pub microphone: Option<String>,
    /// See above.
    pub camera: Option<String>,
    /// See above.
    pub speaker: Option<String>,
    /// Join with the microphone on.
    pub join_with_microphone: bool,
    /// Join with the camera on.
    pub join_with_camera: bool,
    /// Reach others over relays alone, so that they don't see our address.
    pub relay_only: bool,
}

/// The colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Paper and roast.
    Light,
    /// The lamps low.
    Dark,
}

/// Something to read in passing, said to screen readers too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its own, for dismissing.
    pub id: u32,
    /// How it is meant.
    pub tone: Tone,
    /// One sentence.
    pub text: String,
}

/// How a notice is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good news, or just news.
    News,
    /// Something to know.
    Warning,
    /// Something did not work.
    Error,
}
