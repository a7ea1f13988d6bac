//! Writing a pack file.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, Write},
};

use rollout_trace_schema::{
    ThreadId,
    packed::{BaseDocument, Checksums, FileHeader, RecordBuilder, RecordTooLarge, common_prefix, common_suffix},
};

use super::{content_index::ContentIndex, document_writer::DocumentWriter, units};

/// How many bytes of base documents are kept in memory.
const MAX_BASES: usize = 256 << 20;

/// Writes documents to a pack file, each as its difference from the one before it in its series, and no content twice.
#[derive(Debug)]
pub(crate) struct PackWriter<W> {
    out: W,
    checksums: Checksums,
    offset: u64,
    record: RecordBuilder,
    stored: ContentIndex,
    bases: HashMap<Series, Base>,
    bases_len: usize,
}

/// How a document follows others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// It follows no other document.
    Nothing,
    /// It repeats the last document of the series, and the next one repeats it.
    Last(Series),
    /// It repeats the last document of the series, but the next one does not repeat it.
    Aside(Series),
}

/// A series of documents of which each repeats most of the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Series {
    /// The requests of a thread.
    Requests(ThreadId),
    /// The prompts of a thread that these requests were made from.
    Prompts(ThreadId),
}

/// A base: a document that the next one of its series is compared with.
#[derive(Debug)]
struct Base {
    text: Vec<u8>,
    document: BaseDocument,
}

impl<W: Write> PackWriter<W> {
    /// Begins a pack with a salt that cannot be predicted.
    pub(crate) fn new(out: W) -> io::Result<Self> {
        // Hash keys are the only randomness that the standard library provides.
        let salt = RandomState::new().build_hasher().finish();
        Self::with_header(out, FileHeader::new(salt))
    }

    pub(crate) fn with_header(mut out: W, header: FileHeader) -> io::Result<Self> {
        let bytes = header.encode();
        out.write_all(&bytes)?;
        Ok(Self {
            out,
            checksums: header.checksums(),
            offset: bytes.len() as u64,
            record: RecordBuilder::default(),
            stored: ContentIndex::default(),
            bases: HashMap::new(),
            bases_len: 0,
        })
    }

    /// Writes a document. No other document may have its number.
    pub(crate) fn write(&mut self, number: u64, text: &[u8], follows: &Follows) -> io::Result<()> {
        self.write_repeating(number, (text, 0), follows)
    }

    /// Writes a document whose first `kept` bytes are known to be those of the last document of its series, so that they
    /// are neither compared nor copied. No other document may have its number.
    pub(crate) fn write_repeating(
        &mut self,
        number: u64,
        (text, kept): (&[u8], usize),
        follows: &Follows,
    ) -> io::Result<()> {
        let series = match follows {
            Follows::Nothing => None,
            Follows::Last(series) | Follows::Aside(series) => Some(series),
        };
        // A base has a lower number than the records that are described against it.
        let base = series.and_then(|series| self.bases.get(series)).filter(|base| base.document.number() < number);
        self.record.clear();
        let mut writer =
            DocumentWriter { document: text, stored: &self.stored, record: &mut self.record, findings: Vec::new() };
        let shared = write_document(&mut writer, base, kept);
        let findings = writer.findings;
        let sealed = self.record.seal(number, self.checksums, base.map(|base| &base.document));
        let mut sealed = sealed.map_err(|RecordTooLarge| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.out.write_all(sealed.at(self.offset))?;
        self.offset += sealed.record_len() as u64;
        for (content, ranges) in findings {
            self.stored.insert(content, ranges.into_iter().map(|range| range.stored_in(number)));
        }
        if let Follows::Last(series) = follows {
            self.advance(series, number, (text, shared));
        }
        self.record.reuse(sealed);
        Ok(())
    }

    /// Makes the document that was just written the base of the next one in its series. It shares its first `shared`
    /// bytes with the base before.
    fn advance(&mut self, series: &Series, number: u64, (text, shared): (&[u8], usize)) {
        let (mut base_text, before) = match self.bases.remove(series) {
            Some(base) => (base.text, Some(base.document)),
            None => (Vec::new(), None),
        };
        self.bases_len -= base_text.len();
        let document = BaseDocument::new(number, &self.record, before);
        if self.bases_len + text.len() > MAX_BASES {
            self.bases.clear();
            self.bases_len = 0;
        }
        self.bases_len += text.len();
        base_text.truncate(shared);
        base_text.extend_from_slice(&text[shared..]);
        self.bases.insert(series.clone(), Base { text: base_text, document });
    }

    /// Ends the pack.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Writes a document as pieces of its base and new data. Returns how many bytes at its start are those of the base, of
/// which the first `kept` are not compared.
fn write_document(writer: &mut DocumentWriter<'_>, base: Option<&Base>, kept: usize) -> usize {
    let document = writer.document;
    let Some(Base { text, document: base }) = base else {
        match units::of_document(document) {
            Some(all) => writer.units(&all),
            None => writer.raw(0..document.len()),
        }
        return 0;
    };
    debug_assert!(text.get(..kept) == document.get(..kept), "the caller knows that these bytes are the base's");
    let prefix = kept + common_prefix(&text[kept..], &document[kept..]);
    let rest = text.len().min(document.len()) - prefix;
    let suffix = common_suffix(&text[text.len() - rest..], &document[document.len() - rest..]);
    let middle = prefix..document.len() - suffix;
    if prefix > 0
        && let Some(elements) = units::of_elements(document, middle.clone())
    {
        writer.base(base, 0..prefix);
        writer.units(&elements);
        writer.base(base, text.len() - suffix..text.len());
    } else if let Some(all) = units::of_document(document) {
        let first = all.partition_point(|unit| unit.range.end <= middle.start);
        let last = all.partition_point(|unit| unit.range.start < middle.end).max(first);
        let shared = all.get(first).map_or(document.len(), |unit| unit.range.start);
        let after = all.get(last).map_or(document.len(), |unit| unit.range.start);
        writer.base(base, 0..shared);
        writer.units(&all[first..last]);
        writer.base(base, text.len() - (document.len() - after)..text.len());
    } else {
        writer.base(base, 0..prefix);
        writer.raw(middle);
        writer.base(base, text.len() - suffix..text.len());
    }
    prefix
}
