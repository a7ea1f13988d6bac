//! Sends a reply over HTTP.

use std::{future, io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::Response,
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    dialogue::Chosen,
    error::RequestError,
    script::{End, Reply},
};

/// The pause before a stream breaks, so that the client receives what was sent before.
const BEFORE_BREAKING: Duration = Duration::from_millis(20);

enum Step {
    Send(String),
    Pause(Duration),
    Break,
    Stall,
}

impl Chosen {
    pub(crate) fn response_id(&self) -> String {
        format!("resp_{}", self.place)
    }

    fn items(&self) -> Vec<Value> {
        let items = self.reply.items.iter().zip(1..);
        items.map(|(item, number)| item.wire(&format!("{}_{number}", self.place))).collect()
    }

    /// Returns the reply to a request for a response.
    pub(crate) async fn stream(&self) -> Response {
        if let Some(response) = http_error(&self.reply).await {
            return response;
        }
        let mut steps = Vec::new();
        self.events().into_iter().for_each(|event| {
            if self.reply.pace_ms > 0 {
                steps.push(Step::Pause(Duration::from_millis(self.reply.pace_ms)));
            }
            let kind = event["type"].as_str().unwrap_or_default();
            steps.push(Step::Send(format!("event: {kind}\ndata: {event}\n\n")));
        });
        match self.reply.end {
            End::Broken => steps.extend([Step::Pause(BEFORE_BREAKING), Step::Break]),
            End::Stall => steps.push(Step::Stall),
            End::Completed | End::Failed | End::Incomplete => {}
        }
        let body = stream::unfold(steps.into_iter(), |mut steps| async {
            loop {
                match steps.next()? {
                    Step::Send(text) => return Some((Ok(Bytes::from(text)), steps)),
                    Step::Pause(duration) => sleep(duration).await,
                    Step::Break => return Some((Err(io::Error::other("the script breaks the stream")), steps)),
                    Step::Stall => future::pending().await,
                }
            }
        });
        response(StatusCode::OK, "text/event-stream", Body::from_stream(body)).unwrap_or_default()
    }

    /// Returns the reply to a request for a compaction.
    pub(crate) async fn document(&self) -> Response {
        match http_error(&self.reply).await {
            Some(response) => response,
            None => json_response(StatusCode::OK, &json!({"object": "response.compaction", "output": self.items()})),
        }
    }

    fn events(&self) -> Vec<Value> {
        let id = self.response_id();
        let mut events = vec![json!({"type": "response.created", "response": {"id": id}})];
        let items = self.items();
        let last = items.len().saturating_sub(1);
        for (place, item) in items.into_iter().enumerate() {
            events.push(json!({"type": "response.output_item.added", "output_index": place, "item": item}));
            for delta in deltas(&item) {
                events.push(json!({"type": "response.output_text.delta", "output_index": place, "delta": delta}));
            }
            if self.reply.end == End::Stall && place == last {
                break;
            }
            events.push(json!({"type": "response.output_item.done", "output_index": place, "item": item}));
        }
        let error = self.reply.error.as_deref().unwrap_or("scripted failure");
        match self.reply.end {
            End::Completed => events.push(json!({"type": "response.completed", "response": {
                "id": id, "usage": usage(&self.reply)}})),
            End::Failed => events.push(json!({"type": "response.failed", "response": {
                "id": id, "error": {"code": "server_error", "message": error}}})),
            End::Incomplete => events.push(json!({"type": "response.incomplete", "response": {
                "id": id, "incomplete_details": {"reason": "max_output_tokens"}}})),
            End::Broken | End::Stall => {}
        }
        events
    }
}

/// Waits for the reply's delay, and returns its HTTP error, or `None` if the reply is not an error.
async fn http_error(reply: &Reply) -> Option<Response> {
    sleep(Duration::from_millis(reply.delay_ms)).await;
    let status = StatusCode::from_u16(reply.status?).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let error = reply.error.as_deref().unwrap_or("scripted error");
    let mut response = json_response(status, &error_document(error));
    if let Some(seconds) = reply.retry_after.and_then(|seconds| seconds.to_string().parse().ok()) {
        response.headers_mut().insert("retry-after", seconds);
    }
    Some(response)
}

/// Returns the response to a request that is refused.
pub(crate) fn bad_request(error: &RequestError) -> Response {
    json_response(StatusCode::BAD_REQUEST, &error_document(&error.to_string()))
}

fn error_document(message: &str) -> Value {
    json!({"error": {"message": message}})
}

fn json_response(status: StatusCode, document: &Value) -> Response {
    response(status, "application/json", Body::from(document.to_string())).unwrap_or_default()
}

fn response(status: StatusCode, content_type: &str, body: Body) -> Result<Response, axum::http::Error> {
    Response::builder().status(status).header("content-type", content_type).body(body)
}

/// Splits the text of a message into pieces of one word each.
fn deltas(item: &Value) -> Vec<&str> {
    match item["type"].as_str() {
        Some("message") => item["content"][0]["text"].as_str().unwrap_or_default().split_inclusive(' ').collect(),
        _ => Vec::new(),
    }
}

fn usage(reply: &Reply) -> Value {
    let usage = reply.usage;
    json!({"input_tokens": usage.input_tokens, "input_tokens_details": {"cached_tokens": usage.cached_tokens},
           "output_tokens": usage.output_tokens, "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
           "total_tokens": usage.input_tokens + usage.output_tokens})
}
