//! What an agent asked.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use serde_json::Value;

use crate::Endpoint;

/// The header by which an agent core says which agent asks.
pub(crate) const AGENT_HEADER: &str = "x-agent-path";

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// The endpoint that it went to.
    pub endpoint: Endpoint,
    /// The path of the agent that asked; `/root` if it did not say.
    pub agent: String,
    /// The headers, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Value,
}

impl SeenRequest {
    pub(crate) fn new(endpoint: Endpoint, headers: &HeaderMap, body: Value) -> Self {
        let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            endpoint,
            agent: headers.get(AGENT_HEADER).map_or_else(|| "/root".to_owned(), text),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body,
        }
    }

    /// The input items.
    pub(crate) fn input(&self) -> &[Value] {
        self.body["input"].as_array().map_or(&[], Vec::as_slice)
    }

    /// What is wrong with the request, as a provider would say it.
    ///
    /// Providers refuse an answer without its call and, where the whole history is sent, a call without its answer. So does this
    /// one, because an agent core that gets along with it must get along with them.
    pub(crate) fn complaint(&self) -> Option<String> {
        let call_ids = |suffix: &str| -> BTreeSet<&str> {
            let items =
                self.input().iter().filter(|item| item["type"].as_str().is_some_and(|kind| kind.ends_with(suffix)));
            items.filter_map(|item| item["call_id"].as_str()).collect()
        };
        let (calls, outputs) = (call_ids("_call"), call_ids("_call_output"));
        let whole = self.body["previous_response_id"].is_null();
        let unanswered = calls.iter().find(|call| !outputs.contains(*call));
        let unasked = outputs.iter().find(|output| whole && !calls.contains(*output));
        if !self.body["input"].is_array() {
            return Some("the request has no input".to_owned());
        }
        if self.endpoint == Endpoint::Responses && self.body["stream"] != true {
            return Some("this server only streams: \"stream\" must be true".to_owned());
        }
        match (unanswered, unasked) {
            (Some(call), _) => Some(format!("no tool output found for call {call}")),
            (_, Some(call)) => Some(format!("no tool call found for the output of {call}")),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complaint(mut body: Value) -> Option<String> {
        body["stream"] = true.into();
        SeenRequest::new(Endpoint::Responses, &HeaderMap::new(), body).complaint()
    }

    #[test]
    fn calls_and_outputs_come_in_pairs() {
        let call = json!({"type": "function_call", "call_id": "a"});
        let output = json!({"type": "function_call_output", "call_id": "a"});
        assert_eq!(complaint(json!({"input": [call, output]})), None);
        assert_eq!(complaint(json!({"input": [call]})).unwrap(), "no tool output found for call a");
        assert_eq!(complaint(json!({"input": [output]})).unwrap(), "no tool call found for the output of a");
        assert_eq!(complaint(json!({"input": [output], "previous_response_id": "resp_1"})), None);
        assert_eq!(complaint(json!({})).unwrap(), "the request has no input");
    }
}
