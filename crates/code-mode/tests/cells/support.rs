//! Runs scripts and draws their results.

use std::{fmt::Write, time::Duration};

use rollout_trace_code_mode::{
    CellLimits, CellMessage, CellResponse, CodeModeSession, ContentItem, ExecuteRequest, ToolCallError, ToolSpec,
    WaitOutcome, WaitRequest,
};
use serde_json::{Map, Value};
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};

/// No step takes long; a test that reaches this limit hangs.
pub(crate) const HANG: Duration = Duration::from_secs(120);
/// Long enough for every script that ends by itself.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A session whose tool calls are answered, and a drawing of everything that it did.
pub(crate) struct Run {
    pub(crate) session: CodeModeSession,
    messages: UnboundedReceiver<CellMessage>,
    /// The values that the cells have stored so far.
    pub(crate) stored: Map<String, Value>,
    pub(crate) drawn: String,
}

impl Run {
    pub(crate) fn new() -> Self {
        Self::with_limits(CellLimits::default())
    }

    pub(crate) fn with_limits(limits: CellLimits) -> Self {
        let (session, messages) = CodeModeSession::new(limits);
        Self { session, messages, stored: Map::new(), drawn: String::new() }
    }

    pub(crate) fn request(&self, source: &str) -> ExecuteRequest {
        let files = ToolSpec { namespace: Some("mcp__files".to_owned()), ..ToolSpec::new("read-file", "Reads.") };
        ExecuteRequest {
            cell_id: self.session.next_cell_id(),
            tool_call_id: "exec-1".to_owned(),
            enabled_tools: vec![
                ToolSpec::new("echo", "Returns its argument."),
                ToolSpec::new("fail", "Fails."),
                ToolSpec::new("never", "Never answers."),
                ToolSpec::new("late", "Returns its argument, later."),
                files,
            ],
            source: source.to_owned(),
            stored_values: self.stored.clone(),
            yield_time: Some(LONG),
            max_output_tokens: None,
        }
    }

    /// Runs a script until it ends or yields.
    pub(crate) async fn execute(&mut self, source: &str) -> CellResponse {
        self.start(self.request(source)).await
    }

    pub(crate) async fn start(&mut self, request: ExecuteRequest) -> CellResponse {
        let session = self.session.clone();
        let response = self.answering(session.execute(request)).await.expect("the cell starts");
        self.draw(&response);
        response
    }

    pub(crate) async fn wait(&mut self, request: WaitRequest) -> WaitOutcome {
        let session = self.session.clone();
        let outcome = self.answering(session.wait(request)).await;
        match &outcome {
            WaitOutcome::Cell(response) => self.draw(response),
            WaitOutcome::Missing(cell) => writeln!(self.drawn, "no cell {cell}").expect("writing to a string succeeds"),
        }
        outcome
    }

    async fn answering<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let done = timeout(HANG, async {
            loop {
                tokio::select! {
                    biased;
                    Some(message) = self.messages.recv() => self.obey(message),
                    done = &mut work => return done,
                }
            }
        });
        let done = done.await.expect("the cell answers in time");
        while let Ok(message) = self.messages.try_recv() {
            self.obey(message);
        }
        done
    }

    fn obey(&mut self, message: CellMessage) {
        match message {
            CellMessage::Notification { cell_id, call_id, text } => {
                writeln!(self.drawn, "notification of {cell_id} ({call_id}): {text}")
                    .expect("writing to a string succeeds");
            }
            CellMessage::ToolCall { cell_id, tool_call_id, name, namespace, input } => {
                let namespace = namespace.map(|namespace| namespace + " ").unwrap_or_default();
                writeln!(self.drawn, "call {tool_call_id}: {namespace}{name} {input}")
                    .expect("writing to a string succeeds");
                let session = self.session.clone();
                match name.as_str() {
                    "never" => {}
                    "fail" => {
                        session.answer(&cell_id, &tool_call_id, Err(ToolCallError::new("it is broken")));
                    }
                    "late" => {
                        tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_millis(30)).await;
                            session.answer(&cell_id, &tool_call_id, Ok(input));
                        });
                    }
                    _ => {
                        session.answer(&cell_id, &tool_call_id, Ok(input));
                    }
                }
            }
        }
    }

    fn draw(&mut self, response: &CellResponse) {
        let out = &mut self.drawn;
        let (content, end) = match response {
            CellResponse::Yielded { content, .. } => (content, "yielded".to_owned()),
            CellResponse::Terminated { content, .. } => (content, "terminated".to_owned()),
            CellResponse::Result { content, error_text: None, .. } => (content, "done".to_owned()),
            CellResponse::Result { content, error_text: Some(error), .. } => (content, format!("failed: {error}")),
        };
        for item in content {
            match item {
                ContentItem::Text { text } => writeln!(out, "text: {text}"),
                ContentItem::Image { image_url, detail: None } => writeln!(out, "image: {image_url}"),
                ContentItem::Image { image_url, detail: Some(detail) } => {
                    writeln!(out, "image: {image_url} {detail:?}")
                }
            }
            .expect("writing to a string succeeds");
        }
        if let CellResponse::Result { stored_values, .. } = response {
            for (key, value) in stored_values {
                writeln!(out, "stored {key}: {value}").expect("writing to a string succeeds");
            }
            self.stored.extend(stored_values.clone());
        }
        writeln!(out, "{end}").expect("writing to a string succeeds");
    }
}

/// Waits until every thread has ended. This takes a while on a busy machine, where a thread that has not ended in time
/// has the lowest priority.
pub(crate) async fn all_gone(run: &Run) {
    let gone = async { while run.session.shutdown().await > 0 {} };
    timeout(HANG, gone).await.expect("the threads end");
}

/// Runs a script in a session of its own, and returns the drawing.
pub(crate) fn ran(source: &str) -> String {
    ran_within(CellLimits::default(), source)
}

/// Does the same as [`ran`] within other limits.
pub(crate) fn ran_within(limits: CellLimits, source: &str) -> String {
    block_on(async {
        let mut run = Run::with_limits(limits);
        run.execute(source).await;
        all_gone(&run).await;
        run.drawn
    })
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts").block_on(work)
}
