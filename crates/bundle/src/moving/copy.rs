//! Copying the files of a bundle.

use std::{io, path::Path};

use super::{
    ConvertError, Loss,
    staging::{create_file, create_folders},
};
use crate::{
    PayloadError,
    contained::{BundleFile, ContainedFolder, Kind},
    manifest::error_text,
};

/// How deep folders in a bundle are searched.
const MAX_DEPTH: usize = 32;

/// What a folder in a bundle contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File,
}

/// Visits the entries of the folder `at` of a bundle and of its folders, in the order of their names. A link is never
/// followed. It is reported as a loss, like every entry that is neither a file nor a folder.
pub(super) fn walk(
    bundle: &mut ContainedFolder,
    at: &str,
    losses: &mut Vec<Loss>,
    visit: &mut dyn FnMut(&str, Entry) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    walk_to(bundle, at, MAX_DEPTH, losses, visit)
}

fn walk_to(
    bundle: &mut ContainedFolder,
    at: &str,
    depth: usize,
    losses: &mut Vec<Loss>,
    visit: &mut dyn FnMut(&str, Entry) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let lost = |path: String, reason: &str| Loss { path, reason: reason.to_owned() };
    let entries = match bundle.entries(at) {
        Ok(entries) => entries,
        Err(PayloadError::Read { path, source }) if at.is_empty() => return Err(ConvertError::read(path)(source)),
        Err(_) if at.is_empty() => return Err(ConvertError::read(bundle.path())(io::ErrorKind::NotFound.into())),
        Err(error) => {
            losses.push(lost(at.to_owned(), &error_text(&error)));
            return Ok(());
        }
    };
    let mut found = Vec::new();
    for (name, kind) in entries {
        let prefix = if at.is_empty() { String::new() } else { format!("{at}/") };
        match name.to_str() {
            Some(name) => found.push((format!("{prefix}{name}"), kind)),
            None => losses.push(lost(format!("{prefix}{}", name.to_string_lossy()), "its name is not Unicode")),
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    for (path, kind) in found {
        match kind {
            Kind::Folder if depth > 0 => {
                visit(&path, Entry::Folder)?;
                walk_to(bundle, &path, depth - 1, losses, visit)?;
            }
            Kind::File => visit(&path, Entry::File)?,
            Kind::Folder => losses.push(lost(path, "it is too deep in folders")),
            Kind::Link => losses.push(lost(path, "it is a link, and links are not followed")),
            Kind::Other => losses.push(lost(path, "it is neither a file nor a folder")),
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
            losses.push(Loss { path: path.to_owned(), reason: error_text(&error) });
            Ok(())
        }
    }
}

fn write_file(from: &mut BundleFile, to: &Path) -> Result<(), ConvertError> {
    let mut write = || -> io::Result<()> {
        if let Some(folder) = to.parent() {
            create_folders(folder)?;
        }
        let mut file = create_file(to)?;
        io::copy(from, &mut file)?;
        // The time shows whether a reduced graph is older than the log.
        if let Some(time) = from.modified() {
            file.set_modified(time)?;
        }
        Ok(())
    };
    write().map_err(ConvertError::write(to))
}
