//! Before joining: a name, a look in the mirror, the devices.

use std::rc::Rc;
use std::str::FromStr;

use klatch_shared::Username;
use yew::prelude::*;

use super::frame::sheet;
use crate::components::meter::LevelMeter;
use crate::components::playback::Video;
use crate::components::{Field, Glyph, Role, Tool, click, device_choices, error_line, focus_id, icon, switch};
use crate::state::{Capture, Intent, Lobby, Page, State};

/// See [`LobbyPage`].
#[derive(Properties, PartialEq)]
pub struct LobbyProps {
    /// All of it; nothing is shown while the page is another.
    pub state: Rc<State>,
    /// What a person wants.
    pub on_intent: Callback<Intent>,
}

/// The page before a room.
#[component]
pub fn LobbyPage(props: &LobbyProps) -> Html {
    let LobbyProps { state, on_intent } = props;
    let typed = use_state_eq(|| None::<String>);
    let Page::Lobby(lobby) = &state.page else { return Html::default() };
    let known = state.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default();
    let name = (*typed).clone().unwrap_or(known);
    let onsubmit = {
        let (name, on_intent, joining) = (name.clone(), on_intent.clone(), lobby.joining);
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if Username::from_str(&name).is_err() {
                focus_id("your-name");
            }
            if !joining {
                on_intent.emit(Intent::Join(name.clone()));
            }
        })
    };
    let on_input = Callback::from(move |text: String| typed.set(Some(text)));
    let title = lobby.name.as_ref().map_or("A room to join", |name| name.as_str()).to_owned();
    let described_by = lobby.error.as_ref().map(|_| "join-error");
    let relay_only = state.preferences.relay_only;
    let switches = html! {
        <div class="devices__switches">
            { switch("Remember this room", lobby.remember, click(on_intent, Intent::Remember(!lobby.remember))) }
            { switch("Relay only", relay_only, click(on_intent, Intent::RelayOnly(!relay_only))) }
        </div>
    };
    let main = html! {
        <form class="lobby" {onsubmit}>
            { preview(&name, state, on_intent) }
            <div class="lobby__form">
                <div>
                    { chips(lobby) }
                    <h1 class="lobby__title" dir="auto">{ title }</h1>
                </div>
                { Field { autocomplete: "nickname", error: lobby.name_error.clone(), ..Field::new("your-name", "Your name", name, on_input) }.view() }
                { heard(&state.local.microphone) }
                { device_choices(state, on_intent, switches) }
                <div class="lobby__join">
                    { error_line(AttrValue::Static("join-error"), lobby.error.clone()) }
                    <button type="submit" class="button button--main button--join" disabled={lobby.joining}
                        aria-busy={lobby.joining.then_some("true")} aria-describedby={described_by}>{ "Join" }</button>
                </div>
            </div>
        </form>
    };
    sheet("lobby", "You can join without microphone and camera, and switch them on later.", state, on_intent, main)
}

/// How many are inside, and whether one gets in.
fn chips(lobby: &Lobby) -> Html {
    let inside = match lobby.inside {
        Some((0, _)) => Some("nobody inside yet".to_owned()),
        Some((present, _)) => Some(present.to_string() + " inside"),
        None if lobby.creating => Some("a new room".to_owned()),
        None => None,
    };
    let locked = lobby.inside.is_some_and(|(_, locked)| locked);
    html! {
        <p class="chips">
            if let Some(inside) = inside {
                <span class="chip">{ inside }</span>
            }
            if lobby.full {
                <span class="chip">{ "full" }</span>
            }
            if locked {
                <span class="chip">{ icon(Glyph::Lock) }{ if lobby.seated { "locked, you have a seat" } else { "locked for newcomers" } }</span>
            }
        </p>
    }
}

/// How the others will see us.
fn preview(name: &str, state: &State, on_intent: &Callback<Intent>) -> Html {
    let (mic, camera) = (state.preferences.join_with_microphone, state.preferences.join_with_camera);
    let words = match &state.local.camera {
        Capture::On(_) => "",
        Capture::Starting => "Starting the camera…",
        Capture::Off => "Your camera is off",
        Capture::Failed(why) => why.as_str(),
    };
    let source = |label, glyph, on: bool, capture: &Capture, intent| {
        let (busy, alert) = (matches!(capture, Capture::Starting), on && matches!(capture, Capture::Failed(_)));
        Tool {
            busy,
            alert,
            class: "tool tool--source",
            ..Tool::new(label, glyph, Role::Switches(on), click(on_intent, intent))
        }
        .view()
    };
    html! {
        <div class="preview">
            if let Some(stream) = state.local.camera.stream() {
                <Video stream={Clone::clone(stream)} mirrored=true label="Your camera" class="preview__video" />
            } else {
                <span class="avatar avatar--large" aria-hidden="true">
                    { Username::from_str(name).map_or("?".to_owned(), |name| name.initial().to_owned()) }
                </span>
                <p class="preview__words">{ words.to_owned() }</p>
            }
            <div class="preview__bar">
                { source("Join with microphone", if mic { Glyph::Mic } else { Glyph::MicOff }, mic, &state.local.microphone,
                    Intent::JoinWithMicrophone(!mic)) }
                { source("Join with camera", if camera { Glyph::Camera } else { Glyph::CameraOff }, camera, &state.local.camera,
                    Intent::JoinWithCamera(!camera)) }
            </div>
        </div>
    }
}

/// Whether the microphone hears anything.
fn heard(microphone: &Capture) -> Html {
    match microphone {
        Capture::On(stream) => html! {
            <div class="heard"><LevelMeter stream={Clone::clone(stream)} /><span class="hint">{ "Say something: the bars follow." }</span></div>
        },
        Capture::Starting => html! { <p class="heard hint">{ "Asking for the microphone…" }</p> },
        Capture::Off => {
            html! { <p class="heard hint">{ "Your microphone is off. You can listen, write and watch." }</p> }
        }
        Capture::Failed(why) => html! {
            <p class="heard hint hint--warning">{ icon(Glyph::Warning) }<span>{ why.clone() }</span></p>
        },
    }
}
