//! A running server.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rmcp::{
    Peer, RoleClient,
    model::{
        CallToolRequestParams, CallToolResponse, ClientCapabilities, ClientConfig, Implementation, MetaObject,
        RequestMetaObject,
    },
    service::{ClientInitializeError, RunningService, ServiceError, serve_client},
};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{McpError, McpServerConfig, McpTool, McpToolResult, process::Process};
use crate::pause::Pause;

/// How long the end of the connection may take; it only closes the server's input.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// A server that runs and whose tools are known.
///
/// Dropping it kills the process; [`shutdown`](Self::shutdown) lets it end by itself first.
#[derive(Debug)]
pub struct McpServer {
    name: String,
    tools: Vec<McpTool>,
    call_limit: Duration,
    peer: Peer<RoleClient>,
    /// There until it is shut down.
    running: Mutex<Option<RunningService<RoleClient, ClientConfig>>>,
    process: tokio::sync::Mutex<Option<Process>>,
}

impl McpServer {
    /// Starts a server, greets it and asks for its tools.
    ///
    /// # Errors
    /// When the program does not start, ends, is too slow, or speaks another protocol. It is killed then.
    pub async fn start(config: McpServerConfig) -> Result<Self, McpError> {
        let McpServerConfig { name, command, start_limit, call_limit, .. } = &config;
        let (process, stdin, stdout) = Process::start(&config).map_err(|source| McpError::NoStart {
            server: name.clone(),
            command: command.clone(),
            source,
        })?;
        let client = ClientConfig::new(
            ClientCapabilities::default(),
            Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
        );
        let greeting = async {
            let running = serve_client(client, (stdout, stdin)).await.map_err(Refusal::of_greeting)?;
            let offers_tools = running.peer_info().is_some_and(|info| info.capabilities.tools.is_some());
            let tools = match offers_tools {
                true => running.list_all_tools().await.map_err(Refusal::of_tools)?,
                false => Vec::new(),
            };
            Ok((running, tools))
        };
        match timeout(*start_limit, greeting).await {
            Ok(Ok((running, tools))) => Ok(Self {
                name: name.clone(),
                tools: tools.into_iter().map(McpTool::from).collect(),
                call_limit: *call_limit,
                peer: running.peer().clone(),
                running: Mutex::new(Some(running)),
                process: tokio::sync::Mutex::new(Some(process)),
            }),
            Ok(Err(refusal)) => {
                let reason = match refusal {
                    Refusal::Gone => process.fate().await,
                    Refusal::Because(reason) => reason + &process.last_words(),
                };
                process.kill().await;
                Err(McpError::NotReady { server: name.clone(), reason })
            }
            Err(_) => {
                let stderr = process.last_words();
                process.kill().await;
                Err(McpError::TooSlow { server: name.clone(), limit: *start_limit, stderr })
            }
        }
    }

    /// Says what errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lists the tools that it offered when it started.
    pub fn tools(&self) -> &[McpTool] {
        &self.tools
    }

    /// Calls a tool. `meta` goes along as the request's `_meta`. The server is told if the call is dropped or takes too long.
    ///
    /// # Errors
    /// When there is no result. A tool that fails gives a result that says so.
    pub async fn call_tool(
        &self,
        tool: &str,
        arguments: Option<Value>,
        meta: Option<Value>,
    ) -> Result<McpToolResult, McpError> {
        self.call_tool_with_pauses(&Pause::new(), tool, arguments, meta).await
    }

    /// As [`call_tool`](Self::call_tool), with a limit that pauses do not count against: the server may be what waits for them.
    pub(crate) async fn call_tool_with_pauses(
        &self,
        pause: &Pause,
        tool: &str,
        arguments: Option<Value>,
        meta: Option<Value>,
    ) -> Result<McpToolResult, McpError> {
        let mut params = CallToolRequestParams::new(tool.to_owned());
        params.arguments = object(tool, "arguments", arguments)?;
        params.meta = object(tool, "_meta", meta)?.map(|meta| RequestMetaObject(MetaObject(meta)));
        let server = || self.name.clone();
        let no_result = |reason: String| McpError::NoResult { server: server(), tool: tool.to_owned(), reason };
        match pause.timeout(self.call_limit, self.peer.call_tool_once(params)).await {
            Some(Ok(CallToolResponse::Complete(result))) => {
                McpToolResult::new(result).map_err(|error| no_result(error.to_string()))
            }
            Some(Ok(_)) => Err(no_result("it asks for more input, or to come back later".to_owned())),
            Some(Err(ServiceError::McpError(error))) => Err(McpError::Refused {
                server: server(),
                tool: tool.to_owned(),
                code: error.code.0,
                message: error.message.into_owned(),
            }),
            Some(Err(ServiceError::TransportClosed | ServiceError::TransportSend(_))) => {
                Err(McpError::Gone { server: server(), reason: self.fate().await })
            }
            Some(Err(error)) => Err(no_result(error.to_string())),
            None => {
                let process = self.process.lock().await;
                let stderr = process.as_ref().map(Process::last_words).unwrap_or_default();
                Err(McpError::TooSlow { server: server(), limit: self.call_limit, stderr })
            }
        }
    }

    /// Closes the server's input and returns when the process is gone: by itself, or killed when it takes too long.
    pub async fn shutdown(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut running) = running {
            // What fails or takes long here is about the connection; the process ends in any case.
            let _ = running.close_with_timeout(CLOSE_LIMIT).await;
        }
        let process = self.process.lock().await.take();
        if let Some(process) = process {
            process.end().await;
        }
    }

    async fn fate(&self) -> String {
        match &*self.process.lock().await {
            Some(process) => process.fate().await,
            None => "it was shut down".to_owned(),
        }
    }
}

/// Why a server that was started is of no use.
enum Refusal {
    /// The connection is closed; the process knows why.
    Gone,
    Because(String),
}

impl Refusal {
    fn of_greeting(error: ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => Self::Gone,
            ClientInitializeError::JsonRpcError(error) => {
                Self::Because(format!("it refuses the greeting: {} (code {})", error.message, error.code.0))
            }
            ClientInitializeError::ExpectedInitResponse(_) | ClientInitializeError::ExpectedInitResult(_) => {
                Self::Because("it answers the greeting with something else".to_owned())
            }
            error => Self::Because(error.to_string()),
        }
    }

    fn of_tools(error: ServiceError) -> Self {
        match error {
            ServiceError::TransportClosed | ServiceError::TransportSend(_) => Self::Gone,
            ServiceError::McpError(error) => {
                Self::Because(format!("it refuses to list its tools: {} (code {})", error.message, error.code.0))
            }
            error => Self::Because(format!("it does not list its tools: {error}")),
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
