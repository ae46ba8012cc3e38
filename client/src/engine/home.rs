//! The home page: rooms of ours that are still alive, creating one, opening an invitation.

use std::rc::Rc;

use gloo_timers::callback::Interval;
use klatch_shared::wire::{Empty, Forget, Glance, Verb};
use klatch_shared::{HostCode, Invitation, InviteToken, RoomId, RoomKey, RoomName};

use super::peek::{self, Greeted};
use super::socket::AskError;
use super::storage::{self, SeatRecord};
use super::task::spawn;
use super::troubles::UNREACHABLE;
use super::{Core, page_is_hidden, route};
use crate::components::focus_id;
use crate::state::{Action, KnownRoom, Page};

/// How often *Your rooms* are looked at while somebody looks.
const LOOK_MS: u32 = 5_000;

impl Core {
    /// *Create room* was clicked. Whether the host's code is right is asked here, where it was typed.
    pub(super) fn create_room(self: &Rc<Self>, name: &str) {
        let name = match name.parse::<RoomName>() {
            Ok(name) => name,
            Err(error) => return self.store.dispatch(Action::NameRefused(Some(error.to_string()))),
        };
        let state = self.store.state();
        let code = match &state.page {
            Page::Home(home) if state.host.wants_code => home.code.clone(),
            _ => return self.prepare_room(name, None),
        };
        self.store.dispatch(Action::NameRefused(None));
        let (this, turn) = (self.clone(), self.turn.get());
        spawn(async move {
            // Until it has worked.
            storage::remember_host_code(None);
            let checked = checked(&code).await;
            if !this.is_on_page(turn) {
                return;
            }
            match checked {
                Ok(code) => {
                    storage::remember_host_code(Some(&code));
                    this.prepare_room(name, Some(code));
                }
                Err(sentence) => {
                    this.store.dispatch(Action::CodeRefused(sentence));
                    focus_id("host-code");
                }
            }
        });
    }

    /// Goes to the lobby of a new room.
    fn prepare_room(self: &Rc<Self>, name: RoomName, code: Option<HostCode>) {
        let invitation = Invitation::new(RoomKey::random(), InviteToken::random());
        let seat = SeatRecord { code, ..SeatRecord::new(invitation, true, Some(name)) };
        route::push(&format!("/r/{}#{}", seat.invitation.room, seat.invitation.fragment()));
        if storage::save_seat(&seat) {
            route::hide_fragment(seat.invitation.room);
        }
        self.visit_seat(seat, false);
    }

    pub(super) fn open_invitation(self: &Rc<Self>, link: &str) {
        match link.parse::<Invitation>() {
            Ok(invitation) => {
                route::push(&format!("/r/{}#{}", invitation.room, invitation.fragment()));
                self.follow_address();
            }
            Err(error) => self.store.dispatch(Action::LinkRefused(Some(error.to_string()))),
        }
    }

    /// Shows our rooms, and looks after them while the page is shown.
    pub(super) fn watch_rooms(self: &Rc<Self>) {
        self.look_at_rooms();
        let weak = Rc::downgrade(self);
        *self.watching_rooms.borrow_mut() = Some(Interval::new(LOOK_MS, move || {
            if let Some(this) = weak.upgrade().filter(|_| !page_is_hidden()) {
                this.look_at_rooms();
            }
        }));
    }

    fn look_at_rooms(self: &Rc<Self>) {
        let seats: Vec<SeatRecord> = storage::seats().into_iter().filter(|seat| seat.taken).collect();
        if seats.is_empty() {
            self.store.dispatch(Action::Rooms(Vec::new()));
        }
        let (this, turn) = (self.clone(), self.turn.get());
        spawn(async move {
            let Some(Greeted { socket, hello }) = peek::greeted("/ws").await else { return };
            this.store.greeted(&hello);
            let seen = peek::look(&socket, &seats).await;
            socket.close();
            let Some(seen) = seen.filter(|_| this.is_on_page(turn)) else { return };
            let mut rooms = Vec::new();
            for (seat, seen) in seats.iter().zip(seen) {
                let (Some(name), room) = (seat.room_name.clone(), seat.invitation.room) else { continue };
                storage::note(seat.clone(), matches!(seen.glance, Glance::Alive(_)));
                if let Glance::Alive(glance) = seen.glance {
                    rooms.push(KnownRoom {
                        room,
                        name,
                        present: glance.present,
                        locked: glance.locked,
                        minutes_left: glance
                            .expires_in
                            .map(|ms| u32::try_from(ms.div_ceil(60_000)).unwrap_or(u32::MAX)),
                    });
                }
            }
            this.store.dispatch(Action::Rooms(rooms));
        });
    }

    /// Remembers nothing of any room, shown or not, and gives up our seats there.
    pub(super) fn forget_all_rooms(&self) {
        let seats = storage::seats();
        storage::forget_all_seats();
        self.store.dispatch(Action::Rooms(Vec::new()));
        seats.into_iter().filter(|seat| seat.taken).for_each(|seat| spawn(release(seat)));
    }

    /// Gives up our seat there and remembers nothing of it.
    pub(super) fn forget_room(&self, room: RoomId) {
        let seat = storage::seat(room);
        storage::forget_seat(room);
        let left = self.store.state().rooms.iter().filter(|known| known.room != room).cloned().collect();
        self.store.dispatch(Action::Rooms(left));
        if let Some(seat) = seat {
            spawn(release(seat));
        }
    }
}

/// The host's code, if it is one; else why not, in a sentence.
async fn checked(code: &str) -> Result<HostCode, String> {
    let unreachable = || UNREACHABLE.to_owned();
    let Ok(code) = code.parse::<HostCode>() else {
        return Err("Please type the host code. Whoever runs this server can give you one.".to_owned());
    };
    let Greeted { socket, .. } = peek::greeted("/ws").await.ok_or_else(unreachable)?;
    let answer = socket.ask::<Empty>(Verb::HostCode(code.clone())).await;
    socket.close();
    match answer {
        Ok(Empty {}) => Ok(code),
        Err(AskError::Refused(refusal)) => Err(refusal.reason.into_owned()),
        Err(AskError::Lost) => Err(unreachable()),
    }
}

/// Tells the broker that a seat is free; where it can't be told, the seat goes with the room.
async fn release(seat: SeatRecord) {
    if let Some(Greeted { socket, .. }) = peek::greeted(&format!("/ws/{}", seat.invitation.room)).await {
        let _ = socket.ask::<Empty>(Verb::Forget(Forget { token: Some(seat.token) })).await;
        socket.close();
    }
}
