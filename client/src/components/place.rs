//! Where one is: the window's title, and the keyboard's place, once one page gives way to another.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlElement;
use yew::prelude::*;

use super::dom::{can_hover, document, focus_id};
use super::effect::{nothing, use_change_of};
use crate::state::Page;

/// Names the page in the window's title. Whoever uses the keyboard, or hears the page, begins at its heading; before joining at the
/// name, unless that would bring up a keyboard on the screen.
#[hook]
pub fn use_place(page: &Page) {
    let room = match page {
        Page::Room(room) => Some(&room.name),
        Page::Lobby(lobby) => lobby.name.as_ref(),
        Page::Home(_) | Page::Trouble(_) => None,
    };
    let title = room.map_or(String::new(), |name| name.as_str().to_owned() + " – ") + "Klatch";
    let values = vec![JsValue::from_str(&title)];
    let name = move || {
        if let Some(document) = document() {
            document.set_title(&title);
        }
        nothing()
    };
    use_change_of(values, Box::new(name));
    let is_first = use_mut_ref(|| true);
    let is_lobby = matches!(page, Page::Lobby(_));
    let begin = move || {
        let is_first = is_first.replace(false);
        if is_lobby && can_hover() {
            // What was focused while the page loaded is focused again after this.
            focus_id("your-name");
        } else if !is_first
            && let Some(heading) = document().and_then(|document| document.query_selector("h1").ok().flatten())
        {
            // An attribute of a plain name on an element that is there can be set.
            let _ = heading.set_attribute("tabindex", "-1");
            let _ = heading.unchecked_into::<HtmlElement>().focus();
        }
        nothing()
    };
    let kind = match page {
        Page::Home(_) => 0,
        Page::Lobby(_) => 1,
        Page::Room(_) => 2,
        Page::Trouble(_) => 3,
    };
    use_change_of(vec![JsValue::from(kind)], Box::new(begin));
}
