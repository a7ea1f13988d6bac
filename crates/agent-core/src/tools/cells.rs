//! Code cells: `exec` and `wait`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use rollout_trace_code_mode::{
    CellId, CellLimits, CellMessage, CellResponse, CodeModeSession, ContentItem, DEFAULT_YIELD_TIME, ExecuteRequest,
    RuntimeToolCallId, WaitOutcome, WaitRequest, parse_exec_source,
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
use crate::{Item, lock::lock, thread::Thread, turn::Turn};

/// When a cell yields by the session's clock. It yields by the thread's, which stands still during pauses.
const NEVER: Duration = Duration::MAX;

/// A thread's code cells.
pub(crate) struct Cells {
    session: CodeModeSession,
    /// What cells have stored for later ones.
    stored: Mutex<Map<String, Value>>,
    open: Mutex<HashMap<CellId, OpenCell>>,
    /// Asks whether everything that cells have said is heard.
    pending: mpsc::UnboundedSender<oneshot::Sender<()>>,
    /// The calls of tools that cells have made and that have not ended.
    calls: TaskTracker,
    /// The latest turn: what a cell does belongs to it, also where the cell has outlived it.
    turn: Mutex<Option<Arc<Turn>>>,
}

/// A cell whose end has not been seen.
#[derive(Clone)]
struct OpenCell {
    trace: CodeCellTraceContext,
    /// Stops what the cell has called.
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
    /// No cells yet, and where their messages will come from.
    pub(crate) fn new() -> (Self, CellMessages) {
        let (session, messages) = CodeModeSession::new(CellLimits::default());
        let (pending, questions) = mpsc::unbounded_channel();
        let (stored, open, turn) = (Mutex::default(), Mutex::default(), Mutex::default());
        let cells = Self { session, stored, open, pending, calls: TaskTracker::new(), turn };
        (cells, CellMessages { messages, questions })
    }

    pub(crate) fn note_turn(&self, turn: &Arc<Turn>) {
        *lock(&self.turn) = Some(Arc::clone(turn));
    }

    /// Returns when everything that cells have said so far is heard: a cell's response must not overtake its notifications.
    async fn heard(&self) {
        let (answer, heard) = oneshot::channel();
        if self.pending.send(answer).is_ok() {
            // Without an answer there is nobody to hear anything any more.
            let _ = heard.await;
        }
    }

    /// How far a cell has come.
    async fn look(&self, cell: &CellId, max_output_tokens: Option<usize>) -> WaitOutcome {
        let now = WaitRequest { yield_time: Some(Duration::ZERO), max_output_tokens, ..WaitRequest::new(cell.clone()) };
        self.session.wait(now).await
    }

    /// Terminates every cell, and returns when its end and those of its calls are recorded.
    pub(crate) async fn terminate_all(&self) {
        let mut open: Vec<CellId> = lock(&self.open).keys().cloned().collect();
        open.sort();
        for cell in open {
            if let WaitOutcome::Cell(response) = self.session.wait(WaitRequest::terminate(cell.clone())).await {
                self.note(&response, Some(CellStatus::Terminated));
            }
            self.close(&cell, CellStatus::Terminated, &json!({"Terminated": {"cell_id": cell, "content_items": []}}));
        }
        self.calls.close();
        self.calls.wait().await;
        self.calls.reopen();
    }

    /// Terminates every cell, and takes no more.
    pub(crate) async fn shut_down(&self) {
        self.terminate_all().await;
        self.session.shutdown().await;
        *lock(&self.turn) = None;
    }

    /// Notes how far a cell has come, and records what is new in that. A cell that came to its own end before it could be
    /// terminated has still been terminated, as far as its turn is concerned.
    fn note(&self, response: &CellResponse, forced: Option<CellStatus>) {
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

    /// Records a cell's end, once.
    fn close(&self, cell: &CellId, status: CellStatus, document: &Value) {
        let open = lock(&self.open).remove(cell);
        if let Some(open) = open {
            open.stop.cancel();
            open.trace.record_ended(status, document);
        }
    }
}

/// Where the messages of a thread's cells come from.
pub(crate) struct CellMessages {
    messages: mpsc::UnboundedReceiver<CellMessage>,
    questions: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
}

/// Does what the cells of a thread ask for, until there are none any more.
pub(crate) async fn serve_cells(thread: Weak<Thread>, mut cells: CellMessages) {
    loop {
        tokio::select! {
            // Messages first, so that an answer means that none is waiting.
            biased;
            message = cells.messages.recv() => match (message, thread.upgrade()) {
                (Some(message), Some(thread)) => serve(thread, message),
                _ => return,
            },
            // Whoever asked may have been stopped.
            Some(heard) = cells.questions.recv() => drop(heard.send(())),
        }
    }
}

fn serve(thread: Arc<Thread>, message: CellMessage) {
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
    // A cell that has ended meanwhile wants nothing any more.
    let (Some(stop), Some(turn)) = (stop, turn) else { return };
    let dispatch = Dispatch::begin_until(&turn, call, stop);
    let cell = cell.clone();
    thread.cells.calls.clone().spawn(async move {
        let answer = dispatch.answer_cell().await;
        // An ended cell has no promise to settle.
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
                None => Ok(match cells.look(&cell_id, source.max_output_tokens).await {
                    WaitOutcome::Cell(response) => response,
                    // Somebody terminated it meanwhile, and got its output.
                    WaitOutcome::Missing(cell_id) => CellResponse::Terminated { cell_id, content: Vec::new() },
                }),
            }
        };
        match self.unless_stopped(executed).await? {
            Ok(response) => {
                cells.heard().await;
                cells.note(&response, None);
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
                None => cells.look(&cell, max_output_tokens).await,
            }
        };
        match self.unless_stopped(waited).await? {
            WaitOutcome::Cell(response) => {
                cells.heard().await;
                cells.note(&response, None);
                Ok(outcome(&response, began.elapsed()))
            }
            WaitOutcome::Missing(cell) => Err(ToolError::Failed(format!("there is no cell {cell} at work"))),
        }
    }
}

/// A cell's response as the trace shows it.
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

/// A cell's response as the model sees it.
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
