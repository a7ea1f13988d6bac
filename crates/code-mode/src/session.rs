//! The cells of one session, as their owner sees them.

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
    ExecuteRequest, RuntimeToolCallId, WaitOutcome, WaitRequest,
    cell::{Cell, Command, Outcome, Progress},
    engine,
    truncation::{truncate, truncate_text},
};

/// How long termination waits for a thread that the engine does not let interrupt.
pub const TERMINATION_GRACE: Duration = Duration::from_millis(250);
/// How long a shutdown waits for such threads.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// The stack that a cell's thread has beyond the engine's: the engine looks at its limit only on entry to a function, and the
/// functions of the standard library below it need room of their own. Large because builds without optimisation use more of it.
const STACK_RESERVE: usize = 2 << 20;
const MAX_STACK_BYTES: usize = 8 << 20;
/// To the engine, no stack is one without a limit.
const MIN_STACK_BYTES: usize = 64 << 10;

/// The cells of one conversation; clones are the same session.
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
    /// In the order of their start. They are few: searching them costs less than an index.
    live: Vec<Arc<Cell>>,
    threads: Vec<JoinHandle<()>>,
    shut_down: bool,
}

impl CodeModeSession {
    /// A session without cells, and the messages of those that it will have.
    pub fn new(limits: CellLimits) -> (Self, UnboundedReceiver<CellMessage>) {
        let (messages, receiver) = unbounded_channel();
        let inner = Inner { limits, messages, last_cell: AtomicU64::new(0), cells: Mutex::default() };
        (Self { inner: Arc::new(inner) }, receiver)
    }

    /// Mints the id of the next cell, which is thus known before its script starts.
    pub fn next_cell_id(&self) -> CellId {
        let number = self.inner.last_cell.fetch_add(1, Ordering::Relaxed) + 1;
        CellId::from(number.to_string())
    }

    /// Starts a cell and waits until it ends or yields.
    ///
    /// Dropping the future leaves the cell at work.
    ///
    /// # Errors
    ///
    /// The cell did not start. What a script does wrong is no error here but the `error_text` of its result.
    pub async fn execute(&self, request: ExecuteRequest) -> Result<CellResponse, ExecuteError> {
        let (yield_time, max_output_tokens) = (request.yield_time, request.max_output_tokens);
        let cell = self.start(request)?;
        let response = self.response(&cell, yield_time, max_output_tokens).await;
        // Somebody terminated the cell meanwhile, and got its output.
        Ok(response.unwrap_or_else(|| CellResponse::Terminated { cell_id: cell.id.clone(), content: Vec::new() }))
    }

    /// Waits until a cell ends or yields, or terminates it.
    ///
    /// Dropping the future loses nothing.
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

    /// Answers a tool call: a value resolves its promise, an error rejects it with an `Error` that has that message.
    ///
    /// Gives whether the cell was there to hear it.
    pub fn answer(&self, cell: &CellId, call: &RuntimeToolCallId, answer: Result<Value, String>) -> bool {
        self.cell(cell).is_some_and(|cell| cell.send(Command::Answer(call.clone(), answer)))
    }

    /// The ids of the cells whose end has not been handed out, in the order of their start.
    pub fn cells(&self) -> Vec<CellId> {
        self.inner.cells().live.iter().map(|cell| cell.id.clone()).collect()
    }

    /// Terminates every cell and waits until their threads are gone, at most for [`SHUTDOWN_GRACE`]; gives how many are left then.
    ///
    /// No cell starts after this. Called again, it waits again for those that were left.
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
                // What went wrong on the thread has been its cell's result.
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
        // A model that never asks for the ends of its cells shall not fill the memory with them.
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
            // No name of a thread holds a NUL.
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

    /// `None` where the end has been handed out to somebody else.
    async fn response(
        &self,
        cell: &Cell,
        yield_time: Option<Duration>,
        max_output_tokens: Option<usize>,
    ) -> Option<CellResponse> {
        // An elapsed time is an answer too: the cell yields.
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
