//! The session with which the recorder is measured: its history grows by three items a turn.

use rollout_trace_recorder::{
    CompactionCheckpointTracePayload, ExecutionStatus, InferenceTraceAttempt, ResponseIds, ThreadTraceContext,
    TokenUsage, ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchRequester, ToolDispatchResult,
};
use serde_json::json;

use crate::request::{Item, Request, item, request};

const TURN: &str = "turn";

/// Takes the events of a session: a trace, or what a trace is compared with.
pub trait Recording {
    /// A request is sent.
    fn request(&mut self, request: &Request);
    /// The request is answered.
    fn response(&mut self, items: &[Item]);
    /// A tool call runs.
    fn tool(&mut self, turn: usize, call: &Item, output: &Item);
    /// A short history replaces a long one.
    fn compaction(&mut self, before: &[Item], after: &[Item]);
}

/// One thread's session.
pub struct Session {
    request: Request,
    next: usize,
}

impl Session {
    /// Makes a session. The items of sessions with different seeds all differ.
    pub fn new(seed: usize) -> Self {
        let mut request = request(seed, 30 << 10);
        request.input.truncate(1);
        Self { request, next: seed * 3_000_000 }
    }

    /// Makes one request, its response, and the tool call that the response asks for.
    pub fn turn(&mut self, turn: usize, recording: &mut dyn Recording) {
        recording.request(&self.request);
        let new: Vec<Item> = (0..3).map(|number| item(self.next + number)).collect();
        self.next += 3;
        recording.response(&new[..2]);
        recording.tool(turn, &new[1], &new[2]);
        self.request.input.extend(new);
    }

    /// Replaces the history by its last five items.
    pub fn compact(&mut self, recording: &mut dyn Recording) {
        let after = self.request.input.split_off(self.request.input.len() - 5);
        let before = std::mem::replace(&mut self.request.input, after);
        recording.compaction(&before, &self.request.input);
    }
}

/// Records a session.
pub struct Traced {
    trace: ThreadTraceContext,
    attempt: InferenceTraceAttempt,
}

impl Traced {
    /// Begins the only turn, which contains the whole session.
    pub fn new(trace: ThreadTraceContext) -> Self {
        trace.record_codex_turn_started(TURN);
        Self { trace, attempt: InferenceTraceAttempt::default() }
    }

    /// Ends the turn and the thread.
    pub fn end(self) {
        self.trace.record_codex_turn_ended(TURN, ExecutionStatus::Completed);
        self.trace.record_ended(ExecutionStatus::Completed);
    }
}

impl Recording for Traced {
    fn request(&mut self, request: &Request) {
        self.attempt = self.trace.inference_trace_context(TURN, "gpt-5.2-codex", "bench").start_attempt();
        self.attempt.record_started(request);
    }

    fn response(&mut self, items: &[Item]) {
        self.attempt.record_completed(ResponseIds::default(), Some(&TokenUsage::default()), items);
    }

    fn tool(&mut self, turn: usize, call: &Item, output: &Item) {
        let Item::FunctionCall { arguments, call_id, .. } = call else { return };
        let Item::FunctionCallOutput { output: text, .. } = output else { return };
        let dispatch = self.trace.start_tool_dispatch_trace(|| {
            let arguments = ToolDispatchPayload::function(&**arguments);
            let tool_call_id = format!("{call_id}-{turn}");
            let invocation = ToolDispatchInvocation::new(TURN, tool_call_id, "exec_command", arguments);
            Some(invocation.requested_by(ToolDispatchRequester::model(&**call_id)))
        });
        let wire = json!({"type": "function_call_output", "call_id": call_id, "output": text});
        dispatch
            .record_completed(ExecutionStatus::Completed, ToolDispatchResult::DirectResponse { response_item: &wire });
    }

    fn compaction(&mut self, before: &[Item], after: &[Item]) {
        let context = self.trace.compaction_trace_context(TURN, None, "gpt-5.2-codex", "bench");
        context.record_installed(&CompactionCheckpointTracePayload::new(before, after));
    }
}
