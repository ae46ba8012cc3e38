//! Which of a file's encodings a browser gets (RFC 9110 §12.5.3).

use hyper::header::{ACCEPT_ENCODING, HeaderMap};
use rust_embed_for_web::{EmbedableFile, EmbeddedFile};

/// How a body is encoded, the smallest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not at all.
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    /// As HTTP calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }
}

/// The smallest form of a file that the browser takes; `brotli`: the file as build.rs compressed it, where that made it smaller.
pub(super) fn choose(
    headers: &HeaderMap,
    file: &EmbeddedFile,
    brotli: Option<&EmbeddedFile>,
) -> (Encoding, &'static [u8]) {
    let forms = [(Encoding::Brotli, brotli.map(|brotli| brotli.data())), (Encoding::Gzip, file.data_gzip())];
    let taken =
        forms.into_iter().find_map(|(encoding, body)| Some((encoding, body.filter(|_| takes(headers, encoding))?)));
    taken.unwrap_or((Encoding::Identity, file.data()))
}

fn takes(headers: &HeaderMap, encoding: Encoding) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
    let mut any = false;
    for item in lines.flat_map(|line| line.split(',')) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let refused =
            parameters.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse().is_ok_and(|q: f32| q <= 0.0));
        if name.trim().eq_ignore_ascii_case(encoding.name()) {
            return !refused;
        }
        any |= name.trim() == "*" && !refused;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_taken_if_listed_and_not_refused() {
        let takes = |accept: &str, encoding| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, accept.parse().expect("a value"));
            takes(&headers, encoding)
        };
        assert!(takes("gzip, deflate, br, zstd", Encoding::Brotli));
        assert!(takes("GZIP;q=0.5", Encoding::Gzip) && takes("*", Encoding::Gzip));
        assert!(!takes("br;q=0, *", Encoding::Brotli) && !takes("br; q=0.000", Encoding::Brotli));
        assert!(!takes("gzip", Encoding::Brotli) && !takes("", Encoding::Gzip) && !takes("*;q=0", Encoding::Gzip));
        assert!(!super::takes(&HeaderMap::new(), Encoding::Gzip));
    }
}
