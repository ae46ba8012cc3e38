//! The root component: it holds the state and the engine, and picks the page.

use std::rc::Rc;

use yew::prelude::*;

use crate::components::{use_place, use_theme};
use crate::engine::Engine;
use crate::pages::page;
use crate::state::{Intent, State};

/// Mounts the app into the element `#app`, in place of what stood there while loading.
pub fn mount() {
    let root =
        web_sys::window().and_then(|window| window.document()).and_then(|document| document.get_element_by_id("app"));
    if let Some(root) = root {
        root.set_text_content(None);
        yew::Renderer::<App>::with_root(root).render();
    }
}

/// The root: the engine tells it of each new state.
#[component]
pub fn App() -> Html {
    let state = use_state_eq(|| None::<Rc<State>>);
    let engine = {
        let state = state.setter();
        use_memo((), move |()| Engine::start(Callback::from(move |new| state.set(Some(new)))))
    };
    let on_intent = {
        let engine = engine.clone();
        use_callback((), move |intent: Intent, ()| engine.intend(intent))
    };
    let state = state.as_ref().cloned().unwrap_or_else(|| engine.state());
    use_theme(state.preferences.theme);
    use_place(&state.page);
    page(&state, &on_intent)
}
