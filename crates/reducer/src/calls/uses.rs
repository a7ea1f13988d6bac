//! The uses of one call id in one thread.

use rollout_trace_model::{CodeCellId, ItemId, ItemKind};
use rollout_trace_schema::{InferenceCallId, Seq, ToolCallId};

use crate::{
    fingerprint::{Fingerprint, FingerprintMap},
    map::HashMap,
};

/// Up to this many items are searched one by one.
const SEARCHED: usize = 8;

/// The uses of one call id in one thread, in order.
///
/// It is one use, unless a provider restarts its numbering in each response. An id with many items has an index.
#[derive(Debug, Default)]
pub(super) struct Uses {
    uses: Vec<CallUse>,
    parts: usize,
    index: Option<Box<Index>>,
}

#[derive(Debug, Default)]
struct Index {
    parts: HashMap<ItemId, PartPlace>,
    /// The last use that has a call with each content.
    calls: FingerprintMap<usize>,
    /// The last use that has an output with each content.
    outputs: FingerprintMap<usize>,
}

/// Where an item is: the index of its use, and its index among the calls or outputs of the use.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartPlace {
    pub(super) at: usize,
    part: usize,
    list: List,
}

#[derive(Clone, Copy, Debug)]
enum List {
    Calls,
    Outputs,
}

/// One use of a call id: a call and all that belongs to it.
#[derive(Debug, Default)]
pub(super) struct CallUse {
    calls: Vec<Part>,
    outputs: Vec<Part>,
    first_call: FirstOfKind,
    first_output: FirstOfKind,
    pub(super) tool: Option<ToolCallId>,
    pub(super) cell: Option<CodeCellId>,
    /// The inference call whose response made the call, if that was seen.
    pub(super) made_by: Option<InferenceCallId>,
    /// The event that first showed an output to the model.
    pub(super) answered: Option<Seq>,
    /// How many outputs have been shown.
    shown: usize,
}

/// One item of a call.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) item: ItemId,
    pub(super) kind: ItemKind,
    pub(super) content: Fingerprint,
    /// Whether a payload has shown it to the model. Otherwise it was only accepted.
    pub(super) is_shown: bool,
    /// Whether the tool call of its use lists it.
    pub(super) in_tool: bool,
    /// Whether the code cell of its use lists it.
    pub(super) in_cell: bool,
    /// Whether its tool call remembers it as an item that may be in the live snapshot.
    pub(super) is_recent: bool,
    /// Outputs that were accepted and then shown come after those that were shown before.
    pub(super) order: usize,
}

/// The first item of each kind that a call, or an output, may have.
#[derive(Debug, Default)]
struct FirstOfKind {
    function: Option<ItemId>,
    custom: Option<ItemId>,
}

impl FirstOfKind {
    fn of(&mut self, kind: &ItemKind) -> &mut Option<ItemId> {
        match kind {
            ItemKind::CustomToolCall | ItemKind::CustomToolCallOutput => &mut self.custom,
            _ => &mut self.function,
        }
    }

    fn note(&mut self, part: &Part) {
        self.of(&part.kind).get_or_insert(part.item);
    }
}

/// Adds a part. Nearly every call has one call item and one output, so that memory for more would be wasted.
fn add(parts: &mut Vec<Part>, part: Part) {
    if parts.is_empty() {
        parts.reserve_exact(1);
    }
    parts.push(part);
}

impl Part {
    pub(super) fn new(item: ItemId, kind: ItemKind, content: Fingerprint) -> Self {
        Self { item, kind, content, is_shown: true, in_tool: false, in_cell: false, is_recent: false, order: 0 }
    }
}

impl CallUse {
    pub(super) fn calls_mut(&mut self) -> &mut [Part] {
        &mut self.calls
    }

    /// Returns the outputs in the order in which they were shown.
    pub(super) fn outputs_mut(&mut self) -> Vec<&mut Part> {
        let mut outputs: Vec<_> = self.outputs.iter_mut().collect();
        outputs.sort_by_key(|part| part.order);
        outputs
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.calls.iter().chain(&self.outputs)
    }

    pub(super) fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        self.calls.iter_mut().chain(&mut self.outputs)
    }

    pub(super) fn has_call_of(&mut self, kind: &ItemKind) -> bool {
        self.first_call.of(kind).is_some()
    }

    pub(super) fn has_output_of(&mut self, kind: &ItemKind) -> bool {
        self.first_output.of(kind).is_some()
    }

    pub(super) fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Returns whether it has neither a tool call nor a code cell.
    pub(super) fn is_free(&self) -> bool {
        self.tool.is_none() && self.cell.is_none()
    }

    /// Returns the first item with source code that makes the call.
    pub(super) fn source(&self) -> Option<ItemId> {
        self.first_call.custom
    }

    /// Joins a call that was copied from another thread with its tool call and code cell there, if it has none here.
    pub(super) fn inherit(&mut self, elsewhere: Option<(Option<ToolCallId>, Option<CodeCellId>)>) {
        if let Some((tool, cell)) = elsewhere
            && self.is_free()
        {
            self.tool = tool;
            self.cell = cell;
        }
    }
}

impl Uses {
    pub(super) fn last(&self) -> Option<&CallUse> {
        self.uses.last()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut CallUse> {
        self.uses.last_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &CallUse> {
        self.uses.iter()
    }

    /// Returns the index of the last use.
    pub(super) fn last_index(&self) -> Option<usize> {
        self.uses.len().checked_sub(1)
    }

    pub(super) fn get(&self, at: usize) -> &CallUse {
        &self.uses[at]
    }

    pub(super) fn get_mut(&mut self, at: usize) -> &mut CallUse {
        &mut self.uses[at]
    }

    /// Adds a use without items, and returns its index.
    pub(super) fn push(&mut self) -> usize {
        self.uses.push(CallUse::default());
        self.uses.len() - 1
    }

    /// Adds other uses after these.
    pub(super) fn append(&mut self, other: Self) {
        self.parts += other.parts;
        self.uses.extend(other.uses);
        self.index = None;
        if self.parts > SEARCHED {
            self.make_index();
        }
    }

    /// Returns the tool calls.
    pub(super) fn tools(&self) -> impl Iterator<Item = &ToolCallId> {
        self.uses.iter().filter_map(|call| call.tool.as_ref())
    }

    /// Returns the last use that has a call with this content, which includes its kind.
    pub(super) fn with_call(&self, content: Fingerprint) -> Option<usize> {
        match &self.index {
            Some(index) => index.calls.get(&content).copied(),
            None => self.uses.iter().rposition(|call| call.calls.iter().any(|part| part.content == content)),
        }
    }

    /// Returns the last use that has an output with this content, which includes its kind.
    pub(super) fn with_output(&self, content: Fingerprint) -> Option<usize> {
        match &self.index {
            Some(index) => index.outputs.get(&content).copied(),
            None => self.uses.iter().rposition(|call| call.outputs.iter().any(|part| part.content == content)),
        }
    }

    /// Returns where an item is, if it is here.
    pub(super) fn find(&self, item: ItemId) -> Option<PartPlace> {
        if let Some(index) = &self.index {
            return index.parts.get(&item).copied();
        }
        self.uses.iter().enumerate().find_map(|(at, call)| {
            let find = |parts: &[Part], list| {
                let part = parts.iter().position(|part| part.item == item)?;
                Some(PartPlace { at, part, list })
            };
            find(&call.calls, List::Calls).or_else(|| find(&call.outputs, List::Outputs))
        })
    }

    pub(super) fn part_mut(&mut self, place: PartPlace) -> &mut Part {
        let call = &mut self.uses[place.at];
        match place.list {
            List::Calls => &mut call.calls[place.part],
            List::Outputs => &mut call.outputs[place.part],
        }
    }

    /// Adds an item that makes the call, and returns where it is.
    pub(super) fn add_call(&mut self, at: usize, part: Part) -> PartPlace {
        let call = &mut self.uses[at];
        call.first_call.note(&part);
        let place = PartPlace { at, part: call.calls.len(), list: List::Calls };
        self.note(&part, place);
        add(&mut self.uses[at].calls, part);
        self.count();
        place
    }

    /// Adds an item that answers the call, and returns where it is.
    pub(super) fn add_output(&mut self, at: usize, part: Part) -> PartPlace {
        let call = &mut self.uses[at];
        call.first_output.note(&part);
        call.shown += 1;
        let place = PartPlace { at, part: call.outputs.len(), list: List::Outputs };
        let part = Part { order: call.shown, ..part };
        self.note(&part, place);
        add(&mut self.uses[at].outputs, part);
        self.count();
        place
    }

    /// Marks an output that was accepted as shown, after those that were shown before.
    pub(super) fn show(&mut self, place: PartPlace) {
        self.uses[place.at].shown += 1;
        let order = self.uses[place.at].shown;
        let part = self.part_mut(place);
        part.is_shown = true;
        part.order = order;
    }

    /// Moves calls of the last use to a new one, and returns their items.
    pub(super) fn split_last(&mut self, mut moves: impl FnMut(&Part) -> bool) -> Vec<ItemId> {
        let Some(last) = self.uses.last_mut() else { return Vec::new() };
        let calls: Vec<_> = last.calls.extract_if(.., |part| moves(part)).collect();
        let items: Vec<_> = calls.iter().map(|part| part.item).collect();
        if calls.is_empty() {
            return items;
        }
        last.first_call = FirstOfKind::default();
        let mut later = CallUse::default();
        for part in &last.calls {
            last.first_call.note(part);
        }
        for part in calls {
            later.first_call.note(&part);
            later.calls.push(Part { in_tool: false, in_cell: false, is_recent: false, ..part });
        }
        self.uses.push(later);
        if let Some(index) = &mut self.index {
            for (at, call) in self.uses.iter().enumerate().rev().take(2) {
                for (part, entry) in call.calls.iter().enumerate() {
                    index.parts.insert(entry.item, PartPlace { at, part, list: List::Calls });
                    index.note_content(entry, PartPlace { at, part, list: List::Calls });
                }
            }
        }
        items
    }

    fn count(&mut self) {
        self.parts += 1;
        if self.index.is_none() && self.parts > SEARCHED {
            self.make_index();
        }
    }

    fn note(&mut self, part: &Part, place: PartPlace) {
        if let Some(index) = &mut self.index {
            index.note(part, place);
        }
    }

    fn make_index(&mut self) {
        let mut index = Box::<Index>::default();
        for (at, call) in self.uses.iter().enumerate() {
            for (list, parts) in [(List::Calls, &call.calls), (List::Outputs, &call.outputs)] {
                for (part, entry) in parts.iter().enumerate() {
                    index.note(entry, PartPlace { at, part, list });
                }
            }
        }
        self.index = Some(index);
    }
}

impl Index {
    fn note(&mut self, part: &Part, place: PartPlace) {
        self.parts.entry(part.item).or_insert(place);
        self.note_content(part, place);
    }

    fn note_content(&mut self, part: &Part, place: PartPlace) {
        let by_content = match place.list {
            List::Calls => &mut self.calls,
            List::Outputs => &mut self.outputs,
        };
        let last = by_content.entry(part.content).or_insert(place.at);
        *last = (*last).max(place.at);
    }
}
