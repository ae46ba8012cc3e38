//! The chat: what was said, and a field to say more.

use std::rc::Rc;

use klatch_shared::peer::ChatText;
use wasm_bindgen::JsValue;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use super::chat_log::{chat_log, use_follow};
use super::dom::{can_hover, focus};
use super::draft::Draft;
use super::effect::{nothing, use_change_of};
use super::icon::{Glyph, icon};
use super::panel::PanelFrame;
use crate::state::{Chat, Intent, Panel};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub chat: Rc<Chat>,
    pub draft: Draft,
    pub on_intent: Callback<Intent>,
}

#[component]
pub fn ChatPanel(props: &Props) -> Html {
    let field = use_node_ref();
    let log = use_node_ref();
    let onscroll = use_follow(&log);
    let editing = props.chat.editing;
    {
        let (field, draft, chat) = (field.clone(), props.draft.clone(), props.chat.clone());
        let fill = move || {
            if let Some(field) = field.cast::<HtmlTextAreaElement>() {
                field.set_value(&draft.text(&chat));
                if editing.is_some() {
                    let _ = field.focus();
                }
            }
            nothing()
        };
        use_change_of(vec![JsValue::from(editing.map(|id| id.to_string()))], Box::new(fill));
    }
    let send = {
        let (field, draft, on_intent) = (field.clone(), props.draft.clone(), props.on_intent.clone());
        move || {
            let Some(field) = field.cast::<HtmlTextAreaElement>() else { return };
            let text = field.value();
            // What cannot be said stays, to be mended.
            if text.parse::<ChatText>().is_ok() {
                draft.done(editing);
                if editing.is_none() {
                    field.set_value("");
                }
            }
            on_intent.emit(Intent::Say(text));
            let _ = field.focus();
        }
    };
    let oninput = {
        let draft = props.draft.clone();
        Callback::from(move |event: InputEvent| {
            draft.typed(editing, event.target_unchecked_into::<HtmlTextAreaElement>().value());
        })
    };
    let give_up = {
        let (field, draft, on_intent) = (field.clone(), props.draft.clone(), props.on_intent.clone());
        move || {
            draft.done(editing);
            on_intent.emit(Intent::Edit(None));
            focus(&field);
        }
    };
    let onkeydown = {
        let (send, give_up, chat, on_intent) =
            (send.clone(), give_up.clone(), props.chat.clone(), props.on_intent.clone());
        Callback::from(move |event: KeyboardEvent| {
            let is_empty = || event.target_unchecked_into::<HtmlTextAreaElement>().value().is_empty();
            match event.key().as_str() {
                // It also ends a word in an input method: that one is not ours.
                "Enter" if !event.shift_key() && !event.is_composing() => send(),
                "Escape" if editing.is_some() => give_up(),
                "ArrowUp" if editing.is_none() && is_empty() => match chat.latest_own() {
                    Some(said) => on_intent.emit(Intent::Edit(Some(said.id()))),
                    None => return,
                },
                _ => return,
            }
            event.prevent_default();
            event.stop_propagation();
        })
    };
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        send();
    });
    html! {
        <PanelFrame key="chat" panel={Panel::Chat} on_intent={props.on_intent.clone()} first={can_hover().then(|| field.clone())}>
            { chat_log(&props.chat, log, onscroll, &props.on_intent) }
            if editing.is_some() {
                <p class="composer__editing">
                    { "Editing your message" }
                    <button type="button" class="act" onclick={Callback::from(move |_: MouseEvent| give_up())}>{ "Cancel" }</button>
                </p>
            }
            <form class="composer" {onsubmit}>
                <textarea ref={field} class="input composer__field" rows="1" dir="auto" aria-label="Message" placeholder="Message"
                    enterkeyhint="send" autocomplete="off" {oninput} {onkeydown} />
                <button type="submit" class="button button--main composer__send" aria-label="Send" title="Send">
                    { icon(Glyph::Send) }
                </button>
            </form>
        </PanelFrame>
    }
}
