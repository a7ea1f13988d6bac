//! Requests to the model, over a provider's Responses API.

mod bounds;
mod client;
mod error;
mod event;
mod request;
mod retry;

pub(crate) use client::{Envelope, ModelClient};
pub(crate) use error::ModelError;
pub(crate) use event::{ResponseEvent, item};
pub(crate) use request::{CompactRequest, ResponseRequest};
