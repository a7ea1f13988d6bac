//! Where a bundle's bytes go: files, or memory.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use rollout_trace_schema::Manifest;

use crate::memory_sink::MemoryStore;

/// Everything that a recorder does to the outside world.
#[derive(Debug)]
pub(crate) enum Sink {
    Folder(PathBuf),
    Memory(Arc<MemoryStore>),
}

impl Sink {
    /// The bundle's folder, if it has one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Memory(_) => None,
        }
    }

    /// Makes the bundle's folder, which must not exist yet, and writes what stands before the first event.
    pub(crate) fn create(&self, manifest: &[u8], payloads_dir: bool) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                make_private_folder(folder)?;
                if payloads_dir {
                    make_private_folder(&folder.join(Manifest::PAYLOADS_DIR))?;
                }
                open_private(OpenOptions::new().write(true).create_new(true), &folder.join(Manifest::FILE_NAME))?
                    .write_all(manifest)
            }
            Self::Memory(store) => {
                store.put_file(Manifest::FILE_NAME.to_owned(), manifest.to_vec());
                Ok(())
            }
        }
    }

    /// Opens one of the bundle's append-only files.
    pub(crate) fn appender(&self, name: &'static str) -> io::Result<Appender> {
        let target = match self {
            Self::Folder(folder) => {
                Target::File(open_private(OpenOptions::new().append(true).create_new(true), &folder.join(name))?)
            }
            Self::Memory(store) => {
                store.put_file(name.to_owned(), Vec::new());
                Target::Memory { store: Arc::clone(store), name }
            }
        };
        Ok(Appender { target, length: 0, torn: false })
    }

    /// Writes a payload file, which must not exist yet. Needs no lock: its name is the caller's alone.
    pub(crate) fn write_payload(&self, path: &str, document: &[u8]) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(path);
                let mut file = open_private(OpenOptions::new().write(true).create_new(true), &path)?;
                file.write_all(document).inspect_err(|_| {
                    // Half a document is worse than none: a reader would take it for the whole one.
                    let _ = fs::remove_file(&path);
                })
            }
            Self::Memory(store) => {
                store.put_file(path.to_owned(), document.to_vec());
                Ok(())
            }
        }
    }
}

/// One append-only file of a bundle.
#[derive(Debug)]
pub(crate) struct Appender {
    target: Target,
    length: u64,
    /// Whether what a failed write left behind could not be taken back.
    torn: bool,
}

#[derive(Debug)]
enum Target {
    File(File),
    Memory { store: Arc<MemoryStore>, name: &'static str },
}

impl Appender {
    /// The file's length.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether the file ends in the remains of a failed write.
    pub(crate) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Appends all of `bytes`, with one `write` where the system takes them at once, or nothing.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.target {
            Target::File(file) => match file.write_all(bytes) {
                Ok(()) => {
                    self.length += bytes.len() as u64;
                    self.torn = false;
                    Ok(())
                }
                Err(error) => {
                    if file.set_len(self.length).is_err() {
                        let found = file.metadata().map_or(self.length, |metadata| metadata.len());
                        self.torn |= found != self.length;
                        self.length = found;
                    }
                    Err(error)
                }
            },
            Target::Memory { store, name } => {
                store.append(name, bytes);
                self.length += bytes.len() as u64;
                Ok(())
            }
        }
    }

    /// Waits until the disk has the file's bytes.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match &self.target {
            Target::File(file) => file.sync_data(),
            Target::Memory { .. } => Ok(()),
        }
    }
}

/// Makes the folder for bundles, if it is missing.
pub(crate) fn make_trace_root(path: &Path) -> io::Result<()> {
    private_folder().recursive(true).create(path)
}

/// Makes a folder that only its owner can enter.
fn make_private_folder(path: &Path) -> io::Result<()> {
    private_folder().create(path)
}

fn private_folder() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes to set"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Opens a file that, when it is new, only its owner can read.
fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}
