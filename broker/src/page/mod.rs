//! The page inside the binary: its files as Trunk left them, precompressed, with their types, tags and lifetimes.

mod encoding;
mod policy;

use hyper::Method;
use hyper::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY,
};
use klatch_shared::ClientHash;
use rust_embed_for_web::{EmbedableFile, EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};
use warp::http::{Response, StatusCode};

pub(crate) use policy::{BY_TLS_ALONE, Policy, headers_of_files};

use encoding::Encoding;

/// What build.rs chose.
#[derive(RustEmbed)]
#[folder = "$KLATCH_DIST"]
#[br = false]
struct Dist;

/// What of it build.rs made smaller, by the same names.
#[derive(RustEmbed)]
#[folder = "$KLATCH_BROTLI"]
#[br = false]
#[gzip = false]
struct Brotli;

const INDEX: &str = "index.html";
/// The page itself and what has no hash in its name: kept, but asked about each time.
const ASK_EACH_TIME: &str = "no-cache";
/// What has a hash in its name never changes.
const FOR_EVER: &str = "max-age=31536000, immutable";

/// An answer with a body that lives as long as the program.
pub(crate) type Answer = Response<&'static [u8]>;

/// The policy that the embedded page runs under.
pub(crate) fn policy() -> Policy {
    let index = Dist::get(INDEX).map_or(&[][..], |index| index.data());
    Policy::for_page(&String::from_utf8_lossy(index))
}

/// Which page this is; `None` where the binary was built without it.
pub(crate) fn client_hash() -> Option<ClientHash> {
    option_env!("KLATCH_CLIENT").map(|hash| hash.parse().expect("build.rs prints sixteen digits"))
}

/// The SHA-256 of each embedded file, as sha256sum writes it. Whoever has the published page can tell whether this is it.
pub fn client_hashes() -> impl Iterator<Item = String> {
    let digest = |data: &[u8]| Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    env!("KLATCH_FILES").split(':').map(move |name| {
        let file = Dist::get(name).expect("build.rs names what is embedded");
        format!("{}  {name}", digest(file.data()))
    })
}

/// The page.
pub(crate) fn index(method: &Method, headers: &HeaderMap) -> Option<Answer> {
    Dist::get(INDEX).map(|index| answer(&index, ASK_EACH_TIME, method, headers))
}

/// One of its other files.
pub(crate) fn file(name: &str, method: &Method, headers: &HeaderMap) -> Option<Answer> {
    let file = Dist::get(name).filter(|_| name != INDEX)?;
    Some(answer(&file, if is_hashed(name) { FOR_EVER } else { ASK_EACH_TIME }, method, headers))
}

/// A short text.
pub(crate) fn text(status: StatusCode, text: &'static str, method: &Method) -> Answer {
    let mut answer = with_body(text.as_bytes(), method);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn answer(file: &EmbeddedFile, lifetime: &'static str, method: &Method, headers: &HeaderMap) -> Answer {
    // One tag for all encodings of a file: they are equivalent, not equal.
    let tag = format!("W/{}", file.etag());
    let mut answer = if is_known(headers, &tag) {
        let mut answer = Response::new(&[][..]);
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        let (encoding, body) = encoding::choose(headers, file, Brotli::get(file.name()).as_ref());
        let mut answer = with_body(body, method);
        answer.headers_mut().insert(CONTENT_TYPE, content_type(file));
        match encoding {
            Encoding::Identity => {}
            Encoding::Gzip | Encoding::Brotli => {
                answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
            }
        }
        answer
    };
    let headers = answer.headers_mut();
    if lifetime == ASK_EACH_TIME {
        headers.insert(ETAG, HeaderValue::try_from(tag).expect("a hash in quotes is a header value"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(lifetime));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    answer
}

/// The answer to HEAD says how long the body would be, and has none.
fn with_body(body: &'static [u8], method: &Method) -> Answer {
    let mut answer = Response::new(if *method == Method::HEAD { &[][..] } else { body });
    answer.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    answer
}

fn content_type(file: &EmbeddedFile) -> HeaderValue {
    let known = match file.name().rsplit_once('.').map(|(_, extension)| extension) {
        Some("webmanifest") => "application/manifest+json",
        _ => file.mime_type().unwrap_or("application/octet-stream"),
    };
    let is_text = known.starts_with("text/") || matches!(known, "application/javascript" | "application/manifest+json");
    let value = if is_text && !known.contains(';') { format!("{known}; charset=utf-8") } else { known.to_owned() };
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// Whether the browser has what carries this tag (RFC 9110 §13.1.2, compared weakly).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let lines = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

/// Whether Trunk put a hash of 13 to 16 digits into this name.
fn is_hashed(name: &str) -> bool {
    let is_hash = |part: &str| (13..=16).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
    name.split(['-', '_', '.', '/']).skip(1).any(is_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        for hashed in
            ["klatch-client-1a2b3c4d5e6f7a8b.js", "klatch-client-1a2b3c4d5e6f7_bg.wasm", "app-0123456789abcde.css"]
        {
            assert!(is_hashed(hashed), "{hashed}");
        }
        for plain in ["favicon.ico", "manifest.webmanifest", "icon-192.png", "1a2b3c4d5e6f7a8b.js", "sw.js"] {
            assert!(!is_hashed(plain), "{plain}");
        }
    }

    #[test]
    fn what_is_no_page_has_no_hash() {
        let index = Dist::get(INDEX).expect("there always is one");
        let is_placeholder = String::from_utf8_lossy(index.data()).contains("built without its page");
        assert_eq!(client_hash().is_none(), is_placeholder);
    }

    #[test]
    fn a_tag_is_known_in_a_list_and_without_its_weakness() {
        let knows = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, value.parse().expect("a value"));
            is_known(&headers, "W/\"abc\"")
        };
        assert!(knows("\"abc\"") && knows("W/\"abc\"") && knows("\"x\", W/\"abc\"") && knows("*"));
        assert!(!knows("\"abcd\"") && !knows("abc") && !knows(""));
    }

    #[test]
    fn the_page_itself_has_no_other_name_and_nothing_outside_is_reached() {
        for name in [INDEX, "", "..", "../Cargo.toml", "/etc/passwd", "%2e%2e/Cargo.toml", "\0"] {
            assert!(file(name, &Method::GET, &HeaderMap::new()).is_none(), "{name}");
        }
        assert!(index(&Method::GET, &HeaderMap::new()).is_some());
    }
}
