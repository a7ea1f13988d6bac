//! A thread's handle: what it records itself.

use rollout_trace_schema::{
    AgentResultObserved, CodexTurnEnded, CodexTurnId, CodexTurnStarted, EdgeId, ExecutionStatus, HistoryItemAccepted,
    PayloadKind, ProtocolEventObserved, ResponsesItemId, StdinTargetResolved, ThreadId, ToolCallId,
    ToolCallRuntimeEnded, ToolCallRuntimeStarted, ToolKind,
};
use serde::Serialize;

use crate::{AgentResultTracePayload, ThreadTraceContext, event_line::Context, misuse::Misuse, thread::ThreadInner};

impl ThreadTraceContext {
    /// Records what the agent core told its user interface.
    #[inline]
    pub fn record_protocol_event<T: Serialize + ?Sized>(&self, event_type: &str, event: &T) {
        self.if_on(|_, recorder| {
            let payload = recorder.prepare(PayloadKind::ProtocolEvent, event);
            let event = ProtocolEventObserved { event_type: event_type.to_owned(), event_payload: payload.reference() };
            recorder.append_with(Context::default(), payload, event);
        });
    }

    /// Records that a turn began: an input from outside and all the work that it causes.
    #[inline]
    pub fn record_codex_turn_started(&self, codex_turn_id: impl Into<CodexTurnId>) {
        self.if_on(|inner, recorder| {
            let codex_turn_id = codex_turn_id.into();
            let event = CodexTurnStarted { codex_turn_id: codex_turn_id.clone(), thread_id: inner.thread_id.clone() };
            recorder.append(inner.context(Some(&codex_turn_id)), event);
        });
    }

    /// Records that a turn ended, and syncs to disk if the options say so.
    #[inline]
    pub fn record_codex_turn_ended(&self, codex_turn_id: impl Into<CodexTurnId>, status: ExecutionStatus) {
        self.if_on(|inner, recorder| {
            let codex_turn_id = codex_turn_id.into();
            if !recorder.threads.end_turn(&inner.thread_id, &codex_turn_id) {
                recorder.report_misuse(&Misuse::TurnEndedTwice { codex_turn_id: codex_turn_id.clone() });
            }
            let event = CodexTurnEnded { codex_turn_id: codex_turn_id.clone(), status };
            recorder.append(inner.context(Some(&codex_turn_id)), event);
            recorder.sync_if_asked();
        });
    }

    /// Records that an item entered the history that the agent core keeps.
    #[inline]
    pub fn record_history_item_accepted(&self, codex_turn_id: Option<&str>, item_id: impl Into<ResponsesItemId>) {
        self.if_on(|inner, recorder| {
            let turn = codex_turn_id.map(CodexTurnId::from);
            recorder.append(
                inner.context(turn.as_ref()),
                HistoryItemAccepted { item_id: item_id.into(), agent_message_payload: None },
            );
        });
    }

    /// Records that a message from another agent entered the history. `item` is the whole `agent_message` item, with its id.
    #[inline]
    pub fn record_agent_message_accepted<T: Serialize + ?Sized>(
        &self,
        codex_turn_id: Option<&str>,
        item_id: impl Into<ResponsesItemId>,
        item: &T,
    ) {
        self.if_on(|inner, recorder| {
            let turn = codex_turn_id.map(CodexTurnId::from);
            let payload = recorder.prepare(PayloadKind::ProtocolEvent, item);
            let event =
                HistoryItemAccepted { item_id: item_id.into(), agent_message_payload: Some(payload.reference()) };
            recorder.append_with(inner.context(turn.as_ref()), payload, event);
        });
    }

    /// Records that a tool's runtime took a call up. Its kind is the tool as the runtime knows it.
    #[inline]
    pub fn record_tool_call_runtime_started<T: Serialize + ?Sized>(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        tool_call_id: impl Into<ToolCallId>,
        kind: ToolKind,
        runtime_event: &T,
    ) {
        self.if_on(|inner, recorder| {
            let payload = recorder.prepare(PayloadKind::ToolRuntimeEvent, runtime_event);
            let event = ToolCallRuntimeStarted {
                tool_call_id: tool_call_id.into(),
                kind: Some(kind),
                runtime_payload: payload.reference(),
            };
            recorder.append_with(inner.context(Some(&codex_turn_id.into())), payload, event);
        });
    }

    /// Records that a tool's runtime was done with a call.
    #[inline]
    pub fn record_tool_call_runtime_ended<T: Serialize + ?Sized>(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        tool_call_id: impl Into<ToolCallId>,
        status: ExecutionStatus,
        runtime_event: &T,
    ) {
        self.if_on(|inner, recorder| {
            let payload = recorder.prepare(PayloadKind::ToolRuntimeEvent, runtime_event);
            let event = ToolCallRuntimeEnded {
                tool_call_id: tool_call_id.into(),
                status,
                runtime_payload: payload.reference(),
            };
            recorder.append_with(inner.context(Some(&codex_turn_id.into())), payload, event);
        });
    }

    /// Records which command a write to stdin goes to.
    #[inline]
    pub fn record_stdin_target_resolved(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        tool_call_id: impl Into<ToolCallId>,
        exec_tool_call_id: impl Into<ToolCallId>,
    ) {
        self.if_on(|inner, recorder| {
            let event =
                StdinTargetResolved { tool_call_id: tool_call_id.into(), exec_tool_call_id: exec_tool_call_id.into() };
            recorder.append(inner.context(Some(&codex_turn_id.into())), event);
        });
    }

    /// Records that this thread's result reached its parent.
    #[inline]
    pub fn record_agent_result_interaction<T: Serialize>(
        &self,
        child_codex_turn_id: impl Into<CodexTurnId>,
        parent_thread_id: impl Into<ThreadId>,
        result: &AgentResultTracePayload<'_, T>,
    ) {
        self.if_on(|inner, recorder| {
            let (turn, parent) = (child_codex_turn_id.into(), parent_thread_id.into());
            let payload = recorder.prepare(PayloadKind::AgentResult, result);
            let event = AgentResultObserved {
                edge_id: EdgeId::from(format!("edge:agent_result:{}:{turn}:{parent}", inner.thread_id)),
                child_thread_id: inner.thread_id.clone(),
                child_codex_turn_id: turn.clone(),
                parent_thread_id: parent,
                message: result.message.to_owned(),
                carried_payload: Some(payload.reference()),
            };
            recorder.append_with(inner.context(Some(&turn)), payload, event);
        });
    }
}

impl ThreadInner {
    /// The envelope's context for an event of this thread.
    pub(crate) fn context<'c>(&'c self, codex_turn_id: Option<&'c CodexTurnId>) -> Context<'c> {
        Context { thread_id: Some(&self.thread_id), codex_turn_id }
    }
}
