//! The pages with made-up states, for looking at them: no engine, no broker, no devices.
//!
//! Built only with the feature `gallery`, which nothing that ships has:
//!
//! ```sh
//! trunk build --release --features gallery --dist /tmp/gallery
//! ```
//!
//! Serve that folder and choose a state by the query: `page` = `home`, `first` (no rooms yet), `lobby`, `denied`, `room` or
//! `trouble`; `theme` = `light`, `dark`; in the room `members` = 0 to 11 others, `screens` = 0 to 3, `cameras=1`, `panel` = `chat`,
//! `people`, `invite`, `settings`; `notices` = 0 to 3; `bad=1` shows what goes wrong; `code=1` has
//! the home page ask for a host's code. Clicks do what the state alone can do.

mod example;
mod query;

use std::rc::Rc;

use yew::prelude::*;

use crate::components::use_theme;
use crate::pages::page;
use crate::state::{Action, Conduct, Intent, RoomAction, State};
use query::Query;

/// Mounts the gallery in place of the app.
pub fn mount() {
    if let Some(root) =
        web_sys::window().and_then(|window| window.document()).and_then(|document| document.get_element_by_id("app"))
    {
        yew::Renderer::<Gallery>::with_root(root).render();
    }
}

#[component]
fn Gallery() -> Html {
    let state = use_state(|| Rc::new(example::state(&Query::of_page())));
    let on_intent = {
        let state = state.clone();
        Callback::from(move |intent: Intent| {
            if let Some(action) = outcome(&state, intent) {
                state.set(Rc::new(state.reduce(action)));
            }
        })
    };
    let state = (*state).clone();
    use_theme(state.preferences.theme);
    page(&state, &on_intent)
}

/// What an intent comes to where nothing but the state is there.
fn outcome(state: &State, intent: Intent) -> Option<Action> {
    let room = |action: RoomAction| Some(Action::Room(action));
    match intent {
        Intent::TogglePanel(panel) => room(RoomAction::TogglePanel(panel)),
        Intent::PutOnStage(tile) => room(RoomAction::OnStage(tile)),
        Intent::Volume(id, sound, percent) => room(RoomAction::Volume(id, sound, percent)),
        Intent::Mute(id, sound, muted) => room(RoomAction::Muted(id, sound, muted)),
        Intent::Hide(id, hidden) => room(RoomAction::Hidden(id, hidden)),
        Intent::Cut(id, cut) => room(RoomAction::Conduct(id, if cut { Conduct::Cut } else { Conduct::Good })),
        Intent::Lock(locked) => room(RoomAction::Locked(locked)),
        Intent::Remember(remember) => Some(Action::Remembered(remember)),
        Intent::DismissNotice(id) => Some(Action::Dismiss(id)),
        Intent::ToggleMicrophone => Some(Action::MicrophoneMuted(!state.local.microphone_muted)),
        Intent::ChooseTheme(theme) => {
            Some(Action::Preferences(crate::state::Preferences { theme, ..state.preferences.clone() }))
        }
        Intent::Edit(message) => room(RoomAction::Editing(message)),
        Intent::KeepHistory(kept) => room(RoomAction::KeepsHistory(kept)),
        Intent::Say(text) => room(RoomAction::Line(example::said(text))),
        _ => None,
    }
}
