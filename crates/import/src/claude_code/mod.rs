//! Transcripts of Claude Code.
//!
//! Source: imports, section 3.2.

mod answer;
mod block;
mod chain;
mod command;
mod compaction;
mod message;
mod reader;
mod request;
mod store;
mod thread;
mod tools;

use std::path::Path;

use rollout_trace_bundle::PayloadError;
use rollout_trace_schema::ThreadId;

use crate::{Limits, merge::Stream, session::Opened, sources::Sources};
use reader::{Origin, Reader};
use store::Store;

/// Opens the session whose main transcript this is.
pub(crate) fn open(path: &Path, sources: &Sources, limits: Limits) -> Result<Opened, PayloadError> {
    let store = Store::of(path);
    let head = store::Head::read(path, limits)?;
    let session = head.session.clone();
    let root = ThreadId::from(session.as_str());
    let agents = store.agents(&root);
    let main = Reader::open(path, Origin::Root { head: head.clone() }, (&store, &agents), sources, limits)?;
    let mut streams: Vec<Stream> = vec![Box::new(main)];
    for agent in &agents {
        let origin = Origin::Agent { agent: agent.clone(), head: head.clone() };
        if let Ok(reader) = Reader::open(&agent.path, origin, (&store, &agents), sources, limits) {
            streams.push(Box::new(reader));
        }
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
