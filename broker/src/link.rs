//! A link to a page of the host's own: an imprint, a privacy notice.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;

/// What every browser opens, and no hello grows too long by.
const MAX_BYTES: usize = 1024;

/// The address of a page on the web.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link(String);

/// A text that is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a link is http:// or https://, a host and a path, in ASCII and {MAX_BYTES} bytes at most")]
pub struct BadLink;

impl FromStr for Link {
    type Err = BadLink;

    fn from_str(text: &str) -> Result<Self, BadLink> {
        let uri: Uri = text.parse().map_err(|_| BadLink)?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_host =
            uri.authority().is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
        let is_plain = text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_web && has_host && is_plain { Ok(Self(text.to_owned())) } else { Err(BadLink) }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_page_on_the_web_and_does_nothing_else() {
        for good in ["https://klatch.example/imprint", "http://other.example:81/a?b=c#d", "https://klatch.example"] {
            assert_eq!(good.parse::<Link>().map(|link| link.to_string()).as_deref(), Ok(good));
        }
        let long = format!("https://klatch.example/{}", "a".repeat(MAX_BYTES));
        for bad in [
            "",
            "/imprint",
            "javascript:alert(1)",
            "data:text/html,a",
            "ftp://a/b",
            "https://",
            "https://a@b/",
            "https://a/ b",
            &long,
        ] {
            assert_eq!(bad.parse::<Link>(), Err(BadLink), "{bad}");
        }
    }
}
