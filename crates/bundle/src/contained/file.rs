//! Open files.

use std::{
    fs::File,
    io::{self, Cursor, Read, Seek, SeekFrom},
    sync::Arc,
    time::SystemTime,
};

/// Bytes that several readers share.
#[derive(Clone, Debug)]
pub(crate) struct Bytes(Arc<Vec<u8>>);

impl Bytes {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An open file of a bundle, on disk or in an archive.
#[derive(Debug)]
pub struct BundleFile {
    content: Content,
    modified: Option<SystemTime>,
}

#[derive(Debug)]
enum Content {
    Disk(File),
    Memory(Cursor<Bytes>),
}

impl BundleFile {
    pub(crate) fn on_disk(file: File) -> Self {
        Self { content: Content::Disk(file), modified: None }
    }

    pub(crate) fn in_memory(bytes: Bytes, modified: Option<SystemTime>) -> Self {
        Self { content: Content::Memory(Cursor::new(bytes)), modified }
    }

    /// Returns the length, in bytes. A file on disk may grow.
    ///
    /// # Errors
    ///
    /// The system does not say it.
    pub fn byte_len(&self) -> io::Result<u64> {
        match &self.content {
            Content::Disk(file) => Ok(file.metadata()?.len()),
            Content::Memory(bytes) => Ok(bytes.get_ref().as_ref().len() as u64),
        }
    }

    /// Returns when the file was last written, if that is known.
    pub fn modified(&self) -> Option<SystemTime> {
        match &self.content {
            Content::Disk(file) => file.metadata().and_then(|metadata| metadata.modified()).ok(),
            Content::Memory(_) => self.modified,
        }
    }

    /// Appends the next `len` bytes to `out`, or fewer if the file ends before. Unlike `take` of this reader, it fills
    /// memory that has not been set to zero first.
    pub(crate) fn append_next(&mut self, len: u64, out: &mut Vec<u8>) -> io::Result<usize> {
        match &mut self.content {
            Content::Disk(file) => file.take(len).read_to_end(out),
            Content::Memory(bytes) => bytes.take(len).read_to_end(out),
        }
    }

    /// Returns the content if it is in memory.
    pub(crate) fn held(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Disk(_) => None,
            Content::Memory(bytes) => Some(bytes.get_ref().as_ref()),
        }
    }
}

impl Read for BundleFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.content {
            Content::Disk(file) => file.read(buffer),
            Content::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for BundleFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match &mut self.content {
            Content::Disk(file) => file.seek(position),
            Content::Memory(bytes) => bytes.seek(position),
        }
    }
}
