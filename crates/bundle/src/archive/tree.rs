//! The names in an archive.

use std::{
    collections::BTreeSet,
    path::{Component, Path},
};

/// How many folders may be around an entry. Bundles have two or three.
const MAX_DEPTH: usize = 64;

/// The longest path, and the longest name in it, that file systems accept.
const MAX_PATH: usize = 4096;
const MAX_COMPONENT: usize = 255;

/// Why an entry is skipped whose name the operating system refuses.
pub(crate) const TOO_LONG: &str = "its name is too long";

/// The files and folders of an archive by their paths, which are relative and divided by `/`.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: BTreeSet<String>,
    /// The folders, including those that have no entry of their own, without the outermost one.
    pub(super) folders: BTreeSet<String>,
    /// How many bytes the names have.
    pub(super) name_bytes: u64,
    /// The folder of the last file. The next file is usually in it, too.
    last_folder: String,
}

impl Tree {
    /// Returns why a file cannot be at this path, if it cannot.
    pub(super) fn check_file(&self, path: &str) -> Result<(), &'static str> {
        if path.is_empty() || self.files.contains(path) || self.folders.contains(path) {
            return Err("something already exists at its path");
        }
        self.check_folders_of(path)
    }

    /// Returns why a folder cannot be at this path, if it cannot.
    pub(super) fn check_folder(&self, path: &str) -> Result<(), &'static str> {
        if self.files.contains(path) {
            return Err("there is a file at its path");
        }
        self.check_folders_of(path)
    }

    fn check_folders_of(&self, path: &str) -> Result<(), &'static str> {
        if self.is_in_last_folder(path) {
            return Ok(());
        }
        if ancestors(path).any(|folder| self.files.contains(folder)) {
            return Err("there is a file at the path of its folder");
        }
        Ok(())
    }

    pub(super) fn add_file(&mut self, path: &str) {
        if !self.is_in_last_folder(path) {
            self.add_ancestors(path);
            folder_of(path).unwrap_or_default().clone_into(&mut self.last_folder);
        }
        self.name_bytes += path.len() as u64;
        self.files.insert(path.to_owned());
    }

    pub(super) fn add_folder(&mut self, path: &str) {
        self.add_ancestors(path);
        if !path.is_empty() && self.folders.insert(path.to_owned()) {
            self.name_bytes += path.len() as u64;
        }
    }

    /// Returns whether the folder of a path is known to be one, with those around it.
    fn is_in_last_folder(&self, path: &str) -> bool {
        !self.last_folder.is_empty() && folder_of(path) == Some(self.last_folder.as_str())
    }

    fn add_ancestors(&mut self, path: &str) {
        for folder in ancestors(path) {
            // If a folder is known, so are those around it.
            if !self.folders.insert(folder.to_owned()) {
                break;
            }
            self.name_bytes += folder.len() as u64;
        }
    }
}

/// Returns the folders around a path, the innermost first, without the outermost one.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(folder_of(path), |folder| folder_of(folder))
}

fn folder_of(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

/// Returns the path that the name of an entry means. It must be relative and stay within the archive.
pub(super) fn contained(name: &[u8]) -> Result<String, &'static str> {
    let name = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8")?;
    if name.contains(['\0', '\\']) {
        return Err("its name contains a character that no bundle uses");
    }
    let mut parts = Vec::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
            Component::CurDir => {}
            _ => return Err("its path leads out of the archive"),
        }
    }
    let path = parts.join("/");
    if path.len() > MAX_PATH || parts.iter().any(|part| part.len() > MAX_COMPONENT) {
        return Err(TOO_LONG);
    }
    if parts.len() > MAX_DEPTH { Err("it is in too many folders") } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out() {
        for name in ["../a", "/a", "a/../../b", "a\\b", "a\0b"] {
            assert!(contained(name.as_bytes()).is_err(), "{name}");
        }
        assert!(contained(b"\xff").is_err());
        assert_eq!(contained(b"./a//b/"), Ok("a/b".to_owned()));
        assert!(contained("a/".repeat(MAX_DEPTH).as_bytes()).is_ok());
        assert!(contained("a/".repeat(MAX_DEPTH + 1).as_bytes()).is_err());
    }

    #[test]
    fn folders_without_entries() {
        let mut tree = Tree::default();
        tree.add_file("a/b/c");
        tree.add_folder("a/d");
        assert_eq!(Vec::from_iter(&tree.folders), ["a", "a/b", "a/d"]);
        assert_eq!(tree.name_bytes, 5 + 3 + 1 + 3);
        assert!(tree.check_file("a/b").is_err() && tree.check_folder("a/b").is_ok());
        assert!(tree.check_folder("a/b/c").is_err() && tree.check_file("a/b/c/d/e").is_err());
        assert!(tree.check_file("a/b/d").is_ok());
    }
}
