//! The page's query.

/// Keys and values after the question mark.
pub struct Query(String);

impl Query {
    /// Of the page that is shown.
    pub fn of_page() -> Self {
        let search = web_sys::window().and_then(|window| window.location().search().ok()).unwrap_or_default();
        Self(search.trim_start_matches('?').to_owned())
    }

    /// The value of `key`, or nothing.
    pub fn text(&self, key: &str) -> &str {
        self.0
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| *name == key)
            .map_or("", |(_, value)| value)
    }

    /// The number of `key`, or `default`.
    pub fn number(&self, key: &str, default: usize) -> usize {
        self.text(key).parse().unwrap_or(default)
    }
}
