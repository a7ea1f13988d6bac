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

/// How long closing the connection may take. Closing only closes the server's input.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// A running server whose tools are known.
///
/// Dropping it kills the process; [`shutdown`](Self::shutdown) lets it end by itself first.
#[derive(Debug)]
pub struct McpServer {
    name: String,
    tools: Vec<McpTool>,
    call_limit: Duration,
    peer: Peer<RoleClient>,
    /// `None` after the server was shut down.
    running: Mutex<Option<RunningService<RoleClient, ClientConfig>>>,
    process: tokio::sync::Mutex<Option<Process>>,
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
        let client = ClientConfig::new(
            ClientCapabilities::default(),
            Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
        );
        let initialize = async {
            let running = serve_client(client, (stdout, stdin)).await.map_err(StartFailure::of_initialize)?;
            let offers_tools = running.peer_info().is_some_and(|info| info.capabilities.tools.is_some());
            let tools = match offers_tools {
                true => running.list_all_tools().await.map_err(StartFailure::of_tools)?,
                false => Vec::new(),
            };
            Ok((running, tools))
        };
        match timeout(*start_limit, initialize).await {
            Ok(Ok((running, tools))) => Ok(Self {
                name: name.clone(),
                tools: tools.into_iter().map(McpTool::from).collect(),
                call_limit: *call_limit,
                peer: running.peer().clone(),
                running: Mutex::new(Some(running)),
                process: tokio::sync::Mutex::new(Some(process)),
            }),
            Ok(Err(failure)) => {
                let reason = match failure {
                    StartFailure::Closed => process.describe_end().await,
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
        let mut params = CallToolRequestParams::new(tool.to_owned());
        params.arguments = object(tool, "arguments", arguments)?;
        params.meta = object(tool, "_meta", meta)?.map(|meta| RequestMetaObject(MetaObject(meta)));
        let server = || self.name.clone();
        let no_result = |reason: String| McpError::NoResult { server: server(), tool: tool.to_owned(), reason };
        match pause.timeout(self.call_limit, self.peer.call_tool_once(params)).await {
            Some(Ok(CallToolResponse::Complete(result))) => {
                McpToolResult::new(result).map_err(|error| no_result(error.to_string()))
            }
            Some(Ok(_)) => Err(no_result("it requests more input, or offers the result later".to_owned())),
            Some(Err(ServiceError::McpError(error))) => Err(McpError::Refused {
                server: server(),
                tool: tool.to_owned(),
                code: error.code.0,
                message: error.message.into_owned(),
            }),
            Some(Err(ServiceError::TransportClosed | ServiceError::TransportSend(_))) => {
                Err(McpError::Gone { server: server(), reason: self.describe_end().await })
            }
            Some(Err(error)) => Err(no_result(error.to_string())),
            None => {
                let process = self.process.lock().await;
                let stderr = process.as_ref().map(Process::stderr_suffix).unwrap_or_default();
                Err(McpError::TooSlow { server: server(), limit: self.call_limit, stderr })
            }
        }
    }

    /// Closes the server's input, and waits until the process has ended. A process that takes too long is killed.
    pub async fn shutdown(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut running) = running {
            // An error or a timeout concerns only the connection; the process is ended below.
            let _ = running.close_with_timeout(CLOSE_LIMIT).await;
        }
        let process = self.process.lock().await.take();
        if let Some(process) = process {
            process.end().await;
        }
    }

    async fn describe_end(&self) -> String {
        match &*self.process.lock().await {
            Some(process) => process.describe_end().await,
            None => "it was shut down".to_owned(),
        }
    }
}

/// Why a started server does not become ready.
enum StartFailure {
    /// The connection was closed, for a reason that only the process shows.
    Closed,
    Protocol(String),
}

impl StartFailure {
    fn of_initialize(error: ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => Self::Closed,
            ClientInitializeError::JsonRpcError(error) => {
                Self::Protocol(format!("it refused to initialize: {} (code {})", error.message, error.code.0))
            }
            ClientInitializeError::ExpectedInitResponse(_) | ClientInitializeError::ExpectedInitResult(_) => {
                Self::Protocol("its answer to the initialization is not valid".to_owned())
            }
            error => Self::Protocol(error.to_string()),
        }
    }

    fn of_tools(error: ServiceError) -> Self {
        match error {
            ServiceError::TransportClosed | ServiceError::TransportSend(_) => Self::Closed,
            ServiceError::McpError(error) => {
                Self::Protocol(format!("it refused to list its tools: {} (code {})", error.message, error.code.0))
            }
            error => Self::Protocol(format!("listing its tools failed: {error}")),
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
