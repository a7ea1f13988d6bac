//! What an unpacked archive contains.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

use rollout_trace_schema::Manifest;

/// The bundles and the other files in a folder, at any depth.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The folders that are bundles, in the order of their paths.
    pub(super) bundles: Vec<PathBuf>,
    /// The files outside of bundles, by their paths in the folder.
    pub(super) files: Names,
}

impl Contents {
    pub(super) fn of(root: &Path) -> Self {
        let mut contents = Self::default();
        // Programs other than recorders write a manifest.json too, so a folder with an event log has precedence.
        let mut without_log = Vec::new();
        // Not recursive, because an archive may nest its folders as deeply as paths can be long.
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let has = |name: &str| folder.join(name).symlink_metadata().is_ok();
            if has(Manifest::RAW_EVENT_LOG) {
                contents.bundles.push(folder);
                continue;
            }
            if has(Manifest::FILE_NAME) {
                without_log.push(folder.clone());
            }
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    _ => contents.files.add(path.strip_prefix(root).unwrap_or(&path)),
                }
            }
        }
        if contents.bundles.is_empty() {
            contents.bundles = without_log;
        }
        contents.bundles.sort_unstable();
        contents
    }
}

/// The first few of some paths, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Names {
    first: BTreeSet<String>,
    count: usize,
}

impl Names {
    /// How many names a message has room for.
    const SHOWN: usize = 5;
    /// How many characters of each.
    const LONGEST: usize = 100;

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn add(&mut self, path: &Path) {
        let name = path.to_string_lossy();
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
