//! Where the records of a pack lie.

use std::{collections::BTreeMap, io};

use super::{
    FILE_HEADER_LEN, FileHeader, FrameError, META_CHECKSUM_LEN, RECORD_HEADER_LEN, RecordHeader, RecordMeta, checksum,
    find_record_header,
};

/// Gives the bytes of a pack, which may be growing. A slice is one.
pub trait PackBytes {
    /// How many bytes there are now.
    ///
    /// # Errors
    ///
    /// They cannot be had.
    fn len(&self) -> io::Result<u64>;

    /// Fills `buffer` with the bytes at `offset`, all of which are within [`len`](Self::len).
    ///
    /// # Errors
    ///
    /// They cannot be had.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Whether there are no bytes.
    ///
    /// # Errors
    ///
    /// They cannot be had.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

impl PackBytes for [u8] {
    fn len(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let bytes = start.and_then(|start| self.get(start..start.checked_add(buffer.len())?));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl<B: PackBytes + ?Sized> PackBytes for &B {
    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        (**self).read_exact_at(offset, buffer)
    }
}

impl PackBytes for Vec<u8> {
    fn len(&self) -> io::Result<u64> {
        Ok(Vec::len(self) as u64)
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_exact_at(offset, buffer)
    }
}

/// A record whose header and meta are sound.
#[derive(Clone, Debug)]
pub struct Located {
    /// Where in the pack the data begins.
    pub data_offset: u64,
    /// The header.
    pub header: RecordHeader,
    /// The meta.
    pub meta: RecordMeta,
}

/// A stretch of a pack that is no sound record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub len: u64,
    /// The number of the record that was there, where its header tells.
    pub number: Option<u64>,
}

/// The records of a pack.
#[derive(Debug)]
pub struct PackIndex {
    salt: u64,
    records: BTreeMap<u64, Located>,
    damage: Vec<Damage>,
    /// How far the pack has been read; what follows was not whole.
    end: u64,
}

/// How much is read at a time where a sound record is sought.
const WINDOW: u64 = 1 << 16;

impl PackIndex {
    /// Reads where the records of a pack lie.
    ///
    /// # Errors
    ///
    /// The bytes cannot be had, or are no pack.
    pub fn read(bytes: &(impl PackBytes + ?Sized)) -> io::Result<Result<Self, FrameError>> {
        let mut header = [0; FILE_HEADER_LEN];
        if bytes.len()? < FILE_HEADER_LEN as u64 {
            return Ok(Err(FrameError::CutOff));
        }
        bytes.read_exact_at(0, &mut header)?;
        let salt = match FileHeader::decode(&header) {
            Ok(header) => header.salt,
            Err(error) => return Ok(Err(error)),
        };
        let mut index = Self { salt, records: BTreeMap::new(), damage: Vec::new(), end: FILE_HEADER_LEN as u64 };
        index.update(bytes)?;
        Ok(Ok(index))
    }

    /// Reads what has come since.
    ///
    /// # Errors
    ///
    /// The bytes cannot be had.
    pub fn update(&mut self, bytes: &(impl PackBytes + ?Sized)) -> io::Result<()> {
        let len = bytes.len()?;
        while self.end < len {
            match self.record_at(bytes, self.end, len)? {
                Found::Record(located) => {
                    let number = located.header.number;
                    self.end += located.header.record_len();
                    // A number that is there twice: the first one counts, as for all evidence.
                    self.records.entry(number).or_insert(located);
                }
                Found::Damaged { number, resume } => {
                    let Some(next) = self.next_record(bytes, resume, len)? else { break };
                    self.damage.push(Damage { offset: self.end, len: next - self.end, number });
                    self.end = next;
                }
                Found::CutOff { resume } => {
                    // Either the last record is not whole yet, or a failed write was followed by others.
                    let Some(next) = self.next_record(bytes, resume, len)? else { break };
                    self.damage.push(Damage { offset: self.end, len: next - self.end, number: None });
                    self.end = next;
                }
            }
        }
        Ok(())
    }

    fn record_at(&self, bytes: &(impl PackBytes + ?Sized), offset: u64, len: u64) -> io::Result<Found> {
        if len - offset < RECORD_HEADER_LEN as u64 {
            return Ok(Found::CutOff { resume: len });
        }
        let mut head = [0; RECORD_HEADER_LEN];
        bytes.read_exact_at(offset, &mut head)?;
        let Ok(header) = RecordHeader::decode(&head, self.salt, offset) else {
            return Ok(Found::Damaged { number: None, resume: offset + 1 });
        };
        let behind_header = offset + RECORD_HEADER_LEN as u64;
        if len - offset < header.record_len() {
            return Ok(Found::CutOff { resume: behind_header });
        }
        let mut meta = vec![0; header.meta_len as usize + META_CHECKSUM_LEN];
        bytes.read_exact_at(offset + header.meta_offset(), &mut meta)?;
        let check = meta.split_off(header.meta_len as usize);
        let sound = checksum(&meta, self.salt ^ header.number).to_le_bytes() == check[..];
        match RecordMeta::decode(&meta, header.number, header.data_len) {
            Ok(meta) if sound => Ok(Found::Record(Located { data_offset: behind_header, header, meta })),
            _ => Ok(Found::Damaged { number: Some(header.number), resume: behind_header }),
        }
    }

    /// Finds the next sound record header from `from` on.
    fn next_record(&self, bytes: &(impl PackBytes + ?Sized), from: u64, len: u64) -> io::Result<Option<u64>> {
        let overlap = RECORD_HEADER_LEN as u64 - 1;
        let mut offset = from;
        let mut window = Vec::new();
        while offset < len {
            window.resize(WINDOW.min(len - offset) as usize, 0);
            bytes.read_exact_at(offset, &mut window)?;
            if let Some((at, _)) = find_record_header(&window, self.salt, offset) {
                return Ok(Some(offset + at as u64));
            }
            if len - offset <= WINDOW {
                break;
            }
            offset += WINDOW - overlap;
        }
        Ok(None)
    }

    /// The record with this number.
    pub fn get(&self, number: u64) -> Option<&Located> {
        self.records.get(&number)
    }

    /// The numbers of all records, in their order.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.records.keys().copied()
    }

    /// What is no sound record.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// How far the pack has been read. What follows is a record that is not whole: it is being written, or the writer stopped.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The salt of the pack's checksums.
    pub fn salt(&self) -> u64 {
        self.salt
    }
}

enum Found {
    Record(Located),
    Damaged { number: Option<u64>, resume: u64 },
    CutOff { resume: u64 },
}
