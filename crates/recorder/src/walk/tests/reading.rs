//! Reading packs in memory through the reader of the bundle crate.

use std::{cell::RefCell, fs, rc::Rc};

use rollout_trace_bundle::{Limits, PayloadBuffer, PayloadError, PayloadPack, PayloadSource};
use rollout_trace_schema::{PayloadKind, PayloadRef, packed::PACK_FILE};
use tempfile::TempDir;

/// A pack that was written to a file, which exists until this thread writes the next one.
pub(super) struct Reader {
    folder: Rc<TempDir>,
    pack: PayloadPack,
}

impl Reader {
    pub(super) fn open(bytes: &[u8]) -> Self {
        thread_local! {
            static FOLDER: RefCell<Option<Rc<TempDir>>> = const { RefCell::new(None) };
        }
        let folder = FOLDER.with_borrow_mut(|folder| {
            Rc::clone(folder.get_or_insert_with(|| Rc::new(TempDir::new().expect("there is room"))))
        });
        // The file is new, so that an earlier reader can continue to read its own.
        let path = folder.path().join(PACK_FILE);
        let _ = fs::remove_file(&path);
        fs::write(path, bytes).expect("there is room");
        Self { pack: open(&folder), folder }
    }

    /// Returns another reader of the same pack, which has not read anything yet.
    pub(super) fn another(&self) -> Self {
        Self { folder: Rc::clone(&self.folder), pack: open(&self.folder) }
    }

    /// Loads the document of a record.
    pub(super) fn load(&mut self, number: u64, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let reference = PayloadRef::at_path(
            format!("raw_payload:{number}"),
            PayloadKind::ProtocolEvent,
            format!("payloads/{number}.json"),
        );
        self.pack.load(&reference, buffer)
    }
}

fn open(folder: &TempDir) -> PayloadPack {
    let limits = Limits { max_payload_bytes: 1 << 24, ..Limits::default() };
    PayloadPack::open(folder.path(), &limits).expect("the header is sound")
}
