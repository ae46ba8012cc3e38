//! Settings in the room: name, devices, colours, and the end of it.

use yew::prelude::*;

use super::attribute::click;
use super::choice::theme_choice;
use super::devices::device_choices;
use super::entry::Entry;
use super::panel::PanelFrame;
use super::switch::switch;
use crate::state::{Intent, Panel, Room, State};

/// The panel.
pub fn settings_panel(room: &Room, state: &State, on_intent: &Callback<Intent>) -> Html {
    let relay_only = state.preferences.relay_only;
    html! {
        <PanelFrame key="settings" panel={Panel::Settings} on_intent={on_intent.clone()}>
            <div class="panel__body">
                <Entry id="new-name" label="Your name" button="Change name" class="button" name=true
                    initial={room.me.name.as_str().to_owned()} on_enter={on_intent.reform(Intent::Rename)} />
                { device_choices(state, on_intent, Html::default()) }
                { theme_choice(state.preferences.theme, false, on_intent) }
                <div>
                    { switch("Relay only", relay_only, click(on_intent, Intent::RelayOnly(!relay_only))) }
                    <p class="hint">{ "From the next connection on, others don’t see your network address. Needs a relay." }</p>
                </div>
                { switch("Remember this room", room.remembered, click(on_intent, Intent::Remember(!room.remembered))) }
                if room.creator {
                    { end_room(on_intent) }
                }
            </div>
        </PanelFrame>
    }
}

/// In two steps: it is for everybody, and for good. The browser itself shows and hides the second one.
fn end_room(on_intent: &Callback<Intent>) -> Html {
    html! {
        <div class="end">
            <button type="button" class="button button--danger" popovertarget="end-room">{ "End room for everyone" }</button>
            <div class="end__asked card" id="end-room" popover="auto">
                <p>{ "Everybody is put out, and the room and its link are gone for good." }</p>
                <div class="row">
                    <button type="button" class="button button--danger-fill" onclick={click(on_intent, Intent::EndRoom)}>{ "End it now" }</button>
                    <button type="button" class="button" popovertarget="end-room" popovertargetaction="hide">{ "Keep it" }</button>
                </div>
            </div>
        </div>
    }
}
