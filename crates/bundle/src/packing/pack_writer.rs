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

/// Writes documents to a pack file, each as its difference from the one before it in its thread, and no content twice.
#[derive(Debug)]
pub(crate) struct PackWriter<W> {
    out: W,
    checksums: Checksums,
    offset: u64,
    record: RecordBuilder,
    stored: ContentIndex,
    bases: HashMap<ThreadId, Base>,
    bases_len: usize,
}

/// How a document follows others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// It follows no other document.
    Nothing,
    /// It repeats the thread's last request, and the next request repeats it.
    Thread(ThreadId),
    /// It repeats the thread's last request, but the next request does not repeat it.
    ThreadAside(ThreadId),
}

/// A base: a document that the next one of its thread is compared with.
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

    /// Writes a document. Its number must be greater than those before it.
    pub(crate) fn write(&mut self, number: u64, text: &[u8], follows: &Follows) -> io::Result<()> {
        let thread = match follows {
            Follows::Nothing => None,
            Follows::Thread(thread) | Follows::ThreadAside(thread) => Some(thread),
        };
        let base = thread.and_then(|thread| self.bases.get(thread));
        self.record.clear();
        let mut writer =
            DocumentWriter { document: text, stored: &self.stored, record: &mut self.record, findings: Vec::new() };
        write_document(&mut writer, base);
        let findings = writer.findings;
        let sealed = self.record.seal(number, self.checksums, base.map(|base| &base.document));
        let mut sealed = sealed.map_err(|RecordTooLarge| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.out.write_all(sealed.at(self.offset))?;
        self.offset += sealed.record_len() as u64;
        for (content, ranges) in findings {
            self.stored.insert(content, ranges.into_iter().map(|range| range.stored_in(number)));
        }
        if let Follows::Thread(thread) = follows {
            self.advance(thread, number, text);
        }
        self.record.reuse(sealed);
        Ok(())
    }

    /// Makes the document that was just written the base of the thread's next one.
    fn advance(&mut self, thread: &ThreadId, number: u64, text: &[u8]) {
        let before = self.bases.remove(thread);
        self.bases_len -= before.as_ref().map_or(0, |base| base.text.len());
        let document = BaseDocument::new(number, &self.record, before.map(|base| base.document));
        if self.bases_len + text.len() > MAX_BASES {
            self.bases.clear();
            self.bases_len = 0;
        }
        self.bases_len += text.len();
        self.bases.insert(thread.clone(), Base { text: text.to_vec(), document });
    }

    /// Ends the pack.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Writes a document as pieces of its base and new data.
fn write_document(writer: &mut DocumentWriter<'_>, base: Option<&Base>) {
    let document = writer.document;
    let Some(Base { text, document: base }) = base else {
        match units::of_document(document) {
            Some(all) => writer.units(&all),
            None => writer.raw(0..document.len()),
        }
        return;
    };
    let prefix = common_prefix(text, document);
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
}
