//! Opening a bundle.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind},
    path::{Path, PathBuf},
};

use rollout_trace_schema::{Manifest, SchemaVersion, packed::PACKED_LAYOUT};
use thiserror::Error;

use crate::{
    BundleHeader, BundlePayloads, Events, Limits, LogLine, PayloadError, Problem,
    contained::ContainedFolder,
    events::Log,
    manifest::{ReadManifest, error_text},
};

/// How many events are asked for their version before the manifest's is overruled.
const VOTERS: usize = 3;

/// How many lines are searched for these events.
const LINES_SEARCHED: usize = 64;

/// A trace bundle on disk.
///
/// Opening reads the manifest and the first few events; the rest is read when it is asked for.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    limits: Limits,
    header: BundleHeader,
    manifest: Option<Manifest>,
    problems: Vec<Problem>,
}

/// Why a path cannot be opened as a bundle.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is nothing at the path.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// The path cannot be looked at.
    #[error("cannot open {}", path.display())]
    Inaccessible {
        /// The path as given.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There is neither a manifest nor an event log.
    #[error("{} is no trace bundle: it holds neither manifest.json nor trace.jsonl", path.display())]
    NotABundle {
        /// The folder.
        path: PathBuf,
    },
}

impl OpenError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "check the path; bundles are folders named trace-<trace id>-<thread id>",
            Self::Inaccessible { .. } => "check the permissions: bundles belong to the user who ran the agent",
            Self::NotABundle { .. } => "give the folder that holds trace.jsonl, or a file in it",
        }
    }
}

impl Bundle {
    /// Opens the bundle at `path`: its folder, or a file in it.
    ///
    /// # Errors
    ///
    /// There is nothing at all to read. Everything else is a [`Problem`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path, Limits::default())
    }

    /// Opens the bundle at `path` with limits other than the usual ones.
    ///
    /// # Errors
    ///
    /// There is nothing at all to read. Everything else is a [`Problem`].
    pub fn open_with(path: impl AsRef<Path>, limits: Limits) -> Result<Self, OpenError> {
        let path = bundle_folder(path.as_ref())?;
        let mut folder = ContainedFolder::new(path.clone());
        let mut problems = Vec::new();
        let read = ReadManifest::read(&mut folder, &limits, &mut problems);
        if let Some(layout) = read.manifest.as_ref().and_then(|manifest| manifest.payload_layout.as_deref())
            && layout != PACKED_LAYOUT
        {
            let reason = format!("the payload layout {layout} is not known: update rollout-trace");
            problems.push(Problem::UnsupportedVersion { what: Manifest::FILE_NAME, line: None, reason });
        }
        let log = open_log(&mut folder);
        match &log {
            Ok(_) => {}
            Err(PayloadError::Missing { .. }) if problems.contains(&Problem::ManifestMissing) => {
                return Err(OpenError::NotABundle { path });
            }
            Err(error) => problems.push(Problem::LogUnreadable { reason: error_text(error) }),
        }
        let mut header = BundleHeader {
            schema_version: SchemaVersion::NEWEST,
            trace_id: read.trace_id,
            rollout_id: read.rollout_id,
            root_thread_id: read.root_thread_id,
            started_at_unix_ms: read.started_at_unix_ms,
        };
        let events = log.ok().and_then(|log| version_of_events(log, &header, limits));
        header.schema_version = governing_version(read.schema_version, events, &mut problems);
        Ok(Self { path, limits, header, manifest: read.manifest, problems })
    }

    /// The bundle's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the bundle is, as far as its manifest and first events say.
    pub fn header(&self) -> BundleHeader {
        self.header.clone()
    }

    /// The manifest, if it is whole.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// What was found wrong on opening. What is wrong with the event log comes with its [`events`](Self::events).
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The bounds that reading keeps.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads the event log from its start.
    ///
    /// A log that could not be opened gives nothing: that is among the [`problems`](Self::problems).
    pub fn events(&self) -> Events {
        let log = open_log(&mut ContainedFolder::new(self.path.clone())).ok();
        Events::new(log, &self.header, self.limits)
    }

    /// Gives access to the payload documents.
    pub fn payloads(&self) -> BundlePayloads {
        BundlePayloads::new(&self.path, &self.limits)
    }
}

/// Finds the folder of the bundle that a path means.
fn bundle_folder(path: &Path) -> Result<PathBuf, OpenError> {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(path.to_owned()),
        Ok(_) => {
            let parent = parent(path);
            let is_payload = !holds_bundle(&parent) && holds_bundle(&parent.join(".."));
            Ok(if is_payload { self::parent(&parent) } else { parent })
        }
        // The log may be what is missing, and the rest of the bundle still tells something.
        Err(error) if error.kind() == ErrorKind::NotFound && holds_bundle(&parent(path)) && is_own_file(path) => {
            Ok(parent(path))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(OpenError::NotFound { path: path.to_owned() }),
        Err(source) => Err(OpenError::Inaccessible { path: path.to_owned(), source }),
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) => PathBuf::from("."),
        None => path.to_owned(),
    }
}

fn is_own_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| [Manifest::RAW_EVENT_LOG, Manifest::FILE_NAME].iter().any(|own| name == *own))
}

/// Whether a folder is a bundle, by the files in it.
pub(crate) fn holds_bundle(folder: &Path) -> bool {
    [Manifest::RAW_EVENT_LOG, Manifest::FILE_NAME].iter().any(|name| folder.join(name).symlink_metadata().is_ok())
}

fn open_log(folder: &mut ContainedFolder) -> Result<File, PayloadError> {
    folder.open(Manifest::RAW_EVENT_LOG).map(|(file, _)| file)
}

/// The version of the first events, if these agree, and the line of the first.
fn version_of_events(log: File, header: &BundleHeader, limits: Limits) -> Option<(SchemaVersion, u64)> {
    let mut log = Log::new(BufReader::new(log), header, limits);
    let mut versions = Vec::new();
    for _ in 0..LINES_SEARCHED {
        let more = log.read_line(|line| {
            if let LogLine::Event { event, .. } = line {
                versions.push((event.event.schema_version, event.line));
            }
        });
        if !more || versions.len() == VOTERS {
            break;
        }
    }
    let (first, line) = *versions.first()?;
    let agreed = versions.iter().all(|(version, _)| *version == first);
    agreed.then_some((SchemaVersion::try_from(first).ok()?, line))
}

/// Decides by which version the events are understood: by their own, where they have one.
fn governing_version(
    manifest: Option<Result<SchemaVersion, rollout_trace_schema::UnsupportedVersion>>,
    events: Option<(SchemaVersion, u64)>,
    problems: &mut Vec<Problem>,
) -> SchemaVersion {
    match (manifest, events) {
        (Some(Ok(manifest)), Some((events, line))) => {
            if manifest != events {
                let (found, expected) = (events.number(), manifest.number());
                problems.push(Problem::VersionMismatch { line, found, expected });
            }
            events
        }
        (Some(Ok(manifest)), None) => manifest,
        (Some(Err(error)), events) => {
            let reason = error.to_string();
            problems.push(Problem::UnsupportedVersion { what: Manifest::FILE_NAME, line: None, reason });
            events.map_or(SchemaVersion::NEWEST, |(version, _)| version)
        }
        (None, events) => events.map_or(SchemaVersion::NEWEST, |(version, _)| version),
    }
}
