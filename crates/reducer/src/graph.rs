//! The graph under construction.

use std::{collections::BTreeMap, ops::Deref};

use rollout_trace_model::{
    AgentThread, CodeCell, CodeCellId, CodexTurn, Compaction, CompactionRequest, ConversationItem, InferenceCall,
    InteractionEdge, ItemId, ObjectRef, OperationId, RolloutTrace, TerminalId, TerminalOperation, TerminalSession,
    ToolCall,
};
use rollout_trace_schema::{
    CodexTurnId, CompactionId, CompactionRequestId, EdgeId, InferenceCallId, PayloadRef, RawPayloadId, Seq, ThreadId,
    ToolCallId,
};

use crate::changes::Changes;

/// A graph that records which of its objects change.
///
/// Reading goes through [`Deref`]. Every change goes through a method that names the object, so that none is missed.
#[derive(Debug)]
pub(crate) struct Graph {
    trace: RolloutTrace,
    changes: Changes,
}

/// An id under which a graph keeps objects.
pub(crate) trait Key: Clone + Ord + 'static {
    type Object;

    fn objects(trace: &mut RolloutTrace) -> &mut BTreeMap<Self, Self::Object>;

    fn object_ref(&self) -> ObjectRef;
}

macro_rules! keys {
    ($($id:ident: $object:ident in $map:ident as $name:ident;)+) => {$(
        impl Key for $id {
            type Object = $object;

            fn objects(trace: &mut RolloutTrace) -> &mut BTreeMap<Self, $object> {
                &mut trace.$map
            }

            fn object_ref(&self) -> ObjectRef {
                ObjectRef::$name(self.clone())
            }
        }
    )+};
}

keys! {
    ThreadId: AgentThread in threads as Thread;
    CodexTurnId: CodexTurn in codex_turns as CodexTurn;
    ItemId: ConversationItem in conversation_items as ConversationItem;
    InferenceCallId: InferenceCall in inference_calls as InferenceCall;
    CodeCellId: CodeCell in code_cells as CodeCell;
    ToolCallId: ToolCall in tool_calls as ToolCall;
    TerminalId: TerminalSession in terminal_sessions as TerminalSession;
    OperationId: TerminalOperation in terminal_operations as TerminalOperation;
    CompactionId: Compaction in compactions as Compaction;
    CompactionRequestId: CompactionRequest in compaction_requests as CompactionRequest;
    EdgeId: InteractionEdge in interaction_edges as InteractionEdge;
    RawPayloadId: PayloadRef in raw_payloads as RawPayload;
}

impl Deref for Graph {
    type Target = RolloutTrace;

    fn deref(&self) -> &RolloutTrace {
        &self.trace
    }
}

impl Graph {
    pub(crate) fn new(trace: RolloutTrace) -> Self {
        Self { trace, changes: Changes::default() }
    }

    /// Returns the object with this id, to be changed, or `None` if the graph has none.
    pub(crate) fn get_mut<K: Key>(&mut self, id: &K) -> Option<&mut K::Object> {
        let object = K::objects(&mut self.trace).get_mut(id)?;
        self.changes.record(|| id.object_ref());
        Some(object)
    }

    /// Returns the object with this id, to be changed. The caller knows that the graph has it, because reduction made
    /// the object and remembers its id.
    pub(crate) fn object_mut<K: Key>(&mut self, id: &K) -> &mut K::Object {
        self.get_mut(id).expect("an object that reduction remembers is in the graph")
    }

    /// Adds an object, or replaces the one that has this id.
    pub(crate) fn insert<K: Key>(&mut self, id: &K, object: K::Object) {
        self.changes.record(|| id.object_ref());
        K::objects(&mut self.trace).insert(id.clone(), object);
    }

    /// Removes an object and returns it.
    pub(crate) fn remove<K: Key>(&mut self, id: &K) -> Option<K::Object> {
        let object = K::objects(&mut self.trace).remove(id)?;
        self.changes.record(|| id.object_ref());
        Some(object)
    }

    /// Returns the trace, so that its own fields and lists can be changed, but not its objects.
    pub(crate) fn rollout_mut(&mut self) -> &mut RolloutTrace {
        self.changes.record(|| ObjectRef::Rollout);
        &mut self.trace
    }

    /// Notes that an item was seen in a later event. This does not count as a change of the item, because the inference
    /// call or compaction that shows it has changed.
    pub(crate) fn note_last_seen(&mut self, id: ItemId, seq: Seq) {
        if let Some(item) = self.trace.conversation_items.get_mut(&id) {
            item.last_seen_seq = item.last_seen_seq.max(seq);
        }
    }

    /// Returns the objects that changed since [`Graph::settle`] was last called, each once.
    pub(crate) fn unsettled(&self) -> Vec<ObjectRef> {
        self.changes.unsettled().unwrap_or_else(|| self.objects())
    }

    /// Marks the changes so far as followed up: what follows from them is in the graph.
    pub(crate) fn settle(&mut self) {
        self.changes.settle();
    }

    /// Returns whether anything has looked at the graph yet.
    pub(crate) fn is_followed(&self) -> bool {
        self.changes.are_followed()
    }

    /// Returns the objects that changed after the event with this seq was applied, each once, in the order of the
    /// events that changed them last. Returns all objects if that event was applied before the first look.
    pub(crate) fn changed_since(&self, seq: Seq) -> Vec<ObjectRef> {
        self.changes.since(seq).unwrap_or_else(|| self.objects())
    }

    /// Returns all objects.
    pub(crate) fn objects(&self) -> Vec<ObjectRef> {
        let trace = &self.trace;
        let threads = trace.threads.keys().map(Key::object_ref);
        let turns = trace.codex_turns.keys().map(Key::object_ref);
        let items = trace.conversation_items.keys().map(Key::object_ref);
        let calls = trace.inference_calls.keys().map(Key::object_ref);
        let cells = trace.code_cells.keys().map(Key::object_ref);
        let tools = trace.tool_calls.keys().map(Key::object_ref);
        let sessions = trace.terminal_sessions.keys().map(Key::object_ref);
        let operations = trace.terminal_operations.keys().map(Key::object_ref);
        let compactions = trace.compactions.keys().map(Key::object_ref);
        let requests = trace.compaction_requests.keys().map(Key::object_ref);
        let edges = trace.interaction_edges.keys().map(Key::object_ref);
        let payloads = trace.raw_payloads.keys().map(Key::object_ref);
        let conversation = threads.chain(turns).chain(items).chain(calls);
        let runtime = cells.chain(tools).chain(sessions).chain(operations);
        let others = compactions.chain(requests).chain(edges).chain(payloads);
        conversation.chain(runtime).chain(others).chain([ObjectRef::Rollout]).collect()
    }

    /// Attributes the changes from now on to the event with this seq.
    pub(crate) fn begin_event(&mut self, seq: Seq) {
        self.changes.begin_event(seq);
    }

    /// Attributes the changes from now on to something other than an event.
    pub(crate) fn begin_problem(&mut self) {
        self.changes.begin_problem();
    }

    pub(crate) fn into_trace(self) -> RolloutTrace {
        self.trace
    }
}
