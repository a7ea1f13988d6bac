//! What several questions look up in a rollout.

use std::{borrow::Cow, ops::Range, rc::Rc};

use rollout_trace_model::{
    CodexTurn, Compaction, ConversationItem, DiagnosticCode, InferenceCall, ItemId, ItemKind, ProducerRef,
    RolloutTrace, ToolCall,
    map::{HashMap, HashSet},
};
use rollout_trace_reducer::Fingerprint;
use rollout_trace_schema::{CodexTurnId, InferenceCallId, ModelVisibleCallId, Seq, ThreadId};

use crate::{
    Facts, Origin, OriginClass,
    children::Children,
    deliveries::{Deliveries, Delivery},
    item_places::ItemPlaces,
    origin::Origins,
    rollout::Rollout,
    turn_starts::TurnStarts,
    unset::Unset,
};

/// Lookups that are built once for each rollout, in one pass over its objects.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    calls_of_thread: HashMap<&'a ThreadId, Vec<&'a InferenceCall>>,
    places: HashMap<&'a InferenceCallId, CallPlace<'a>>,
    items: Rc<ItemPlaces>,
    /// The items of each thread that have a fingerprint, in the order of their numbers.
    equals: HashMap<&'a ThreadId, HashMap<Fingerprint, Vec<ItemId>>>,
    /// The call items of each thread that have a call id, in the order of their numbers.
    calls_by_id: HashMap<(&'a ThreadId, &'a ModelVisibleCallId), Vec<ItemId>>,
    compactions: HashMap<&'a ThreadId, Vec<&'a Compaction>>,
    /// The item that each item of a replacement copies.
    copied_from: HashMap<ItemId, ItemId>,
    /// The requests that carried each item, by its place.
    carried: Vec<Carried<'a>>,
    /// The items that diagnostics name as rewritten outputs.
    trimmed: HashSet<ItemId>,
    tool_of_call_item: HashMap<ItemId, &'a ToolCall>,
    /// The number of each turn, from 1.
    turns: HashMap<&'a CodexTurnId, usize>,
    /// The events with damage that may hide what happened between two calls; `None` if it is unknown where.
    damage: Option<Vec<Seq>>,
    children: Children<'a>,
    deliveries: Deliveries<'a>,
    turn_starts: TurnStarts<'a>,
    origins: Origins,
}

/// Where a call is among those of its thread.
#[derive(Clone, Copy, Debug)]
struct CallPlace<'a> {
    place: usize,
    /// The nearest earlier call whose request is readable.
    before: Option<&'a InferenceCall>,
}

/// The requests that carried an item.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carried<'a> {
    /// How many there are.
    pub calls: usize,
    /// The first.
    pub first: Option<&'a InferenceCall>,
    /// The last.
    pub last: Option<&'a InferenceCall>,
}

impl<'a> Index<'a> {
    pub(crate) fn of(rollout: &Rollout<'a>) -> Self {
        let (graph, facts) = (rollout.graph(), rollout.facts());
        let mut calls_of_thread: HashMap<_, Vec<_>> = HashMap::default();
        let mut places = HashMap::default();
        let mut last_readable = HashMap::default();
        for call in rollout.calls() {
            let calls = calls_of_thread.entry(&call.thread_id).or_default();
            let before = last_readable.get(&call.thread_id).copied();
            places.insert(&call.inference_call_id, CallPlace { place: calls.len(), before });
            calls.push(*call);
            if facts.request(&call.inference_call_id).is_some() {
                last_readable.insert(&call.thread_id, *call);
            }
        }
        let children = Children::of(graph);
        let mut index = Self {
            calls_of_thread,
            places,
            items: Rc::clone(rollout.items()),
            equals: HashMap::default(),
            calls_by_id: HashMap::default(),
            compactions: compactions(graph),
            copied_from: HashMap::default(),
            carried: carried(rollout),
            trimmed: trimmed(graph),
            tool_of_call_item: HashMap::default(),
            turns: turn_numbers(graph),
            damage: damage(graph),
            deliveries: Deliveries::of(rollout, &children),
            children,
            turn_starts: TurnStarts::of(rollout),
            origins: Origins::default(),
        };
        for item in graph.conversation_items.values() {
            index
                .equals
                .entry(&item.thread_id)
                .or_default()
                .entry(facts.fingerprint(item))
                .or_default()
                .push(item.item_id);
            if let Some(call_id) = item.call_id.as_ref().filter(|_| is_call(&item.kind)) {
                index.calls_by_id.entry((&item.thread_id, call_id)).or_default().push(item.item_id);
            }
        }
        for call in graph.tool_calls.values() {
            let items = call.model_visible_call_item_ids.iter().map(|item| (*item, call));
            index.tool_of_call_item.extend(items);
        }
        for compaction in graph.compactions.values() {
            index.copied_from.extend(copies(graph, facts, compaction));
        }
        index.origins = Origins::of(rollout, &index);
        index
    }

    /// Returns the calls of a thread in the order in which they started.
    pub(crate) fn calls_of(&self, thread: &ThreadId) -> &[&'a InferenceCall] {
        self.calls_of_thread.get(thread).map_or(&[], Vec::as_slice)
    }

    /// Returns the place of a call among those of its thread.
    pub(crate) fn place(&self, call: &InferenceCall) -> usize {
        self.places.get(&call.inference_call_id).map_or(0, |place| place.place)
    }

    /// Returns the next call of a call's thread.
    pub(crate) fn next_call(&self, call: &InferenceCall) -> Option<&'a InferenceCall> {
        self.calls_of(&call.thread_id).get(self.place(call) + 1).copied()
    }

    /// Returns the nearest earlier call of a call's thread whose request is readable.
    pub(crate) fn call_before(&self, call: &InferenceCall) -> Option<&'a InferenceCall> {
        self.places.get(&call.inference_call_id)?.before
    }

    /// Returns the call after this one, if nothing that was lost can have changed the conversation between the two.
    ///
    /// Source: questions, section 1.5.
    pub(crate) fn sound_next(&self, facts: &Facts, call: &InferenceCall) -> Option<&'a InferenceCall> {
        let next = self.next_call(call)?;
        let are_readable = [call, next].iter().all(|call| facts.request(&call.inference_call_id).is_some());
        let damage = self.damage.as_ref()?;
        let after_first = damage.partition_point(|seq| *seq <= call.execution.started_seq);
        let is_sound = damage.get(after_first).is_none_or(|seq| *seq > next.execution.started_seq);
        (are_readable && is_sound).then_some(next)
    }

    /// Returns the items of a thread with this fingerprint, in the order of their numbers.
    pub(crate) fn equals(&self, thread: &ThreadId, fingerprint: Fingerprint) -> &[ItemId] {
        self.equals.get(thread).and_then(|equals| equals.get(&fingerprint)).map_or(&[], Vec::as_slice)
    }

    /// Returns the last call item before this item, in its thread, that has its call id.
    pub(crate) fn call_of_output(&self, item: &ConversationItem) -> Option<ItemId> {
        let calls = self.calls_by_id.get(&(&item.thread_id, item.call_id.as_ref()?))?;
        let older = calls.partition_point(|call| *call < item.item_id);
        calls[..older].last().copied()
    }

    /// Returns the compactions of a thread, in the order in which they were installed.
    pub(crate) fn compactions_of(&self, thread: &ThreadId) -> &[&'a Compaction] {
        self.compactions.get(thread).map_or(&[], Vec::as_slice)
    }

    /// Returns the compactions that a thread installed between the starts of two of its calls.
    pub(crate) fn compactions_between(&self, before: &InferenceCall, after: &InferenceCall) -> &[&'a Compaction] {
        let compactions = self.compactions_of(&before.thread_id);
        let place = |call: &InferenceCall| {
            compactions.partition_point(|compaction| compaction.installed_seq <= call.execution.started_seq)
        };
        if before.thread_id != after.thread_id {
            return &[];
        }
        compactions.get(place(before)..place(after)).unwrap_or_default()
    }

    /// Returns the item that an item of a replacement copies.
    pub(crate) fn copied_from(&self, item: ItemId) -> Option<ItemId> {
        self.copied_from.get(&item).copied()
    }

    /// Returns the requests that carried an item.
    pub(crate) fn carried(&self, item: ItemId) -> Carried<'a> {
        self.items.get(item).map(|place| self.carried[place]).unwrap_or_default()
    }

    /// Returns whether a diagnostic names an item as a rewritten output.
    pub(crate) fn is_trimmed(&self, item: ItemId) -> bool {
        self.trimmed.contains(&item)
    }

    /// Returns the tool call that a call item made.
    pub(crate) fn tool_of_call_item(&self, item: ItemId) -> Option<&'a ToolCall> {
        self.tool_of_call_item.get(&item).copied()
    }

    /// Returns what the agent core said when turns started.
    pub(crate) fn turn_starts(&self) -> &TurnStarts<'a> {
        &self.turn_starts
    }

    /// Returns the agents that each agent started.
    pub(crate) fn children(&self) -> &Children<'a> {
        &self.children
    }

    /// Returns how an item arrived in its thread as a plain message of the user, if it was a message between agents.
    pub(crate) fn delivery(&self, item: ItemId) -> Option<&Delivery<'a>> {
        self.deliveries.of_item(item)
    }

    /// Returns where an item comes from.
    pub(crate) fn origin(&self, item: ItemId) -> &Origin {
        self.origins.at(self.items.get(item))
    }
}

/// Returns whether items of this kind call tools.
pub fn is_call(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::FunctionCall | ItemKind::CustomToolCall)
}

/// Returns whether items of this kind are outputs of tools.
pub fn is_output(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::FunctionCallOutput | ItemKind::CustomToolCallOutput)
}

/// Returns the number of each turn in the order in which they started, from 1.
pub fn turn_numbers(graph: &RolloutTrace) -> HashMap<&CodexTurnId, usize> {
    let mut turns: Vec<_> = graph.codex_turns.values().collect();
    // The map is ordered by id, which remains the order of those with one seq.
    turns.sort_by_key(|turn| turn.execution.started_seq);
    turns.into_iter().zip(1..).map(|(turn, number)| (&turn.codex_turn_id, number)).collect()
}

fn compactions(graph: &RolloutTrace) -> HashMap<&ThreadId, Vec<&Compaction>> {
    let mut by_thread: HashMap<_, Vec<_>> = HashMap::default();
    for compaction in graph.compactions.values() {
        by_thread.entry(&compaction.thread_id).or_default().push(compaction);
    }
    // The map is ordered by id, which remains the order of those with one seq.
    by_thread.values_mut().for_each(|compactions| compactions.sort_by_key(|compaction| compaction.installed_seq));
    by_thread
}

/// Returns the items of a replacement that equal items of the compaction's input, with these. The last copies the last,
/// the one before it the one before, and so on.
fn copies(graph: &RolloutTrace, facts: &Facts, compaction: &Compaction) -> Vec<(ItemId, ItemId)> {
    let fingerprint = |item: &ItemId| graph.conversation_items.get(item).map(|item| facts.fingerprint(item));
    let mut inputs: HashMap<_, Vec<ItemId>> = HashMap::default();
    for item in &compaction.input_item_ids {
        inputs.entry(fingerprint(item)).or_default().push(*item);
    }
    let mut copies = Vec::new();
    for item in compaction.replacement_item_ids.iter().rev() {
        let Some(equals) = inputs.get_mut(&fingerprint(item)) else { continue };
        // If there are more copies than originals, the earliest original has several.
        let original = if equals.len() > 1 { equals.pop() } else { equals.first().copied() };
        copies.extend(original.filter(|original| original != item).map(|original| (*item, original)));
    }
    copies
}

/// Returns the requests that carried each item, at a cost in proportion to the number of runs and items.
fn carried<'a>(rollout: &Rollout<'a>) -> Vec<Carried<'a>> {
    let items = rollout.items();
    let mut carried = vec![Carried::default(); items.len()];
    // How many more requests carry an item than the one before it.
    let mut steps = vec![0_isize; items.len() + 1];
    let mut firsts = Unset::new(items.len());
    for call in rollout.calls() {
        for run in call.request_item_ids.runs() {
            let Range { start, end } = items.of_run(run);
            steps[start] += 1;
            steps[end] -= 1;
            firsts.set(start, end, |item| carried[item].first = Some(*call));
        }
    }
    let mut lasts = Unset::new(items.len());
    for call in rollout.calls().iter().rev() {
        for run in call.request_item_ids.runs() {
            let Range { start, end } = items.of_run(run);
            lasts.set(start, end, |item| carried[item].last = Some(*call));
        }
    }
    let mut calls = 0;
    for (carried, step) in carried.iter_mut().zip(steps) {
        calls += step;
        carried.calls = calls.max(0).unsigned_abs();
    }
    carried
}

/// Returns the items that diagnostics name as rewritten outputs.
fn trimmed(graph: &RolloutTrace) -> HashSet<ItemId> {
    let diagnostics = graph.diagnostics.iter().filter(|diagnostic| diagnostic.code == DiagnosticCode::OutputRewritten);
    diagnostics.flat_map(|diagnostic| &diagnostic.ids).filter_map(|id| id.parse().ok()).collect()
}

/// Returns the seqs of the damage that may hide what happened between two calls, or `None` if it may be anywhere.
fn damage(graph: &RolloutTrace) -> Option<Vec<Seq>> {
    let hides =
        |code| matches!(code, DiagnosticCode::SeqGap | DiagnosticCode::UnparsableLine | DiagnosticCode::MalformedEvent);
    let mut seqs = Vec::new();
    for diagnostic in graph.diagnostics.iter().filter(|diagnostic| hides(diagnostic.code)) {
        seqs.push(diagnostic.seq?);
    }
    seqs.sort_unstable();
    Some(seqs)
}

/// Returns the inference call that produced an item.
pub(crate) fn answered_in<'g>(graph: &'g RolloutTrace, item: &ConversationItem) -> Option<&'g InferenceCall> {
    item.produced_by.iter().find_map(|producer| match producer {
        ProducerRef::Inference { inference_call_id } => graph.inference_calls.get(inference_call_id),
        _ => None,
    })
}

impl<'a> Rollout<'a> {
    /// Returns the readable strings of an item's model text, joined.
    pub(crate) fn readable_text(&self, item: ItemId) -> Cow<'a, str> {
        let item = self.graph().conversation_items.get(&item);
        item.map_or(Cow::Borrowed(""), |item| self.facts().text(item))
    }

    /// Returns the nearest earlier call of a call's thread whose request is readable.
    pub fn call_before(&self, call: &InferenceCall) -> Option<&'a InferenceCall> {
        self.index().call_before(call)
    }

    /// Returns the call after this one, if nothing that was lost can have changed the conversation between the two.
    ///
    /// Source: questions, section 1.5.
    pub fn sound_next(&self, call: &InferenceCall) -> Option<&'a InferenceCall> {
        self.index().sound_next(self.facts(), call)
    }

    /// Returns where an item comes from.
    pub fn origin(&self, item: ItemId) -> &Origin {
        self.index().origin(item)
    }

    /// Returns the item that began a turn: the last of its new input that a person or an agent wrote, or else the last.
    ///
    /// Source: questions, section 2.2.
    pub fn input_of(&self, turn: &CodexTurn) -> Option<ItemId> {
        let items = || turn.new_input_item_ids.iter().rev().copied();
        let is_from_outside =
            |item: &ItemId| matches!(self.origin(*item).class, OriginClass::Person | OriginClass::Agent);
        items().find(is_from_outside).or_else(|| items().next())
    }

    /// Returns the number of a turn, from 1, or `None` if the rollout has no such turn.
    pub fn turn_number(&self, turn: &CodexTurnId) -> Option<usize> {
        self.index().turns.get(turn).copied()
    }

    /// Returns the name of a turn: `turn-N` for the N-th one that started, unless that is the id of another turn.
    pub fn turn_name(&self, turn: &CodexTurnId) -> String {
        let Some(number) = self.turn_number(turn) else { return turn.to_string() };
        let ids = &self.graph().codex_turns;
        let is_of_another = |id: &str| ids.get(id).is_some_and(|other| other.codex_turn_id != *turn);
        match format!("turn-{number}") {
            name if !is_of_another(&name) => name,
            _ if !is_of_another(&number.to_string()) => format!("turn:{number}"),
            _ => format!("turn:{turn}"),
        }
    }
}
