//! Errors of servers.

use std::{io, time::Duration};

/// Why a server did not start, or why a call has no result. The text is for people and models.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum McpError {
    /// The program does not start.
    #[error("MCP server {server}: {command} does not start")]
    NoStart {
        /// The server.
        server: String,
        /// The program.
        command: String,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The program runs, but does not work as a server.
    #[error("MCP server {server} does not become ready: {reason}")]
    NotReady {
        /// The server.
        server: String,
        /// The problem, and the end of the standard error.
        reason: String,
    },
    /// The server took too long.
    #[error("MCP server {server} returned no valid answer within {limit:?}{stderr}")]
    TooSlow {
        /// The server.
        server: String,
        /// The limit.
        limit: Duration,
        /// The end of the standard error.
        stderr: String,
    },
    /// The process ended, or closed its output.
    #[error("MCP server {server} is gone: {reason}")]
    Gone {
        /// The server.
        server: String,
        /// How the process ended, and the end of its standard error.
        reason: String,
    },
    /// The server refused the call.
    #[error("MCP server {server} refused the call of {tool}: {reason}")]
    Refused {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// The message of the server, and its error code if it has one.
        reason: String,
    },
    /// The answer is not the result of a tool call.
    #[error("MCP server {server} did not return a result for the call of {tool}: {reason}")]
    NoResult {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// The problem with the answer.
        reason: String,
    },
    /// A part of the call is not an object.
    #[error("the {what} of a call of {tool} must be an object, but is {found}")]
    NotAnObject {
        /// The tool.
        tool: String,
        /// The part of the call.
        what: &'static str,
        /// The kind of value that was found instead.
        found: &'static str,
    },
}
