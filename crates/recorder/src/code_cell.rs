//! Code cells.

use std::{
    collections::HashMap,
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rollout_trace_schema::{
    CellStatus, CodeCellEnded, CodeCellInitialResponse, CodeCellStarted, CodexTurnId, ModelVisibleCallId, PayloadKind,
    RuntimeCellId, document::CodeCellResponse,
};
use serde::Serialize;

use crate::{ThreadTraceContext, recorder::Recorder, thread::ThreadInner};

/// Records the life of one code cell. Clones are the same cell.
///
/// A cell may outlive the call that started it, and a later call may make another context for it. Each of its steps is
/// still recorded once. A cell that has no end when its thread ends is recorded as abandoned.
///
/// ```
/// use rollout_trace_recorder::CellStatus;
/// use serde_json::json;
///
/// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
/// let cell = trace.start_code_cell_trace("turn-1", "cell-1", "call_1", "text(1 + 1)");
/// cell.record_initial_response(CellStatus::Yielded, &json!({"cell_id": "cell-1"}));
///
/// // In a later call:
/// let cell = trace.code_cell_trace_context("turn-2", "cell-1");
/// cell.record_ended(CellStatus::Completed, &json!({"output": "2"}));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a cell has no end until the context records one"]
pub struct CodeCellTraceContext(Option<Arc<ContextInner>>);

#[derive(Debug)]
struct ContextInner {
    thread: Arc<ThreadInner>,
    codex_turn_id: CodexTurnId,
    runtime_cell_id: RuntimeCellId,
    steps: Arc<Steps>,
}

/// Which steps of a cell have been recorded.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    started: AtomicBool,
    responded: AtomicBool,
    ended: AtomicBool,
}

/// A thread's cells that have not ended.
#[derive(Debug, Default)]
pub(crate) struct OpenCells(HashMap<RuntimeCellId, Arc<Steps>>);

impl OpenCells {
    /// Takes the cells that were started and have not ended, in the order of their ids.
    pub(crate) fn take_open(&mut self) -> Vec<RuntimeCellId> {
        let mut open: Vec<_> =
            self.0.drain().filter(|(_, steps)| steps.started.load(Ordering::Acquire)).map(|(id, _)| id).collect();
        open.sort_unstable();
        open
    }
}

impl ThreadTraceContext {
    /// Records that a code cell begins to run. Takes the cell's id, the id of the model's call that it runs for, and
    /// its source.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let cell = trace.start_code_cell_trace("turn-1", "cell-1", "call_1", "text(1 + 1)");
    /// ```
    pub fn start_code_cell_trace(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        runtime_cell_id: impl Into<RuntimeCellId>,
        model_visible_call_id: impl Into<ModelVisibleCallId>,
        source_js: impl Into<String>,
    ) -> CodeCellTraceContext {
        let context = self.code_cell_trace_context(codex_turn_id, runtime_cell_id);
        context.record_started(model_visible_call_id, source_js);
        context
    }

    /// Makes a context for a cell that another call may have started. After a cell has ended, its id is that of the
    /// next cell.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let cell = trace.code_cell_trace_context("turn-2", "cell-1");
    /// ```
    pub fn code_cell_trace_context(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        runtime_cell_id: impl Into<RuntimeCellId>,
    ) -> CodeCellTraceContext {
        // A forked child must not touch the cells, because their lock may have been held during the fork.
        let inner = self.inner().filter(|inner| inner.recorder().is_some());
        CodeCellTraceContext(inner.map(|inner| {
            let runtime_cell_id = runtime_cell_id.into();
            let steps = Arc::clone(inner.open_cells().0.entry(runtime_cell_id.clone()).or_default());
            Arc::new(ContextInner {
                thread: Arc::clone(inner),
                codex_turn_id: codex_turn_id.into(),
                runtime_cell_id,
                steps,
            })
        }))
    }
}

impl CodeCellTraceContext {
    /// Returns a context that records nothing.
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Returns whether anything is recorded.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Records that the cell begins to run. Only the first call counts.
    pub fn record_started(&self, model_visible_call_id: impl Into<ModelVisibleCallId>, source_js: impl Into<String>) {
        let Some((inner, recorder)) = self.first(|steps| &steps.started) else { return };
        let event = CodeCellStarted {
            runtime_cell_id: inner.runtime_cell_id.clone(),
            model_visible_call_id: model_visible_call_id.into(),
            source_js: source_js.into(),
        };
        recorder.append(inner.thread.context(Some(&inner.codex_turn_id)), event);
    }

    /// Records the first answer that the model gets. Only the first call counts.
    pub fn record_initial_response<T: Serialize + ?Sized>(&self, status: CellStatus, response: &T) {
        let Some((inner, recorder)) = self.first(|steps| &steps.responded) else { return };
        let payload = recorder.prepare(PayloadKind::ToolResult, &CodeCellResponse { response });
        let event = CodeCellInitialResponse {
            runtime_cell_id: inner.runtime_cell_id.clone(),
            status,
            response_payload: Some(payload.reference()),
        };
        recorder.append_with(inner.thread.context(Some(&inner.codex_turn_id)), payload, event);
    }

    /// Records that the cell ended. Only the first call counts.
    pub fn record_ended<T: Serialize + ?Sized>(&self, status: CellStatus, response: &T) {
        let Some((inner, recorder)) = self.first(|steps| &steps.ended) else { return };
        let payload = recorder.prepare(PayloadKind::ToolResult, &CodeCellResponse { response });
        let event = CodeCellEnded {
            runtime_cell_id: inner.runtime_cell_id.clone(),
            status,
            response_payload: Some(payload.reference()),
        };
        recorder.append_with(inner.thread.context(Some(&inner.codex_turn_id)), payload, event);
        inner.thread.open_cells().0.remove(&inner.runtime_cell_id);
    }

    /// Claims a step. Returns `None` if tracing is off or the step is recorded.
    fn first(&self, step: impl FnOnce(&Steps) -> &AtomicBool) -> Option<(&ContextInner, &Recorder)> {
        let inner = self.0.as_ref()?;
        let recorder = inner.thread.recorder()?;
        (!step(&inner.steps).swap(true, Ordering::AcqRel)).then_some((&**inner, recorder))
    }
}

impl ThreadInner {
    pub(crate) fn open_cells(&self) -> MutexGuard<'_, OpenCells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
