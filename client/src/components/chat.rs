//! The chat: what was said, and a field to say more.

use std::cell::RefCell;
use std::rc::Rc;

use klatch_shared::peer::ChatText;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use super::attribute::click;
use super::chat_log::{chat_log, use_follow};
use super::dom::can_hover;
use super::icon::{Glyph, icon};
use super::panel::PanelFrame;
use crate::state::{Chat, Intent, Panel};

/// What was typed and not sent: it outlives the panel.
#[derive(Clone, Default)]
pub struct Draft(Rc<RefCell<String>>);

impl PartialEq for Draft {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

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
        use_effect_with(editing, move |_| {
            if let Some(field) = field.cast::<HtmlTextAreaElement>() {
                match chat.edited() {
                    Some(said) => {
                        field.set_value(&said.text);
                        let _ = field.focus();
                    }
                    None => field.set_value(&draft.0.borrow()),
                }
            }
        });
    }
    let send = {
        let (field, draft, on_intent) = (field.clone(), props.draft.clone(), props.on_intent.clone());
        move || {
            let Some(field) = field.cast::<HtmlTextAreaElement>() else { return };
            let text = field.value();
            // What cannot be said stays, to be mended.
            if text.parse::<ChatText>().is_ok() && editing.is_none() {
                field.set_value("");
                draft.0.borrow_mut().clear();
            }
            on_intent.emit(Intent::Say(text));
            let _ = field.focus();
        }
    };
    let oninput = {
        let draft = props.draft.clone();
        Callback::from(move |event: InputEvent| {
            if editing.is_none() {
                *draft.0.borrow_mut() = event.target_unchecked_into::<HtmlTextAreaElement>().value();
            }
        })
    };
    let onkeydown = {
        let (send, chat, on_intent) = (send.clone(), props.chat.clone(), props.on_intent.clone());
        Callback::from(move |event: KeyboardEvent| {
            let is_empty = || event.target_unchecked_into::<HtmlTextAreaElement>().value().is_empty();
            let intent = match event.key().as_str() {
                // It also ends a word in an input method: that one is not ours.
                "Enter" if !event.shift_key() && !event.is_composing() => None,
                "Escape" if editing.is_some() => Some(Intent::Edit(None)),
                "ArrowUp" if editing.is_none() && is_empty() => match chat.latest_own() {
                    Some(said) => Some(Intent::Edit(Some(said.id()))),
                    None => return,
                },
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            match intent {
                Some(intent) => on_intent.emit(intent),
                None => send(),
            }
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
                    <button type="button" class="act" onclick={click(&props.on_intent, Intent::Edit(None))}>{ "Cancel" }</button>
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
