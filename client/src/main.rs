//! Mounts the page.

/// A fraction of the standard library's in size.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

fn main() {
    #[cfg(not(feature = "gallery"))]
    klatch_client::app::mount();
    #[cfg(feature = "gallery")]
    klatch_client::gallery::mount();
}
