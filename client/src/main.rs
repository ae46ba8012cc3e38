//! Mounts the page.

fn main() {
    #[cfg(not(feature = "gallery"))]
    klatch_client::app::mount();
    #[cfg(feature = "gallery")]
    klatch_client::gallery::mount();
}
