//! What every page has: notices, a word about a newer version.

use yew::prelude::*;

use crate::components::{Glyph, banner, click, icon_as, notices, theme_choice};
use crate::state::{Intent, State};

/// Around each page.
pub fn frame(state: &State, on_intent: &Callback<Intent>, page: Html) -> Html {
    html! {
        <>
            { notices(&state.notices, on_intent) }
            if state.update_ready {
                { banner("New version", Glyph::Warning, "The server has a newer version of this page.", Some(("Reload", click(on_intent, Intent::Reload)))) }
            }
            { page }
        </>
    }
}

/// A page outside of a room: the mark above, a line below. Pages of different names share no element.
pub fn sheet(name: &'static str, foot: &'static str, state: &State, on_intent: &Callback<Intent>, main: Html) -> Html {
    let page = html! {
            <div key={name} class="page">
                <header class="page__head">
                    <a class="brand" href="/" onclick={click(on_intent, Intent::GoHome)}>
                        { icon_as("icon brand__mark", Glyph::Cup) }{ "Klatch" }
                    </a>
                    { theme_choice(state.preferences.theme, true, on_intent) }
                </header>
                <main class="page__main">{ main }</main>
                <footer class="page__foot">
                    { foot }
                    { link("Imprint", &state.host.imprint) }
                    { link("Privacy", &state.host.privacy) }
                </footer>
            </div>
    };
    frame(state, on_intent, page)
}

/// To a page of the host's own.
fn link(label: &'static str, url: &Option<String>) -> Html {
    let Some(url) = url.clone() else { return Html::default() };
    html! { <a class="page__link" href={url} target="_blank" rel="noreferrer">{ label }</a> }
}
