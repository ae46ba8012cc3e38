//! From HTTP to a WebSocket, by hand (RFC 6455 §4.2): warp's own upgrade would allocate 128 KiB for each connection.

use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use klatch_shared::wire::SUBPROTOCOL;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A request that may become a WebSocket.
pub(crate) struct Handshake {
    accept: HeaderValue,
}

/// Why a request can't become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHandshake {
    /// No upgrade was asked for, or one to a version we don't speak.
    UpgradeRequired,
    /// The subprotocol is missing, or the key is not what it must be.
    Malformed,
}

impl Handshake {
    /// Reads the request's headers.
    pub(crate) fn parse(headers: &HeaderMap) -> Result<Self, NoHandshake> {
        let lists =
            |name: HeaderName, wanted: &str| tokens(headers, &name).any(|token| token.eq_ignore_ascii_case(wanted));
        if !lists(CONNECTION, "upgrade") || !lists(UPGRADE, "websocket") || !lists(SEC_WEBSOCKET_VERSION, "13") {
            return Err(NoHandshake::UpgradeRequired);
        }
        if !tokens(headers, &SEC_WEBSOCKET_PROTOCOL).any(|offered| offered == SUBPROTOCOL) {
            return Err(NoHandshake::Malformed);
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes())).ok_or(NoHandshake::Malformed)?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).expect("base64 is a header value");
        Ok(Self { accept })
    }

    /// What the answer 101 must carry.
    pub(crate) fn headers(&self) -> [(HeaderName, HeaderValue); 4] {
        [
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_ACCEPT, self.accept.clone()),
            (SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL)),
        ]
    }
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Sixteen bytes in base64.
fn is_key(text: &[u8]) -> bool {
    let Some((b"==", digits)) = text.split_last_chunk::<2>().map(|(digits, end)| (end, digits)) else { return false };
    digits.len() == 22 && digits.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'+' || *b == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")));
        pairs.collect()
    }

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    #[test]
    fn the_example_of_the_rfc_is_answered_as_it_says() {
        let request = headers(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "chat, klatch.v1"),
            ("sec-websocket-key", KEY),
        ]);
        let answer = Handshake::parse(&request).expect("a handshake").headers();
        assert!(answer.contains(&(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))));
        assert!(answer.contains(&(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("klatch.v1"))));
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        let whole = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "klatch.v1"),
            ("sec-websocket-key", KEY),
        ];
        let without = |missing: &str| {
            let rest: Vec<_> = whole.into_iter().filter(|(name, _)| *name != missing).collect();
            Handshake::parse(&headers(&rest)).err()
        };
        assert_eq!(without("nothing"), None);
        for name in ["connection", "upgrade", "sec-websocket-version"] {
            assert_eq!(without(name), Some(NoHandshake::UpgradeRequired), "{name}");
        }
        for name in ["sec-websocket-protocol", "sec-websocket-key"] {
            assert_eq!(without(name), Some(NoHandshake::Malformed), "{name}");
        }
        assert!(!is_key(b"short==") && !is_key(b"") && !is_key(b"dGhlIHNhbXBsZSBub25jZQ"));
    }
}
