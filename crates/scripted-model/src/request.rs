//! A request of an agent core.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use serde_json::Value;

use crate::{Endpoint, error::RequestError};

/// The header in which an agent core names the agent that makes the request.
pub(crate) const AGENT_HEADER: &str = "x-agent-path";

/// A request that the server has received.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The path of the agent that made the request, `/root` if the request does not name one.
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

    /// Returns the input items.
    pub(crate) fn input(&self) -> &[Value] {
        self.body["input"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Refuses a request that a provider would refuse.
    ///
    /// Providers refuse a call without its output and, if the request contains the whole history, an output without its
    /// call. This server does the same, so that an agent core that works with it also works with providers.
    pub(crate) fn check(&self) -> Result<(), RequestError> {
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
            return Err(RequestError::NoInput);
        }
        if self.endpoint == Endpoint::Responses && self.body["stream"] != true {
            return Err(RequestError::NotStreamed);
        }
        match (unanswered, unasked) {
            (Some(&call), _) => Err(RequestError::MissingOutput(call.to_owned())),
            (_, Some(&call)) => Err(RequestError::MissingCall(call.to_owned())),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(mut body: Value) -> Option<String> {
        body["stream"] = true.into();
        SeenRequest::new(Endpoint::Responses, &HeaderMap::new(), body).check().err().map(|error| error.to_string())
    }

    #[test]
    fn calls_and_outputs_come_in_pairs() {
        let call = json!({"type": "function_call", "call_id": "a"});
        let output = json!({"type": "function_call_output", "call_id": "a"});
        assert_eq!(error(json!({"input": [call, output]})), None);
        assert_eq!(error(json!({"input": [call]})).unwrap(), "no tool output found for call a");
        assert_eq!(error(json!({"input": [output]})).unwrap(), "no tool call found for the output of a");
        assert_eq!(error(json!({"input": [output], "previous_response_id": "resp_1"})), None);
        assert_eq!(error(json!({})).unwrap(), "the request has no input");
    }
}
