//! Opening a bundle.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use rollout_trace_schema::{
    Manifest, SchemaVersion,
    packed::{FrameError, PACK_FILE},
};

use crate::{
    ARCHIVE_SUFFIX, BundleHeader, ConvertError, Events, Limits, PayloadError, Payloads, Problem,
    archive::{Wanted, hold},
    contained::{BundleFile, ContainedFolder},
    manifest::{ReadManifest, error_text},
    packed::{FoundHeader, probe_pack},
    payloads::log_is_closed,
    version::{VersionOfEvents, stated_version},
};

/// How the names of all versions of the packed layout begin.
const PACKED_NAME: &str = "packed-";

/// A trace bundle: a folder, or an archive of one.
///
/// Opening a folder reads the manifest and the first few events; the rest is read on demand. An archive is decompressed into
/// memory.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    files: ContainedFolder,
    limits: Limits,
    header: BundleHeader,
    manifest: Option<Manifest>,
    problems: Vec<Problem>,
    /// Whether the pack file is searched for a payload before the payload files.
    pack_first: bool,
}

/// Why a path cannot be opened as a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is nothing at the path.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// The path cannot be accessed.
    #[error("cannot open {}", path.display())]
    Inaccessible {
        /// The path as given.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is not an archive, or does not contain exactly one bundle.
    #[error(transparent)]
    Archive(ConvertError),
    /// The bundle has a schema version that this version does not know.
    #[error(
        "{} has schema version {found}, which is newer than {}, the newest that this version reads",
        path.display(),
        SchemaVersion::NEWEST
    )]
    NewerSchema {
        /// The folder or archive.
        path: PathBuf,
        /// The bundle's schema version.
        found: u32,
    },
    /// There is neither a manifest nor an event log.
    #[error("{} is not a trace bundle: it contains neither manifest.json nor trace.jsonl", path.display())]
    NotABundle {
        /// The folder.
        path: PathBuf,
    },
}

impl OpenError {
    /// Returns what a person can do about the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "check the path; bundles are folders named trace-<trace id>-<thread id>",
            Self::Inaccessible { .. } => "check the permissions: bundles belong to the user who ran the agent",
            Self::Archive(error) => error.hint(),
            Self::NewerSchema { .. } => {
                "update rollout-trace, or use --best-effort to read it by the newest known schema"
            }
            Self::NotABundle { .. } => "name the folder that contains trace.jsonl, or a file in it",
        }
    }
}

impl Bundle {
    /// Opens the bundle at `path`: its folder, a file in it, or an archive that [`pack`](crate::pack()) made.
    ///
    /// An archive is read into memory, within [`Limits::max_archive_bytes`]. Nothing is written.
    ///
    /// # Errors
    ///
    /// There is nothing at all to read, or the bundle has a newer schema version than this version knows. Everything
    /// else is a [`Problem`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path, Limits::default())
    }

    /// Opens the bundle at `path` with limits other than the defaults.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, limits: Limits) -> Result<Self, OpenError> {
        let bundle = Self::open_best_effort(path, limits)?;
        match bundle.header.newer_schema() {
            Some(found) => Err(OpenError::NewerSchema { path: bundle.path, found }),
            None => Ok(bundle),
        }
    }

    /// Opens the bundle at `path`, even if its schema version is newer than this version knows.
    ///
    /// Such a bundle is read as if it had the newest known version, so its graph may lack or misrepresent anything.
    /// [`BundleHeader::newer_schema`] says whether that is the case.
    ///
    /// # Errors
    ///
    /// There is nothing at all to read. Everything else is a [`Problem`].
    pub fn open_best_effort(path: impl AsRef<Path>, limits: Limits) -> Result<Self, OpenError> {
        Self::open_place(path.as_ref(), limits, Wanted::All)
    }

    /// Opens the bundle at `path` for its manifest and events only, even if its schema version is newer than this version
    /// knows.
    ///
    /// Of an archive, no more is decompressed than needed to find the two, and its payloads count as missing.
    ///
    /// # Errors
    ///
    /// There is nothing at all to read. Everything else is a [`Problem`].
    pub fn open_events(path: impl AsRef<Path>, limits: Limits) -> Result<Self, OpenError> {
        Self::open_place(path.as_ref(), limits, Wanted::Events)
    }

    fn open_place(path: &Path, limits: Limits, wanted: Wanted) -> Result<Self, OpenError> {
        match place_of(path)? {
            Place::Folder(path) => Self::open_folder(ContainedFolder::new(path), limits, Vec::new()),
            Place::Archive => {
                let (problems, folder) = hold(path, &limits, wanted).map_err(OpenError::Archive)?;
                Self::open_folder(folder, limits, problems)
            }
        }
    }

    fn open_folder(mut folder: ContainedFolder, limits: Limits, mut problems: Vec<Problem>) -> Result<Self, OpenError> {
        let path = folder.path().to_owned();
        let read = ReadManifest::read(&mut folder, &limits, &mut problems);
        let log = open_log(&mut folder);
        match &log {
            Ok(_) => {}
            Err(PayloadError::Missing { .. }) if problems.contains(&Problem::ManifestMissing) => {
                return Err(OpenError::NotABundle { path });
            }
            Err(error) => problems.push(Problem::LogUnreadable { reason: error_text(error) }),
        }
        let events = log.ok().and_then(|log| VersionOfEvents::read(log, &limits));
        let stated_schema = stated_version(read.schema_version, events, &mut problems);
        let known = stated_schema.and_then(|version| SchemaVersion::try_from(version).ok());
        let header = BundleHeader {
            schema_version: known.unwrap_or(SchemaVersion::NEWEST),
            stated_schema,
            trace_id: read.trace_id,
            rollout_id: read.rollout_id,
            root_thread_id: read.root_thread_id,
            started_at_unix_ms: read.started_at_unix_ms,
            observed: read.observed,
            evidence: read.manifest.as_ref().and_then(|manifest| manifest.evidence.clone()),
        };
        let pack_first = match &read.payload_layout {
            Some(Some(layout)) => layout.starts_with(PACKED_NAME),
            Some(None) => false,
            None => true,
        };
        problems.extend(pack_problem(&mut folder));
        Ok(Self { path, files: folder, limits, header, manifest: read.manifest, problems, pack_first })
    }

    /// Makes messages show another path: that of what the bundle was made from.
    #[must_use]
    pub fn shown_as(self, path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// Returns the bundle's folder, or the archive that holds it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the bundle is packed into an archive.
    pub fn is_archive(&self) -> bool {
        self.files.is_archive()
    }

    /// Returns whether the bundle will not grow any more: its event log ends with the end marker, or it is an archive.
    pub fn is_closed(&self) -> bool {
        self.is_archive() || log_is_closed(&mut self.files.clone())
    }

    /// Returns the bundle's name, which is that of its folder or archive.
    pub fn name(&self) -> String {
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let name = path.file_name().map_or_else(|| "bundle".into(), |name| name.to_string_lossy());
        name.strip_suffix(ARCHIVE_SUFFIX).filter(|name| !name.is_empty()).unwrap_or(&name).to_owned()
    }

    /// Opens a file of the bundle by its path in the bundle, which may be any file, such as a `state.json` that another
    /// program wrote.
    ///
    /// # Errors
    ///
    /// There is no regular file at the path, or it cannot be read.
    pub fn open_file(&self, path: &str) -> Result<BundleFile, PayloadError> {
        self.files.clone().open(path).map(|(file, _)| file)
    }

    /// Returns the folder, from which the bundle's files are opened.
    pub(crate) fn files(&self) -> &ContainedFolder {
        &self.files
    }

    /// Returns the identity of the bundle, as far as its manifest and first events state it.
    pub fn header(&self) -> BundleHeader {
        self.header.clone()
    }

    /// Returns the manifest, if all of it can be read.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Returns the problems that were found on opening. Problems of the event log are among its
    /// [`events`](Self::events).
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the limits that reading obeys.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads the event log from its start.
    ///
    /// A log that cannot be opened yields nothing. The reason is among the [`problems`](Self::problems).
    pub fn events(&self) -> Events {
        let log = open_log(&mut self.files.clone()).ok();
        Events::new(log, &self.header, self.limits)
    }

    /// Returns the source of the payload documents.
    pub fn payloads(&self) -> Payloads {
        Payloads::new(self.files.clone(), &self.limits, self.pack_first)
    }
}

/// Returns what is wrong with the pack file as a whole, if there is one. A file that ends within its header has only
/// just been created.
fn pack_problem(folder: &mut ContainedFolder) -> Option<Problem> {
    let reason = match folder.open(PACK_FILE) {
        Err(PayloadError::Missing { .. }) => return None,
        Err(error) => error_text(&error),
        Ok((file, _)) => match probe_pack(file) {
            Err(error) => error.to_string(),
            Ok(Err(FrameError::CutOff) | Ok(FoundHeader { damage: None, .. })) => return None,
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(FoundHeader { damage: Some(error), .. })) => {
                return Some(Problem::PackHeader { reason: error.to_string() });
            }
        },
    };
    Some(Problem::PackUnreadable { reason })
}

/// What a path leads to.
enum Place {
    /// The bundle's folder.
    Folder(PathBuf),
    /// A file that is, or should be, an archive.
    Archive,
}

fn place_of(path: &Path) -> Result<Place, OpenError> {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(Place::Folder(path.to_owned())),
        Ok(_) => {
            let parent = parent(path);
            let is_named_like_an_archive =
                path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ARCHIVE_SUFFIX));
            if is_named_like_an_archive {
                Ok(Place::Archive)
            } else if holds_bundle(&parent) {
                Ok(Place::Folder(parent))
            } else if holds_bundle(parent.join("..")) {
                Ok(Place::Folder(self::parent(&parent)))
            } else {
                Ok(Place::Archive)
            }
        }
        // The log may be missing, and the rest of the bundle is still useful.
        Err(error) if error.kind() == ErrorKind::NotFound && holds_bundle(parent(path)) && is_own_file(path) => {
            Ok(Place::Folder(parent(path)))
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

/// Returns whether a folder is a bundle, judged by the files in it.
pub fn holds_bundle(folder: impl AsRef<Path>) -> bool {
    [Manifest::RAW_EVENT_LOG, Manifest::FILE_NAME]
        .iter()
        .any(|name| folder.as_ref().join(name).symlink_metadata().is_ok())
}

fn open_log(folder: &mut ContainedFolder) -> Result<BundleFile, PayloadError> {
    folder.open(Manifest::RAW_EVENT_LOG).map(|(file, _)| file)
}
