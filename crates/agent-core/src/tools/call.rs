//! A tool call, and what comes of it.

use std::error::Error;

use rollout_trace_code_mode::{CellId, RuntimeToolCallId};
use rollout_trace_recorder::{
    ExecutionStatus, ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchRequester, ToolKind,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Item,
    told::told,
    turn::{Stopped, Turn},
};

/// A call of a tool, by the model or by a code cell.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Unique in the rollout.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) input: Input,
    pub(crate) requester: Requester,
}

/// What a tool is given.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// JSON arguments as text.
    Function(String),
    /// Free text.
    Custom(String),
}

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) enum Requester {
    Model {
        /// The id that the model gave the call. Some providers give the same ones with every answer.
        call_id: String,
    },
    Cell {
        cell: CellId,
        call: RuntimeToolCallId,
    },
}

/// What a tool made of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the model is told: a text, or an array of content parts.
    pub(crate) output: Value,
    /// What a code cell gets.
    pub(crate) value: Value,
    /// Whether the tool did what it was asked for.
    pub(crate) success: bool,
}

/// Why a call came to nothing.
#[derive(Debug)]
pub(crate) enum ToolError {
    /// It cannot be done as asked. The model is told why.
    Failed(String),
    /// It was stopped.
    Stopped,
}

impl From<Stopped> for ToolError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl ToolError {
    pub(crate) fn failed(error: impl Error) -> Self {
        Self::Failed(told(&error))
    }
}

impl Outcome {
    /// Success, and a text that says so to whoever called.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { output: text.clone().into(), value: text.into(), success: true }
    }

    /// Success, and a document: as JSON text for the model, as it is for a cell.
    pub(crate) fn document(value: Value) -> Self {
        Self { output: value.to_string().into(), value, success: true }
    }

    pub(crate) fn status(&self) -> ExecutionStatus {
        if self.success { ExecutionStatus::Completed } else { ExecutionStatus::Failed }
    }
}

impl Call {
    /// The call that an item of the model's answer is, if it is one.
    pub(crate) fn from_item(item: &Item) -> Option<Self> {
        let input = match item.kind() {
            "function_call" => Input::Function(item.text_field("arguments").to_owned()),
            "custom_tool_call" => Input::Custom(item.text_field("input").to_owned()),
            _ => return None,
        };
        let namespace = Some(item.text_field("namespace")).filter(|namespace| !namespace.is_empty());
        Some(Self {
            id: item.text_field("call_id").to_owned(),
            name: item.text_field("name").to_owned(),
            namespace: namespace.map(str::to_owned),
            input,
            requester: Requester::Model { call_id: item.text_field("call_id").to_owned() },
        })
    }

    /// The arguments, as the tool wants them.
    pub(crate) fn arguments<T: DeserializeOwned>(&self) -> Result<T, ToolError> {
        let text = match &self.input {
            Input::Function(text) if text.trim().is_empty() => "{}",
            Input::Function(text) | Input::Custom(text) => text,
        };
        serde_json::from_str(text)
            .map_err(|error| ToolError::Failed(format!("the arguments of {}: {error}", self.name)))
    }

    /// The input as text.
    pub(crate) fn text(&self) -> &str {
        match &self.input {
            Input::Function(text) | Input::Custom(text) => text,
        }
    }

    /// The id by which the model knows the call.
    pub(crate) fn model_call_id(&self) -> &str {
        match &self.requester {
            Requester::Model { call_id } => call_id,
            Requester::Cell { .. } => &self.id,
        }
    }

    /// The item that answers a call of the model.
    pub(crate) fn output(&self, output: &Value) -> Item {
        Item::output(matches!(self.input, Input::Custom(_)), self.model_call_id(), output.clone()).with_id()
    }

    /// The call as a trace shows it.
    pub(crate) fn invocation(&self, turn: &Turn, kind: Option<ToolKind>) -> ToolDispatchInvocation {
        let payload = match &self.input {
            Input::Function(arguments) => ToolDispatchPayload::function(&**arguments),
            Input::Custom(input) => ToolDispatchPayload::custom(&**input),
        };
        let requester = match &self.requester {
            Requester::Model { call_id } => ToolDispatchRequester::model(&**call_id),
            Requester::Cell { cell, call } => ToolDispatchRequester::code_cell(cell.as_str(), call.as_str()),
        };
        let mut invocation =
            ToolDispatchInvocation::new(&*turn.id, &*self.id, &*self.name, payload).requested_by(requester);
        invocation.tool_namespace = self.namespace.clone();
        invocation.kind = kind;
        invocation
    }
}
