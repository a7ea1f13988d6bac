//! The index of a trace root: the outlines of bundles that have not changed since they were read.

use std::{
    collections::HashMap,
    env,
    ffi::OsStr,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rollout_trace::{
    bundle::{Existing, StagedFile},
    schema::Manifest,
};
use serde::{Deserialize, Serialize};

use super::Outline;

/// Another version of the program may outline bundles in another way.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/2");
/// A file that was written so recently may be written again without its time being another one.
const SETTLED: Duration = Duration::from_secs(2);

/// The sizes and times of the files of a bundle that outlines are made of, but for payloads, which are written before the
/// events that name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp(Vec<FileStamp>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileStamp {
    size: u64,
    modified_ns: u64,
}

impl Stamp {
    /// Returns the stamp of a bundle as it is now, or `None` if the system does not say it.
    pub(crate) fn of(bundle: &Path) -> Option<Self> {
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

/// The index of one trace root. It is a file in the user's cache folder, which may be deleted at any time; whatever is
/// wrong with it, bundles are read again.
#[derive(Debug)]
pub(crate) struct Index {
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
    /// Reads the index of a trace root. It is empty if there is none, or if it is damaged.
    pub(crate) fn of(root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let file = cache_folder().map(|folder| folder.join(format!("list-{:016x}.json", hash(root.as_os_str()))));
        let known = file.as_deref().and_then(|file| read(file, &root)).unwrap_or_default();
        Self { file, root, known, current: HashMap::new(), has_changed: false }
    }

    /// Returns the outline of a bundle, if the bundle has not changed since.
    pub(crate) fn get(&mut self, bundle: &Path, stamp: &Stamp) -> Option<Outline> {
        let name = name(bundle)?;
        let entry = self.known.remove(name).filter(|entry| entry.stamp == *stamp)?;
        let outline = entry.outline.clone();
        self.current.insert(name.to_owned(), entry);
        Some(outline)
    }

    /// Remembers an outline that was read after its stamp was taken.
    pub(crate) fn put(&mut self, bundle: &Path, stamp: Stamp, outline: &Outline) {
        if let Some(name) = name(bundle).filter(|_| stamp.is_settled(SystemTime::now())) {
            self.current.insert(name.to_owned(), Entry { stamp, outline: outline.clone() });
            self.has_changed = true;
        }
    }

    /// Writes the index if it has changed. Without it, the next list takes longer, and nothing else.
    pub(crate) fn save(self) {
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

/// Returns the folder for what can be made again at any time.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let of_system = || match env::consts::OS {
        "windows" => folder("LOCALAPPDATA"),
        "macos" => folder("HOME").map(|home| home.join("Library/Caches")),
        _ => folder("HOME").map(|home| home.join(".cache")),
    };
    Some(folder("XDG_CACHE_HOME").or_else(of_system)?.join("rollout-trace"))
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
