//! Finding the bundles under a trace root.

use std::{
    cmp::Reverse,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rollout_trace_schema::{Manifest, RolloutId, UnixMillis};
use serde_json::Value;

use crate::{
    ARCHIVE_SUFFIX, Limits,
    archive::{is_archive, peek_manifest},
    contained::ContainedFolder,
    manifest::ReadManifest,
    open::holds_bundle,
};

/// A bundle that was found, but not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBundle {
    /// The bundle's folder, or the archive that holds it.
    pub path: PathBuf,
    /// The id of the rollout, if the manifest can be read.
    pub rollout_id: Option<RolloutId>,
    /// When recording began, according to the manifest, or else when the event log was last written.
    pub started_at_unix_ms: UnixMillis,
}

/// Finds the bundles under a trace root, including archives, and looks at their manifests. Returns the newest first.
/// `root` may itself be a bundle.
///
/// # Errors
///
/// The folder cannot be listed.
pub fn find_bundles(root: impl AsRef<Path>) -> io::Result<Vec<FoundBundle>> {
    let look = |path: PathBuf| if path.is_dir() { look_at(path) } else { look_at_archive(path) };
    let mut found: Vec<_> = walk_bundles(root)?.into_iter().map(look).collect();
    found.sort_by_cached_key(|bundle| (Reverse(bundle.started_at_unix_ms), bundle.path.clone()));
    Ok(found)
}

/// Finds the bundles under a trace root, including archives, without opening any folder. They come in no order. `root` may
/// itself be a bundle.
///
/// # Errors
///
/// The folder cannot be listed.
pub fn walk_bundles(root: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    let root = root.as_ref();
    if holds_bundle(root) {
        return Ok(vec![root.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let path = entry.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The rest of a conversion that was killed is not a bundle.
        if name.starts_with(".rollout-trace.") {
            continue;
        }
        // A folder rarely is a link, and then costs no question to the system.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir()) || path.is_dir();
        if is_folder && holds_bundle(&path) || name.ends_with(ARCHIVE_SUFFIX) && is_archive(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

fn look_at(path: PathBuf) -> FoundBundle {
    let manifest = ReadManifest::read(&mut ContainedFolder::new(path.clone()), &Limits::default(), &mut Vec::new());
    let started_at_unix_ms = manifest.started_at_unix_ms.unwrap_or_else(|| {
        let modified = path.join(Manifest::RAW_EVENT_LOG).metadata().or_else(|_| path.metadata());
        modified.and_then(|metadata| metadata.modified()).map_or(0, unix_millis)
    });
    FoundBundle { path, rollout_id: manifest.rollout_id, started_at_unix_ms }
}

fn look_at_archive(path: PathBuf) -> FoundBundle {
    let manifest: Option<Value> = peek_manifest(&path).and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let started = manifest.as_ref().and_then(|manifest| manifest.get("started_at_unix_ms")?.as_i64());
    let rollout_id = manifest.as_ref().and_then(|manifest| manifest.get("rollout_id")?.as_str()).map(RolloutId::from);
    let started_at_unix_ms =
        started.unwrap_or_else(|| path.metadata().and_then(|metadata| metadata.modified()).map_or(0, unix_millis));
    FoundBundle { path, rollout_id, started_at_unix_ms }
}

fn unix_millis(time: SystemTime) -> UnixMillis {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX)
}
