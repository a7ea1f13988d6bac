//! Dispatches a call to its tool, and records it.

use std::{future::Future, sync::Arc};

use rollout_trace_code_mode::ToolCallError;
use rollout_trace_recorder::{ExecutionStatus, ToolDispatchResult, ToolDispatchTraceContext, ToolKind};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Call, Outcome, ToolError, call::Requester};
use crate::{
    EventMessage, Item, fault,
    guard::{Panicked, guarded},
    turn::{Stopped, Turn},
};

/// The output of a call that was stopped.
const STOPPED: &str = "aborted by the user";

/// The output of a call of which a part is missing. What is left may mean something else.
const INCOMPLETE: &str = "not run: a part of this call was lost on its way; make the call again";

/// A running call, which is recorded from its start to its end.
pub(crate) struct Dispatch {
    pub(crate) turn: Arc<Turn>,
    call: Call,
    /// Stops the call.
    stop: CancellationToken,
    trace: ToolDispatchTraceContext,
}

impl Dispatch {
    /// Begins a call of the model.
    pub(crate) fn begin(turn: &Arc<Turn>, mut call: Call) -> Self {
        call.id = turn.thread.rollout.unique_call_id(&call.id);
        Self::begin_until(turn, call, turn.cancel.clone())
    }

    /// Begins a call that has its own stop signal, independent of its turn.
    pub(crate) fn begin_until(turn: &Arc<Turn>, call: Call, stop: CancellationToken) -> Self {
        let kind = || {
            let (server, tool) = turn.thread.rollout.mcp_tool(&call.name)?;
            Some(ToolKind::Mcp { server: server.name().to_owned(), tool: tool.name.clone() })
        };
        let trace = turn.trace().start_tool_dispatch_trace(|| Some(call.invocation(turn, kind())));
        turn.emit(EventMessage::ToolCallBegan {
            call_id: call.id.clone(),
            tool: call.name.clone(),
            input: call.text().to_owned(),
        });
        Self { turn: Arc::clone(turn), call, stop, trace }
    }

    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// Waits for a future until the call is stopped.
    pub(crate) async fn unless_stopped<F: Future>(&self, future: F) -> Result<F::Output, Stopped> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Stopped),
            output = future => Ok(output),
        }
    }

    /// Records that the tool's runtime has started the call.
    pub(crate) fn record_runtime_started<T: Serialize>(&self, kind: ToolKind, event: &T) {
        self.turn.trace().record_tool_call_runtime_started(&*self.turn.id, &*self.call.id, kind, event);
    }

    /// Records that the tool's runtime has ended the call.
    pub(crate) fn record_runtime_ended<T: Serialize>(&self, status: ExecutionStatus, event: &T) {
        self.turn.trace().record_tool_call_runtime_ended(&*self.turn.id, &*self.call.id, status, event);
    }

    /// Runs a call of the model, and returns the item that answers it.
    async fn answer_model(self) -> Item {
        let result = self.run().await;
        let (text, success) = output(&result);
        let item = self.call.output(&text);
        match &result {
            Ok(outcome) => self.record(outcome.status(), &item),
            // The model's call is answered even if the tool could not run.
            Err(ToolError::Failed(error)) => self.trace.record_failed(error),
            Err(ToolError::Stopped) => self.record(ExecutionStatus::Cancelled, &item),
        }
        self.emit_ended(&text, success);
        item
    }

    /// Runs a call of the model, which fails if the tool panics. Dropping the call's trace handle records that.
    pub(crate) async fn answer_model_or_fail(self) -> Item {
        let (turn, call) = (Arc::clone(&self.turn), self.call.clone());
        match guarded(self.answer_model()).await {
            Ok(item) => item,
            Err(panicked) => {
                let output = broke_down(&panicked);
                let answer = call.output(&output.as_str().into());
                turn.emit(EventMessage::ToolCallEnded { call_id: call.id, success: false, output });
                answer
            }
        }
    }

    /// Runs a call of a code cell, which fails if the tool panics.
    pub(crate) async fn answer_cell_or_fail(self) -> Result<Value, ToolCallError> {
        let (turn, call_id) = (Arc::clone(&self.turn), self.call.id.clone());
        match guarded(self.answer_cell()).await {
            Ok(answer) => answer,
            Err(panicked) => {
                let output = broke_down(&panicked);
                turn.emit(EventMessage::ToolCallEnded { call_id, success: false, output: output.clone() });
                Err(ToolCallError::new(&output))
            }
        }
    }

    /// Runs a call of a code cell, and returns the answer that settles its promise.
    async fn answer_cell(self) -> Result<Value, ToolCallError> {
        let result = self.run().await;
        let (text, success) = output(&result);
        let status = match &result {
            Ok(outcome) => outcome.status(),
            Err(ToolError::Failed(error)) => {
                self.trace.record_failed(error);
                ExecutionStatus::Failed
            }
            Err(ToolError::Stopped) => ExecutionStatus::Cancelled,
        };
        let answer = match result {
            Ok(outcome) => Ok(outcome.value),
            Err(_) => Err(ToolCallError::new(text.as_str().unwrap_or_default())),
        };
        let value = answer.as_ref().map_or(&text, |value| value);
        // This records nothing if the failure has already been recorded.
        self.trace.record_completed(status, ToolDispatchResult::CodeModeResponse { value });
        self.emit_ended(&text, success);
        answer
    }

    fn record(&self, status: ExecutionStatus, response_item: &Item) {
        self.trace.record_completed(status, ToolDispatchResult::DirectResponse { response_item });
    }

    fn emit_ended(&self, output: &Value, success: bool) {
        let output = match output {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            other => other.to_string(),
        };
        self.turn.emit(EventMessage::ToolCallEnded { call_id: self.call.id.clone(), success, output });
    }

    async fn run(&self) -> Result<Outcome, ToolError> {
        let rollout = &self.turn.thread.rollout;
        fault::point("tool", &self.turn.thread.path);
        if self.call.is_incomplete {
            return Err(ToolError::Failed(INCOMPLETE.to_owned()));
        }
        match (self.call.name.as_str(), &self.call.requester) {
            ("exec_command", _) => self.exec_command().await,
            ("write_stdin", _) => self.write_stdin().await,
            ("apply_patch", _) => self.apply_patch().await,
            ("spawn_agent", _) => self.spawn_agent(),
            ("send_message", _) => self.send_message(),
            ("followup_task", _) => self.followup_task(),
            ("wait_agent", _) => self.wait_agent().await,
            ("close_agent", _) => self.close_agent().await,
            ("list_agents", _) => self.list_agents(),
            ("exec", Requester::Model { .. }) if rollout.config.code_mode => self.exec_cell().await,
            ("wait", Requester::Model { .. }) if rollout.config.code_mode => self.wait_for_cell().await,
            (name, _) => match rollout.mcp_tool(name) {
                Some((server, tool)) => self.call_mcp(server, tool).await,
                None => Err(ToolError::Failed(format!("unsupported call: {name}"))),
            },
        }
    }
}

fn broke_down(panicked: &Panicked) -> String {
    format!("the tool broke down: {panicked}")
}

/// Returns the output for the model, and whether the call succeeded.
fn output(result: &Result<Outcome, ToolError>) -> (Value, bool) {
    match result {
        Ok(outcome) => (outcome.output.clone(), outcome.success),
        Err(ToolError::Failed(error)) => (error.as_str().into(), false),
        Err(ToolError::Stopped) => (STOPPED.into(), false),
    }
}
