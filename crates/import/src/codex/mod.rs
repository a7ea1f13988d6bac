//! Rollout files of Codex.
//!
//! Source: imports, section 3.1.

mod answer;
mod base;
mod cells;
mod command;
mod compaction;
mod header;
mod reader;
mod runtime;
mod store;
mod tools;
mod turns;
mod usage;

use std::{cell::RefCell, path::Path, rc::Rc};

use rollout_trace_schema::ThreadId;

pub(crate) use header::{Header, thread_spawn};
use reader::Reader;
pub(crate) use store::{Store, thread_of_name};

use crate::{
    Limits,
    following::Following,
    merge::{Children, Stream},
    session::Opened,
    sources::Sources,
};

/// Opens the session whose root thread's file this is.
pub(crate) fn open(
    path: &Path,
    sources: &Sources,
    limits: Limits,
) -> Result<Opened, rollout_trace_bundle::PayloadError> {
    let store = Rc::new(RefCell::new(Store::of(path)));
    let header = Header::read(path);
    let history_from = header.forked_from.iter().cloned().collect();
    let (session, started_at, version) = (header.thread.clone(), header.started_at, header.version.clone());
    let records = sources.open(path, limits)?;
    let root = Reader::new(records.file, header, Rc::clone(&store), (sources, limits)).root();
    let root_stream: Stream = Box::new(Following::new(records, root));
    let sources = sources.clone();
    let children: Children = Box::new(move |thread: &ThreadId| {
        let path = store.borrow_mut().file_of(thread)?;
        let records = sources.open(&path, limits).ok()?;
        let reader = Reader::new(records.file, Header::read(&path), Rc::clone(&store), (&sources, limits));
        Some(Box::new(Following::new(records, reader)) as Stream)
    });
    Ok(Opened {
        session: session.to_string(),
        root: session,
        started_at,
        version,
        history_from,
        streams: vec![root_stream],
        children,
    })
}
