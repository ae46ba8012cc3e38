//! Something went wrong: what happened, what it means, what to do.

use yew::prelude::*;

use super::frame::sheet;
use crate::components::{Glyph, click, icon};
use crate::state::{Intent, State, Trouble};

/// The page of a trouble.
pub fn trouble_page(trouble: &Trouble, state: &State, on_intent: &Callback<Intent>) -> Html {
    let main = html! {
        <section class="card trouble" role="alert">
            <span class="trouble__mark" aria-hidden="true">{ icon(Glyph::Warning) }</span>
            <h1 class="trouble__title">{ &trouble.title }</h1>
            <p class="lead">{ &trouble.advice }</p>
            <div class="row row--centre">
                if let Some((label, intent)) = trouble.remedy.clone() {
                    <button type="button" class="button button--main button--tall" onclick={click(on_intent, intent)}>{ label }</button>
                }
                <a class="button button--quiet button--tall" href="/" onclick={click(on_intent, Intent::GoHome)}>{ "To the start page" }</a>
            </div>
        </section>
    };
    sheet("trouble", "Rooms are kept by nobody: when they are gone, they are gone.", state, on_intent, main)
}
