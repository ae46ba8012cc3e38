//! Which connection a description is of: the fingerprint of its certificate (RFC 8122), which each connection makes anew.
//!
//! A connection can't go on with another one than it began with: when the other end had to begin afresh, so must this one.

use klatch_shared::peer::Description;

/// The other end's connection, as far as its descriptions tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity(String);

impl Identity {
    /// Whose description this is.
    pub(crate) fn of(description: &Description) -> Self {
        let fingerprint = description.sdp.lines().find_map(|line| line.strip_prefix("a=fingerprint:"));
        Self(fingerprint.unwrap_or_default().trim().to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_tells_a_connection_in_any_spelling() {
        let of = |sdp: &str| Identity::of(&Description { sdp: sdp.into(), sources: vec![] });
        assert_eq!(of("v=0\r\na=fingerprint:sha-256 AB:CD\r\nm=audio"), of("v=0\na=fingerprint:sha-256 ab:cd"));
        assert_ne!(of("v=0\r\na=fingerprint:sha-256 AB:CD\r\n"), of("v=0\r\na=fingerprint:sha-256 AB:CE\r\n"));
        assert_eq!(of("v=0\r\n"), of(""));
    }
}
