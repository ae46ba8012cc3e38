//! Attribute values and handlers that several parts need, each compiled once.

use klatch_mesh::Health;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::state::{Intent, Path};

/// `aria-…` wants words.
pub fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// A block's classes: the base, and those modifiers that hold.
pub fn modified(base: &'static str, modifiers: &[(&'static str, bool)]) -> Classes {
    let mut classes = Classes::from(base);
    for (modifier, holds) in modifiers {
        if *holds {
            classes.push(*modifier);
        }
    }
    classes
}

/// `data-state` of a member's tile.
pub fn data_state(health: Health) -> &'static str {
    match health {
        Health::Connecting => "connecting",
        Health::Connected => "connected",
        Health::Interrupted => "interrupted",
        Health::Failed => "failed",
    }
}

/// `data-path` of a member's tile: once connected, how.
pub fn data_path(health: Health, path: Option<Path>) -> Option<&'static str> {
    match (health, path) {
        (Health::Connected, Some(Path::Direct)) => Some("direct"),
        (Health::Connected, Some(Path::Relay)) => Some("relay"),
        (Health::Connected, None) | (Health::Connecting | Health::Interrupted | Health::Failed, _) => None,
    }
}

/// The class with a member's hue.
pub fn hue_class(hue: u8) -> &'static str {
    const CLASSES: [&str; 12] =
        ["hue-0", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5", "hue-6", "hue-7", "hue-8", "hue-9", "hue-10", "hue-11"];
    CLASSES[usize::from(hue) % CLASSES.len()]
}

/// A click that wants this, whatever else it was.
pub fn click(on_intent: &Callback<Intent>, intent: Intent) -> Callback<MouseEvent> {
    on_intent.reform(move |event: MouseEvent| {
        event.prevent_default();
        intent.clone()
    })
}

/// What stands in a field after each key.
pub fn typed(on_input: Callback<String>) -> Callback<InputEvent> {
    on_input.reform(|event: InputEvent| event.target_unchecked_into::<HtmlInputElement>().value())
}

/// Two texts as one.
pub fn join(before: &str, after: &str) -> AttrValue {
    let mut text = String::with_capacity(before.len() + after.len());
    text.push_str(before);
    text.push_str(after);
    text.into()
}
