//! The colours that were chosen, told to the document.

use wasm_bindgen::JsValue;
use yew::prelude::*;

use super::dom::document;
use super::effect::{nothing, use_change_of};
use crate::state::Theme;

/// The paper of each theme, for the browser's own bars: as in tokens.css.
const PAPER: [(&str, &str); 2] = [("theme-color-light", "#f7f3ec"), ("theme-color-dark", "#171412")];

/// Keeps `data-theme`, `color-scheme` and `theme-color` at what was chosen.
#[hook]
pub fn use_theme(theme: Theme) {
    let tell = move || {
        apply(theme);
        nothing()
    };
    use_change_of(vec![JsValue::from(theme as u8)], Box::new(tell));
}

fn apply(theme: Theme) {
    let forced = match theme {
        Theme::System => None,
        Theme::Light => Some("light"),
        Theme::Dark => Some("dark"),
    };
    if let Some(root) = document().and_then(|document| document.document_element()) {
        // An attribute of a plain name on an element that is there can be set.
        let _ = match forced {
            Some(word) => root.set_attribute("data-theme", word),
            None => root.remove_attribute("data-theme"),
        };
    }
    set_content("color-scheme", forced.unwrap_or("light dark"));
    for (id, paper) in PAPER {
        let shown =
            PAPER.iter().find(|(id, _)| forced.is_some_and(|word| id.ends_with(word))).map_or(paper, |found| found.1);
        set_content(id, shown);
    }
}

fn set_content(id: &str, content: &str) {
    if let Some(meta) = document().and_then(|document| document.get_element_by_id(id)) {
        let _ = meta.set_attribute("content", content);
    }
}
