//! Bringing the events of a session's threads into one order.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap, HashSet},
    iter::Peekable,
};

use rollout_trace_schema::{
    AgentResultObserved, CodexTurnId, EdgeId, EventPayload, ImportRequests, Manifest, PayloadRef, RawEvent,
    RawPayloadId, RolloutId, SchemaVersion, ThreadId, ToolCallId, UnixMillis,
};

use crate::{
    document::ImportedDocument,
    draft::{Boundary, Draft, Note},
};

/// The events of one thread, in order.
pub(crate) type Stream = Box<dyn Iterator<Item = Draft>>;

/// Opens the stream of another thread of the session, if it has a file.
pub(crate) type Children = Box<dyn FnMut(&ThreadId) -> Option<Stream>>;

/// An event of an imported session, with the documents that it refers to.
#[derive(Clone, Debug)]
pub struct ImportedEvent {
    /// The event.
    pub event: RawEvent,
    /// The documents, each with the reference of the event that leads to it.
    pub payloads: Vec<(PayloadRef, ImportedDocument)>,
}

/// What the events so far say about the import.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) requests: ImportRequests,
    pub(crate) losses: BTreeMap<String, u64>,
}

/// Merges the streams of threads.
///
/// Within a thread, the order of its file is the order. Between threads, times decide, each thread's raised to its
/// running maximum; of equal times, the thread that was opened first comes first.
pub(crate) struct Merge {
    rollout: RolloutId,
    /// The streams that have not ended, in the order of their opening.
    streams: Vec<Option<Peekable<Stream>>>,
    /// The time of the next draft of each stream, and the stream's place.
    waiting: BinaryHeap<Reverse<(UnixMillis, usize)>>,
    children: Children,
    opened: HashSet<ThreadId>,
    seq: u64,
    payloads: u64,
    /// The threads that started each tool call.
    tools: HashMap<ToolCallId, ThreadId>,
    /// The newest turn of each thread.
    turns: HashMap<ThreadId, CodexTurnId>,
    pub(crate) account: Account,
}

impl Merge {
    pub(crate) fn new(rollout: RolloutId, root: &ThreadId, streams: Vec<Stream>, children: Children) -> Self {
        let mut merge = Self {
            rollout,
            streams: Vec::new(),
            waiting: BinaryHeap::new(),
            children,
            opened: HashSet::from([root.clone()]),
            seq: 0,
            payloads: 0,
            tools: HashMap::new(),
            turns: HashMap::new(),
            account: Account::default(),
        };
        streams.into_iter().for_each(|stream| merge.add(stream));
        merge
    }

    fn note(&mut self, note: Note) {
        let requests = &mut self.account.requests;
        match note {
            Note::Request(Boundary::Verified) => requests.verified += 1,
            Note::Request(Boundary::Recorded) => requests.recorded += 1,
            Note::Request(Boundary::Implied) => requests.implied += 1,
            Note::Problem(problem) => *self.account.losses.entry(problem.code.as_str().to_owned()).or_default() += 1,
            Note::Loss(code) => *self.account.losses.entry(code.to_owned()).or_default() += 1,
            Note::Child(thread) => {
                if self.opened.insert(thread.clone())
                    && let Some(stream) = (self.children)(&thread)
                {
                    self.add(stream);
                }
            }
        }
    }

    /// Completes an agent's result: the turn that it is of, if no record says so, is the newest of the agent. Returns
    /// `None` if the agent has had no turn.
    fn complete_result(&self, event: &mut AgentResultObserved) -> Option<()> {
        if event.child_codex_turn_id.is_empty() {
            event.child_codex_turn_id = self.turns.get(&event.child_thread_id)?.clone();
        }
        let (child, turn, parent) = (&event.child_thread_id, &event.child_codex_turn_id, &event.parent_thread_id);
        event.edge_id = EdgeId::from(format!("edge:agent_result:{child}:{turn}:{parent}"));
        Some(())
    }

    /// Gives an event its seq and its payloads their numbers.
    fn finish(&mut self, draft: Draft) -> Option<ImportedEvent> {
        let Draft { at, thread, mut body, documents, notes } = draft;
        notes.into_iter().for_each(|note| self.note(note));
        match &mut body {
            EventPayload::CodexTurnStarted(event) => {
                self.turns.insert(event.thread_id.clone(), event.codex_turn_id.clone());
            }
            EventPayload::AgentResultObserved(event) => self.complete_result(event)?,
            _ => {}
        }
        self.distinguish_tool(&thread, &mut body);
        self.seq += 1;
        let mut documents = documents.into_iter();
        let mut payloads = Vec::new();
        let number = &mut self.payloads;
        body.for_each_payload_ref_mut(|reference| {
            *number += 1;
            let path = format!("{}/{number}.json", Manifest::PAYLOADS_DIR);
            let id = RawPayloadId::from(format!("raw_payload:{number}"));
            *reference = PayloadRef::at_path(id, reference.kind.clone(), path);
            payloads.push((reference.clone(), documents.next().expect("each reference has a document")));
        });
        let event = RawEvent {
            schema_version: SchemaVersion::V2.number(),
            seq: self.seq,
            wall_time_unix_ms: at.time,
            rollout_id: self.rollout.clone(),
            thread_id: Some(thread),
            codex_turn_id: at.turn,
            payload: body,
            source: Some(at.place),
            evidence: at.grade,
        };
        Some(ImportedEvent { event, payloads })
    }

    /// Gives a tool call another id if a thread that started one before has used it.
    fn distinguish_tool(&mut self, thread: &ThreadId, body: &mut EventPayload) {
        let id = match body {
            EventPayload::ToolCallStarted(event) => &mut event.tool_call_id,
            EventPayload::ToolCallRuntimeStarted(event) => &mut event.tool_call_id,
            EventPayload::ToolCallRuntimeEnded(event) => &mut event.tool_call_id,
            EventPayload::ToolCallEnded(event) => &mut event.tool_call_id,
            _ => return,
        };
        let first = self.tools.entry(id.clone()).or_insert_with(|| thread.clone());
        if first != thread {
            *id = ToolCallId::from(format!("{id}#{thread}"));
        }
    }
}

impl Iterator for Merge {
    type Item = ImportedEvent;

    fn next(&mut self) -> Option<ImportedEvent> {
        loop {
            let draft = self.next_draft()?;
            if let Some(event) = self.finish(draft) {
                return Some(event);
            }
        }
    }
}

impl Merge {
    /// Adds the events of a thread.
    fn add(&mut self, stream: Stream) {
        self.streams.push(None);
        self.wait(self.streams.len() - 1, stream.peekable(), UnixMillis::MIN);
    }

    /// Waits for the turn of a stream's next draft, unless it has ended. Then its file is closed.
    fn wait(&mut self, place: usize, mut stream: Peekable<Stream>, latest: UnixMillis) {
        if let Some(draft) = stream.peek() {
            self.waiting.push(Reverse((draft.at.time.max(latest), place)));
            self.streams[place] = Some(stream);
        }
    }

    /// Returns the first draft of all streams.
    fn next_draft(&mut self) -> Option<Draft> {
        let Reverse((time, place)) = self.waiting.pop()?;
        let mut stream = self.streams[place].take()?;
        let draft = stream.next();
        self.wait(place, stream, time);
        draft
    }
}
