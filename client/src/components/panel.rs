//! What stands beside the stage, or comes up from below on a phone.

use yew::prelude::*;

use super::attribute::click;
use super::dom::{focus, focus_goes_with, focus_id, is_covered};
use super::effect::{Undo, use_change_of};
use super::icon::{Glyph, icon};
use crate::state::{Intent, Panel};

/// Each panel wants a key of its own: another panel is another frame, which takes the keyboard.
#[derive(Properties, PartialEq)]
pub struct Props {
    pub panel: Panel,
    pub on_intent: Callback<Intent>,
    /// Takes the keyboard when it opens; else the heading does.
    #[prop_or_default]
    pub first: Option<NodeRef>,
    pub children: Html,
}

#[component]
pub fn PanelFrame(props: &Props) -> Html {
    let panel = props.panel;
    let (title, opener) = titles(panel);
    let heading = use_node_ref();
    {
        let first = props.first.clone().unwrap_or_else(|| heading.clone());
        let take = move || -> Undo {
            focus(&first);
            // With the panel goes what it holds of the keyboard; where a click put it, it stays.
            Box::new(move || {
                if focus_goes_with(".panel") {
                    focus_id(opener);
                }
            })
        };
        use_change_of(Vec::new(), Box::new(take));
    }
    let onkeydown = {
        let on_intent = props.on_intent.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Escape" && !is_covered() {
                event.prevent_default();
                on_intent.emit(Intent::TogglePanel(panel));
            }
        })
    };
    let onclick = click(&props.on_intent, Intent::TogglePanel(panel));
    html! {
        <aside class="panel" aria-label={title} {onkeydown}>
            <header class="panel__head">
                <h2 class="panel__title" ref={heading} tabindex="-1">{ title }</h2>
                <button type="button" class="mini panel__close" aria-label="Close panel" {onclick}>
                    { icon(Glyph::Close) }
                </button>
            </header>
            { props.children.clone() }
        </aside>
    }
}

/// A panel's title, and the id of the toolbar's button that opens it: the keyboard goes back there.
pub fn titles(panel: Panel) -> (&'static str, &'static str) {
    match panel {
        Panel::Chat => ("Chat", "tool-chat"),
        Panel::People => ("People", "tool-people"),
        Panel::Invite => ("Invite", "tool-invite"),
        Panel::Settings => ("Settings", "tool-settings"),
    }
}
