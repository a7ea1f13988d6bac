//! Where Codex keeps its rollout files.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use rollout_trace_schema::ThreadId;

/// The folders of a store that hold rollout files.
const FOLDERS: [&str; 2] = ["sessions", "archived_sessions"];

/// How deep the folders of a store are: year, month and day.
const DEPTH: usize = 3;

/// The store that a rollout file is in.
#[derive(Debug)]
pub(crate) struct Store {
    folders: Vec<PathBuf>,
    /// The files by their threads, once they were needed.
    files: Option<HashMap<String, PathBuf>>,
}

impl Store {
    /// Returns the store that a file is in. If no folder around it is one, the store is the file's folder.
    pub(crate) fn of(file: &Path) -> Self {
        let is_store = |folder: &&Path| folder.file_name().is_some_and(|name| FOLDERS.iter().any(|own| name == *own));
        let folders = match file.ancestors().skip(1).take(DEPTH + 1).find(is_store).and_then(Path::parent) {
            Some(root) => FOLDERS.iter().map(|name| root.join(name)).collect(),
            None => file.parent().map(Path::to_owned).into_iter().collect(),
        };
        Self { folders, files: None }
    }

    /// Returns the file of a thread. A plain file wins over a compressed one.
    pub(crate) fn file_of(&mut self, thread: &ThreadId) -> Option<PathBuf> {
        let folders = &self.folders;
        let files = self.files.get_or_insert_with(|| {
            let mut files = HashMap::new();
            for path in folders.iter().flat_map(|folder| rollouts(folder, DEPTH)) {
                let Some(thread) = thread_of_name(&path) else { continue };
                let is_plain = path.extension().is_some_and(|extension| extension == "jsonl");
                if is_plain || !files.contains_key(&thread) {
                    files.insert(thread, path);
                }
            }
            files
        });
        files.get(thread.as_str()).cloned()
    }
}

/// Lists the rollout files in a folder and in the folders in it, in the order of their names. Links are not followed.
fn rollouts(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_file() && thread_of_name(&entry.path()).is_some() {
            found.push(entry.path());
        } else if kind.is_dir() && depth > 0 {
            found.extend(rollouts(&entry.path(), depth - 1));
        }
    }
    found
}

/// Returns the thread that the name of a rollout file ends with: `rollout-<local time>-<thread>.jsonl`, which may be
/// compressed.
pub(crate) fn thread_of_name(path: &Path) -> Option<String> {
    /// `2026-11-29T01-04-24-`, before the thread.
    const TIME: usize = 20;
    let name = path.file_name()?.to_str()?.strip_prefix("rollout-")?;
    let name = name.strip_suffix(".zst").unwrap_or(name).strip_suffix(".jsonl")?;
    let thread = name.get(TIME..)?;
    (!thread.is_empty()).then(|| thread.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_names() {
        let of = |name: &str| thread_of_name(Path::new(name));
        let name = "rollout-2026-11-29T01-04-24-01a224d4-ee4a-7f71-aade-ee473469eaf2";
        let thread = Some("01a224d4-ee4a-7f71-aade-ee473469eaf2".to_owned());
        assert_eq!(of(&format!("a/{name}.jsonl")), thread);
        assert_eq!(of(&format!("{name}.jsonl.zst")), thread);
        for other in ["rollout-.jsonl", "other.jsonl", "rollout-2026-11-29T01-04-24-.jsonl"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
