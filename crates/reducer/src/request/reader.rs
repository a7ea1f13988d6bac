//! Reading a request while skipping what it repeats.

use rollout_trace_evidence::{PayloadBuffer, PayloadError, PayloadSource};
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
pub(crate) struct Layout {
    /// Just behind the bracket that opens the input.
    input_start: usize,
    elements: Vec<Element>,
    /// The bracket that closes the input.
    input_end: usize,
    /// The text from there on.
    tail: Tail,
    /// `previous_response_id` before and behind the input.
    previous_before: Option<String>,
    previous_behind: Option<String>,
}

/// The text behind the input.
#[derive(Debug, Default)]
struct Tail {
    text: Vec<u8>,
    /// Where in it each field ends.
    fields: Vec<usize>,
}

impl Tail {
    /// How many fields another tail begins with too.
    fn shared_fields(&self, other: &[u8]) -> usize {
        let mut start = 0;
        let is_shared = |end: &&usize| {
            // With the byte behind it: a number could go on.
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

/// What a request says.
#[derive(Debug)]
pub(crate) struct RequestDocument<'a> {
    pub(crate) input: Input<'a>,
    pub(crate) previous_response_id: Option<String>,
    /// Why not all could be read.
    pub(crate) damage: Option<String>,
    /// Whether bytes that are not UTF-8 were replaced.
    pub(crate) replaced_bytes: bool,
    /// What marks stand for, in words.
    pub(crate) marks: Option<String>,
    /// Where things stand in it, if all could be read.
    pub(crate) layout: Option<Layout>,
}

/// What a request's input is.
#[derive(Debug)]
pub(crate) enum Input<'a> {
    /// So many items as the request before had in the same places, then these.
    Items { known: usize, rest: Vec<Json<'a>> },
    /// Text, which stands for one message of the user.
    Text(String),
    /// Something else.
    Other,
    /// Nothing.
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
    fn new(input: Input<'a>, layout: Layout, damage: Option<String>) -> Self {
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
    ) -> Result<RequestDocument<'_>, PayloadError> {
        payloads.load(reference, &mut self.buffer)?;
        let known = self.known.take();
        if let Some(known) = known
            && self.buffer.unchanged_prefix() > known.layout.input_start
        {
            let unchanged = self.buffer.unchanged_prefix();
            let tail_is_known = self.buffer.unchanged_suffix() >= known.layout.tail.text.len();
            let layout = known.layout;
            let document = resume(self.buffer.bytes(), unchanged, tail_is_known, layout, max_nesting, shared_items);
            // A difference of another kind than a longer history is read from the start.
            if document.damage.is_none() && document.previous_response_id.is_none() {
                return Ok(RequestDocument { marks: damage(&self.buffer), ..document });
            }
        }
        Ok(RequestDocument { marks: damage(&self.buffer), ..read_whole(self.buffer.bytes(), max_nesting) })
    }

    /// Keeps what came of the request that was read last, and where things stand in it, for the next one.
    ///
    /// `is_item` says for each element that was parsed whether it is a conversation item; `items` are all of them.
    pub(crate) fn remember(&mut self, mut layout: Layout, is_item: &[bool], items: &[ItemId], stable: usize) {
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
        self.buffer.bytes().len() + self.known.as_ref().map_or(0, |known| known.layout.tail.text.len())
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
) -> RequestDocument<'_> {
    // Strictly less: a number could go on.
    let shared = layout.elements.partition_point(|element| element.end < unchanged && element.items <= shared_items);
    layout.elements.truncate(shared);
    let (start, known) = layout.elements.last().map_or((layout.input_start, 0), |last| (last.end, last.items));
    let mut rest = Vec::new();
    let mut walk = Walk::new(bytes, start);
    let mut read = || -> Result<(), String> {
        let tail_start = bytes.len().saturating_sub(layout.tail.text.len());
        read_elements(&mut walk, tail_start, &mut layout, &mut rest, max_nesting)?;
        let tail = &bytes[layout.input_end..];
        if tail_is_known && tail.len() == layout.tail.text.len() {
            return Ok(());
        }
        let shared = if layout.previous_behind.is_none() { layout.tail.shared_fields(tail) } else { 0 };
        layout.previous_behind = None;
        layout.tail.fields.truncate(shared);
        if let Some(end) = layout.tail.fields.last() {
            walk.go_to(layout.input_end + end);
        }
        while let Some(field) = next_field(&mut walk, false)? {
            match field.as_str() {
                // It would count instead of this one.
                "input" => return Err("there is a second input".to_owned()),
                PREVIOUS_RESPONSE => layout.previous_behind = text(walk.value()?),
                _ => _ = walk.value()?,
            }
            layout.tail.fields.push(walk.offset() - layout.input_end);
        }
        layout.tail.text.clear();
        layout.tail.text.extend_from_slice(tail);
        Ok(())
    };
    let damage = read().err();
    RequestDocument::new(Input::Items { known, rest }, layout, damage)
}

/// Reads a request from its first byte.
fn read_whole(bytes: &[u8], max_nesting: usize) -> RequestDocument<'_> {
    if std::str::from_utf8(bytes).is_err() {
        let text = String::from_utf8_lossy(bytes);
        let document = read_whole(text.as_bytes(), max_nesting);
        return RequestDocument { input: document.input.into_owned(), replaced_bytes: true, layout: None, ..document };
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
                    layout.tail.fields.clear();
                    rest.clear();
                    input = Input::Items { known: 0, rest: Vec::new() };
                    read_elements(&mut walk, bytes.len(), &mut layout, &mut rest, max_nesting)?;
                    continue;
                }
                "input" => input = text(walk.value()?).map_or(Input::Other, Input::Text),
                PREVIOUS_RESPONSE => layout.previous_behind = text(walk.value()?),
                _ => _ = walk.value()?,
            }
            layout.tail.fields.push(walk.offset().saturating_sub(layout.input_end));
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

/// Reads elements, which end before a byte or thereabouts, and the bracket that closes the input.
fn read_elements<'a>(
    walk: &mut Walk<'a>,
    end: usize,
    layout: &mut Layout,
    rest: &mut Vec<Json<'a>>,
    max_nesting: usize,
) -> Result<(), String> {
    let start = walk.offset();
    let text = walk.rest().get(..end.saturating_sub(start)).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let text = text.unwrap_or_default();
    loop {
        if walk.peek() == Some(b']') {
            layout.input_end = walk.offset();
            return walk.expect(b']');
        }
        if !layout.elements.is_empty() {
            walk.expect(b',')?;
        }
        walk.peek();
        let ahead = text.get(walk.offset() - start..).unwrap_or_default();
        if let Some((value, len)) = Json::parse_first(ahead, max_nesting) {
            walk.go_to(walk.offset() + len);
            rest.push(value);
        } else {
            // In two steps, for what has to be forgiven, and to say what cannot be.
            let value = walk.value()?;
            let parsed = Json::parse(value.as_bytes(), max_nesting);
            rest.push(parsed.map_err(|error| format!("item {}: {error}", layout.elements.len()))?.0);
        }
        layout.elements.push(Element { end: walk.offset(), items: 0 });
    }
}

/// The text that a JSON string stands for; none for anything else.
fn text(value: &str) -> Option<String> {
    match Json::parse(value.as_bytes(), 0) {
        Ok((Json::String(text), _)) => Some(text.into_owned()),
        _ => None,
    }
}
