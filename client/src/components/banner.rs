//! A line across the page that stays while it is true.

use yew::prelude::*;

use super::icon::{Glyph, icon};

/// A line, named for those who jump from part to part, and what can be done.
pub fn banner(
    label: &'static str,
    glyph: Glyph,
    text: &'static str,
    action: Option<(&'static str, Callback<MouseEvent>)>,
) -> Html {
    html! {
        <section class="banner" aria-label={label}>
            { icon(glyph) }
            <p class="banner__text">{ text }</p>
            if let Some((words, onclick)) = action {
                <button type="button" class="button button--small" {onclick}>{ words }</button>
            }
        </section>
    }
}
