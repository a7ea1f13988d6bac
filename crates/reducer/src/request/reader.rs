//! Reading a request while skipping what it repeats.

use std::ops::Range;

use rollout_trace_evidence::{PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_model::ItemId;
use rollout_trace_schema::{
    PayloadRef, RawPayloadId,
    json_text::{Cursor, Expected, JsonTextError, Nesting},
};

use super::damage::RequestDamage;
use crate::{documents::damage, json::Json};

/// Reads the requests of one thread.
///
/// Keeps the text of the last request and what is known about it, so that only the changed part of the next one is
/// parsed. Example: after `{"input":[A,B],"model":"m"}`, only C is parsed of `{"input":[A,B,C],"model":"m"}`.
#[derive(Debug, Default)]
pub(crate) struct RequestReader {
    buffer: PayloadBuffer,
    known: Option<Known>,
}

/// What is known about the request in the buffer.
#[derive(Debug)]
struct Known {
    layout: Layout,
    /// Its conversation items.
    items: Vec<ItemId>,
    /// The number of leading items that are certain to be identified as the same items again.
    stable: usize,
    /// The ids of the parts that are not in its text, sorted.
    missing_parts: Vec<RawPayloadId>,
}

/// The offsets of the parts of a request's text.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// The offset after the bracket that opens the input.
    input_start: usize,
    elements: Vec<Element>,
    /// The offset of the bracket that closes the input.
    input_end: usize,
    /// The text from there on.
    tail: Tail,
    /// `previous_response_id` before and after the input.
    previous_before: Option<String>,
    previous_after: Option<String>,
}

/// The text after the input.
#[derive(Debug, Default)]
struct Tail {
    text: Vec<u8>,
    /// The offset in `text` at which each field ends.
    fields: Vec<usize>,
}

impl Tail {
    /// Returns the number of leading fields that this tail shares with the text of another one.
    fn shared_fields(&self, other: &[u8]) -> usize {
        let mut start = 0;
        let is_shared = |end: &&usize| {
            // The next byte is compared too, because a number could continue there.
            let field = start..**end + 1;
            start = **end;
            self.text.get(field.clone()).is_some_and(|field_of_both| other.get(field) == Some(field_of_both))
        };
        self.fields.iter().take_while(is_shared).count()
    }
}

/// One element of the input.
#[derive(Clone, Copy, Debug)]
struct Element {
    end: usize,
    /// How many conversation items the input holds up to here.
    items: usize,
}

/// The content of a request.
#[derive(Debug)]
pub(crate) struct RequestDocument<'a> {
    pub(crate) input: Input<'a>,
    pub(crate) previous_response_id: Option<String>,
    /// Why it could not be read to its end.
    pub(crate) damage: Option<RequestDamage>,
    /// How many leading elements of its input are known from the previous request.
    pub(crate) shared_elements: usize,
    /// Its text.
    pub(crate) text: &'a [u8],
    /// Whether bytes that are not UTF-8 were replaced.
    pub(crate) replaced_bytes: bool,
    /// How much of the text is damaged and replaced by marks, in words.
    pub(crate) marks: Option<String>,
    /// The ids of the parts that are not in it, sorted.
    pub(crate) missing_parts: &'a [RawPayloadId],
    /// The offsets of its parts, if it could be read to its end.
    pub(crate) layout: Option<Layout>,
}

/// The input of a request.
#[derive(Debug)]
pub(crate) enum Input<'a> {
    /// The first `known` items of the previous request, in the same places, and then `rest`.
    Items { known: usize, rest: Vec<Json<'a>> },
    /// A string, which counts as one message of the user.
    Text(String),
    /// A value of another type.
    Other,
    /// The request has no input.
    Missing,
}

impl Input<'_> {
    fn into_owned<'b>(self) -> Input<'b> {
        match self {
            Self::Items { known, rest } => {
                Input::Items { known, rest: rest.into_iter().map(Json::into_owned).collect() }
            }
            Self::Text(text) => Input::Text(text),
            Self::Other => Input::Other,
            Self::Missing => Input::Missing,
        }
    }
}

impl<'a> RequestDocument<'a> {
    /// Returns where the elements of the input are in the text, if that is known.
    pub(crate) fn input_range(&self) -> Option<Range<usize>> {
        self.layout.as_ref().map(|layout| layout.input_start..layout.input_end)
    }

    fn new(input: Input<'a>, layout: Layout, damage: Option<RequestDamage>) -> Self {
        let previous_response_id = layout.previous_after.clone().or_else(|| layout.previous_before.clone());
        let whole = damage.is_none() && matches!(input, Input::Items { .. });
        Self {
            input,
            previous_response_id,
            damage,
            shared_elements: 0,
            text: &[],
            replaced_bytes: false,
            marks: None,
            missing_parts: &[],
            layout: whole.then_some(layout),
        }
    }
}

impl RequestReader {
    /// Returns whether anything is known about the last request.
    pub(crate) fn holds_request(&self) -> bool {
        self.known.is_some()
    }

    /// Returns the number of leading items that the last request shares with this snapshot and that need not be
    /// identified again.
    pub(crate) fn shared_items(&self, snapshot: &[ItemId]) -> usize {
        self.known.as_ref().map_or(0, |known| {
            known.items[..known.stable].iter().zip(snapshot).take_while(|(old, new)| old == new).count()
        })
    }

    /// Reads the next request, of which at most `shared_items` items need not be identified again.
    pub(crate) fn read(
        &mut self,
        reference: &PayloadRef,
        payloads: &mut dyn PayloadSource,
        max_nesting: usize,
        shared_items: usize,
    ) -> Result<RequestDocument<'_>, PayloadError> {
        payloads.load(reference, &mut self.buffer)?;
        let known = self.known.take();
        if let Some(known) = known
            && self.buffer.unchanged_prefix() > known.layout.input_start
            && !placeholders_differ(&self.buffer, &known.missing_parts)
        {
            let unchanged = self.buffer.unchanged_prefix();
            let tail_is_known = self.buffer.unchanged_suffix() >= known.layout.tail.text.len();
            let layout = known.layout;
            let document = resume(self.buffer.bytes(), unchanged, tail_is_known, layout, max_nesting, shared_items);
            // A request that does more than extend the history is read from its start.
            if document.damage.is_none() && document.previous_response_id.is_none() {
                return Ok(of_buffer(document, &self.buffer));
            }
        }
        Ok(of_buffer(read_whole(self.buffer.bytes(), max_nesting), &self.buffer))
    }

    /// Keeps the items of the request that was read last, and the offsets of its parts, for the next one.
    ///
    /// `is_item` says whether each element that was parsed is a conversation item. `items` are all items of the
    /// request.
    pub(crate) fn remember(&mut self, mut layout: Layout, is_item: &[bool], items: &[ItemId], stable: usize) {
        let parsed = layout.elements.len() - is_item.len();
        let mut count = parsed.checked_sub(1).map_or(0, |last| layout.elements[last].items);
        for (element, is_item) in layout.elements[parsed..].iter_mut().zip(is_item) {
            count += usize::from(*is_item);
            element.items = count;
        }
        let missing_parts = self.buffer.missing_parts().to_vec();
        self.known = Some(Known { layout, items: items.to_vec(), stable, missing_parts });
    }

    /// Returns how much memory the text takes.
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.bytes().len() + self.known.as_ref().map_or(0, |known| known.layout.tail.text.len())
    }

    /// Frees the memory. The next request is read from its start.
    pub(crate) fn forget(&mut self) {
        self.buffer.clear();
        self.known = None;
    }
}

/// Adds to a request what the buffer says about it.
fn of_buffer<'a>(document: RequestDocument<'a>, buffer: &'a PayloadBuffer) -> RequestDocument<'a> {
    RequestDocument { marks: damage(buffer), missing_parts: buffer.missing_parts(), text: buffer.bytes(), ..document }
}

/// Returns whether the text that a request shares with the one before it may have a placeholder that was data there, or the
/// other way round.
fn placeholders_differ(buffer: &PayloadBuffer, missing_before: &[RawPayloadId]) -> bool {
    let missing = buffer.missing_parts();
    let shared = &buffer.bytes()[..buffer.unchanged_prefix()];
    let new = missing.iter().filter(|id| missing_before.binary_search(id).is_err());
    let old = missing_before.iter().filter(|id| missing.binary_search(id).is_err());
    new.chain(old).any(|id| memchr::memmem::find(shared, id.as_bytes()).is_some())
}

/// Reads a request from the end of the last element that it shares with the previous one.
fn resume(
    bytes: &[u8],
    unchanged: usize,
    tail_is_known: bool,
    mut layout: Layout,
    max_nesting: usize,
    shared_items: usize,
) -> RequestDocument<'_> {
    // An element that ends where the unchanged bytes end is read again, because a number could continue there.
    let shared = layout.elements.partition_point(|element| element.end < unchanged && element.items <= shared_items);
    layout.elements.truncate(shared);
    let (start, known) = layout.elements.last().map_or((layout.input_start, 0), |last| (last.end, last.items));
    let mut rest = Vec::new();
    let mut cursor = Cursor::new(bytes, start);
    let mut read = || -> Result<(), RequestDamage> {
        let in_request = Nesting::new(max_nesting).deeper(0)?;
        let tail_start = bytes.len().saturating_sub(layout.tail.text.len());
        let in_input = in_request.deeper(layout.input_start)?;
        read_elements(&mut cursor, tail_start, &mut layout, &mut rest, in_input)?;
        let tail = &bytes[layout.input_end..];
        if tail_is_known && tail.len() == layout.tail.text.len() {
            return Ok(());
        }
        let shared = if layout.previous_after.is_none() { layout.tail.shared_fields(tail) } else { 0 };
        layout.previous_after = None;
        layout.tail.fields.truncate(shared);
        if let Some(end) = layout.tail.fields.last() {
            cursor.go_to(layout.input_end + end);
        }
        while let Some(field) = next_field(&mut cursor, FieldPlace::Later)? {
            match field.as_str() {
                "input" => return Err(RequestDamage::SecondInput),
                PREVIOUS_RESPONSE => layout.previous_after = text(&bytes[cursor.value(in_request)?]),
                _ => _ = cursor.value(in_request)?,
            }
            layout.tail.fields.push(cursor.offset() - layout.input_end);
        }
        layout.tail.text.clear();
        layout.tail.text.extend_from_slice(tail);
        Ok(())
    };
    let damage = read().err();
    RequestDocument { shared_elements: shared, ..RequestDocument::new(Input::Items { known, rest }, layout, damage) }
}

/// Reads a request from its first byte.
fn read_whole(bytes: &[u8], max_nesting: usize) -> RequestDocument<'_> {
    if std::str::from_utf8(bytes).is_err() {
        let text = String::from_utf8_lossy(bytes);
        let document = read_whole(text.as_bytes(), max_nesting);
        return RequestDocument {
            input: document.input.into_owned(),
            replaced_bytes: true,
            missing_parts: &[],
            text: &[],
            layout: None,
            ..document
        };
    }
    let mut cursor = Cursor::of_document(bytes);
    let mut layout = Layout::default();
    let mut input = Input::Missing;
    let mut rest = Vec::new();
    let mut read = || -> Result<(), RequestDamage> {
        let in_request = Nesting::new(max_nesting).deeper(cursor.offset())?;
        cursor.expect(b'{')?;
        let mut place = FieldPlace::First;
        while let Some(field) = next_field(&mut cursor, place)? {
            place = FieldPlace::Later;
            match field.as_str() {
                "input" if cursor.peek() == Some(b'[') => {
                    let in_input = in_request.deeper(cursor.offset())?;
                    cursor.expect(b'[')?;
                    layout.previous_before = layout.previous_after.take().or(layout.previous_before.take());
                    layout.input_start = cursor.offset();
                    layout.elements.clear();
                    layout.tail.fields.clear();
                    rest.clear();
                    input = Input::Items { known: 0, rest: Vec::new() };
                    read_elements(&mut cursor, bytes.len(), &mut layout, &mut rest, in_input)?;
                    continue;
                }
                "input" => input = text(&bytes[cursor.value(in_request)?]).map_or(Input::Other, Input::Text),
                PREVIOUS_RESPONSE => layout.previous_after = text(&bytes[cursor.value(in_request)?]),
                _ => _ = cursor.value(in_request)?,
            }
            layout.tail.fields.push(cursor.offset().saturating_sub(layout.input_end));
        }
        layout.tail.text.extend_from_slice(&bytes[layout.input_end..]);
        Ok(())
    };
    let damage = read().err();
    if let Input::Items { .. } = input {
        input = Input::Items { known: 0, rest };
    }
    RequestDocument::new(input, layout, damage)
}

const PREVIOUS_RESPONSE: &str = "previous_response_id";

/// Where a field is in the request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FieldPlace {
    First,
    /// After another field, so that a comma precedes it.
    Later,
}

/// Reads the name of the next field and its colon. Returns `None` at the end of the request, which nothing may follow.
fn next_field(cursor: &mut Cursor<'_>, place: FieldPlace) -> Result<Option<String>, JsonTextError> {
    if cursor.take(b'}') {
        return cursor.end().map(|()| None);
    }
    if place == FieldPlace::Later && !cursor.take(b',') {
        return Err(cursor.not(Expected::CommaOr(b'}')));
    }
    if cursor.peek() != Some(b'"') {
        return Err(cursor.not(Expected::Name));
    }
    let rest = cursor.rest();
    let name = cursor.string()?;
    let name = text(&rest[..name.len()]).unwrap_or_default();
    cursor.expect(b':')?;
    cursor.peek();
    Ok(Some(name))
}

/// Reads elements and the bracket that closes the input. `end` is a guess at where the input ends.
fn read_elements<'a>(
    cursor: &mut Cursor<'a>,
    end: usize,
    layout: &mut Layout,
    rest: &mut Vec<Json<'a>>,
    in_input: Nesting,
) -> Result<(), RequestDamage> {
    let start = cursor.offset();
    let text = cursor.rest().get(..end.saturating_sub(start)).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let text = text.unwrap_or_default();
    loop {
        if cursor.peek() == Some(b']') {
            layout.input_end = cursor.offset();
            return Ok(cursor.expect(b']')?);
        }
        if !layout.elements.is_empty() && !cursor.take(b',') {
            return Err(cursor.not(Expected::CommaOr(b']')).into());
        }
        cursor.peek();
        let ahead = text.get(cursor.offset() - start..).unwrap_or_default();
        if let Some((value, len)) = Json::parse_first(ahead, in_input) {
            cursor.go_to(cursor.offset() + len);
            rest.push(value);
        } else {
            // The element has a defect, or `end` is wrong. Finding the element's end before parsing it tolerates lone
            // surrogates and reports every other defect.
            let bytes = cursor.rest();
            let range = cursor.value(in_input)?;
            let not_utf8 = |_| RequestDamage::NotUtf8 { offset: range.start };
            let value = std::str::from_utf8(&bytes[..range.len()]).map_err(not_utf8)?;
            rest.push(Json::parse_text(value, in_input)?);
        }
        layout.elements.push(Element { end: cursor.offset(), items: 0 });
    }
}

/// Returns the text of a JSON string, or `None` for any other value.
fn text(value: &[u8]) -> Option<String> {
    match Json::parse(value, 0) {
        Ok((Json::String(text), _)) => Some(text.into_owned()),
        _ => None,
    }
}
