//! A session: it starts cells and waits for them.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep, timeout},
};

use crate::{
    CellId, CellLimits, CellMessage, CellResponse, DEFAULT_MAX_OUTPUT_TOKENS, DEFAULT_YIELD_TIME, ExecuteError,
    ExecuteRequest, RuntimeToolCallId, ToolCallError, WaitOutcome, WaitRequest,
    cell::{Cell, Command, Outcome, Progress},
    engine,
    truncation::{truncate, truncate_text},
};

/// How long termination waits for a thread whose engine cannot be interrupted.
pub const TERMINATION_GRACE: Duration = Duration::from_millis(250);
/// How long a shutdown waits for the threads of its cells.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// The stack of a cell's thread in addition to the engine's. The engine checks its limit only on entry to a function,
/// and the native functions that it calls need stack as well. The reserve is large because unoptimized builds use more
/// stack.
const STACK_RESERVE: usize = 2 << 20;
const MAX_STACK_BYTES: usize = 8 << 20;
/// The engine would take a limit of zero as no limit.
const MIN_STACK_BYTES: usize = 64 << 10;

/// The cells of one conversation. Clones share the session.
///
/// Dropping the last clone terminates every cell.
#[derive(Clone)]
pub struct CodeModeSession {
    inner: Arc<Inner>,
}

struct Inner {
    limits: CellLimits,
    messages: UnboundedSender<CellMessage>,
    last_cell: AtomicU64,
    cells: Mutex<Cells>,
}

#[derive(Default)]
struct Cells {
    /// In the order of their start. A search is cheaper than an index, since there are only a few.
    live: Vec<Arc<Cell>>,
    threads: Vec<JoinHandle<()>>,
    shut_down: bool,
}

impl CodeModeSession {
    /// Returns a session without cells, and the receiver of its cells' messages.
    pub fn new(limits: CellLimits) -> (Self, UnboundedReceiver<CellMessage>) {
        let (messages, receiver) = unbounded_channel();
        let inner = Inner { limits, messages, last_cell: AtomicU64::new(0), cells: Mutex::default() };
        (Self { inner: Arc::new(inner) }, receiver)
    }

    /// Mints the id of the next cell, so that it is known before the script starts.
    pub fn next_cell_id(&self) -> CellId {
        let number = self.inner.last_cell.fetch_add(1, Ordering::Relaxed) + 1;
        CellId::from(number.to_string())
    }

    /// Starts a cell and waits until it ends or yields.
    ///
    /// Dropping the future leaves the cell running.
    ///
    /// # Errors
    ///
    /// Returns an error if the cell does not start. The failure of a script is not an error here: it is the
    /// `error_text` of the result.
    pub async fn execute(&self, request: ExecuteRequest) -> Result<CellResponse, ExecuteError> {
        let (yield_time, max_output_tokens) = (request.yield_time, request.max_output_tokens);
        let cell = self.start(request)?;
        let response = self.response(&cell, yield_time, max_output_tokens).await;
        // Another caller has terminated the cell in the meantime and received its output.
        Ok(response.unwrap_or_else(|| CellResponse::Terminated { cell_id: cell.id.clone(), content: Vec::new() }))
    }

    /// Waits until a cell ends or yields, or terminates it.
    ///
    /// Dropping the future loses no output.
    pub async fn wait(&self, request: WaitRequest) -> WaitOutcome {
        let Some(cell) = self.cell(&request.cell_id) else { return WaitOutcome::Missing(request.cell_id) };
        if request.terminate {
            cell.terminate();
            if timeout(TERMINATION_GRACE, cell.ended()).await.is_err() {
                cell.thread.slow_down();
                self.forget(&cell);
                let max_tokens = request.max_output_tokens.unwrap_or(DEFAULT_MAX_OUTPUT_TOKENS);
                let content = truncate(cell.abandon(), max_tokens);
                return WaitOutcome::Cell(CellResponse::Terminated { cell_id: request.cell_id, content });
            }
        }
        let response = self.response(&cell, request.yield_time, request.max_output_tokens).await;
        response.map_or(WaitOutcome::Missing(request.cell_id), WaitOutcome::Cell)
    }

    /// Answers a tool call: a value resolves its promise, and an error rejects it with an `Error` that has the same
    /// message.
    ///
    /// Returns whether the cell still exists.
    pub fn answer(&self, cell: &CellId, call: &RuntimeToolCallId, answer: Result<Value, ToolCallError>) -> bool {
        self.cell(cell).is_some_and(|cell| cell.send(Command::Answer(call.clone(), answer)))
    }

    /// Returns the ids of the cells whose end has not been returned yet, in the order of their start.
    pub fn cells(&self) -> Vec<CellId> {
        self.inner.cells().live.iter().map(|cell| cell.id.clone()).collect()
    }

    /// Returns whether no cell is running. Cells that have ended may still have results to return.
    pub fn is_idle(&self) -> bool {
        self.running().is_none()
    }

    /// Waits until no cell is running.
    pub async fn idle(&self) {
        while let Some(cell) = self.running() {
            cell.ended().await;
        }
    }

    /// Terminates every cell, waits for their threads for at most [`SHUTDOWN_GRACE`], and returns the number of threads
    /// that are still running.
    ///
    /// No cell starts after this call. A second call waits again for the remaining threads.
    pub async fn shutdown(&self) -> usize {
        let (live, mut threads) = {
            let mut cells = self.inner.cells();
            cells.shut_down = true;
            (std::mem::take(&mut cells.live), std::mem::take(&mut cells.threads))
        };
        for cell in &live {
            cell.terminate();
            cell.abandon();
        }
        let deadline = Instant::now() + SHUTDOWN_GRACE;
        loop {
            for thread in threads.extract_if(.., |thread| thread.is_finished()) {
                // A panic of the thread has already been reported as its cell's result.
                drop(thread.join());
            }
            if threads.is_empty() || Instant::now() >= deadline {
                let left = threads.len();
                live.iter().for_each(|cell| cell.thread.slow_down());
                self.inner.cells().threads.append(&mut threads);
                return left;
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    fn start(&self, request: ExecuteRequest) -> Result<Arc<Cell>, ExecuteError> {
        let limits = &self.inner.limits;
        if request.source.len() > limits.source_bytes {
            return Err(ExecuteError::SourceTooLong { bytes: request.source.len(), limit: limits.source_bytes });
        }
        let mut names = HashSet::new();
        if let Some(twice) =
            request.enabled_tools.iter().map(|tool| tool.script_name()).find(|name| !names.insert(name.clone()))
        {
            return Err(ExecuteError::ToolNameTaken(twice));
        }
        let mut cells = self.inner.cells();
        if cells.shut_down {
            return Err(ExecuteError::ShutDown);
        }
        if cells.live.iter().any(|cell| cell.id == request.cell_id) {
            return Err(ExecuteError::CellExists(request.cell_id));
        }
        cells.threads.retain(|thread| !thread.is_finished());
        let running = cells.threads.len();
        if running >= limits.cells {
            return Err(ExecuteError::TooManyCells { running });
        }
        // A model that never asks for the results of its cells must not fill the memory with them.
        let ended: Vec<CellId> =
            cells.live.iter().filter(|cell| cell.has_ended()).map(|cell| cell.id.clone()).collect();
        if let Some(oldest) = ended.first().filter(|_| ended.len() >= limits.cells) {
            cells.live.retain(|cell| cell.id != *oldest);
        }
        let (sender, commands) = mpsc::channel();
        let cell = Arc::new(Cell::new(request.cell_id.clone(), sender));
        let stack = limits.stack_bytes.clamp(MIN_STACK_BYTES, MAX_STACK_BYTES);
        let (shared, messages, limits) = (Arc::clone(&cell), self.inner.messages.clone(), limits.clone());
        let thread = thread::Builder::new()
            // The name of a thread must not contain a NUL.
            .name(format!("cell-{}", request.cell_id).replace('\0', ""))
            .stack_size(stack + STACK_RESERVE)
            .spawn(move || {
                engine::run(&shared, request, &CellLimits { stack_bytes: stack, ..limits }, messages, commands)
            })
            .map_err(|source| ExecuteError::Thread { cell_id: cell.id.clone(), source })?;
        cells.threads.push(thread);
        cells.live.push(Arc::clone(&cell));
        Ok(cell)
    }

    /// Waits until the cell ends or yields. Returns `None` if the end has already been returned to another caller.
    async fn response(
        &self,
        cell: &Cell,
        yield_time: Option<Duration>,
        max_output_tokens: Option<usize>,
    ) -> Option<CellResponse> {
        // A timeout is not an error: the cell yields.
        timeout(yield_time.unwrap_or(DEFAULT_YIELD_TIME), cell.changed()).await.ok();
        let (content, progress) = cell.take();
        let max_tokens = max_output_tokens.unwrap_or(DEFAULT_MAX_OUTPUT_TOKENS);
        let (cell_id, content) = (cell.id.clone(), truncate(content, max_tokens));
        Some(match progress {
            Progress::Gone => return None,
            Progress::Working => CellResponse::Yielded { cell_id, content },
            Progress::Ended(outcome) => {
                self.forget(cell);
                match outcome {
                    Outcome::Terminated => CellResponse::Terminated { cell_id, content },
                    Outcome::Finished { stored_values, error_text } => {
                        let error_text = error_text.map(|text| truncate_text(text, max_tokens));
                        CellResponse::Result { cell_id, content, stored_values, error_text }
                    }
                }
            }
        })
    }

    /// Returns a cell that is running.
    fn running(&self) -> Option<Arc<Cell>> {
        self.inner.cells().live.iter().find(|cell| !cell.is_over()).cloned()
    }

    fn cell(&self, id: &CellId) -> Option<Arc<Cell>> {
        self.inner.cells().live.iter().find(|cell| cell.id == *id).cloned()
    }

    fn forget(&self, cell: &Cell) {
        self.inner.cells().live.retain(|live| live.id != cell.id);
    }
}

impl Inner {
    fn cells(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.cells().live.iter().for_each(|cell| cell.terminate());
    }
}
