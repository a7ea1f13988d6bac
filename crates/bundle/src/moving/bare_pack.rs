//! A pack file as it stands in an archive: without what can be worked out again.
//!
//! A tenth of an archive and more would be checksums, which nothing compresses. Each is kept as its difference from what it should
//! be, which is zero where all is sound, and comes back as it was, right or wrong. Descriptions stand together, and so does text,
//! because each compresses best among its own kind.
//!
//! The form is [`MAGIC`], the file's header, groups of records, and what follows the last record that could be divided. A group is the
//! number of its records (four bytes, little-endian; 0 ends the groups), header and meta of each, then the data of each.

use std::io::{self, Read, Write};

use rollout_trace_schema::packed::{FILE_HEADER_LEN, META_CHECKSUM_LEN, RECORD_HEADER_LEN, RECORD_MAGIC, checksum};

/// The first bytes of the form.
const MAGIC: [u8; 8] = *b"\0rtbare\x01";

/// A group is closed when it is this long: what is behind a cut in an archive is lost by groups.
const GROUP: usize = 1 << 20;

/// The largest record that is divided.
const MAX_RECORD: u64 = 64 << 20;

/// Puts the `length` bytes of a pack file into this form.
pub(super) fn write_bare(pack: &mut impl Read, length: u64, out: &mut impl Write) -> io::Result<()> {
    let mut left = length;
    let mut header = [0; FILE_HEADER_LEN];
    pack.read_exact(&mut header)?;
    left -= header.len() as u64;
    out.write_all(&MAGIC)?;
    out.write_all(&header)?;
    let salt = salt(&header);
    let mut offset = header.len() as u64;
    let mut group: Vec<Record> = Vec::new();
    let mut group_len = 0;
    // The beginning of what is no record.
    let mut rest = Vec::new();
    while left > 0 && rest.is_empty() {
        pack.take(left.min(RECORD_HEADER_LEN as u64)).read_to_end(&mut rest)?;
        left -= rest.len() as u64;
        if let Some((meta_len, data_len)) = lengths(&rest)
            && meta_len + data_len <= left
        {
            let (mut data, mut meta) = (Vec::new(), Vec::new());
            pack.take(data_len).read_to_end(&mut data)?;
            pack.take(meta_len).read_to_end(&mut meta)?;
            let mut record = Record { header: std::mem::take(&mut rest), meta, data };
            left -= record.len() - RECORD_HEADER_LEN as u64;
            record.hide(salt, offset);
            offset += record.len();
            group_len += record.len() as usize;
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

fn write_group(group: &mut Vec<Record>, out: &mut impl Write) -> io::Result<()> {
    // A record takes more than one byte of a group.
    out.write_all(&(group.len() as u32).to_le_bytes())?;
    for Record { header, meta, .. } in &*group {
        out.write_all(header)?;
        out.write_all(meta)?;
    }
    group.drain(..).try_for_each(|record| out.write_all(&record.data))
}

/// Reads the pack file that this form stands for.
pub(super) struct FromBare<R> {
    bare: R,
    state: State,
    salt: u64,
    /// Where in the pack the next record begins.
    offset: u64,
    /// Bytes of the pack that are not asked for yet.
    ready: Vec<u8>,
    given: usize,
}

enum State {
    Start,
    /// The records of a group whose data is yet to come, the next one last.
    Group(Vec<Record>),
    /// Bytes as they are.
    Rest,
}

impl<R: Read> FromBare<R> {
    pub(super) fn new(bare: R) -> Self {
        Self { bare, state: State::Start, salt: 0, offset: 0, ready: Vec::new(), given: 0 }
    }

    /// Makes more bytes ready. None at the end.
    fn go_on(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        match &mut self.state {
            State::Start => {
                let mut magic = [0; MAGIC.len()];
                self.bare.read_exact(&mut magic)?;
                if magic != MAGIC {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a pack file in a form that is not known"));
                }
                let mut header = [0; FILE_HEADER_LEN];
                self.bare.read_exact(&mut header)?;
                self.salt = salt(&header);
                self.offset = header.len() as u64;
                self.ready.extend(header);
                self.state = State::Group(Vec::new());
            }
            State::Group(records) => {
                if let Some(mut record) = records.pop() {
                    let data_len = lengths(&record.header).map_or(0, |(_, data_len)| data_len);
                    (&mut self.bare).take(data_len).read_to_end(&mut record.data)?;
                    if (record.data.len() as u64) < data_len {
                        // As much of it as there is.
                        self.state = State::Rest;
                    }
                    record.show(self.salt, self.offset);
                    self.offset += record.len();
                    self.ready.extend_from_slice(&record.header);
                    self.ready.extend_from_slice(&record.data);
                    if matches!(self.state, State::Group(_)) {
                        self.ready.extend_from_slice(&record.meta);
                    }
                } else {
                    match read_group(&mut self.bare)? {
                        records if records.is_empty() => self.state = State::Rest,
                        records => self.state = State::Group(records),
                    }
                    return self.go_on();
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
        if self.given == self.ready.len() {
            self.go_on()?;
        }
        let count = (&self.ready[self.given..]).read(buffer)?;
        self.given += count;
        Ok(count)
    }
}

/// Reads the headers and metas of a group, the last one first.
fn read_group(bare: &mut impl Read) -> io::Result<Vec<Record>> {
    let mut count = [0; 4];
    bare.read_exact(&mut count)?;
    let mut records = Vec::new();
    let mut group_len = 0;
    for _ in 0..u32::from_le_bytes(count) {
        let mut header = vec![0; RECORD_HEADER_LEN];
        bare.read_exact(&mut header)?;
        let lengths = lengths(&header).filter(|_| group_len < GROUP as u64);
        let Some((meta_len, _)) = lengths else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a group of records that nobody would write"));
        };
        group_len += header.len() as u64 + meta_len;
        let mut meta = Vec::new();
        bare.take(meta_len).read_to_end(&mut meta)?;
        records.push(Record { header, meta, data: Vec::new() });
    }
    records.reverse();
    Ok(records)
}

/// A record's bytes.
struct Record {
    header: Vec<u8>,
    /// With the checksum behind it.
    meta: Vec<u8>,
    data: Vec<u8>,
}

impl Record {
    fn len(&self) -> u64 {
        (self.header.len() + self.meta.len() + self.data.len()) as u64
    }

    /// Replaces each checksum by its difference from the right one.
    fn hide(&mut self, salt: u64, offset: u64) {
        self.flip_meta_check(salt);
        self.flip_part_checks(salt);
        self.flip_header_check(salt, offset);
    }

    /// Undoes [`hide`](Self::hide).
    fn show(&mut self, salt: u64, offset: u64) {
        self.flip_header_check(salt, offset);
        self.flip_part_checks(salt);
        self.flip_meta_check(salt);
    }

    fn flip_header_check(&mut self, salt: u64, offset: u64) {
        let (header, check) = self.header.split_at_mut(RECORD_HEADER_LEN - 8);
        flip(check, checksum(header, salt ^ offset));
    }

    fn flip_meta_check(&mut self, salt: u64) {
        if let Some(at) = self.meta.len().checked_sub(META_CHECKSUM_LEN) {
            let (meta, check) = self.meta.split_at_mut(at);
            flip(check, checksum(meta, salt ^ u64_at(&self.header, 16)));
        }
    }

    /// The lengths of parts stand between their checksums, so that both directions find the same.
    fn flip_part_checks(&mut self, salt: u64) {
        let mut data = &self.data[..];
        let mut at = 0;
        let number = |meta: &[u8], at: &mut usize| -> Option<u64> {
            let mut number = 0_u64;
            for shift in (0..64).step_by(7) {
                let byte = *meta.get(*at)?;
                *at += 1;
                number |= u64::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    return Some(number);
                }
            }
            None
        };
        let mut each = || -> Option<()> {
            number(&self.meta, &mut at)?;
            number(&self.meta, &mut at)?;
            for _ in 0..number(&self.meta, &mut at)? {
                let len = usize::try_from(number(&self.meta, &mut at)? >> 3).ok()?;
                let part;
                (part, data) = data.split_at_checked(len)?;
                flip(self.meta.get_mut(at..at + 4)?, checksum(part, salt));
                at += 4;
            }
            Some(())
        };
        // Where the numbers do not fit together the rest stays as it is.
        let _ = each();
    }
}

/// Adds a checksum to another one, so that equal ones give zero. Twice gives what was there.
fn flip(bytes: &mut [u8], check: u64) {
    bytes.iter_mut().zip(check.to_le_bytes()).for_each(|(byte, check)| *byte ^= check);
}

/// The length of a record's meta with its checksum, and that of its data. None: it is not a record that is divided.
fn lengths(header: &[u8]) -> Option<(u64, u64)> {
    let length = |at: usize| Some(u64::from(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?)));
    let (meta, data) = (length(4)? + META_CHECKSUM_LEN as u64, length(8)?);
    let is_record = header.len() == RECORD_HEADER_LEN && header.starts_with(&RECORD_MAGIC);
    (is_record && meta + data <= MAX_RECORD).then_some((meta, data))
}

fn salt(header: &[u8; FILE_HEADER_LEN]) -> u64 {
    u64_at(header, 8)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rollout_trace_schema::{ThreadId, packed::FileHeader};

    use super::*;
    use crate::packing::{Follows, PackWriter};

    fn pack(documents: usize, salt: u64) -> Vec<u8> {
        let mut writer = PackWriter::with_salt(Vec::new(), salt).unwrap();
        let thread = Follows::Thread(ThreadId::from("T"));
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
    fn sound_checksums_are_not_there() {
        let pack = pack(9, 0x0123_4567_89ab_cdef);
        let bare = bare(&pack);
        assert_eq!(back(&bare).0, pack);
        // A header's checksum, a meta's and that of at least one part for each record.
        let zeros = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == 0).count();
        assert!(zeros(&bare) >= zeros(&pack) + 9 * 19, "{} and {}", zeros(&bare), zeros(&pack));
    }

    #[test]
    fn a_cut_loses_the_end_alone() {
        let pack = pack(5, 1);
        let bare = bare(&pack);
        let heads = bare.windows(4).rposition(|window| window == RECORD_MAGIC).unwrap();
        for cut in heads + 200..bare.len() {
            let (got, _) = back(&bare[..cut]);
            assert!(pack.starts_with(&got), "cut at {cut}");
        }
        assert!(back(&bare[..bare.len() - 5]).0.len() > pack.len() / 2);
        let (start, result) = back(&bare[..MAGIC.len() + 3]);
        assert!(start.is_empty() && result.is_err());
    }

    proptest! {
        #[test]
        fn anything_comes_back(documents in 0..6_usize, salt: u64, flips in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4),
                               cut in any::<prop::sample::Index>(), garbage: Vec<u8>) {
            let mut pack = pack(documents, salt);
            for (at, byte) in flips {
                let at = at.index(pack.len());
                pack[at] ^= byte;
            }
            pack.truncate(FileHeader { salt }.encode().len().max(cut.index(2 * pack.len())));
            pack.extend(garbage);
            let (got, result) = back(&bare(&pack));
            prop_assert!(result.is_ok());
            prop_assert_eq!(got, pack);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = back(&bytes);
            let _ = back(&[&MAGIC[..], &bytes].concat());
        }
    }
}
