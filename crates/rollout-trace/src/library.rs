//! The bundles that may be read.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

use rollout_trace_bundle::{Bundle, Limits, find_bundles, holds_bundle};
use rollout_trace_schema::{RolloutId, UnixMillis};

use crate::outline::{Index, Outline, Outliner};

/// The bundles at some paths. Whatever else is asked for is not found, so that a client of a server can name bundles
/// without being able to open files.
///
/// ```
/// use rollout_trace::Library;
///
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
/// let library = Library::open(["docs"])?;
/// let book = library.find("sample-bundle").unwrap();
/// assert_eq!(book, library.find("thread-r").unwrap());
/// assert!(library.find("../docs/sample-bundle").is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Library {
    /// Canonical paths.
    roots: Vec<PathBuf>,
}

/// A bundle of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// The canonical path.
    pub path: PathBuf,
    /// The path below the root, or the last part of the root's own path if the root is the bundle.
    pub name: String,
    /// The id of the rollout, if the manifest can be read.
    pub rollout_id: Option<RolloutId>,
    /// When recording began, according to the manifest, or else when the event log was last written.
    pub started_at_unix_ms: UnixMillis,
    /// Whether the bundle is an archive.
    pub is_archive: bool,
}

/// Why a word means no bundle of a library.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// A root cannot be listed. The text says which.
    #[error(transparent)]
    Unlisted(#[from] io::Error),
    /// The library has no bundle yet.
    #[error("there are no rollouts yet")]
    Empty,
    /// Nothing in the library is named like that.
    #[error("there is no rollout {word:?}")]
    Nothing {
        /// The word.
        word: String,
    },
    /// Several bundles have the name or id, or an id that begins like that.
    #[error("several rollouts are meant by {word:?}")]
    Several {
        /// The word.
        word: String,
        /// What it means, the newest first.
        books: Vec<Book>,
    },
}

impl Library {
    /// Opens the library of some paths. Each is a trace root, or what [`Bundle::open`] takes: a bundle's folder, a file in
    /// it, or an archive.
    ///
    /// # Errors
    ///
    /// There is no path, or nothing at one of them. The text says at which.
    pub fn open(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> io::Result<Self> {
        let roots: Vec<_> = paths.into_iter().map(|path| root(path.as_ref())).collect::<Result<_, _>>()?;
        if roots.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no trace root is given"));
        }
        Ok(Self { roots })
    }

    /// Returns the canonical paths of the trace roots and bundles that were given, at least one.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Returns the path of the bundle, if the library consists of one bundle that was given itself, and not of trace roots.
    pub fn only(&self) -> Option<&Path> {
        match self.roots.as_slice() {
            [root] if root.is_file() || holds_bundle(root) => Some(root),
            _ => None,
        }
    }

    /// Returns all bundles, the newest first. A link that leads out of its root is not among them.
    ///
    /// # Errors
    ///
    /// A root cannot be listed. The text says which.
    pub fn books(&self) -> io::Result<Vec<Book>> {
        let mut books: Vec<Book> = Vec::new();
        let mut known = HashSet::new();
        for root in &self.roots {
            if root.is_file() {
                books.extend(known.insert(root.clone()).then(|| file(root)));
                continue;
            }
            for bundle in find_bundles(root).map_err(|error| at("cannot list", root, &error))? {
                let Ok(path) = bundle.path.canonicalize() else { continue };
                if !path.starts_with(root) || !known.insert(path.clone()) {
                    continue;
                }
                let below = bundle.path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
                books.push(Book {
                    name: below.map_or_else(|| name(root), |below| below.to_string_lossy().into_owned()),
                    rollout_id: bundle.rollout_id,
                    started_at_unix_ms: bundle.started_at_unix_ms,
                    is_archive: !path.is_dir(),
                    path,
                });
            }
        }
        books.sort_by_key(|book| std::cmp::Reverse(book.started_at_unix_ms));
        Ok(books)
    }

    /// Returns what a list says about bundles of this library, in their order; `None` for one that cannot be opened. Of a
    /// bundle that has not changed since it was last listed, nothing is read.
    pub fn outlines(&self, books: &[Book], limits: Limits) -> Vec<Option<Outline>> {
        let mut outliner = Outliner::default();
        let mut outlines = vec![None; books.len()];
        for root in &self.roots {
            let mut index = if holds_bundle(root) { Index::default() } else { Index::of(root) };
            for (book, outline) in books.iter().zip(&mut outlines) {
                if outline.is_none() && book.path.starts_with(root) {
                    *outline = index.bundle(&book.path, &mut outliner, limits).ok();
                }
            }
            index.save();
        }
        outlines
    }

    /// Returns the bundle that a word means: its path or name, `latest`, or the id of its rollout or the beginning of one.
    /// The word is compared with those of [`books`](Self::books), and nothing is opened by it.
    ///
    /// # Errors
    ///
    /// The word means none or several, or a root cannot be listed.
    pub fn find(&self, word: &str) -> Result<Book, FindError> {
        let books = self.books()?;
        let newest = books.first().ok_or(FindError::Empty)?;
        let has_id = |book: &Book, fits: &dyn Fn(&str) -> bool| book.rollout_id.as_ref().is_some_and(|id| fits(id));
        let steps: [&dyn Fn(&Book) -> bool; 5] = [
            &|book| book.path == Path::new(word),
            &|book| book.name == word,
            &|book| word == "latest" && book.path == newest.path,
            &|book| has_id(book, &|id| id == word),
            &|book| !word.is_empty() && has_id(book, &|id| id.starts_with(word)),
        ];
        for step in steps {
            let mut found: Vec<Book> = books.iter().filter(|book| step(book)).cloned().collect();
            match (found.pop(), found.is_empty()) {
                (None, _) => {}
                (Some(book), true) => return Ok(book),
                (Some(book), false) => {
                    found.push(book);
                    return Err(FindError::Several { word: word.to_owned(), books: found });
                }
            }
        }
        Err(FindError::Nothing { word: word.to_owned() })
    }
}

/// Returns the canonical path of a trace root, or of the bundle that a file belongs to.
fn root(path: &Path) -> io::Result<PathBuf> {
    let canonical = |path: &Path| path.canonicalize().map_err(|error| at("cannot open", path, &error));
    let path = canonical(path)?;
    if path.is_dir() {
        return Ok(path);
    }
    match Bundle::open_events(&path, Limits::default()) {
        Ok(bundle) => canonical(bundle.path()),
        // Whoever asks about it is told what is wrong.
        Err(_) => Ok(path),
    }
}

/// Returns a file that was given itself, which is an archive unless it cannot be opened at all.
fn file(path: &Path) -> Book {
    let header = Bundle::open_events(path, Limits::default()).ok().map(|bundle| bundle.header());
    Book {
        path: path.to_owned(),
        name: name(path),
        rollout_id: header.as_ref().and_then(|header| header.rollout_id.clone()),
        started_at_unix_ms: header.and_then(|header| header.started_at_unix_ms).unwrap_or_default(),
        is_archive: true,
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn at(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}
