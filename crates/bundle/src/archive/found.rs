//! Which bundles an archive contains.

use std::{collections::BTreeSet, fmt, path::Path};

use rollout_trace_schema::Manifest;

use super::tree::{Tree, ancestors};
use crate::{Problem, moving::ConvertError};

/// Returns the folder of the one bundle in an archive.
pub(super) fn bundle_in(tree: &Tree, archive: &Path, problems: &[Problem]) -> Result<String, ConvertError> {
    let found = Found::of(tree);
    match found.bundles.as_slice() {
        [bundle] => Ok((*bundle).to_owned()),
        [] => {
            let contents = format!("it contains {}, and no bundle", found.files);
            let reason = match problems.first() {
                Some(problem) if found.files.is_empty() => problem.to_string(),
                Some(problem) => format!("{problem}; {contents}"),
                None => contents,
            };
            Err(ConvertError::NotAnArchive { path: archive.to_owned(), reason })
        }
        bundles => {
            let mut names = Names::default();
            bundles.iter().for_each(|bundle| names.add(bundle));
            Err(ConvertError::SeveralBundles { path: archive.to_owned(), bundles: names.to_string() })
        }
    }
}

/// The bundles and the other files in an archive, at any depth.
#[derive(Debug)]
struct Found<'a> {
    /// The folders that are bundles, in the order of their paths.
    bundles: Vec<&'a str>,
    /// The files outside of bundles.
    files: Names,
}

impl<'a> Found<'a> {
    fn of(tree: &'a Tree) -> Self {
        // Programs other than recorders write a manifest.json too, so a folder with an event log has precedence. A
        // bundle's folder may have anything in it.
        let logs = folders_with(tree, Manifest::RAW_EVENT_LOG);
        let is_outermost = |folder: &&str| !around(folder).any(|outer| logs.contains(outer));
        let mut bundles: Vec<&str> = logs.iter().copied().filter(is_outermost).collect();
        if bundles.is_empty() {
            bundles.extend(folders_with(tree, Manifest::FILE_NAME));
        }
        let mut files = Names::default();
        let is_outside = |file: &&String| !around(file).any(|folder| logs.contains(folder));
        tree.files.iter().filter(is_outside).for_each(|file| files.add(file));
        Self { bundles, files }
    }
}

/// Returns the folders that have something with this name.
fn folders_with<'a>(tree: &'a Tree, name: &str) -> BTreeSet<&'a str> {
    let folder = |path: &'a String| match path.strip_suffix(name) {
        Some("") => Some(""),
        Some(folder) => folder.strip_suffix('/'),
        None => None,
    };
    tree.files.iter().chain(&tree.folders).filter_map(folder).collect()
}

/// Returns the folders around a path, the innermost first. The last one is the archive itself, whose path is empty.
fn around(path: &str) -> impl Iterator<Item = &str> {
    ancestors(path).chain((!path.is_empty()).then_some(""))
}

/// The first few of some paths, and how many there are.
#[derive(Debug, Default)]
struct Names {
    first: BTreeSet<String>,
    count: usize,
}

impl Names {
    /// How many names a message has room for.
    const SHOWN: usize = 5;
    /// How many characters of each.
    const LONGEST: usize = 100;

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, name: &str) {
        let cut: String = name.chars().take(Self::LONGEST).collect();
        let mark = if cut.len() < name.len() { "…" } else { "" };
        // In quotes, because the names in an archive may contain control characters.
        self.first.insert(format!("{:?}{mark}", if cut.is_empty() { "." } else { &cut }));
        self.count += 1;
        if self.first.len() > Self::SHOWN {
            self.first.pop_last();
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no files");
        }
        let names: Vec<&str> = self.first.iter().map(String::as_str).collect();
        f.write_str(&names.join(", "))?;
        match self.count - names.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
