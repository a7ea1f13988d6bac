//! A server of the Model Context Protocol (MCP) that answers questions about the rollouts under some trace roots.
//!
//! Its tools only read. Each answer is a page of at most as many tokens as the client asked for, with a cursor for the
//! next page, and each line that comes from a bundle begins with `| `, so that no text in a bundle can pass for the
//! server's own words. A rollout is named by its id, the beginning of its id, or the path of its bundle, but only among
//! those that were found under the roots: no path from a client is ever opened.
//!
//! ```no_run
//! use rollout_trace_mcp::{Library, serve};
//!
//! # fn main() -> std::io::Result<()> {
//! let library = Library::open(["/home/me/traces"])?;
//! serve(library)
//! # }
//! ```

#![forbid(unsafe_code)]

mod answer;
mod error;
mod page;
mod question;
mod rollouts;
mod server;

use std::io;

use rmcp::ServiceExt;

pub use rollout_trace::Library;
pub use server::Server;

/// Serves a library on the standard streams of the process until its client closes them. Nothing else may write to
/// stdout meanwhile, nor hold its lock.
///
/// # Errors
///
/// The streams fail, or the client is none of this protocol.
pub fn serve(library: Library) -> io::Result<()> {
    // At its end, the protocol waits for open calls, but not for ever, and so needs a clock.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let streams = (tokio::io::stdin(), tokio::io::stdout());
        let running = Server::new(library).serve(streams).await.map_err(io::Error::other)?;
        running.waiting().await.map_err(io::Error::other)?;
        Ok(())
    })
}
