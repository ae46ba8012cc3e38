//! What a person wants.

use klatch_shared::{MemberId, MessageId, RoomId};

use super::{DeviceKind, Panel, Theme, TileId};

/// Emitted by components, carried out by the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Home: prepare a room of this name and go to its lobby.
    CreateRoom(String),
    /// Home: this is the host's code, so far.
    TypeCode(String),
    /// Home: go to the lobby of this invitation link.
    OpenInvitation(String),
    /// Home: back to a room with a seat of ours.
    Rejoin(RoomId),
    /// Home: give up our seat in a room and remember nothing of it.
    ForgetRoom(RoomId),
    /// Home: forget all rooms.
    ForgetAllRooms,
    /// To the home page.
    GoHome,
    /// Lobby: join under this name.
    Join(String),
    /// Lobby: the switches.
    JoinWithMicrophone(bool),
    /// See above.
    JoinWithCamera(bool),
    /// Lobby, settings: remember this room on this machine.
    Remember(bool),
    /// Room: mute, unmute, or ask for the microphone again.
    ToggleMicrophone,
    /// Room: camera on or off.
    ToggleCamera,
    /// Room: share a screen, or stop.
    ToggleScreen,
    /// Room: lock or unlock.
    Lock(bool),
    /// Room: end it for everybody.
    EndRoom,
    /// Room: leave it, keeping the seat.
    Leave,
    /// Room: open a panel, or close the open one.
    TogglePanel(Panel),
    /// Room: say something, or what the message that is being edited is to say.
    Say(String),
    /// Room: edit this message of ours; none gives it up.
    Edit(Option<MessageId>),
    /// Room: delete this message of ours.
    Delete(MessageId),
    /// Room: let a deleted message of ours say this again.
    BringBack(MessageId, String),
    /// Room: tell who comes what was said before, or don't.
    KeepHistory(bool),
    /// Room: a new name.
    Rename(String),
    /// Room: volume in percent, 0 to 200.
    Volume(MemberId, Sound, u16),
    /// Room: mute or unmute a member, for us alone.
    Mute(MemberId, Sound, bool),
    /// Room: hide or show a member, for us alone: neither seen nor heard.
    Hide(MemberId, bool),
    /// Room: drop the link to a member, or make it again.
    Cut(MemberId, bool),
    /// Room: put this on the stage; none lets the page choose.
    PutOnStage(Option<TileId>),
    /// Room: the invitation link to the clipboard.
    CopyLink,
    /// Room: the invitation link to the system's share sheet.
    ShareLink,
    /// Room: play what the browser holds back.
    AllowSound,
    /// Room: an element found that the browser holds sound back until a click.
    SoundHeldBack,
    /// Lobby, settings: use another device; none is the system's default.
    ChooseDevice(DeviceKind, Option<String>),
    /// Lobby, settings: reach others over relays alone, so that they don't see our address.
    RelayOnly(bool),
    /// Settings: colours.
    ChooseTheme(Theme),
    /// A notice was read.
    DismissNotice(u32),
    /// Load the page anew.
    Reload,
}

/// Which of a member's sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// The microphone.
    Voice,
    /// The shared screen's.
    Screen,
}
