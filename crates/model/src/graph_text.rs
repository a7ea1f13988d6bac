//! Writing a graph as JSON text.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{self, BufWriter, Write},
};

use rollout_trace_schema::InferenceCallId;
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

use crate::{InferenceCall, ItemRuns, RolloutTrace, replaced_field::ReplacedField};

/// How many bytes are written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonLayout {
    /// In one line, without spaces.
    Compact,
    /// One value or field a line, indented by two spaces a level.
    Pretty,
}

/// Writes a graph, the same bytes as `serde_json` writes, at a lower cost.
///
/// Each request lists the conversation before it again, so most of the text are lists that begin like one before them.
/// That part is copied.
///
/// ```
/// use rollout_trace_model::{JsonLayout, RolloutTrace, write_graph};
/// # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example.state.json"));
///
/// let graph: RolloutTrace = serde_json::from_str(json)?;
/// let mut text = Vec::new();
/// write_graph(&graph, JsonLayout::Pretty, &mut text)?;
/// assert_eq!(text, serde_json::to_vec_pretty(&graph)?);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// The writer fails.
pub fn write_graph(graph: &RolloutTrace, layout: JsonLayout, writer: impl Write) -> io::Result<()> {
    let list = RefCell::new(ListText::new(layout));
    let calls = Calls { calls: &graph.inference_calls, list: &list };
    write(&Replacing(graph, &calls), (layout, &list), writer)
}

/// Writes a value, the same bytes as `serde_json` writes, at a lower cost.
///
/// # Errors
///
/// The writer fails, or the value has no JSON form.
pub fn write_json(value: &impl Serialize, layout: JsonLayout, writer: impl Write) -> io::Result<()> {
    write(value, (layout, &RefCell::new(ListText::new(layout))), writer)
}

fn write(
    value: &impl Serialize,
    (layout, list): (JsonLayout, &RefCell<ListText>),
    writer: impl Write,
) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(BUFFER_BYTES, writer);
    let formatter = Layout { layout, depth: 0, has_value: false, list, is_list: false };
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut buffered, formatter))?;
    buffered.flush()
}

/// A graph that serializes with other inference calls.
struct Replacing<'a>(&'a RolloutTrace, &'a Calls<'a>);

impl Serialize for Replacing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(ReplacedField::new(serializer, "inference_calls", self.1))
    }
}

/// The inference calls of a graph, whose lists of items are written by [`Layout`].
struct Calls<'a> {
    calls: &'a BTreeMap<InferenceCallId, InferenceCall>,
    list: &'a RefCell<ListText>,
}

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.calls.iter().map(|(id, call)| (id, Call { call, list: self.list })))
    }
}

struct Call<'a> {
    call: &'a InferenceCall,
    list: &'a RefCell<ListText>,
}

impl Serialize for Call<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let listed = Listed { items: &self.call.request_item_ids, list: self.list };
        self.call.serialize(ReplacedField::new(serializer, "request_item_ids", &listed))
    }
}

/// The items of a request.
struct Listed<'a> {
    items: &'a ItemRuns,
    list: &'a RefCell<ListText>,
}

impl Serialize for Listed<'_> {
    /// Asks the formatter, which knows the same text, to write the list in place of this string.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list.borrow_mut().prepare(self.items);
        serializer.serialize_str("")
    }
}

/// The text of a list of items.
struct ListText {
    layout: JsonLayout,
    /// The items of the text.
    items: ItemRuns,
    text: Vec<u8>,
    /// Where the text of each item ends.
    ends: Vec<usize>,
    /// How many of the items are to be written in place of the next string.
    next: Option<usize>,
}

impl ListText {
    /// How deep the items are in a graph: in the list, the call, the calls and the graph.
    const DEPTH: usize = 4;

    fn new(layout: JsonLayout) -> Self {
        Self { layout, items: ItemRuns::default(), text: Vec::new(), ends: Vec::new(), next: None }
    }

    /// Makes the next string be these items. The text of those that the list before begins with is there already.
    fn prepare(&mut self, items: &ItemRuns) {
        self.next = Some(items.len());
        let shared = self.items.common_prefix(items);
        // A list that is only shorter leaves the text for those after it.
        if shared == items.len() {
            return;
        }
        self.ends.truncate(shared);
        self.text.truncate(self.ends.last().copied().unwrap_or_default());
        for item in items.skip(shared) {
            if !self.text.is_empty() {
                self.text.push(b',');
            }
            new_line(self.layout, Self::DEPTH, &mut self.text).expect("writing to memory does not fail");
            self.text.push(b'"');
            self.text.extend_from_slice(item.text().as_bytes());
            self.text.push(b'"');
            self.ends.push(self.text.len());
        }
        self.items = items.clone();
    }

    fn write(&self, count: usize, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
        writer.write_all(b"[")?;
        if let Some(last) = count.checked_sub(1) {
            writer.write_all(&self.text[..self.ends[last]])?;
            new_line(self.layout, Self::DEPTH - 1, writer)?;
        }
        writer.write_all(b"]")
    }
}

/// Begins a line, if there are lines.
fn new_line(layout: JsonLayout, depth: usize, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
    /// A newline, and the indentation of all but deep values.
    const START: &[u8] = b"\n                                ";
    if layout == JsonLayout::Compact {
        return Ok(());
    }
    if let Some(start) = START.get(..1 + 2 * depth) {
        return writer.write_all(start);
    }
    writer.write_all(b"\n")?;
    (0..depth).try_for_each(|_| writer.write_all(b"  "))
}

/// Lays JSON out as `serde_json` does.
struct Layout<'a> {
    layout: JsonLayout,
    depth: usize,
    /// Whether the current list or object has a value.
    has_value: bool,
    list: &'a RefCell<ListText>,
    /// Whether a list is written in place of the current string.
    is_list: bool,
}

impl Layout<'_> {
    fn begin<W: Write + ?Sized>(&mut self, writer: &mut W, open: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        writer.write_all(open)
    }

    fn end<W: Write + ?Sized>(&mut self, writer: &mut W, close: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.has_value {
            new_line(self.layout, self.depth, writer)?;
        }
        writer.write_all(close)
    }

    fn next<W: Write + ?Sized>(&self, writer: &mut W, is_first: bool) -> io::Result<()> {
        if !is_first {
            writer.write_all(b",")?;
        }
        new_line(self.layout, self.depth, writer)
    }
}

impl Formatter for Layout<'_> {
    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.next(writer, is_first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.next(writer, is_first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.layout == JsonLayout::Compact { b":" } else { b": " })
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_string<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        let next = self.list.borrow_mut().next.take();
        self.is_list = next.is_some();
        match next {
            Some(count) => self.list.borrow().write(count, writer),
            None => writer.write_all(b"\""),
        }
    }

    fn end_string<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        if std::mem::take(&mut self.is_list) { Ok(()) } else { writer.write_all(b"\"") }
    }
}
