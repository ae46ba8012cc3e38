//! What of the page's files the door of a room does not need: the styles of rooms and of the home page. Whoever opens an invitation
//! does not wait for them.
//!
//! A release has them under `data-rel` (`client/shrink.mjs`), where browsers leave them; other builds load them with the page. Until
//! they are there neither is shown (`assets/blocks/page.css`). Where the home page is what was opened, they are asked for before the
//! app is there (`client/threshold`).

/// Has them loaded.
pub(super) fn load() {
    const NAME: &str = "data-rel";
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
    while let Ok(Some(link)) = document.query_selector("[data-rel]") {
        let _ = link.set_attribute("rel", &link.get_attribute(NAME).unwrap_or_default());
        let _ = link.remove_attribute(NAME);
    }
}
