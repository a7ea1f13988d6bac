//! A model that says what a script tells it to say.
//!
//! [`ScriptedModel`] listens on loopback, speaks the Responses API with server-sent events, and takes its answers from a
//! [`Script`]: items, pauses, HTTP errors, streams that break or stall. Tests and demos of an agent core run against it without a
//! network, a key or chance. `docs/agent.md` says how a script is written.

#![forbid(unsafe_code)]

mod answer;
mod dialogue;
mod error;
mod item;
mod request;
mod script;
mod server;

pub use error::{ScriptError, ServeError};
pub use request::SeenRequest;
pub use script::{Endpoint, Script};
pub use server::ScriptedModel;
