//! The pages: state in, intents out.

mod frame;
mod home;
mod lobby;
mod room;
mod trouble;
mod your_rooms;

use std::rc::Rc;

use yew::prelude::*;

use crate::state::{Intent, Page, State};
use home::home_page;
use lobby::LobbyPage;
use room::RoomPage;
use trouble::trouble_page;

/// The page that the state is at.
pub fn page(state: &Rc<State>, on_intent: &Callback<Intent>) -> Html {
    match &state.page {
        Page::Home(home) => home_page(home, state, on_intent),
        Page::Lobby(_) => html! { <LobbyPage state={state.clone()} on_intent={on_intent.clone()} /> },
        Page::Room(_) => html! { <RoomPage state={state.clone()} on_intent={on_intent.clone()} /> },
        Page::Trouble(trouble) => trouble_page(trouble, state, on_intent),
    }
}
