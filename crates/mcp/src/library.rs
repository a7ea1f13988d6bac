//! The rollouts that may be read.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

use rollout_trace::{find_bundles, schema::UnixMillis};

use crate::error::ToolError;

/// The rollouts under some trace roots.
#[derive(Debug)]
pub struct Library {
    /// The canonical paths of the roots.
    roots: Vec<PathBuf>,
}

/// A bundle under a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Book {
    /// The canonical path.
    pub(crate) path: PathBuf,
    /// The path below the root.
    pub(crate) name: String,
    pub(crate) rollout_id: Option<String>,
    pub(crate) started_at_unix_ms: UnixMillis,
}

impl Library {
    /// Opens the trace roots. A root may also be a single bundle.
    ///
    /// # Errors
    ///
    /// There is no root, or one of them is not there.
    pub fn open(roots: impl IntoIterator<Item = impl AsRef<Path>>) -> io::Result<Self> {
        let canonical = |root: &Path| {
            root.canonicalize().map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", root.display())))
        };
        let roots: Vec<_> = roots.into_iter().map(|root| canonical(root.as_ref())).collect::<Result<_, _>>()?;
        if roots.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no trace root is given"));
        }
        Ok(Self { roots })
    }

    /// Returns the bundles under all roots, the newest first. A link that leads out of its root is not among them.
    pub(crate) fn books(&self) -> Result<Vec<Book>, ToolError> {
        let mut books: Vec<Book> = Vec::new();
        let mut known = HashSet::new();
        for root in &self.roots {
            let found = find_bundles(root).map_err(|error| {
                let what = format!("cannot list the trace root {}: {error}", root.display());
                ToolError::new(what, "tell the user, who chose the folder when the server was started")
            })?;
            for bundle in found {
                let Ok(path) = bundle.path.canonicalize() else { continue };
                if !path.starts_with(root) || !known.insert(path.clone()) {
                    continue;
                }
                let below = bundle.path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
                let name = below.or_else(|| root.file_name().map(Path::new)).unwrap_or(root);
                books.push(Book {
                    name: name.to_string_lossy().into_owned(),
                    rollout_id: bundle.rollout_id.map(|id| id.to_string()),
                    started_at_unix_ms: bundle.started_at_unix_ms,
                    path,
                });
            }
        }
        books.sort_by_key(|book| std::cmp::Reverse(book.started_at_unix_ms));
        Ok(books)
    }

    /// Returns the bundle that a word means: the id of a rollout or the beginning of one, the path of a bundle, or
    /// `latest`. The word is compared with what is under the roots, and nothing is opened by it.
    pub(crate) fn book(&self, word: &str) -> Result<Book, ToolError> {
        let books = self.books()?;
        let next = "call list for the rollouts that can be read, and give the id of one";
        if books.is_empty() {
            return Err(ToolError::new("there are no rollouts yet", "ask again when an agent has recorded one"));
        }
        let id_begins = |book: &Book| book.rollout_id.as_ref().is_some_and(|id| id.starts_with(word));
        let steps: [&dyn Fn(&Book) -> bool; 4] = [
            &|book| book.path == Path::new(word),
            &|book| book.name == word,
            &|book| book.rollout_id.as_deref() == Some(word),
            &|book| !word.is_empty() && id_begins(book),
        ];
        if word == "latest" {
            return Ok(books[0].clone());
        }
        for step in steps {
            let found: Vec<&Book> = books.iter().filter(|book| step(book)).collect();
            match found.as_slice() {
                [] => {}
                [book] => return Ok((*book).clone()),
                several => {
                    let what = format!("several rollouts are meant by {word:?}");
                    let next = "give more of the id, or the path of the bundle, from this list";
                    let line = |book: &&Book| {
                        format!("{} {}", book.rollout_id.as_deref().unwrap_or("unknown"), book.path.display())
                    };
                    return Err(ToolError::new(what, next).with_data(several.iter().map(line)));
                }
            }
        }
        Err(ToolError::new(format!("no rollout under the trace roots is meant by {word:?}"), next))
    }
}
