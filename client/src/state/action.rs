//! What happened: the only way in which [`State`] changes.

use std::rc::Rc;

use klatch_mesh::Health;
use klatch_shared::limits::MAX_SEATS;
use klatch_shared::peer::{Sends, Source};
use klatch_shared::{ClientHash, MemberId, MessageId, RoomName, Username};
use web_sys::MediaStream;

use super::{
    BrokerLink, Capture, Chat, Conduct, Devices, Host, KnownRoom, Line, Loudness, Member, Notice, Page, Panel, Path,
    Preferences, Receipt, Revision, Room, Sound, State, TileId,
};

/// A fact for the page.
#[derive(Clone, PartialEq)]
pub enum Action {
    /// Another page is shown.
    Show(Page),
    /// Home: what is wrong with what was typed.
    NameRefused(Option<String>),
    /// Home: what is wrong with what was pasted.
    LinkRefused(Option<String>),
    /// Home: the host's code is being typed.
    Code(String),
    /// Home: what is wrong with it.
    CodeRefused(String),
    /// The rooms with a seat of ours.
    Rooms(Vec<KnownRoom>),
    /// The name used last.
    Named(Username),
    /// Choices changed.
    Preferences(Preferences),
    /// Devices came or went.
    Devices(Devices),
    /// Something is captured, or not any more: microphone, camera or screen.
    Captured(Source, Capture),
    /// We muted ourselves, or not.
    MicrophoneMuted(bool),
    /// We speak, or not.
    Speaking(bool),
    /// Lobby: the room's name and who is inside.
    Peeked {
        /// The name, if it opened.
        name: Option<RoomName>,
        /// Members inside.
        present: u32,
        /// Locked for new seats.
        locked: bool,
        /// No place for a new seat.
        full: bool,
        /// Whether our seat from before is still ours.
        seated: bool,
    },
    /// Lobby: the answer is awaited.
    Joining,
    /// Lobby: it did not work.
    JoinRefused(String),
    /// Lobby or room: remember it or not.
    Remembered(bool),
    /// Something in the room that we are in; nothing elsewhere.
    Room(RoomAction),
    /// Something to read in passing.
    Notice(Notice),
    /// It was read, or its time is over.
    Dismiss(u32),
    /// The server said hello, and which page it serves.
    Served(ClientHash),
    /// It said something of who runs it.
    Hosted(Host),
}

/// A fact for the room's page.
#[derive(Clone, PartialEq)]
pub enum RoomAction {
    /// The members anew, in order; what is known of each is kept.
    Members(Vec<Member>),
    /// Our own name and label.
    Myself(Username, String),
    /// How a link is.
    Health(MemberId, Health),
    /// How a path is.
    Path(MemberId, Option<Path>),
    /// What a member sends.
    Sends(MemberId, Sends),
    /// What is received from a member.
    Received(MemberId, Source, Option<MediaStream>),
    /// A member speaks, or not.
    MemberSpeaking(MemberId, bool),
    /// Loudness.
    Volume(MemberId, Sound, u16),
    /// Muted by us.
    Muted(MemberId, Sound, bool),
    /// Hidden by us.
    Hidden(MemberId, bool),
    /// How a member behaves.
    Conduct(MemberId, Conduct),
    /// Locked or not.
    Locked(bool),
    /// A panel was toggled.
    TogglePanel(Panel),
    /// What is on the stage.
    OnStage(Option<TileId>),
    /// A line for the log, or a message that was revised.
    Line(Line),
    /// Our message arrived.
    Receipt(MessageId, Receipt),
    /// A member's seat was released.
    Released(MemberId),
    /// A message is kept no longer.
    LetGo(MemberId, MessageId),
    /// This message of ours is being edited, or none.
    Editing(Option<MessageId>),
    /// Whether who comes is told what was said before.
    KeepsHistory(bool),
    /// Sound is held back, or not any more.
    SoundBlocked(bool),
    /// The broker's socket.
    Broker(BrokerLink),
}

impl From<RoomAction> for Action {
    fn from(action: RoomAction) -> Self {
        Self::Room(action)
    }
}

/// Notices that are shown at once.
const MAX_NOTICES: usize = 4;

impl State {
    /// The state after `action`.
    #[must_use]
    pub fn reduce(&self, action: Action) -> Self {
        let mut state = self.clone();
        state.apply(action);
        state
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::Show(page) => self.page = page,
            Action::NameRefused(error) => match &mut self.page {
                Page::Home(home) => home.name_error = error,
                Page::Lobby(lobby) => lobby.name_error = error,
                Page::Room(_) | Page::Trouble(_) => {}
            },
            Action::LinkRefused(error) => {
                if let Page::Home(home) = &mut self.page {
                    home.link_error = error;
                }
            }
            Action::Code(code) => {
                if let Page::Home(home) = &mut self.page {
                    home.code = code;
                }
            }
            Action::CodeRefused(error) => {
                if let Page::Home(home) = &mut self.page {
                    home.code_error = Some(error);
                }
            }
            Action::Rooms(rooms) => self.rooms = Rc::new(rooms),
            Action::Named(name) => self.name = Some(name),
            Action::Preferences(preferences) => self.preferences = preferences,
            Action::Devices(devices) => self.devices = devices,
            Action::Captured(source, capture) => match source {
                Source::Microphone => self.local.microphone = capture,
                Source::Camera => self.local.camera = capture,
                Source::Screen | Source::ScreenSound => self.local.screen = capture,
            },
            Action::MicrophoneMuted(muted) => self.local.microphone_muted = muted,
            Action::Speaking(speaking) => self.local.speaking = speaking,
            Action::Peeked { name, present, locked, full, seated } => {
                if let Page::Lobby(lobby) = &mut self.page {
                    lobby.name = name.or(lobby.name.take());
                    lobby.inside = Some((present, locked));
                    lobby.full = full;
                    lobby.seated = seated;
                }
            }
            Action::Joining => {
                if let Page::Lobby(lobby) = &mut self.page {
                    lobby.joining = true;
                    (lobby.name_error, lobby.error) = (None, None);
                }
            }
            Action::JoinRefused(reason) => {
                if let Page::Lobby(lobby) = &mut self.page {
                    lobby.joining = false;
                    lobby.error = Some(reason);
                }
            }
            Action::Remembered(remember) => match &mut self.page {
                Page::Lobby(lobby) => lobby.remember = remember,
                Page::Room(room) => room.remembered = remember,
                Page::Home(_) | Page::Trouble(_) => {}
            },
            Action::Notice(notice) => {
                self.notices.retain(|known| known.text != notice.text);
                if self.notices.len() == MAX_NOTICES {
                    self.notices.remove(0);
                }
                self.notices.push(notice);
            }
            Action::Dismiss(id) => self.notices.retain(|notice| notice.id != id),
            Action::Served(page) => self.update_ready |= *self.served.get_or_insert(page) != page,
            Action::Hosted(host) => self.host = Rc::new(host),
            Action::Room(action) => {
                if let Page::Room(room) = &mut self.page {
                    room.apply(action);
                }
            }
        }
    }

    /// How capturing a source stands.
    pub fn local_capture(&self, source: Source) -> &Capture {
        match source {
            Source::Microphone => &self.local.microphone,
            Source::Camera => &self.local.camera,
            Source::Screen | Source::ScreenSound => &self.local.screen,
        }
    }

    /// The chosen speaker, while it is there: without it, sound comes from the system's default.
    pub fn speaker(&self) -> Option<String> {
        let chosen = self.preferences.speaker.as_ref()?;
        self.devices.speakers.iter().any(|speaker| speaker.id == *chosen).then(|| chosen.clone())
    }

    /// The room that we are in.
    pub fn room(&self) -> Option<&Room> {
        match &self.page {
            Page::Room(room) => Some(room),
            Page::Home(_) | Page::Lobby(_) | Page::Trouble(_) => None,
        }
    }
}

impl Room {
    /// A member who is here.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id).map(Rc::as_ref)
    }

    /// What was said by those who are not hidden.
    pub fn read_chat(&self) -> Rc<Chat> {
        if self.hidden.is_empty() { self.chat.clone() } else { Rc::new(self.chat.without(&self.hidden)) }
    }

    fn with(&mut self, id: MemberId, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.iter_mut().find(|member| member.id == id) {
            change(Rc::make_mut(member));
        }
    }

    fn apply(&mut self, action: RoomAction) {
        match action {
            RoomAction::Members(members) => {
                let known = std::mem::take(&mut self.members);
                for old in &known {
                    self.loudness.retain(|(id, _)| *id != old.id);
                    if old.loudness != Loudness::default() {
                        self.loudness.push((old.id, old.loudness));
                    }
                }
                self.loudness.drain(..self.loudness.len().saturating_sub(MAX_SEATS));
                let before = |id| self.loudness.iter().find(|(known, _)| *known == id).map(|(_, loudness)| *loudness);
                self.members = members
                    .into_iter()
                    .map(|new| match known.iter().find(|old| old.id == new.id) {
                        Some(old) => Rc::new(Member { label: new.label, initial: new.initial, ..Member::clone(old) }),
                        None => Rc::new(Member {
                            hidden: self.hidden.contains(&new.id),
                            loudness: before(new.id).unwrap_or_default(),
                            ..new
                        }),
                    })
                    .collect();
                self.forget_empty_stage();
            }
            RoomAction::Myself(name, label) => {
                self.me.name = name;
                self.me.label = label;
            }
            RoomAction::Health(id, health) => self.with(id, |member| member.health = health),
            RoomAction::Path(id, path) => self.with(id, |member| member.path = path),
            RoomAction::Sends(id, sends) => {
                self.with(id, |member| member.sends = sends);
                self.forget_empty_stage();
            }
            RoomAction::Received(id, source, stream) => self.with(id, |member| match source {
                Source::Microphone => member.microphone = stream,
                Source::Camera => member.camera = stream,
                Source::Screen => member.screen = stream,
                Source::ScreenSound => member.screen_sound = stream,
            }),
            RoomAction::MemberSpeaking(id, speaking) => self.with(id, |member| member.speaking = speaking),
            RoomAction::Volume(id, sound, percent) => self.with(id, |member| match sound {
                Sound::Voice => member.loudness.volume = percent.min(200),
                Sound::Screen => member.loudness.screen_volume = percent.min(200),
            }),
            RoomAction::Muted(id, sound, muted) => self.with(id, |member| match sound {
                Sound::Voice => member.loudness.muted = muted,
                Sound::Screen => member.loudness.screen_muted = muted,
            }),
            RoomAction::Hidden(id, hidden) => {
                self.hidden.retain(|known| *known != id);
                if hidden {
                    self.hidden.push(id);
                }
                self.with(id, |member| member.hidden = hidden);
            }
            RoomAction::Conduct(id, conduct) => self.with(id, |member| {
                member.conduct = conduct;
                if conduct.is_apart() {
                    member.health = Health::Failed;
                }
            }),
            RoomAction::Locked(locked) => self.locked = locked,
            RoomAction::TogglePanel(panel) => {
                self.panel = if self.panel == Some(panel) { None } else { Some(panel) };
                if self.panel == Some(Panel::Chat) {
                    Rc::make_mut(&mut self.chat).unread = 0;
                }
            }
            RoomAction::OnStage(tile) => self.on_stage = tile,
            RoomAction::Line(line) => {
                let chat = Rc::make_mut(&mut self.chat);
                if let Line::Said(said) = &line {
                    let is_read = said.own || self.panel == Some(Panel::Chat) || self.hidden.contains(&said.author());
                    if !is_read && said.is_news && chat.said(said.author(), said.id()).is_none() {
                        chat.unread += 1;
                    }
                    if said.own && said.revision == Revision::Deleted && chat.editing == Some(said.id()) {
                        chat.editing = None;
                    }
                }
                chat.put(line);
            }
            RoomAction::Receipt(message, receipt) => {
                let me = self.me.id;
                Rc::make_mut(&mut self.chat).received(me, message, receipt);
            }
            RoomAction::Released(member) => Rc::make_mut(&mut self.chat).released(member),
            RoomAction::LetGo(author, message) => {
                Rc::make_mut(&mut self.chat).let_go(author, message, author == self.me.id);
            }
            RoomAction::Editing(message) => Rc::make_mut(&mut self.chat).editing = message,
            RoomAction::KeepsHistory(kept) => self.keeps_history = kept,
            RoomAction::SoundBlocked(blocked) => self.sound_blocked = blocked,
            RoomAction::Broker(link) => self.broker = link,
        }
    }

    /// Somebody whom the person had put on the stage went, or stopped sharing: the page chooses again.
    fn forget_empty_stage(&mut self) {
        let gone = match self.on_stage {
            Some(TileId::Person(id)) => id != self.me.id && self.member(id).is_none(),
            Some(TileId::Screen(id)) => id != self.me.id && !self.member(id).is_some_and(|member| member.sends.screen),
            None => false,
        };
        if gone {
            self.on_stage = None;
        }
    }
}
