//! Packs in memory, read by the reader that everybody uses.

use std::{cell::RefCell, fs, rc::Rc};

use rollout_trace_bundle::{Limits, PayloadBuffer, PayloadError, PayloadPack, PayloadSource};
use rollout_trace_schema::{PayloadKind, PayloadRef, packed::PACK_FILE};
use tempfile::TempDir;

/// A pack that was put into a file, which is there until the next one is made in this thread.
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
        // A new file, so that a reader of the one before goes on with that.
        let path = folder.path().join(PACK_FILE);
        let _ = fs::remove_file(&path);
        fs::write(path, bytes).expect("there is room");
        Self { pack: open(&folder), folder }
    }

    /// Another reader of the same pack, which has read nothing yet.
    pub(super) fn another(&self) -> Self {
        Self { folder: Rc::clone(&self.folder), pack: open(&self.folder) }
    }

    /// Loads the document of a record.
    pub(super) fn load(&mut self, number: u64, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let reference = PayloadRef {
            raw_payload_id: format!("raw_payload:{number}").into(),
            kind: PayloadKind::ProtocolEvent,
            path: format!("payloads/{number}.json"),
        };
        self.pack.load(&reference, buffer)
    }
}

fn open(folder: &TempDir) -> PayloadPack {
    let limits = Limits { max_payload_bytes: 1 << 24, ..Limits::default() };
    PayloadPack::open(folder.path(), &limits).expect("the header is sound")
}
