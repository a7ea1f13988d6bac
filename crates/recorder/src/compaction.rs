//! Compactions of a thread's history.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rollout_trace_schema::{
    CodexTurnId, CompactionId, CompactionInstalled, CompactionRequestCompleted, CompactionRequestFailed,
    CompactionRequestId, CompactionRequestStarted, PayloadKind, document::CompactionResponse,
};
use serde::Serialize;

use crate::{ThreadTraceContext, recorder::Recorder, thread::ThreadInner};

/// Records one compaction: any number of attempts, then the checkpoint that replaces the old history.
///
/// A local compaction, which asks no endpoint, has no attempts.
///
/// ```
/// use rollout_trace_recorder::CompactionCheckpointTracePayload;
/// use serde_json::json;
///
/// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
/// let before = [json!({"type": "message", "role": "user", "content": "a long history"})];
/// let after = [json!({"type": "compaction", "encrypted_content": "…"})];
///
/// let compaction = trace.compaction_trace_context("turn-1", None, "gpt-5.2-codex", "openai");
/// let attempt = compaction.start_attempt(&json!({"model": "gpt-5.2-codex", "input": before}));
/// attempt.record_completed(&after);
/// compaction.record_installed(&CompactionCheckpointTracePayload::new(&before, &after));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "only the calls of the context record anything"]
pub struct CompactionTraceContext(Option<Arc<ContextInner>>);

#[derive(Debug)]
struct ContextInner {
    thread: Arc<ThreadInner>,
    codex_turn_id: CodexTurnId,
    compaction_id: CompactionId,
    model: String,
    provider_name: String,
    installed: AtomicBool,
}

/// Records one request for a compaction and how it ended. Clones are the same attempt, which ends once.
///
/// ```
/// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
/// # let compaction = trace.compaction_trace_context("turn-1", None, "gpt-5.2-codex", "openai");
/// let attempt = compaction.start_attempt(&serde_json::json!({"input": []}));
/// attempt.record_failed("503 overloaded");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "an attempt that is dropped without an end is recorded as failed"]
pub struct CompactionTraceAttempt(Option<Arc<AttemptInner>>);

#[derive(Debug)]
struct AttemptInner {
    context: Arc<ContextInner>,
    compaction_request_id: CompactionRequestId,
    ended: AtomicBool,
}

/// A history before and after its compaction.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CompactionCheckpointTracePayload<'c, Before: ?Sized, After: ?Sized = Before> {
    /// The history that was compacted.
    pub input_history: &'c Before,
    /// The history that replaces it.
    pub replacement_history: &'c After,
}

impl<'c, Before: ?Sized, After: ?Sized> CompactionCheckpointTracePayload<'c, Before, After> {
    /// Makes the checkpoint of a compaction.
    pub fn new(input_history: &'c Before, replacement_history: &'c After) -> Self {
        Self { input_history, replacement_history }
    }
}

impl ThreadTraceContext {
    /// Makes the context for one compaction. If the agent core passes no id, the recorder mints one.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let compaction = trace.compaction_trace_context("turn-1", None, "gpt-5.2-codex", "openai");
    /// ```
    pub fn compaction_trace_context(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        compaction_id: Option<&str>,
        model: impl Into<String>,
        provider_name: impl Into<String>,
    ) -> CompactionTraceContext {
        CompactionTraceContext(self.inner().and_then(|inner| {
            let recorder = inner.recorder()?;
            let compaction_id = compaction_id.map_or_else(|| CompactionId::from(recorder.mint()), CompactionId::from);
            Some(Arc::new(ContextInner {
                thread: Arc::clone(inner),
                codex_turn_id: codex_turn_id.into(),
                compaction_id,
                model: model.into(),
                provider_name: provider_name.into(),
                installed: AtomicBool::new(false),
            }))
        }))
    }
}

impl CompactionTraceContext {
    /// Returns a context that records nothing.
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Returns whether anything is recorded.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the compaction's id, or `None` if tracing is off.
    pub fn compaction_id(&self) -> Option<&CompactionId> {
        self.0.as_ref().map(|inner| &inner.compaction_id)
    }

    /// Records that a request for the compaction is sent.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let compaction = trace.compaction_trace_context("turn-1", None, "gpt-5.2-codex", "openai");
    /// let attempt = compaction.start_attempt(&serde_json::json!({"input": []}));
    /// ```
    pub fn start_attempt<T: Serialize + ?Sized>(&self, request: &T) -> CompactionTraceAttempt {
        let Some((context, recorder)) = self.enabled() else { return CompactionTraceAttempt(None) };
        let compaction_request_id = CompactionRequestId::from(recorder.mint_compaction_request());
        let payload = recorder.prepare_relative(PayloadKind::CompactionRequest, request, &context.thread.compare);
        let event = CompactionRequestStarted {
            compaction_id: context.compaction_id.clone(),
            compaction_request_id: compaction_request_id.clone(),
            thread_id: context.thread.thread_id.clone(),
            codex_turn_id: context.codex_turn_id.clone(),
            model: context.model.clone(),
            provider_name: context.provider_name.clone(),
            request_payload: payload.reference(),
        };
        recorder.append_with(context.thread.context(Some(&context.codex_turn_id)), payload, event);
        let ended = AtomicBool::new(false);
        let context = Arc::clone(context);
        CompactionTraceAttempt(Some(Arc::new(AttemptInner { context, compaction_request_id, ended })))
    }

    /// Records that the compacted history replaced the old one. Only the first call counts.
    ///
    /// ```
    /// use rollout_trace_recorder::CompactionCheckpointTracePayload;
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// # let compaction = trace.compaction_trace_context("turn-1", None, "gpt-5.2-codex", "openai");
    /// compaction.record_installed(&CompactionCheckpointTracePayload::new(&["before"], &["after"]));
    /// ```
    pub fn record_installed<Before: Serialize + ?Sized, After: Serialize + ?Sized>(
        &self,
        checkpoint: &CompactionCheckpointTracePayload<'_, Before, After>,
    ) {
        let Some((context, recorder)) = self.enabled() else { return };
        if context.installed.swap(true, Ordering::AcqRel) {
            return;
        }
        let payload = recorder.prepare_relative(PayloadKind::CompactionCheckpoint, checkpoint, &context.thread.compare);
        let event = CompactionInstalled {
            compaction_id: context.compaction_id.clone(),
            checkpoint_payload: payload.reference(),
        };
        recorder.append_with(context.thread.context(Some(&context.codex_turn_id)), payload, event);
    }

    fn enabled(&self) -> Option<(&Arc<ContextInner>, &Recorder)> {
        let context = self.0.as_ref()?;
        Some((context, context.thread.recorder()?))
    }
}

impl CompactionTraceAttempt {
    /// Returns an attempt that records nothing.
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Returns whether anything is recorded.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the id of the request, or `None` if tracing is off.
    pub fn compaction_request_id(&self) -> Option<&CompactionRequestId> {
        self.0.as_ref().map(|inner| &inner.compaction_request_id)
    }

    /// Records the answer. `output_items` serializes as an array.
    pub fn record_completed<T: Serialize + ?Sized>(&self, output_items: &T) {
        let Some((inner, recorder)) = self.ending() else { return };
        let document = CompactionResponse { output_items, unknown: serde_json::Map::new() };
        let payload = recorder.prepare(PayloadKind::CompactionResponse, &document);
        let event = CompactionRequestCompleted {
            compaction_id: inner.context.compaction_id.clone(),
            compaction_request_id: inner.compaction_request_id.clone(),
            response_payload: payload.reference(),
        };
        recorder.append_with(inner.context.thread.context(Some(&inner.context.codex_turn_id)), payload, event);
    }

    /// Records that the request failed.
    pub fn record_failed(&self, error: impl Display) {
        if let Some((inner, recorder)) = self.ending() {
            inner.fail(recorder, recorder.displayed(error));
        }
    }

    /// Records the answer or what went wrong.
    pub fn record_result<T: Serialize, E: Display>(&self, result: Result<&[T], &E>) {
        match result {
            Ok(output_items) => self.record_completed(output_items),
            Err(error) => self.record_failed(error),
        }
    }

    /// Claims the attempt's end. Returns `None` if tracing is off or the attempt has ended.
    fn ending(&self) -> Option<(&AttemptInner, &Recorder)> {
        let inner = self.0.as_ref()?;
        let recorder = inner.context.thread.recorder()?;
        (!inner.ended.swap(true, Ordering::AcqRel)).then_some((&**inner, recorder))
    }
}

impl AttemptInner {
    fn fail(&self, recorder: &Recorder, error: String) {
        let event = CompactionRequestFailed {
            compaction_id: self.context.compaction_id.clone(),
            compaction_request_id: self.compaction_request_id.clone(),
            error,
        };
        recorder.append(self.context.thread.context(Some(&self.context.codex_turn_id)), event);
    }
}

impl Drop for AttemptInner {
    fn drop(&mut self) {
        if !*self.ended.get_mut()
            && let Some(recorder) = self.context.thread.recorder()
        {
            self.fail(recorder, "abandoned: the attempt was dropped before its end was recorded".to_owned());
        }
    }
}
