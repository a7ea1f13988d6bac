//! Reading model-facing requests, of which each repeats the one before it.

mod reader;
mod walk;

pub(crate) use reader::{Input, RequestDocument, RequestReader};
