//! Which requests are calls of a model.

use crate::RequestSeen;

/// The API of a model call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallApi {
    /// Anthropic Messages.
    Messages,
    /// OpenAI Chat Completions and what is compatible with it.
    ChatCompletions,
    /// OpenAI Responses.
    Responses,
    /// OpenAI Responses, a request to compact a history.
    ResponsesCompact,
    /// Gemini.
    GenerateContent,
}

/// Returns whether a request opens a WebSocket over which models are called.
pub(crate) fn opens_calls(request: &RequestSeen) -> bool {
    let is_upgrade = request.headers.get("upgrade").is_some_and(|name| name.trim().eq_ignore_ascii_case("websocket"));
    request.method == "GET" && is_upgrade && api_of("POST", &request.target) == Some(CallApi::Responses)
}

/// Returns whether a request calls a model.
pub(crate) fn is_call(method: &str, target: &str) -> bool {
    api_of(method, target).is_some()
}

/// Returns the API of a request that calls a model.
pub(crate) fn api_of(method: &str, target: &str) -> Option<CallApi> {
    if method != "POST" {
        return None;
    }
    let path = target.split('?').next().unwrap_or_default().trim_end_matches('/');
    if path.ends_with("/messages") {
        Some(CallApi::Messages)
    } else if path.ends_with("/chat/completions") {
        Some(CallApi::ChatCompletions)
    } else if path.ends_with("/responses") {
        Some(CallApi::Responses)
    } else if path.ends_with("/responses/compact") {
        Some(CallApi::ResponsesCompact)
    } else if path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent") {
        Some(CallApi::GenerateContent)
    } else if path.ends_with(":rawPredict") || path.ends_with(":streamRawPredict") {
        // Vertex serves the models of Anthropic so.
        Some(CallApi::Messages)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls() {
        for (target, api) in [
            ("/v1/messages?beta=true", Some(CallApi::Messages)),
            ("/v1/messages/count_tokens", None),
            ("/v1/chat/completions", Some(CallApi::ChatCompletions)),
            ("/v1/responses", Some(CallApi::Responses)),
            ("/v1/responses/compact", Some(CallApi::ResponsesCompact)),
            ("/v1beta/models/m:streamGenerateContent?alt=sse", Some(CallApi::GenerateContent)),
            ("/v1internal:generateContent", Some(CallApi::GenerateContent)),
            ("/v1beta/models/m:countTokens", None),
            ("/v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict", Some(CallApi::Messages)),
            ("/v1/models", None),
        ] {
            assert_eq!(api_of("POST", target), api, "{target}");
            assert_eq!(api_of("GET", target), None);
        }
    }
}
