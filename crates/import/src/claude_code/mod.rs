//! Transcripts of Claude Code.
//!
//! Source: imports, section 3.2.

mod answer;
mod block;
mod chain;
mod command;
mod compaction;
mod found;
mod message;
mod reader;
mod request;
mod selection;
mod store;
mod thread;
mod tools;

use std::path::Path;

use rollout_trace_bundle::PayloadError;
use rollout_trace_schema::ThreadId;

use crate::{Limits, following::Following, merge::Stream, session::Opened, sources::Sources};
use reader::{Origin, Reader};
use store::Store;

/// Opens the session whose main transcript this is.
pub(crate) fn open(path: &Path, sources: &Sources, limits: Limits) -> Result<Opened, PayloadError> {
    let store = Store::of(path);
    let head = store::Head::read(path, limits)?;
    let session = head.session.clone();
    let root = ThreadId::from(session.as_str());
    let agents = store.agents(&root, limits);
    let read = |path: &Path, origin| -> Result<Stream, PayloadError> {
        let records = sources.open(path, limits)?;
        let reader = Reader::new(records.file, origin, (&store, &agents), sources);
        Ok(Box::new(Following::new(records, reader)))
    };
    let mut streams = vec![read(path, Origin::Root { head: head.clone() })?];
    for agent in &agents {
        streams.extend(read(&agent.path, Origin::Agent { agent: agent.clone(), head: head.clone() }));
    }
    Ok(Opened {
        session,
        root,
        started_at: head.started_at,
        version: head.version,
        history_from: head.copied_from,
        streams,
        children: Box::new(|_| None),
    })
}
