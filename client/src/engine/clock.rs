//! Time, as the pure parts want it: a number.

/// Milliseconds since the page was loaded; never goes back.
pub(super) fn now() -> u64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now()) as u64
}

/// Milliseconds since 1970 by this machine's clock, for people.
pub(super) fn wall() -> u64 {
    js_sys::Date::now() as u64
}
