//! A session and those that it started, in one store.

use std::{collections::HashSet, rc::Rc};

use rollout_trace_schema::{EvidenceSource, ThreadId};
use serde_json::{Value, json};

use super::{
    reader::Reader,
    store::{SessionRow, Store, Table},
};
use crate::{
    spawn::{slug, spawned},
    writer::ROOT_PATH,
};

/// How deep sessions start one another.
const DEPTH: usize = 64;

/// What the sessions share.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) store: Store,
    root: String,
    /// The places of the tables among the sources.
    files: [u32; 3],
}

impl Family {
    pub(super) fn new(store: Store, root: &str, files: [u32; 3]) -> Self {
        Self { store, root: root.to_owned(), files }
    }

    /// Returns the place of a row; of the whole table, 0 is the row.
    pub(super) fn place(&self, table: Table, row: u64) -> EvidenceSource {
        EvidenceSource { file: self.files[table as usize], line: row }
    }

    /// Returns the sessions from this one up to the root, without the root. Sessions that lead back to themselves end it.
    fn line(&self, session: &SessionRow) -> Vec<SessionRow> {
        let mut line = vec![session.clone()];
        let mut seen = HashSet::from([self.root.clone(), session.id.clone()]);
        while let Some(parent) = line.last().and_then(|last| last.parent.clone())
            && line.len() < DEPTH
            && seen.insert(parent.clone())
            && let Some(parent) = self.store.session(&parent)
        {
            line.push(parent);
        }
        line
    }

    /// Returns the path of an agent by its session.
    pub(super) fn path(&self, session: &SessionRow) -> String {
        let name = |session: &SessionRow| {
            let title = session.title.as_deref().unwrap_or_default();
            // The program adds the agent's name to the words of the call.
            let words = title.split_once(" (@").map_or(title, |(words, _)| words);
            Some(slug(words)).filter(|name| !name.is_empty()).unwrap_or_else(|| session.id.clone())
        };
        self.line(session).iter().rev().fold(ROOT_PATH.to_owned(), |path, session| format!("{path}/{}", name(session)))
    }

    /// Returns the events of the session with which everything begins.
    pub(super) fn first(self: &Rc<Self>, session: SessionRow) -> Reader {
        let metadata = json!({
            "thread_id": session.id, "agent_path": ROOT_PATH, "cwd": session.directory, "agent_role": session.agent,
            "title": session.title,
        });
        Reader::new(Rc::clone(self), session, ROOT_PATH, &metadata, true)
    }

    /// Returns the events of a session that another one started.
    pub(super) fn child(self: &Rc<Self>, thread: &ThreadId) -> Option<Reader> {
        let session = self.store.session(thread.as_str())?;
        let path = self.path(&session);
        let parent = ThreadId::from(session.parent.as_deref().unwrap_or(&self.root));
        let depth = i64::try_from(self.line(&session).len()).unwrap_or(i64::MAX);
        let mut metadata = spawned(thread, &parent, &path, session.agent.as_deref(), depth);
        metadata["cwd"] = Value::from(session.directory.as_deref());
        metadata["title"] = Value::from(session.title.as_deref());
        Some(Reader::new(Rc::clone(self), session, &path, &metadata, false))
    }
}
