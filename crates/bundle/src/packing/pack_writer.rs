//! Writing a pack file.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, Write},
};

use rollout_trace_evidence::{common_prefix, common_suffix};
use rollout_trace_schema::{
    ThreadId,
    packed::{FileHeader, MAX_CHAIN, RecordHeader, checksum},
};

use super::{draft::Draft, stored::Stored, units};
use crate::packed::Segment;

/// How much of the documents that are compared with is kept in memory.
const MAX_BASES: usize = 256 << 20;

/// Writes documents to a pack file: each as its difference from the one before it in its thread, and no content twice.
#[derive(Debug)]
pub(crate) struct PackWriter<W> {
    out: W,
    salt: u64,
    offset: u64,
    stored: Stored,
    bases: HashMap<ThreadId, Base>,
    bases_len: usize,
}

/// How a document follows others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// It stands for itself.
    Nothing,
    /// It repeats the thread's last request, and the next one repeats it.
    Thread(ThreadId),
    /// It repeats the thread's last request, but the next one does not repeat it.
    ThreadAside(ThreadId),
}

/// A document that the next one of its thread is compared with.
#[derive(Debug)]
struct Base {
    number: u64,
    document: Vec<u8>,
    layout: Vec<Segment>,
    /// How many bases it has below it.
    chain: u32,
}

impl<W: Write> PackWriter<W> {
    /// Begins a pack with a salt that nobody can foresee.
    pub(crate) fn new(out: W) -> io::Result<Self> {
        // The only randomness that the standard library gives.
        let salt = RandomState::new().build_hasher().finish();
        Self::with_salt(out, salt)
    }

    pub(crate) fn with_salt(mut out: W, salt: u64) -> io::Result<Self> {
        let header = FileHeader { salt }.encode();
        out.write_all(&header)?;
        let offset = header.len() as u64;
        Ok(Self { out, salt, offset, stored: Stored::default(), bases: HashMap::new(), bases_len: 0 })
    }

    /// Writes a document, whose number is greater than those before it. It has less than 4 GB.
    pub(crate) fn write(&mut self, number: u64, document: &[u8], follows: &Follows) -> io::Result<()> {
        let thread = match follows {
            Follows::Nothing => None,
            Follows::Thread(thread) | Follows::ThreadAside(thread) => Some(thread),
        };
        let base = thread.and_then(|thread| self.bases.get(thread));
        let mut draft = Draft::new(number, document, &self.stored);
        put_document(&mut draft, document, base.map(|base| &base.document[..]));
        let layout = draft.layout(base.map_or(&[], |base| &base.layout));
        let chained = base.filter(|base| base.chain + 1 < MAX_CHAIN);
        let meta = draft.meta(self.salt, chained.map(|base| base.number), &layout);
        let chain = chained.filter(|_| meta.base.is_some()).map_or(0, |base| base.chain + 1);
        let mut meta_bytes = Vec::new();
        meta.encode(number, &mut meta_bytes);
        let Draft { data, findings, .. } = draft;
        self.put(number, &data, &meta_bytes)?;
        for (content, segments) in findings {
            self.stored.remember(content, segments);
        }
        if let Follows::Thread(thread) = follows {
            self.keep(thread, Base { number, document: document.to_vec(), layout, chain });
        }
        Ok(())
    }

    fn put(&mut self, number: u64, data: &[u8], meta: &[u8]) -> io::Result<()> {
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let header = RecordHeader {
            number,
            meta_len: meta.len().try_into().map_err(too_large)?,
            data_len: data.len().try_into().map_err(too_large)?,
        };
        self.out.write_all(&header.encode(self.salt, self.offset))?;
        self.out.write_all(data)?;
        self.out.write_all(meta)?;
        self.out.write_all(&checksum(meta, self.salt ^ number).to_le_bytes())?;
        self.offset += header.record_len();
        Ok(())
    }

    fn keep(&mut self, thread: &ThreadId, base: Base) {
        if self.bases_len + base.document.len() > MAX_BASES {
            self.bases.clear();
            self.bases_len = 0;
        }
        self.bases_len += base.document.len();
        let before = self.bases.insert(thread.clone(), base);
        self.bases_len -= before.map_or(0, |base| base.document.len());
    }

    /// Ends the pack.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Divides a document into what its base has and what is new.
fn put_document(draft: &mut Draft<'_>, document: &[u8], base: Option<&[u8]>) {
    let base = base.unwrap_or_default();
    let prefix = common_prefix(base, document);
    let rest = base.len().min(document.len()) - prefix;
    let suffix = common_suffix(&base[base.len() - rest..], &document[document.len() - rest..]);
    let middle = prefix..document.len() - suffix;
    if prefix > 0
        && let Some(elements) = units::of_elements(document, middle.clone())
    {
        draft.base(0, prefix);
        draft.units(&elements);
        draft.base(base.len() - suffix, suffix);
    } else if let Some(all) = units::of_document(document) {
        let first = all.partition_point(|unit| unit.range.end <= middle.start);
        let last = all.partition_point(|unit| unit.range.start < middle.end).max(first);
        let shared = all.get(first).map_or(document.len(), |unit| unit.range.start);
        let behind = all.get(last).map_or(document.len(), |unit| unit.range.start);
        draft.base(0, shared);
        draft.units(&all[first..last]);
        draft.base(base.len() - (document.len() - behind), document.len() - behind);
    } else {
        draft.base(0, prefix);
        draft.raw(middle);
        draft.base(base.len() - suffix, suffix);
    }
}
