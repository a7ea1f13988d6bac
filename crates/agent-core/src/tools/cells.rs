//! The tools for code cells, `exec` and `wait`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use rollout_trace_code_mode::{
    CellId, CellLimits, CellMessage, CellResponse, CodeModeSession, ContentItem, DEFAULT_YIELD_TIME, ExecuteRequest,
    RuntimeToolCallId, ToolCallError, WaitOutcome, WaitRequest, parse_exec_source,
};
use rollout_trace_recorder::{CellStatus, CodeCellTraceContext};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{
    Call, Dispatch, Outcome, ToolError,
    call::{Input, Requester},
    describe,
};
use crate::{EventMessage, Item, fault, guard::guarded, lock::lock, thread::Thread, turn::Turn};

/// The yield time that the session is given. Cells yield by the thread's clock instead, which stops during pauses.
const NEVER: Duration = Duration::MAX;

/// A thread's code cells.
pub(crate) struct Cells {
    session: CodeModeSession,
    /// The values that cells have stored for later cells.
    stored: Mutex<Map<String, Value>>,
    open: Mutex<HashMap<CellId, OpenCell>>,
    /// Asks for a reply once all messages of cells so far have been handled.
    barriers: mpsc::UnboundedSender<oneshot::Sender<()>>,
    /// The running tool calls of cells.
    calls: TaskTracker,
    /// The latest turn, to which the tool calls of all cells belong, including cells that an earlier turn has started.
    turn: Mutex<Option<Arc<Turn>>>,
}

/// A cell whose end has not been recorded.
#[derive(Clone)]
struct OpenCell {
    trace: CodeCellTraceContext,
    /// Stops the cell's tool calls.
    stop: CancellationToken,
}

#[derive(Deserialize)]
struct WaitArguments {
    cell_id: String,
    yield_time_ms: Option<u64>,
    max_output_tokens: Option<usize>,
    #[serde(default)]
    terminate: bool,
}

impl Cells {
    /// Returns a store without cells, and the source of its cells' messages.
    pub(crate) fn new() -> (Self, CellMessages) {
        let (session, messages) = CodeModeSession::new(CellLimits::default());
        let (barriers, received_barriers) = mpsc::unbounded_channel();
        let (stored, open, turn) = (Mutex::default(), Mutex::default(), Mutex::default());
        let cells = Self { session, stored, open, barriers, calls: TaskTracker::new(), turn };
        (cells, CellMessages { messages, barriers: received_barriers })
    }

    /// Returns whether any cell is running.
    pub(crate) fn are_running(&self) -> bool {
        !self.session.is_idle()
    }

    /// Waits until no cell is running.
    pub(crate) async fn idle(&self) {
        self.session.idle().await;
    }

    pub(crate) fn set_turn(&self, turn: &Arc<Turn>) {
        *lock(&self.turn) = Some(Arc::clone(turn));
    }

    /// Waits until all messages of cells so far have been handled: a cell's response must not overtake its
    /// notifications.
    async fn messages_handled(&self) {
        let (reply, handled) = oneshot::channel();
        if self.barriers.send(reply).is_ok() {
            // An error means that messages are no longer handled.
            let _ = handled.await;
        }
    }

    /// Returns the current state of a cell without waiting.
    async fn poll(&self, cell: &CellId, max_output_tokens: Option<usize>) -> WaitOutcome {
        let now = WaitRequest { yield_time: Some(Duration::ZERO), max_output_tokens, ..WaitRequest::new(cell.clone()) };
        self.session.wait(now).await
    }

    /// Terminates every cell, and waits until its end and the ends of its calls are recorded.
    pub(crate) async fn terminate_all(&self) {
        let mut open: Vec<CellId> = lock(&self.open).keys().cloned().collect();
        open.sort();
        for cell in open {
            if let WaitOutcome::Cell(response) = self.session.wait(WaitRequest::terminate(cell.clone())).await {
                self.record(&response, Some(CellStatus::Terminated));
            }
            self.close(&cell, CellStatus::Terminated, &json!({"Terminated": {"cell_id": cell, "content_items": []}}));
        }
        self.calls.close();
        self.calls.wait().await;
        self.calls.reopen();
    }

    /// Terminates every cell. No cell can start after this.
    pub(crate) async fn shut_down(&self) {
        self.terminate_all().await;
        self.session.shutdown().await;
        *lock(&self.turn) = None;
    }

    /// Records a cell's response. `forced` replaces the status of the response: a cell that ended by itself just before
    /// its turn terminated it is recorded as terminated.
    fn record(&self, response: &CellResponse, forced: Option<CellStatus>) {
        let document = document(response);
        let (cell, status) = match response {
            CellResponse::Yielded { cell_id, .. } => (cell_id, CellStatus::Yielded),
            CellResponse::Terminated { cell_id, .. } => (cell_id, CellStatus::Terminated),
            CellResponse::Result { cell_id, stored_values, error_text, .. } => {
                lock(&self.stored).extend(stored_values.clone());
                let status = if error_text.is_some() { CellStatus::Failed } else { CellStatus::Completed };
                (cell_id, status)
            }
        };
        let status = forced.unwrap_or(status);
        if let Some(open) = lock(&self.open).get(cell) {
            open.trace.record_initial_response(status.clone(), &document);
        }
        if !matches!(response, CellResponse::Yielded { .. }) {
            self.close(cell, status, &document);
        }
    }

    /// Records a cell's end, unless it has already been recorded.
    fn close(&self, cell: &CellId, status: CellStatus, document: &Value) {
        let open = lock(&self.open).remove(cell);
        if let Some(open) = open {
            open.stop.cancel();
            open.trace.record_ended(status, document);
        }
    }
}

/// The source of the messages of a thread's cells.
pub(crate) struct CellMessages {
    messages: mpsc::UnboundedReceiver<CellMessage>,
    barriers: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
}

/// Handles the messages of a thread's cells until the thread is gone.
pub(crate) async fn serve_cells(thread: Weak<Thread>, mut cells: CellMessages) {
    loop {
        tokio::select! {
            // Messages come first, so that a reply to a barrier means that no message is waiting.
            biased;
            message = cells.messages.recv() => match (message, thread.upgrade()) {
                (Some(message), Some(thread)) => {
                    let call = match &message {
                        CellMessage::ToolCall { cell_id, tool_call_id, .. } => Some((cell_id.clone(), tool_call_id.clone())),
                        CellMessage::Notification { .. } => None,
                    };
                    // The messages after this one must be handled in any case.
                    if let Err(panicked) = guarded(async { serve(Arc::clone(&thread), message) }).await {
                        if let Some((cell, call)) = call {
                            thread.cells.session.answer(&cell, &call, Err(ToolCallError::new(panicked.to_string())));
                        }
                        thread.emit(None, None, EventMessage::Warning { message: panicked.to_string() });
                    }
                }
                _ => return,
            },
            // An error means that the waiting call has been stopped.
            Some(reply) = cells.barriers.recv() => drop(reply.send(())),
        }
    }
}

fn serve(thread: Arc<Thread>, message: CellMessage) {
    fault::point("cell message", &thread.path);
    match message {
        CellMessage::ToolCall { cell_id, tool_call_id, name, namespace, input } => {
            let call = Call {
                id: format!("exec-{}", Uuid::now_v7()),
                name,
                namespace,
                input: match input {
                    Value::String(text) => Input::Custom(text),
                    input => Input::Function(input.to_string()),
                },
                is_incomplete: false,
                requester: Requester::Cell { cell: cell_id.clone(), call: tool_call_id.clone() },
            };
            serve_call(thread, &cell_id, tool_call_id, call);
        }
        CellMessage::Notification { call_id, text, .. } => {
            lock(&thread.state).notifications.push(Item::notification(&call_id, text));
        }
    }
}

fn serve_call(thread: Arc<Thread>, cell: &CellId, runtime_call: RuntimeToolCallId, call: Call) {
    let stop = lock(&thread.cells.open).get(cell).map(|open| open.stop.clone());
    let turn = lock(&thread.cells.turn).clone();
    // The cell has ended in the meantime.
    let (Some(stop), Some(turn)) = (stop, turn) else { return };
    let dispatch = Dispatch::begin_until(&turn, call, stop);
    let cell = cell.clone();
    thread.cells.calls.clone().spawn(async move {
        let answer = dispatch.answer_cell_or_fail().await;
        // An error means that the cell has ended in the meantime.
        thread.cells.session.answer(&cell, &runtime_call, answer);
    });
}

impl Dispatch {
    pub(super) async fn exec_cell(&self) -> Result<Outcome, ToolError> {
        let thread = &self.turn.thread;
        let cells = &thread.cells;
        let source = parse_exec_source(self.call().text()).map_err(ToolError::failed)?;
        let cell_id = cells.session.next_cell_id();
        let trace = self.turn.trace().start_code_cell_trace(
            &*self.turn.id,
            cell_id.as_str(),
            self.call().model_call_id(),
            source.source.as_str(),
        );
        let open = OpenCell { trace, stop: CancellationToken::new() };
        lock(&cells.open).insert(cell_id.clone(), open);
        let request = ExecuteRequest {
            cell_id: cell_id.clone(),
            tool_call_id: self.call().model_call_id().to_owned(),
            enabled_tools: describe::for_cells(&thread.rollout),
            source: source.source,
            stored_values: lock(&cells.stored).clone(),
            yield_time: Some(NEVER),
            max_output_tokens: source.max_output_tokens,
        };
        let began = Instant::now();
        let patience = source.yield_time.unwrap_or(DEFAULT_YIELD_TIME);
        let executed = async {
            match thread.pause.timeout(patience, cells.session.execute(request)).await {
                Some(executed) => executed,
                None => Ok(match cells.poll(&cell_id, source.max_output_tokens).await {
                    WaitOutcome::Cell(response) => response,
                    // Another call has terminated the cell and received its output.
                    WaitOutcome::Missing(cell_id) => CellResponse::Terminated { cell_id, content: Vec::new() },
                }),
            }
        };
        match self.unless_stopped(executed).await? {
            Ok(response) => {
                cells.messages_handled().await;
                cells.record(&response, None);
                Ok(outcome(&response, began.elapsed()))
            }
            Err(error) => {
                cells.close(&cell_id, CellStatus::Failed, &json!({"error": error.to_string()}));
                Err(ToolError::failed(error))
            }
        }
    }

    pub(super) async fn wait_for_cell(&self) -> Result<Outcome, ToolError> {
        let arguments: WaitArguments = self.call().arguments()?;
        let Thread { cells, pause, .. } = &*self.turn.thread;
        let cell = CellId::from(arguments.cell_id);
        let trace = self.turn.trace();
        trace.record_code_cell_wait_target_resolved(&*self.turn.id, &*self.call().id, cell.as_str());
        let max_output_tokens = arguments.max_output_tokens;
        let patience = arguments.yield_time_ms.map_or(DEFAULT_YIELD_TIME, Duration::from_millis);
        let request = WaitRequest {
            cell_id: cell.clone(),
            yield_time: Some(NEVER),
            max_output_tokens,
            terminate: arguments.terminate,
        };
        let began = Instant::now();
        let waited = async {
            match pause.timeout(patience, cells.session.wait(request)).await {
                Some(outcome) => outcome,
                None => cells.poll(&cell, max_output_tokens).await,
            }
        };
        match self.unless_stopped(waited).await? {
            WaitOutcome::Cell(response) => {
                cells.messages_handled().await;
                cells.record(&response, None);
                Ok(outcome(&response, began.elapsed()))
            }
            WaitOutcome::Missing(cell) => Err(ToolError::Failed(format!("cell {cell} is not running"))),
        }
    }
}

/// Returns a cell's response in the form that the trace records.
fn document(response: &CellResponse) -> Value {
    match response {
        CellResponse::Yielded { cell_id, content } => {
            json!({"Yielded": {"cell_id": cell_id, "content_items": content}})
        }
        CellResponse::Terminated { cell_id, content } => {
            json!({"Terminated": {"cell_id": cell_id, "content_items": content}})
        }
        CellResponse::Result { cell_id, content, error_text, .. } => {
            json!({"Result": {"cell_id": cell_id, "content_items": content, "error_text": error_text}})
        }
    }
}

/// Returns a cell's response as the outcome of a call.
fn outcome(response: &CellResponse, took: Duration) -> Outcome {
    let (head, content, error) = match response {
        CellResponse::Yielded { cell_id, content } => (format!("Script running with cell ID {cell_id}"), content, None),
        CellResponse::Terminated { content, .. } => ("Script terminated".to_owned(), content, None),
        CellResponse::Result { content, error_text: None, .. } => ("Script completed".to_owned(), content, None),
        CellResponse::Result { content, error_text, .. } => ("Script failed".to_owned(), content, error_text.as_ref()),
    };
    let head = ContentItem::text(format!("{head}\nWall time {:.1} seconds\nOutput:\n", took.as_secs_f64()));
    let error = error.map(|error| ContentItem::text(format!("Script error:\n{error}")));
    let parts: Vec<Value> = [&head].into_iter().chain(content).chain(&error).map(|part| json!(part)).collect();
    Outcome { output: parts.into(), value: document(response), success: error.is_none() }
}
