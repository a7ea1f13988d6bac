//! Changing single fields of a manifest.

use std::ops::Range;

use rollout_trace_schema::{
    SchemaVersion,
    json_text::{Cursor, Nesting},
};

const FIELD: &[u8] = b"\"payload_layout\"";

const VERSION_FIELD: &[u8] = b"\"schema_version\"";

/// The maximum number of times that the field is removed. Only a manifest that no writer wrote has more.
const MAX_REPETITIONS: usize = 8;

/// Returns the manifest with this layout or without any, and otherwise unchanged. Returns `None` if it is not a JSON
/// object.
pub(super) fn with_layout(manifest: &[u8], layout: Option<&str>) -> Option<Vec<u8>> {
    let mut text = manifest.to_vec();
    for _ in 0..MAX_REPETITIONS {
        let Some(cut) = members(&text)?.into_iter().find(|member| text[member.key.clone()] == *FIELD) else { break };
        text.drain(cut.cut);
    }
    let Some(layout) = layout else { return Some(text) };
    let members = members(&text)?;
    let mut field = Vec::new();
    let at = match members.last() {
        Some(last) => {
            // The field is indented like the one before it.
            field.push(b',');
            field.extend_from_slice(&text[last.space.clone()]);
            last.value.end
        }
        None => text.iter().position(|byte| *byte == b'{')? + 1,
    };
    field.extend_from_slice(FIELD);
    field.extend_from_slice(members.last().map_or(b":", |last| &text[last.key.end..last.value.start]));
    field.extend_from_slice(format!("\"{layout}\"").as_bytes());
    text.splice(at..at, field);
    Some(text)
}

/// Returns the manifest with schema version 3 and without a layout, and otherwise unchanged. Returns `None` if it is not a
/// JSON object with a schema version.
pub(super) fn as_schema_3(manifest: &[u8]) -> Option<Vec<u8>> {
    let mut text = with_layout(manifest, None)?;
    let version = members(&text)?.into_iter().find(|member| text[member.key.clone()] == *VERSION_FIELD)?;
    text.splice(version.value, SchemaVersion::V3.number().to_string().into_bytes());
    Some(text)
}

struct Member {
    /// The white space before the member.
    space: Range<usize>,
    key: Range<usize>,
    value: Range<usize>,
    /// The range to remove so that a valid object without the member remains.
    cut: Range<usize>,
}

fn members(text: &[u8]) -> Option<Vec<Member>> {
    let mut cursor = Cursor::of_document(text);
    let start = cursor.offset();
    cursor.expect(b'{').ok()?;
    let in_object = Nesting::default().deeper(start).ok()?;
    let mut members: Vec<Member> = Vec::new();
    while cursor.peek()? != b'}' {
        let before = members.last().map(|last| last.value.end);
        if before.is_some() {
            cursor.expect(b',').ok()?;
        }
        let after_brace = before.map_or_else(|| text[start..].iter().position(|byte| *byte == b'{'), |_| None);
        let space_start = after_brace.map_or(cursor.offset(), |at| start + at + 1);
        cursor.peek();
        let space = space_start..cursor.offset();
        let key = cursor.string().ok()?;
        cursor.expect(b':').ok()?;
        let value = cursor.value(in_object).ok()?;
        let cut = match before {
            Some(before) => before..value.end,
            None => {
                let mut after = cursor.clone();
                let end = if after.take(b',') { after.offset() } else { value.end };
                space.start..end
            }
        };
        members.push(Member { space, key, value, cut });
    }
    Some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Option<Vec<u8>>) -> Option<String> {
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn there_and_back() {
        for (manifest, packed) in [
            (r#"{"a":1.50,"b":[1, 2]}"#, r#"{"a":1.50,"b":[1, 2],"payload_layout":"packed-2"}"#),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "{\n  \"a\": 1,\n  \"b\": 2,\n  \"payload_layout\": \"packed-2\"\n}\n"),
            ("{}", r#"{"payload_layout":"packed-2"}"#),
            ("\u{feff} { \"a\" : {} }", "\u{feff} { \"a\" : {}, \"payload_layout\" : \"packed-2\" }"),
        ] {
            assert_eq!(text(with_layout(manifest.as_bytes(), Some("packed-2"))).as_deref(), Some(packed));
            assert_eq!(text(with_layout(packed.as_bytes(), None)).as_deref(), Some(manifest));
            assert_eq!(text(with_layout(packed.as_bytes(), Some("packed-2"))).as_deref(), Some(packed));
            assert_eq!(text(with_layout(manifest.as_bytes(), None)).as_deref(), Some(manifest));
        }
    }

    #[test]
    fn schema_3() {
        let manifest = b"{\n  \"schema_version\": 2,\n  \"a\": 1.50,\n  \"payload_layout\": \"packed-2\"\n}\n";
        let expected = "{\n  \"schema_version\": 3,\n  \"a\": 1.50\n}\n";
        assert_eq!(text(as_schema_3(manifest)).as_deref(), Some(expected));
        assert_eq!(as_schema_3(b"{}"), None);
    }

    #[test]
    fn the_field_is_removed_wherever_it_is() {
        let check = |from: &str, to: &str| assert_eq!(text(with_layout(from.as_bytes(), None)).as_deref(), Some(to));
        check(r#"{"payload_layout":"x","a":1}"#, r#"{"a":1}"#);
        check(r#"{"a":1,"payload_layout":{"x":[]},"b":2,"payload_layout":1}"#, r#"{"a":1,"b":2}"#);
        check(r#"{"payload_layout":"x"}"#, "{}");
        for broken in ["", "[]", "{\"a\":1", "{\"a\" 1}", "{,}"] {
            assert_eq!(with_layout(broken.as_bytes(), Some("packed-2")), None, "{broken}");
        }
    }
}
