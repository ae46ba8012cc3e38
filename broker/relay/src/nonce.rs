//! Nonces that nobody has to remember: a MAC over the client's address and the time.
//!
//! One is valid for the window of time in which it was made and the next one, so for five to ten minutes, and only from the
//! address and port that it was made for. It starts with the cookie of RFC 8489 §9.2, which says in a way that can't be
//! struck out unnoticed that password algorithms are offered: a nonce without the cookie is none of ours.

use std::net::{IpAddr, SocketAddr};

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// `obMatJos2` and the security features in base64: bit 0, password algorithms.
const COOKIE: &[u8; 13] = b"obMatJos2gAAA";
const WINDOW_MILLIS: u64 = 5 * 60 * 1000;
const MAC_BYTES: usize = 12;
/// What a nonce takes on the wire.
pub(crate) const NONCE_BYTES: usize = COOKIE.len() + MAC_BYTES / 3 * 4;

/// Makes nonces and knows them again.
#[derive(Clone)]
pub(crate) struct Nonces(Hmac<Sha256>);

impl Nonces {
    /// `key` is random, and new at each start.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// For a client at `address`, now.
    pub(crate) fn make(&self, millis: u64, address: &SocketAddr) -> [u8; NONCE_BYTES] {
        self.of_window(millis / WINDOW_MILLIS, address)
    }

    /// Whether it was made for this address, not too long ago.
    pub(crate) fn knows(&self, millis: u64, address: &SocketAddr, nonce: &[u8]) -> bool {
        let window = millis / WINDOW_MILLIS;
        let is_of = |window| bool::from(self.of_window(window, address).ct_eq(nonce));
        is_of(window) || window.checked_sub(1).is_some_and(is_of)
    }

    fn of_window(&self, window: u64, address: &SocketAddr) -> [u8; NONCE_BYTES] {
        let mut mac = self.0.clone();
        match address.ip() {
            IpAddr::V4(ip) => mac.update(&ip.octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac.update(&address.port().to_be_bytes());
        mac.update(&window.to_be_bytes());
        let mac = mac.finalize().into_bytes();
        let mut nonce = [0; NONCE_BYTES];
        nonce[..COOKIE.len()].copy_from_slice(COOKIE);
        Base64::encode(&mac[..MAC_BYTES], &mut nonce[COOKIE.len()..]).expect("the array is as long as the text");
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_bound_to_address_port_and_time() {
        let nonces = Nonces::new(&[7; 32]);
        let here: SocketAddr = "192.0.2.1:1000".parse().unwrap();
        let nonce = nonces.make(WINDOW_MILLIS * 3, &here);
        assert!(nonces.knows(WINDOW_MILLIS * 3, &here, &nonce));
        assert!(nonces.knows(WINDOW_MILLIS * 5 - 1, &here, &nonce));
        assert!(!nonces.knows(WINDOW_MILLIS * 5, &here, &nonce));
        assert!(!nonces.knows(WINDOW_MILLIS * 2, &here, &nonce));
        for elsewhere in ["192.0.2.1:1001", "192.0.2.2:1000", "[::1]:1000"] {
            assert!(!nonces.knows(WINDOW_MILLIS * 3, &elsewhere.parse().unwrap(), &nonce), "{elsewhere}");
        }
        assert!(!Nonces::new(&[8; 32]).knows(WINDOW_MILLIS * 3, &here, &nonce));
    }

    #[test]
    fn a_nonce_that_lost_its_cookie_is_not_ours() {
        let nonces = Nonces::new(&[7; 32]);
        let here: SocketAddr = "192.0.2.1:1000".parse().unwrap();
        let nonce = nonces.make(0, &here);
        assert!(!nonces.knows(0, &here, &nonce[COOKIE.len()..]) && !nonces.knows(0, &here, b""));
        let mut bare = nonce;
        bare[9] = b'A';
        assert!(!nonces.knows(0, &here, &bare));
    }
}
