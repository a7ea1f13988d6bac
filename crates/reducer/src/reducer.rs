//! From evidence to graph, event by event.

use std::{borrow::Cow, collections::BTreeMap};

use rollout_trace_evidence::{BundleHeader, Evidence, Limits, LocatedEvent, PayloadSource, Problem};
use rollout_trace_model::{ItemId, ObjectRef, RolloutTrace};
use rollout_trace_schema::{
    CodexTurnEnded, EventPayload, ExecutionStatus, RolloutId, Seq, ThreadEnded, ThreadId, TraceId,
};

use crate::{
    agents::{self, Agents},
    at::At,
    auxiliary::{self, Root},
    compactions::Compactions,
    context::Context,
    conversation::Conversations,
    conversation_tools::ConversationTools,
    derived::Derived,
    documents::Documents,
    finish,
    graph::Graph,
    inference::Inference,
    links::Links,
    markers,
    observer::Observer,
    references,
    report::{self, Report},
    rollout::Rollout,
    rules::Rules,
    schema_check, threads,
    tools::Tools,
    turns,
};

/// Turns evidence into a graph.
///
/// Evidence comes in causal order, as a bundle yields it. The cost is in proportion to the new bytes of the payloads:
/// what a request repeats from the previous request of its thread is compared, not parsed again.
#[derive(Debug)]
pub struct Reducer {
    rules: Rules,
    graph: Graph,
    report: Report,
    documents: Documents,
    families: Families,
    derived: Derived,
    root: Root,
}

/// What each family of events remembers beyond the graph.
#[derive(Debug)]
struct Families {
    rollout: Rollout,
    conversations: Conversations,
    links: Links,
    inference: Inference,
    tools: Tools,
    compactions: Compactions,
    agents: Agents,
    conversation_tools: ConversationTools,
}

impl Reducer {
    /// Creates a reducer whose graph holds nothing but what the header says.
    pub fn new(header: BundleHeader, limits: Limits) -> Self {
        let rollout = Rollout::new(header.started_at_unix_ms.is_some());
        Self {
            rules: Rules::of(header.schema_version, header.observed.as_ref()),
            graph: Graph::new(empty_trace(header)),
            report: Report::new(&limits),
            documents: Documents::new(&limits),
            families: Families {
                rollout,
                conversations: Conversations::default(),
                links: Links::default(),
                inference: Inference::default(),
                tools: Tools::default(),
                compactions: Compactions::default(),
                agents: Agents::default(),
                conversation_tools: ConversationTools::default(),
            },
            derived: Derived::default(),
            root: Root::default(),
        }
    }

    /// Reports a problem that was found when the bundle was opened, or when everything was read. One of how payloads are
    /// stored comes before all that is wrong with events, because it is the cause of what they lack.
    pub fn note_problem(&mut self, problem: &Problem) {
        self.graph.begin_problem();
        if matches!(
            problem,
            Problem::LogUnreadable { .. }
                | Problem::TooManyEvents { .. }
                | Problem::TooManyDamagedLines { .. }
                | Problem::ArchiveTooLarge { within_log: true, .. }
        ) {
            self.graph.rollout_mut().reading_stopped = true;
        }
        if problem.is_of_payloads() {
            self.refresh();
            let diagnostics = &mut self.graph.rollout_mut().diagnostics;
            let place = diagnostics.iter().position(|diagnostic| diagnostic.line.is_some());
            diagnostics.insert(place.unwrap_or(diagnostics.len()), report::diagnostic(problem));
        } else {
            self.report.problem(problem);
        }
    }

    /// Applies the next piece of evidence. Documents are read from `payloads` as they are needed.
    pub fn apply(&mut self, evidence: &Evidence, payloads: &mut dyn PayloadSource) {
        self.apply_piece(evidence, payloads, None);
    }

    /// Applies the next piece of evidence, and tells the observer what the payloads hold.
    pub fn apply_observed(
        &mut self,
        evidence: &Evidence,
        payloads: &mut dyn PayloadSource,
        observer: &mut dyn Observer,
    ) {
        self.apply_piece(evidence, payloads, Some(observer));
    }

    fn apply_piece(
        &mut self,
        evidence: &Evidence,
        payloads: &mut dyn PayloadSource,
        observer: Option<&mut dyn Observer>,
    ) {
        match evidence {
            Evidence::Event(located) => self.apply_event(located, payloads, observer),
            Evidence::Problem(problem) => {
                if matches!(problem, Problem::AfterEndMarker { .. }) {
                    self.families.rollout.note_after_marker();
                }
                self.note_problem(problem);
            }
        }
    }

    /// Returns the graph of the evidence so far, after bringing it up to date. The cost is in proportion to what has
    /// changed since the last look.
    ///
    /// It is the graph that [`finish`](Self::finish) would return if there were no more evidence, except for what only
    /// the end decides: `cut_off`, `undelivered_messages` and `plain_deliveries` are empty, and the diagnostics that
    /// belong to the end are missing.
    pub fn graph(&mut self) -> &RolloutTrace {
        self.refresh();
        &self.graph
    }

    /// Returns the objects that changed after the event with this seq was applied, each once, in the order of the
    /// events that changed them last. The cost is in proportion to the number of changes.
    ///
    /// Changes are recorded from the first look on, which is the first call of this method or of
    /// [`graph`](Self::graph). The first look, and a seq from before it, return all objects.
    ///
    /// An object that [`graph`](Self::graph) does not have was removed. [`ObjectRef::Rollout`] represents everything
    /// that is not in a map. A later `last_seen_seq` alone is not a change of the item: the inference call or
    /// compaction that shows the item is returned instead.
    ///
    /// An event that comes late, after one with a higher seq, counts as applied after the highest, and so does a
    /// problem of the log. An object that changed between two looks may be returned again by the look after them.
    pub fn changed_since(&mut self, seq: Seq) -> Vec<ObjectRef> {
        let is_first_look = !self.graph.is_followed();
        self.refresh();
        if is_first_look { self.graph.objects() } else { self.graph.changed_since(seq) }
    }

    /// Returns the final graph, after the last piece of evidence.
    pub fn finish(mut self) -> RolloutTrace {
        self.refresh();
        let Self { rules, mut graph, mut report, families, derived, mut root, .. } = self;
        if rules.agents_are_unobserved() {
            agents::infer_edges(&mut graph, &families.conversations);
            root.choose(&mut graph);
        }
        derived.finish(&mut graph, &families.agents, &mut report);
        finish::report_waiting_cells(&mut report, &families.links.cells);
        finish::list_cut_off(&mut graph, &mut report);
        report.say_what_was_left_out();
        graph.rollout_mut().diagnostics.extend(report.take());
        graph.into_trace()
    }

    /// Brings the graph up to date with what was applied since the last look.
    fn refresh(&mut self) {
        let diagnostics = self.report.take();
        if !diagnostics.is_empty() {
            self.graph.rollout_mut().diagnostics.extend(diagnostics);
        }
        self.families.rollout.set_completeness(&mut self.graph, self.rules);
        let Families { conversations, agents, inference, .. } = &mut self.families;
        if self.rules.tools_are_unobserved() {
            auxiliary::note_roles(&mut self.graph, &inference.without_tools);
        }
        if self.rules.agents_are_unobserved() {
            self.root.choose(&mut self.graph);
        }
        self.derived.refresh(&mut self.graph, conversations, agents);
    }

    fn apply_event(
        &mut self,
        located: &LocatedEvent,
        payloads: &mut dyn PayloadSource,
        observer: Option<&mut dyn Observer>,
    ) {
        let event = &located.event;
        let at = At::new(event, located.line);
        self.graph.begin_event(at.seq);
        self.report.begin_event(&at);
        let mut cx = Context {
            at: &at,
            rules: self.rules,
            graph: &mut self.graph,
            report: &mut self.report,
            documents: &mut self.documents,
            payloads,
            observer: observer.map(|observer| observer as _),
        };
        self.families.rollout.note_last(&event.payload, located.newline_terminated);
        self.families.rollout.note_envelope(&mut cx, &event.rollout_id);
        let references = references::counting(&event.payload, cx.rules);
        for reference in &references {
            self.families.rollout.note_reference(reference);
        }
        let payload = references::list(cx.graph, cx.report, cx.rules, (&event.payload, &references));
        self.families.apply(&mut cx, &payload);
        let Families { conversations, links, .. } = &mut self.families;
        let first = |items: &[ItemId]| conversations.first_in_list(items);
        links.cells.start_shown(&mut cx, &mut links.calls, first);
        let references = match &payload {
            Cow::Borrowed(_) => references,
            Cow::Owned(payload) => references::counting(payload, cx.rules),
        };
        for reference in &references {
            cx.verify(reference);
        }
        schema_check::check(&mut cx, &payload, &references);
    }
}

impl Families {
    fn apply(&mut self, cx: &mut Context<'_>, payload: &EventPayload) {
        let Self { rollout, conversations, links, inference, tools, compactions, agents, conversation_tools } = self;
        match payload {
            EventPayload::RolloutStarted(event) => rollout.started(cx, event),
            EventPayload::RolloutEnded(event) => rollout.ended(cx, event),
            EventPayload::RecordingCompleted(_) => {}
            EventPayload::ThreadStarted(event) => threads::started(cx, event),
            EventPayload::ThreadEnded(event) => self.thread_ended(cx, event),
            EventPayload::ThreadResumed(event) => threads::resumed(cx, event),
            EventPayload::CodexTurnStarted(event) => turns::started(cx, event),
            EventPayload::CodexTurnEnded(event) => self.codex_turn_ended(cx, event),
            EventPayload::HistoryItemAccepted(event) => conversations.item_accepted(cx, links, event),
            EventPayload::InferenceStarted(event) => inference.started(cx, conversations, links, event),
            EventPayload::InferenceCompleted(event) => {
                inference.completed(cx, conversations, (links, conversation_tools), event)
            }
            EventPayload::InferenceFailed(event) => {
                inference.failed(cx, conversations, (links, conversation_tools), event)
            }
            EventPayload::InferenceCancelled(event) => {
                inference.cancelled(cx, conversations, (links, conversation_tools), event)
            }
            EventPayload::ToolCallStarted(event) => tools.started(cx, links, agents, event),
            EventPayload::McpToolCallCorrelationAssigned(event) => tools.mcp_correlation_assigned(cx, event),
            EventPayload::StdinTargetResolved(event) => tools.stdin_target_resolved(cx, event),
            EventPayload::ToolCallRuntimeStarted(event) => tools.runtime_started(cx, agents, event),
            EventPayload::ToolCallRuntimeEnded(event) => tools.runtime_ended(cx, agents, event),
            EventPayload::ToolCallEnded(event) => tools.ended(cx, event),
            EventPayload::CodeCellStarted(event) => links.cells.started(cx, &mut links.calls, event),
            EventPayload::CodeCellInitialResponse(event) => links.cells.initial_response(cx, event),
            EventPayload::CodeCellEnded(event) => links.cells.ended(cx, event),
            EventPayload::CodeCellWaitTargetResolved(event) => tools.wait_target_resolved(cx, links, event),
            EventPayload::CompactionRequestStarted(event) => compactions.request_started(cx, event),
            EventPayload::CompactionRequestCompleted(event) => compactions.request_completed(cx, event),
            EventPayload::CompactionRequestFailed(event) => compactions.request_failed(cx, event),
            EventPayload::CompactionInstalled(event) => compactions.installed(cx, conversations, links, event),
            EventPayload::AgentResultObserved(event) => agents.note_result(cx.at, event),
            EventPayload::ProtocolEventObserved(event) => markers::protocol_event(cx, event),
            EventPayload::Other(event) => markers::other(cx, event),
            unknown => markers::unreadable(cx, unknown),
        }
    }

    fn thread_ended(&mut self, cx: &mut Context<'_>, event: &ThreadEnded) {
        threads::ended(cx, event);
        self.inference.end_of_thread(event);
        if let Some(observer) = &mut cx.observer {
            observer.thread_ended(&event.thread_id);
        }
    }

    /// Ends a turn and what it leaves running.
    fn codex_turn_ended(&mut self, cx: &mut Context<'_>, event: &CodexTurnEnded) {
        turns::ended(cx, event);
        self.inference.end_of_turn(cx, event);
        self.links.cells.end_of_turn(cx, event);
    }
}

fn empty_trace(header: BundleHeader) -> RolloutTrace {
    let read_as = header.schema_version.number();
    RolloutTrace {
        schema_version: header.stated_schema.unwrap_or(read_as),
        reduced_by: Some(RolloutTrace::REDUCED_BY.to_owned()),
        read_as_schema: (header.stated_schema != Some(read_as)).then_some(read_as),
        reading_stopped: false,
        trace_id: header.trace_id.unwrap_or_else(|| TraceId::from("")),
        rollout_id: header.rollout_id.unwrap_or_else(|| RolloutId::from("")),
        started_at_unix_ms: header.started_at_unix_ms.unwrap_or_default(),
        ended_at_unix_ms: None,
        status: ExecutionStatus::Running,
        recording_complete: None,
        recording_status: None,
        root_thread_id: header.root_thread_id.unwrap_or_else(|| ThreadId::from("")),
        evidence: header.evidence,
        observed: header.observed,
        threads: BTreeMap::new(),
        codex_turns: BTreeMap::new(),
        conversation_items: BTreeMap::new(),
        inference_calls: BTreeMap::new(),
        code_cells: BTreeMap::new(),
        tool_calls: BTreeMap::new(),
        terminal_sessions: BTreeMap::new(),
        terminal_operations: BTreeMap::new(),
        compactions: BTreeMap::new(),
        compaction_requests: BTreeMap::new(),
        interaction_edges: BTreeMap::new(),
        raw_payloads: BTreeMap::new(),
        markers: Vec::new(),
        undelivered_messages: Vec::new(),
        plain_deliveries: Vec::new(),
        cut_off: Vec::new(),
        diagnostics: Vec::new(),
    }
}
