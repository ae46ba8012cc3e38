//! The one place that holds the state: actions in, a new state out to the page.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use klatch_shared::wire::Hello;
use yew::Callback;

use crate::state::{Action, Devices, Home, Host, LocalMedia, Page, Preferences, State};

/// Holds the state and tells the root component of each new one.
pub struct Store {
    state: RefCell<Rc<State>>,
    listener: Callback<Rc<State>>,
    telling: Cell<Telling>,
}

/// Whether the page is told of new states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    Now,
    Later,
    /// There is something to tell later.
    Owed,
}

impl Store {
    /// A store with an empty home page.
    pub fn new(listener: Callback<Rc<State>>) -> Self {
        let state = State {
            page: Page::Home(Home::default()),
            name: None,
            rooms: Rc::default(),
            preferences: Preferences::default(),
            devices: Devices::default(),
            local: LocalMedia::default(),
            notices: Vec::new(),
            served: None,
            update_ready: false,
            host: Rc::default(),
        };
        Self { state: RefCell::new(Rc::new(state)), listener, telling: Cell::new(Telling::Now) }
    }

    /// The state as it is now.
    pub fn state(&self) -> Rc<State> {
        self.state.borrow().clone()
    }

    /// Takes in who runs the broker, and which page it serves: another than the first time is a newer one.
    pub fn greeted(&self, hello: &Hello) {
        if let Some(page) = hello.client {
            self.dispatch(Action::Served(page));
        }
        self.dispatch(Action::Hosted(Host::of(hello)));
    }

    /// Changes the state; an action that changes nothing tells nobody.
    pub fn dispatch(&self, action: impl Into<Action>) {
        self.take_in(action.into());
    }

    /// Tells the page nothing until [`Store::tell_now`]: drawing would hold up what is more urgent.
    pub fn tell_later(&self) {
        if self.telling.get() == Telling::Now {
            self.telling.set(Telling::Later);
        }
    }

    /// Tells the page what it was not told, and everything from now on.
    pub fn tell_now(&self) {
        if self.telling.replace(Telling::Now) == Telling::Owed {
            self.listener.emit(self.state());
        }
    }

    fn take_in(&self, action: Action) {
        let old = self.state();
        let new = old.reduce(action);
        if new != *old {
            let new = Rc::new(new);
            *self.state.borrow_mut() = new.clone();
            match self.telling.get() {
                Telling::Now => self.listener.emit(new),
                Telling::Later | Telling::Owed => self.telling.set(Telling::Owed),
            }
        }
    }
}
