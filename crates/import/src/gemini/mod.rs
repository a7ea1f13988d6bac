//! Chats of Gemini CLI.
//!
//! Source: imports, section 3.4.

mod reader;

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use rollout_trace_bundle::PayloadError;
use rollout_trace_schema::{ThreadId, UnixMillis};
use serde_json::json;

use crate::{
    Limits, detect,
    following::Following,
    merge::{Children, Stream},
    object::Object,
    session::Opened,
    sources::{Records, Sources, open as open_file},
    spawn::spawned,
    time,
    writer::ROOT_PATH,
};
use reader::{Agents, Reader, Spawned};

/// No path of a project is longer.
const MAX_PATH_BYTES: u64 = 16 << 10;

/// How a file begins, which the records after it may not say again.
struct Head {
    session: String,
    started_at: Option<UnixMillis>,
}

impl Head {
    fn read(path: &Path) -> Self {
        let head = detect::head(path);
        let header = head.first().and_then(|text| Object::parse(text)).unwrap_or_default();
        let stem = path.file_stem().map_or_else(|| "session".to_owned(), |stem| stem.to_string_lossy().into_owned());
        Self {
            session: header.text("sessionId").unwrap_or(stem),
            started_at: header.text("startTime").and_then(|text| time::parse(&text)),
        }
    }
}

/// Opens a chat.
pub(crate) fn open(path: &Path, sources: &Sources, limits: Limits) -> Result<Opened, PayloadError> {
    let head = Head::read(path);
    let records = open_records(path, sources, limits)?;
    let root = ThreadId::from(head.session.as_str());
    // The chats of a session's agents are in a folder that is named like the session.
    let agents = Agents::new(path.parent().map(|chats| chats.join(&head.session)).unwrap_or_default());
    let cwd = project_root(path);
    let metadata = json!({"thread_id": root, "agent_path": ROOT_PATH, "cwd": cwd});
    let reader = Reader::new(records.file, (&root, head.started_at), cwd.clone(), agents.clone());
    let stream: Stream = Box::new(Following::new(records, reader.root(ROOT_PATH, &metadata)));
    let sources = sources.clone();
    let children: Children = Box::new(move |thread: &ThreadId| {
        let Spawned { file, parent, path, role, depth } = agents.get(thread)?;
        let records = open_records(&file, &sources, limits).ok()?;
        let metadata = spawned(thread, &parent, &path, Some(&role), depth);
        let reader = Reader::new(records.file, (thread, Head::read(&file).started_at), cwd.clone(), agents.clone());
        Some(Box::new(Following::new(records, reader.started(&path, &metadata).at_depth(depth))) as Stream)
    });
    Ok(Opened {
        session: head.session,
        root,
        started_at: head.started_at,
        version: None,
        history_from: Vec::new(),
        streams: vec![stream],
        children,
    })
}

/// Opens the records of a chat, which older versions write as one object.
fn open_records(path: &Path, sources: &Sources, limits: Limits) -> Result<Records, PayloadError> {
    if detect::is_document(path) { sources.open_document(path, "messages", limits) } else { sources.open(path, limits) }
}

/// Returns the folder that a project's chats are about, which a file beside them says.
fn project_root(chat: &Path) -> Option<String> {
    let project: PathBuf = chat.parent()?.parent()?.join(".project_root");
    let mut text = String::new();
    open_file(&project).ok()?.take(MAX_PATH_BYTES).read_to_string(&mut text).ok()?;
    let path = text.trim();
    (!path.is_empty()).then(|| path.to_owned())
}
