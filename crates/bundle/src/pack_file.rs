//! The file that holds all payloads of a bundle.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use rollout_trace_schema::packed::PackBytes;

/// How much is read at a time: most of what is asked for lies behind what was asked for last.
const WINDOW: usize = 256 << 10;

/// Reads a file with a window, which moves along.
#[derive(Debug)]
pub(crate) struct PackFile {
    file: File,
    window: RefCell<Window>,
}

#[derive(Debug, Default)]
struct Window {
    offset: u64,
    bytes: Vec<u8>,
}

impl PackFile {
    pub(crate) fn new(file: File) -> Self {
        Self { file, window: RefCell::default() }
    }
}

impl Window {
    fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(start..start.checked_add(len)?)
    }
}

impl PackBytes for PackFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut window = self.window.borrow_mut();
        if window.get(offset, buffer.len()).is_none() {
            let mut file = &self.file;
            file.seek(SeekFrom::Start(offset))?;
            if buffer.len() >= WINDOW {
                return file.read_exact(buffer);
            }
            window.offset = offset;
            window.bytes.clear();
            file.take(WINDOW as u64).read_to_end(&mut window.bytes)?;
        }
        let bytes = window.get(offset, buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}
