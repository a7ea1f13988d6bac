//! Why a server did not do what was asked.

use std::{io, time::Duration};

/// Why a server did not start or a call gave no result, in words for people and models.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum McpError {
    /// The program does not run.
    #[error("MCP server {server}: {command} does not start")]
    NoStart {
        /// The server.
        server: String,
        /// Its program.
        command: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The program runs, but is no server that we can speak with.
    #[error("MCP server {server} does not get ready: {reason}")]
    NotReady {
        /// The server.
        server: String,
        /// What went wrong, and what it last wrote to its standard error.
        reason: String,
    },
    /// It took too long.
    #[error("MCP server {server} gave no valid answer within {limit:?}{stderr}")]
    TooSlow {
        /// The server.
        server: String,
        /// The limit.
        limit: Duration,
        /// What it last wrote to its standard error.
        stderr: String,
    },
    /// The process ended, or closed its output.
    #[error("MCP server {server} is gone: {reason}")]
    Gone {
        /// The server.
        server: String,
        /// How it ended, and what it last wrote to its standard error.
        reason: String,
    },
    /// The server answered that it won't.
    #[error("MCP server {server} refuses the call of {tool}: {message} (code {code})")]
    Refused {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// The code of JSON-RPC.
        code: i32,
        /// What the server says.
        message: String,
    },
    /// The answer is no result of a tool call.
    #[error("MCP server {server} answers the call of {tool} with something else than a result: {reason}")]
    NoResult {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The protocol has objects only.
    #[error("the {what} of a call of {tool} must be an object, not {found}")]
    NotAnObject {
        /// The tool.
        tool: String,
        /// Which part of the call.
        what: &'static str,
        /// What was there instead.
        found: &'static str,
    },
}
