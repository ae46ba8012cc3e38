//! Reading JSON, as the page does it: an object is split into its fields' texts once, in one function for all types, and
//! each type takes its fields by name. A derived reader costs the page five times the code.
//!
//! Unknown fields are ignored. A field that stands there twice is as good as none.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What can be read from JSON.
pub trait FromJson: Sized {
    /// Reads it, if `json` is one.
    fn from_json(json: &str) -> Option<Self>;
}

/// What is made from an object's fields.
pub(crate) trait FromFields: Sized {
    /// Makes it, if nothing is missing.
    fn from_fields(fields: &Fields<'_>) -> Option<Self>;
}

/// An object's fields.
pub struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The fields of `json`, if it is an object.
    pub fn of(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    fn find(&self, name: &str) -> Option<&'a str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next()?;
        found.next().is_none().then(|| value.get())
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

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Reads a struct from the fields of the same names; those behind the `?` may be missing.
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
    };
}
pub(crate) use object;

/// The elements of an array.
fn elements(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &str) -> Option<Self> {
        elements(json)?.into_iter().map(|element| T::from_json(element.get())).collect()
    }
}

impl<A: FromJson, B: FromJson> FromJson for (A, B) {
    fn from_json(json: &str) -> Option<Self> {
        match elements(json)?[..] {
            [a, b] => Some((A::from_json(a.get())?, B::from_json(b.get())?)),
            _ => None,
        }
    }
}

impl FromJson for Box<RawValue> {
    fn from_json(json: &str) -> Option<Self> {
        RawValue::from_string(json.to_owned()).ok()
    }
}

impl FromJson for String {
    fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
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
    let plain = json.strip_prefix('"')?.strip_suffix('"')?;
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
    crate::peer::ChatText,
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
