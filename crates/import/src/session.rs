//! A session of an agent, as its files show it.

use std::path::{Path, PathBuf};

use rollout_trace_bundle::PayloadError;
use rollout_trace_evidence::BundleHeader;
use rollout_trace_schema::{
    ImportEvidence, Importer, Manifest, Producer, RolloutId, SchemaVersion, ThreadId, TraceId, UnixMillis,
};

use crate::{
    Limits, claude_code, codex,
    detect::{Format, detect, first_record},
    gemini,
    merge::{Children, ImportedEvent, Merge, Stream},
    opencode, pi,
    sources::Sources,
    writer::UNKNOWN,
};

/// What a format's reader opens.
pub(crate) struct Opened {
    pub(crate) session: String,
    pub(crate) root: ThreadId,
    pub(crate) started_at: Option<UnixMillis>,
    pub(crate) version: Option<String>,
    pub(crate) history_from: Vec<String>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) children: Children,
}

/// Why a session cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file is not a session file of a known program.
    #[error("{} is not a session file of a known program: {seen}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What was seen in it.
        seen: String,
    },
    /// The file cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PayloadError,
    },
}

impl ImportError {
    /// Returns what a person can do about the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownFormat { .. } => {
                "session files of Codex, Claude Code, Pi and Gemini CLI can be imported, under any name, and stores of opencode"
            }
            Self::Open { .. } => "check the path and its permissions; links are not followed",
        }
    }
}

/// Reads the events of a session from the files of the program that ran, as they are.
///
/// The events come in causal order, with the documents that they refer to. The same files always give the same events.
pub struct Session {
    format: Format,
    session: String,
    root: ThreadId,
    started_at: UnixMillis,
    version: Option<String>,
    history_from: Vec<String>,
    sources: Sources,
    events: Merge,
}

impl Session {
    /// Opens the session that a file belongs to. The file must be that of the session's first thread. Of a store with several
    /// sessions, the path names one: `opencode.db#ID`.
    ///
    /// # Errors
    ///
    /// The file is not a session file, or cannot be opened.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, ImportError> {
        let unknown = || ImportError::UnknownFormat { path: path.to_owned(), seen: first_record(path) };
        let format = detect(path).ok_or_else(unknown)?;
        let sources = Sources::default();
        let opened = match format {
            Format::Codex => codex::open(path, &sources, limits),
            Format::ClaudeCode => claude_code::open(path, &sources, limits),
            Format::Pi => pi::open(path, &sources, limits),
            Format::Gemini => gemini::open(path, &sources, limits),
            Format::OpenCode => opencode::open(path, &sources, limits),
        };
        let opened = opened.map_err(|source| ImportError::Open { path: path.to_owned(), source })?;
        let rollout = RolloutId::from(opened.session.as_str());
        Ok(Self {
            format,
            session: opened.session,
            started_at: opened.started_at.unwrap_or_default(),
            version: opened.version,
            history_from: opened.history_from,
            sources,
            events: Merge::new(rollout, &opened.root, opened.streams, opened.children),
            root: opened.root,
        })
    }

    /// Returns the format of the session's files.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the session's id.
    pub fn id(&self) -> &str {
        &self.session
    }

    /// Returns the thread with which the session begins.
    pub fn root_thread(&self) -> &ThreadId {
        &self.root
    }

    /// Returns when the session began, 0 if no file says it.
    pub fn started_at_unix_ms(&self) -> UnixMillis {
        self.started_at
    }

    /// Returns what is known about the session before its first event.
    pub fn header(&self) -> BundleHeader {
        let manifest = self.manifest();
        BundleHeader {
            schema_version: SchemaVersion::V2,
            stated_schema: Some(manifest.schema_version),
            trace_id: Some(manifest.trace_id),
            rollout_id: Some(manifest.rollout_id),
            root_thread_id: Some(manifest.root_thread_id),
            started_at_unix_ms: Some(manifest.started_at_unix_ms),
            observed: None,
            evidence: manifest.evidence,
        }
    }

    /// Returns the manifest of a bundle of the session. What it says of the evidence counts the events so far, so it is
    /// right after the last one.
    pub fn manifest(&self) -> Manifest {
        let evidence = ImportEvidence {
            grade: ImportEvidence::IMPORTED.to_owned(),
            format: self.format.as_str().to_owned(),
            producer: Some(match &self.version {
                Some(version) => format!("{} {version}", self.format.producer()),
                None => self.format.producer().to_owned(),
            }),
            importer: Importer {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            sources: self.sources.finish(),
            history_from: self.history_from.clone(),
            requests: self.events.account.requests,
            losses: self.events.account.losses.clone(),
        };
        Manifest {
            schema_version: SchemaVersion::V2.number(),
            trace_id: TraceId::from(format!("import-{}", self.session)),
            rollout_id: RolloutId::from(self.session.as_str()),
            root_thread_id: self.root.clone(),
            started_at_unix_ms: self.started_at,
            raw_event_log: Manifest::RAW_EVENT_LOG.to_owned(),
            payloads_dir: Manifest::PAYLOADS_DIR.to_owned(),
            payload_layout: None,
            producer: Some(Producer {
                name: self.format.producer().to_owned(),
                version: self.version.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
            }),
            observed: None,
            evidence: Some(evidence),
            unknown: serde_json::Map::new(),
        }
    }
}

impl Iterator for Session {
    type Item = ImportedEvent;

    fn next(&mut self) -> Option<ImportedEvent> {
        self.events.next()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("format", &self.format).field("session", &self.session).finish_non_exhaustive()
    }
}
