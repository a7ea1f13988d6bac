//! The rollouts that a page may show.

use std::{
    io,
    path::{Path, PathBuf},
};

use rollout_trace::{FoundBundle, find_bundles};

use crate::{ApiError, ListedRollout};

/// A bundle, or a trace root with bundles.
#[derive(Clone, Debug)]
pub struct Library {
    /// The path as it was given.
    given: PathBuf,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    /// A single bundle.
    Bundle(PathBuf),
    /// The canonical path of a trace root.
    Root(PathBuf),
}

impl Library {
    /// Looks at a path: a bundle's folder, a file in it, an archive, or a folder with bundles.
    ///
    /// # Errors
    ///
    /// There is nothing at the path, or the folder cannot be listed or has no bundle.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let given: PathBuf = path.into();
        let canonical = given.canonicalize()?;
        if !canonical.is_dir() {
            return Ok(Self { given, place: Place::Bundle(canonical) });
        }
        let found = find_bundles(&canonical)?;
        let place = match found.as_slice() {
            [] => return Err(io::Error::new(io::ErrorKind::NotFound, "the folder has no trace bundle")),
            [only] if only.path == canonical => Place::Bundle(canonical),
            _ => Place::Root(canonical),
        };
        Ok(Self { given, place })
    }

    /// Returns the path as it was given.
    pub fn given(&self) -> &Path {
        &self.given
    }

    /// Returns whether the path is a trace root.
    pub fn is_root(&self) -> bool {
        matches!(self.place, Place::Root(_))
    }

    /// Returns the rollouts, the newest first. A link that leads out of the root is not among them.
    pub(crate) fn rollouts(&self) -> io::Result<Vec<(ListedRollout, PathBuf)>> {
        let (path, root) = match &self.place {
            Place::Root(root) => (root, Some(root)),
            Place::Bundle(path) => (path, None),
        };
        if !path.is_dir() {
            return Ok(vec![(listed(name_of(path), None, 0, true), path.clone())]);
        }
        let entry = |bundle: FoundBundle| {
            let canonical = bundle.path.canonicalize().ok()?;
            if root.is_some_and(|root| !canonical.starts_with(root)) {
                return None;
            }
            let is_archive = !canonical.is_dir();
            let rollout_id = bundle.rollout_id.map(|id| id.to_string());
            let listed = listed(name_of(&bundle.path), rollout_id, bundle.started_at_unix_ms, is_archive);
            Some((listed, canonical))
        };
        Ok(find_bundles(path)?.into_iter().filter_map(entry).collect())
    }

    /// Returns the bundle that a name means. The name is compared with those of the list, and nothing is opened by it.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<PathBuf, ApiError> {
        if let (Place::Bundle(path), None) = (&self.place, name) {
            return Ok(path.clone());
        }
        let rollouts = self.rollouts().map_err(|error| {
            ApiError::not_found(format!("cannot list {}: {error}", self.given.display()), "check its permissions")
        })?;
        let name = name.ok_or_else(|| {
            ApiError::bad_request("it is not said which rollout", "give `rollout`, as rollouts lists it")
        })?;
        let found = rollouts.into_iter().find(|(listed, _)| listed.name == name);
        found.map(|(_, path)| path).ok_or_else(|| {
            ApiError::not_found(
                format!("there is no rollout {name:?}"),
                "the list of rollouts has those that there are",
            )
        })
    }
}

fn listed(name: String, rollout_id: Option<String>, started_at_unix_ms: i64, is_archive: bool) -> ListedRollout {
    ListedRollout { name, rollout_id, started_at_unix_ms, is_archive }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
