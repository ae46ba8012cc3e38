//! The one place that holds the state: actions in, a new state out to the page.

use std::cell::RefCell;
use std::rc::Rc;

use yew::Callback;

use crate::state::{Action, Devices, Home, LocalMedia, Page, Preferences, State};

/// Holds the state and tells the root component of each new one.
pub struct Store {
    state: RefCell<Rc<State>>,
    listener: Callback<Rc<State>>,
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
            update_ready: false,
        };
        Self { state: RefCell::new(Rc::new(state)), listener }
    }

    /// The state as it is now.
    pub fn state(&self) -> Rc<State> {
        self.state.borrow().clone()
    }

    /// Changes the state; an action that changes nothing tells nobody.
    pub fn dispatch(&self, action: impl Into<Action>) {
        self.take_in(action.into());
    }

    fn take_in(&self, action: Action) {
        let old = self.state();
        let new = old.reduce(action);
        if new != *old {
            let new = Rc::new(new);
            *self.state.borrow_mut() = new.clone();
            self.listener.emit(new);
        }
    }
}
