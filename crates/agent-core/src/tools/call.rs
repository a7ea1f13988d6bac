//! A tool call and its outcome.

use std::error::Error;

use rollout_trace_code_mode::{CellId, RuntimeToolCallId};
use rollout_trace_recorder::{
    ExecutionStatus, ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchRequester, ToolKind,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{coerce::coerce, describe};
use crate::{
    Item,
    error_text::error_text,
    lenient,
    turn::{Stopped, Turn},
};

/// A call of a tool, by the model or by a code cell.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The call's id, unique in the rollout.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) input: Input,
    /// Whether the input is only what has arrived of it.
    pub(crate) is_incomplete: bool,
    pub(crate) requester: Requester,
}

/// The input of a tool call.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// JSON arguments as text.
    Function(String),
    /// Free text.
    Custom(String),
}

/// Who makes a call.
#[derive(Clone, Debug)]
pub(crate) enum Requester {
    Model {
        /// The id that the provider gave the call. Some providers use the same ids in every answer.
        call_id: String,
    },
    Cell {
        cell: CellId,
        call: RuntimeToolCallId,
    },
}

/// The outcome of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The output for the model: a text, or an array of content parts.
    pub(crate) output: Value,
    /// The value for a code cell.
    pub(crate) value: Value,
    /// Whether the call succeeded.
    pub(crate) success: bool,
}

/// Why a call has no outcome.
#[derive(Debug)]
pub(crate) enum ToolError {
    /// The call failed. The text is the output for the model.
    Failed(String),
    /// The call was stopped.
    Stopped,
}

impl From<Stopped> for ToolError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl ToolError {
    pub(crate) fn failed(error: impl Error) -> Self {
        Self::Failed(error_text(&error))
    }
}

impl Outcome {
    /// Creates a successful outcome with a text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { output: text.clone().into(), value: text.into(), success: true }
    }

    /// Creates a successful outcome with a document: JSON text for the model, a value for a cell.
    pub(crate) fn document(value: Value) -> Self {
        Self { output: value.to_string().into(), value, success: true }
    }

    pub(crate) fn status(&self) -> ExecutionStatus {
        if self.success { ExecutionStatus::Completed } else { ExecutionStatus::Failed }
    }
}

impl Call {
    /// Returns the call that an item of the model's answer contains, or `None` if the item is not a call.
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
            is_incomplete: item.is_incomplete(),
            requester: Requester::Model { call_id: item.text_field("call_id").to_owned() },
        })
    }

    /// Parses the arguments of one of this program's own tools. Numbers and ids may be written in another way than the
    /// tool declares, if they are unambiguous.
    pub(crate) fn arguments<T: DeserializeOwned>(&self) -> Result<T, ToolError> {
        let text = self.arguments_text();
        let strict = match serde_json::from_str(text) {
            // An array would be taken as the arguments in their order.
            Ok(arguments) if text.trim_start().starts_with('{') => return Ok(arguments),
            strict => strict.err(),
        };
        let arguments = self.arguments_of(&describe::schema_of(&self.name))?;
        // The error about the arguments as they were written names the place.
        serde_json::from_value(arguments.into()).map_err(|error| self.bad_arguments(&strict.unwrap_or(error)))
    }

    /// Parses the arguments of a tool with this schema, with numbers and ids as it declares them.
    pub(crate) fn arguments_of(&self, schema: &Value) -> Result<Map<String, Value>, ToolError> {
        let text = self.arguments_text();
        match serde_json::from_str(text).or_else(|error| lenient::parse_unambiguous(text).ok_or(error)) {
            Ok(mut arguments @ Value::Object(_)) => {
                coerce(&mut arguments, schema);
                serde_json::from_value(arguments).map_err(|error| self.bad_arguments(&error))
            }
            Ok(_) => Err(ToolError::Failed(format!("the arguments of {} are not an object", self.name))),
            Err(error) => Err(self.bad_arguments(&error)),
        }
    }

    /// Returns the arguments as they were written, or those of a call that has none.
    fn arguments_text(&self) -> &str {
        match &self.input {
            Input::Function(text) if matches!(text.trim(), "" | "null") => "{}",
            Input::Function(text) | Input::Custom(text) => text,
        }
    }

    fn bad_arguments(&self, error: &serde_json::Error) -> ToolError {
        ToolError::Failed(format!("error in the arguments of {}: {error}", self.name))
    }

    /// Returns the input as text.
    pub(crate) fn text(&self) -> &str {
        match &self.input {
            Input::Function(text) | Input::Custom(text) => text,
        }
    }

    /// Returns the id by which the model knows the call.
    pub(crate) fn model_call_id(&self) -> &str {
        match &self.requester {
            Requester::Model { call_id } => call_id,
            Requester::Cell { .. } => &self.id,
        }
    }

    /// Creates the item that answers the model's call.
    pub(crate) fn output(&self, output: &Value) -> Item {
        Item::output(matches!(self.input, Input::Custom(_)), self.model_call_id(), output.clone()).with_id()
    }

    /// Returns the call in the form that the trace records.
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
