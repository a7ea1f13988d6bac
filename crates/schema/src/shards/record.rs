//! What precedes the id and the document in a record.

use super::ShardError;

/// The lengths of a record's id and document, little-endian.
///
/// Source: bundle 3, section 1.1.
pub(super) struct RecordHeader {
    id_len: [u8; 2],
    document_len: [u8; 8],
}

impl RecordHeader {
    pub(super) fn new(id: &str, document: &[u8]) -> Result<Self, ShardError> {
        let id_len = u16::try_from(id.len()).map_err(|_| ShardError::Id { bytes: id.len() })?;
        Ok(Self { id_len: id_len.to_le_bytes(), document_len: (document.len() as u64).to_le_bytes() })
    }

    /// Returns the texts that make up the record.
    pub(super) fn record<'a>(&'a self, id: &'a str, document: &'a [u8]) -> [&'a [u8]; 4] {
        [&self.id_len, &self.document_len, id.as_bytes(), document]
    }
}
