//! The one place that asks for randomness: the browser's in the page, the kernel's elsewhere.

/// `N` fresh random bytes.
///
/// # Panics
/// Where the platform has no random source; nothing secret can be made there.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the platform has a random source");
    bytes
}
