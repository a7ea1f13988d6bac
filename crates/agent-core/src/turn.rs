//! A turn: an input, and all the work that it causes.

use std::{
    future::Future,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use rollout_trace_recorder::{ExecutionStatus, ThreadTraceContext};
use tokio_util::sync::CancellationToken;

use crate::{
    AbortReason, EventMessage, Item, TurnSettings, TurnTimings, UserInput,
    event::millis,
    fault,
    guard::{END_LIMIT, guarded, guarded_within},
    lock::lock,
    thread::{State, Thread},
    tools::{Call, Dispatch},
};

/// The output of a call that was still open when its turn failed.
const NOT_FINISHED: &str = "not finished: the turn failed";

/// One turn of a thread.
pub(crate) struct Turn {
    pub(crate) thread: Arc<Thread>,
    pub(crate) id: String,
    pub(crate) submission_id: Option<String>,
    pub(crate) settings: TurnSettings,
    /// Stops the turn.
    pub(crate) cancel: CancellationToken,
    /// Why the turn was stopped, if it was.
    stopped: OnceLock<AbortReason>,
    began: Instant,
    began_at_unix_ms: u64,
    time_to_first_token_ms: OnceLock<u64>,
    is_ended: AtomicBool,
}

/// The purpose of a turn.
pub(crate) enum Work {
    /// Answers the user's input or, if there is none, the messages in the mailbox.
    Answer(Vec<UserInput>),
    /// Compacts the history.
    Compaction,
}

/// How a turn ended.
#[derive(Debug)]
pub(crate) enum TurnEnd {
    Completed { last_agent_message: Option<String> },
    Interrupted,
    Failed(String),
}

/// The turn or call was stopped before the awaited work was done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped;

impl From<Stopped> for TurnEnd {
    fn from(_: Stopped) -> Self {
        Self::Interrupted
    }
}

impl Turn {
    pub(crate) fn new(
        thread: &Arc<Thread>,
        id: String,
        submission_id: Option<String>,
        settings: TurnSettings,
    ) -> Arc<Self> {
        let began_at_unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis);
        Arc::new(Self {
            thread: Arc::clone(thread),
            id,
            submission_id,
            settings,
            cancel: CancellationToken::new(),
            stopped: OnceLock::new(),
            began: Instant::now(),
            began_at_unix_ms,
            time_to_first_token_ms: OnceLock::new(),
            is_ended: AtomicBool::new(false),
        })
    }

    pub(crate) fn trace(&self) -> &ThreadTraceContext {
        &self.thread.trace
    }

    pub(crate) fn emit(&self, message: EventMessage) {
        self.thread.emit(self.submission_id.as_deref(), Some(&self.id), message);
    }

    pub(crate) fn accept(&self, item: Item) {
        self.thread.accept(Some(&self.id), item);
    }

    /// Returns the instructions to the model, including this turn's working folder.
    pub(crate) fn instructions(&self) -> String {
        format!("{} Your working folder is {}.", self.thread.instructions, self.settings.cwd.display())
    }

    /// Stops the turn. Only the first reason counts.
    pub(crate) fn stop(&self, reason: AbortReason) {
        self.stopped.get_or_init(|| reason);
        self.cancel.cancel();
    }

    /// Records that a piece of an answer has arrived.
    pub(crate) fn note_token(&self) {
        self.time_to_first_token_ms.get_or_init(|| millis(self.began.elapsed()));
    }

    /// Waits for a future until the turn is stopped.
    pub(crate) async fn unless_stopped<F: Future>(&self, future: F) -> Result<F::Output, Stopped> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stopped),
            output = future => Ok(output),
        }
    }

    /// Records the turn's start, and does its work. A panic in it is a failure.
    pub(crate) async fn run(self: &Arc<Self>, work: Work) -> TurnEnd {
        self.trace().record_codex_turn_started(&*self.id);
        self.emit(EventMessage::TurnStarted);
        let work = async {
            match work {
                Work::Answer(input) => self.answer(&input).await,
                Work::Compaction => self.compact().await.map(|()| None),
            }
        };
        match guarded(work).await {
            Ok(Ok(last_agent_message)) => TurnEnd::Completed { last_agent_message },
            Ok(Err(end)) => end,
            Err(panicked) => TurnEnd::Failed(panicked.to_string()),
        }
    }

    /// Stops what belongs to the turn, and records its end.
    pub(crate) async fn finish(&self, end: &TurnEnd) {
        if let Err(error) = guarded_within(END_LIMIT, self.close()).await {
            self.emit(EventMessage::Warning { message: format!("the turn has left code cells behind: {error}") });
        }
        if !matches!(end, TurnEnd::Completed { .. }) {
            self.answer_open_calls();
        }
        self.record_end(end);
    }

    /// Records the turn's end, once.
    pub(crate) fn record_end(&self, end: &TurnEnd) {
        fault::point("turn end", &self.thread.path);
        if self.is_ended.swap(true, Ordering::Relaxed) {
            return;
        }
        lock(&self.thread.state).running = None;
        let timings = TurnTimings {
            started_at_unix_ms: self.began_at_unix_ms,
            duration_ms: millis(self.began.elapsed()),
            time_to_first_token_ms: self.time_to_first_token_ms.get().copied(),
        };
        let (status, message) = match &end {
            TurnEnd::Completed { last_agent_message } => (
                ExecutionStatus::Completed,
                EventMessage::TurnComplete { last_agent_message: last_agent_message.clone(), timings },
            ),
            TurnEnd::Interrupted => {
                let reason = self.stopped.get().copied().unwrap_or(AbortReason::Interrupted);
                (ExecutionStatus::Cancelled, EventMessage::TurnAborted { reason, timings })
            }
            TurnEnd::Failed(error) => {
                self.emit(EventMessage::Error { message: error.clone() });
                (ExecutionStatus::Failed, EventMessage::TurnAborted { reason: AbortReason::Failed, timings })
            }
        };
        self.trace().record_codex_turn_ended(&*self.id, status);
        self.emit(message);
    }

    /// Calls the model and runs its tool calls until the model is done.
    async fn answer(self: &Arc<Self>, input: &[UserInput]) -> Result<Option<String>, TurnEnd> {
        if !input.is_empty() {
            self.accept_from_outside(Item::user_message(input.iter().map(UserInput::content_part).collect()));
        }
        let mut last_agent_message = None;
        let mut failures = 0;
        loop {
            self.accept_pending();
            if self.is_compaction_due() {
                self.compact().await?;
            }
            let answer = self.sample(&mut failures).await?;
            last_agent_message = answer.last_message.or(last_agent_message);
            let has_calls = !answer.calls.is_empty();
            self.run_calls(answer.calls).await;
            if self.cancel.is_cancelled() {
                return Err(TurnEnd::Interrupted);
            }
            if answer.is_complete && !has_calls && !self.has_more_input() {
                return Ok(last_agent_message);
            }
        }
    }

    /// Runs tool calls concurrently, and adds their outputs to the history in the order of the calls.
    async fn run_calls(self: &Arc<Self>, calls: Vec<Call>) {
        if calls.is_empty() {
            return;
        }
        lock(&self.thread.state).waits.others_will_begin = true;
        // They begin one after another, so that the trace has them in the model's order.
        let begun: Vec<_> = calls.into_iter().map(|call| Dispatch::begin(self, call)).collect();
        // In a single task, each call runs up to its first wait before the next one starts. A model that patches a file
        // and runs a command on it, or that spawns an agent and waits for it, relies on this order.
        let running = begun.into_iter().map(|dispatch| dispatch.answer_model_or_fail().map(Some).boxed());
        let turn = Arc::clone(self);
        let all_have_begun = async move {
            lock(&turn.thread.state).waits.others_will_begin = false;
            turn.thread.rollout.end_stalled_waits();
            None
        };
        let mut running: FuturesOrdered<BoxFuture<'static, Option<Item>>> =
            running.chain([all_have_begun.boxed()]).collect();
        while let Some(answer) = running.next().await {
            answer.into_iter().for_each(|answer| self.accept(answer));
        }
    }

    /// Adds to the history what arrived while the model was busy.
    fn accept_pending(&self) {
        let (notifications, steered, mail) = {
            let mut state = lock(&self.thread.state);
            let State { notifications, steered, mailbox, .. } = &mut *state;
            (std::mem::take(notifications), std::mem::take(steered), std::mem::take(mailbox))
        };
        notifications.into_iter().map(|item| self.with_known_call(item)).for_each(|item| self.accept(item));
        steered.into_iter().for_each(|item| self.accept_from_outside(item));
        mail.into_iter().for_each(|mail| self.thread.accept_mail(&self.id, mail));
    }

    /// Adds an item to the history, and publishes an event if it is a user message.
    fn accept_from_outside(&self, item: Item) {
        if item.is_message_of("user") {
            self.emit(EventMessage::UserMessage { text: item.message_text() });
        }
        self.accept(item);
    }

    /// Returns a notification unchanged, or its text as a message if a compaction has removed the call that it belongs
    /// to.
    fn with_known_call(&self, notification: Item) -> Item {
        let call_id = notification.text_field("call_id");
        let state = lock(&self.thread.state);
        let mut calls = state.history.items().iter().filter(|item| item.kind() == "custom_tool_call");
        if calls.any(|call| call.text_field("call_id") == call_id) {
            return notification;
        }
        Item::user_text(&format!("A code cell that is still running says: {}", notification.text_field("output")))
    }

    /// Returns whether more input has arrived for this turn since its last request. If not, the turn takes no more
    /// input.
    fn has_more_input(&self) -> bool {
        let mut state = lock(&self.thread.state);
        let has_more = !state.steered.is_empty() || state.mailbox.iter().any(|mail| mail.starts_turn);
        if !has_more {
            state.running = None;
        }
        has_more
    }

    /// Answers the calls in the history that have no output: providers refuse a history with such a call.
    fn answer_open_calls(&self) {
        let mut open: Vec<Item> = Vec::new();
        for item in lock(&self.thread.state).history.items() {
            let call_id = item.text_field("call_id");
            if item.is_call() {
                open.push(item.clone());
            } else if item.is_output()
                && let Some(place) = open.iter().position(|call| call.text_field("call_id") == call_id)
            {
                open.remove(place);
            }
        }
        let calls = open.iter().filter_map(Call::from_item);
        calls.for_each(|call| self.accept(call.output(&NOT_FINISHED.into())));
    }

    /// Ends the turn, however it went. If the turn was stopped, stops its cells as well.
    async fn close(&self) {
        let late = {
            let mut state = lock(&self.thread.state);
            state.running = None;
            std::mem::take(&mut state.steered)
        };
        // This turn sends no more requests, so the input goes into the history for the next turn.
        late.into_iter().for_each(|item| self.accept_from_outside(item));
        if self.cancel.is_cancelled() {
            self.thread.cells.terminate_all().await;
        }
    }
}
