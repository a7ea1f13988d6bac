//! A thread's handle: the events that it records.

use rollout_trace_schema::{
    AgentResultObserved, CodeCellWaitTargetResolved, CodexTurnEnded, CodexTurnId, CodexTurnStarted, EdgeId,
    ExecutionStatus, HistoryItemAccepted, PayloadKind, ProtocolEventObserved, ResponsesItemId, RuntimeCellId,
    StdinTargetResolved, ThreadId, ToolCallId, ToolCallRuntimeEnded, ToolCallRuntimeStarted, ToolKind,
};
use serde::Serialize;

use crate::{AgentResultTracePayload, ThreadTraceContext, event_line::Context, misuse::Misuse, thread::ThreadInner};

impl ThreadTraceContext {
    /// Records what the agent core showed its user.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_protocol_event("warning", &serde_json::json!({"message": "the disk is almost full"}));
    /// ```
    #[inline]
    pub fn record_protocol_event<T: Serialize + ?Sized>(&self, event_type: &str, event: &T) {
        self.if_on(|_, recorder| {
            let payload = recorder.prepare(PayloadKind::ProtocolEvent, event);
            let event = ProtocolEventObserved { event_type: event_type.to_owned(), event_payload: payload.reference() };
            recorder.append_with(Context::default(), payload, event);
        });
    }

    /// Does the same as [`record_protocol_event`](Self::record_protocol_event), for something that happened in a turn of this
    /// thread.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_protocol_event_in_turn("turn-1", "warning", &serde_json::json!({"message": "the disk is almost full"}));
    /// ```
    #[inline]
    pub fn record_protocol_event_in_turn<T: Serialize + ?Sized>(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        event_type: &str,
        event: &T,
    ) {
        self.if_on(|inner, recorder| {
            let payload = recorder.prepare(PayloadKind::ProtocolEvent, event);
            let event = ProtocolEventObserved { event_type: event_type.to_owned(), event_payload: payload.reference() };
            recorder.append_with(inner.context(Some(&codex_turn_id.into())), payload, event);
        });
    }

    /// Records that a turn began: an input from outside and all the work that it causes.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_codex_turn_started("turn-1");
    /// ```
    #[inline]
    pub fn record_codex_turn_started(&self, codex_turn_id: impl Into<CodexTurnId>) {
        self.if_on(|inner, recorder| {
            let codex_turn_id = codex_turn_id.into();
            let event = CodexTurnStarted { codex_turn_id: codex_turn_id.clone(), thread_id: inner.thread_id.clone() };
            recorder.append(inner.context(Some(&codex_turn_id)), event);
        });
    }

    /// Records that a turn ended, and syncs to disk if the options say so. A second end of a turn is recorded as well,
    /// and reported.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_codex_turn_ended("turn-1", rollout_trace_recorder::ExecutionStatus::Completed);
    /// ```
    #[inline]
    pub fn record_codex_turn_ended(&self, codex_turn_id: impl Into<CodexTurnId>, status: ExecutionStatus) {
        self.if_on(|inner, recorder| {
            let codex_turn_id = codex_turn_id.into();
            if inner.ended_turns.has_ended_before(&codex_turn_id) {
                recorder.report_misuse(&Misuse::TurnEndedTwice { codex_turn_id: codex_turn_id.clone() });
            }
            let event = CodexTurnEnded { codex_turn_id: codex_turn_id.clone(), status };
            recorder.append(inner.context(Some(&codex_turn_id)), event);
            recorder.sync_if_asked();
        });
    }

    /// Records that an item entered the history that the agent core keeps.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_history_item_accepted(Some("turn-1"), "msg_1");
    /// trace.record_history_item_accepted(None, "msg_2"); // between turns
    /// ```
    #[inline]
    pub fn record_history_item_accepted(&self, codex_turn_id: Option<&str>, item_id: impl Into<ResponsesItemId>) {
        self.if_on(|inner, recorder| {
            let turn = codex_turn_id.map(CodexTurnId::from);
            recorder.append(
                inner.context(turn.as_ref()),
                HistoryItemAccepted { item_id: item_id.into(), agent_message_payload: None, tool_output_payload: None },
            );
        });
    }

    /// Records that a message from another agent entered the history. `item` is the whole `agent_message` item, with
    /// its id.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let message = serde_json::json!({"type": "agent_message", "id": "amsg_1", "author": "/root",
    ///                                  "recipient": "/root/reader",
    ///                                  "content": [{"type": "input_text", "text": "Check notes.txt."}]});
    /// trace.record_agent_message_accepted(Some("turn-1"), "amsg_1", &message);
    /// ```
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
            let event = HistoryItemAccepted {
                item_id: item_id.into(),
                agent_message_payload: Some(payload.reference()),
                tool_output_payload: None,
            };
            recorder.append_with(inner.context(turn.as_ref()), payload, event);
        });
    }

    /// Records that the output of a tool entered the history. `item` is the whole output item, with its id. In schema 2 this is
    /// the same as [`record_history_item_accepted`](Self::record_history_item_accepted).
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let output = serde_json::json!({"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "ok"});
    /// trace.record_tool_output_accepted(Some("turn-1"), "fco_1", &output);
    /// ```
    #[inline]
    pub fn record_tool_output_accepted<T: Serialize + ?Sized>(
        &self,
        codex_turn_id: Option<&str>,
        item_id: impl Into<ResponsesItemId>,
        item: &T,
    ) {
        self.if_on(|inner, recorder| {
            let turn = codex_turn_id.map(CodexTurnId::from);
            let context = inner.context(turn.as_ref());
            let mut event =
                HistoryItemAccepted { item_id: item_id.into(), agent_message_payload: None, tool_output_payload: None };
            if !recorder.writer.is_sharded() {
                return recorder.append(context, event);
            }
            let payload = recorder.prepare(PayloadKind::ProtocolEvent, item);
            event.tool_output_payload = Some(payload.reference());
            recorder.append_with(context, payload, event);
        });
    }

    /// Records which code cell a tool call waits for, after the call has started. In schema 2, which reads that from the
    /// arguments of the call, nothing is recorded.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_code_cell_wait_target_resolved("turn-1", "call_3", "cell-1");
    /// ```
    #[inline]
    pub fn record_code_cell_wait_target_resolved(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        tool_call_id: impl Into<ToolCallId>,
        runtime_cell_id: impl Into<RuntimeCellId>,
    ) {
        self.if_on(|inner, recorder| {
            if recorder.writer.is_sharded() {
                let (tool_call_id, runtime_cell_id) = (tool_call_id.into(), runtime_cell_id.into());
                let event = CodeCellWaitTargetResolved { tool_call_id, runtime_cell_id };
                recorder.append(inner.context(Some(&codex_turn_id.into())), event);
            }
        });
    }

    /// Records that a tool's runtime began to work on a call. `kind` is the tool as the runtime knows it.
    ///
    /// ```
    /// use rollout_trace_recorder::ToolKind;
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let begin = serde_json::json!({"call_id": "call_1", "turn_id": "turn-1", "command": ["ls"], "cwd": "/work"});
    /// trace.record_tool_call_runtime_started("turn-1", "call_1", ToolKind::ExecCommand, &begin);
    /// ```
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

    /// Records that a tool's runtime has finished a call.
    ///
    /// ```
    /// use rollout_trace_recorder::ExecutionStatus;
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let end = serde_json::json!({"call_id": "call_1", "turn_id": "turn-1", "command": ["ls"], "cwd": "/work",
    ///                              "aggregated_output": "notes.txt\n", "exit_code": 0});
    /// trace.record_tool_call_runtime_ended("turn-1", "call_1", ExecutionStatus::Completed, &end);
    /// ```
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

    /// Records which command a write to stdin goes to: the call that writes, then the call that started the command.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_stdin_target_resolved("turn-1", "call_2", "call_1");
    /// ```
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
    ///
    /// ```
    /// use rollout_trace_recorder::AgentResultTracePayload;
    /// # let child = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let result = AgentResultTracePayload::new("/root/reader", "It says hello.", &"completed");
    /// child.record_agent_result_interaction("turn-2", "thread-1", &result);
    /// ```
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
                delivered_item_id: None,
            };
            recorder.append_with(inner.context(Some(&turn)), payload, event);
        });
    }
}

impl ThreadInner {
    /// Returns the envelope's context for an event of this thread.
    pub(crate) fn context<'c>(&'c self, codex_turn_id: Option<&'c CodexTurnId>) -> Context<'c> {
        Context { thread_id: Some(&self.thread_id), codex_turn_id }
    }
}
