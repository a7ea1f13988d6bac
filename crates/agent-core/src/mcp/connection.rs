//! The connection to a server: requests over its standard input, and answers from its standard output.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{
    lines::{Line, MAX_LINE_BYTES, next_line},
    message::{self, Answer, Message},
};
use crate::lock::lock;

/// How long the last messages to a server may take. A server that does not read its input gets no more of them.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The size of the reads from a server's output, which is that of a pipe.
const READ_BYTES: usize = 64 << 10;

/// The code of JSON-RPC for a method that does not exist.
const NO_SUCH_METHOD: i32 = -32601;

/// A connection. Dropping it closes the server's input.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    reader: JoinHandle<()>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    next_id: u64,
    /// The requests without an answer.
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
    /// `None` once the connection is closed.
    output: Option<mpsc::UnboundedSender<Value>>,
}

/// Why a request has no result.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The connection was closed before the answer.
    Closed,
    Refused(String),
    Unreadable(String),
}

impl Connection {
    pub(crate) fn open(
        input: impl AsyncRead + Unpin + Send + 'static,
        output: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        let state = State { next_id: 0, waiting: BTreeMap::new(), output: Some(sender) };
        let shared = Arc::new(Shared(Mutex::new(state)));
        let reader = tokio::spawn(read(input, Arc::clone(&shared)));
        let writer = tokio::spawn(write(output, messages));
        Self { shared, reader, writer: Mutex::new(Some(writer)) }
    }

    /// Sends a request and waits for its answer. Dropping the future before the answer arrives cancels the request at the
    /// server.
    pub(crate) async fn request(&self, method: &str, params: Value) -> Result<Value, NoAnswer> {
        let (sender, answer) = oneshot::channel();
        let id = {
            let mut state = lock(&self.shared.0);
            let id = state.next_id;
            let Some(output) = &state.output else { return Err(NoAnswer::Closed) };
            // An error means that the server has closed its input, after which it closes its output.
            let _ = output.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
            state.next_id += 1;
            state.waiting.insert(id, sender);
            id
        };
        let _canceled = CancelOnDrop { shared: &self.shared, id };
        match answer.await {
            Ok(Answer::Result(result)) => Ok(result),
            Ok(Answer::Refused(refusal)) => Err(NoAnswer::Refused(refusal)),
            Ok(Answer::Unreadable(problem)) => Err(NoAnswer::Unreadable(problem)),
            Err(_) => Err(NoAnswer::Closed),
        }
    }

    pub(crate) fn notify(&self, method: &str) {
        self.shared.send(json!({"jsonrpc": "2.0", "method": method}));
    }

    /// Closes the server's input, and ends all requests.
    pub(crate) async fn close(&self) {
        self.shared.close();
        let writer = lock(&self.writer).take();
        if let Some(mut writer) = writer
            && timeout(CLOSE_LIMIT, &mut writer).await.is_err()
        {
            writer.abort();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.close();
        self.reader.abort();
        if let Some(writer) = lock(&self.writer).take() {
            writer.abort();
        }
    }
}

/// Forgets a request. If it has no answer yet, it is canceled.
struct CancelOnDrop<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        let was_waiting = lock(&self.shared.0).waiting.remove(&self.id).is_some();
        if was_waiting {
            let params = json!({"requestId": self.id, "reason": "the result is no longer needed"});
            self.shared.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
        }
    }
}

impl Shared {
    fn send(&self, message: Value) {
        if let Some(output) = &lock(&self.0).output {
            // An error means that the server has closed its input.
            let _ = output.send(message);
        }
    }

    fn close(&self) {
        let mut state = lock(&self.0);
        state.output = None;
        state.waiting.clear();
    }

    fn receive(&self, message: Message) {
        match message {
            Message::Answer { id, answer } => {
                let mut state = lock(&self.0);
                // An answer that names no request can only be meant for the one that waits.
                let only = || state.waiting.keys().next().copied().filter(|_| state.waiting.len() == 1);
                let waiting = id.or_else(only).and_then(|id| state.waiting.remove(&id));
                if let Some(waiting) = waiting {
                    // An error means that the request was dropped at this moment.
                    let _ = waiting.send(answer);
                }
            }
            Message::Request { id, method } if method == "ping" => {
                self.send(json!({"jsonrpc": "2.0", "id": id, "result": {}}));
            }
            Message::Request { id, method } => {
                let error = json!({"code": NO_SUCH_METHOD, "message": format!("this client does not offer {method}")});
                self.send(json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
        }
    }
}

async fn read(input: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    // An error ends the connection just as the end of the output does.
    while let Ok(Some(line)) = next_line(&mut input, MAX_LINE_BYTES).await {
        let messages = match line {
            Line::Whole(line) => message::messages(&line),
            Line::TooLong { head, tail, length } => {
                message::too_long(&head, &tail, length, MAX_LINE_BYTES).into_iter().collect()
            }
        };
        messages.into_iter().for_each(|message| shared.receive(message));
    }
    shared.close();
}

async fn write(mut output: impl AsyncWrite + Unpin, mut messages: mpsc::UnboundedReceiver<Value>) {
    while let Some(message) = messages.recv().await {
        let line = format!("{message}\n");
        let written = async {
            output.write_all(line.as_bytes()).await?;
            output.flush().await
        };
        if written.await.is_err() {
            return;
        }
    }
}
