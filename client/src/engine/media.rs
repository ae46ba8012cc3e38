//! What we capture: switched on and off here, shown in the state, handed to the session.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use klatch_shared::peer::{Sends, Source};
use web_sys::{MediaStreamTrack, MediaStreamTrackState};
use yew::Callback;

use super::capture::{self, Captured};
use super::level::Level;
use super::notices::Notices;
use super::store::Store;
use super::task::spawn;
use super::{page_is_hidden, storage};
use crate::state::{Action, Capture, DeviceKind, Tone};

/// How often our own loudness is looked at.
const LISTEN_MS: u32 = 200;
/// Louder than this is speech, not the room.
const SPEECH: f64 = 0.015;
/// Looks for which a speaker is still shown as speaking after the last sound.
const HANG: u32 = 4;

/// What we capture.
pub(super) struct Media {
    store: Rc<Store>,
    notices: Rc<Notices>,
    microphone: RefCell<Option<Captured>>,
    camera: RefCell<Option<Captured>>,
    screen: RefCell<Option<Captured>>,
    /// Told when what we send changes.
    changed: RefCell<Callback<()>>,
    listening: RefCell<Option<Interval>>,
    devices_changed: RefCell<Option<EventListener>>,
}

impl Media {
    /// Nothing is captured yet; devices are watched.
    pub(super) fn new(store: Rc<Store>, notices: Rc<Notices>) -> Rc<Self> {
        let this = Rc::new(Self {
            store,
            notices,
            microphone: RefCell::default(),
            camera: RefCell::default(),
            screen: RefCell::default(),
            changed: RefCell::new(Callback::noop()),
            listening: RefCell::default(),
            devices_changed: RefCell::default(),
        });
        this.watch_devices();
        this
    }

    /// Who is told when what we send changes.
    pub(super) fn on_change(&self, changed: Callback<()>) {
        *self.changed.borrow_mut() = changed;
    }

    fn slot(&self, source: Source) -> &RefCell<Option<Captured>> {
        match source {
            Source::Microphone => &self.microphone,
            Source::Camera => &self.camera,
            Source::Screen | Source::ScreenSound => &self.screen,
        }
    }

    /// The live track of a source.
    pub(super) fn track(&self, source: Source) -> Option<MediaStreamTrack> {
        self.slot(source).borrow().as_ref().and_then(|captured| captured.track(source))
    }

    fn is_live(&self, source: Source) -> bool {
        self.track(source).is_some_and(|track| track.ready_state() == MediaStreamTrackState::Live)
    }

    /// What others may expect.
    pub(super) fn sends(&self) -> Sends {
        let live = |source| self.track(source).is_some();
        Sends {
            microphone: live(Source::Microphone) && !self.store.state().local.microphone_muted,
            camera: live(Source::Camera),
            screen: live(Source::Screen),
            screen_sound: live(Source::ScreenSound),
        }
    }

    /// Switches a source on, with the chosen device.
    pub(super) fn start(self: &Rc<Self>, source: Source) {
        match self.store.state().local_capture(source) {
            Capture::Starting => return,
            Capture::On(_) => {}
            Capture::Off | Capture::Failed(_) => self.store.dispatch(Action::Captured(source, Capture::Starting)),
        }
        let this = self.clone();
        spawn(async move { this.start_now(source).await });
    }

    async fn start_now(self: Rc<Self>, source: Source) {
        let ended = {
            let weak = Rc::downgrade(&self);
            Callback::from(move |()| {
                if let Some(this) = weak.upgrade() {
                    this.ended(source);
                }
            })
        };
        let preferences = self.store.state().preferences.clone();
        let outcome = match source {
            Source::Microphone => capture::microphone(preferences.microphone.as_deref(), ended).await.map(Some),
            Source::Camera => capture::camera(preferences.camera.as_deref(), ended).await.map(Some),
            Source::Screen | Source::ScreenSound => capture::screen(ended).await,
        };
        if !matches!(self.store.state().local_capture(source), Capture::Starting | Capture::On(_)) {
            // Switched off while the browser was asking.
            return;
        }
        match outcome {
            Ok(Some(captured)) => {
                let stream = Clone::clone(&captured.stream);
                *self.slot(source).borrow_mut() = Some(captured);
                self.store.dispatch(Action::Captured(source, Capture::On(stream)));
                if source == Source::Microphone {
                    self.apply_mute();
                    self.listen();
                }
                // Names of devices are told only after permission.
                self.clone().refresh_devices(false);
            }
            Ok(None) => self.store.dispatch(Action::Captured(source, Capture::Off)),
            // Another device was wanted and can't be had: the one that works goes on.
            Err(sentence) if self.is_live(source) => self.notices.say(Tone::Error, sentence),
            Err(sentence) => {
                self.slot(source).borrow_mut().take();
                self.notices.say(Tone::Error, sentence.clone());
                self.store.dispatch(Action::Captured(source, Capture::Failed(sentence)));
            }
        }
        self.tell();
    }

    /// Switches a source off.
    pub(super) fn stop(&self, source: Source) {
        self.slot(source).borrow_mut().take();
        if source == Source::Microphone {
            self.listening.borrow_mut().take();
            self.store.dispatch(Action::Speaking(false));
            self.remember_mute(false);
        }
        self.store.dispatch(Action::Captured(source, Capture::Off));
        self.tell();
    }

    /// Switches everything off.
    pub(super) fn stop_all(&self) {
        for source in [Source::Microphone, Source::Camera, Source::Screen] {
            if *self.store.state().local_capture(source) != Capture::Off {
                self.stop(source);
            }
        }
    }

    /// Mutes or unmutes ourselves.
    pub(super) fn mute(&self, muted: bool) {
        self.remember_mute(muted);
        self.apply_mute();
        self.tell();
    }

    fn remember_mute(&self, muted: bool) {
        storage::set_muted(muted);
        self.store.dispatch(Action::MicrophoneMuted(muted));
    }

    fn apply_mute(&self) {
        if let Some(track) = self.track(Source::Microphone) {
            track.set_enabled(!self.store.state().local.microphone_muted);
        }
    }

    /// A track ended by itself: a device was unplugged, or the person stopped sharing from the browser's own bar.
    fn ended(self: &Rc<Self>, source: Source) {
        match source {
            Source::Microphone => {
                self.notices.say(Tone::Warning, "Your microphone was unplugged or taken. Trying another one.");
                self.start(Source::Microphone);
            }
            Source::Camera => {
                self.notices.say(Tone::Warning, "Your camera was unplugged or taken. It is off now.");
                self.stop(Source::Camera);
            }
            Source::Screen | Source::ScreenSound => {
                self.notices.say(Tone::News, "Your screen is no longer shared.");
                self.stop(Source::Screen);
            }
        }
    }

    fn tell(&self) {
        let changed = self.changed.borrow().clone();
        changed.emit(());
    }

    /// Another device was chosen: what runs with the old one starts anew with it.
    pub(super) fn device_chosen(self: &Rc<Self>, kind: DeviceKind) {
        let source = match kind {
            DeviceKind::Microphone => Source::Microphone,
            DeviceKind::Camera => Source::Camera,
            DeviceKind::Speaker => return,
        };
        if self.store.state().local_capture(source).is_on() {
            self.start(source);
        }
    }

    fn watch_devices(self: &Rc<Self>) {
        self.clone().refresh_devices(false);
        let Some(devices) = capture::media_devices() else { return };
        let weak = Rc::downgrade(self);
        let listener = EventListener::new(&devices, "devicechange", move |_| {
            if let Some(this) = weak.upgrade() {
                this.refresh_devices(true);
            }
        });
        *self.devices_changed.borrow_mut() = Some(listener);
    }

    fn refresh_devices(self: Rc<Self>, announce: bool) {
        spawn(async move {
            let new = capture::devices().await;
            let old = self.store.state().devices.clone();
            if announce {
                let lists =
                    |d: &crate::state::Devices| [d.microphones.clone(), d.cameras.clone(), d.speakers.clone()].concat();
                let (before, after) = (lists(&old), lists(&new));
                if let Some(device) = after.iter().find(|device| !before.iter().any(|known| known.id == device.id)) {
                    self.notices
                        .say(Tone::News, format!("{} is connected. Choose it in Settings to use it.", device.label));
                } else if let Some(device) =
                    before.iter().find(|known| !after.iter().any(|device| device.id == known.id))
                {
                    self.notices.say(Tone::Warning, format!("{} was unplugged.", device.label));
                }
            }
            self.store.dispatch(Action::Devices(new));
        });
    }

    /// Watches our own loudness for the speaking mark; rests while the tab is hidden.
    fn listen(self: &Rc<Self>) {
        let level = self.microphone.borrow().as_ref().and_then(|captured| Level::of(&captured.stream));
        let Some(level) = level else { return };
        let weak = Rc::downgrade(self);
        let hang = Cell::new(0);
        let interval = Interval::new(LISTEN_MS, move || {
            let Some(this) = weak.upgrade().filter(|_| !page_is_hidden()) else { return };
            let heard = this.store.state().local.is_heard() && level.read() > SPEECH;
            hang.set(if heard { HANG } else { hang.get().saturating_sub(1) });
            this.store.dispatch(Action::Speaking(hang.get() > 0));
        });
        *self.listening.borrow_mut() = Some(interval);
    }
}
