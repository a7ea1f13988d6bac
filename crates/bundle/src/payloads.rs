//! The payloads of a bundle, whatever its layout.

use std::path::{Path, PathBuf};

use rollout_trace_schema::{PayloadRef, packed::PACK_FILE};

use crate::{Limits, PackedPayloads, PayloadBuffer, PayloadError, PayloadFiles, PayloadSource};

/// Reads a bundle's payload documents: out of its one file of payloads if it has one, else of a file each.
///
/// What lies there counts, not what the manifest says, as that may be missing or damaged. A document that the one file does not
/// have is looked for among the files.
#[derive(Debug)]
pub struct BundlePayloads {
    packed: Packed,
    files: PayloadFiles,
}

#[derive(Debug)]
enum Packed {
    /// Not looked for yet.
    Unknown {
        folder: PathBuf,
        limits: Limits,
    },
    Absent,
    Open(Box<PackedPayloads>),
    /// It is there and cannot be used.
    Unusable(String),
}

impl BundlePayloads {
    /// Reads payloads of the bundle in `folder`.
    pub fn new(folder: impl AsRef<Path>, limits: &Limits) -> Self {
        let folder = folder.as_ref().to_owned();
        let files = PayloadFiles::new(&folder, limits);
        Self { packed: Packed::Unknown { folder, limits: *limits }, files }
    }

    /// The one file of payloads, if the bundle has one that can be read.
    pub fn packed(&mut self) -> Option<&PackedPayloads> {
        self.look();
        if let Packed::Open(packed) = &self.packed { Some(packed) } else { None }
    }

    /// Opens the one file of payloads when the first document is asked for.
    fn look(&mut self) {
        if let Packed::Unknown { folder, limits } = &self.packed {
            self.packed = match PackedPayloads::open(folder, limits) {
                Ok(packed) => Packed::Open(Box::new(packed)),
                Err(PayloadError::Missing { .. }) => Packed::Absent,
                Err(error) => Packed::Unusable(crate::manifest::error_text(&error)),
            };
        }
    }
}

impl PayloadSource for BundlePayloads {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        self.look();
        let from_pack = match &mut self.packed {
            Packed::Open(packed) => packed.load(reference, buffer),
            Packed::Unusable(reason) => Err(PayloadError::Damaged { what: format!("{PACK_FILE}: {reason}") }),
            Packed::Absent | Packed::Unknown { .. } => return self.files.load(reference, buffer),
        };
        match from_pack {
            Err(error) => match self.files.load(reference, buffer) {
                Err(PayloadError::Missing { .. }) => Err(error),
                found => found,
            },
            loaded => loaded,
        }
    }
}
