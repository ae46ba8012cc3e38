//! What the page may do, as headers on every answer.

use base64ct::{Base64, Encoding as _};
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use sha2::{Digest, Sha256};

/// The headers that every answer carries: all that a browser can show as a page the long ones, which would be a fiftieth of the first load
/// if the page's own files had them too.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) of_pages: Vec<(HeaderName, HeaderValue)>,
    pub(crate) of_files: Vec<(HeaderName, HeaderValue)>,
}

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// Everything that a page in a call uses, and nothing else.
const PERMISSIONS: &str = "camera=(self),microphone=(self),display-capture=(self),autoplay=(self),speaker-selection=(self),\
    clipboard-write=(self),fullscreen=(self),geolocation=(),payment=(),usb=()";
/// Whoever opens one of the page's files as a page, a picture say, sees it and runs nothing.
const CSP_OF_FILES: &str = "default-src 'none'; frame-ancestors 'none'";
/// So nothing asks for anything there either.
const PERMISSIONS_OF_FILES: &str = "camera=()";

/// What an answer over TLS carries besides: browsers come by TLS from then on, for a year (RFC 6797).
pub(crate) const BY_TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");

impl Policy {
    /// For a page with these inline scripts: they run because their hashes are listed, and no others do.
    pub(crate) fn for_page(html: &str) -> Self {
        let hashes: String = inline_scripts(html)
            .map(|script| format!(" 'sha256-{}'", Base64::encode_string(&Sha256::digest(script))))
            .collect();
        let csp = format!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; style-src 'self'; img-src 'self' data: blob:; \
             font-src 'self'; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let of_pages = [
            (CONTENT_SECURITY_POLICY, HeaderValue::try_from(csp).expect("directives and base64 are ASCII")),
            (PERMISSIONS_POLICY, fixed(PERMISSIONS)),
            (HeaderName::from_static("x-robots-tag"), fixed("noindex")),
        ];
        Self { of_pages: [&of_pages[..], &of_all()].concat(), of_files: headers_of_files().into() }
    }
}

/// What files carry, and whatever else can be no page: it runs nothing, and nobody frames it.
pub(crate) fn headers_of_files() -> [(HeaderName, HeaderValue); 6] {
    let [sniffing, referrer, opener, resource] = of_all();
    let csp = (CONTENT_SECURITY_POLICY, fixed(CSP_OF_FILES));
    [csp, (PERMISSIONS_POLICY, fixed(PERMISSIONS_OF_FILES)), sniffing, referrer, opener, resource]
}

fn of_all() -> [(HeaderName, HeaderValue); 4] {
    [
        (X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        (REFERRER_POLICY, fixed("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), fixed("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), fixed("same-origin")),
    ]
}

fn fixed(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}

/// The text of each `<script>` that has no `src`.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    let mut rest = html;
    let scripts = std::iter::from_fn(move || {
        let start = rest.to_ascii_lowercase().find("<script")?;
        let (tag, body) = rest[start..].split_once('>')?;
        let end = body.to_ascii_lowercase().find("</script")?;
        let script = (tag, &body[..end]);
        rest = &body[end..];
        Some(script)
    });
    scripts.filter(|(tag, _)| !tag.to_ascii_lowercase().contains("src=")).map(|(_, script)| script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_are_found_and_linked_ones_are_not() {
        let html = "<script src=\"/a.js\"></script><SCRIPT type=module>one()</SCRIPT><p><script>\ntwo > 1\n</script><script>open";
        assert_eq!(inline_scripts(html).collect::<Vec<_>>(), ["one()", "\ntwo > 1\n"]);
    }

    #[test]
    fn the_hash_of_an_inline_script_is_in_the_policy() {
        let policy = Policy::for_page("<script>alert('Hello, world.');</script>");
        let csp = policy.of_pages[0].1.to_str().expect("ASCII");
        // The example of CSP Level 3, §8.4.
        assert!(
            csp.contains("script-src 'self' 'wasm-unsafe-eval' 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=';"),
            "{csp}"
        );
        assert!(csp.starts_with("default-src 'none'; ") && !csp.contains("unsafe-inline"));
    }

    #[test]
    fn headers_are_terse_as_each_file_of_the_first_load_carries_them() {
        let policy = Policy::for_page("<script type=module>one()</script><script>two()</script>");
        let bytes = |headers: &[(HeaderName, HeaderValue)]| -> usize {
            headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
        };
        let (page, file) = (bytes(&policy.of_pages), bytes(&policy.of_files));
        assert!(page <= 1020 && file <= 265, "{page} for a page, {file} for a file");
    }
}
