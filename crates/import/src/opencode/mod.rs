//! Stores of opencode.
//!
//! Source: imports, section 3.5.

mod family;
mod message;
mod place;
mod reader;
mod store;

use std::{collections::HashSet, io, path::Path, rc::Rc};

use rollout_trace_bundle::PayloadError;
use rollout_trace_schema::ThreadId;

use crate::{
    Limits, SessionOutline,
    lines::Digested,
    merge::{Children, Stream},
    object::Object,
    session::Opened,
    sources::{self, Sources},
    time,
};
use family::Family;
pub(crate) use place::within;
pub use place::{store_of, write_ahead_log};
use store::{SessionRow, Store, Table};

/// How a title begins that the program made before anything was said.
const UNTITLED: [&str; 2] = ["New session - ", "Child session - "];

/// Returns whether a path is that of a store, or of a session in one.
pub(crate) fn is_store(path: &Path) -> bool {
    place::locate(path).is_some_and(|(store, _)| Store::open(&store, Limits::default()).is_ok())
}

/// Returns why a database is not a store, or cannot be read as one.
pub(crate) fn why_not(path: &Path) -> Option<String> {
    let (store, name) = place::locate(path)?;
    match Store::open(&store, Limits::default()) {
        Err(PayloadError::Read { source, .. }) => Some(format!("it is no store of opencode: {source}")),
        Err(error) => Some(error.to_string()),
        Ok(store) => {
            let (sessions, problem) = store.sessions();
            Some(match (name, problem) {
                (_, Some(problem)) => format!("its sessions cannot be listed: {problem}"),
                (Some(name), None) => format!("the store has no session {name}"),
                (None, None) => format!("it is a store with {} sessions", sessions.len()),
            })
        }
    }
}

/// Returns the sessions of a store that no other one in it started, or the one that the path names, with what is known about
/// each.
pub(crate) fn sessions(path: &Path) -> Vec<SessionOutline> {
    let Some((file, name)) = place::locate(path) else { return Vec::new() };
    let Ok(store) = Store::open(&file, Limits::default()) else { return Vec::new() };
    let is_indexed = store.is_indexed();
    let sessions = match name {
        Some(name) => store.session(&name).into_iter().collect(),
        None => first_sessions(&store),
    };
    sessions.into_iter().map(|session| outline(&store, session, is_indexed)).collect()
}

fn first_sessions(store: &Store) -> Vec<SessionRow> {
    let sessions = store.sessions().0;
    let ids: HashSet<String> = sessions.iter().map(|session| session.id.clone()).collect();
    let is_first = |session: &SessionRow| session.parent.as_ref().is_none_or(|parent| !ids.contains(parent));
    sessions.into_iter().filter(is_first).collect()
}

fn outline(store: &Store, session: SessionRow, is_indexed: bool) -> SessionOutline {
    let prompt = || {
        let parts = if is_indexed { store.first_parts(&session.id) } else { Vec::new() };
        let text = |part: &String| Object::parse(part)?.text("text").filter(|text| !text.is_empty());
        parts.iter().find_map(text)
    };
    let title = session.title.clone().filter(|title| !UNTITLED.iter().any(|start| title.starts_with(start)));
    let model = session.model.as_deref().and_then(Object::parse);
    SessionOutline {
        agent: match &session.version {
            Some(version) => format!("opencode {version}"),
            None => "opencode".to_owned(),
        },
        started_at_unix_ms: session.created.filter(time::is_plausible),
        last_at_unix_ms: session.updated.filter(time::is_plausible),
        cwd: session.directory.clone(),
        model: model.and_then(|model| model.text("id").or_else(|| model.text("modelID"))),
        prompt: prompt().or(title),
        session: session.id,
    }
}

/// Opens the only session of a store, or the one that the path names.
pub(crate) fn open(path: &Path, sources: &Sources, limits: Limits) -> Result<Opened, PayloadError> {
    let refused = |what: String| PayloadError::Read { path: path.to_owned(), source: io::Error::other(what) };
    let (file, name) = place::locate(path).ok_or_else(|| refused("it is no database".to_owned()))?;
    let store = Store::open(&file, limits)?;
    let session = match &name {
        Some(name) => store.session(name).ok_or_else(|| refused(format!("the store has no session {name}")))?,
        None => {
            let mut sessions = first_sessions(&store);
            match sessions.len() {
                1 => sessions.remove(0),
                0 => return Err(refused("the store has no session".to_owned())),
                count => return Err(refused(format!("the store has {count} sessions"))),
            }
        }
    };
    let digested = Digested::read(sources::open(&file)?).map_err(|error| refused(error.to_string()))?;
    let files = Table::ALL.map(|table| sources.add(&within(&file, table.name()), digested.clone()));
    let log = write_ahead_log(&file);
    if let Ok(log_file) = sources::open(&log) {
        sources.add(&log, Digested::read(log_file).map_err(|error| refused(error.to_string()))?);
    }
    let root = ThreadId::from(session.id.as_str());
    let family = Rc::new(Family::new(store, &session.id, files));
    let stream: Stream = Box::new(family.first(session.clone()));
    let children: Children = Box::new(move |thread: &ThreadId| Some(Box::new(family.child(thread)?) as Stream));
    Ok(Opened {
        root,
        started_at: session.created.filter(time::is_plausible),
        version: session.version,
        history_from: Vec::new(),
        session: session.id,
        streams: vec![stream],
        children,
    })
}
