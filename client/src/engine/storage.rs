//! What is remembered on this machine: choices, and the seats of rooms.
//!
//! A seat is kept in local storage, or, where the person does not want the room remembered or was never inside, in the tab's own
//! storage, which a reload survives and closing the tab does not. Without the seat nobody gets back into a room that was locked.

use klatch_mesh::Memory;
use klatch_shared::json::{FromJson, Raw, ToJson, object};
use klatch_shared::peer::ChatMessage;
use klatch_shared::{
    HostCode, Invitation, InviteToken, Latch, MemberId, MemberKeys, RoomId, RoomKey, RoomName, SeatToken, Username,
};

use super::clock;
use crate::state::{Preferences, Theme};

const PREFERENCES: &str = "klatch.preferences";
const ROOMS: &str = "klatch.rooms";
const INSIDE: &str = "klatch.inside";
const MUTED: &str = "klatch.muted";
const HOST_CODE: &str = "klatch.host-code";
/// Rooms that are remembered; the oldest go first.
const MAX_ROOMS: usize = klatch_shared::limits::MAX_PEEKED_ROOMS;

/// After how long a room that no server knows is gone: longer than members may bring it back.
const GONE_MINUTES: u32 = 15;

/// Choices as they are stored; all optional, so that an older or newer page can read them.
#[derive(Default)]
struct StoredPreferences {
    name: Option<String>,
    theme: Option<String>,
    microphone: Option<String>,
    camera: Option<String>,
    speaker: Option<String>,
    join_with_microphone: Option<bool>,
    join_with_camera: Option<bool>,
    relay_only: Option<bool>,
}

object!(StoredPreferences {
    ? name, theme, microphone, camera, speaker, join_with_microphone, join_with_camera, relay_only
});

/// The choices and the name used last.
pub(super) fn load_preferences() -> (Preferences, Option<Username>) {
    let stored: StoredPreferences = Shelf::Machine.get(PREFERENCES).unwrap_or_default();
    let theme = match stored.theme.as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    };
    let preferences = Preferences {
        theme,
        microphone: stored.microphone,
        camera: stored.camera,
        speaker: stored.speaker,
        join_with_microphone: stored.join_with_microphone.unwrap_or(true),
        join_with_camera: stored.join_with_camera.unwrap_or(false),
        relay_only: stored.relay_only.unwrap_or(false),
    };
    (preferences, stored.name.and_then(|name| name.parse().ok()))
}

/// Keeps them; a browser that refuses only forgets.
pub(super) fn save_preferences(preferences: &Preferences, name: Option<&Username>) {
    let theme = match preferences.theme {
        Theme::System => None,
        Theme::Light => Some("light".to_owned()),
        Theme::Dark => Some("dark".to_owned()),
    };
    let stored = StoredPreferences {
        name: name.map(|name| name.as_str().to_owned()),
        theme,
        microphone: preferences.microphone.clone(),
        camera: preferences.camera.clone(),
        speaker: preferences.speaker.clone(),
        join_with_microphone: Some(preferences.join_with_microphone),
        join_with_camera: Some(preferences.join_with_camera),
        relay_only: Some(preferences.relay_only),
    };
    Shelf::Machine.set(PREFERENCES, &stored);
}

/// A seat in a room: all that is needed to come back.
#[derive(Clone, Debug)]
pub(super) struct SeatRecord {
    /// The room, its key, its invitation.
    pub(super) invitation: Invitation,
    /// Who we are there.
    pub(super) member: MemberId,
    /// Permission to come back.
    pub(super) token: SeatToken,
    /// Our keys there.
    pub(super) keys: MemberKeys,
    /// Of our latest card.
    pub(super) revision: u32,
    /// The room's name.
    pub(super) room_name: Option<RoomName>,
    /// Our name there.
    pub(super) my_name: Option<Username>,
    /// Its place in the order of seats, once it is taken.
    pub(super) ordinal: u32,
    /// Whether the broker has given us the seat.
    pub(super) taken: bool,
    /// Whether to remember it beyond this tab.
    pub(super) remember: bool,
    /// The switch of the room's history, once it was used.
    pub(super) history: Option<ChatMessage>,
    /// Who created the room and whom we know there, should the broker forget.
    pub(super) memory: Memory,
    /// Since which minute no server knows the room.
    pub(super) missed: Option<u32>,
    /// With whom we want no connection: at most as many as there are seats.
    pub(super) cut: Vec<MemberId>,
    /// The host's code, for whoever opens the room. It is not stored with the seat.
    pub(super) code: Option<HostCode>,
}

impl SeatRecord {
    /// A seat yet to be taken, with keys of its own.
    pub(super) fn new(invitation: Invitation, creator: bool, room_name: Option<RoomName>) -> Self {
        let keys = MemberKeys::random();
        let member = keys.verifying().owner();
        Self {
            invitation,
            member,
            token: SeatToken::random(),
            keys,
            revision: 0,
            room_name,
            my_name: None,
            ordinal: 0,
            taken: false,
            remember: true,
            history: None,
            memory: Memory { creator: creator.then_some(member), ..Memory::default() },
            missed: None,
            cut: Vec::new(),
            code: None,
        }
    }

    /// Whether the room is ours.
    pub(super) fn is_creator(&self) -> bool {
        self.memory.creator == Some(self.member)
    }
}

/// The record as it is stored.
#[derive(Clone)]
struct StoredSeat {
    room: RoomId,
    key: RoomKey,
    invite: InviteToken,
    member: MemberId,
    seat: SeatToken,
    keys: String,
    revision: u32,
    room_name: Option<String>,
    my_name: Option<String>,
    creator: bool,
    taken: bool,
    history: Option<String>,
    ordinal: Option<u32>,
    known: Option<String>,
    revival: Option<u32>,
    barred: Option<bool>,
    created_by: Option<MemberId>,
    created_with: Option<Latch>,
    missed: Option<u32>,
    cut: Option<Vec<MemberId>>,
}

impl From<&SeatRecord> for StoredSeat {
    fn from(seat: &SeatRecord) -> Self {
        Self {
            room: seat.invitation.room,
            key: seat.invitation.key.clone(),
            invite: seat.invitation.invite.clone(),
            member: seat.member,
            seat: seat.token.clone(),
            keys: seat.keys.reveal(),
            revision: seat.revision,
            room_name: seat.room_name.as_ref().map(|name| name.as_str().to_owned()),
            my_name: seat.my_name.as_ref().map(|name| name.as_str().to_owned()),
            creator: seat.is_creator(),
            taken: seat.taken,
            history: seat.history.as_ref().map(ChatMessage::to_text),
            ordinal: Some(seat.ordinal),
            known: seat.memory.known.clone(),
            revival: seat.memory.revival,
            barred: seat.memory.is_up.then_some(true),
            created_by: seat.memory.creator,
            created_with: seat.memory.creators_latch,
            missed: seat.missed,
            cut: Some(seat.cut.clone()),
        }
    }
}

impl StoredSeat {
    fn open(self, shelf: Shelf) -> Option<SeatRecord> {
        let room_name = self.room_name.and_then(|name| name.parse().ok());
        if room_name.is_none() && self.creator && !self.taken {
            // Nobody creates a room without a name.
            return None;
        }
        Some(SeatRecord {
            invitation: Invitation { room: self.room, key: self.key, invite: self.invite },
            member: self.member,
            token: self.seat,
            keys: self.keys.parse().ok()?,
            revision: self.revision,
            room_name,
            my_name: self.my_name.and_then(|name| name.parse().ok()),
            ordinal: self.ordinal.unwrap_or_default(),
            taken: self.taken,
            // What was not taken yet is in the tab either way.
            remember: shelf == Shelf::Machine || !self.taken,
            history: self.history.and_then(|switch| switch.parse().ok()),
            memory: Memory {
                known: self.known,
                revival: self.revival,
                is_up: self.barred.is_some(),
                creator: self.created_by.or(self.creator.then_some(self.member)),
                creators_latch: self.created_with,
            },
            missed: self.missed,
            cut: self.cut.unwrap_or_default(),
            code: host_code(),
        })
    }
}

object!(StoredSeat {
    room, key, invite, member, seat, keys, revision, creator, taken ? room_name, my_name, history, cut, ordinal, known, revival, barred, created_by,
    created_with, missed
});

/// Where things are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shelf {
    /// The tab's own storage.
    Tab,
    /// Local storage, which outlives the tab.
    Machine,
}

impl Shelf {
    fn storage(self) -> Option<web_sys::Storage> {
        let window = web_sys::window()?;
        match self {
            Self::Tab => window.session_storage(),
            Self::Machine => window.local_storage(),
        }
        .ok()?
    }

    fn get<T: FromJson>(self, key: &str) -> Option<T> {
        T::from_json(&self.storage()?.get_item(key).ok()??)
    }

    /// Whether it could be kept.
    fn set(self, key: &str, value: &dyn ToJson) -> bool {
        self.storage().is_some_and(|storage| storage.set_item(key, &value.to_json()).is_ok())
    }

    fn delete(self, key: &str) {
        // What can't be reached is not kept either.
        let _ = self.storage().map(|storage| storage.remove_item(key));
    }

    /// The seats; one unreadable record must not lose the others.
    fn seats(self) -> Vec<StoredSeat> {
        let values: Vec<Raw> = self.get(ROOMS).unwrap_or_default();
        values.into_iter().filter_map(|value| FromJson::from_json(&value.0)).collect()
    }

    fn set_seats(self, seats: &Vec<StoredSeat>) -> bool {
        if seats.is_empty() {
            self.delete(ROOMS);
            return true;
        }
        self.set(ROOMS, seats)
    }

    fn forget(self, room: RoomId) {
        let mut seats = self.seats();
        let before = seats.len();
        seats.retain(|seat| seat.room != room);
        if seats.len() != before {
            self.set_seats(&seats);
        }
    }
}

/// All seats that are remembered, newest first.
pub(super) fn seats() -> Vec<SeatRecord> {
    let on = |shelf: Shelf| shelf.seats().into_iter().filter_map(move |seat| seat.open(shelf));
    on(Shelf::Tab).chain(on(Shelf::Machine)).collect()
}

/// Our seat in a room.
pub(super) fn seat(room: RoomId) -> Option<SeatRecord> {
    seats().into_iter().find(|seat| seat.invitation.room == room)
}

/// Keeps a seat, as the newest; false where the browser refuses to store.
pub(super) fn save_seat(seat: &SeatRecord) -> bool {
    forget_seat(seat.invitation.room);
    let shelf = if seat.remember && seat.taken { Shelf::Machine } else { Shelf::Tab };
    let mut seats = shelf.seats();
    seats.insert(0, StoredSeat::from(seat));
    seats.truncate(MAX_ROOMS);
    shelf.set_seats(&seats)
}

/// Notes whether a server knows the room of a seat. One that was restarted may be told of it by those who are inside, so a seat that
/// was taken is forgotten only after a while.
pub(super) fn note(mut seat: SeatRecord, is_known: bool) {
    let now = (clock::wall() / 60_000) as u32;
    let before = seat.missed;
    seat.missed = (!is_known).then(|| before.unwrap_or(now));
    if !is_known && !seat.taken || seat.missed.is_some_and(|since| now.abs_diff(since) > GONE_MINUTES) {
        forget_seat(seat.invitation.room);
    } else if seat.missed != before {
        save_seat(&seat);
    }
}

/// Remembers nothing more of a room.
pub(super) fn forget_seat(room: RoomId) {
    Shelf::Machine.forget(room);
    Shelf::Tab.forget(room);
}

/// Remembers nothing more of any room.
pub(super) fn forget_all_seats() {
    Shelf::Machine.delete(ROOMS);
    Shelf::Tab.delete(ROOMS);
}

/// The host's code that worked last.
pub(super) fn host_code() -> Option<HostCode> {
    Shelf::Machine.get(HOST_CODE)
}

/// Remembers this code, or none.
pub(super) fn remember_host_code(code: Option<&HostCode>) {
    match code {
        Some(code) => _ = Shelf::Machine.set(HOST_CODE, code),
        None => Shelf::Machine.delete(HOST_CODE),
    }
}

/// Notes that this tab is inside a room, so that a reload goes straight back.
pub(super) fn set_inside(room: Option<RoomId>) {
    match room {
        Some(room) => {
            Shelf::Tab.set(INSIDE, &room);
        }
        None => Shelf::Tab.delete(INSIDE),
    }
}

/// Notes that we muted ourselves in this tab, so that a reload does not undo it.
pub(super) fn set_muted(muted: bool) {
    if muted {
        Shelf::Tab.set(MUTED, &true);
    } else {
        Shelf::Tab.delete(MUTED);
    }
}

/// Whether we had muted ourselves in this tab before it was reloaded.
pub(super) fn muted() -> bool {
    Shelf::Tab.get(MUTED).unwrap_or_default()
}

/// The room that this tab was inside before it was reloaded.
pub(super) fn inside() -> Option<RoomId> {
    Shelf::Tab.get(INSIDE)
}
