//! One call of a model, from its request to the end of its answer.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    time::SystemTime,
};

use rollout_trace_recorder::{
    CompactionTraceAttempt, ExecutionStatus, InferenceTraceAttempt, ResponseIds, ThreadTraceContext, WireApi,
};
use rollout_trace_wires::{AnswerStatus, Value};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    bodies::{Bodies, ReadAnswer},
    socket::Answered,
};
use crate::{
    CallApi, Headers, Missing, Redact, RequestSeen,
    request::{AnswerView, RequestView},
    secrets::{impersonal_body, request_headers, response_headers, without_keys},
    tap::{ExchangeEnd, MAX_ANSWER_BYTES},
    threads::{CallState, Place, Request, ThreadNumber},
};

/// The type of the event that says how a call went over the wire.
const EXCHANGE_EVENT: &str = "capture.exchange";

/// A request of a model that was read.
#[derive(Debug)]
pub(super) struct Asked {
    api: CallApi,
    view: RequestView,
    /// The body as it is recorded.
    body: Vec<u8>,
    hash: u64,
}

impl Asked {
    /// Reads a body. Returns `None` if it is no JSON object.
    pub(super) fn read(api: CallApi, request: &RequestSeen, body: Vec<u8>, redact: Redact) -> Option<Self> {
        let value: Value = serde_json::from_slice(&body).ok()?;
        if !matches!(value, Value::Object(_)) {
            return None;
        }
        let api = match (api, &value) {
            // Vertex serves the models of others in the same way.
            (CallApi::Messages, _) if value.get("messages").is_none() && value.get("contents").is_some() => {
                CallApi::GenerateContent
            }
            _ => api,
        };
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let impersonal = (redact == Redact::Common).then(|| impersonal_body(&body)).flatten();
        let view = RequestView::read(api, &request.target, &value);
        Some(Self { api, view, body: impersonal.unwrap_or(body), hash: hasher.finish() })
    }

    /// Notes that the request sent only what is new since an earlier one.
    pub(super) fn continues(&mut self, last: &Answered) {
        let (before, answer) = last.conversation();
        self.view.continues(before, answer);
    }

    pub(super) fn view(&self) -> &RequestView {
        &self.view
    }

    pub(super) fn request<'r>(&'r self, headers: &'r Headers) -> Request<'r> {
        Request { headers, view: &self.view, body: self.hash, is_compaction: self.api == CallApi::ResponsesCompact }
    }

    pub(super) fn model(&self) -> &str {
        self.view.model.as_deref().unwrap_or_default()
    }

    fn wire_api(&self) -> WireApi {
        match self.api {
            CallApi::Messages => WireApi::Messages,
            CallApi::ChatCompletions => WireApi::ChatCompletions,
            CallApi::Responses | CallApi::ResponsesCompact => WireApi::Responses,
            CallApi::GenerateContent => WireApi::GenerateContent,
        }
    }
}

/// A call whose request is recorded.
pub(super) struct StartedCall {
    trace: ThreadTraceContext,
    place: Place,
    attempt: Attempt,
    api: CallApi,
    wire_api: WireApi,
    body: u64,
}

enum Attempt {
    Inference(InferenceTraceAttempt),
    Compaction(CompactionTraceAttempt),
}

/// What became of a call.
pub(super) struct Outcome {
    pub(super) thread: ThreadNumber,
    pub(super) turn_id: String,
    pub(super) body: u64,
    pub(super) answer: AnswerView,
    pub(super) state: CallState,
    pub(super) status: ExecutionStatus,
}

/// How a call ended.
enum End {
    Completed,
    Canceled(&'static str),
    Failed(String),
}

impl StartedCall {
    /// Returns the API of the call.
    pub(super) fn wire_api(&self) -> &WireApi {
        &self.wire_api
    }

    /// Records the request.
    pub(super) fn start(trace: &ThreadTraceContext, place: Place, asked: Asked, request: &RequestSeen) -> Self {
        let wire_api = asked.wire_api();
        let (turn_id, model, provider) = (place.turn_id.as_str(), asked.model(), request.upstream.as_str());
        let attempt = if place.is_compaction {
            let compaction = trace.compaction_trace_context(turn_id, None, model, provider);
            let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
            Attempt::Compaction(compaction.start_attempt(&body))
        } else {
            let inference = trace.inference_trace_context(turn_id, model, provider).wire_api(wire_api.clone());
            let attempt = inference.start_attempt();
            attempt.record_started_body(&asked.body);
            Attempt::Inference(attempt)
        };
        Self { trace: trace.clone(), place, attempt, api: asked.api, wire_api, body: asked.hash }
    }

    /// Records the answer, and how both went over the wire.
    pub(super) fn end(
        self,
        request: &RequestSeen,
        mut bodies: Bodies,
        end: &ExchangeEnd,
        at: SystemTime,
        redact: Redact,
    ) -> Outcome {
        let ReadAnswer { answer, start, problem } = bodies.take_answer(&self.wire_api);
        let status = bodies.head.as_ref().map(|head| head.status);
        let is_success = status.is_some_and(|status| status == 101 || (200..300).contains(&status));
        let how = if is_success && answer.status == AnswerStatus::Completed {
            End::Completed
        } else if let Some(status) = status.filter(|_| !is_success) {
            End::Failed(failure(status, answer.error.as_deref(), &start))
        } else {
            match end {
                ExchangeEnd::ClientClosed => End::Canceled("the client closed the connection"),
                ExchangeEnd::Stopped => End::Canceled("the recording ended"),
                ExchangeEnd::UpstreamBroke(how) => End::Failed(answer.error.unwrap_or_else(|| how.clone())),
                ExchangeEnd::Complete | ExchangeEnd::Upgraded => {
                    let missing = bodies.answer_missing.map(missing_text);
                    let broken = || "the answer ended before it was complete".to_owned();
                    End::Failed(answer.error.or(missing).or(problem).unwrap_or_else(broken))
                }
            }
        };
        let response = answer.response.filter(|_| is_success);
        let header = |name: &str| bodies.head.as_ref().and_then(|head| head.headers.get(name));
        let upstream_id = header("request-id").or_else(|| header("x-request-id"));
        self.record_end(&how, response.as_ref(), upstream_id);
        let exchange = ExchangeDocument { call: &self, request, bodies: &bodies, at, redact };
        self.trace.record_protocol_event_in_turn(self.place.turn_id.as_str(), EXCHANGE_EVENT, &exchange);
        let view = response.map(|response| AnswerView::read(self.api, &response)).unwrap_or_default();
        let (state, status) = match how {
            End::Completed => (CallState::Completed, ExecutionStatus::Completed),
            End::Canceled(_) => (CallState::Unsuccessful, ExecutionStatus::Cancelled),
            End::Failed(_) => (CallState::Unsuccessful, ExecutionStatus::Failed),
        };
        let Self { place, body, .. } = self;
        Outcome { thread: place.thread, turn_id: place.turn_id, body, answer: view, state, status }
    }

    fn record_end(&self, how: &End, response: Option<&Value>, upstream_request_id: Option<&str>) {
        match &self.attempt {
            Attempt::Inference(attempt) => match how {
                End::Completed => {
                    let response = response.unwrap_or(&Value::Null);
                    let id = ["id", "responseId", "response_id"].iter().find_map(|name| response.get(name)?.as_str());
                    attempt.record_response(ResponseIds { response_id: id, upstream_request_id }, response);
                }
                End::Canceled(reason) => attempt.record_cancelled_response(reason, upstream_request_id, response),
                End::Failed(error) => attempt.record_failed_response(error, upstream_request_id, response),
            },
            Attempt::Compaction(attempt) => match how {
                End::Completed => {
                    let items =
                        response.and_then(|response| response.get("output_items").or_else(|| response.get("output")));
                    attempt.record_completed(items.map_or(&[][..], |items| match items {
                        Value::Array(items) => items,
                        _ => &[],
                    }));
                }
                End::Canceled(reason) => attempt.record_failed(reason),
                End::Failed(error) => attempt.record_failed(error),
            },
        }
    }
}

/// Returns why an answer is not recorded whole.
fn missing_text(why: Missing) -> String {
    match why {
        Missing::FellBehind => "the recording fell behind and lacks the rest".to_owned(),
        Missing::TooLarge => {
            format!("the answer has more than {} MiB, and the rest is not recorded", MAX_ANSWER_BYTES >> 20)
        }
    }
}

/// Returns what is known about an answer with an unsuccessful status.
fn failure(status: u16, error: Option<&str>, body: &[u8]) -> String {
    const MAX_CHARS: usize = 300;
    let text = String::from_utf8_lossy(body);
    let text: String = error.unwrap_or(text.trim()).chars().take(MAX_CHARS).collect();
    if text.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {text}") }
}

/// How a call went over the wire.
struct ExchangeDocument<'e> {
    call: &'e StartedCall,
    request: &'e RequestSeen,
    bodies: &'e Bodies,
    at: SystemTime,
    redact: Redact,
}

impl Serialize for ExchangeDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { call, request, bodies, at, redact } = self;
        let since = |time: SystemTime| {
            time.duration_since(bodies.started_at).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
        };
        let mut map = serializer.serialize_map(None)?;
        match &call.attempt {
            Attempt::Inference(attempt) => map.serialize_entry("inference_call_id", &attempt.inference_call_id())?,
            Attempt::Compaction(attempt) => {
                map.serialize_entry("compaction_request_id", &attempt.compaction_request_id())?;
            }
        }
        if bodies.head.as_ref().is_some_and(|head| head.status == 101) {
            map.serialize_entry("transport", "websocket")?;
        }
        map.serialize_entry("method", &request.method)?;
        map.serialize_entry("path", &without_keys(&request.target))?;
        if let Some(head) = &bodies.head {
            map.serialize_entry("status", &head.status)?;
        }
        map.serialize_entry("request_headers", &Pairs(&request_headers(&request.headers, *redact)))?;
        if let Some(head) = &bodies.head {
            map.serialize_entry("response_headers", &Pairs(&response_headers(&head.headers, *redact)))?;
        }
        map.serialize_entry("request_bytes", &bodies.request_bytes)?;
        map.serialize_entry("response_bytes", &bodies.answer_bytes)?;
        if let Some(first) = bodies.first_byte_at {
            map.serialize_entry("first_byte_ms", &since(first))?;
        }
        map.serialize_entry("duration_ms", &since(*at))?;
        map.end()
    }
}

struct Pairs<'p>(&'p [(String, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
