//! Payloads that lie in one file together.

use std::path::PathBuf;

use rollout_trace_schema::{
    Manifest, PayloadRef, RawPayloadId,
    packed::{Damage, PACK_FILE, PackError, PackReader},
};

use crate::{Limits, PayloadBuffer, PayloadError, PayloadSource, contained::ContainedFolder, pack_file::PackFile};

/// Reads payload documents out of a bundle's one file of payloads, and of each only what the one before did not have.
#[derive(Debug)]
pub struct PackedPayloads {
    path: PathBuf,
    reader: PackReader<PackFile>,
    limit: usize,
}

impl PackedPayloads {
    /// Reads payloads of the bundle in `folder`.
    ///
    /// # Errors
    ///
    /// There is no such file, or it cannot be read.
    pub fn open(folder: impl Into<PathBuf>, limits: &Limits) -> Result<Self, PayloadError> {
        let mut folder = ContainedFolder::new(folder.into());
        let (file, _) = folder.open(PACK_FILE)?;
        let path = folder.path().join(PACK_FILE);
        let limit = limits.max_payload_bytes;
        match PackReader::open(PackFile::new(file), limit as u64) {
            Ok(reader) => Ok(Self { path, reader, limit }),
            Err(PackError::Io(source)) => Err(PayloadError::Read { path, source }),
            Err(error) => Err(PayloadError::Damaged { what: error.to_string() }),
        }
    }

    /// The numbers of the documents that the file holds, in their order.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.reader.index().numbers()
    }

    /// Stretches of the file that are no sound record.
    pub fn damage(&self) -> &[Damage] {
        self.reader.index().damage()
    }
}

impl PayloadSource for PackedPayloads {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let missing = || PayloadError::Missing { path: reference.path.clone() };
        let number = number_of(reference).ok_or_else(missing)?;
        if self.reader.index().get(number).is_none() {
            let path = &self.path;
            self.reader.update().map_err(|source| PayloadError::Read { path: path.clone(), source })?;
        }
        let Self { reader, path, limit } = self;
        let loaded = buffer.change(&reference.raw_payload_id, |held, document| {
            reader.load(number, held.and_then(number_of_id), document)
        });
        loaded.map_err(|error| match error {
            PackError::Missing { .. } => missing(),
            PackError::TooLarge { bytes, .. } => {
                PayloadError::TooLarge { path: reference.path.clone(), bytes, limit: *limit }
            }
            PackError::Io(source) => PayloadError::Read { path: path.clone(), source },
            error => PayloadError::Damaged { what: error.to_string() },
        })
    }
}

/// The record that a reference means: that of its id, or of its path where the id is another producer's.
pub(crate) fn number_of(reference: &PayloadRef) -> Option<u64> {
    number_of_id(&reference.raw_payload_id).or_else(|| {
        let name = reference.path.strip_prefix(Manifest::PAYLOADS_DIR)?.strip_prefix('/')?;
        name.strip_suffix(".json")?.parse().ok()
    })
}

fn number_of_id(id: &RawPayloadId) -> Option<u64> {
    id.strip_prefix("raw_payload:")?.parse().ok()
}
