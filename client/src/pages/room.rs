//! In the room: the stage, the toolbar, a panel beside.

use std::rc::Rc;

use yew::prelude::*;

use super::frame::frame;
use crate::components::{
    ChatPanel, Draft, Glyph, banner, click, icon, invite_panel, people_panel, settings_panel, stage, toolbar,
};
use crate::state::{BrokerLink, Intent, Panel, Room, State};

/// See [`RoomPage`].
#[derive(Properties, PartialEq)]
pub struct RoomProps {
    /// All of it; nothing is shown while the page is another.
    pub state: Rc<State>,
    /// What a person wants.
    pub on_intent: Callback<Intent>,
}

/// The room's page.
#[component]
pub fn RoomPage(props: &RoomProps) -> Html {
    let RoomProps { state, on_intent } = props;
    let draft = use_state(Draft::default);
    let seen = use_mut_ref(Vec::new);
    let Some(room) = state.room() else { return Html::default() };
    let panel = room.panel.map(|panel| match panel {
        Panel::Chat => {
            html! { <ChatPanel chat={room.read_chat()} draft={(*draft).clone()} on_intent={on_intent.clone()} /> }
        }
        Panel::People => people_panel(room, &state.local, on_intent),
        Panel::Invite => invite_panel(room, on_intent),
        Panel::Settings => settings_panel(room, state, on_intent),
    });
    let page = html! {
            <div class={if panel.is_some() { "room room--panel" } else { "room" }}>
                { top(room) }
                <main class="room__main">
                    { stage(room, state, &mut seen.borrow_mut(), on_intent) }
                </main>
                <div class="room__notes">
                    if let Some(words) = trouble_with(room.broker) {
                        { banner("Server", Glyph::Warning, words, None) }
                    }
                    if room.sound_blocked {
                        { banner("Sound", Glyph::VolumeOff, "Your browser holds the sound back.", Some(("Click to hear", click(on_intent, Intent::AllowSound)))) }
                    }
                </div>
                <section class="room__tools" aria-label="Call">{ toolbar(room, &state.local, on_intent) }</section>
                { panel.unwrap_or_default() }
            </div>
    };
    frame(state, on_intent, page)
}

fn trouble_with(broker: BrokerLink) -> Option<&'static str> {
    match broker {
        BrokerLink::Up => None,
        BrokerLink::Lost => {
            Some("The server is out of reach. Your call goes on; newcomers can’t join until it is back.")
        }
        BrokerLink::Forgetful => Some(
            "The server was restarted and has lost this room. Your call goes on, but nobody can join it: create a new room for that.",
        ),
    }
}

/// The room's name and what is to be known of it.
fn top(room: &Room) -> Html {
    let hidden = room.members.iter().filter(|member| member.hidden).count();
    html! {
        <header class="room__top">
            <h1 class="room__name" dir="auto">{ room.name.as_str().to_owned() }</h1>
            if room.locked {
                <span class={if room.creator { "chip chip--told" } else { "chip" }}>
                    { icon(Glyph::Lock) }<span class="chip__word">{ "Locked" }</span>
                </span>
            }
            <span class="chip">{ (room.members.len() + 1).to_string() + " here" }</span>
            if hidden > 0 {
                <span class="chip chip--extra">{ icon(Glyph::EyeOff) }{ hidden.to_string() + " hidden" }</span>
            }
        </header>
    }
}
