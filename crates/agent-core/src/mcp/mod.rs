//! Servers of the Model Context Protocol, connected over the standard streams of a child process.
//!
//! [`McpServer::start`] starts a server and lists its tools, and [`McpServer::call_tool`] calls a tool. The official
//! SDK implements the protocol. This module manages the process itself, so that the server and its children end in
//! every case.

mod config;
mod error;
mod process;
mod server;
#[cfg(test)]
mod tests;
mod tool;

pub use config::McpServerConfig;
pub use error::McpError;
pub use server::McpServer;
pub use tool::{McpTool, McpToolResult};
