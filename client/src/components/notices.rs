//! What is to be read in passing: said to screen readers, shown at the top for a while.

use yew::prelude::*;

use super::attribute::click;
use super::dom::document;
use super::icon::{Glyph, icon, icon_as};
use crate::state::{Intent, Notice, Tone};

/// They are put into the `role=status` of index.html, which outlives the pages: a live region that comes along with its
/// words is often not read.
pub fn notices(notices: &[Notice], on_intent: &Callback<Intent>) -> Html {
    let lines = html! { <>{ for notices.iter().map(|notice| line(notice, on_intent)) }</> };
    match document().and_then(|document| document.get_element_by_id("notices")) {
        Some(host) => create_portal(lines, host),
        None => html! { <div class="notices" role="status" aria-label="Notices" aria-live="polite">{ lines }</div> },
    }
}

fn line(notice: &Notice, on_intent: &Callback<Intent>) -> Html {
    let (class, glyph) = match notice.tone {
        Tone::News => ("notice notice--news", Glyph::Check),
        Tone::Warning => ("notice notice--warning", Glyph::Warning),
        Tone::Error => ("notice notice--error", Glyph::Warning),
    };
    html! {
        <div key={notice.id} {class}>
            { icon_as("icon notice__mark", glyph) }
            <p class="notice__text">{ notice.text.clone() }</p>
            <button type="button" class="notice__dismiss" aria-label="Dismiss" onclick={click(on_intent, Intent::DismissNotice(notice.id))}>
                { icon(Glyph::Close) }
            </button>
        </div>
    }
}
