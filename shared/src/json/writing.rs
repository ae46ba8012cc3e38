//! Writing JSON: without space, non-ASCII as it is, with the escapes that are needed and no others.

use std::borrow::Cow;

/// What is written as JSON.
pub trait ToJson {
    /// Writes it behind what is there.
    fn write_json(&self, to: &mut String);

    /// Whether a field with this value is left out of its object.
    fn is_left_out(&self) -> bool {
        false
    }

    /// Its text.
    fn to_json(&self) -> String {
        let mut text = String::new();
        self.write_json(&mut text);
        text
    }
}

/// What is written as an object's fields.
pub trait ToFields {
    /// Writes them behind those that are there.
    fn write_fields(&self, to: &mut Object<'_>);
}

/// An object that is being written.
pub struct Object<'a>(&'a mut String);

impl Object<'_> {
    fn write(to: &mut String, fields: &dyn Fn(&mut Object<'_>)) {
        to.push('{');
        fields(&mut Object(to));
        to.push('}');
    }

    /// What is written next belongs to a field of this name.
    fn name(&mut self, name: &str) -> &mut String {
        // No value ends so.
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        name.write_json(self.0);
        self.0.push(':');
        self.0
    }

    /// Adds a field, unless its value is left out.
    pub fn field(&mut self, name: &str, value: &dyn ToJson) -> &mut Self {
        if !value.is_left_out() {
            value.write_json(self.name(name));
        }
        self
    }

    /// Adds the field that tells which variant this is.
    pub fn tag(&mut self, name: &str, word: &str) -> &mut Self {
        word.write_json(self.name(name));
        self
    }

    /// Adds an object.
    pub fn object(&mut self, name: &str, fields: &dyn Fn(&mut Object<'_>)) -> &mut Self {
        Object::write(self.name(name), fields);
        self
    }

    /// Adds all of these.
    pub fn fields(&mut self, fields: &dyn ToFields) -> &mut Self {
        fields.write_fields(self);
        self
    }
}

impl ToJson for str {
    fn write_json(&self, to: &mut String) {
        to.push('"');
        for c in self.chars() {
            let escape = match c {
                '"' | '\\' => c,
                '\u{8}' => 'b',
                '\u{c}' => 'f',
                '\n' => 'n',
                '\r' => 'r',
                '\t' => 't',
                '\0'..' ' => {
                    to.push_str("\\u00");
                    to.extend(
                        [u32::from(c) >> 4, u32::from(c) & 15].iter().filter_map(|digit| char::from_digit(*digit, 16)),
                    );
                    continue;
                }
                _ => {
                    to.push(c);
                    continue;
                }
            };
            to.extend(['\\', escape]);
        }
        to.push('"');
    }
}

impl<T: ToFields> ToJson for T {
    fn write_json(&self, to: &mut String) {
        Object::write(to, &|object| self.write_fields(object));
    }
}

impl ToJson for String {
    fn write_json(&self, to: &mut String) {
        self.as_str().write_json(to);
    }
}

impl ToJson for Cow<'static, str> {
    fn write_json(&self, to: &mut String) {
        (**self).write_json(to);
    }
}

impl ToJson for bool {
    fn write_json(&self, to: &mut String) {
        to.push_str(if *self { "true" } else { "false" });
    }
}

macro_rules! numbers {
    ($($number:ident),*) => {$(
        impl ToJson for $number {
            fn write_json(&self, to: &mut String) {
                to.push_str(&self.to_string());
            }
        }
    )*};
}
numbers!(u16, u32, u64, i64);

/// Nothing is left out, not written as `null`.
impl<T: ToJson> ToJson for Option<T> {
    fn write_json(&self, to: &mut String) {
        match self {
            Some(value) => value.write_json(to),
            None => to.push_str("null"),
        }
    }

    fn is_left_out(&self) -> bool {
        self.is_none()
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write_json(&self, to: &mut String) {
        write_elements(to, &mut self.iter().map(|element| element as &dyn ToJson));
    }
}

impl<A: ToJson, B: ToJson> ToJson for (A, B) {
    fn write_json(&self, to: &mut String) {
        write_elements(to, &mut [&self.0 as &dyn ToJson, &self.1].into_iter());
    }
}

fn write_elements(to: &mut String, elements: &mut dyn Iterator<Item = &dyn ToJson>) {
    to.push('[');
    for (index, element) in elements.enumerate() {
        if index > 0 {
            to.push(',');
        }
        element.write_json(to);
    }
    to.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn everything_is_written_as_serde_json_does(text in any::<String>(), low in "[\u{0}-\u{9f}\"\\\\]{0,9}", number in any::<i64>()) {
            for text in [text, low] {
                prop_assert_eq!(text.to_json(), serde_json::to_string(&text).expect("plain data"));
            }
            prop_assert_eq!(number.to_json(), number.to_string());
        }

        #[test]
        fn lists_and_pairs_too(list in prop::collection::vec((any::<u16>(), any::<bool>()), 0..4)) {
            prop_assert_eq!(list.to_json(), serde_json::to_string(&list).expect("plain data"));
        }
    }
}
