//! Reading a request while skipping what it repeats.

use std::ops::Range;

use rollout_trace_evidence::{PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_model::{ItemId, MessageIndexes};
use rollout_trace_schema::{
    PayloadRef, RawPayloadId,
    json_text::{Cursor, Expected, JsonTextError, Nesting},
};

use super::damage::RequestDamage;
use crate::{documents::damage, json::Json, wire::RequestShape};

/// Reads the requests of one thread.
///
/// Keeps the text of the last request and what is known about it, so that only the changed part of the next one is
/// parsed. Example: after `{"input":[A,B],"model":"m"}`, only C is parsed of `{"input":[A,B,C],"model":"m"}`. What is
/// called the input here is the list of messages, whatever its name in the API of the request.
#[derive(Debug, Default)]
pub(crate) struct RequestReader {
    buffer: PayloadBuffer,
    known: Option<Known>,
    /// What was known about the messages of the request before the last one.
    shared_indexes: MessageIndexes,
    /// How many leading elements the last request shares with the one before it.
    shared_elements: usize,
}

/// What is known about the request in the buffer.
#[derive(Debug)]
struct Known {
    shape: RequestShape,
    layout: Layout,
    /// Its conversation items.
    items: Vec<ItemId>,
    /// The message of each item, if it is not the item itself.
    message_indexes: MessageIndexes,
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
    /// Whether tools are offered before the input.
    tools_before: bool,
    /// The place of the first field after the input that offers tools, among the fields of the tail.
    tools_after: Option<usize>,
    /// Whether the input is in an object within the request.
    is_wrapped: bool,
}

impl Layout {
    /// Notes the value of a field that offers tools, unless it is null or an empty list.
    fn note_tools(&mut self, value: &[u8]) {
        let is_empty = match value.strip_prefix(b"[") {
            Some(rest) => rest.trim_ascii_start() == b"]",
            None => value == b"null",
        };
        if !is_empty {
            self.tools_after.get_or_insert(self.tail.fields.len());
        }
    }
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
    /// Whether it offers tools to the model, as far as it was read.
    pub(crate) has_tools: bool,
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
        let has_tools = layout.tools_before || layout.tools_after.is_some();
        let whole = damage.is_none() && matches!(input, Input::Items { .. });
        Self {
            input,
            previous_response_id,
            has_tools,
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
        (reference, shape): (&PayloadRef, RequestShape),
        payloads: &mut dyn PayloadSource,
        max_nesting: usize,
        shared_items: usize,
    ) -> Result<RequestDocument<'_>, PayloadError> {
        payloads.load(reference, &mut self.buffer)?;
        let known = self.known.take();
        self.shared_elements = 0;
        if let Some(mut known) = known
            && known.shape == shape
            && self.buffer.unchanged_prefix() > known.layout.input_start
            && !placeholders_differ(&self.buffer, &known.missing_parts)
        {
            let unchanged = self.buffer.unchanged_prefix();
            let tail_is_known = self.buffer.unchanged_suffix() >= known.layout.tail.text.len();
            self.shared_indexes = std::mem::take(&mut known.message_indexes);
            let layout = known.layout;
            let changed = Changed { unchanged, tail_is_known, shared_items };
            let document = resume((self.buffer.bytes(), shape), changed, layout, max_nesting);
            // A request that does more than extend the history is read from its start.
            if document.damage.is_none() && document.previous_response_id.is_none() {
                self.shared_elements = document.shared_elements;
                return Ok(of_buffer(document, &self.buffer));
            }
        }
        Ok(of_buffer(read_whole((self.buffer.bytes(), shape), max_nesting), &self.buffer))
    }

    /// Keeps the items of the request that was read last, and the offsets of its parts, for the next one.
    ///
    /// `counts` says how many conversation items each element that was parsed shows. `items` are all items of the
    /// request.
    pub(crate) fn remember(
        &mut self,
        (mut layout, shape): (Layout, RequestShape),
        counts: &[usize],
        (items, message_indexes): (&[ItemId], &MessageIndexes),
        stable: usize,
    ) {
        let parsed = layout.elements.len() - counts.len();
        let mut sum = parsed.checked_sub(1).map_or(0, |last| layout.elements[last].items);
        for (element, count) in layout.elements[parsed..].iter_mut().zip(counts) {
            sum += count;
            element.items = sum;
        }
        let missing_parts = self.buffer.missing_parts().to_vec();
        let (items, message_indexes) = (items.to_vec(), message_indexes.clone());
        self.shared_indexes = MessageIndexes::default();
        self.known = Some(Known { shape, layout, items, message_indexes, stable, missing_parts });
    }

    /// Returns the message of each item of the request that was read last. The first `known` items are those of the
    /// request before it, and `counts` says how many items each element that was parsed shows.
    pub(crate) fn message_indexes(&mut self, known: usize, counts: &[usize]) -> MessageIndexes {
        let mut indexes = std::mem::take(&mut self.shared_indexes);
        indexes.truncate(known);
        for (place, &count) in (self.shared_elements..).zip(counts) {
            indexes.extend(std::iter::repeat_n(u32::try_from(place).unwrap_or(u32::MAX), count));
        }
        indexes
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

/// What a request has in common with the previous one.
#[derive(Clone, Copy)]
struct Changed {
    /// How many bytes at its start are unchanged.
    unchanged: usize,
    /// Whether everything after the input is unchanged.
    tail_is_known: bool,
    /// How many items at its start need not be identified again.
    shared_items: usize,
}

/// Reads a request from the end of the last element that it shares with the previous one.
fn resume(
    (bytes, shape): (&[u8], RequestShape),
    Changed { unchanged, tail_is_known, shared_items }: Changed,
    mut layout: Layout,
    max_nesting: usize,
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
        let in_wrapper = if layout.is_wrapped { in_request.deeper(layout.input_start)? } else { in_request };
        let in_input = in_wrapper.deeper(layout.input_start)?;
        read_elements(&mut cursor, tail_start, &mut layout, &mut rest, in_input)?;
        let tail = &bytes[layout.input_end..];
        if tail_is_known && tail.len() == layout.tail.text.len() {
            return Ok(());
        }
        if layout.is_wrapped {
            return Err(RequestDamage::WrapperChanged);
        }
        let shared = if layout.previous_after.is_none() { layout.tail.shared_fields(tail) } else { 0 };
        layout.previous_after = None;
        layout.tools_after = layout.tools_after.filter(|place| *place < shared);
        layout.tail.fields.truncate(shared);
        if let Some(end) = layout.tail.fields.last() {
            cursor.go_to(layout.input_end + end);
        }
        while let Some(field) = next_field(&mut cursor, FieldPlace::Later)? {
            match field.as_str() {
                name if name == shape.list => return Err(RequestDamage::SecondInput),
                PREVIOUS_RESPONSE => layout.previous_after = text(&bytes[cursor.value(in_request)?]),
                name if offers_tools(name) => layout.note_tools(&bytes[cursor.value(in_request)?]),
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
fn read_whole((bytes, shape): (&[u8], RequestShape), max_nesting: usize) -> RequestDocument<'_> {
    if std::str::from_utf8(bytes).is_err() {
        let text = String::from_utf8_lossy(bytes);
        let document = read_whole((text.as_bytes(), shape), max_nesting);
        return RequestDocument {
            input: document.input.into_owned(),
            replaced_bytes: true,
            missing_parts: &[],
            text: &[],
            layout: None,
            ..document
        };
    }
    let mut reading = Reading { bytes, shape, layout: Layout::default(), input: Input::Missing, rest: Vec::new() };
    let damage = reading.request(max_nesting).err();
    let Reading { layout, mut input, rest, .. } = reading;
    if let Input::Items { .. } = input {
        input = Input::Items { known: 0, rest };
    }
    RequestDocument::new(input, layout, damage)
}

/// A request that is being read from its first byte.
struct Reading<'a> {
    bytes: &'a [u8],
    shape: RequestShape,
    layout: Layout,
    input: Input<'a>,
    rest: Vec<Json<'a>>,
}

impl<'a> Reading<'a> {
    fn request(&mut self, max_nesting: usize) -> Result<(), RequestDamage> {
        let mut cursor = Cursor::of_document(self.bytes);
        let in_request = Nesting::new(max_nesting).deeper(cursor.offset())?;
        cursor.expect(b'{')?;
        let mut place = FieldPlace::First;
        while let Some(field) = next_field(&mut cursor, place)? {
            place = FieldPlace::Later;
            match field.as_str() {
                name if Some(name) == self.shape.wrapper && cursor.peek() == Some(b'{') => {
                    self.wrapper(&mut cursor, in_request)?;
                    continue;
                }
                name => {
                    if self.field(&mut cursor, name, in_request)? {
                        continue;
                    }
                }
            }
            self.layout.tail.fields.push(cursor.offset().saturating_sub(self.layout.input_end));
        }
        self.layout.tail.text.extend_from_slice(&self.bytes[self.layout.input_end..]);
        Ok(())
    }

    /// Reads the object that holds the input.
    fn wrapper(&mut self, cursor: &mut Cursor<'a>, in_request: Nesting) -> Result<(), RequestDamage> {
        let in_wrapper = in_request.deeper(cursor.offset())?;
        cursor.expect(b'{')?;
        let mut place = FieldPlace::First;
        while let Some(field) = next_field_of_object(cursor, place)? {
            place = FieldPlace::Later;
            self.layout.is_wrapped |= self.field(cursor, &field, in_wrapper)?;
        }
        Ok(())
    }

    /// Reads the value of a field. Returns whether it is the list of the input.
    fn field(&mut self, cursor: &mut Cursor<'a>, name: &str, nesting: Nesting) -> Result<bool, RequestDamage> {
        let Self { bytes, shape, layout, input, rest } = self;
        match name {
            _ if name == shape.list && cursor.peek() == Some(b'[') => {
                let in_input = nesting.deeper(cursor.offset())?;
                cursor.expect(b'[')?;
                layout.previous_before = layout.previous_after.take().or(layout.previous_before.take());
                layout.tools_before |= layout.tools_after.take().is_some();
                layout.is_wrapped = false;
                layout.input_start = cursor.offset();
                layout.elements.clear();
                layout.tail.fields.clear();
                rest.clear();
                *input = Input::Items { known: 0, rest: Vec::new() };
                read_elements(cursor, bytes.len(), layout, rest, in_input)?;
                return Ok(true);
            }
            _ if name == shape.list => {
                *input = text(&bytes[cursor.value(nesting)?]).map_or(Input::Other, Input::Text);
            }
            PREVIOUS_RESPONSE => layout.previous_after = text(&bytes[cursor.value(nesting)?]),
            _ if offers_tools(name) => layout.note_tools(&bytes[cursor.value(nesting)?]),
            _ => _ = cursor.value(nesting)?,
        }
        Ok(false)
    }
}

/// Returns whether a field of a request offers tools to the model.
fn offers_tools(name: &str) -> bool {
    matches!(name, "tools" | "functions")
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
    match next_field_of_object(cursor, place)? {
        Some(name) => Ok(Some(name)),
        None => cursor.end().map(|()| None),
    }
}

/// Reads the name of the next field and its colon. Returns `None` at the end of the object.
fn next_field_of_object(cursor: &mut Cursor<'_>, place: FieldPlace) -> Result<Option<String>, JsonTextError> {
    if cursor.take(b'}') {
        return Ok(None);
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
