//! The index against `serde_json`, as an independent reader.

use super::*;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

/// What `serde_json` finds in such a list.
fn expected(json: &str) -> Option<Vec<(Option<String>, &str)>> {
    if json.trim_start().starts_with('{') {
        // A map keeps the last of two fields of one name: those that stand there twice are asked about elsewhere.
        let fields: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
        Some(fields.into_iter().map(|(name, value)| (Some(name), value.get())).collect())
    } else {
        let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        Some(elements.into_iter().map(|value| (None, value.get())).collect())
    }
}

/// What we do, as `expected` has it.
fn found(json: &str) -> Option<Vec<(Option<String>, &str)>> {
    if json.trim_start().starts_with('{') {
        let fields = parts(json, OBJECT)?.into_iter().map(|(name, value)| Some((unquoted(name)?, value)));
        let fields = fields.collect::<Option<std::collections::BTreeMap<_, _>>>()?;
        Some(fields.into_iter().map(|(name, value)| (Some(name), value)).collect())
    } else {
        Some(parts(json, ARRAY)?.into_iter().map(|(_, value)| (None, value)).collect())
    }
}

/// The value that was indexed, built up again.
fn built(json: &str) -> Option<Value> {
    match json.as_bytes().first()? {
        b'{' => {
            let fields = parts(json, OBJECT)?.into_iter();
            Some(Value::Object(
                fields.map(|(name, value)| Some((unquoted(name)?, built(value)?))).collect::<Option<_>>()?,
            ))
        }
        b'[' => {
            Some(Value::Array(parts(json, ARRAY)?.into_iter().map(|(_, value)| built(value)).collect::<Option<_>>()?))
        }
        b'"' => unquoted(json).map(Value::String),
        _ => serde_json::from_str(json).ok(),
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Texts of what JSON is made of, right and wrong, in brackets most often.
fn texts() -> impl Strategy<Value = String> {
    let tokens = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\"a\"",
        "\"\"",
        "\"\\u0041\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\udc00\\ud800\"",
        "\\u12",
        "\\x",
        "\"\\/\\b\\f\\n\\r\\t\\\\\\\"\"",
        "0",
        "-",
        "-0",
        "01",
        "1.5",
        "1.",
        ".5",
        "1e9",
        "1E+2",
        "1e-",
        "+1",
        "true",
        "false",
        "null",
        "nul",
        "NaN",
        " ",
        "\t",
        "\n",
        "\r",
        "\u{b}",
        "\u{0}",
        "\u{1f}",
        "\u{7f}",
        "\u{a0}",
        "\u{feff}",
        "é",
        "\u{1f600}",
        "\"a\":",
        "{}",
        "[]",
        "//",
        "'",
    ]);
    let soup = prop::collection::vec(tokens, 0..10).prop_map(|tokens| tokens.concat());
    prop_oneof![
        soup.clone(),
        soup.clone().prop_map(|inner| format!("[{inner}]")),
        soup.prop_map(|inner| format!("{{\"a\":{inner}}}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_takes_and_refuses_what_serde_json_does(text in texts()) {
        prop_assert_eq!(found(&text), expected(&text), "{}", text);
    }

    #[test]
    fn a_string_is_what_serde_json_makes_of_it(text in texts()) {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        prop_assert_eq!(unquoted(text), serde_json::from_str::<String>(text).ok(), "{}", text);
    }

    #[test]
    fn any_value_is_found_again(value in values(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        prop_assert_eq!(built(&text.expect("plain data")), Some(value));
    }

    #[test]
    fn a_bent_text_is_taken_or_refused_as_by_serde_json(
        value in values(), at in any::<prop::sample::Index>(), cut in 0..3_usize, junk in "[\\\\\"{}\\[\\],:0-9eE+. tu\u{0}-\u{1f}]{0,2}",
    ) {
        let chars: Vec<char> = value.to_string().chars().collect();
        let start = at.index(chars.len());
        let end = (start + cut).min(chars.len());
        let text: String = chars[..start].iter().copied().chain(junk.chars()).chain(chars[end..].iter().copied()).collect();
        prop_assert_eq!(found(&text), expected(&text), "{}", text);
    }
}

#[test]
fn what_is_nested_too_deep_is_refused_and_nothing_overflows() {
    let nested = |depth: usize, open: &str, close: &str| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let most = usize::from(MAX_DEPTH);
    assert!(parts(&nested(most, "[", "]"), ARRAY).is_some());
    assert!(parts(&nested(most + 1, "[", "]"), ARRAY).is_none());
    assert!(parts(&format!(r#"{}1{}"#, r#"{"a":"#.repeat(most), "}".repeat(most)), OBJECT).is_some());
    for open in ["[", r#"{"a":"#, r#"[{"a":"#, "{"] {
        assert!(parts(&open.repeat(100_000), ARRAY).is_none() && parts(&open.repeat(100_000), OBJECT).is_none());
    }
}
