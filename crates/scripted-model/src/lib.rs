//! A model that answers from a script.
//!
//! [`ScriptedModel`] listens on loopback, speaks the Responses API with server-sent events, and takes its answers from
//! a [`Script`]: items, pauses, HTTP errors, and streams that break or stall. With it, tests and demos of an agent core
//! need no network and no key, and give the same result each time. `docs/agent.md` describes the script format.

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
