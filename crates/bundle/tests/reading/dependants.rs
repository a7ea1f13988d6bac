//! Which documents of a pack depend on which of its bytes, derived only from the specification of the layout.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use rollout_trace_schema::packed::{
    FILE_HEADER_LEN, FileHeader, META_CHECKSUM_LEN, Piece, RECORD_HEADER_LEN, RecordHeader, RecordMeta, StoredRange,
};

/// The records of a sound pack.
pub(crate) struct Dependants {
    records: BTreeMap<u64, Record>,
}

struct Record {
    /// The record's place in the file.
    place: Range<u64>,
    data_len: u64,
    /// Where in the data each part is.
    parts: Vec<Range<u64>>,
    /// The records of the document's chain, including itself.
    chain: BTreeSet<u64>,
    /// The records whose data the document consists of, as far as the document is concerned.
    segments: Vec<(u64, Range<u64>)>,
}

impl Dependants {
    pub(crate) fn of(pack: &[u8]) -> Self {
        let checksums = FileHeader::decode(pack).unwrap().checksums();
        let mut records: BTreeMap<u64, Record> = BTreeMap::new();
        let mut at = FILE_HEADER_LEN as u64;
        while at < pack.len() as u64 {
            let header = RecordHeader::decode(&pack[at as usize..], checksums, at).unwrap();
            let (number, data_len) = (header.number, u64::from(header.data_len));
            let place = at..at + header.record_len();
            let meta = (at + header.meta_offset()) as usize..place.end as usize - META_CHECKSUM_LEN;
            let meta = RecordMeta::decode(&pack[meta], number, header.data_len).unwrap();
            let mut end = 0;
            let parts = meta.parts.iter().map(|part| {
                end += part.len;
                end - part.len..end
            });
            let parts = parts.collect();
            let base = meta.base.map(|base| &records[&base]);
            let mut chain = base.map_or(BTreeSet::new(), |base| base.chain.clone());
            chain.insert(number);
            let mut segments = Vec::new();
            for piece in &meta.pieces {
                match *piece {
                    Piece::Data(range) => {
                        let StoredRange { record, offset, len } = range.stored_in(number);
                        segments.push((record, offset..offset + len));
                    }
                    Piece::Base { offset, len } => segments.extend(base.unwrap().slice(offset..offset + len)),
                }
            }
            at = place.end;
            records.insert(number, Record { place, data_len, parts, chain, segments });
        }
        Self { records }
    }

    /// Returns the record that this byte of the file belongs to.
    pub(crate) fn record_at(&self, at: u64) -> u64 {
        *self.records.iter().find(|(_, record)| record.place.contains(&at)).unwrap().0
    }

    /// Returns the documents that are not whole without this byte of the file, which belongs to a record.
    pub(crate) fn of_byte(&self, at: u64) -> BTreeSet<u64> {
        let damaged = self.record_at(at);
        let record = &self.records[&damaged];
        let in_data = at.checked_sub(record.place.start + RECORD_HEADER_LEN as u64).filter(|at| *at < record.data_len);
        let lost = match in_data {
            Some(at) => record.parts.iter().find(|part| part.contains(&at)).unwrap().clone(),
            // If its header or its meta is damaged, nothing of a record can be read.
            None => 0..record.data_len,
        };
        let uses = |(number, record): &(&u64, &Record)| {
            let is_lost =
                |(other, used): &(u64, Range<u64>)| *other == damaged && used.start < lost.end && lost.start < used.end;
            (in_data.is_none() && record.chain.contains(&damaged))
                || record.segments.iter().any(is_lost)
                || (**number == damaged && in_data.is_none())
        };
        self.records.iter().filter(uses).map(|(number, _)| *number).collect()
    }
}

impl Record {
    /// Returns where a run of the document is stored.
    fn slice(&self, run: Range<u64>) -> Vec<(u64, Range<u64>)> {
        let mut at = 0;
        let mut found = Vec::new();
        for (record, data) in &self.segments {
            let len = data.end - data.start;
            let (from, to) = (run.start.max(at), run.end.min(at + len));
            if from < to {
                found.push((*record, data.start + from - at..data.start + to - at));
            }
            at += len;
        }
        found
    }
}
