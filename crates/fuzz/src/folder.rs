//! Bundles that are written to files.

use std::{cell::RefCell, fs, path::Path};

use arbitrary::Arbitrary;
use tempfile::TempDir;

use crate::{
    line::{Line, write_log},
    template::{DOCUMENTS, fill},
};

/// The files of a bundle.
#[derive(Arbitrary, Debug)]
pub struct Files {
    schema_1: bool,
    manifest: Option<Vec<u8>>,
    lines: Vec<Line>,
    newline_at_end: bool,
    payloads: [Document; 4],
}

/// A payload document.
#[derive(Arbitrary, Debug)]
pub enum Document {
    /// Any bytes.
    Raw(Vec<u8>),
    /// A document of some kind.
    Filled { template: u8, gaps: Vec<u8> },
    /// A document of some kind, changed in one byte.
    Damaged { template: u8, gaps: Vec<u8>, change: (u16, u8) },
    /// No document.
    Missing,
}

impl Document {
    /// Returns the document's bytes, or `None` if there is none.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let filled = |template: u8, gaps: &[u8]| {
            fill(DOCUMENTS[usize::from(template) % DOCUMENTS.len()], &mut gaps.iter().copied()).into_bytes()
        };
        match self {
            Self::Raw(bytes) => Some(bytes.clone()),
            Self::Filled { template, gaps } => Some(filled(*template, gaps)),
            Self::Damaged { template, gaps, change: (at, bits) } => {
                let mut bytes = filled(*template, gaps);
                let at = usize::from(*at) % bytes.len();
                bytes[at] ^= bits;
                Some(bytes)
            }
            Self::Missing => None,
        }
    }
}

impl Files {
    /// Writes the files into a folder, and removes those of an earlier bundle.
    pub fn write(&self, folder: &Path) {
        let schema = if self.schema_1 { 1 } else { 2 };
        let manifest = self.manifest.clone().unwrap_or_else(|| {
            format!(
                r#"{{"schema_version":{schema},"trace_id":"tr","rollout_id":"R","root_thread_id":"T","started_at_unix_ms":1000,"raw_event_log":"trace.jsonl","payloads_dir":"payloads"}}"#
            )
            .into_bytes()
        });
        write(&folder.join("manifest.json"), &manifest);
        write(&folder.join("trace.jsonl"), &write_log(schema, &self.lines, self.newline_at_end));
        fs::create_dir_all(folder.join("payloads")).expect("a temporary folder can be written");
        for (number, payload) in (1..).zip(&self.payloads) {
            let path = folder.join(format!("payloads/{number}.json"));
            match payload.bytes() {
                Some(bytes) => write(&path, &bytes),
                None => _ = fs::remove_file(path),
            }
        }
    }
}

pub(crate) fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a temporary folder can be written");
}

/// Calls `work` with a temporary folder, which is the same in each round: making one takes longer than reducing most
/// bundles.
pub fn in_folder<T>(work: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
    }
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().expect("there is room for temporary files"));
        work(folder.path())
    })
}
