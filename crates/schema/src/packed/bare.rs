//! Records in the bare form of a pack file.

use super::{
    Checksums, FILE_HEADER_LEN, FileHeader, META_CHECKSUM_LEN, RECORD_HEADER_LEN, RECORD_MAGIC, RecordHeader,
    frame::HEADER_CHECKSUM_AT, varint,
};

/// The first bytes of a pack file in its bare form, before the version.
const BARE_NAME: [u8; 7] = *b"\0rtbare";

/// The first bytes of a pack file in its bare form. The last one is the version of the form.
pub const BARE_MAGIC: [u8; 8] = *b"\0rtbare\x01";

/// The maximum length of a record in a group. The first longer record ends the groups.
pub const MAX_BARE_RECORD: u64 = 64 << 20;

/// Returns the version of the bare form if a file that starts with these bytes is in one.
pub fn bare_version(start: &[u8]) -> Option<u8> {
    start.strip_prefix(&BARE_NAME)?.first().copied()
}

/// The bytes of a record, in its full or its bare form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordBytes {
    /// The header.
    pub header: Vec<u8>,
    /// The data.
    pub data: Vec<u8>,
    /// The meta and its checksum.
    pub meta: Vec<u8>,
}

impl RecordBytes {
    /// Reads the lengths of data and meta, including the meta's checksum, from a header that need not be sound.
    ///
    /// Returns `None` if the bytes are not a header, or the record is longer than [`MAX_BARE_RECORD`].
    pub fn lengths(header: &[u8]) -> Option<(u64, u64)> {
        if header.len() != RECORD_HEADER_LEN || !header.starts_with(&RECORD_MAGIC) {
            return None;
        }
        let RecordHeader { data_len, meta_len, .. } = RecordHeader::decode_unchecked(header);
        let (data, meta) = (u64::from(data_len), u64::from(meta_len) + META_CHECKSUM_LEN as u64);
        (data + meta <= MAX_BARE_RECORD).then_some((data, meta))
    }

    /// Returns the length of the record.
    pub fn record_len(&self) -> u64 {
        (self.header.len() + self.data.len() + self.meta.len()) as u64
    }

    /// Turns the full form of the record at `offset` of the file into its bare form.
    ///
    /// [`lengths`](Self::lengths) must have accepted the header, and data and meta must be complete.
    pub fn strip_checksums(&mut self, checksums: Checksums, offset: u64) {
        self.toggle_meta_check(checksums);
        self.toggle_part_checks(checksums);
        self.toggle_header_check(checksums, offset);
    }

    /// Turns the bare form of the record at `offset` of the file into its full form.
    pub fn restore_checksums(&mut self, checksums: Checksums, offset: u64) {
        self.toggle_header_check(checksums, offset);
        self.toggle_part_checks(checksums);
        self.toggle_meta_check(checksums);
    }

    fn toggle_header_check(&mut self, checksums: Checksums, offset: u64) {
        let (header, check) = self.header.split_at_mut(HEADER_CHECKSUM_AT);
        toggle(check, checksums.of_header(header, offset).to_le_bytes());
    }

    fn toggle_meta_check(&mut self, checksums: Checksums) {
        let number = RecordHeader::decode_unchecked(&self.header).number;
        if let Some(at) = self.meta.len().checked_sub(META_CHECKSUM_LEN) {
            let (meta, check) = self.meta.split_at_mut(at);
            toggle(check, checksums.of_meta(meta, number).to_le_bytes());
        }
    }

    /// Toggles the checksums of the parts. Their lengths are the same in both forms. If the numbers in the meta
    /// contradict one another, the rest stays as it is.
    fn toggle_part_checks(&mut self, checksums: Checksums) -> Option<()> {
        let mut data = &self.data[..];
        let mut at = 0;
        let number = |meta: &[u8], at: &mut usize| {
            let mut rest = meta.get(*at..)?;
            let number = varint::take(&mut rest)?;
            *at = meta.len() - rest.len();
            Some(number)
        };
        let (_document_len, _base) = (number(&self.meta, &mut at)?, number(&self.meta, &mut at)?);
        for _ in 0..number(&self.meta, &mut at)? {
            let len = usize::try_from(number(&self.meta, &mut at)? >> 3).ok()?;
            let part;
            (part, data) = data.split_at_checked(len)?;
            toggle(self.meta.get_mut(at..at + 4)?, checksums.of_part(part).to_le_bytes());
            at += 4;
        }
        Some(())
    }
}

impl Checksums {
    /// Returns the checksums that belong to a file header, which need not be sound.
    pub fn by_unchecked_header(header: &[u8; FILE_HEADER_LEN]) -> Self {
        FileHeader::decode_unchecked(header).checksums()
    }
}

/// Replaces a checksum by its exclusive or with the correct one, which is zero for a sound checksum. A second call
/// restores it.
fn toggle<const N: usize>(bytes: &mut [u8], check: [u8; N]) {
    bytes.iter_mut().zip(check).for_each(|(byte, check)| *byte ^= check);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packed::{PartKind, RecordBuilder};

    #[test]
    fn sound_checksums_are_zero_and_are_restored() {
        let checksums = FileHeader::new(7).checksums();
        let mut record = RecordBuilder::default();
        for (kind, text) in [(PartKind::Text, "{\"a\":"), (PartKind::String, "\"text\""), (PartKind::Text, "}")] {
            record.data().extend_from_slice(text.as_bytes());
            record.own(kind);
        }
        let mut sealed = record.seal(3, checksums, None).expect("a small record");
        let bytes = sealed.at(100).to_vec();
        let (header, rest) = bytes.split_at(RECORD_HEADER_LEN);
        let (data_len, _) = RecordBytes::lengths(header).expect("a header");
        let (data, meta) = rest.split_at(data_len as usize);
        let full = RecordBytes { header: header.to_vec(), data: data.to_vec(), meta: meta.to_vec() };
        let mut bare = full.clone();
        bare.strip_checksums(checksums, 100);
        assert_eq!(bare.header[HEADER_CHECKSUM_AT..], [0; 8]);
        // Document length, base, three parts with their checksums, no list of pieces, the meta's checksum.
        assert_eq!(
            bare.meta,
            [12, 0, 3, 5 << 3, 0, 0, 0, 0, 6 << 3 | 1, 0, 0, 0, 0, 1 << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        bare.restore_checksums(checksums, 100);
        assert_eq!(bare, full);
    }

    #[test]
    fn the_form_is_recognized() {
        assert_eq!(bare_version(&BARE_MAGIC), Some(1));
        assert_eq!(bare_version(b"\0rtbare\x02rest"), Some(2));
        assert_eq!(bare_version(&FileHeader::new(7).encode()), None);
        assert_eq!(bare_version(b"\0rtbare"), None);
    }
}
