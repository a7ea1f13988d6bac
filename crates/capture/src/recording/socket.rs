//! Calls over a WebSocket, as the Responses API has them: the client sends one request after the other, each in a message,
//! and the provider sends the events of the answer as messages.

use std::time::SystemTime;

use rollout_trace_wires::Value;
use serde::Deserialize;

use super::{
    Recorder,
    bodies::Bodies,
    call::{Asked, StartedCall},
    report::Unrecorded,
};
use crate::{
    Body, CallApi, Copied, Headers, RequestSeen, ResponseSeen,
    request::{AnswerView, RequestView},
    tap::{ExchangeEnd, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES},
    websocket::Messages,
};

/// A WebSocket over which models are called.
pub(super) struct Socket {
    /// The answer that opened it.
    head: ResponseSeen,
    requests: Messages,
    events: Messages,
    open: Option<OpenRequest>,
    last: Option<Answered>,
    /// Whether a call is recorded.
    has_calls: bool,
}

/// A request whose answer is not complete.
struct OpenRequest {
    request: RequestSeen,
    view: RequestView,
    /// The call, or `None` if the request asks for nothing.
    call: Option<StartedCall>,
    bodies: Bodies,
    response_id: Option<String>,
}

/// The last request that was answered.
pub(super) struct Answered {
    response_id: String,
    view: RequestView,
    answer: AnswerView,
}

impl Answered {
    /// Returns the conversation that a request with this response as the previous one continues.
    pub(super) fn conversation(&self) -> (&RequestView, &AnswerView) {
        (&self.view, &self.answer)
    }
}

/// An event as far as it says where an answer ends.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    response: Option<EventResponse>,
}

#[derive(Deserialize)]
struct EventResponse {
    id: Option<String>,
}

impl Event {
    fn ends_answer(&self) -> bool {
        matches!(self.kind.as_str(), "response.completed" | "response.incomplete" | "response.failed" | "error")
    }
}

impl Socket {
    pub(super) fn new(head: ResponseSeen) -> Self {
        let extensions: Vec<_> = head.headers.all("sec-websocket-extensions").collect();
        let extensions = extensions.join(",");
        Self {
            requests: Messages::new(&extensions, MAX_REQUEST_BYTES),
            events: Messages::new(&extensions, MAX_ANSWER_BYTES),
            head,
            open: None,
            last: None,
            has_calls: false,
        }
    }
}

impl Recorder {
    /// Reads what one side sent over a WebSocket.
    pub(super) fn see_tunneled(
        &mut self,
        (handshake, socket): (&RequestSeen, &mut Socket),
        (side, data): (Body, &Copied),
        at: SystemTime,
    ) {
        let mut messages = Vec::new();
        let reader = match side {
            Body::Request => &mut socket.requests,
            Body::Answer => &mut socket.events,
        };
        let outcome = reader.push(data, |message| messages.push(message.to_vec()));
        for message in messages {
            match side {
                Body::Request => self.see_request(handshake, socket, message, at),
                Body::Answer => self.see_event(socket, &message, at),
            }
        }
        if let Err(error) = outcome {
            let broke = format!("the WebSocket cannot be read any more: {error}");
            self.end_open(socket, &ExchangeEnd::UpstreamBroke(broke), at);
            self.report.note_unrecorded(handshake, Unrecorded::OtherProtocol);
        }
    }

    /// Notes that a WebSocket is closed. Returns whether a call over it is recorded.
    pub(super) fn end_socket(&mut self, socket: &mut Socket, end: &ExchangeEnd, at: SystemTime) -> bool {
        let end = match end {
            ExchangeEnd::Complete => ExchangeEnd::UpstreamBroke("the upstream closed the WebSocket".to_owned()),
            end => end.clone(),
        };
        self.end_open(socket, &end, at);
        socket.has_calls
    }

    fn see_request(&mut self, handshake: &RequestSeen, socket: &mut Socket, message: Vec<u8>, at: SystemTime) {
        let Ok(value) = serde_json::from_slice::<Value>(&message) else { return };
        if value.get("type").and_then(Value::as_str) != Some("response.create") {
            return;
        }
        // The client has given up the one before.
        self.end_open(socket, &ExchangeEnd::ClientClosed, at);
        self.report.seen += 1;
        let request = RequestSeen { headers: with_metadata(&handshake.headers, &value), ..handshake.clone() };
        let bodies = Bodies::of_message(message.len(), socket.head.clone(), at);
        let Some(mut asked) = Asked::read(CallApi::Responses, &request, message, self.redact) else { return };
        let previous = value.get("previous_response_id").and_then(Value::as_str);
        if let Some(last) = socket.last.as_ref().filter(|last| Some(last.response_id.as_str()) == previous) {
            asked.continues(last);
        }
        let view = asked.view().clone();
        // Codex begins with a request that generates nothing. If it has items, the next one may continue it.
        let is_empty = value.get("input").is_some_and(|input| matches!(input, Value::Array(items) if items.is_empty()));
        let asks = value.get("generate") != Some(&Value::Bool(false)) || !is_empty;
        let call = asks.then(|| self.start_asked(asked, &request)).flatten();
        match call {
            Some(_) => socket.has_calls = true,
            None => self.report.note_unrecorded(&request, Unrecorded::NoCall),
        }
        socket.open = Some(OpenRequest { request, view, call, bodies, response_id: None });
    }

    fn see_event(&mut self, socket: &mut Socket, message: &[u8], at: SystemTime) {
        let (Some(open), Ok(event)) = (&mut socket.open, serde_json::from_slice::<Event>(message)) else { return };
        open.bodies.add_event(message, at);
        if let Some(id) = event.response.as_ref().and_then(|response| response.id.as_ref()) {
            open.response_id = Some(id.clone());
        }
        if event.ends_answer() {
            self.end_open(socket, &ExchangeEnd::Complete, at);
        }
    }

    fn end_open(&mut self, socket: &mut Socket, end: &ExchangeEnd, at: SystemTime) {
        let Some(OpenRequest { request, view, call, bodies, response_id }) = socket.open.take() else { return };
        let answer = call.map(|call| self.finish_call(call, (&request, bodies), end, at)).unwrap_or_default();
        // After one that failed, the next request continues the same response again.
        if let Some(response_id) = response_id {
            socket.last = Some(Answered { response_id, view, answer });
        }
    }
}

/// Returns the headers of the handshake with those that the request has instead, as Codex sends them: in its metadata.
fn with_metadata(handshake: &Headers, request: &Value) -> Headers {
    let metadata = request.get("client_metadata").map(Value::fields).unwrap_or_default();
    let own = metadata.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    let own: Vec<_> = own.filter(|(name, _)| name.starts_with("x-")).collect();
    let is_replaced = |name: &str| own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let kept = handshake.iter().filter_map(|(name, value)| Some((name, value?)));
    kept.filter(|(name, _)| !is_replaced(name)).chain(own.iter().copied()).collect()
}
