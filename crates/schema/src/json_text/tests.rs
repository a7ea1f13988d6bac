//! The scanner against `serde_json`.

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, value::RawValue};

use super::*;

const DEEP: Nesting = Nesting::new(1 << 20);

fn value_end(text: &str) -> Result<usize, JsonTextError> {
    Cursor::new(text.as_bytes(), 0).value(DEEP).map(|range| range.end)
}

/// Returns arrays and objects nested in one another.
fn nested(depth: usize) -> String {
    let objects = |level: usize| level % 3 == 2 || level % 100 > 50;
    let open: String = (0..depth).map(|level| if objects(level) { r#"{"a":"# } else { "[" }).collect();
    let close: String = (0..depth).rev().map(|level| if objects(level) { "}" } else { "]" }).collect();
    let inside = if depth == 0 || objects(depth - 1) { "1" } else { "" };
    format!("{open}{inside}{close}")
}

#[test]
fn values() {
    let value = |text: &str| Cursor::new(text.as_bytes(), 0).value(DEEP).ok().map(|range| text[range].to_owned());
    for (text, expected) in [
        (r#" {"a":[1,{"b":"}\""}]} ,"#, Some(r#"{"a":[1,{"b":"}\""}]}"#)),
        ("12,13", Some("12")),
        ("-1.5e+7]", Some("-1.5e+7")),
        ("01", Some("0")),
        ("true}", Some("true")),
        (r#""a\\""b""#, Some(r#""a\\""#)),
        (r#""\ud83d \u00E9""#, Some(r#""\ud83d \u00E9""#)),
        ("[ ] ", Some("[ ]")),
        ("{ \"a\" : 1 , \"b\" : { } }", Some("{ \"a\" : 1 , \"b\" : { } }")),
        ("[1,2", None),
        ("[1 2]", None),
        ("[1,]", None),
        ("{\"a\":1,}", None),
        ("{1:1}", None),
        ("[1}", None),
        ("]", None),
        ("", None),
        ("\"a\\", None),
        ("\"a\nb\"", None),
        ("\"\\x\"", None),
        ("\"\\u12g4\"", None),
        ("-", None),
        ("1.", None),
        ("1e", None),
        (",1", None),
    ] {
        assert_eq!(value(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn errors_name_the_place_and_the_reason() {
    for (text, message) in [
        ("", "it ends after 0 bytes, where a value was expected"),
        ("[", "it ends after 1 byte, where a value was expected"),
        ("  x", "expected a value at byte 2, found `x`"),
        ("[1 2]", "expected `,` or `]` at byte 3, found `2`"),
        ("{\"a\":1", "it ends after 6 bytes, where `,` or `}` was expected"),
        ("{\"a\" 1}", "expected `:` at byte 5, found `1`"),
        ("{,}", "expected the name of a field at byte 1, found `,`"),
        ("\"a\nb\"", "expected the rest of a string at byte 2, found `\\n`"),
        ("\"\\x\"", "expected an escape at byte 2, found `x`"),
        ("\"\\u00e", "it ends after 6 bytes, where a hexadecimal digit was expected"),
        ("nul!", "expected `null`, `true` or `false` at byte 3, found `!`"),
        ("-a", "expected a digit at byte 1, found `a`"),
        ("1 2", "expected the end at byte 2, found `2`"),
    ] {
        assert_eq!(check_document(text.as_bytes(), DEEP).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn a_byte_order_mark_precedes_a_document() {
    assert_eq!(check_document(b"\xEF\xBB\xBF {}\n", DEEP), Ok(()));
    assert!(check_document(b"{\xEF\xBB\xBF}", DEEP).is_err());
}

#[test]
fn the_limit_is_the_deepest_that_is_read() {
    for limit in [0, 1, 2, 63, 64, 65, 127, 128, 129, 511, MAX_NESTING, 513, 100_000] {
        for depth in [limit.saturating_sub(1), limit, limit + 1] {
            let text = nested(depth);
            let checks = [check_document(text.as_bytes(), Nesting::new(limit)), check_nesting(text.as_bytes(), limit)];
            for check in checks {
                match check {
                    Ok(()) => assert!(depth <= limit, "{depth} of {limit}"),
                    Err(error) => {
                        assert_eq!(error.reason, JsonTextReason::TooDeep { limit });
                        assert!(depth > limit && matches!(text.as_bytes()[error.offset], b'[' | b'{'));
                    }
                }
            }
        }
    }
}

#[test]
fn levels_around_a_value_count() {
    let mut nesting = Nesting::new(3);
    for inside in (0..=3).rev() {
        assert!(Cursor::new(nested(inside).as_bytes(), 0).value(nesting).is_ok());
        assert!(Cursor::new(nested(inside + 1).as_bytes(), 0).value(nesting).is_err());
        match nesting.deeper(7) {
            Ok(deeper) => nesting = deeper,
            Err(error) => assert_eq!((inside, error.offset), (0, 7)),
        }
    }
}

#[test]
fn brackets_in_strings_are_no_levels() {
    let text = format!(r#"["{}\"{{{{"]"#, "[".repeat(2000));
    assert_eq!(check_nesting(text.as_bytes(), 1), Ok(()));
    assert_eq!(check_document(text.as_bytes(), Nesting::new(1)), Ok(()));
}

#[test]
fn quotes_that_are_not_escaped() {
    let found: Vec<usize> = Quotes::new(br#"a"b\"\\"c\"#, 0).collect();
    assert_eq!(found, [1, 7]);
    assert_eq!(string_end(br#"a"b\"\\"c"#, 1), Some(8));
    assert_eq!(string_end(br#"a"b\""#, 1), None);
}

#[test]
fn strings_of_a_text() {
    let text = br#"{"a":"bb","cccc":"\"dd","e":"ffff"#;
    let found: Vec<_> = strings(text).map(|range| &text[range]).collect();
    assert_eq!(found, [&br#""a""#[..], br#""bb""#, br#""cccc""#, br#""\"dd""#, br#""e""#]);
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\\x00-\\x22\\[\\]{},:\\\\/é😀]{0,20}".prop_map(Value::from),
    ];
    scalar.prop_recursive(6, 48, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,5}", inner, 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// Returns a string that is written with every escape that JSON has, where another writer might have used none.
fn escaped(text: &str) -> String {
    let units: Vec<u16> = text.encode_utf16().collect();
    let escape = |unit: &u16| match unit {
        0x22 => "\\\"".to_owned(),
        0x5c => "\\\\".to_owned(),
        0x2f => "\\/".to_owned(),
        0x08 => "\\b".to_owned(),
        0x0c => "\\f".to_owned(),
        0x0a => "\\n".to_owned(),
        0x0d => "\\r".to_owned(),
        0x09 => "\\t".to_owned(),
        unit if unit % 2 == 0 => format!("\\u{unit:04x}"),
        unit => format!("\\u{unit:04X}"),
    };
    format!("\"{}\"", units.iter().map(escape).collect::<String>())
}

/// Texts that are nearly JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\n", "\\u00e9", "\\ud83d", "\\ude00", "\\u12", "\n", " ", "é",
        "null", "true", "fals", "-7", "0", "01", "12", "1.5", "1e400", "-1E-3", ".5", "a", "\"a\":", "\"b\",", "[]",
        "{}", "\u{1}",
    ];
    prop::collection::vec(select(PIECES), 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_value_is_skipped_to_its_exact_end(value in value(), after in select(vec!["", ",", "]", "}", ":", " ", "x"])) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).expect("JSON")] {
            let longer = format!("{text}{after}");
            // A number or a word could go on, but not with any of these.
            prop_assert_eq!(value_end(&longer), Ok(text.len()));
        }
    }

    #[test]
    fn every_prefix_of_a_value_is_incomplete(value in value()) {
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        for end in 0..text.len() {
            match Cursor::new(&text.as_bytes()[..end], 0).value(DEEP) {
                // The first digits of a number are one.
                Ok(range) => prop_assert!(value.is_number() && range.end == end),
                Err(error) => prop_assert!(error.is_incomplete() && error.offset == end, "{}: {}", &text, error),
            }
        }
    }

    #[test]
    fn strings_with_all_escapes(text in any::<String>(), dense in "[\\x00-\\x22/\\x5b-\\x5dé😀]{0,40}") {
        for text in [text, dense] {
            let string = escaped(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&string).expect("JSON"), text);
            prop_assert_eq!(value_end(&format!("{string}\"")), Ok(string.len()));
            prop_assert_eq!(string_end(string.as_bytes(), 0), Some(string.len()));
            for end in 0..string.len() {
                prop_assert!(value_end(&string[..end]).is_err_and(|error| error.is_incomplete()));
                prop_assert_eq!(string_end(&string.as_bytes()[..end], 0), None);
            }
        }
    }

    #[test]
    fn what_is_skipped_is_what_serde_json_skips(text in nearly_json()) {
        let ours = check_document(text.as_bytes(), DEEP);
        prop_assert_eq!(ours.is_ok(), serde_json::from_str::<&RawValue>(&text).is_ok(), "{}: {:?}", text, ours);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, near in nearly_json(), at in 0..3_usize) {
        for text in [&bytes[..], near.as_bytes()] {
            _ = check_document(text, Nesting::new(3));
            _ = check_nesting(text, 1);
            _ = check_nesting(text, 0);
            if at <= text.len() {
                _ = Cursor::new(text, at).value(DEEP);
            }
            strings(text).for_each(|string| assert!(string.len() > 1 && string.end <= text.len()));
            Quotes::new(text, at).for_each(|quote| assert_eq!(text[quote], b'"'));
            _ = pair_surrogates(&String::from_utf8_lossy(text));
        }
    }
}
