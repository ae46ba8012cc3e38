//! The address bar: `/` and `/r/<room>`, and the fragment that must not stay in it.

use klatch_shared::RoomId;
use wasm_bindgen::JsValue;

/// Where the page stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/`.
    Home,
    /// `/r/<room>#<fragment>`.
    Room {
        /// The path's last segment, as it is.
        room: String,
        /// What is behind the `#`; may be empty.
        fragment: String,
    },
}

/// The address as it is now.
pub(super) fn current() -> Route {
    let Some(location) = web_sys::window().map(|window| window.location()) else { return Route::Home };
    let path = location.pathname().unwrap_or_default();
    match path.strip_prefix("/r/") {
        Some(room) => {
            let fragment = location.hash().unwrap_or_default().trim_start_matches('#').to_owned();
            Route::Room { room: room.to_owned(), fragment }
        }
        None => Route::Home,
    }
}

/// Goes to an address of this page, with an entry in the history.
pub(super) fn push(path: &str) {
    if let Some(history) = web_sys::window().and_then(|window| window.history().ok()) {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(path));
    }
}

fn replace(path: &str) {
    if let Some(history) = web_sys::window().and_then(|window| window.history().ok()) {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(path));
    }
}

/// Takes the key out of the address bar, once it is kept elsewhere.
pub(super) fn hide_fragment(room: RoomId) {
    replace(&format!("/r/{room}"));
}
