//! Tool calls.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rollout_trace_schema::{
    CodexTurnId, ExecutionStatus, PayloadKind, ToolCallEnded, ToolCallId, ToolCallStarted, document::ToolResult,
};
use serde::Serialize;

use crate::{
    ThreadTraceContext, ToolDispatchInvocation, caller::guarded, losses::Lost, recorder::Recorder, thread::ThreadInner,
};

/// Records one tool call's end. Clones are the same call, which ends once; a call that is dropped without an end is
/// recorded as cancelled.
///
/// ```
/// use rollout_trace_recorder::{ExecutionStatus, ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchResult};
///
/// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
/// let dispatch = trace.start_tool_dispatch_trace(|| {
///     let arguments = ToolDispatchPayload::function(r#"{"cmd":"ls"}"#);
///     Some(ToolDispatchInvocation::new("turn-1", "call_1", "exec_command", arguments))
/// });
/// let output = serde_json::json!({"type": "function_call_output", "call_id": "call_1", "output": "notes.txt"});
/// let result = ToolDispatchResult::DirectResponse { response_item: &output };
/// dispatch.record_completed(ExecutionStatus::Completed, result);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a call that is dropped without an end is recorded as cancelled"]
pub struct ToolDispatchTraceContext(Option<Arc<DispatchInner>>);

#[derive(Debug)]
struct DispatchInner {
    thread: Arc<ThreadInner>,
    codex_turn_id: CodexTurnId,
    tool_call_id: ToolCallId,
    ended: AtomicBool,
}

/// What a tool answered.
#[derive(Clone, Copy, Debug)]
pub enum ToolDispatchResult<'r, T: ?Sized> {
    /// An item for the conversation.
    DirectResponse {
        /// The item.
        response_item: &'r T,
    },
    /// A value for the script of a code cell.
    CodeModeResponse {
        /// The value.
        value: &'r T,
    },
}

impl ThreadTraceContext {
    /// Records that a tool is called. The invocation is built only if tracing is on. If it is `None`, the call is not
    /// recorded.
    ///
    /// ```
    /// use rollout_trace_recorder::{ToolDispatchInvocation, ToolDispatchPayload};
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let dispatch = trace.start_tool_dispatch_trace(|| {
    ///     Some(ToolDispatchInvocation::new("turn-1", "call_1", "exec_command", ToolDispatchPayload::function("{}")))
    /// });
    /// ```
    #[inline]
    pub fn start_tool_dispatch_trace(
        &self,
        invocation: impl FnOnce() -> Option<ToolDispatchInvocation>,
    ) -> ToolDispatchTraceContext {
        match self.inner() {
            Some(inner) => ToolDispatchTraceContext(start(inner, invocation)),
            None => ToolDispatchTraceContext(None),
        }
    }
}

#[cold]
fn start(
    thread: &Arc<ThreadInner>,
    invocation: impl FnOnce() -> Option<ToolDispatchInvocation>,
) -> Option<Arc<DispatchInner>> {
    let recorder = thread.recorder()?;
    let invocation = match guarded("build an invocation", || Ok(invocation())) {
        Ok(invocation) => invocation?,
        Err(error) => {
            recorder.lose(Lost::Event, error);
            return None;
        }
    };
    let payload = recorder.prepare(PayloadKind::ToolInvocation, &invocation.document());
    let (model_visible_call_id, code_mode_runtime_tool_id) = invocation.requester.ids();
    let event = ToolCallStarted {
        tool_call_id: invocation.tool_call_id.clone(),
        model_visible_call_id,
        code_mode_runtime_tool_id,
        requester: invocation.requester.requester(),
        kind: invocation.known_kind(),
        summary: invocation.summary(|text| recorder.redacted(text)),
        invocation_payload: Some(payload.reference()),
    };
    recorder.append_with(thread.context(Some(&invocation.codex_turn_id)), payload, event);
    Some(Arc::new(DispatchInner {
        thread: Arc::clone(thread),
        codex_turn_id: invocation.codex_turn_id.clone(),
        tool_call_id: invocation.tool_call_id.clone(),
        ended: AtomicBool::new(false),
    }))
}

impl ToolDispatchTraceContext {
    /// Returns a context that records nothing.
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Returns whether anything is recorded.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Records the answer.
    ///
    /// ```
    /// use rollout_trace_recorder::{ExecutionStatus, ToolDispatchResult, ToolDispatchTraceContext};
    ///
    /// let dispatch = ToolDispatchTraceContext::disabled();
    /// let value = serde_json::json!({"exit_code": 0, "output": "notes.txt"});
    /// dispatch.record_completed(ExecutionStatus::Completed, ToolDispatchResult::CodeModeResponse { value: &value });
    /// ```
    #[inline]
    pub fn record_completed<T: Serialize + ?Sized>(&self, status: ExecutionStatus, result: ToolDispatchResult<'_, T>) {
        if let Some((inner, recorder)) = self.ending() {
            inner.end(
                recorder,
                status,
                &match result {
                    ToolDispatchResult::DirectResponse { response_item } => {
                        ToolResult::DirectResponse { response_item }
                    }
                    ToolDispatchResult::CodeModeResponse { value } => ToolResult::CodeModeResponse { value },
                },
            );
        }
    }

    /// Records that the call could not be answered.
    ///
    /// ```
    /// let dispatch = rollout_trace_recorder::ToolDispatchTraceContext::disabled();
    /// dispatch.record_failed("there is no such tool");
    /// ```
    #[inline]
    pub fn record_failed(&self, error: impl Display) {
        if let Some((inner, recorder)) = self.ending() {
            inner.end(
                recorder,
                ExecutionStatus::Failed,
                &ToolResult::<&(), &()>::Error { error: recorder.displayed(error) },
            );
        }
    }

    /// Claims the call's end. Returns `None` if tracing is off or the call has ended.
    fn ending(&self) -> Option<(&DispatchInner, &Recorder)> {
        let inner = self.0.as_ref()?;
        let recorder = inner.thread.recorder()?;
        (!inner.ended.swap(true, Ordering::AcqRel)).then_some((&**inner, recorder))
    }
}

impl DispatchInner {
    fn end<T: Serialize>(&self, recorder: &Recorder, status: ExecutionStatus, result: &ToolResult<T, T>) {
        let payload = recorder.prepare(PayloadKind::ToolResult, result);
        let event = ToolCallEnded {
            tool_call_id: self.tool_call_id.clone(),
            status,
            result_payload: Some(payload.reference()),
        };
        recorder.append_with(self.thread.context(Some(&self.codex_turn_id)), payload, event);
    }
}

impl Drop for DispatchInner {
    fn drop(&mut self) {
        if !*self.ended.get_mut()
            && let Some(recorder) = self.thread.recorder()
        {
            let error = "abandoned: the call was dropped before its end was recorded".to_owned();
            self.end(recorder, ExecutionStatus::Cancelled, &ToolResult::<&(), &()>::Error { error });
        }
    }
}
