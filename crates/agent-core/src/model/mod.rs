//! Requests to the model, over a provider's Responses API.

mod bounds;
mod client;
mod complaint;
mod decode;
mod document;
mod draft;
mod duration;
mod error;
mod event;
mod reader;
mod request;
mod retry;
mod sse;
mod stream;
mod surrogates;

pub(crate) use client::{Envelope, ModelClient};
pub(crate) use error::ModelError;
pub(crate) use event::{ResponseEvent, item};
pub(crate) use request::{CompactRequest, ResponseRequest};
pub(crate) use stream::Stream;
