//! Dividing a document into units, which may already be stored.

use std::ops::Range;

use rollout_trace_schema::{
    json_text::{Cursor, Nesting},
    packed::PartKind,
};

/// A run of a document that is stored, or found to be already stored, as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// [`PartKind::Text`], or an array's first or later element.
    pub(super) kind: PartKind,
    pub(super) range: Range<usize>,
}

/// Returns the units of a document: the elements of the arrays that are its fields, and the text around them.
///
/// Returns `None` if the document has another shape, or nests deeper than readers accept.
pub(super) fn of_document(bytes: &[u8]) -> Option<Vec<Unit>> {
    let mut units = Vec::new();
    let mut text = 0;
    let mut cursor = Cursor::new(bytes, 0);
    let in_document = Nesting::default().deeper(0).ok()?;
    let in_field = in_document.deeper(0).ok()?;
    cursor.expect(b'{').ok()?;
    let mut is_first = true;
    while !cursor.take(b'}') {
        if !is_first {
            cursor.expect(b',').ok()?;
        }
        is_first = false;
        cursor.peek();
        cursor.string().ok()?;
        cursor.expect(b':').ok()?;
        if cursor.peek()? != b'[' {
            cursor.value(in_document).ok()?;
            continue;
        }
        cursor.expect(b'[').ok()?;
        if cursor.peek()? != b']' {
            let first = cursor.value(in_field).ok()?;
            units.push(Unit { kind: PartKind::Text, range: text..first.start });
            text = first.end;
            units.push(Unit { kind: PartKind::FirstElement, range: first });
            let mut after = cursor.clone();
            while after.take(b',') {
                after.value(in_field).ok()?;
                units.push(Unit { kind: PartKind::LaterElement, range: text..after.offset() });
                text = after.offset();
                cursor = after.clone();
            }
        }
        cursor.expect(b']').ok()?;
    }
    units.push(Unit { kind: PartKind::Text, range: text..bytes.len() });
    Some(units)
}

/// Returns the units of bytes that are later elements of an array. Returns `None` if they are anything else.
pub(super) fn of_elements(bytes: &[u8], range: Range<usize>) -> Option<Vec<Unit>> {
    let mut units = Vec::new();
    let mut cursor = Cursor::new(&bytes[..range.end], range.start);
    let in_field = Nesting::default().deeper(0).ok()?.deeper(0).ok()?;
    let mut at = range.start;
    while at < range.end {
        cursor.expect(b',').ok()?;
        cursor.value(in_field).ok()?;
        units.push(Unit { kind: PartKind::LaterElement, range: at..cursor.offset() });
        at = cursor.offset();
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(text: &str, units: Option<Vec<Unit>>) -> Vec<String> {
        let units = units.unwrap_or_default();
        units.into_iter().map(|unit| format!("{:?} {}", unit.kind, &text[unit.range])).collect()
    }

    #[test]
    fn elements_of_fields() {
        let text = r#"{"a": 1, "input": [ {"b":[1]} , 2,"c"], "d": [], "e": {"f":[3,4]}, "g":[5] }"#;
        assert_eq!(
            drawn(text, of_document(text.as_bytes())),
            [
                r#"Text {"a": 1, "input": [ "#,
                r#"FirstElement {"b":[1]}"#,
                r#"LaterElement  , 2"#,
                r#"LaterElement ,"c""#,
                r#"Text ], "d": [], "e": {"f":[3,4]}, "g":["#,
                "FirstElement 5",
                "Text ] }",
            ]
        );
        for text in ["[1,2]", "1", "", r#"{"a":[1 2]}"#, r#"{"a":[1,]}"#, r#"{"a""#] {
            assert_eq!(of_document(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn elements_alone() {
        let text = "[1 , {\"a\":2},3]";
        assert_eq!(drawn(text, of_elements(text.as_bytes(), 2..14)), ["LaterElement  , {\"a\":2}", "LaterElement ,3"]);
        assert_eq!(of_elements(text.as_bytes(), 1..14), None);
        assert_eq!(of_elements(text.as_bytes(), 2..15), None);
        assert_eq!(of_elements(text.as_bytes(), 2..2), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn units_divide_the_document(json in r#"\{("[ab]":(\[(1|"a"|\{\}|,| ){0,6}\]|2|\{\})|,){0,6}\}"#) {
            if let Some(units) = of_document(json.as_bytes()) {
                let mut at = 0;
                for unit in units {
                    assert_eq!(unit.range.start, at);
                    at = unit.range.end;
                }
                assert_eq!(at, json.len());
            }
        }
    }
}
