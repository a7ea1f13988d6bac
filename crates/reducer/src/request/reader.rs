//! Reading a request while skipping what it repeats.

use rollout_trace_bundle::{PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_model::ItemId;
use rollout_trace_schema::PayloadRef;

use super::walk::Walk;
use crate::{documents::damage, json::Json};

/// Reads the requests of one thread.
///
/// Keeps the text of the last one and what is known of it, so that of the next one only the part is parsed that differs.
#[derive(Debug, Default)]
pub(crate) struct RequestReader {
    buffer: PayloadBuffer,
    known: Option<Known>,
    /// When it was last used, so that the memory of the least used can be given back.
    pub(crate) last_used: u64,
}

/// What is known of the request in the buffer.
#[derive(Debug)]
struct Known {
    layout: Layout,
    /// The conversation items that it showed.
    items: Vec<ItemId>,
    /// How many of them would surely be taken for the same items again, from the first.
    stable: usize,
}

/// Where things stand in a request's text.
#[derive(Debug, Default)]
struct Layout {
    /// Just behind the bracket that opens the input.
    input_start: usize,
    elements: Vec<Element>,
    /// The bracket that closes the input.
    input_end: usize,
    /// The length of the text from there on.
    tail: usize,
    /// `previous_response_id` before and behind the input.
    previous_before: Option<String>,
    previous_behind: Option<String>,
}

/// One element of the input.
#[derive(Clone, Copy, Debug)]
struct Element {
    end: usize,
    /// How many conversation items the input holds up to here.
    items: usize,
}

/// What a request says.
#[derive(Debug)]
pub(crate) struct RequestDocument {
    pub(crate) input: Input,
    pub(crate) previous_response_id: Option<String>,
    /// Why not all could be read.
    pub(crate) damage: Option<String>,
    /// Whether bytes that are not UTF-8 were replaced.
    pub(crate) replaced_bytes: bool,
    /// What marks stand for, in words.
    pub(crate) marks: Option<String>,
    layout: Option<Layout>,
}

/// What a request's input is.
#[derive(Debug)]
pub(crate) enum Input {
    /// So many items as the request before had in the same places, then these.
    Items { known: usize, rest: Vec<Json> },
    /// Text, which stands for one message of the user.
    Text(String),
    /// Something else.
    Other,
    /// Nothing.
    Missing,
}

impl RequestDocument {
    fn new(bytes: &[u8], input: Input, mut layout: Layout, damage: Option<String>) -> Self {
        layout.tail = bytes.len().saturating_sub(layout.input_end);
        let previous_response_id = layout.previous_behind.clone().or_else(|| layout.previous_before.clone());
        let whole = damage.is_none() && matches!(input, Input::Items { .. });
        Self {
            input,
            previous_response_id,
            damage,
            replaced_bytes: false,
            marks: None,
            layout: whole.then_some(layout),
        }
    }
}

impl RequestReader {
    /// How many items the last request and this snapshot share, from the first, in a way that need not be looked at again.
    pub(crate) fn shared_items(&self, snapshot: &[ItemId]) -> usize {
        self.known.as_ref().map_or(0, |known| {
            known.items[..known.stable].iter().zip(snapshot).take_while(|(old, new)| old == new).count()
        })
    }

    /// Reads the next request, of which at most so many items need not be looked at again.
    pub(crate) fn read(
        &mut self,
        reference: &PayloadRef,
        payloads: &mut dyn PayloadSource,
        max_nesting: usize,
        shared_items: usize,
    ) -> Result<RequestDocument, PayloadError> {
        payloads.load(reference, &mut self.buffer)?;
        let known = self.known.take();
        if let Some(known) = known
            && self.buffer.unchanged_prefix() > known.layout.input_start
        {
            let unchanged = self.buffer.unchanged_prefix();
            let tail_is_known = self.buffer.unchanged_suffix() >= known.layout.tail;
            let layout = known.layout;
            let document = resume(self.buffer.bytes(), unchanged, tail_is_known, layout, max_nesting, shared_items);
            // A difference of another kind than a longer history is read from the start.
            if document.damage.is_none() && document.previous_response_id.is_none() {
                return Ok(RequestDocument { marks: damage(&self.buffer), ..document });
            }
        }
        Ok(RequestDocument { marks: damage(&self.buffer), ..read_whole(self.buffer.bytes(), max_nesting) })
    }

    /// Keeps what came of the request that was read last, for the next one.
    ///
    /// `is_item` says for each element that was parsed whether it is a conversation item; `items` are all of them.
    pub(crate) fn remember(&mut self, document: RequestDocument, is_item: &[bool], items: &[ItemId], stable: usize) {
        let Some(mut layout) = document.layout else { return };
        let parsed = layout.elements.len() - is_item.len();
        let mut count = parsed.checked_sub(1).map_or(0, |last| layout.elements[last].items);
        for (element, is_item) in layout.elements[parsed..].iter_mut().zip(is_item) {
            count += usize::from(*is_item);
            element.items = count;
        }
        self.known = Some(Known { layout, items: items.to_vec(), stable });
    }

    /// The memory that the text takes.
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.bytes().len()
    }

    /// Gives the memory back. The next request is read whole.
    pub(crate) fn forget(&mut self) {
        self.buffer.clear();
        self.known = None;
    }
}

/// Reads a request from the last element that it shares with the one before.
fn resume(
    bytes: &[u8],
    unchanged: usize,
    tail_is_known: bool,
    mut layout: Layout,
    max_nesting: usize,
    shared_items: usize,
) -> RequestDocument {
    // Strictly less: a number could go on.
    let shared = layout.elements.partition_point(|element| element.end < unchanged && element.items <= shared_items);
    layout.elements.truncate(shared);
    let (start, known) = layout.elements.last().map_or((layout.input_start, 0), |last| (last.end, last.items));
    let known_tail = tail_is_known.then_some(layout.tail);
    let mut rest = Vec::new();
    let mut walk = Walk::new(bytes, start);
    let mut read = || -> Result<(), String> {
        read_elements(&mut walk, &mut layout, &mut rest, max_nesting)?;
        if known_tail == Some(bytes.len() - layout.input_end) {
            return Ok(());
        }
        layout.previous_behind = None;
        while let Some(field) = next_field(&mut walk, false)? {
            match field.as_str() {
                // It would count instead of this one.
                "input" => return Err("there is a second input".to_owned()),
                PREVIOUS_RESPONSE => layout.previous_behind = text(walk.value()?),
                _ => _ = walk.value()?,
            }
        }
        Ok(())
    };
    let damage = read().err();
    RequestDocument::new(bytes, Input::Items { known, rest }, layout, damage)
}

/// Reads a request from its first byte.
fn read_whole(bytes: &[u8], max_nesting: usize) -> RequestDocument {
    if std::str::from_utf8(bytes).is_err() {
        let mut document = read_whole(String::from_utf8_lossy(bytes).as_bytes(), max_nesting);
        document.replaced_bytes = true;
        document.layout = None;
        return document;
    }
    let mut walk = Walk::new(bytes, if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 });
    let mut layout = Layout::default();
    let mut input = Input::Missing;
    let mut rest = Vec::new();
    let mut read = || -> Result<(), String> {
        walk.expect(b'{')?;
        let mut first = true;
        while let Some(field) = next_field(&mut walk, first)? {
            first = false;
            match field.as_str() {
                "input" if walk.take(b'[') => {
                    layout.previous_before = layout.previous_behind.take().or(layout.previous_before.take());
                    layout.input_start = walk.offset();
                    layout.elements.clear();
                    rest.clear();
                    input = Input::Items { known: 0, rest: Vec::new() };
                    read_elements(&mut walk, &mut layout, &mut rest, max_nesting)?;
                }
                "input" => input = text(walk.value()?).map_or(Input::Other, Input::Text),
                PREVIOUS_RESPONSE => layout.previous_behind = text(walk.value()?),
                _ => _ = walk.value()?,
            }
        }
        Ok(())
    };
    let damage = read().err();
    if let Input::Items { .. } = input {
        input = Input::Items { known: 0, rest };
    }
    RequestDocument::new(bytes, input, layout, damage)
}

const PREVIOUS_RESPONSE: &str = "previous_response_id";

/// The name of the next field; none at the end of the request, behind which nothing may follow.
fn next_field(walk: &mut Walk<'_>, first: bool) -> Result<Option<String>, String> {
    if walk.take(b'}') {
        return match walk.peek() {
            None => Ok(None),
            Some(_) => Err(format!("something follows the end of the request at byte {}", walk.offset())),
        };
    }
    if !first {
        walk.expect(b',')?;
    }
    let name = text(walk.value()?).ok_or_else(|| format!("a field before byte {} has no name", walk.offset()))?;
    walk.expect(b':')?;
    walk.peek();
    Ok(Some(name))
}

/// Reads elements, and the bracket that closes the input.
fn read_elements(
    walk: &mut Walk<'_>,
    layout: &mut Layout,
    rest: &mut Vec<Json>,
    max_nesting: usize,
) -> Result<(), String> {
    loop {
        if walk.peek() == Some(b']') {
            layout.input_end = walk.offset();
            return walk.expect(b']');
        }
        if !layout.elements.is_empty() {
            walk.expect(b',')?;
        }
        let value = walk.value()?;
        let parsed = Json::parse(value.as_bytes(), max_nesting);
        rest.push(parsed.map_err(|error| format!("item {}: {error}", layout.elements.len()))?.0);
        layout.elements.push(Element { end: walk.offset(), items: 0 });
    }
}

/// The text that a JSON string stands for; none for anything else.
fn text(value: &str) -> Option<String> {
    match Json::parse(value.as_bytes(), 0) {
        Ok((Json::String(text), _)) => Some(text),
        _ => None,
    }
}
