//! Documents of events, of which requests repeat the one before.

use std::{collections::HashMap, sync::Arc};

use rollout_trace_schema::{RawEvent, ThreadId};
use serde_json::value::RawValue;

use crate::{object::Object, writer::Item};

/// How the text of a request begins.
const START: &[u8] = br#"{"input":["#;

/// A document that an imported event refers to.
///
/// A session's requests repeat its history, so what a request adds is all that an import makes of it.
/// [`DocumentTexts`] puts the texts together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportedDocument {
    /// A document by itself.
    Whole(Vec<u8>),
    /// A request.
    Request {
        /// How many bytes at the start are those of the thread's last request.
        kept: usize,
        /// The bytes after them.
        rest: Vec<u8>,
    },
}

/// The texts of documents, and of the last request of each thread.
#[derive(Debug, Default)]
pub struct DocumentTexts {
    /// The text of the last request, by the file that it follows from and its thread.
    requests: HashMap<(u32, ThreadId), Vec<u8>>,
    /// The file that the last request of each thread follows from.
    files: HashMap<ThreadId, u32>,
}

impl DocumentTexts {
    /// Returns the text of an event's document, and how many bytes at its start are those of the last request of the
    /// event's thread. The documents of all events must be given in their order.
    pub fn text<'a>(&'a mut self, event: &RawEvent, document: &'a ImportedDocument) -> (&'a [u8], usize) {
        let (kept, rest) = match document {
            ImportedDocument::Whole(text) => return (text, 0),
            ImportedDocument::Request { kept, rest } => (*kept, rest),
        };
        let thread = event.thread_id.clone().unwrap_or_else(|| ThreadId::from(""));
        let file = event.source.map_or(0, |place| place.file);
        // Two files may say that they are of one thread. Then each continues its own requests.
        let follows = self.files.insert(thread.clone(), file) == Some(file);
        let text = self.requests.entry((file, thread)).or_default();
        text.truncate(kept);
        text.extend_from_slice(rest);
        (text, if follows { kept } else { 0 })
    }
}

/// The last request of a thread.
#[derive(Debug, Default)]
pub(crate) struct LastRequest {
    /// Its items, and where each ends in its text.
    items: Vec<(Arc<RawValue>, usize)>,
}

impl LastRequest {
    /// Returns the document of the next request: these items, and the other fields, of which there is at least one.
    pub(crate) fn next<'i>(
        &mut self,
        items: impl IntoIterator<Item = &'i Item>,
        fields: &Object<'_>,
    ) -> ImportedDocument {
        let mut items = items.into_iter().peekable();
        let mut same = 0;
        while let (Some(item), Some((known, _))) = (items.peek(), self.items.get(same))
            && Arc::ptr_eq(&item.json, known)
        {
            items.next();
            same += 1;
        }
        self.items.truncate(same);
        let kept = self.items.last().map_or(0, |(_, end)| *end);
        let mut rest = if kept == 0 { START.to_vec() } else { Vec::new() };
        for item in items {
            if !self.items.is_empty() {
                rest.push(b',');
            }
            rest.extend_from_slice(item.json.get().as_bytes());
            self.items.push((Arc::clone(&item.json), kept + rest.len()));
        }
        rest.extend_from_slice(b"],");
        let fields = fields.to_text();
        rest.extend(fields.bytes().skip(1));
        ImportedDocument::Request { kept, rest }
    }

    /// Forgets the request, because its event was taken back.
    pub(crate) fn forget(&mut self) {
        self.items.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::raw;

    #[test]
    fn a_request_is_what_it_adds() {
        let item = |id: &str| Item::new(id, raw(&json!({"id": id})));
        let [a, b, c] = ["a", "b", "c"].map(item);
        let fields = Object::parse(r#"{"model":"m"}"#).unwrap();
        let mut last = LastRequest::default();
        let mut text = String::new();
        let mut next = |items: &[&Item]| {
            let ImportedDocument::Request { kept, rest } = last.next(items.iter().copied(), &fields) else {
                panic!("not a request")
            };
            text.truncate(kept);
            text.push_str(std::str::from_utf8(&rest).unwrap());
            (kept, text.clone())
        };
        assert_eq!(next(&[]), (0, r#"{"input":[],"model":"m"}"#.to_owned()));
        assert_eq!(next(&[&a, &b]), (0, r#"{"input":[{"id":"a"},{"id":"b"}],"model":"m"}"#.to_owned()));
        assert_eq!(next(&[&a, &b, &c]), (31, r#"{"input":[{"id":"a"},{"id":"b"},{"id":"c"}],"model":"m"}"#.to_owned()));
        assert_eq!(next(&[&a, &c]), (20, r#"{"input":[{"id":"a"},{"id":"c"}],"model":"m"}"#.to_owned()));
    }
}
