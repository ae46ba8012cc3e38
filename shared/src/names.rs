//! Names of members and rooms: what people may call themselves without hurting others' pages.
//!
//! Text is normalised to NFC first (by the browser in the page, by `unicode-normalization` elsewhere: the tables would
//! cost the page 49 KB), then counted in extended grapheme clusters (UAX #29). The client parses before it seals and
//! again after it has opened; the broker never sees a name.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::clusters::clusters;
use crate::json::ToJson;
use crate::limits;

/// Why a text is no name. The message is a sentence for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing in it can be seen.
    #[error("Please type a name.")]
    Invisible,
    /// Too many characters or bytes.
    #[error("That name is too long. Please use at most {0} characters.")]
    TooLong(usize),
    /// More than eight marks on one character.
    #[error("That name stacks too many accents on one character.")]
    TooManyMarks,
    /// A control, bidi or other invisible character.
    #[error("That name has an invisible or direction-changing character in it. Please remove it.")]
    Forbidden,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $clusters:path, $bytes:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name, in NFC, without space around it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                parse(text, $clusters, $bytes).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl ToJson for $name {
            fn write_json(&self, to: &mut String) {
                self.0.write_json(to);
            }
        }
    };
}

name! {
    /// A member's name: 1 to 32 grapheme clusters in at most 256 bytes.
    Username, limits::MAX_USERNAME_CLUSTERS, limits::MAX_USERNAME_BYTES
}

name! {
    /// A room's name: 1 to 64 grapheme clusters in at most 512 bytes.
    RoomName, limits::MAX_ROOM_NAME_CLUSTERS, limits::MAX_ROOM_NAME_BYTES
}

impl Username {
    /// The first cluster, for a picture of somebody without a camera.
    pub fn initial(&self) -> &str {
        clusters(&self.0).first().copied().unwrap_or_default()
    }
}

fn parse(text: &str, max_clusters: usize, max_bytes: usize) -> Result<String, BadName> {
    let text = text.trim();
    // NFC shortens a text to a third at the most; what is longer than that can't fit and isn't worth normalising.
    if text.len() > max_bytes * 4 {
        return Err(BadName::TooLong(max_clusters));
    }
    if text.chars().any(is_forbidden) {
        return Err(BadName::Forbidden);
    }
    let name = nfc(text);
    let clusters = clusters(&name);
    let mut visible = false;
    for cluster in &clusters {
        visible |= cluster.chars().next().is_some_and(is_visible);
        if cluster.chars().filter(|c| is_mark(*c)).count() > limits::MAX_MARKS {
            return Err(BadName::TooManyMarks);
        }
        if !joiners_are_inside(cluster) {
            return Err(BadName::Forbidden);
        }
    }
    if name.ends_with(is_joiner) {
        return Err(BadName::Forbidden);
    }
    if clusters.len() > max_clusters || name.len() > max_bytes {
        return Err(BadName::TooLong(max_clusters));
    }
    if !visible {
        return Err(BadName::Invisible);
    }
    Ok(name.into_owned())
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    Cow::Owned(String::from(js_sys::JsString::from(text).normalize("NFC")))
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    use unicode_normalization::{UnicodeNormalization, is_nfc};
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Control characters, line separators, bidi controls, and format characters that only hide things.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether two texts look the same, because they differ only in what cannot be seen: space, fillers, selectors, tags.
pub fn look_alike(one: &str, other: &str) -> bool {
    one.chars().filter(|c| !is_blank(*c)).eq(other.chars().filter(|c| !is_blank(*c)))
}

/// Shows nothing by itself.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || is_forbidden(c)
        || is_joiner(c)
        || matches!(c,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// A first character that shows something: not a space, a filler, a lone mark or a selector.
fn is_visible(c: char) -> bool {
    !is_blank(c) && !is_mark(c)
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// What sticks to the letter before it by UAX #29, without what emoji are made of: joiners, variation selectors, skin
/// tones and tags.
fn is_mark(c: char) -> bool {
    if c.is_ascii() || is_joiner(c) {
        return false;
    }
    if matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}') {
        return false;
    }
    let mut pair = String::with_capacity(5);
    pair.extend(['a', c]);
    clusters(&pair).len() == 1
}

/// A joiner may stand between two parts of a cluster (emoji), or behind a letter of a script that needs it (Persian,
/// Indic scripts; RFC 5892 App. A.1): elsewhere it only makes two names look alike.
fn joiners_are_inside(cluster: &str) -> bool {
    let mut chars = cluster.chars();
    let Some(base) = chars.next() else {
        return true;
    };
    let ends_with_joiner = chars.next_back().is_some_and(is_joiner);
    !is_joiner(base) && (!ends_with_joiner || matches!(base, '\u{600}'..='\u{1fff}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn username(text: &str) -> Result<String, BadName> {
        text.parse::<Username>().map(|name| name.as_str().to_owned())
    }

    #[test]
    fn names_of_many_scripts_are_kept() {
        for name in ["Ana", "Çelik", "佐藤", "صباح", "می‌خواهم", "क्‌ष", "👨‍👩‍👧‍👦", "👩🏽‍❤️‍💋‍👨🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "O’Neil-Ü", "한국", "नमस्ते", "Z̤͔"]
        {
            assert!(username(name).is_ok(), "{name}: {:?}", username(name));
        }
    }

    #[test]
    fn a_name_is_normalised_before_it_is_counted() {
        assert_eq!(username(" e\u{301} "), Ok("é".into()));
        assert!(username(&"e\u{301}".repeat(32)).is_ok());
        assert_eq!(username(&"e\u{301}".repeat(33)), Err(BadName::TooLong(32)));
    }

    #[test]
    fn a_name_is_bounded_in_clusters_and_in_bytes() {
        assert!(username(&"x".repeat(32)).is_ok());
        assert_eq!(username(&"x".repeat(33)), Err(BadName::TooLong(32)));
        assert_eq!(username(&"👨‍👩‍👧‍👦".repeat(11)), Err(BadName::TooLong(32)));
        assert!("x".repeat(64).parse::<RoomName>().is_ok());
        assert!("x".repeat(65).parse::<RoomName>().is_err());
        assert!(username(&"x".repeat(10_000_000)).is_err());
    }

    #[test]
    fn marks_may_stack_eight_high_and_no_higher() {
        assert!(username(&format!("q{}", "\u{323}".repeat(8))).is_ok());
        assert_eq!(username(&format!("q{}", "\u{323}".repeat(9))), Err(BadName::TooManyMarks));
        assert!(username(&format!("q{}", "\u{323}".repeat(10_000))).is_err());
    }

    #[test]
    fn bidi_control_and_hidden_characters_are_refused() {
        for c in [
            '\u{202e}', '\u{2066}', '\u{200f}', '\u{61c}', '\u{7}', '\u{1b}', '\u{85}', '\u{200b}', '\u{feff}',
            '\u{2028}',
        ] {
            assert_eq!(username(&format!("An{c}a")), Err(BadName::Forbidden), "{c:?}");
        }
    }

    #[test]
    fn joiners_stay_inside_a_cluster() {
        for bad in ["An\u{200d}a", "An\u{200c}a", "\u{200d}Ana", "Ana\u{200d}", "می\u{200c}", "\u{200c}"] {
            assert_eq!(username(bad), Err(BadName::Forbidden), "{bad:?}");
        }
    }

    #[test]
    fn something_must_be_visible() {
        for bad in [
            "",
            "  ",
            "\u{a0}",
            "\u{3164}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{2800}\u{2800}",
            "\u{301}",
            "\u{fe0f}",
            "\u{3000}",
        ] {
            assert_eq!(username(bad), Err(BadName::Invisible), "{bad:?}");
        }
    }

    #[test]
    fn a_name_does_not_show_in_debug() {
        let name: Username = "Ana".parse().expect("a name");
        assert_eq!(format!("{name:?}"), "Username(…)");
        assert_eq!(name.initial(), "A");
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_a_name_parses_to_itself(text in ".{0,80}") {
            if let Ok(name) = text.parse::<RoomName>() {
                prop_assert_eq!(name.as_str().parse::<RoomName>(), Ok(name.clone()));
            }
        }
    }
}
