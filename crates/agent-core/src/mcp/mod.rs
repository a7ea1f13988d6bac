//! Servers of the Model Context Protocol, spoken to over the standard streams of a child process.
//!
//! [`McpServer::start`] starts one and learns its tools, [`McpServer::call_tool`] calls them. The protocol is the official SDK's; the
//! process is ours, so that it and what it starts are gone when we are done with it, however that comes.

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
