//! The index of a trace root: the outlines of bundles that have not changed since they were read.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rollout_trace_bundle::{Existing, OpenError, StagedFile};
use rollout_trace_evidence::Limits;
use rollout_trace_import::FoundSession;
use rollout_trace_schema::Manifest;
use serde::{Deserialize, Serialize};

use super::{Outline, Outliner};

/// Another version of the program may outline bundles in another way.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/2");
/// A file that was written so recently may be written again without its time being another one.
const SETTLED: Duration = Duration::from_secs(2);

/// The sizes and times of the files of a bundle that outlines are made of, but for payloads, which are written before the
/// events that name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp(Vec<FileStamp>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileStamp {
    size: u64,
    modified_ns: u64,
}

impl Stamp {
    /// Returns the stamp of a bundle as it is now, or `None` if the system does not say it.
    fn of(bundle: &Path) -> Option<Self> {
        let manifest = file_stamp(&bundle.join(Manifest::FILE_NAME));
        let log = file_stamp(&bundle.join(Manifest::RAW_EVENT_LOG));
        let archive = if manifest.is_none() && log.is_none() { file_stamp(bundle) } else { None };
        let stamps: Vec<_> = [manifest, log, archive].into_iter().flatten().collect();
        (!stamps.is_empty()).then_some(Self(stamps))
    }

    fn is_settled(&self, now: SystemTime) -> bool {
        let settled = now.checked_sub(SETTLED).and_then(nanoseconds).unwrap_or_default();
        self.0.iter().all(|stamp| stamp.modified_ns < settled)
    }
}

fn file_stamp(path: &Path) -> Option<FileStamp> {
    let metadata = path.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
    Some(FileStamp { size: metadata.len(), modified_ns: nanoseconds(metadata.modified().ok()?)? })
}

fn nanoseconds(time: SystemTime) -> Option<u64> {
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

/// The index of one trace root or session store: the outlines that have not changed since they were read.
///
/// It is a file in the user's [cache folder](crate::cache_folder), which may be deleted at any time; whatever is wrong with
/// it, bundles are read again.
#[derive(Debug, Default)]
pub struct Index {
    /// `None` if there is no place for it.
    file: Option<PathBuf>,
    root: PathBuf,
    known: HashMap<String, Entry>,
    /// What the next index has.
    current: HashMap<String, Entry>,
    has_changed: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    stamp: Stamp,
    outline: Outline,
}

#[derive(Serialize, Deserialize)]
struct Document<R, E> {
    version: String,
    root: R,
    bundles: E,
}

impl Index {
    /// Reads the index of a trace root or session store. It is empty if there is none, or if it is damaged.
    pub fn of(root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let file =
            crate::cache_folder().map(|folder| folder.join(format!("list-{:016x}.json", hash(root.as_os_str()))));
        let known = file.as_deref().and_then(|file| read(file, &root)).unwrap_or_default();
        Self { file, root, known, current: HashMap::new(), has_changed: false }
    }

    /// Returns the outline of a bundle, which is read only if the bundle has changed.
    ///
    /// # Errors
    ///
    /// The bundle cannot be opened.
    pub fn bundle(&mut self, path: &Path, outliner: &mut Outliner, limits: Limits) -> Result<Outline, OpenError> {
        let stamp = Stamp::of(path);
        self.get(path, stamp.as_ref()).map_or_else(
            || {
                let outline = outliner.outline(path, limits)?;
                self.put(path, stamp, &outline);
                Ok(outline)
            },
            Ok,
        )
    }

    /// Returns the outline of a session, of which the beginning and the end are read only if it has changed.
    pub fn session(&mut self, session: &FoundSession) -> Outline {
        let stamp = Stamp::of(&session.path);
        self.get(&session.path, stamp.as_ref()).unwrap_or_else(|| {
            let outline = Outline::of_session(session.outline());
            self.put(&session.path, stamp, &outline);
            outline
        })
    }

    /// Returns an outline that was read when the stamp was the same.
    fn get(&mut self, path: &Path, stamp: Option<&Stamp>) -> Option<Outline> {
        let (name, stamp) = (name(path)?, stamp?);
        let entry = self.known.remove(name).filter(|entry| entry.stamp == *stamp)?;
        let outline = entry.outline.clone();
        self.current.insert(name.to_owned(), entry);
        Some(outline)
    }

    /// Remembers an outline that was read after its stamp was taken.
    fn put(&mut self, path: &Path, stamp: Option<Stamp>, outline: &Outline) {
        if let Some(name) = name(path)
            && let Some(stamp) = stamp.filter(|stamp| stamp.is_settled(SystemTime::now()))
        {
            self.current.insert(name.to_owned(), Entry { stamp, outline: outline.clone() });
            self.has_changed = true;
        }
    }

    /// Writes the index if it has changed. Without it, the next list takes longer, and nothing else.
    pub fn save(self) {
        // What remains was not found any more.
        if self.has_changed || !self.known.is_empty() {
            let _: io::Result<()> = self.write();
        }
    }

    fn write(&self) -> io::Result<()> {
        let (Some(file), Some(root)) = (&self.file, self.root.to_str()) else { return Ok(()) };
        make_private_folder(file.parent().unwrap_or(file))?;
        let document = Document { version: VERSION.to_owned(), root, bundles: &self.current };
        let mut staged = StagedFile::beside(file)?;
        staged.as_file_mut().write_all(&serde_json::to_vec(&document)?)?;
        staged.publish(Existing::Replace)
    }
}

fn read(file: &Path, root: &Path) -> Option<HashMap<String, Entry>> {
    let document: Document<PathBuf, HashMap<String, Entry>> = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (document.version == VERSION && document.root == root).then_some(document.bundles)
}

fn name(bundle: &Path) -> Option<&str> {
    bundle.file_name()?.to_str()
}

/// Makes a folder that only its owner can read, because prompts are private.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Returns the FNV-1a hash of a path, which is the same in every version of the program. If two roots have the same, they
/// take turns.
fn hash(path: &OsStr) -> u64 {
    path.as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
