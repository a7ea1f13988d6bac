//! Reading and writing the bare form of pack files, which [`rollout_trace_schema::packed`] specifies.

use std::io::{self, Read, Write};

use rollout_trace_schema::packed::{
    BARE_MAGIC, Checksums, FILE_HEADER_LEN, RECORD_HEADER_LEN, RecordBytes, bare_version,
};

/// The length at which a group is closed.
const GROUP: usize = 1 << 20;

/// Writes the `length` bytes of a pack file in the bare form.
pub(crate) fn write_bare(pack: &mut impl Read, length: u64, out: &mut impl Write) -> io::Result<()> {
    let mut left = length;
    let mut header = [0; FILE_HEADER_LEN];
    pack.read_exact(&mut header)?;
    left -= header.len() as u64;
    out.write_all(&BARE_MAGIC)?;
    out.write_all(&header)?;
    let checksums = Checksums::by_unchecked_header(&header);
    let mut offset = header.len() as u64;
    let mut group: Vec<RecordBytes> = Vec::new();
    let mut group_len = 0;
    // The beginning of the part that is in no group.
    let mut rest = Vec::new();
    while left > 0 && rest.is_empty() {
        pack.take(left.min(RECORD_HEADER_LEN as u64)).read_to_end(&mut rest)?;
        left -= rest.len() as u64;
        if let Some((data_len, meta_len)) = RecordBytes::lengths(&rest)
            && data_len + meta_len <= left
        {
            let mut record = RecordBytes { header: std::mem::take(&mut rest), ..RecordBytes::default() };
            pack.take(data_len).read_to_end(&mut record.data)?;
            pack.take(meta_len).read_to_end(&mut record.meta)?;
            left -= record.record_len() - RECORD_HEADER_LEN as u64;
            record.strip_checksums(checksums, offset);
            offset += record.record_len();
            group_len += record.record_len() as usize;
            group.push(record);
        }
        if group_len >= GROUP {
            write_group(&mut group, out)?;
            group_len = 0;
        }
    }
    if !group.is_empty() {
        write_group(&mut group, out)?;
    }
    out.write_all(&0_u32.to_le_bytes())?;
    out.write_all(&rest)?;
    io::copy(&mut pack.take(left), out)?;
    Ok(())
}

fn write_group(group: &mut Vec<RecordBytes>, out: &mut impl Write) -> io::Result<()> {
    // A group has fewer records than bytes, and a record has at most 64 MiB.
    out.write_all(&(group.len() as u32).to_le_bytes())?;
    for RecordBytes { header, meta, .. } in &*group {
        out.write_all(header)?;
        out.write_all(meta)?;
    }
    group.drain(..).try_for_each(|record| out.write_all(&record.data))
}

/// Reads the full form of a pack file from its bare form `R`.
pub(crate) struct FromBare<R> {
    bare: R,
    state: State,
    /// Bytes of the pack that have not been read yet.
    ready: Vec<u8>,
    taken: usize,
}

enum State {
    Start,
    Records {
        checksums: Checksums,
        /// The offset of the next record in the pack.
        offset: u64,
        /// The records of a group whose data has not been read yet, the next one last.
        group: Vec<RecordBytes>,
    },
    /// The rest, which has its full form.
    Rest,
}

impl<R: Read> FromBare<R> {
    pub(crate) fn new(bare: R) -> Self {
        Self { bare, state: State::Start, ready: Vec::new(), taken: 0 }
    }

    /// Makes more bytes ready. At the end there are none.
    fn advance(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.taken = 0;
        match &mut self.state {
            State::Start => {
                let mut magic = [0; BARE_MAGIC.len()];
                self.bare.read_exact(&mut magic)?;
                if magic != BARE_MAGIC {
                    return Err(unknown_version(&magic));
                }
                let mut header = [0; FILE_HEADER_LEN];
                self.bare.read_exact(&mut header)?;
                self.ready.extend(header);
                self.state = State::Records {
                    checksums: Checksums::by_unchecked_header(&header),
                    offset: header.len() as u64,
                    group: Vec::new(),
                };
            }
            State::Records { checksums, offset, group } => {
                let Some(mut record) = group.pop() else {
                    *group = read_group(&mut self.bare)?;
                    if group.is_empty() {
                        self.state = State::Rest;
                    }
                    return self.advance();
                };
                let data_len = RecordBytes::lengths(&record.header).map_or(0, |(data_len, _)| data_len);
                (&mut self.bare).take(data_len).read_to_end(&mut record.data)?;
                record.restore_checksums(*checksums, *offset);
                *offset += record.record_len();
                self.ready.extend_from_slice(&record.header);
                self.ready.extend_from_slice(&record.data);
                if (record.data.len() as u64) < data_len {
                    // The file is cut off here, so the metas of this group have no data.
                    self.state = State::Rest;
                } else {
                    self.ready.extend_from_slice(&record.meta);
                }
            }
            State::Rest => {
                (&mut self.bare).take(GROUP as u64).read_to_end(&mut self.ready)?;
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for FromBare<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            self.advance()?;
        }
        let count = (&self.ready[self.taken..]).read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

/// Returns the error for a form that starts with these bytes and cannot be read.
fn unknown_version(start: &[u8]) -> io::Error {
    let reason = match bare_version(start) {
        Some(version) => format!("version {version} of the bare form is unknown: update rollout-trace"),
        None => "not a pack file in its bare form".to_owned(),
    };
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Reads the headers and metas of a group, the last one first.
fn read_group(bare: &mut impl Read) -> io::Result<Vec<RecordBytes>> {
    let mut count = [0; 4];
    bare.read_exact(&mut count)?;
    let mut records = Vec::new();
    let mut group_len = 0;
    for _ in 0..u32::from_le_bytes(count) {
        let mut header = vec![0; RECORD_HEADER_LEN];
        bare.read_exact(&mut header)?;
        let lengths = RecordBytes::lengths(&header).filter(|_| group_len < GROUP as u64);
        let Some((_, meta_len)) = lengths else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a group of records has invalid lengths"));
        };
        group_len += header.len() as u64 + meta_len;
        let mut meta = Vec::new();
        bare.take(meta_len).read_to_end(&mut meta)?;
        records.push(RecordBytes { header, meta, data: Vec::new() });
    }
    records.reverse();
    Ok(records)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rollout_trace_schema::{
        ThreadId,
        packed::{FileHeader, PackVersion, RECORD_MAGIC},
    };

    use super::*;
    use crate::packing::{Follows, PackWriter, Series};

    fn pack(documents: usize, header: FileHeader) -> Vec<u8> {
        let mut writer = PackWriter::with_header(Vec::new(), header).unwrap();
        let thread = Follows::Last(Series::Requests(ThreadId::from("T")));
        let mut items = Vec::new();
        for number in 0..documents {
            items.push(format!("{{\"text\":\"{}\"}}", number.to_string().repeat(100)));
            let document = format!("{{\"input\":[{}],\"turn\":{number}}}", items.join(","));
            writer.write(number as u64, document.as_bytes(), &thread).unwrap();
        }
        writer.finish().unwrap()
    }

    fn bare(pack: &[u8]) -> Vec<u8> {
        let mut bare = Vec::new();
        write_bare(&mut &pack[..], pack.len() as u64, &mut bare).unwrap();
        bare
    }

    fn back(bare: &[u8]) -> (Vec<u8>, io::Result<usize>) {
        let mut pack = Vec::new();
        let result = FromBare::new(bare).read_to_end(&mut pack);
        (pack, result)
    }

    #[test]
    fn sound_checksums_are_left_out() {
        let pack = pack(9, FileHeader::new(0x0123_4567_89ab_cdef));
        let bare = bare(&pack);
        assert_eq!(back(&bare).0, pack);
        // A header's checksum, a meta's and that of at least one part for each record.
        let zeros = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == 0).count();
        assert!(zeros(&bare) >= zeros(&pack) + 9 * 19, "{} and {}", zeros(&bare), zeros(&pack));
    }

    #[test]
    fn a_cut_loses_only_the_end() {
        let pack = pack(5, FileHeader::new(1));
        let bare = bare(&pack);
        let heads = bare.windows(4).rposition(|window| window == RECORD_MAGIC).unwrap();
        for cut in heads + 200..bare.len() {
            let (got, _) = back(&bare[..cut]);
            assert!(pack.starts_with(&got), "cut at {cut}");
        }
        assert!(back(&bare[..bare.len() - 5]).0.len() > pack.len() / 2);
        let (start, result) = back(&bare[..BARE_MAGIC.len() + 3]);
        assert!(start.is_empty() && result.is_err());
    }

    proptest! {
        #[test]
        fn any_file_is_restored(documents in 0..6_usize, salt: u64, old: bool, flips in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4),
                               cut in any::<prop::sample::Index>(), garbage: Vec<u8>) {
            let version = if old { PackVersion::V1 } else { PackVersion::NEWEST };
            let header = FileHeader { version, salt };
            let mut pack = pack(documents, header);
            for (at, byte) in flips {
                let at = at.index(pack.len());
                pack[at] ^= byte;
            }
            pack.truncate(FILE_HEADER_LEN.max(cut.index(2 * pack.len())));
            pack.extend(garbage);
            let (got, result) = back(&bare(&pack));
            prop_assert!(result.is_ok());
            prop_assert_eq!(got, pack);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = back(&bytes);
            let _ = back(&[&BARE_MAGIC[..], &bytes].concat());
        }
    }
}
