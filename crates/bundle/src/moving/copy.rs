//! Copying the files of a bundle.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use super::{
    ConvertError, Loss,
    staging::{create_file, create_folders},
};
use crate::contained::ContainedFolder;

/// How deep folders in a bundle are searched.
const MAX_DEPTH: usize = 32;

/// What a folder in a bundle contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File,
}

/// Visits the entries of the folder `at` of a bundle and of its folders, in the order of their names. Links are visited
/// as files; they are opened only if they stay in the bundle. Any other kind of entry is reported as a loss.
pub(super) fn walk(
    bundle: &Path,
    at: &str,
    losses: &mut Vec<Loss>,
    visit: &mut dyn FnMut(&str, Entry) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    walk_to(bundle, at, MAX_DEPTH, losses, visit)
}

fn walk_to(
    bundle: &Path,
    at: &str,
    depth: usize,
    losses: &mut Vec<Loss>,
    visit: &mut dyn FnMut(&str, Entry) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let folder = bundle.join(at);
    let mut lost = |path: String, reason: &str| losses.push(Loss { path, reason: reason.to_owned() });
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if at.is_empty() => return Err(ConvertError::read(folder)(error)),
        Err(error) => {
            lost(at.to_owned(), &error.to_string());
            return Ok(());
        }
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let prefix = if at.is_empty() { String::new() } else { format!("{at}/") };
        match (name.to_str(), entry.file_type()) {
            (Some(name), Ok(kind)) => found.push((format!("{prefix}{name}"), kind)),
            (Some(name), Err(error)) => lost(format!("{prefix}{name}"), &error.to_string()),
            (None, _) => lost(format!("{prefix}{}", name.to_string_lossy()), "its name is not Unicode"),
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    for (path, kind) in found {
        if kind.is_dir() && depth > 0 {
            visit(&path, Entry::Folder)?;
            walk_to(bundle, &path, depth - 1, losses, visit)?;
        } else if kind.is_file() || kind.is_symlink() {
            visit(&path, Entry::File)?;
        } else {
            losses.push(Loss { path, reason: "it is neither a file nor a folder that can be followed".to_owned() });
        }
    }
    Ok(())
}

/// Copies a file of the bundle to the same place in `to`, with its time. A file that cannot be read is reported as a
/// loss.
pub(super) fn copy_file(
    from: &mut ContainedFolder,
    path: &str,
    to: &Path,
    losses: &mut Vec<Loss>,
) -> Result<(), ConvertError> {
    match from.open(path) {
        Ok((mut file, _)) => write_file(&mut file, &to.join(path)),
        Err(error) => {
            losses.push(Loss { path: path.to_owned(), reason: crate::manifest::error_text(&error) });
            Ok(())
        }
    }
}

fn write_file(from: &mut File, to: &Path) -> Result<(), ConvertError> {
    let mut write = || -> io::Result<()> {
        if let Some(folder) = to.parent() {
            create_folders(folder)?;
        }
        let mut file = create_file(to)?;
        io::copy(from, &mut file)?;
        // The time shows whether a reduced graph is older than the log.
        if let Ok(time) = from.metadata().and_then(|metadata| metadata.modified()) {
            file.set_modified(time)?;
        }
        Ok(())
    };
    write().map_err(ConvertError::write(to))
}
