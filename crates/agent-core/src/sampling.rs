//! Requests to the model.

use std::collections::HashSet;

use rollout_trace_recorder::{
    Evidence, EvidenceOf, InferenceTraceAttempt, InferenceTraceContext, ResponseIds, TokenUsage,
};

use crate::{
    EventMessage, HistoryMode, Item,
    event::millis,
    fault,
    lock::lock,
    model::{self, Envelope, ModelError, ResponseEvent, ResponseRequest},
    tools::Call,
    turn::{Turn, TurnEnd},
};

/// The output of a call that was not run because its answer broke off and is not retried.
const NOT_RUN: &str = "not run: the answer that contains this call broke off";

/// An answer of the model.
pub(crate) struct Answer {
    pub(crate) calls: Vec<Call>,
    pub(crate) last_message: Option<String>,
    /// Whether the answer is complete. If its stream broke, the next request asks for the rest.
    pub(crate) is_complete: bool,
}

/// How one attempt ended.
enum AttemptEnd {
    Completed { response_id: Option<String>, usage: Option<TokenUsage> },
    Failed(ModelError),
    Stopped,
}

impl Turn {
    /// Requests the model's next answer, with retries, and adds the answer to the history.
    pub(crate) async fn sample(&self, failures: &mut u32) -> Result<Answer, TurnEnd> {
        let inference = self.inference();
        loop {
            self.unless_stopped(self.thread.pause.over()).await?;
            let (mut items, end) = self.attempt(&inference, None).await;
            match end {
                AttemptEnd::Completed { response_id, usage } => {
                    *failures = 0;
                    let answer = self.take_answer(items, true);
                    self.record_response(response_id, usage);
                    return Ok(answer);
                }
                AttemptEnd::Stopped => {
                    // Calls that will not be answered must not stay in the history.
                    items.retain(|item| item.is_message_of("assistant"));
                    self.take_answer(items, false);
                    return Err(TurnEnd::Interrupted);
                }
                AttemptEnd::Failed(error) => {
                    *failures += 1;
                    let answer = self.take_answer(without_trailing_reasoning(items), false);
                    if let Err(end) = self.wait_to_retry(*failures, &error).await {
                        // Providers refuse a history that contains a call without an output.
                        answer.calls.iter().for_each(|call| self.accept(call.output(&NOT_RUN.into())));
                        return Err(end);
                    }
                    if !answer.calls.is_empty() {
                        return Ok(answer);
                    }
                }
            }
        }
    }

    /// Asks a question about the history, and returns the text of the answer. Neither is added to the history.
    pub(crate) async fn ask(&self, question: Item) -> Result<String, TurnEnd> {
        let inference = self.inference();
        let mut failures = 0;
        loop {
            self.unless_stopped(self.thread.pause.over()).await?;
            let (items, end) = self.attempt(&inference, Some(&question)).await;
            match end {
                AttemptEnd::Completed { .. } => return Ok(items.iter().map(Item::message_text).collect()),
                AttemptEnd::Stopped => return Err(TurnEnd::Interrupted),
                AttemptEnd::Failed(error) => {
                    failures += 1;
                    self.wait_to_retry(failures, &error).await?;
                }
            }
        }
    }

    /// Waits before the next attempt, or fails if there is none.
    pub(crate) async fn wait_to_retry(&self, failures: u32, error: &ModelError) -> Result<(), TurnEnd> {
        let Some(delay) = self.thread.rollout.config.retries.delay(failures, error) else {
            return Err(TurnEnd::Failed(error.to_string()));
        };
        let message = EventMessage::Retrying { retry: failures, delay_ms: millis(delay), error: error.to_string() };
        self.emit(message);
        Ok(self.unless_stopped(self.thread.pause.sleep(delay)).await?)
    }

    fn inference(&self) -> InferenceTraceContext {
        let provider = self.thread.rollout.model.provider_name();
        self.trace().inference_trace_context(&*self.id, &*self.settings.model, provider)
    }

    /// Returns the body of a request with the history, followed by the question if there is one.
    fn request_body(&self, question: Option<&Item>) -> Vec<u8> {
        let thread = &self.thread;
        let mode = thread.rollout.config.history;
        let state = lock(&thread.state);
        let (previous, items) = match mode {
            HistoryMode::Whole => (None, state.history.items()),
            HistoryMode::PreviousResponse => state.history.since_last_response(),
        };
        let with_question: Vec<Item>;
        let input = match question {
            None => items,
            Some(question) => {
                with_question = items.iter().chain([question]).cloned().collect();
                &with_question
            }
        };
        let keep = mode == HistoryMode::PreviousResponse;
        let sealed = thread.rollout.config.sealed_reasoning;
        let instructions = self.instructions();
        let request =
            ResponseRequest::new(&self.settings, &instructions, (previous, input), &thread.tools, &thread.id, keep)
                .with_sealed_reasoning(sealed);
        serde_json::to_vec(&request).expect("a request has only string keys, and writing to memory cannot fail")
    }

    /// Sends one request, with a question if there is one, and records it from its start to its end.
    async fn attempt(&self, inference: &InferenceTraceContext, question: Option<&Item>) -> (Vec<Item>, AttemptEnd) {
        let body = self.request_body(question);
        let attempt = inference.start_attempt();
        attempt.record_started_body(&body);
        let mut items = Vec::new();
        let mut request_id = None;
        let emit = |message| {
            // The answer to an internal question is not published.
            if question.is_none() {
                self.emit(message);
            }
        };
        let end = self.unless_stopped(self.receive(&attempt, body, &mut items, &mut request_id, emit)).await;
        let request_id = request_id.as_deref();
        let partial = || items.iter().map(EvidenceOf).collect::<Vec<_>>();
        let end = match end {
            Ok(Ok((response_id, usage))) => {
                let ids = ResponseIds { response_id: response_id.as_deref(), upstream_request_id: request_id };
                attempt.record_completed(ids, usage.as_ref(), &Evidence(&items));
                AttemptEnd::Completed { response_id, usage }
            }
            Ok(Err(error)) => {
                attempt.record_failed(&error, request_id.or(error.upstream_request_id()), &partial());
                AttemptEnd::Failed(error)
            }
            Err(_) => {
                attempt.record_cancelled("the turn was stopped", request_id, &partial());
                AttemptEnd::Stopped
            }
        };
        (items, end)
    }

    /// Sends a request and receives its answer. `items` contains the items that have arrived, even if it fails.
    async fn receive(
        &self,
        attempt: &InferenceTraceAttempt,
        body: Vec<u8>,
        items: &mut Vec<Item>,
        request_id: &mut Option<String>,
        emit: impl Fn(EventMessage),
    ) -> Result<(Option<String>, Option<TokenUsage>), ModelError> {
        let thread = &self.thread;
        fault::point("request", &thread.path);
        let limit = thread.rollout.config.stream_idle_limit;
        let silent = || ModelError::silent(limit);
        let envelope = Envelope { agent_path: &thread.path, trace_header: attempt.request_header() };
        let opening = thread.rollout.model.stream(body, envelope);
        let mut stream = thread.pause.timeout(limit, opening).await.ok_or_else(silent)??;
        *request_id = stream.upstream_request_id.take();
        let mut call_ids = HashSet::new();
        let mut take = |item: Item, items: &mut Vec<Item>| {
            self.note_token();
            let call_id = item.text_field("call_id");
            if item.is_call() && !call_ids.insert(call_id.to_owned()) {
                // The outputs of the two calls could not be distinguished.
                return Err(ModelError::Unreadable(format!("two calls have the call_id {call_id:?}")));
            }
            if item.is_message_of("assistant") {
                emit(EventMessage::AgentMessage { text: item.message_text() });
            }
            items.push(item.with_id());
            Ok(())
        };
        loop {
            match thread.pause.timeout(limit, stream.next()).await.ok_or_else(silent)?? {
                ResponseEvent::TextDelta(delta) => {
                    self.note_token();
                    emit(EventMessage::AgentMessageDelta { delta });
                }
                ResponseEvent::ReasoningDelta(delta) => {
                    self.note_token();
                    emit(EventMessage::ReasoningDelta { delta });
                }
                ResponseEvent::Item(item) => take(item, items)?,
                ResponseEvent::Completed { response_id, usage, output } => {
                    if items.is_empty() {
                        output.into_iter().try_for_each(|value| take(model::item(value)?, items))?;
                    }
                    if items.is_empty() {
                        // The user would otherwise wait for an answer that has come.
                        emit(EventMessage::Warning { message: "the model's answer is empty".to_owned() });
                    }
                    return Ok((response_id, usage));
                }
                ResponseEvent::LeftOut(reason) => {
                    emit(EventMessage::Warning {
                        message: format!("the model's stream has an event that was left out: {reason}"),
                    });
                }
                ResponseEvent::Other => {}
            }
        }
    }

    /// Adds an answer's items to the history.
    fn take_answer(&self, items: Vec<Item>, is_complete: bool) -> Answer {
        let calls = items.iter().filter_map(Call::from_item).collect();
        let keeps_reasoning = self.thread.rollout.config.sealed_reasoning;
        let mut last_message = None;
        for item in items {
            if item.is_message_of("assistant") {
                last_message = Some(item.message_text());
            }
            if keeps_reasoning || !item.is_reasoning() {
                self.accept(item);
            }
        }
        Answer { calls, last_message, is_complete }
    }

    fn record_response(&self, response_id: Option<String>, usage: Option<TokenUsage>) {
        let mut state = lock(&self.thread.state);
        state.history.set_last_response(response_id);
        let Some(last) = usage else { return };
        state.usage.add(last.clone());
        let total = state.usage.total.clone();
        drop(state);
        self.emit(EventMessage::TokenCount { last, total });
    }
}

/// Removes reasoning at the end of an answer that broke off: providers refuse reasoning that no item follows.
fn without_trailing_reasoning(mut items: Vec<Item>) -> Vec<Item> {
    while items.last().is_some_and(Item::is_reasoning) {
        items.pop();
    }
    items
}
