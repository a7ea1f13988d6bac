//! A running server.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{
    McpError, McpServerConfig, McpTool, McpToolResult,
    connection::{Connection, NoAnswer},
    process::{Group, Process},
};
use crate::pause::Pause;

/// The version of the protocol that this client speaks. Servers answer with the one that they speak; what is used here
/// is the same in all versions.
const PROTOCOL_VERSION: &str = "2025-06-18";

/// The most pages of tools that are requested. A server may always name a next one.
const MAX_PAGES: usize = 1000;

/// A running server whose tools are known.
///
/// Dropping it kills the process; [`shutdown`](Self::shutdown) lets it end by itself first.
#[derive(Debug)]
pub struct McpServer {
    name: String,
    tools: Vec<McpTool>,
    left_out: Vec<String>,
    call_limit: Duration,
    connection: Connection,
    /// `None` after the server was shut down.
    process: tokio::sync::Mutex<Option<Process>>,
    group: Group,
}

impl McpServer {
    /// Starts a server, initializes the connection, and lists its tools.
    ///
    /// # Errors
    ///
    /// Returns an error, and kills the process, if the program does not start, ends, is too slow, or does not follow
    /// the protocol.
    pub async fn start(config: McpServerConfig) -> Result<Self, McpError> {
        let McpServerConfig { name, command, start_limit, call_limit, .. } = &config;
        let (process, stdin, stdout) = Process::start(&config).map_err(|source| McpError::NoStart {
            server: name.clone(),
            command: command.clone(),
            source,
        })?;
        let connection = Connection::open(stdout, stdin);
        match timeout(*start_limit, initialize(&connection)).await {
            Ok(Ok(Tools { tools, left_out })) => Ok(Self {
                name: name.clone(),
                tools,
                left_out,
                call_limit: *call_limit,
                connection,
                group: process.group(),
                process: tokio::sync::Mutex::new(Some(process)),
            }),
            Ok(Err(failure)) => {
                let reason = match failure {
                    StartFailure::Closed(how) => process.describe_end(how).await,
                    StartFailure::Protocol(reason) => reason + &process.stderr_suffix(),
                };
                process.kill().await;
                Err(McpError::NotReady { server: name.clone(), reason })
            }
            Err(_) => {
                let stderr = process.stderr_suffix();
                process.kill().await;
                Err(McpError::TooSlow { server: name.clone(), limit: *start_limit, stderr })
            }
        }
    }

    /// Returns the server's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the tools that the server listed at its start.
    pub fn tools(&self) -> &[McpTool] {
        &self.tools
    }

    /// Returns what the server offers and is not used, with the reasons: tools that no provider would accept.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Returns the source of problems with the server that belong to no call, once.
    pub(crate) fn take_notices(&self) -> Option<mpsc::Receiver<String>> {
        self.connection.take_notices()
    }

    /// Calls a tool. `meta` is sent as the request's `_meta`. The call is canceled on the server if it is dropped or
    /// takes too long.
    ///
    /// # Errors
    ///
    /// Returns an error if the call has no result. A tool that fails has a result that says so.
    pub async fn call_tool(
        &self,
        tool: &str,
        arguments: Option<Value>,
        meta: Option<Value>,
    ) -> Result<McpToolResult, McpError> {
        self.call_tool_with_pauses(&Pause::new(), tool, arguments, meta).await
    }

    /// Does the same as [`call_tool`](Self::call_tool) with a time limit that excludes pauses, since the server itself
    /// may be waiting for the end of a pause.
    pub(crate) async fn call_tool_with_pauses(
        &self,
        pause: &Pause,
        tool: &str,
        arguments: Option<Value>,
        meta: Option<Value>,
    ) -> Result<McpToolResult, McpError> {
        let mut params = json!({"name": tool});
        for (key, what, value) in [("arguments", "arguments", arguments), ("_meta", "_meta", meta)] {
            if let Some(object) = object(tool, what, value)? {
                params[key] = object.into();
            }
        }
        let server = || self.name.clone();
        let no_result = |reason: String| McpError::NoResult { server: server(), tool: tool.to_owned(), reason };
        match pause.timeout(self.call_limit, self.connection.request("tools/call", params)).await {
            Some(Ok(answer)) => McpToolResult::read(answer).map_err(|problem| no_result(problem.to_owned())),
            Some(Err(NoAnswer::Refused(reason))) => {
                Err(McpError::Refused { server: server(), tool: tool.to_owned(), reason })
            }
            Some(Err(NoAnswer::Unreadable(problem))) => Err(no_result(format!("its answer cannot be read: {problem}"))),
            Some(Err(NoAnswer::Closed(how))) => {
                Err(McpError::Gone { server: server(), reason: self.describe_end(how).await })
            }
            Some(Err(NoAnswer::Unusable(reason))) => {
                Err(McpError::Gone { server: server(), reason: reason.to_owned() })
            }
            None => {
                let process = self.process.lock().await;
                let stderr = process.as_ref().map(Process::stderr_suffix).unwrap_or_default();
                Err(McpError::TooSlow { server: server(), limit: self.call_limit, stderr })
            }
        }
    }

    /// Closes the server's input, and waits until the process has ended. A process that takes too long is killed.
    pub async fn shutdown(&self) {
        self.connection.close().await;
        let process = self.process.lock().await.take();
        if let Some(process) = process {
            process.end().await;
        }
    }

    /// Kills the server and its processes at once, without waiting.
    pub fn kill(&self) {
        self.group.kill();
    }

    async fn describe_end(&self, how: &str) -> String {
        match &*self.process.lock().await {
            Some(process) => process.describe_end(how).await,
            None => "it was shut down".to_owned(),
        }
    }
}

/// Why a started server does not become ready.
enum StartFailure {
    /// The connection was closed, for a reason that only the process shows.
    Closed(&'static str),
    Protocol(String),
}

impl StartFailure {
    fn of(error: NoAnswer, what: &str) -> Self {
        match error {
            NoAnswer::Closed(how) => Self::Closed(how),
            NoAnswer::Unusable(reason) => Self::Protocol(reason.to_owned()),
            NoAnswer::Refused(reason) => Self::Protocol(format!("it refused to {what}: {reason}")),
            NoAnswer::Unreadable(problem) => {
                Self::Protocol(format!("its answer to the request to {what} cannot be read: {problem}"))
            }
        }
    }
}

/// The tools of a server, and those that cannot be used.
#[derive(Default)]
struct Tools {
    tools: Vec<McpTool>,
    left_out: Vec<String>,
}

/// Initializes the connection, and lists the server's tools.
async fn initialize(connection: &Connection) -> Result<Tools, StartFailure> {
    let client = json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")});
    let params = json!({"protocolVersion": PROTOCOL_VERSION, "capabilities": {}, "clientInfo": client});
    let server =
        connection.request("initialize", params).await.map_err(|error| StartFailure::of(error, "initialize"))?;
    if !["protocolVersion", "capabilities", "serverInfo"].iter().any(|key| server.get(key).is_some()) {
        return Err(StartFailure::Protocol("its answer to the initialization is not valid".to_owned()));
    }
    connection.notify("notifications/initialized");
    let mut tools = Tools::default();
    if server["capabilities"]["tools"].is_null() {
        return Ok(tools);
    }
    let mut cursor = Value::Null;
    for _ in 0..MAX_PAGES {
        let params = if cursor.is_null() { json!({}) } else { json!({"cursor": cursor}) };
        let page = connection
            .request("tools/list", params)
            .await
            .map_err(|error| StartFailure::of(error, "list its tools"))?;
        let Some(listed) = page["tools"].as_array() else {
            return Err(StartFailure::Protocol("its list of tools is not valid".to_owned()));
        };
        listed.iter().for_each(|tool| tools.add(tool));
        let next = page["nextCursor"].clone();
        // Some servers name an empty page, or the same one, without end.
        if next.is_null() || next == "" || next == cursor {
            break;
        }
        cursor = next;
    }
    Ok(tools)
}

impl Tools {
    fn add(&mut self, tool: &Value) {
        match McpTool::read(tool) {
            Ok(tool) if self.tools.iter().any(|known| known.name == tool.name) => {
                self.left_out.push(format!("the tool {}: another tool has the same name", tool.name));
            }
            Ok(tool) => self.tools.push(tool),
            Err(problem) => self.left_out.push(problem),
        }
    }
}

fn object(tool: &str, what: &'static str, value: Option<Value>) -> Result<Option<Map<String, Value>>, McpError> {
    let found = match value {
        None => return Ok(None),
        Some(Value::Object(map)) => return Ok(Some(map)),
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "a string",
        Some(Value::Array(_)) => "an array",
    };
    Err(McpError::NotAnObject { tool: tool.to_owned(), what, found })
}
