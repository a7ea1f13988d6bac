//! Reading model-facing requests, each of which repeats the one before it.

mod damage;
mod reader;

pub(crate) use reader::{Input, RequestDocument, RequestReader};
