//! The rooms with a seat of ours.

use yew::prelude::*;

use crate::components::{Glyph, click, icon, join};
use crate::state::{Intent, KnownRoom};

/// The list, and a way to forget it.
pub fn your_rooms(rooms: &[KnownRoom], on_intent: &Callback<Intent>) -> Html {
    html! {
        <section class="card rooms">
            <header class="rooms__head">
                <h2 class="card__title">{ "Your rooms" }</h2>
                <button type="button" class="button button--quiet button--small" onclick={click(on_intent, Intent::ForgetAllRooms)}>{ "Forget all" }</button>
            </header>
            <ul class="rooms__list" role="list" aria-label="Your rooms">
                { for rooms.iter().map(|room| row(room, on_intent)) }
            </ul>
        </section>
    }
}

/// The whole row is one link; its button beside it.
fn row(room: &KnownRoom, on_intent: &Callback<Intent>) -> Html {
    let id = room.room;
    let rejoin = {
        let on_intent = on_intent.clone();
        Callback::from(move |event: MouseEvent| {
            // With a key held, the browser opens a tab or a window: let it.
            if !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.button() != 0) {
                event.prevent_default();
                on_intent.emit(Intent::Rejoin(id));
            }
        })
    };
    let id_text = id.to_string();
    let forget_label = join("Forget ", room.name.as_str());
    let status = join("room-", &id_text);
    let dot = if room.present > 0 { "dot dot--live" } else { "dot" };
    html! {
        <li key={id_text.clone()} class="rooms__row">
            <span class={dot} aria-hidden="true"></span>
            <div class="rooms__what">
                <a class="rooms__link" href={join("/r/", &id_text)} aria-describedby={status.clone()} onclick={rejoin}>
                    <bdi>{ room.name.as_str().to_owned() }</bdi>
                </a>
                <p class="rooms__status" id={status}>
                    if room.locked { { icon(Glyph::Lock) } }
                    { describe(room) }
                </p>
            </div>
            <span class="rooms__go" aria-hidden="true">{ "Rejoin" }</span>
            <button type="button" class="mini rooms__forget" aria-label={forget_label.clone()} title={forget_label} onclick={click(on_intent, Intent::ForgetRoom(id))}>
                { icon(Glyph::Close) }
            </button>
        </li>
    }
}

fn describe(room: &KnownRoom) -> String {
    let mut words = match (room.present, room.minutes_left) {
        (0, Some(minutes)) => "empty, ".to_owned() + &minutes.to_string() + " min left",
        (0, None) => "empty".to_owned(),
        (present, _) => present.to_string() + " inside",
    };
    if room.locked {
        words.push_str(" · locked, you have a seat");
    }
    words
}
