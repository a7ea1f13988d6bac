//! The bodies of requests.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{Item, settings::TurnSettings};

/// A request for the model's next answer.
#[derive(Serialize)]
pub(crate) struct ResponseRequest<'r> {
    model: &'r str,
    instructions: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_response_id: Option<&'r str>,
    input: &'r [Item],
    tools: &'r [Value],
    tool_choice: &'static str,
    parallel_tool_calls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    include: &'static [&'static str],
    prompt_cache_key: &'r str,
    store: bool,
    stream: bool,
}

impl<'r> ResponseRequest<'r> {
    /// Creates a request. `previous_response_id` names the response that the input follows, which the provider must
    /// have stored.
    pub(crate) fn new(
        settings: &'r TurnSettings,
        instructions: &'r str,
        (previous_response_id, input): (Option<&'r str>, &'r [Item]),
        tools: &'r [Value],
        thread_id: &'r str,
        store: bool,
    ) -> Self {
        Self {
            model: &settings.model,
            instructions,
            previous_response_id,
            input,
            tools,
            tool_choice: "auto",
            parallel_tool_calls: true,
            reasoning: settings.effort.map(|effort| json!({"effort": effort, "summary": "auto"})),
            include: &[],
            prompt_cache_key: thread_id,
            store,
            stream: true,
        }
    }

    /// Sets whether the provider seals its reasoning, so that it can be sent back.
    pub(crate) fn with_sealed_reasoning(mut self, sealed: bool) -> Self {
        self.include = if sealed { &["reasoning.encrypted_content"] } else { &[] };
        self
    }
}

/// A request for a compacted history.
#[derive(Serialize)]
pub(crate) struct CompactRequest<'r> {
    pub(crate) model: &'r str,
    pub(crate) instructions: &'r str,
    pub(crate) input: &'r [Item],
}
