//! Home: create a room, open an invitation, go back to a room.

use yew::prelude::*;

use super::frame::sheet;
use super::your_rooms::your_rooms;
use crate::components::{Entry, Field};
use crate::state::{Home, Intent, State};

/// The home page.
pub fn home_page(home: &Home, state: &State, on_intent: &Callback<Intent>) -> Html {
    let foot = "Calls and chat go from browser to browser. This server passes on what it cannot read.";
    let main = html! {
        <div class="home">
            <section class="home__start">
                <h1 class="home__title">{ "A room for the few of you, and nobody else." }</h1>
                <p class="lead">{ "Talk, show your screen and chat straight from browser to browser. No account: a link and a name. The room is gone when you are." }</p>
                if state.host.wants_code {
                    { host_code(home, on_intent) }
                }
                <Entry id="room-name" label="Room name" button="Create room" class="button button--tall button--main"
                    placeholder="Sunday breakfast" error={home.name_error.clone()} on_enter={on_intent.reform(Intent::CreateRoom)} />
                <Entry id="link" label="Invitation link" button="Open" class="button button--tall" code=true
                    placeholder="https://…" error={home.link_error.clone()} on_enter={on_intent.reform(Intent::OpenInvitation)} />
            </section>
            { if state.rooms.is_empty() { how_it_works() } else { your_rooms(&state.rooms, on_intent) } }
        </div>
    };
    sheet("home", foot, state, on_intent, main)
}

/// It stands before the name, so that passwords' managers don't take that for the name of an account.
fn host_code(home: &Home, on_intent: &Callback<Intent>) -> Html {
    Field {
        autocomplete: "current-password",
        error: home.code_error.clone(),
        code: true,
        secret_of: Some("room-name-form"),
        ..Field::new("host-code", "Host code", home.code.clone(), on_intent.reform(Intent::TypeCode))
    }
    .view()
}

/// For those who are here for the first time.
fn how_it_works() -> Html {
    html! {
        <section class="card steps" aria-labelledby="steps-title">
            <h2 class="card__title" id="steps-title">{ "How it works" }</h2>
            <ol class="steps__list">
                <li class="steps__item"><p><b>{ "Name a room." }</b>{ " It exists from the moment you step in." }</p></li>
                <li class="steps__item"><p><b>{ "Send its link." }</b>{ " It holds the key, which never reaches the server." }</p></li>
                <li class="steps__item"><p><b>{ "Talk." }</b>{ " When all are gone for a while, so is the room." }</p></li>
            </ol>
        </section>
    }
}
