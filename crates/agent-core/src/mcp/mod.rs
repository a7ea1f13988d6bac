//! Servers of the Model Context Protocol, connected over the standard streams of a child process.
//!
//! [`McpServer::start`] starts a server and lists its tools, and [`McpServer::call_tool`] calls a tool. The client
//! is tolerant: servers make many small mistakes, and each costs only itself. A tool that cannot be used is left out, a
//! part of a result that is not known is passed on as it is, and an answer that cannot be read ends its call at once.

mod config;
mod connection;
mod error;
mod lines;
mod message;
#[cfg(test)]
mod odd_tests;
mod process;
mod schema;
mod server;
#[cfg(test)]
mod tests;
mod tool;
mod waiting;

pub use config::McpServerConfig;
pub use error::McpError;
pub use server::McpServer;
pub use tool::{McpTool, McpToolResult};
