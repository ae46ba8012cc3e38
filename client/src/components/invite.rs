//! The invitation link: copy it, or share it where the system can.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::attribute::click;
use super::icon::{Glyph, icon};
use super::panel::PanelFrame;
use super::switch::switch;
use crate::state::{Intent, Panel, Room};

/// The panel.
pub fn invite_panel(room: &Room, on_intent: &Callback<Intent>) -> Html {
    let select = |event: FocusEvent| event.target_unchecked_into::<HtmlInputElement>().select();
    html! {
        <PanelFrame key="invite" panel={Panel::Invite} on_intent={on_intent.clone()}>
            <div class="panel__body">
                <p>{ "Whoever has this link can come in. It holds the key to the room, so send it only to those who belong here." }</p>
                <div class="field">
                    <label class="field__label" for="invitation">{ "Invitation link" }</label>
                    <input class="input input--code" id="invitation" type="text" dir="ltr" readonly=true value={room.link.clone()} onfocus={select} />
                </div>
                <div class="row">
                    <button type="button" class="button button--main" onclick={click(on_intent, Intent::CopyLink)}>{ "Copy link" }</button>
                    if room.can_share {
                        <button type="button" class="button" onclick={click(on_intent, Intent::ShareLink)}>
                            { icon(Glyph::Share) }{ "Share" }
                        </button>
                    }
                </div>
                if room.locked {
                    <p class="hint">{ icon(Glyph::Lock) }{ "The room is locked: nobody new gets in with this link until it is unlocked." }</p>
                }
                if room.creator {
                    { switch("Newcomers can read earlier messages", room.keeps_history, click(on_intent, Intent::KeepHistory(!room.keeps_history))) }
                }
                <p class="hint">{ if room.keeps_history {
                    "Whoever joins can read what was said in the chat before they came."
                } else {
                    "Whoever joins reads only what is said in the chat from then on."
                } }</p>
            </div>
        </PanelFrame>
    }
}
