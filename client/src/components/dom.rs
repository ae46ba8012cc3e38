//! The few things that Yew has no words for.

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlElement, KeyboardEvent};
use yew::{NodeRef, TargetCast};

/// The document, which a page always has.
pub fn document() -> Option<Document> {
    web_sys::window().and_then(|window| window.document())
}

/// Puts the keyboard there.
pub fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        // Only an element that is gone can't be focused.
        let _ = element.focus();
    }
}

/// Puts the keyboard at the element of this id, if it is there.
pub fn focus_id(id: &str) {
    if let Some(element) = document().and_then(|document| document.get_element_by_id(id)) {
        let _ = element.unchecked_into::<HtmlElement>().focus();
    }
}

/// Whether a mouse is there: where not, a focused field brings up a keyboard over half the page.
pub fn can_hover() -> bool {
    web_sys::window()
        .and_then(|window| window.match_media("(hover: hover)").ok().flatten())
        .is_some_and(|query| query.matches())
}

/// Whether the keyboard is nowhere, or in what `selector` names and is about to go.
pub fn focus_goes_with(selector: &str) -> bool {
    document().is_some_and(|document| {
        document.active_element().is_none_or(|element| {
            element.tag_name() == "BODY" || element.closest(selector).is_ok_and(|around| around.is_some())
        })
    })
}

/// Whether something lies over everything else that Escape is for: the browser closes it by itself.
pub fn is_covered() -> bool {
    document().is_some_and(|document| document.query_selector(":popover-open").is_ok_and(|above| above.is_some()))
}

/// Puts the keyboard at the button that comes `step` after the one which has it, around the toolbar it is in.
pub fn step_focus(event: &KeyboardEvent, step: i32) {
    let Some(from) = event.target_dyn_into::<Element>() else { return };
    let toolbar = from.closest("[role=toolbar]").ok().flatten();
    let Some(buttons) = toolbar.and_then(|toolbar| toolbar.query_selector_all("button").ok()) else { return };
    let count = i32::try_from(buttons.length()).unwrap_or_default();
    let at = (0..count).find(|i| buttons.item(i.unsigned_abs()).is_some_and(|node| node.is_same_node(Some(&from))));
    if let Some(button) = at.and_then(|at| buttons.item((at + step).rem_euclid(count).unsigned_abs())) {
        let _ = button.unchecked_into::<HtmlElement>().focus();
    }
}
