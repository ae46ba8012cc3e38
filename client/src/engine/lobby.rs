//! Before joining: which room, with which seat, and the step inside.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use klatch_shared::peer::Source;
use klatch_shared::wire::{Glance, RefusalCode};
use klatch_shared::{Invitation, RoomId, Username, seal};
use yew::Callback;

use super::door::Door;
use super::peek::Seen;
use super::session::{EnterError, Session, Surroundings, seat_for};
use super::storage::{self, SeatRecord};
use super::task::spawn;
use super::troubles::UNREACHABLE;
use super::ways::Spare;
use super::{Core, peek, route, troubles};
use crate::state::{Action, Lobby, Page};

/// How often entering is tried, and how long a server that does not know the room is waited for in between.
const TRIES: u32 = 10;
const PAUSE_MS: u32 = 1_000;

/// Whom we visit: the seat that we have or will take, and what is ready for it.
pub(super) struct Visit {
    pub(super) seat: SeatRecord,
    pub(super) door: Option<Door>,
}

impl Core {
    /// The address bar names a room.
    pub(super) fn visit_address(self: &Rc<Self>, room: &str, fragment: &str) {
        let invitation = Invitation::from_parts(room, fragment);
        let known = room.parse::<RoomId>().ok().and_then(storage::seat);
        let seat = match (invitation, known) {
            (Ok(invitation), _) => seat_for(invitation),
            (Err(_), Some(seat)) if fragment.is_empty() => seat,
            (Err(bad), _) => {
                self.turn_page();
                self.store.dispatch(Action::Show(Page::Trouble(troubles::of_the_link(bad))));
                return;
            }
        };
        let straight_in = seat.taken && storage::inside() == Some(seat.invitation.room);
        self.visit_seat(seat, straight_in);
    }

    /// *Your rooms*, or a seat that was taken over: straight in, under the old name.
    pub(super) fn rejoin(self: &Rc<Self>, room: RoomId) {
        match storage::seat(room) {
            Some(seat) => {
                if route::current() != (route::Route::Room { room: room.to_string(), fragment: String::new() }) {
                    route::push(&format!("/r/{room}"));
                }
                self.visit_seat(seat, true);
            }
            None => self.follow_address(),
        }
    }

    /// Shows the lobby of a seat's room; `straight_in` joins at once, under the name that one has there.
    pub(super) fn visit_seat(self: &Rc<Self>, seat: SeatRecord, straight_in: bool) {
        let turn = self.turn_page();
        let lobby = Lobby {
            room: seat.invitation.room,
            name: seat.room_name.clone(),
            creating: seat.is_to_be_created(),
            inside: None,
            full: false,
            seated: seat.taken,
            joining: false,
            name_error: None,
            error: None,
            remember: seat.remember,
        };
        let name = seat.my_name.clone();
        if let Some(name) = &name {
            self.store.dispatch(Action::Named(name.clone()));
        }
        *self.visit.borrow_mut() = Some(Visit { seat, door: None });
        self.store.dispatch(Action::Show(Page::Lobby(lobby)));
        if straight_in && storage::muted() {
            self.store.dispatch(Action::MicrophoneMuted(true));
        }
        let preferences = self.store.state().preferences.clone();
        if preferences.join_with_microphone && !self.store.state().local.microphone.is_on() {
            self.media.start(Source::Microphone);
        }
        if preferences.join_with_camera && !self.store.state().local.camera.is_on() {
            self.media.start(Source::Camera);
        }
        match name {
            Some(name) if straight_in => self.join(name.as_str()),
            _ => self.go_to_the_door(turn),
        }
    }

    /// Makes ready what *Join* will use, and asks how the room is, so that a locked or dead one is told before a name is typed.
    /// A room that is yet to be created is nothing to ask about.
    fn go_to_the_door(self: &Rc<Self>, turn: u32) {
        let Some(seat) = self.visit.borrow().as_ref().map(|visit| visit.seat.clone()) else { return };
        let (this, room) = (self.clone(), seat.invitation.room);
        spawn(async move {
            let Some(mut door) = Door::of(&seat).await else { return };
            let seen = if seat.is_to_be_created() {
                None
            } else {
                peek::look(&door.socket, std::slice::from_ref(&seat)).await.and_then(|mut seen| seen.pop())
            };
            if !this.is_on_page(turn) {
                return;
            }
            this.store.greeted(&door.hello);
            let keys = door.room.clone();
            door.spare = Spare::new();
            if let Some(visit) = this.visit.borrow_mut().as_mut() {
                visit.door = Some(door);
            }
            let Some(Seen { glance, seated }) = seen else { return };
            match glance {
                Glance::Alive(glance) => {
                    let name = seal::open_room_name(keys.sealing(), room, &glance.name).ok();
                    if glance.locked && !seated && !seat.taken {
                        this.refuse(RefusalCode::RoomLocked, RefusalCode::RoomLocked.reason());
                        return;
                    }
                    let (present, locked, full) = (glance.present, glance.locked, glance.full);
                    this.store.dispatch(Action::Peeked { name, present, locked, full, seated });
                }
                Glance::Refused(refusal) => {
                    storage::note(seat, false);
                    this.refuse(refusal.code, &refusal.reason);
                }
            }
        });
    }

    fn refuse(self: &Rc<Self>, code: RefusalCode, sentence: &str) {
        match troubles::of_the_refusal(code, sentence) {
            Some(trouble) => {
                self.turn_page();
                self.media.stop_all();
                if code != RefusalCode::UnknownRoom {
                    storage::set_inside(None);
                }
                self.store.dispatch(Action::Show(Page::Trouble(trouble)));
            }
            None => self.store.dispatch(Action::JoinRefused(sentence.to_owned())),
        }
    }

    /// *Join* was clicked.
    pub(super) fn join(self: &Rc<Self>, name: &str) {
        let name: Username = match name.parse() {
            Ok(name) => name,
            Err(error) => {
                self.store.dispatch(Action::NameRefused(Some(error.to_string())));
                return;
            }
        };
        let already = matches!(&self.store.state().page, Page::Lobby(lobby) if lobby.joining);
        let Some(mut seat) = self.visit.borrow().as_ref().map(|visit| visit.seat.clone()) else { return };
        if already || self.session().is_some() {
            return;
        }
        if let Page::Lobby(lobby) = &self.store.state().page {
            seat.remember = lobby.remember;
        }
        let door = self.visit.borrow_mut().as_mut().and_then(|visit| visit.door.take());
        self.store.dispatch(Action::Joining);
        self.store.dispatch(Action::Named(name.clone()));
        storage::save_preferences(&self.store.state().preferences, Some(&name));
        let (this, turn, room) = (self.clone(), self.turn.get(), seat.invitation.room);
        let weak = Rc::downgrade(self);
        let on_over = Callback::from(move |why| {
            if let Some(this) = weak.upgrade() {
                this.session_over(room, why);
            }
        });
        let around = Surroundings {
            store: self.store.clone(),
            notices: self.notices.clone(),
            media: self.media.clone(),
            on_over,
        };
        spawn(async move {
            let (mut door, mut tries) = (door, TRIES);
            let outcome = loop {
                let outcome = Session::enter(around.clone(), seat.clone(), name.clone(), door.take()).await;
                let Err(EnterError::Refused(code, _)) = &outcome else { break outcome };
                match code {
                    // An earlier try came through, and its answer was lost: the seat is ours.
                    RefusalCode::RoomExists | RefusalCode::MemberTaken if !seat.taken => seat.taken = true,
                    // Our seat was released, to make room or by another tab, or the server forgot it: the invitation may give a new one.
                    RefusalCode::UnknownSeat if seat.taken => seat.renew(),
                    // A server that was restarted may know the room in a moment, by those who are inside.
                    RefusalCode::UnknownRoom if seat.taken => TimeoutFuture::new(PAUSE_MS).await,
                    _ => break outcome,
                }
                tries -= 1;
                if tries == 0 || !this.is_on_page(turn) {
                    break outcome;
                }
            };
            if !this.is_on_page(turn) {
                if let Ok(session) = outcome {
                    session.leave();
                }
                return;
            }
            match outcome {
                Ok(session) => {
                    this.turn_page();
                    *this.visit.borrow_mut() = Some(Visit { seat: session.seat(), door: None });
                    *this.session.borrow_mut() = Some(session);
                }
                Err(EnterError::Refused(code, sentence)) => this.refuse(code, &sentence),
                Err(EnterError::Unreachable) => {
                    this.store.dispatch(Action::JoinRefused(UNREACHABLE.to_owned()));
                }
            }
        });
    }

    /// Whether this machine is to remember the room.
    pub(super) fn remember(&self, remember: bool) {
        self.store.dispatch(Action::Remembered(remember));
        self.in_room(|session| session.remember(remember));
    }
}
