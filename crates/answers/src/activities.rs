//! What kept each agent busy, and when.

use std::collections::BTreeMap;

use rollout_trace_model::{Execution, OperationKind, RolloutTrace, ToolCall};
use rollout_trace_schema::{ThreadId, ToolKind, UnixMillis};
use schemars::JsonSchema;
use serde::Serialize;

use crate::tool_name::tool_name;

/// What a millisecond of a thread's life was spent on. If several apply, the first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeClass {
    /// An inference call was open.
    Model,
    /// A request for a compaction was open.
    Compaction,
    /// A tool was running.
    Tool,
    /// A code cell had not given its first answer, or the model waited for a code cell.
    Script,
    /// The agent waited for other agents.
    Agents,
    /// The call of a command had started, but not the command: approval, queue, sandbox.
    ToRun,
    /// Inside a turn, but none of the above: the harness, hooks, approvals, pauses.
    Unrecorded,
    /// Outside turns.
    Idle,
}

impl TimeClass {
    /// All classes.
    pub const ALL: [Self; 8] = [
        Self::Model,
        Self::Compaction,
        Self::Tool,
        Self::Script,
        Self::Agents,
        Self::ToRun,
        Self::Unrecorded,
        Self::Idle,
    ];

    /// Returns what the time of a tool counts as while it runs.
    pub fn of_tool(kind: &ToolKind) -> Self {
        match kind {
            ToolKind::WaitAgent => Self::Agents,
            kind if is_script_tool(&tool_name(kind)) => Self::Script,
            _ => Self::Tool,
        }
    }

    /// Returns the class as it is named in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Compaction => "compaction",
            Self::Tool => "tool",
            Self::Script => "script",
            Self::Agents => "agents",
            Self::ToRun => "to_run",
            Self::Unrecorded => "unrecorded",
            Self::Idle => "idle",
        }
    }

    /// Returns a few words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Model => "the model",
            Self::Compaction => "compaction",
            Self::Tool => "tools",
            Self::Script => "scripts",
            Self::Agents => "waiting for agents",
            Self::ToRun => "before a command ran",
            Self::Unrecorded => "nothing recorded",
            Self::Idle => "nobody's turn",
        }
    }
}

/// A span of wall-clock time. Its end is not before its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: UnixMillis,
    pub(crate) end: UnixMillis,
}

impl Span {
    /// An end before the start is moved to the start.
    pub(crate) fn new(start: UnixMillis, end: UnixMillis) -> Self {
        Self { start, end: end.max(start) }
    }

    pub(crate) fn of(execution: &Execution, end_of_trace: UnixMillis) -> Self {
        Self::new(execution.started_at_unix_ms, execution.ended_at_unix_ms.unwrap_or(end_of_trace))
    }

    pub(crate) fn ms(self) -> u64 {
        self.end.abs_diff(self.start)
    }
}

/// One activity of a thread.
#[derive(Clone, Debug)]
pub(crate) struct Activity<'a> {
    pub(crate) class: TimeClass,
    pub(crate) span: Span,
    /// The inference call, compaction request, tool call or code cell.
    pub(crate) id: &'a str,
}

/// The activities and turns of one thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct ThreadTimes<'a> {
    pub(crate) activities: Vec<Activity<'a>>,
    pub(crate) turns: Vec<Span>,
}

/// The activities and turns of all threads.
#[derive(Clone, Debug)]
pub(crate) struct Times<'a> {
    /// The rollout, from its start to the end of the trace.
    pub(crate) rollout: Span,
    pub(crate) threads: BTreeMap<&'a ThreadId, ThreadTimes<'a>>,
}

impl<'a> Times<'a> {
    pub(crate) fn of(graph: &'a RolloutTrace) -> Self {
        let end = end_of_trace(graph);
        let mut times = Self {
            rollout: Span::new(graph.started_at_unix_ms, end),
            threads: graph.threads.keys().map(|id| (id, ThreadTimes::default())).collect(),
        };
        for turn in graph.codex_turns.values() {
            times.threads.entry(&turn.thread_id).or_default().turns.push(Span::of(&turn.execution, end));
        }
        for call in graph.inference_calls.values() {
            times.add(&call.thread_id, TimeClass::Model, Span::of(&call.execution, end), &call.inference_call_id);
        }
        for request in graph.compaction_requests.values() {
            let span = Span::of(&request.execution, end);
            times.add(&request.thread_id, TimeClass::Compaction, span, &request.compaction_request_id);
        }
        for cell in graph.code_cells.values() {
            let answered = cell.initial_response_at_unix_ms.or(cell.execution.ended_at_unix_ms).unwrap_or(end);
            let span = Span::new(cell.execution.started_at_unix_ms, answered);
            times.add(&cell.thread_id, TimeClass::Script, span, &cell.code_cell_id.0);
        }
        for call in graph.tool_calls.values() {
            times.add_tool_call(graph, call, end);
        }
        times
    }

    fn add_tool_call(&mut self, graph: &'a RolloutTrace, call: &'a ToolCall, end: UnixMillis) {
        let span = Span::of(&call.execution, end);
        let class = TimeClass::of_tool(&call.kind);
        let operation = call.terminal_operation_id.and_then(|id| graph.terminal_operations.get(&id));
        let command = operation.filter(|operation| operation.kind == OperationKind::ExecCommand);
        match command {
            Some(command) if class == TimeClass::Tool => {
                let ran = command.execution.started_at_unix_ms.clamp(span.start, span.end);
                self.add(&call.thread_id, TimeClass::ToRun, Span::new(span.start, ran), &call.tool_call_id);
                self.add(&call.thread_id, TimeClass::Tool, Span::new(ran, span.end), &call.tool_call_id);
            }
            _ => self.add(&call.thread_id, class, span, &call.tool_call_id),
        }
    }

    fn add(&mut self, thread: &'a ThreadId, class: TimeClass, span: Span, id: &'a str) {
        self.threads.entry(thread).or_default().activities.push(Activity { class, span, id });
    }
}

/// Returns whether a call of the tool is part of a code cell's life, whose time counts as that of a script.
fn is_script_tool(name: &str) -> bool {
    matches!(name, "exec" | "wait")
}

/// Returns the latest time at which the rollout, a thread, an inference call or a tool call started or ended.
fn end_of_trace(graph: &RolloutTrace) -> UnixMillis {
    let threads = graph.threads.values().map(|thread| &thread.execution);
    let calls = graph.inference_calls.values().map(|call| &call.execution);
    let tools = graph.tool_calls.values().map(|call| &call.execution);
    let times = |execution: &Execution| [Some(execution.started_at_unix_ms), execution.ended_at_unix_ms];
    let of_objects = threads.chain(calls).chain(tools).flat_map(times).flatten();
    of_objects.chain(graph.ended_at_unix_ms).fold(graph.started_at_unix_ms, UnixMillis::max)
}
