//! From evidence to graph, event by event.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rollout_trace_evidence::{BundleHeader, Evidence, Limits, LocatedEvent, PayloadSource, Problem};
use rollout_trace_model::{DiagnosticCode, RolloutTrace};
use rollout_trace_schema::{
    CodexTurnId, CompactionId, CompactionRequestId, EventPayload, ExecutionStatus, InferenceCallId, PayloadKind,
    PayloadRef, RolloutId, SchemaVersion, Seq, ThreadId, TraceId,
};

use crate::{
    agents::Agents, at::At, calls::Calls, code_cell::Cells, conversation::Conversations, documents::Documents, finish,
    report::Report, terminal::Terminals, tool_call::Tools,
};

/// Turns evidence into a graph.
///
/// Evidence comes in causal order, as a bundle gives it. Its cost follows the bytes of the payloads that are new: what a
/// request repeats of the one before it in its thread is compared, not parsed again.
#[derive(Debug)]
pub struct Reducer {
    pub(crate) version: SchemaVersion,
    pub(crate) limits: Limits,
    /// The graph so far. What only its end decides is added when it is asked for.
    pub(crate) trace: RolloutTrace,
    pub(crate) report: Report,
    pub(crate) conversations: Conversations,
    pub(crate) calls: Calls,
    pub(crate) tools: Tools,
    pub(crate) cells: Cells,
    pub(crate) terminals: Terminals,
    pub(crate) agents: Agents,
    pub(crate) documents: Documents,
    pub(crate) rollout_is_started: bool,
    /// The inference calls that a turn's end would end.
    pub(crate) open_calls: HashMap<CodexTurnId, Vec<InferenceCallId>>,
    /// The events that last showed each call's response.
    pub(crate) answered: HashMap<InferenceCallId, Seq>,
    pub(crate) requests_of_compaction: HashMap<CompactionId, BTreeSet<CompactionRequestId>>,
    /// Whether the last thing in the log is a whole end marker.
    ends_in_marker: bool,
    /// Whether anything followed an end marker.
    goes_on_after_marker: bool,
    start_is_known: bool,
}

impl Reducer {
    /// Starts a graph.
    pub fn new(header: BundleHeader, limits: Limits) -> Self {
        let trace = RolloutTrace {
            schema_version: header.schema_version.number(),
            trace_id: header.trace_id.unwrap_or_else(|| TraceId::from("")),
            rollout_id: header.rollout_id.unwrap_or_else(|| RolloutId::from("")),
            started_at_unix_ms: header.started_at_unix_ms.unwrap_or_default(),
            ended_at_unix_ms: None,
            status: ExecutionStatus::Running,
            recording_complete: None,
            root_thread_id: header.root_thread_id.unwrap_or_else(|| ThreadId::from("")),
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
            cut_off: Vec::new(),
            diagnostics: Vec::new(),
        };
        Self {
            version: header.schema_version,
            limits,
            trace,
            report: Report::default(),
            conversations: Conversations::default(),
            calls: Calls::default(),
            tools: Tools::default(),
            cells: Cells::default(),
            terminals: Terminals::default(),
            agents: Agents::default(),
            documents: Documents::default(),
            rollout_is_started: false,
            open_calls: HashMap::new(),
            answered: HashMap::new(),
            requests_of_compaction: HashMap::new(),
            ends_in_marker: false,
            goes_on_after_marker: false,
            start_is_known: header.started_at_unix_ms.is_some(),
        }
    }

    /// Notes something that opening the bundle met.
    pub fn note_problem(&mut self, problem: &Problem) {
        self.report.problem(problem);
    }

    /// Applies the next piece of evidence. Documents are read from `payloads` as they are needed.
    pub fn apply(&mut self, evidence: &Evidence, payloads: &mut dyn PayloadSource) {
        match evidence {
            Evidence::Event(located) => self.apply_event(located, payloads),
            Evidence::Problem(problem) => {
                self.goes_on_after_marker |= matches!(problem, Problem::AfterEndMarker { .. });
                self.report.problem(problem);
            }
        }
    }

    /// The graph of what has been applied.
    pub fn graph(&self) -> RolloutTrace {
        let ending = self.ending();
        finish::finish(self.trace.clone(), self.report.clone(), &ending)
    }

    /// The graph, when there is no more evidence.
    pub fn finish(mut self) -> RolloutTrace {
        let report = std::mem::take(&mut self.report);
        let empty = Self::new(
            BundleHeader {
                schema_version: self.version,
                trace_id: None,
                rollout_id: None,
                root_thread_id: None,
                started_at_unix_ms: None,
            },
            self.limits,
        );
        let trace = std::mem::replace(&mut self.trace, empty.trace);
        finish::finish(trace, report, &self.ending())
    }

    fn ending(&self) -> finish::Ending<'_> {
        finish::Ending {
            version: self.version,
            ends_in_marker: self.ends_in_marker && !self.goes_on_after_marker,
            conversations: &self.conversations,
            agents: &self.agents,
            answered: &self.answered,
            cells: &self.cells,
        }
    }

    fn apply_event(&mut self, located: &LocatedEvent, payloads: &mut dyn PayloadSource) {
        let event = &located.event;
        let at = At {
            seq: event.seq,
            line: located.line,
            time: event.wall_time_unix_ms,
            thread: event.thread_id.clone(),
            turn: event.codex_turn_id.clone(),
        };
        self.ends_in_marker =
            matches!(event.payload, EventPayload::RecordingCompleted(_)) && located.newline_terminated;
        self.note_envelope(&at, &event.rollout_id);
        let references = self.references(&event.payload);
        for reference in &references {
            self.trace.raw_payloads.insert(reference.raw_payload_id.clone(), (*reference).clone());
        }
        match &event.payload {
            EventPayload::RolloutStarted(event) => self.rollout_started(&at, event),
            EventPayload::RolloutEnded(event) => self.rollout_ended(&at, event),
            EventPayload::RecordingCompleted(_) => {}
            EventPayload::ThreadStarted(event) => self.thread_started(&at, event, payloads),
            EventPayload::ThreadEnded(event) => self.thread_ended(&at, event),
            EventPayload::ThreadResumed(event) => self.thread_resumed(&at, event),
            EventPayload::CodexTurnStarted(event) => self.codex_turn_started(&at, event),
            EventPayload::CodexTurnEnded(event) => self.codex_turn_ended(&at, event),
            EventPayload::HistoryItemAccepted(event) => self.history_item_accepted(&at, event, payloads),
            EventPayload::InferenceStarted(event) => self.inference_started(&at, event, payloads),
            EventPayload::InferenceCompleted(event) => self.inference_completed(&at, event, payloads),
            EventPayload::InferenceFailed(event) => self.inference_failed(&at, event, payloads),
            EventPayload::InferenceCancelled(event) => self.inference_cancelled(&at, event, payloads),
            EventPayload::ToolCallStarted(event) => self.tool_call_started(&at, event, payloads),
            EventPayload::McpToolCallCorrelationAssigned(event) => self.mcp_tool_call_correlation_assigned(&at, event),
            EventPayload::StdinTargetResolved(event) => self.stdin_target_resolved(&at, event),
            EventPayload::ToolCallRuntimeStarted(event) => self.tool_call_runtime_started(&at, event, payloads),
            EventPayload::ToolCallRuntimeEnded(event) => self.tool_call_runtime_ended(&at, event, payloads),
            EventPayload::ToolCallEnded(event) => self.tool_call_ended(&at, event, payloads),
            EventPayload::CodeCellStarted(event) => self.code_cell_started(&at, event),
            EventPayload::CodeCellInitialResponse(event) => self.code_cell_initial_response(&at, event),
            EventPayload::CodeCellEnded(event) => self.code_cell_ended(&at, event),
            EventPayload::CompactionRequestStarted(event) => self.compaction_request_started(&at, event),
            EventPayload::CompactionRequestCompleted(event) => self.compaction_request_completed(&at, event),
            EventPayload::CompactionRequestFailed(event) => self.compaction_request_failed(&at, event),
            EventPayload::CompactionInstalled(event) => self.compaction_installed(&at, event, payloads),
            EventPayload::AgentResultObserved(event) => self.agents.note_result(&at, event),
            EventPayload::ProtocolEventObserved(event) => self.protocol_event_observed(&at, event, payloads),
            EventPayload::Other(event) => self.other(&at, event),
            unknown => self.unreadable_event(&at, unknown, payloads),
        }
        for reference in &references {
            self.verify(&at, reference, payloads);
        }
        self.warn_of_unknown_names(&at, &event.payload, &references);
        self.warn_of_other_schema(&at, &event.payload);
    }

    /// The payload references of an event that count: schema 2 ignores the input mode of a request, and what is in it.
    fn references<'a>(&self, payload: &'a EventPayload) -> Vec<&'a PayloadRef> {
        let mut references = Vec::new();
        match payload {
            EventPayload::InferenceStarted(event) if self.version >= SchemaVersion::V2 => {
                references.push(&event.request_payload);
            }
            payload => payload.for_each_payload_ref(|reference| references.push(reference)),
        }
        references
    }

    /// Reports what the bundle's schema version does not have, or does not do without.
    fn warn_of_other_schema(&mut self, at: &At, payload: &EventPayload) {
        let name = payload.type_name();
        match payload {
            EventPayload::RecordingCompleted(_)
            | EventPayload::ThreadResumed(_)
            | EventPayload::HistoryItemAccepted(_)
            | EventPayload::StdinTargetResolved(_)
                if self.version == SchemaVersion::V1 =>
            {
                let message =
                    format!("schema 1 has no {name} events; they count as in schema 2, as far as that can be");
                self.report.once(at, DiagnosticCode::SchemaVersionMismatch, &name, message);
            }
            EventPayload::ToolCallRuntimeStarted(event)
                if self.version >= SchemaVersion::V2 && event.kind.is_none() =>
            {
                let message = format!("a {name} event lacks its kind; that of the tool call's start counts");
                self.report.at(at, DiagnosticCode::MalformedEvent, &[&event.tool_call_id], message);
            }
            _ => {}
        }
    }

    /// Takes from the envelope what the manifest should have said.
    fn note_envelope(&mut self, at: &At, rollout_id: &RolloutId) {
        if !self.start_is_known {
            self.start_is_known = true;
            self.trace.started_at_unix_ms = at.time;
        }
        if self.trace.rollout_id.is_empty() {
            self.trace.rollout_id = rollout_id.clone();
        } else if self.trace.rollout_id != *rollout_id {
            let message = format!(
                "the event belongs to rollout {rollout_id}, the bundle to {}; it counts all the same",
                self.trace.rollout_id
            );
            self.report.once(at, DiagnosticCode::RolloutMismatch, rollout_id, message);
        }
    }

    fn unreadable_event(&mut self, at: &At, payload: &EventPayload, payloads: &mut dyn PayloadSource) {
        let EventPayload::Unknown(object) = payload else { return };
        let name = payload.type_name();
        match payload.misfit() {
            Some(reason) => {
                let message = format!("a {name} event cannot be read: {reason}; it is kept as a marker");
                self.report.at(at, DiagnosticCode::MalformedEvent, &[&name], message);
            }
            None => {
                let name = if name.is_empty() { "(none)" } else { name };
                let message = format!(
                    "an event of the unknown type {name} is kept as a marker; what it means is not in the graph"
                );
                self.report.at(at, DiagnosticCode::UnknownEventType, &[&name], message);
            }
        }
        self.unknown_event(at, name, object, payloads);
    }

    /// Reports statuses and payload kinds that are not known, each name once.
    fn warn_of_unknown_names(&mut self, at: &At, payload: &EventPayload, references: &[&PayloadRef]) {
        let status = match payload {
            EventPayload::RolloutEnded(event) => Some(&event.status),
            EventPayload::ThreadEnded(event) => Some(&event.status),
            EventPayload::CodexTurnEnded(event) => Some(&event.status),
            EventPayload::ToolCallRuntimeEnded(event) => Some(&event.status),
            EventPayload::ToolCallEnded(event) => Some(&event.status),
            _ => None,
        };
        let cell_status = match payload {
            EventPayload::CodeCellInitialResponse(event) => Some(&event.status),
            EventPayload::CodeCellEnded(event) => Some(&event.status),
            _ => None,
        };
        let unknown = status.filter(|status| status.is_unknown()).map(|status| status.as_str());
        let unknown = unknown.or(cell_status.filter(|status| status.is_unknown()).map(|status| status.as_str()));
        if let Some(name) = unknown {
            let message = format!("{name} is no status that is known; it is kept as it is");
            self.report.at(at, DiagnosticCode::UnknownValue, &[&name], message);
        }
        for reference in references {
            if matches!(reference.kind, PayloadKind::Unknown { .. }) {
                let name = reference.kind.as_str();
                let message = format!("{name} is no payload kind that is known; it is kept as it is");
                self.report.payload(at, DiagnosticCode::UnknownValue, &reference.raw_payload_id, &[&name], message);
            }
        }
    }
}
