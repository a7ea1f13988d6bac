//! Replacing damaged bytes by marks.

use rollout_trace_schema::{
    json_text::{Nesting, check_document},
    packed::{Hole, PartKind, Span, SpanState, close_holes},
};

use super::records::Run;

/// Replaces damaged runs by marks, so that the document is valid JSON again. Returns `None` if it would not be.
pub(super) fn close(document: &mut Vec<u8>, runs: &[Run]) -> Option<Vec<Hole>> {
    let spans = spans(document, runs);
    let holes = close_holes(document, &spans)?;
    // The result may be invalid, because the kind of a run was inferred or a document uses only a piece of a part. The
    // nesting is checked later, as in every other document.
    check_document(document, Nesting::new(usize::MAX)).is_ok().then_some(holes)
}

/// Returns the spans of a document. A span of a lost record gets the kind that its surroundings suggest.
fn spans(document: &[u8], runs: &[Run]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::with_capacity(runs.len());
    let mut at = 0;
    // The last sound byte that is not white space.
    let mut last_byte = None;
    let mut in_element = false;
    let mut was_unknown = false;
    for run in runs {
        let len = run.len as usize;
        if run.kind.is_none()
            && was_unknown
            && let Some(before) = spans.last_mut()
        {
            before.len += len;
            at += len;
            continue;
        }
        let after = |kind| spans.last().is_some_and(|span| span.kind == kind);
        let opened = matches!(document[..at], [.., b':' | b',' | b'[', b'"']) && !was_unknown;
        let kind = run.kind.unwrap_or(match last_byte {
            _ if opened || after(PartKind::InString) => PartKind::InString,
            _ if in_element && after(PartKind::String) => PartKind::RestOfElement,
            Some(b'[' | b',') => PartKind::FirstElement,
            Some(b':') => PartKind::String,
            _ => PartKind::LaterElement,
        });
        in_element = match kind {
            PartKind::FirstElement | PartKind::LaterElement => true,
            PartKind::Text => false,
            PartKind::String | PartKind::RestOfElement | PartKind::InString => in_element,
        };
        was_unknown = run.kind.is_none();
        if run.state == SpanState::Sound {
            let bytes = document.get(at..at + len).unwrap_or_default();
            last_byte = bytes.iter().rev().find(|byte| !byte.is_ascii_whitespace()).copied().or(last_byte);
        } else {
            // A mark is a value, so it counts like the end of an object.
            last_byte = Some(b'}');
        }
        spans.push(Span { kind, len, state: run.state });
        at += len;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closes holes in a document that is drawn as runs divided by `|`: `?` begins a run of a lost record, `!` a
    /// damaged run.
    fn closed(text: &str) -> String {
        let mut document = Vec::new();
        let runs: Vec<Run> = text
            .split('|')
            .map(|part| {
                let (kind, state, text) = match part.split_at(1) {
                    ("?", rest) => (None, SpanState::Damaged, rest),
                    ("!", rest) => (Some(PartKind::String), SpanState::Damaged, rest),
                    ("s", rest) => (Some(PartKind::String), SpanState::Sound, rest),
                    ("e", rest) => (Some(PartKind::LaterElement), SpanState::Sound, rest),
                    ("i", rest) => (Some(PartKind::InString), SpanState::Sound, rest),
                    ("r", rest) => (Some(PartKind::RestOfElement), SpanState::Sound, rest),
                    _ => (Some(PartKind::Text), SpanState::Sound, part),
                };
                document.extend_from_slice(text.as_bytes());
                Run { kind, len: text.len() as u64, state }
            })
            .collect();
        match close(&mut document, &runs) {
            Some(_) => String::from_utf8(document).unwrap(),
            None => "lost".to_owned(),
        }
    }

    #[test]
    fn the_kinds_of_lost_data_are_inferred() {
        let mark = |bytes: usize| format!(r#"{{"type":"rollout_trace_damaged","bytes":{bytes}}}"#);
        assert_eq!(closed(r#"{"a":[|?{"b":1}|e,{"c":2}|]}"#), format!(r#"{{"a":[{},{{"c":2}}]}}"#, mark(7)));
        assert_eq!(closed(r#"{"a":[1|?,{"b":1}|?,7|e,{"c":2}|]}"#), format!(r#"{{"a":[1,{},{{"c":2}}]}}"#, mark(10)));
        assert_eq!(closed(r#"{"a":|?"text"|,"b":1}"#), r#"{"a":"[damaged: 6 bytes]","b":1}"#);
        assert_eq!(closed(r#"{"a":[|?{"b":|s"text"|?}|]}"#), format!(r#"{{"a":[{}]}}"#, mark(12)));
        assert_eq!(closed(r#"{"a":[0|e,{"b":|?"text"|r}|]}"#), r#"{"a":[0,{"b":"[damaged: 6 bytes]"}]}"#);
        assert_eq!(closed(r#"{"a":|s"text"|?,"b":1}"#), "lost");
        assert_eq!(closed(r#"{"a":"|?one|?two|","b":1}"#), r#"{"a":"[damaged: 6 bytes]","b":1}"#);
        assert_eq!(closed(r#"{"a":"|ione|?two|","b":1}"#), r#"{"a":"one[damaged: 3 bytes]","b":1}"#);
        assert_eq!(closed(r#"[0|e,{"a":"|?one|itwo|r"}|]"#), r#"[0,{"a":"[damaged: 3 bytes]two"}]"#);
        assert_eq!(closed(r#"?{"a":|s"text"|}"#), "lost");
    }
}
