//! The connection to a server: requests over its standard input, and answers from its standard output.

use std::{
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
use tokio_util::sync::CancellationToken;

use super::{
    lines::{Line, MAX_LINE_BYTES, next_line},
    message::{self, Answer, Message},
    waiting::Waiting,
};
use crate::lock::lock;

/// How long the last messages to a server may take. A server that does not read its input gets no more of them.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The size of the reads from a server's output, which is that of a pipe.
const READ_BYTES: usize = 64 << 10;

/// How many requests to a server wait to be written, and how many replies to requests of the server. Further ones wait for
/// their turn.
const QUEUE: usize = 64;

/// How long a reply to a server may wait for its turn. Meanwhile nothing is read, and a server may wait for that.
const REPLY_LIMIT: Duration = Duration::from_secs(5);

/// How many problems of a server are reported.
const MAX_NOTICES: usize = 16;

/// What a server did whose output has ended.
const OUTPUT_CLOSED: &str = "it closed its output";

/// The code of JSON-RPC for a method that does not exist.
const NO_SUCH_METHOD: i32 = -32601;

/// A connection. Dropping it closes the server's input.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    reader: JoinHandle<()>,
    writer: Mutex<Option<JoinHandle<()>>>,
    notices: Mutex<Option<mpsc::Receiver<String>>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    requests: mpsc::Sender<Outgoing>,
    replies: mpsc::Sender<Value>,
    notices: mpsc::Sender<String>,
    /// Canceled when nothing more is to be written.
    closed: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    /// The requests without an answer.
    waiting: Waiting,
    /// How many problems have been reported.
    reported: usize,
    /// Why the connection is closed, if it is.
    end: Option<NoAnswer>,
}

/// A message to the server. A request has an id.
#[derive(Debug)]
struct Outgoing {
    id: Option<u64>,
    message: Value,
}

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NoAnswer {
    /// The connection was closed before the answer: what the server did, unless it has ended.
    Closed(&'static str),
    /// The server cannot be used any more, for this reason.
    Unusable(&'static str),
    Refused(String),
    Unreadable(String),
}

impl Connection {
    pub(crate) fn open(
        input: impl AsyncRead + Unpin + Send + 'static,
        output: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (requests, waiting_requests) = mpsc::channel(QUEUE);
        let (replies, waiting_replies) = mpsc::channel(QUEUE);
        let (notices, received_notices) = mpsc::channel(MAX_NOTICES);
        let closed = CancellationToken::new();
        let shared = Arc::new(Shared { state: Mutex::default(), requests, replies, notices, closed });
        let reader = tokio::spawn(read(input, Arc::clone(&shared)));
        let writer = tokio::spawn(write(output, waiting_requests, waiting_replies, Arc::clone(&shared)));
        let notices = Mutex::new(Some(received_notices));
        Self { shared, reader, writer: Mutex::new(Some(writer)), notices }
    }

    /// Returns the source of problems with the server that belong to no call, once.
    pub(crate) fn take_notices(&self) -> Option<mpsc::Receiver<String>> {
        lock(&self.notices).take()
    }

    /// Sends a request and waits for its answer. Dropping the future before the answer arrives cancels the request at the
    /// server.
    pub(crate) async fn request(&self, method: &str, params: Value) -> Result<Value, NoAnswer> {
        let shared = &*self.shared;
        // An error means that nothing is written any more.
        let room = shared.requests.reserve().await.map_err(|_| shared.end())?;
        let (id, answer) = {
            let mut state = lock(&shared.state);
            if let Some(end) = &state.end {
                return Err(end.clone());
            }
            let id = state.next_id;
            state.next_id += 1;
            let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
            room.send(Outgoing { id: Some(id), message });
            (id, state.waiting.add(id))
        };
        let _canceled = CancelOnDrop { shared, id };
        match answer.await {
            Ok(Answer::Result(result)) => Ok(result),
            Ok(Answer::Refused(refusal)) => Err(NoAnswer::Refused(refusal)),
            Ok(Answer::Unreadable(problem)) => Err(NoAnswer::Unreadable(problem)),
            Err(oneshot::error::RecvError { .. }) => Err(shared.end()),
        }
    }

    pub(crate) fn notify(&self, method: &str) {
        self.shared.notify(json!({"jsonrpc": "2.0", "method": method}));
    }

    /// Closes the server's input, and ends all requests.
    pub(crate) async fn close(&self) {
        self.shared.close(NoAnswer::Closed(OUTPUT_CLOSED));
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
        self.shared.close(NoAnswer::Closed(OUTPUT_CLOSED));
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
        let was_waiting = lock(&self.shared.state).waiting.forget(self.id);
        if was_waiting {
            let params = json!({"requestId": self.id, "reason": "the result is no longer needed"});
            self.shared.notify(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
        }
    }
}

/// Closes a connection when it is dropped. Its requests fail even after a panic, instead of waiting for an answer that
/// cannot come.
struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close(NoAnswer::Closed(OUTPUT_CLOSED));
    }
}

impl Shared {
    /// Returns why a request has no answer.
    fn end(&self) -> NoAnswer {
        lock(&self.state).end.clone().unwrap_or(NoAnswer::Closed(OUTPUT_CLOSED))
    }

    fn notify(&self, message: Value) {
        // An error means that the server does not read its input, or has closed it.
        let _ = self.requests.try_send(Outgoing { id: None, message });
    }

    /// Reports a problem that belongs to no call.
    fn report(&self, problem: String) {
        let mut state = lock(&self.state);
        state.reported += 1;
        let problem = match state.reported {
            ..MAX_NOTICES => problem,
            MAX_NOTICES => format!("{problem} (further problems are not reported)"),
            _ => return,
        };
        // An error is impossible: there is room for all of them.
        let _ = self.notices.try_send(problem);
    }

    fn close(&self, end: NoAnswer) {
        let mut state = lock(&self.state);
        state.end.get_or_insert(end);
        state.waiting = Waiting::default();
        drop(state);
        self.closed.cancel();
    }

    async fn receive(&self, message: Message) {
        match message {
            Message::Answer { id: Some(id), answer } => lock(&self.state).waiting.settle(id, answer),
            Message::Answer { id: None, answer } => {
                let problem = match &answer {
                    Answer::Unreadable(problem) | Answer::Refused(problem) => problem.clone(),
                    Answer::Result(_) => "it does not name its request".to_owned(),
                };
                let calls = lock(&self.state).waiting.settle_any(answer);
                if calls > 1 {
                    self.report(format!("the answer to one of {calls} calls cannot be assigned to it: {problem}"));
                }
            }
            Message::Request { id, method } => {
                let reply = match method.as_str() {
                    "ping" => json!({"jsonrpc": "2.0", "id": id, "result": {}}),
                    _ => {
                        let message = format!("this client does not offer {method}");
                        json!({"jsonrpc": "2.0", "id": id, "error": {"code": NO_SUCH_METHOD, "message": message}})
                    }
                };
                // That nothing is written any more is no reason to stop reading.
                if timeout(REPLY_LIMIT, self.replies.send(reply)).await.is_err() {
                    self.close(NoAnswer::Unusable("it sends requests without reading the replies"));
                }
            }
            Message::Lost(problem) => self.report(problem),
        }
    }
}

async fn read(input: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let _closing = CloseOnDrop(Arc::clone(&shared));
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    // An error ends the connection just as the end of the output does.
    while let Ok(Some(line)) = next_line(&mut input, MAX_LINE_BYTES).await {
        let messages = match line {
            Line::Whole(line) => message::messages(&line),
            Line::TooLong { head, tail, length } => {
                message::too_long(&head, &tail, length, MAX_LINE_BYTES).into_iter().collect()
            }
        };
        for message in messages {
            shared.receive(message).await;
        }
    }
}

async fn write(
    mut output: impl AsyncWrite + Unpin,
    mut requests: mpsc::Receiver<Outgoing>,
    mut replies: mpsc::Receiver<Value>,
    shared: Arc<Shared>,
) {
    loop {
        let Outgoing { id, message } = tokio::select! {
            biased;
            Some(message) = replies.recv() => Outgoing { id: None, message },
            Some(request) = requests.recv() => request,
            // What was sent before is written nevertheless.
            () = shared.closed.cancelled() => return,
        };
        let line = format!("{message}\n");
        let written = async {
            output.write_all(line.as_bytes()).await?;
            output.flush().await
        };
        if written.await.is_err() {
            // The server may still answer what it has read.
            requests.close();
            let unsent = std::iter::from_fn(|| requests.try_recv().ok()).filter_map(|request| request.id);
            let mut state = lock(&shared.state);
            state.end.get_or_insert(NoAnswer::Closed("it closed its input"));
            for id in id.into_iter().chain(unsent) {
                state.waiting.forget(id);
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::{AsyncBufReadExt, DuplexStream, ReadBuf, duplex, sink};

    use super::*;

    /// Longer than any step takes, even on a busy machine.
    const HANG: Duration = Duration::from_secs(60);

    /// Returns a connection, the end of it to which the server writes, and the one from which it reads.
    fn connection(buffer: usize) -> (Arc<Connection>, DuplexStream, BufReader<DuplexStream>) {
        let (input, server_output) = duplex(1 << 16);
        let (output, server_input) = duplex(buffer);
        (Arc::new(Connection::open(input, output)), server_output, BufReader::new(server_input))
    }

    fn requested(connection: &Arc<Connection>) -> JoinHandle<Result<Value, NoAnswer>> {
        let connection = Arc::clone(connection);
        tokio::spawn(async move { connection.request("m", json!({})).await })
    }

    async fn ended(request: JoinHandle<Result<Value, NoAnswer>>) -> Result<Value, NoAnswer> {
        timeout(HANG, request).await.expect("the request ends").unwrap()
    }

    async fn read_requests(server: &mut BufReader<DuplexStream>, count: usize) {
        for _ in 0..count {
            timeout(HANG, server.read_line(&mut String::new())).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_panic_in_the_reader_ends_all_requests() {
        struct Panics;
        impl AsyncRead for Panics {
            fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                panic!("on purpose")
            }
        }
        let connection = Arc::new(Connection::open(Panics, sink()));
        assert_eq!(ended(requested(&connection)).await, Err(NoAnswer::Closed(OUTPUT_CLOSED)));
    }

    /// Returns many requests of a server at once.
    fn pings() -> String {
        (0..3 * QUEUE).map(|id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n")).collect()
    }

    #[tokio::test]
    async fn many_requests_of_a_server_at_once_are_answered() {
        let (connection, mut output, mut input) = connection(1 << 10);
        output.write_all(pings().as_bytes()).await.unwrap();
        read_requests(&mut input, 3 * QUEUE).await;
        let request = requested(&connection);
        read_requests(&mut input, 1).await;
        output.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":7}\n").await.unwrap();
        assert_eq!(ended(request).await, Ok(json!(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn replies_that_the_server_does_not_read_are_bounded() {
        let (connection, mut output, mut input) = connection(16);
        let waiting = requested(&connection);
        output.write_all(pings().as_bytes()).await.unwrap();
        let unusable = Err(NoAnswer::Unusable("it sends requests without reading the replies"));
        assert_eq!(ended(waiting).await, unusable);
        assert_eq!(ended(requested(&connection)).await, unusable);
        // The connection is closed once the server has read what was sent before.
        connection.close().await;
        let read_all = async { while input.read_line(&mut String::new()).await.unwrap() > 0 {} };
        timeout(HANG, read_all).await.unwrap();
    }

    #[tokio::test]
    async fn many_requests_wait_for_their_turn() {
        let (connection, mut output, mut input) = connection(16);
        let requests: Vec<_> = (0..3 * QUEUE).map(|_| requested(&connection)).collect();
        read_requests(&mut input, requests.len()).await;
        for id in 0..requests.len() {
            output
                .write_all(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{id}}}\n").as_bytes())
                .await
                .unwrap();
        }
        for request in requests {
            assert!(ended(request).await.is_ok());
        }
    }

    #[tokio::test]
    async fn a_server_that_closes_its_input_may_still_answer() {
        let (connection, mut output, mut input) = connection(1 << 10);
        let first = requested(&connection);
        read_requests(&mut input, 1).await;
        drop(input);
        let closed = Err(NoAnswer::Closed("it closed its input"));
        assert_eq!(ended(requested(&connection)).await, closed);
        output.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":7}\n").await.unwrap();
        assert_eq!(ended(first).await, Ok(json!(7)));
        assert_eq!(ended(requested(&connection)).await, closed);
    }

    #[tokio::test]
    async fn the_reports_of_problems_are_bounded() {
        let (connection, mut output, _input) = connection(1 << 10);
        let mut notices = connection.take_notices().unwrap();
        for _ in 0..3 * MAX_NOTICES {
            output.write_all(b"{\"jsonrpc\":\"2.0\",\n").await.unwrap();
        }
        drop(output);
        drop(connection);
        let mut reported = Vec::new();
        while let Some(notice) = timeout(HANG, notices.recv()).await.unwrap() {
            reported.push(notice);
        }
        assert!(reported.len() <= MAX_NOTICES, "{reported:#?}");
    }

    #[tokio::test]
    async fn an_answer_that_names_no_request_makes_nobody_wait_for_long() {
        let (connection, mut output, mut input) = connection(1 << 10);
        let mut notices = connection.take_notices().unwrap();
        let requests: Vec<_> = (0..3).map(|_| requested(&connection)).collect();
        read_requests(&mut input, 3).await;
        output.write_all(b"{\"jsonrpc\":\"2.0\",\"result\":{\"text\":\"cut\n").await.unwrap();
        let notice = timeout(HANG, notices.recv()).await.unwrap().unwrap();
        assert!(
            notice.starts_with("the answer to one of 3 calls cannot be assigned to it: it is not valid JSON"),
            "{notice}"
        );
        for id in [2, 0] {
            output
                .write_all(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{id}}}\n").as_bytes())
                .await
                .unwrap();
        }
        // The remaining one must have been meant.
        let mut ends = Vec::new();
        for request in requests {
            ends.push(ended(request).await);
        }
        let lost = ends.iter().position(|end| matches!(end, Err(NoAnswer::Unreadable(_)))).unwrap();
        drop(ends.remove(lost));
        assert!(ends.iter().all(Result::is_ok), "{ends:?}");
    }
}
