//! The destination of a bundle's bytes: files or memory.

use std::{
    borrow::Cow,
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rollout_trace_schema::{Manifest, packed::PACK_ROOM};

use crate::{
    PayloadLayout, file_limit::FileLimit, memory_sink::MemoryStore, payload::payload_path,
    payload_folder::PayloadFolder,
};

/// The zero bytes that reserve room.
static ZEROS: [u8; PACK_ROOM as usize] = [0; PACK_ROOM as usize];

/// All effects that a recorder has outside of the process.
#[derive(Debug)]
pub(crate) enum Sink {
    Folder {
        path: PathBuf,
        file_limit: FileLimit,
        /// The folder of payload files, once it is made.
        payloads: OnceLock<PayloadFolder>,
    },
    Memory(Arc<MemoryStore>),
}

impl Sink {
    /// Returns a sink that writes to a folder, with the file limit that this process has now.
    pub(crate) fn in_folder(path: PathBuf) -> Self {
        Self::Folder { path, file_limit: FileLimit::of_this_process(), payloads: OnceLock::new() }
    }

    /// Returns the bundle's folder, if it has one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder { path, .. } => Some(path),
            Self::Memory(_) => None,
        }
    }

    /// Makes the bundle's folder, which must not exist yet, and writes everything that precedes the first event.
    pub(crate) fn create(&self, manifest: &[u8], layout: PayloadLayout) -> io::Result<()> {
        match self {
            Self::Folder { path: folder, file_limit, payloads } => {
                file_limit.allows(manifest.len() as u64)?;
                make_private_folder(folder)?;
                if layout == PayloadLayout::Files {
                    let made = PayloadFolder::make(folder.join(Manifest::PAYLOADS_DIR))?;
                    payloads.set(made).map_err(|_| io::ErrorKind::AlreadyExists)?;
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

    /// Opens one of the bundle's append-only files. `room` is how many bytes are set aside at its end as it grows, at
    /// most [`PACK_ROOM`].
    pub(crate) fn appender(&self, name: &'static str, room: u64) -> io::Result<Appender> {
        let (target, limit) = match self {
            Self::Folder { path: folder, file_limit, .. } => {
                let mut options = OpenOptions::new();
                let options = if room == 0 { options.append(true) } else { options.write(true) };
                let file = open_private(options.create_new(true), &folder.join(name))?;
                (Target::File(Arc::new(file)), *file_limit)
            }
            Self::Memory(store) => {
                store.put_file(name.to_owned(), Vec::new());
                (Target::Memory { store: Arc::clone(store), name: Cow::Borrowed(name) }, FileLimit::NONE)
            }
        };
        Ok(Appender { target, limit, length: 0, end: 0, room, torn: false })
    }

    /// Opens the file of a new shard.
    #[cfg(feature = "schema-3")]
    pub(crate) fn shard(&self, number: u64) -> io::Result<Appender> {
        let (target, limit) = match self {
            Self::Folder { file_limit, .. } => {
                let path = self.payload_folder().ok_or(io::ErrorKind::NotFound)?.shard(number)?;
                let file = open_private(OpenOptions::new().append(true).create_new(true), &path)?;
                (Target::File(Arc::new(file)), *file_limit)
            }
            Self::Memory(store) => {
                let name = rollout_trace_schema::shard_path(number);
                store.put_file(name.clone(), Vec::new());
                (Target::Memory { store: Arc::clone(store), name: Cow::Owned(name) }, FileLimit::NONE)
            }
        };
        Ok(Appender { target, limit, length: 0, end: 0, room: 0, torn: false })
    }

    /// Returns the folder of payload files, if this bundle has one on disk.
    pub(crate) fn payload_folder(&self) -> Option<&PayloadFolder> {
        match self {
            Self::Folder { payloads, .. } => payloads.get(),
            Self::Memory(_) => None,
        }
    }

    /// Writes the payload file with this number, which must not exist yet. It needs no lock, because no other call has
    /// this name.
    pub(crate) fn write_payload(&self, number: u64, document: &[u8]) -> io::Result<()> {
        match self {
            Self::Folder { file_limit, .. } => {
                file_limit.allows(document.len() as u64)?;
                let path = self.payload_folder().ok_or(io::ErrorKind::NotFound)?.file(number)?;
                let mut file = open_private(OpenOptions::new().write(true).create_new(true), &path)?;
                file.write_all(document).inspect_err(|_| {
                    // A reader would take half of a document for all of it.
                    let _ = fs::remove_file(&path);
                })
            }
            Self::Memory(store) => {
                store.put_file(payload_path(number), document.to_vec());
                Ok(())
            }
        }
    }
}

/// One append-only file of a bundle.
#[derive(Debug)]
pub(crate) struct Appender {
    target: Target,
    limit: FileLimit,
    /// The offset of the next bytes.
    length: u64,
    /// The end of the file, which is greater while room is reserved.
    end: u64,
    room: u64,
    /// Whether the remains of a failed write could not be removed.
    torn: bool,
}

#[derive(Debug)]
enum Target {
    File(Arc<File>),
    Memory { store: Arc<MemoryStore>, name: Cow<'static, str> },
}

impl Appender {
    /// Returns the file's length without the reserved room.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Returns whether the file ends in the remains of a failed write.
    pub(crate) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Fails if the file cannot grow by so many bytes.
    #[cfg(feature = "schema-3")]
    pub(crate) fn check_limit(&self, bytes: u64) -> io::Result<()> {
        self.limit.allows(self.length + bytes)
    }

    /// Appends all of `bytes` or nothing, with one `write` if the system takes them at once.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.limit.allows(self.length + bytes.len() as u64)?;
        self.reserve_room(bytes.len() as u64);
        match &self.target {
            Target::File(file) => match file.as_ref().write_all(bytes) {
                Ok(()) => {
                    self.length += bytes.len() as u64;
                    self.end = self.end.max(self.length);
                    self.torn = false;
                    Ok(())
                }
                Err(error) => {
                    if file.set_len(self.length).is_err() {
                        let found = file.metadata().map_or(self.length, |metadata| metadata.len());
                        self.torn |= found != self.length;
                        self.length = found;
                    }
                    self.end = self.length;
                    file.as_ref().seek(SeekFrom::Start(self.length))?;
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

    /// Reserves room for these bytes and the following ones, unless these bytes are so many that it would save nothing.
    ///
    /// Most of the cost of a small write is a new page of the system's cache at the file's end. Many pages at once cost
    /// much less.
    fn reserve_room(&mut self, bytes: u64) {
        let Target::File(file) = &self.target else { return };
        let mut file = file.as_ref();
        if self.length + bytes <= self.end
            || bytes > self.room / 4
            || self.limit.allows(self.length + self.room).is_err()
        {
            return;
        }
        let zeros = &ZEROS[..(self.room - (self.end - self.length)) as usize];
        let set_aside = file.seek(SeekFrom::Start(self.end)).and_then(|_| file.write_all(zeros));
        // If no room can be reserved, the write itself shows whether the disk has space.
        if set_aside.is_ok() && file.seek(SeekFrom::Start(self.length)).is_ok() {
            self.end = self.length + self.room;
        } else {
            self.room = 0;
            let _ = file.set_len(self.length).and_then(|()| file.seek(SeekFrom::Start(self.length)));
            self.end = self.length;
        }
    }

    /// Cuts off the reserved room, and reserves no more.
    pub(crate) fn release_room(&mut self) {
        self.room = 0;
        if let (Target::File(file), true) = (&self.target, self.end > self.length) {
            // If the cut fails, readers recognize the zeros as room.
            let _ = file.set_len(self.length);
            self.end = self.length;
        }
    }

    /// Returns the file, so that a caller can wait for the disk while others append, or `None` if the bytes are in
    /// memory.
    pub(crate) fn file(&self) -> Option<Arc<File>> {
        match &self.target {
            Target::File(file) => Some(Arc::clone(file)),
            Target::Memory { .. } => None,
        }
    }
}

/// Makes the folder for bundles if it is missing.
pub(crate) fn make_trace_root(path: &Path) -> io::Result<()> {
    private_folder().recursive(true).create(path)
}

/// Makes a folder that only its owner can enter.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    private_folder().create(path)
}

fn private_folder() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes to set"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Opens a file. If it is new, only its owner can read it.
fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}
