//! JSON, as both sides read and write it: an object is split into its fields' texts once, in one function for all types, and
//! each type takes its fields by name. Derived readers and writers cost the page ten times the code.
//!
//! Unknown fields are ignored. A field that stands there twice is as good as none.

use std::borrow::Cow;
use std::str::FromStr;

mod index;
mod writing;

pub use writing::{Object, ToFields, ToJson};

/// What can be read from JSON.
pub trait FromJson: Sized {
    /// Reads it, if `json` is one; without space around it where it is neither an object nor an array.
    fn from_json(json: &str) -> Option<Self>;
}

/// What is made from an object's fields.
pub trait FromFields: Sized {
    /// Makes it, if nothing is missing.
    fn from_fields(fields: &Fields<'_>) -> Option<Self>;
}

/// An object's fields.
pub struct Fields<'a>(Vec<(String, &'a str)>);

impl<'a> Fields<'a> {
    /// The fields of `json`, if it is an object.
    pub fn of(json: &'a str) -> Option<Self> {
        let parts = index::parts(json, index::OBJECT)?;
        let named = parts.into_iter().map(|(name, value)| Some((index::unquoted(name)?, value)));
        named.collect::<Option<_>>().map(Self)
    }

    fn find(&self, name: &str) -> Option<&'a str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(*value)
    }

    /// A field that must be there.
    pub fn get<T: FromJson>(&self, name: &str) -> Option<T> {
        T::from_json(self.find(name)?)
    }

    /// A field that may be missing, or `null`; `None` where it is there and cannot be read.
    pub fn optional<T: FromJson>(&self, name: &str) -> Option<Option<T>> {
        match self.find(name) {
            None | Some("null") => Some(None),
            Some(json) => T::from_json(json).map(Some),
        }
    }
}

/// Writes a struct as an object of its fields, in this order.
#[macro_export]
macro_rules! written {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::json::ToFields for $name {
            fn write_fields(&self, to: &mut $crate::json::Object<'_>) {
                $(to.field(stringify!($field), &self.$field);)*
            }
        }
    };
}
pub use written;

/// Reads a struct from the fields of the same names, and writes it so; those behind the `?` may be missing.
#[macro_export]
macro_rules! object {
    ($name:ident { $($field:ident),* $(? $($option:ident),+)? }) => {
        impl $crate::json::FromFields for $name {
            fn from_fields(fields: &$crate::json::Fields<'_>) -> Option<Self> {
                Some(Self {
                    $($field: fields.get(stringify!($field))?,)*
                    $($($option: fields.optional(stringify!($option))?,)+)?
                })
            }
        }

        impl $crate::json::FromJson for $name {
            fn from_json(json: &str) -> Option<Self> {
                $crate::json::FromFields::from_fields(&$crate::json::Fields::of(json)?)
            }
        }

        $crate::json::written!($name { $($field,)* $($($option),+)? });
    };
}
pub use object;

/// An enum of which each variant is a word.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            /// As it travels.
            const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl $crate::json::FromJson for $name {
            fn from_json(json: &str) -> Option<Self> {
                let word = $crate::json::quoted(json)?;
                [$(Self::$variant),*].into_iter().find(|known| known.word() == word)
            }
        }

        impl $crate::json::ToJson for $name {
            fn write_json(&self, to: &mut String) {
                $crate::json::ToJson::write_json(self.word(), to);
            }
        }
    };
}
pub(crate) use words;

/// What stands between quotation marks, escaped or not.
pub(crate) fn quoted(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// A value's own text, to be read later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw(pub String);

impl FromJson for Raw {
    fn from_json(json: &str) -> Option<Self> {
        Some(Self(json.to_owned()))
    }
}

impl ToJson for Raw {
    fn write_json(&self, to: &mut String) {
        to.push_str(&self.0);
    }
}

/// The elements of an array.
fn elements(json: &str) -> Option<Vec<(&str, &str)>> {
    index::parts(json, index::ARRAY)
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &str) -> Option<Self> {
        elements(json)?.into_iter().map(|(_, element)| T::from_json(element)).collect()
    }
}

impl<A: FromJson, B: FromJson> FromJson for (A, B) {
    fn from_json(json: &str) -> Option<Self> {
        match elements(json)?[..] {
            [(_, a), (_, b)] => Some((A::from_json(a)?, B::from_json(b)?)),
            _ => None,
        }
    }
}

impl FromJson for String {
    fn from_json(json: &str) -> Option<Self> {
        index::unquoted(json)
    }
}

impl FromJson for Cow<'static, str> {
    fn from_json(json: &str) -> Option<Self> {
        String::from_json(json).map(Cow::Owned)
    }
}

impl FromJson for bool {
    fn from_json(json: &str) -> Option<Self> {
        match json {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

macro_rules! numbers {
    ($($number:ident),*) => {$(
        impl FromJson for $number {
            fn from_json(json: &str) -> Option<Self> {
                json.parse().ok()
            }
        }
    )*};
}
numbers!(u16, u32, u64, i64);

/// Reads a `FromStr` type from a JSON string, borrowed where the text allows: no copy of a secret is left behind.
pub(crate) fn text<T: FromStr>(json: &str) -> Option<T> {
    let plain = quoted(json)?;
    if plain.contains('\\') { String::from_json(json)?.parse().ok() } else { plain.parse().ok() }
}

macro_rules! texts {
    ($($name:ty),* $(,)?) => {$(
        impl FromJson for $name {
            fn from_json(json: &str) -> Option<Self> {
                text(json)
            }
        }
    )*};
}
texts! {
    crate::RoomId, crate::MemberId, crate::MessageId, crate::Nonce, crate::SessionNonce, crate::Username, crate::Sealed,
    crate::ClientHash, crate::VerifyingKey, crate::DhPublicKey, crate::Signature, crate::RoomKey, crate::InviteToken, crate::SeatToken,
    crate::Latch,     crate::peer::ChatMessage, crate::peer::Digest, crate::peer::Prints,
}

impl FromJson for crate::ExchangeId {
    fn from_json(json: &str) -> Option<Self> {
        u32::from_json(json).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Source;

    #[test]
    fn fields_are_found_by_name_in_any_order_and_others_ignored() {
        let fields = Fields::of(r#" { "b" : [1, {"a": 2}], "n": null, "a": "\u0061" } "#).expect("an object");
        assert_eq!(fields.get::<String>("a").as_deref(), Some("a"));
        assert_eq!(fields.get::<u32>("a"), None);
        assert_eq!(fields.optional::<u32>("n"), Some(None));
        assert_eq!(fields.optional::<u32>("missing"), Some(None));
        assert_eq!(fields.optional::<u32>("a"), None);
        for no_object in ["", "[]", "7", "{", r#"{"a":1}x"#] {
            assert!(Fields::of(no_object).is_none(), "{no_object}");
        }
    }

    #[test]
    fn a_field_that_stands_there_twice_is_none() {
        let fields = Fields::of(r#"{"a":1,"a":2,"b":3,"b":3}"#).expect("an object");
        assert_eq!(fields.get::<u32>("a"), None);
    }

    #[test]
    fn numbers_lists_and_pairs_are_what_they_say() {
        assert_eq!(u16::from_json("65535"), Some(65_535));
        for bad in ["65536", "-1", "1.0", "1e2", "\"1\"", "null"] {
            assert_eq!(u16::from_json(bad), None, "{bad}");
        }
        assert_eq!(i64::from_json("-3"), Some(-3));
        assert_eq!(Vec::<bool>::from_json("[true, false]"), Some(vec![true, false]));
        assert_eq!(Vec::<bool>::from_json("[true, 0]"), None);
        assert_eq!(<(String, Source)>::from_json(r#"["0","screen-sound"]"#), Some(("0".into(), Source::ScreenSound)));
        assert_eq!(<(String, Source)>::from_json(r#"["0"]"#), None);
    }

    #[test]
    fn a_text_is_read_whether_or_not_it_is_escaped() {
        assert_eq!(text::<crate::Username>("\"Ana\"").map(|name| name.to_string()).as_deref(), Some("Ana"));
        assert_eq!(text::<crate::Username>(r#""\u0041na""#).map(|name| name.to_string()).as_deref(), Some("Ana"));
        assert_eq!(text::<crate::Username>("Ana"), None);
    }
}
