//! The payload source for any bundle.

use std::{path::PathBuf, sync::Arc};

use rollout_trace_schema::PayloadRef;
use tempfile::TempDir;

use crate::{Limits, PayloadBuffer, PayloadError, PayloadFiles, PayloadPack, PayloadSource, packed::document_number};

/// Reads payload documents from the pack file of a bundle and from its files.
///
/// Most bundles have one or the other. A bundle has both if its conversion was interrupted, or if it has files that no
/// pack takes. Then the layout that the manifest names is tried first.
#[derive(Debug)]
pub struct Payloads {
    folder: PathBuf,
    limits: Limits,
    pack_first: bool,
    /// The pack is opened on first use, because that of a bundle that is being written may not exist yet.
    pack: Option<PayloadPack>,
    files: PayloadFiles,
    /// Keeps the temporary folder of an archive.
    _unpacked: Option<Arc<TempDir>>,
}

impl Payloads {
    pub(crate) fn new(folder: PathBuf, limits: &Limits, pack_first: bool, unpacked: Option<Arc<TempDir>>) -> Self {
        let files = PayloadFiles::new(&folder, limits);
        Self { folder, limits: *limits, pack_first, pack: None, files, _unpacked: unpacked }
    }

    fn load_packed(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let pack = match &mut self.pack {
            Some(pack) => pack,
            none => none.insert(PayloadPack::open(&self.folder, &self.limits)?),
        };
        pack.load(reference, buffer)
    }
}

impl PayloadSource for Payloads {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        if !self.pack_first {
            return match self.files.load(reference, buffer) {
                Err(error @ PayloadError::Missing { .. }) if document_number(&reference.path).is_some() => {
                    self.load_packed(reference, buffer).map_err(|packed| match packed {
                        PayloadError::Missing { .. } | PayloadError::NotPacked { .. } => error,
                        packed => packed,
                    })
                }
                result => result,
            };
        }
        if document_number(&reference.path).is_none() {
            return self.files.load(reference, buffer);
        }
        self.load_packed(reference, buffer).or_else(|packed| {
            let packed = match packed {
                PayloadError::Missing { .. } => PayloadError::NotPacked { path: reference.path.clone() },
                packed => packed,
            };
            self.files.load(reference, buffer).map_err(|_| packed)
        })
    }
}
