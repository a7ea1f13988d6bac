//! The user's cache folder.

use std::{env, path::PathBuf};

/// Returns the folder of this user for what can be made again at any time, which need not exist: `rollout-trace` below
/// `XDG_CACHE_HOME` or, if that is not set, below the system's own folder for caches. Returns `None` if the environment says
/// neither.
pub fn cache_folder() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let of_system = || match env::consts::OS {
        "windows" => folder("LOCALAPPDATA"),
        "macos" => folder("HOME").map(|home| home.join("Library/Caches")),
        _ => folder("HOME").map(|home| home.join(".cache")),
    };
    Some(folder("XDG_CACHE_HOME").or_else(of_system)?.join("rollout-trace"))
}
