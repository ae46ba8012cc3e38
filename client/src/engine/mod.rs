//! Carries out what a person wants, and tells the state what came of it.
//!
//! Where things are: `session` is a room that we are in, and drives the mesh; `rtc` is the only place that touches
//! `RTCPeerConnection`; `socket` is the broker; `media` and `capture` are microphone, camera and screen; `storage` is what this
//! machine remembers; `route` is the address bar; `store` holds the state.

mod capture;
mod clock;
mod door;
mod home;
mod late;
mod level;
mod lobby;
mod media;
mod notices;
mod peek;
mod peers;
mod route;
mod rtc;
mod sdp;
mod session;
mod socket;
mod stats;
mod storage;
mod store;
mod task;
mod troubles;
mod ways;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use klatch_shared::RoomId;
use klatch_shared::peer::Source;
use wasm_bindgen_futures::JsFuture;
use yew::Callback;

use crate::state::{Action, Capture, DeviceKind, Home, Intent, Page, Preferences, RoomAction, State, Tone};
use lobby::Visit;
use media::Media;
use notices::Notices;
use route::Route;
use session::{Over, Session};
use store::Store;

pub use level::Level;
pub(crate) use task::spawn;

/// The page's engine. One for each page load.
pub struct Engine {
    core: Rc<Core>,
}

/// What the engine's parts share.
struct Core {
    store: Rc<Store>,
    notices: Rc<Notices>,
    media: Rc<Media>,
    /// Whom we visit: set in the lobby and in the room.
    visit: RefCell<Option<Visit>>,
    session: RefCell<Option<Rc<Session>>>,
    /// Runs while the home page is shown.
    watching_rooms: RefCell<Option<Interval>>,
    /// Counts pages, so that an answer for a page that was left is dropped.
    turn: Cell<u32>,
    listeners: RefCell<Vec<EventListener>>,
}

impl Engine {
    /// Starts it; `listener` is told of each new state.
    pub fn start(listener: Callback<Rc<State>>) -> Self {
        let store = Rc::new(Store::new(listener));
        let notices = Notices::new(store.clone());
        let media = Media::new(store.clone(), notices.clone());
        let core = Rc::new(Core {
            store,
            notices,
            media,
            visit: RefCell::default(),
            session: RefCell::default(),
            watching_rooms: RefCell::default(),
            turn: Cell::new(0),
            listeners: RefCell::default(),
        });
        core.begin();
        Self { core }
    }

    /// The state as it is now.
    pub fn state(&self) -> Rc<State> {
        self.core.store.state()
    }

    /// Carries out what a person wants.
    pub fn intend(&self, intent: Intent) {
        self.core.intend(intent);
    }
}

impl Core {
    fn begin(self: &Rc<Self>) {
        let (preferences, name) = storage::load_preferences();
        self.store.dispatch(Action::Preferences(preferences));
        if let Some(name) = name {
            self.store.dispatch(Action::Named(name));
        }
        if let Some(window) = web_sys::window() {
            let weak = Rc::downgrade(self);
            let moved = EventListener::new(&window, "popstate", move |_| {
                if let Some(this) = weak.upgrade() {
                    this.follow_address();
                }
            });
            self.listeners.borrow_mut().push(moved);
        }
        match troubles::of_the_browser() {
            Some(trouble) => self.store.dispatch(Action::Show(Page::Trouble(trouble))),
            None => self.follow_address(),
        }
    }

    /// Shows what the address bar says.
    fn follow_address(self: &Rc<Self>) {
        let route = route::current();
        // Whoever puts the link of the room that they are in into the address bar is where they want to be.
        if let (Route::Room { room, .. }, Some(session)) = (&route, self.session())
            && session.is_of(room)
        {
            return session.hide_fragment();
        }
        self.leave_session();
        match route {
            Route::Home => self.show_home(),
            Route::Room { room, fragment } => self.visit_address(&room, &fragment),
        }
    }

    /// Another page: answers for the one before no longer matter.
    fn turn_page(&self) -> u32 {
        self.watching_rooms.borrow_mut().take();
        self.turn.set(self.turn.get().wrapping_add(1));
        self.turn.get()
    }

    fn is_on_page(&self, turn: u32) -> bool {
        self.turn.get() == turn
    }

    fn show_home(self: &Rc<Self>) {
        self.turn_page();
        self.visit.borrow_mut().take();
        self.media.stop_all();
        late::load();
        let code = storage::host_code().map(|code| code.reveal().to_owned()).unwrap_or_default();
        self.store.dispatch(Action::Show(Page::Home(Home { code, ..Home::default() })));
        self.watch_rooms();
    }

    fn session(&self) -> Option<Rc<Session>> {
        self.session.borrow().clone()
    }

    fn leave_session(&self) {
        let session = self.session.borrow_mut().take();
        if let Some(session) = session {
            session.leave();
            storage::set_inside(None);
        }
    }

    /// A session ended without our asking.
    fn session_over(self: &Rc<Self>, room: RoomId, why: Over) {
        self.session.borrow_mut().take();
        self.turn_page();
        storage::set_inside(None);
        self.media.stop_all();
        match why {
            Over::Elsewhere => {}
            Over::Ended | Over::Forgotten => storage::forget_seat(room),
            // Others may bring it back yet.
            Over::Gone => storage::seat(room).into_iter().for_each(|seat| storage::note(seat, false)),
        }
        // What was told of the room is over with it.
        for notice in &self.store.state().notices {
            self.store.dispatch(Action::Dismiss(notice.id));
        }
        self.store.dispatch(Action::Show(Page::Trouble(troubles::of_the_end(why, room))));
    }

    fn intend(self: &Rc<Self>, intent: Intent) {
        match intent {
            Intent::CreateRoom(name) => self.create_room(&name),
            Intent::TypeCode(code) => self.store.dispatch(Action::Code(code)),
            Intent::OpenInvitation(link) => self.open_invitation(&link),
            Intent::Rejoin(room) => self.rejoin(room),
            Intent::ForgetRoom(room) => self.forget_room(room),
            Intent::ForgetAllRooms => self.forget_all_rooms(),
            Intent::GoHome | Intent::Leave => {
                self.leave_session();
                route::push("/");
                self.show_home();
            }
            Intent::Join(name) => self.join(&name),
            Intent::JoinWithMicrophone(on) => {
                self.change_preferences(|p| p.join_with_microphone = on);
                if on { self.media.start(Source::Microphone) } else { self.media.stop(Source::Microphone) }
            }
            Intent::JoinWithCamera(on) => {
                self.change_preferences(|p| p.join_with_camera = on);
                if on { self.media.start(Source::Camera) } else { self.media.stop(Source::Camera) }
            }
            Intent::Remember(remember) => self.remember(remember),
            Intent::ToggleMicrophone => self.toggle_microphone(),
            Intent::ToggleCamera => self.toggle(Source::Camera),
            Intent::ToggleScreen => self.toggle(Source::Screen),
            Intent::Lock(locked) => self.in_room(|session| session.lock(locked)),
            Intent::EndRoom => self.in_room(Session::end_room),
            Intent::TogglePanel(panel) => self.store.dispatch(RoomAction::TogglePanel(panel)),
            Intent::Say(text) => match text.parse() {
                Ok(text) => self.in_room(|session| session.say_or_edit(text)),
                Err(klatch_shared::peer::BadChatText::Empty) => {
                    if self.store.state().room().is_some_and(|room| room.chat.editing.is_some()) {
                        let advice = "A message cannot be empty. Use “Delete” to take it back, or “Cancel” to leave it as it was.";
                        self.notices.say(Tone::Warning, advice);
                    }
                }
                Err(error @ klatch_shared::peer::BadChatText::TooLong) => {
                    self.notices.say(Tone::Error, error.to_string())
                }
            },
            Intent::Edit(message) => self.store.dispatch(RoomAction::Editing(message)),
            Intent::Delete(message) => self.in_room(|session| session.revise(message, None)),
            Intent::BringBack(message, text) => self.in_room(|session| session.revise(message, text.parse().ok())),
            Intent::KeepHistory(kept) => self.in_room(|session| session.keep_history(kept)),
            Intent::Rename(name) => self.rename(&name),
            Intent::Volume(member, sound, percent) => self.store.dispatch(RoomAction::Volume(member, sound, percent)),
            Intent::Mute(member, sound, muted) => self.store.dispatch(RoomAction::Muted(member, sound, muted)),
            Intent::Hide(member, hidden) => self.in_room(|session| session.hide_member(member, hidden)),
            Intent::Cut(member, cut) => self.in_room(|session| session.cut(member, cut)),
            Intent::PutOnStage(tile) => {
                self.store.dispatch(RoomAction::OnStage(tile));
                self.in_room(Session::tell_wants);
            }
            Intent::CopyLink => self.copy_link(),
            Intent::ShareLink => self.share_link(),
            Intent::AllowSound => self.store.dispatch(RoomAction::SoundBlocked(false)),
            Intent::SoundHeldBack => self.store.dispatch(RoomAction::SoundBlocked(true)),
            Intent::ChooseDevice(kind, id) => {
                self.change_preferences(|p| match kind {
                    DeviceKind::Microphone => p.microphone = id,
                    DeviceKind::Camera => p.camera = id,
                    DeviceKind::Speaker => p.speaker = id,
                });
                self.media.device_chosen(kind);
            }
            Intent::RelayOnly(on) => {
                self.change_preferences(|p| p.relay_only = on);
                self.in_room(Session::check_relay);
            }
            Intent::ChooseTheme(theme) => self.change_preferences(|p| p.theme = theme),
            Intent::DismissNotice(id) => self.store.dispatch(Action::Dismiss(id)),
            Intent::Reload => {
                if let Some(window) = web_sys::window() {
                    let _ = window.location().reload();
                }
            }
        }
    }

    fn in_room(&self, act: impl FnOnce(&Session)) {
        if let Some(session) = self.session() {
            act(&session);
        }
    }

    fn change_preferences(&self, change: impl FnOnce(&mut Preferences)) {
        let state = self.store.state();
        let mut preferences = state.preferences.clone();
        change(&mut preferences);
        storage::save_preferences(&preferences, state.name.as_ref());
        self.store.dispatch(Action::Preferences(preferences));
    }

    fn toggle_microphone(&self) {
        let local = self.store.state().local.clone();
        match local.microphone {
            Capture::On(_) => self.media.mute(!local.microphone_muted),
            Capture::Off | Capture::Failed(_) => {
                self.media.mute(false);
                self.media.start(Source::Microphone);
            }
            Capture::Starting => {}
        }
    }

    fn toggle(&self, source: Source) {
        match self.store.state().local_capture(source) {
            Capture::On(_) | Capture::Starting => self.media.stop(source),
            Capture::Off | Capture::Failed(_) => self.media.start(source),
        }
    }

    fn rename(&self, name: &str) {
        match name.parse::<klatch_shared::Username>() {
            Ok(name) => {
                storage::save_preferences(&self.store.state().preferences, Some(&name));
                self.store.dispatch(Action::Named(name.clone()));
                self.in_room(|session| session.rename(name));
            }
            Err(error) => self.notices.say(Tone::Error, error.to_string()),
        }
    }

    fn copy_link(&self) {
        let Some(link) = self.store.state().room().map(|room| room.link.clone()) else { return };
        let Some(window) = web_sys::window() else { return };
        let notices = self.notices.clone();
        spawn(async move {
            match JsFuture::from(window.navigator().clipboard().write_text(&link)).await {
                Ok(_) => {
                    notices.say(Tone::News, "The invitation link is copied. Send it to whom you want to see here.")
                }
                Err(_) => notices.say(Tone::Error, "The link could not be copied. Select it and copy it by hand."),
            }
        });
    }

    fn share_link(&self) {
        let state = self.store.state();
        let (Some(room), Some(window)) = (state.room(), web_sys::window()) else { return };
        let data = web_sys::ShareData::new();
        data.set_title(room.name.as_str());
        data.set_url(&room.link);
        let promise = window.navigator().share_with_data(&data);
        spawn(async move {
            // Closing the share sheet is an error to the browser and none to us.
            let _ = JsFuture::from(promise).await;
        });
    }
}

/// Whether nobody looks: what only pleases the eye rests then.
pub(crate) fn page_is_hidden() -> bool {
    web_sys::window().and_then(|window| window.document()).is_some_and(|document| document.hidden())
}

/// Whether the system has a share sheet.
fn can_share() -> bool {
    web_sys::window().is_some_and(|window| {
        js_sys::Reflect::get(&window.navigator(), &"share".into()).is_ok_and(|share| share.is_function())
    })
}
