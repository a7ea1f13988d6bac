//! The records of a file that is one JSON object.

use std::collections::VecDeque;

use rollout_trace_schema::{
    EvidenceSource,
    json_text::{Cursor, JsonTextError, Nesting},
};

use crate::{
    Limits,
    object::Object,
    problem::{Problem, ProblemCode},
    sources::Record,
};

/// Returns the fields of an object but this one, which is a list, and then the elements of the list. Of a damaged file,
/// these are the ones before the damage.
pub(crate) fn document_records(file: u32, text: &str, list: &str, limits: Limits) -> VecDeque<Record> {
    let mut reading = Reading { text, line: (0, 1), fields: String::new(), elements: Vec::new() };
    let result = reading.object(list, Nesting::new(limits.max_nesting));
    let Reading { mut fields, elements, .. } = reading;
    fields.push('}');
    let place = |line| EvidenceSource { file, line };
    let mut records = VecDeque::new();
    if Object::parse(&fields).is_some() {
        records.push_back(Record::Object(place(1), fields));
    }
    for (line, element) in elements {
        if Object::parse(element).is_some() {
            records.push_back(Record::Object(place(line), element.to_owned()));
        } else {
            let message = "the message is not a JSON object; it is lost".to_owned();
            records.push_back(Record::Problem(Problem { code: ProblemCode::UnparsableLine, file, line, message }));
        }
    }
    if let Err(error) = result {
        let line = line_of(text, error.offset);
        let (code, message) = if error.is_incomplete() {
            (ProblemCode::TornLine, "the file ends within its object; what comes before is used".to_owned())
        } else {
            let message = format!("the file cannot be read from here on: {error}; what comes before is used");
            (ProblemCode::UnparsableLine, message)
        };
        records.push_back(Record::Problem(Problem { code, file, line, message }));
    }
    records
}

/// Returns the fields before a list with this name of an object that may be cut, as an object.
pub(crate) fn document_head(text: &str, list: &str) -> Option<String> {
    let mut reading = Reading { text, line: (0, 1), fields: String::new(), elements: Vec::new() };
    // A cut object has a head as well.
    let _ = reading.object(list, Nesting::default());
    let fields = format!("{}}}", reading.fields);
    Object::parse(&fields).is_some().then_some(fields)
}

fn line_of(text: &str, offset: usize) -> u64 {
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count() as u64
}

struct Reading<'t> {
    text: &'t str,
    /// An offset, and its line.
    line: (usize, u64),
    /// The other fields, as an object without its end.
    fields: String,
    elements: Vec<(u64, &'t str)>,
}

impl<'t> Reading<'t> {
    fn object(&mut self, list: &str, nesting: Nesting) -> Result<(), JsonTextError> {
        let text = self.text;
        let mut cursor = Cursor::of_document(text.as_bytes());
        let inside = nesting.deeper(cursor.offset())?;
        cursor.expect(b'{')?;
        self.fields.push('{');
        let mut is_first = true;
        while !cursor.take(b'}') {
            if !std::mem::take(&mut is_first) {
                cursor.expect(b',')?;
            }
            cursor.peek();
            let name = cursor.string()?;
            cursor.expect(b':')?;
            if text[name.clone()].trim_matches('"') == list && cursor.peek() == Some(b'[') {
                let nesting = inside.deeper(cursor.offset())?;
                self.list(&mut cursor, nesting)?;
                continue;
            }
            cursor.peek();
            let value = cursor.value(inside)?;
            if self.fields.len() > 1 {
                self.fields.push(',');
            }
            self.fields.push_str(&format!("{}:{}", &text[name], &text[value]));
        }
        cursor.end()
    }

    fn list(&mut self, cursor: &mut Cursor<'t>, nesting: Nesting) -> Result<(), JsonTextError> {
        cursor.expect(b'[')?;
        if cursor.take(b']') {
            return Ok(());
        }
        loop {
            cursor.peek();
            let element = cursor.value(nesting)?;
            let (offset, line) = self.line;
            let line = line + memchr::memchr_iter(b'\n', &self.text.as_bytes()[offset..element.start]).count() as u64;
            self.line = (element.start, line);
            self.elements.push((line, &self.text[element]));
            if !cursor.take(b',') {
                return cursor.expect(b']');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<String> {
        let records = document_records(0, text, "messages", Limits::default());
        let drawn = |record| match record {
            Record::Object(place, text) => format!("{} {text}", place.line),
            Record::Problem(problem) => format!("{} {}", problem.line, problem.code.as_str()),
        };
        records.into_iter().map(drawn).collect()
    }

    const DOCUMENT: &str = "{\n \"id\": \"s\",\n \"messages\": [\n  {\"a\": 1},\n  {\"b\": 2}\n ],\n \"x\": []\n}\n";

    #[test]
    fn fields_and_elements() {
        assert_eq!(records(DOCUMENT), [r#"1 {"id":"s","x":[]}"#, r#"4 {"a": 1}"#, r#"5 {"b": 2}"#]);
        assert_eq!(records(r#"{"messages":[],"id":1}"#), [r#"1 {"id":1}"#]);
        assert_eq!(document_head(&DOCUMENT[..50], "messages").as_deref(), Some(r#"{"id":"s"}"#));
        assert_eq!(document_head("none", "messages"), None);
    }

    #[test]
    fn what_comes_before_damage_is_used() {
        for end in 0..DOCUMENT.len() - 2 {
            let cut = records(&DOCUMENT[..end]);
            assert!(cut.last().unwrap().ends_with("source_torn_line"), "{end}: {cut:?}");
        }
        assert_eq!(
            records(&DOCUMENT.replace("2}", "2")),
            [r#"1 {"id":"s"}"#, r#"4 {"a": 1}"#, "6 source_unparsable_line"]
        );
    }
}
