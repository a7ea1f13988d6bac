//! The text of a document whose parts may be damaged.

use super::PartKind;

/// Whether a span of a document is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanState {
    /// The bytes are those that were written.
    Sound,
    /// The bytes cannot be read, and the bytes in their place have no meaning.
    Damaged,
}

/// A span of a document's bytes that comes from one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The kind of the part.
    pub kind: PartKind,
    /// The number of bytes.
    pub len: usize,
    /// Whether the bytes are sound.
    pub state: SpanState,
}

/// A place in a document where a mark replaces damaged bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The offset of the mark.
    pub offset: usize,
    /// The number of bytes that the mark replaces.
    pub bytes: usize,
}

/// Replaces damaged strings and array elements by marks, so that the document is valid JSON again.
///
/// `spans` divide the document. A string becomes `"[damaged: N bytes]"`, the inside of a string becomes the same
/// without quotes, and an array element becomes `{"type":"rollout_trace_damaged","bytes":N}`. Returns `None` if any
/// other text is damaged.
pub fn close_holes(document: &mut Vec<u8>, spans: &[Span]) -> Option<Vec<Hole>> {
    let mut out = Vec::with_capacity(document.len());
    let mut holes = Vec::new();
    let (mut at, mut next) = (0, 0);
    while let Some(span) = spans.get(next) {
        // Strings and rests that follow the beginning of an element belong to that element; text does not.
        let in_element = matches!(span.kind, PartKind::FirstElement | PartKind::LaterElement);
        let mut end = next + 1;
        if in_element {
            let belongs =
                |span: &Span| matches!(span.kind, PartKind::String | PartKind::RestOfElement | PartKind::InString);
            end += spans[end..].iter().take_while(|span| belongs(span)).count();
        }
        let group = &spans[next..end];
        let bytes: usize = group.iter().map(|span| span.len).sum();
        let damaged = |span: &Span| span.state == SpanState::Damaged;
        let is_text = |span: &Span| matches!(span.kind, PartKind::String | PartKind::InString);
        let only_strings = group.iter().all(|span| !damaged(span) || is_text(span));
        if only_strings {
            for span in group {
                if damaged(span) {
                    holes.push(Hole { offset: out.len(), bytes: span.len });
                    let quote = if span.kind == PartKind::String { "\"" } else { "" };
                    out.extend_from_slice(format!("{quote}[damaged: {} bytes]{quote}", span.len).as_bytes());
                } else {
                    out.extend_from_slice(document.get(at..at + span.len)?);
                }
                at += span.len;
            }
        } else if in_element {
            if span.kind == PartKind::LaterElement {
                out.push(b',');
            }
            holes.push(Hole { offset: out.len(), bytes });
            out.extend_from_slice(format!("{{\"type\":\"rollout_trace_damaged\",\"bytes\":{bytes}}}").as_bytes());
            at += bytes;
        } else {
            return None;
        }
        next = end;
    }
    out.extend_from_slice(document.get(at..)?);
    *document = out;
    Some(holes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(parts: &[(PartKind, &str, bool)]) -> Option<(String, usize)> {
        let mut document: Vec<u8> = parts.iter().flat_map(|(_, text, _)| text.bytes()).collect();
        let spans: Vec<Span> = parts
            .iter()
            .map(|&(kind, text, sound)| Span {
                kind,
                len: text.len(),
                state: if sound { SpanState::Sound } else { SpanState::Damaged },
            })
            .collect();
        let holes = close_holes(&mut document, &spans)?;
        Some((String::from_utf8(document).expect("text"), holes.len()))
    }

    #[test]
    fn elements_and_strings_are_marked_and_the_rest_stays() {
        use PartKind::{FirstElement, LaterElement, RestOfElement, String, Text};
        let document = |damaged: usize| {
            let parts = [
                (Text, r#"{"instructions":"#),
                (String, r#""be good""#),
                (Text, r#","input":["#),
                (FirstElement, r#"{"text":"#),
                (String, r#""one""#),
                (RestOfElement, "}"),
                (LaterElement, r#",{"text":"two"}"#),
                (Text, "]}"),
            ];
            let parts: Vec<_> =
                parts.iter().enumerate().map(|(index, &(kind, text))| (kind, text, index != damaged)).collect();
            closed(&parts)
        };
        let check = |damaged, expected: Option<&str>| {
            let found = document(damaged);
            assert_eq!(found.as_ref().map(|(text, _)| text.as_str()), expected, "part {damaged}");
            if let Some((text, holes)) = found {
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
                assert_eq!(holes, usize::from(damaged < 8));
            }
        };
        let whole = r#"{"instructions":"be good","input":[{"text":"one"},{"text":"two"}]}"#;
        check(9, Some(whole));
        check(0, None);
        check(1, Some(r#"{"instructions":"[damaged: 9 bytes]","input":[{"text":"one"},{"text":"two"}]}"#));
        let first =
            r#"{"instructions":"be good","input":[{"type":"rollout_trace_damaged","bytes":14},{"text":"two"}]}"#;
        check(3, Some(first));
        check(4, Some(r#"{"instructions":"be good","input":[{"text":"[damaged: 5 bytes]"},{"text":"two"}]}"#));
        check(5, Some(first));
        check(
            6,
            Some(r#"{"instructions":"be good","input":[{"text":"one"},{"type":"rollout_trace_damaged","bytes":15}]}"#),
        );
        check(7, None);
    }

    #[test]
    fn what_is_damaged_in_a_string_is_marked_in_it() {
        use PartKind::{FirstElement, InString, RestOfElement, Text};
        let parts = |first, second| {
            closed(&[
                (Text, "[", true),
                (FirstElement, r#"{"text":""#, true),
                (InString, "one ", first),
                (InString, r"two\n", second),
                (RestOfElement, r#""}"#, true),
                (Text, "]", true),
            ])
        };
        let expected = |text: &str, holes| Some((format!(r#"[{{"text":"{text}"}}]"#), holes));
        assert_eq!(parts(true, true), expected(r"one two\n", 0));
        assert_eq!(parts(false, true), expected(r"[damaged: 4 bytes]two\n", 1));
        assert_eq!(parts(false, false), expected("[damaged: 4 bytes][damaged: 5 bytes]", 2));
    }
}
