//! Requests to the model.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rollout_trace_schema::{
    CodexTurnId, InferenceCallId, InferenceCancelled, InferenceCompleted, InferenceFailed, PayloadKind, PayloadRef,
    RequestInputMode, ResponseId, UpstreamRequestId, WireApi, document::InferenceResponse,
};
use serde::Serialize;

use crate::{
    ThreadTraceContext, TokenUsage,
    event_line::{EventText, put_number, put_text},
    losses::Lost,
    packer::RequestInput,
    payload::PreparedPayload,
    recorder::{RecordError, Recorder},
    thread::ThreadInner,
};

/// The HTTP header that joins a request's trace to the provider's logs.
pub const INFERENCE_CALL_ID_HEADER: &str = "x-codex-inference-call-id";

/// Makes the attempts of one inference. A retry is another attempt.
///
/// ```
/// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
/// let inference = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai");
/// let (first, retry) = (inference.start_attempt(), inference.start_attempt());
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "only the attempts that the context makes record anything"]
pub struct InferenceTraceContext(Option<Arc<ContextInner>>);

#[derive(Debug)]
struct ContextInner {
    thread: Arc<ThreadInner>,
    codex_turn_id: CodexTurnId,
    model: String,
    provider_name: String,
    wire_api: WireApi,
}

/// Records one request to the model and how it ended. Clones are the same attempt.
///
/// An attempt ends once: the first end counts. If an attempt was started and its last handle is dropped without an end,
/// for example because a future is dropped halfway, it is recorded as cancelled.
///
/// ```
/// use rollout_trace_recorder::{ResponseIds, TokenUsage};
/// use serde_json::json;
///
/// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
/// let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
/// if let Some((name, value)) = attempt.request_header() {
///     // Add the header to the request.
/// }
/// attempt.record_started(&json!({"input": [{"type": "message", "role": "user", "content": "Hello"}]}));
/// let answer = json!({"type": "message", "role": "assistant", "content": "Hi"});
/// let ids = ResponseIds { response_id: Some("resp_1"), upstream_request_id: None };
/// let usage = TokenUsage { input_tokens: 9, output_tokens: 2, ..TokenUsage::default() };
/// attempt.record_completed(ids, Some(&usage), &[answer]);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "an attempt that is dropped without an end is recorded as cancelled"]
pub struct InferenceTraceAttempt(Option<Arc<AttemptInner>>);

#[derive(Debug)]
struct AttemptInner {
    context: Arc<ContextInner>,
    inference_call_id: InferenceCallId,
    started: AtomicBool,
    ended: AtomicBool,
}

/// The ids of a response that the provider sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponseIds<'r> {
    /// The provider's id of the response.
    pub response_id: Option<&'r str>,
    /// The provider's id of the request.
    pub upstream_request_id: Option<&'r str>,
}

impl ThreadTraceContext {
    /// Makes the context for one inference of a turn.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let inference = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai");
    /// assert!(!inference.is_enabled(), "tracing is off here");
    /// ```
    pub fn inference_trace_context(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        model: impl Into<String>,
        provider_name: impl Into<String>,
    ) -> InferenceTraceContext {
        InferenceTraceContext(self.inner().map(|inner| {
            Arc::new(ContextInner {
                thread: Arc::clone(inner),
                codex_turn_id: codex_turn_id.into(),
                model: model.into(),
                provider_name: provider_name.into(),
                wire_api: WireApi::Responses,
            })
        }))
    }
}

impl InferenceTraceContext {
    /// Returns a context that records nothing.
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Returns whether anything is recorded.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Sets the API over which the requests go. Readers read the payloads of its attempts accordingly. The default is the
    /// Responses API.
    ///
    /// Requests of other APIs are passed as they go out, as values or as bodies, and answers as the provider's own response
    /// object: [`record_response`](InferenceTraceAttempt::record_response).
    ///
    /// ```
    /// use rollout_trace_recorder::{ResponseIds, WireApi};
    /// use serde_json::json;
    ///
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let inference = trace.inference_trace_context("turn-1", "claude", "anthropic").wire_api(WireApi::Messages);
    /// let attempt = inference.start_attempt();
    /// attempt.record_started(&json!({"messages": [{"role": "user", "content": "Hello"}]}));
    /// let message = json!({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]});
    /// attempt.record_response(ResponseIds::default(), &message);
    /// ```
    pub fn wire_api(self, wire_api: WireApi) -> Self {
        // Attempts that were made before keep the context that they were made from.
        Self(self.0.map(|inner| {
            let ContextInner { thread, codex_turn_id, model, provider_name, .. } = &*inner;
            Arc::new(ContextInner {
                thread: Arc::clone(thread),
                codex_turn_id: codex_turn_id.clone(),
                model: model.clone(),
                provider_name: provider_name.clone(),
                wire_api,
            })
        }))
    }

    /// Makes an attempt with its own id. Nothing is recorded yet.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// ```
    pub fn start_attempt(&self) -> InferenceTraceAttempt {
        let Some(context) = &self.0 else { return InferenceTraceAttempt::disabled() };
        InferenceTraceAttempt(Some(Arc::new(AttemptInner {
            context: Arc::clone(context),
            inference_call_id: InferenceCallId::from(context.thread.mint()),
            started: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        })))
    }
}

impl InferenceTraceAttempt {
    /// Returns an attempt that records nothing.
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Returns whether anything is recorded.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the attempt's id, or `None` if tracing is off.
    pub fn inference_call_id(&self) -> Option<&InferenceCallId> {
        self.0.as_ref().map(|inner| &inner.inference_call_id)
    }

    /// Returns the header that the request has to carry so that the provider's logs can be joined to the trace, or
    /// `None` if tracing is off.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// assert_eq!(attempt.request_header(), None, "tracing is off here");
    /// ```
    pub fn request_header(&self) -> Option<(&'static str, &str)> {
        self.0.as_ref().map(|inner| (INFERENCE_CALL_ID_HEADER, inner.inference_call_id.as_str()))
    }

    /// Records that the request is sent. Only the first start of an attempt counts.
    ///
    /// Most of a request repeats the thread's last one and is not turned into text again, so this costs about a tenth
    /// of serializing it. Its `Serialize` is called once, and must produce the same output for the same value each
    /// time.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// attempt.record_started(&serde_json::json!({"model": "gpt-5.2-codex", "input": []}));
    /// ```
    #[inline]
    pub fn record_started<T: Serialize + ?Sized>(&self, request: &T) {
        self.record_started_unchanged(request, 0);
    }

    /// Does the same as [`record_started`](Self::record_started), for a caller that knows how many elements at the
    /// beginning of the conversation are those of the thread's last request. The conversation is the outermost array called
    /// `input`, or `messages` or `contents`, as the [API](InferenceTraceContext::wire_api) has it.
    ///
    /// These items are not serialized, so a wrong number produces a wrong trace. Debug builds serialize and record
    /// them, and report it if they differ.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// attempt.record_started_unchanged(&serde_json::json!({"input": ["known", "known", "new"]}), 2);
    /// ```
    #[inline]
    pub fn record_started_unchanged<T: Serialize + ?Sized>(&self, request: &T, unchanged_items: usize) {
        if let Some(inner) = &self.0 {
            inner.start(RequestInput::Value { request, unchanged: unchanged_items }, None);
        }
    }

    /// Does the same as [`record_started`](Self::record_started), for a caller that has the bytes of the request's
    /// body. They are recorded unchanged.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// let body = serde_json::to_vec(&serde_json::json!({"model": "gpt-5.2-codex", "input": []}))?;
    /// attempt.record_started_body(&body);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[inline]
    pub fn record_started_body(&self, body: &[u8]) {
        if let Some(inner) = &self.0 {
            inner.start(RequestInput::<()>::Body(body), None);
        }
    }

    /// Records that a request is sent whose input continues an earlier response.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// let request = serde_json::json!({"previous_response_id": "resp_1", "input": ["only what is new"]});
    /// attempt.record_started_incremental(&request, "resp_1");
    /// ```
    #[inline]
    pub fn record_started_incremental<T: Serialize + ?Sized>(&self, request: &T, previous_response_id: &str) {
        if let Some(inner) = &self.0 {
            let previous_response_id = ResponseId::from(previous_response_id);
            let mode = RequestInputMode::Incremental { previous_response_id };
            inner.start(RequestInput::Value { request, unchanged: 0 }, Some((mode, None)));
        }
    }

    /// Does the same as [`record_started_incremental`](Self::record_started_incremental), for an earlier response that
    /// was never traced. `prefix` is a document whose `input` has the items before the new ones.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// let request = serde_json::json!({"previous_response_id": "resp_1", "input": ["only what is new"]});
    /// let prefix = serde_json::json!({"input": ["what came before"]});
    /// attempt.record_started_incremental_with_untraced_prefix(&request, "resp_1", &prefix);
    /// ```
    #[inline]
    pub fn record_started_incremental_with_untraced_prefix<T: Serialize + ?Sized, P: Serialize + ?Sized>(
        &self,
        request: &T,
        previous_response_id: &str,
        prefix: &P,
    ) {
        let Some((inner, recorder)) = self.0.as_ref().and_then(|inner| Some((inner, inner.recorder()?))) else {
            return;
        };
        let prefix = recorder.prepare(PayloadKind::InferenceRequest, prefix);
        let mode = RequestInputMode::IncrementalWithUntracedPrefix {
            previous_response_id: ResponseId::from(previous_response_id),
            prefix_payload: prefix.reference(),
        };
        inner.start(RequestInput::Value { request, unchanged: 0 }, Some((mode, Some(prefix))));
    }

    /// Records the model's answer. `output_items` serializes as an array: the items, or [`Evidence`](crate::Evidence)
    /// of them.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// let items = [serde_json::json!({"type": "message", "role": "assistant", "content": "Hi"})];
    /// attempt.record_completed(Default::default(), None, &items);
    /// ```
    pub fn record_completed<T: Serialize + ?Sized>(
        &self,
        ids: ResponseIds<'_>,
        token_usage: Option<&TokenUsage>,
        output_items: &T,
    ) {
        let Some((inner, recorder)) = self.ending() else { return };
        let payload = response(recorder, ids, token_usage, output_items);
        let event = InferenceCompleted {
            inference_call_id: inner.inference_call_id.clone(),
            response_id: ids.response_id.map(ResponseId::from),
            upstream_request_id: ids.upstream_request_id.map(UpstreamRequestId::from),
            response_payload: payload.reference(),
        };
        recorder.append_with(inner.context.thread.context(Some(&inner.context.codex_turn_id)), payload, event);
    }

    /// Records that the request failed. `output_items` is what had arrived by then; an empty array is left out.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// attempt.record_failed("the stream ended early", Some("req_7"), &["what had arrived"]);
    /// ```
    pub fn record_failed<T: Serialize>(
        &self,
        error: impl Display,
        upstream_request_id: Option<&str>,
        output_items: &[T],
    ) {
        let Some((inner, recorder)) = self.ending() else { return };
        let partial = partial_response(recorder, upstream_request_id, output_items);
        let event = InferenceFailed {
            inference_call_id: inner.inference_call_id.clone(),
            upstream_request_id: upstream_request_id.map(UpstreamRequestId::from),
            error: recorder.displayed(error),
            partial_response_payload: partial.as_ref().map(|payload| payload.reference()),
        };
        inner.append(recorder, partial, event);
    }

    /// Records that the request was canceled. `output_items` is what had arrived by then; an empty array is left out.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
    /// attempt.record_cancelled("the user interrupted the turn", None, &["what had arrived"]);
    /// ```
    pub fn record_cancelled<T: Serialize>(
        &self,
        reason: impl Display,
        upstream_request_id: Option<&str>,
        output_items: &[T],
    ) {
        let Some((inner, recorder)) = self.ending() else { return };
        let partial = partial_response(recorder, upstream_request_id, output_items);
        let event = InferenceCancelled {
            inference_call_id: inner.inference_call_id.clone(),
            upstream_request_id: upstream_request_id.map(UpstreamRequestId::from),
            reason: recorder.displayed(reason),
            partial_response_payload: partial.as_ref().map(|payload| payload.reference()),
        };
        inner.append(recorder, partial, event);
    }

    /// Records the model's answer as the provider's own response object, which every API but Responses has. It is recorded
    /// as it is.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "m", "p").start_attempt();
    /// let ids = rollout_trace_recorder::ResponseIds { response_id: Some("msg_1"), upstream_request_id: Some("req_1") };
    /// attempt.record_response(ids, &serde_json::json!({"id": "msg_1", "type": "message", "content": []}));
    /// ```
    pub fn record_response<T: Serialize + ?Sized>(&self, ids: ResponseIds<'_>, response: &T) {
        let Some((inner, recorder)) = self.ending() else { return };
        let payload = recorder.prepare(PayloadKind::InferenceResponse, response);
        let event = InferenceCompleted {
            inference_call_id: inner.inference_call_id.clone(),
            response_id: ids.response_id.map(ResponseId::from),
            upstream_request_id: ids.upstream_request_id.map(UpstreamRequestId::from),
            response_payload: payload.reference(),
        };
        inner.append(recorder, Some(payload), event);
    }

    /// Records that the request failed. `response` is what had arrived of the provider's response object.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "m", "p").start_attempt();
    /// attempt.record_failed_response("HTTP 529: overloaded", Some("req_1"), None::<&serde_json::Value>);
    /// ```
    pub fn record_failed_response<T: Serialize + ?Sized>(
        &self,
        error: impl Display,
        upstream_request_id: Option<&str>,
        response: Option<&T>,
    ) {
        let Some((inner, recorder)) = self.ending() else { return };
        let partial = response.map(|response| recorder.prepare(PayloadKind::InferenceResponse, response));
        let event = InferenceFailed {
            inference_call_id: inner.inference_call_id.clone(),
            upstream_request_id: upstream_request_id.map(UpstreamRequestId::from),
            error: recorder.displayed(error),
            partial_response_payload: partial.as_ref().map(|payload| payload.reference()),
        };
        inner.append(recorder, partial, event);
    }

    /// Records that the request was canceled. `response` is what had arrived of the provider's response object.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let attempt = trace.inference_trace_context("turn-1", "m", "p").start_attempt();
    /// let partial = serde_json::json!({"type": "message", "content": [{"type": "text", "text": "I wi"}]});
    /// attempt.record_cancelled_response("the user interrupted the turn", None, Some(&partial));
    /// ```
    pub fn record_cancelled_response<T: Serialize + ?Sized>(
        &self,
        reason: impl Display,
        upstream_request_id: Option<&str>,
        response: Option<&T>,
    ) {
        let Some((inner, recorder)) = self.ending() else { return };
        let partial = response.map(|response| recorder.prepare(PayloadKind::InferenceResponse, response));
        let event = InferenceCancelled {
            inference_call_id: inner.inference_call_id.clone(),
            upstream_request_id: upstream_request_id.map(UpstreamRequestId::from),
            reason: recorder.displayed(reason),
            partial_response_payload: partial.as_ref().map(|payload| payload.reference()),
        };
        inner.append(recorder, partial, event);
    }

    /// Claims the attempt's end. Returns `None` if tracing is off, the attempt has ended, or it was never started.
    fn ending(&self) -> Option<(&AttemptInner, &Recorder)> {
        let inner = self.0.as_ref()?;
        let recorder = inner.recorder()?;
        if inner.ended.swap(true, Ordering::AcqRel) {
            return None;
        }
        if !inner.started.load(Ordering::Acquire) {
            recorder.lose(Lost::Event, RecordError::NeverStarted);
            return None;
        }
        Some((inner, recorder))
    }
}

impl AttemptInner {
    fn recorder(&self) -> Option<&Recorder> {
        self.context.thread.recorder()
    }

    #[cold]
    fn start<T: Serialize + ?Sized>(
        &self,
        input: RequestInput<'_, T>,
        mode: Option<(RequestInputMode, Option<PreparedPayload>)>,
    ) {
        let Some(recorder) = self.recorder() else { return };
        if self.started.swap(true, Ordering::AcqRel) {
            return;
        }
        let context = &*self.context;
        let (slot, wire_api) = (&context.thread.compare, &context.wire_api);
        let payload = recorder.prepare_request(PayloadKind::InferenceRequest, input, slot, wire_api);
        let (mode, prefix) = mode.map_or((None, None), |(mode, prefix)| (Some(mode), prefix));
        let event = Started { attempt: self, mode, request: payload.number, prompt: recorder.prompt.as_ref() };
        let envelope = context.thread.context(Some(&context.codex_turn_id));
        match prefix {
            Some(prefix) => recorder.commit(envelope, &event, [prefix, payload]),
            None => recorder.commit(envelope, &event, [payload]),
        }
    }

    fn append(
        &self,
        recorder: &Recorder,
        payload: Option<PreparedPayload>,
        event: impl Into<rollout_trace_schema::EventPayload>,
    ) {
        let envelope = self.context.thread.context(Some(&self.context.codex_turn_id));
        match payload {
            Some(payload) => recorder.append_with(envelope, payload, event),
            None => recorder.append(envelope, event),
        }
    }
}

/// An [`InferenceStarted`](rollout_trace_schema::InferenceStarted) that is written by hand: every request has one, and
/// this way nothing of it is copied first.
struct Started<'a> {
    attempt: &'a AttemptInner,
    mode: Option<RequestInputMode>,
    /// The number of the request's payload.
    request: u64,
    /// The prompt that the request was made from (schema 3).
    prompt: Option<&'a PayloadRef>,
}

impl EventText for Started<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        let AttemptInner { context, inference_call_id, .. } = self.attempt;
        put_text(out, r#"{"type":"inference_started","inference_call_id":"#, Some(inference_call_id));
        put_text(out, r#","thread_id":"#, Some(&context.thread.thread_id));
        put_text(out, r#","codex_turn_id":"#, Some(&context.codex_turn_id));
        put_text(out, r#","model":"#, Some(&context.model));
        put_text(out, r#","provider_name":"#, Some(&context.provider_name));
        if context.wire_api != WireApi::Responses {
            put_text(out, r#","wire_api":"#, Some(context.wire_api.as_str()));
        }
        if let Some(mode) = &self.mode {
            out.extend_from_slice(br#","request_input_mode":"#);
            serde_json::to_writer(&mut *out, mode).expect("a mode has a JSON text, and memory takes it");
        }
        put_number(out, r#","request_payload":{"raw_payload_id":"raw_payload:"#, self.request);
        put_number(out, r#"","kind":{"type":"inference_request"},"path":"payloads/"#, self.request);
        out.extend_from_slice(br#".json"}"#);
        if let Some(prompt) = self.prompt {
            out.extend_from_slice(br#","prepared_prompt_payload":"#);
            serde_json::to_writer(&mut *out, prompt).expect("a reference has a JSON text, and memory takes it");
        }
        out.push(b'}');
    }
}

impl Drop for AttemptInner {
    fn drop(&mut self) {
        if *self.started.get_mut() && !*self.ended.get_mut() {
            let Some(recorder) = self.recorder() else { return };
            let event = InferenceCancelled {
                inference_call_id: self.inference_call_id.clone(),
                upstream_request_id: None,
                reason: "abandoned: the attempt was dropped before its end was recorded".to_owned(),
                partial_response_payload: None,
            };
            self.append(recorder, None, event);
        }
    }
}

fn response<T: Serialize + ?Sized>(
    recorder: &Recorder,
    ids: ResponseIds<'_>,
    token_usage: Option<&TokenUsage>,
    output_items: &T,
) -> PreparedPayload {
    let document = InferenceResponse {
        response_id: ids.response_id.map(ResponseId::from),
        upstream_request_id: ids.upstream_request_id.map(UpstreamRequestId::from),
        token_usage,
        output_items,
        unknown: serde_json::Map::new(),
    };
    recorder.prepare(PayloadKind::InferenceResponse, &document)
}

fn partial_response<T: Serialize>(
    recorder: &Recorder,
    upstream_request_id: Option<&str>,
    output_items: &[T],
) -> Option<PreparedPayload> {
    let ids = ResponseIds { response_id: None, upstream_request_id };
    (!output_items.is_empty()).then(|| response(recorder, ids, None, output_items))
}
