//! The folder of payload files and shards.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rollout_trace_schema::shard_path;

use crate::sink::make_private_folder;

/// The folder of payload files, as it was made.
///
/// It is written to for as long as the session lasts. If a link takes its place in the meantime, it is not followed: no
/// file of another folder is ever written.
#[derive(Debug)]
pub(crate) struct PayloadFolder {
    path: PathBuf,
    #[cfg(unix)]
    made: unix::Identity,
    /// Leads to the folder that was made, even if another one has its name now; `None` if the system has no such path.
    #[cfg(unix)]
    open: Option<unix::OpenFolder>,
}

impl PayloadFolder {
    /// Makes the folder, which must not exist yet.
    pub(crate) fn make(path: PathBuf) -> io::Result<Self> {
        make_private_folder(&path)?;
        Ok(Self {
            #[cfg(unix)]
            made: unix::Identity::of(&path)?,
            #[cfg(unix)]
            open: unix::OpenFolder::open(&path),
            path,
        })
    }

    /// Returns the path of a payload file. Fails if the folder is no longer the one that was made.
    pub(crate) fn file(&self, number: u64) -> io::Result<PathBuf> {
        Ok(self.checked()?.join(format!("{number}.json")))
    }

    /// Returns the path of a shard. Fails if the folder is no longer the one that was made.
    pub(crate) fn shard(&self, number: u64) -> io::Result<PathBuf> {
        let name = shard_path(number);
        Ok(self.checked()?.join(Path::new(&name).file_name().unwrap_or_default()))
    }

    /// Waits until the disk has the names of the files.
    pub(crate) fn sync(&self) -> io::Result<()> {
        // On other systems a folder cannot be opened as a file.
        if cfg!(unix) { fs::File::open(self.checked()?)?.sync_all() } else { Ok(()) }
    }

    #[cfg(unix)]
    fn checked(&self) -> io::Result<&Path> {
        if unix::Identity::of(&self.path)? != self.made {
            return Err(io::Error::other("another folder or a link has taken the place of the folder of payloads"));
        }
        Ok(self.open.as_ref().map_or(&self.path, |open| open.path()))
    }

    #[cfg(not(unix))]
    fn checked(&self) -> io::Result<&Path> {
        if !fs::symlink_metadata(&self.path)?.is_dir() {
            return Err(io::Error::other("a link has taken the place of the folder of payloads"));
        }
        Ok(&self.path)
    }
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::{self, File},
        io,
        os::{fd::AsRawFd, unix::fs::MetadataExt},
        path::{Path, PathBuf},
    };

    /// What tells a folder from every other one.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct Identity {
        device: u64,
        inode: u64,
    }

    impl Identity {
        /// Returns the identity of a folder or, if a link is in its place, that of the link.
        pub(super) fn of(path: &Path) -> io::Result<Self> {
            let metadata = fs::symlink_metadata(path)?;
            Ok(Self { device: metadata.dev(), inode: metadata.ino() })
        }
    }

    /// A folder that is open, so that a path leads to it whatever has its name.
    #[derive(Debug)]
    pub(super) struct OpenFolder {
        path: PathBuf,
        /// Keeps the path valid.
        _folder: File,
    }

    impl OpenFolder {
        /// Opens a folder. Returns `None` where the system has no paths to open files.
        pub(super) fn open(path: &Path) -> Option<Self> {
            let folder = File::open(path).ok()?;
            let by_number = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
            let metadata = folder.metadata().ok()?;
            let found = fs::metadata(&by_number).ok()?;
            let is_it = (metadata.dev(), metadata.ino()) == (found.dev(), found.ino());
            is_it.then_some(Self { path: by_number, _folder: folder })
        }

        pub(super) fn path(&self) -> &Path {
            &self.path
        }
    }
}
