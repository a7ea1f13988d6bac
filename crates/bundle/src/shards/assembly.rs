//! Assembling documents from the records of shards.

use std::{borrow::Cow, collections::HashMap, path::PathBuf, sync::Arc};

use rollout_trace_schema::{
    Capture, PayloadPlace, PayloadRef, RawPayloadId,
    json_text::{Nesting, check_document, write_string},
    packed::Hole,
};
use serde::Deserialize;

use super::{
    facts::Facts,
    shard_records::{Record, ShardRecords},
};
use crate::{Limits, PayloadBuffer, PayloadError, PayloadSource, Problem, contained::ContainedFolder, spent::Spent};

/// A nesting depth that few parts exceed. A document whose parts all stay within it is checked without assembling it.
const SHALLOW: usize = 64;

/// Represents a part when a document is checked without its parts. The document is JSON only if the part is where a
/// value may be: this text is not valid as a key, inside a string or next to a number.
const ANY_VALUE: &[u8] = br#"[""]"#;

/// How many bytes of parts are kept for the documents that share them.
const KEPT_PARTS_BYTES: usize = 32 << 20;

/// Reads payload documents from the shards of a bundle, which are files or in a pack.
///
/// A part that cannot be read or was not recorded whole is represented by its placeholder in the documents that it is
/// part of, and the buffer lists it ([`PayloadBuffer::missing_parts`]). A document that was itself not recorded whole
/// is not loaded ([`PayloadError::NotRecorded`]).
#[derive(Debug)]
pub struct PayloadShards {
    records: ShardRecords,
    limits: Limits,
    parts: HashMap<RawPayloadId, KnownPart>,
    kept_parts: HashMap<RawPayloadId, Arc<[u8]>>,
    kept_parts_bytes: usize,
    facts: Facts,
    /// The document that is being assembled, and afterwards the one that it replaced.
    scratch: Vec<u8>,
}

/// What is known about a document that was read as a part of another one.
#[derive(Clone, Debug)]
struct KnownPart {
    reference: PayloadRef,
    part: Part,
}

#[derive(Clone, Debug)]
enum Part {
    /// A JSON text.
    Text { len: usize, is_shallow: bool, flaws: Arc<Flaws> },
    /// The part is represented by its placeholder.
    Unavailable,
}

/// How a text differs from what was recorded.
#[derive(Clone, Debug, Default)]
struct Flaws {
    /// The parts that placeholders represent.
    missing: Vec<RawPayloadId>,
    /// Where marks replace bytes that are damaged in a pack.
    holes: Vec<Hole>,
}

impl Flaws {
    /// Adds the flaws of a text that was appended at an offset.
    fn add(&mut self, flaws: &Self, offset: usize) {
        self.missing.extend(flaws.missing.iter().cloned());
        self.add_holes(&flaws.holes, offset);
    }

    fn add_holes(&mut self, holes: &[Hole], offset: usize) {
        self.holes.extend(holes.iter().map(|hole| Hole { offset: offset + hole.offset, ..*hole }));
    }
}

/// A fragment of a document. A bare [`Cow`] would always be deserialized as a copy.
#[derive(Deserialize)]
struct Fragment<'a>(#[serde(borrow)] Cow<'a, str>);

impl PayloadShards {
    /// Reads payloads of the bundle in `folder`. A shard that is both in the pack and a file is read from the pack.
    pub fn new(folder: impl Into<PathBuf>, limits: &Limits) -> Self {
        Self::open_in(ContainedFolder::new(folder.into()), limits, true)
    }

    /// Reads payloads of the bundle in `folder`. If a shard is both in the pack and a file, `pack_first` says which one
    /// is read.
    pub(crate) fn open_in(folder: ContainedFolder, limits: &Limits, pack_first: bool) -> Self {
        Self {
            records: ShardRecords::new(folder, limits, pack_first),
            limits: *limits,
            parts: HashMap::new(),
            kept_parts: HashMap::new(),
            kept_parts_bytes: 0,
            facts: Facts::default(),
            scratch: Vec::new(),
        }
    }

    /// Returns what is wrong with the shards and parts that were needed so far.
    pub(crate) fn problems(&mut self, is_closed: impl FnOnce(&mut ContainedFolder) -> bool) -> Vec<Problem> {
        let is_closed = is_closed(self.records.folder());
        self.facts.problems(&self.records, is_closed)
    }

    /// Looks for the parts of a document that cannot be assembled, so that the lost parts are counted, too.
    fn look_for_parts(&mut self, document: &PayloadRef) {
        if document.parts.is_empty() || !self.facts.note_unusable(&document.raw_payload_id) {
            return;
        }
        for part in document.parts.iter() {
            if part.is_missing() {
                self.check_missing(part);
            } else {
                _ = self.record(part);
                self.look_for_parts(part);
            }
        }
    }

    /// Returns how many bytes the files have of the shards that were needed so far.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.records.file_bytes()
    }

    /// Returns how much the shards decompressed to.
    pub(crate) fn spent(&self) -> Spent {
        self.records.spent()
    }

    /// Returns what is stored for a payload.
    fn record(&mut self, reference: &PayloadRef) -> Result<Record<'_>, PayloadError> {
        let shard = shard_of(reference)?;
        let read = self.records.record(shard, reference);
        self.facts.note_read(shard, reference, &read);
        read
    }

    /// Appends the text of a document to `text`, and its flaws to `flaws`.
    fn append(&mut self, reference: &PayloadRef, text: &mut Vec<u8>, flaws: &mut Flaws) -> Result<(), PayloadError> {
        let limit = self.limits.max_payload_bytes;
        let check_len = |len: usize| {
            let bytes = len as u64;
            if len > limit { Err(PayloadError::TooLarge { path: reference.to_string(), bytes, limit }) } else { Ok(()) }
        };
        let record = self.record(reference)?;
        if reference.parts.is_empty() {
            check_len(record.bytes.len())?;
            flaws.add_holes(record.holes, text.len());
            text.extend_from_slice(record.bytes);
            return Ok(());
        }
        let record = sound(record, reference)?.to_vec();
        let fragments = fragments(&record, reference)?;
        // A reference of a few bytes can insert a large part, so the lengths are added up before anything is copied.
        let mut len: usize = fragments.iter().map(|Fragment(fragment)| fragment.len()).sum();
        for part in reference.parts.iter() {
            len = len.saturating_add(match self.part(part) {
                Part::Text { len, .. } => len,
                Part::Unavailable => placeholder(&part.raw_payload_id).len(),
            });
        }
        check_len(len)?;
        text.reserve(len);
        let (first, others) = fragments.split_first().expect("there is one more fragment than parts");
        text.extend_from_slice(first.0.as_bytes());
        for (part, Fragment(fragment)) in reference.parts.iter().zip(others) {
            self.append_part(part, text, flaws);
            text.extend_from_slice(fragment.as_bytes());
        }
        Ok(())
    }

    /// Appends the text of a part, or its placeholder.
    fn append_part(&mut self, part: &PayloadRef, text: &mut Vec<u8>, flaws: &mut Flaws) {
        let id = &part.raw_payload_id;
        let start = text.len();
        if let Part::Text { flaws: inside, .. } = self.part(part) {
            let is_there = match self.kept_parts.get(id) {
                Some(kept) => {
                    text.extend_from_slice(kept);
                    true
                }
                None => self.append(part, text, &mut Flaws::default()).is_ok(),
            };
            if is_there {
                flaws.add(&inside, start);
                return;
            }
        }
        text.truncate(start);
        text.extend_from_slice(&placeholder(id));
        flaws.missing.push(id.clone());
    }

    /// Returns what is known about a part, which is read at most once.
    fn part(&mut self, reference: &PayloadRef) -> Part {
        let id = &reference.raw_payload_id;
        if reference.is_missing() {
            self.check_missing(reference);
            return Part::Unavailable;
        }
        if let Some(known) = self.parts.get(id)
            && known.reference == *reference
        {
            return known.part.clone();
        }
        let (mut text, mut flaws) = (Vec::new(), Flaws::default());
        let part = match self.append(reference, &mut text, &mut flaws) {
            Ok(()) => self.check_part(reference, &text, flaws),
            Err(error) => {
                self.facts.note_lost_part(id, crate::manifest::error_text(&error));
                self.look_for_parts(reference);
                Part::Unavailable
            }
        };
        if self.kept_parts_bytes + text.len() > KEPT_PARTS_BYTES {
            self.kept_parts.clear();
            self.kept_parts_bytes = 0;
        }
        self.kept_parts.remove(id);
        if text.len() <= KEPT_PARTS_BYTES && matches!(part, Part::Text { .. }) {
            self.kept_parts_bytes += text.len();
            self.kept_parts.insert(id.clone(), text.into());
        }
        self.parts.insert(id.clone(), KnownPart { reference: reference.clone(), part: part.clone() });
        part
    }

    /// Checks that the text of a part is JSON by itself.
    fn check_part(&mut self, reference: &PayloadRef, text: &[u8], flaws: Flaws) -> Part {
        let is_shallow = check_document(text, Nesting::new(SHALLOW)).is_ok() && str::from_utf8(text).is_ok();
        if !is_shallow && let Err(error) = check_document(text, Nesting::new(self.limits.max_nesting)) {
            let reason = if text.is_empty() { "it is empty".to_owned() } else { format!("it is not JSON: {error}") };
            self.facts.note_lost_part(&reference.raw_payload_id, reason);
            return Part::Unavailable;
        }
        Part::Text { len: text.len(), is_shallow, flaws: flaws.into() }
    }

    /// Checks what was recorded of a document that is missing by its reference: whether the shard agrees with the
    /// reference, and whether the parts can be read.
    fn check_missing(&mut self, reference: &PayloadRef) {
        if !self.facts.note_missing(reference) {
            return;
        }
        let id = &reference.raw_payload_id;
        match reference.capture {
            Capture::Omitted { .. } if reference.place != PayloadPlace::Shard(None) => {
                self.facts.note_mismatch(id, "it was left out, but its reference names a shard");
            }
            Capture::Truncated { original_bytes, retained_bytes } => match self
                .record(reference)
                .map(|record| record.bytes.len())
            {
                Ok(len) if len as u64 != retained_bytes => {
                    let reason = format!("it was cut to {retained_bytes} bytes, but its record has {len}");
                    self.facts.note_mismatch(id, reason);
                }
                Ok(_) if original_bytes <= retained_bytes => {
                    let reason = format!("it was cut to {retained_bytes} bytes, but had only {original_bytes}");
                    self.facts.note_mismatch(id, reason);
                }
                Ok(_) => {}
                Err(error) => self.facts.note_mismatch(id, format!("what was recorded of it cannot be read: {error}")),
            },
            _ => {}
        }
        for part in reference.parts.iter() {
            self.part(part);
        }
    }
}

impl PayloadSource for PayloadShards {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let id = &reference.raw_payload_id;
        if reference.is_missing() {
            self.check_missing(reference);
            return Err(PayloadError::NotRecorded { payload: id.to_string() });
        }
        if reference.parts.is_empty() {
            let shard = shard_of(reference)?;
            let loaded = self.records.load(shard, reference, buffer);
            self.facts.note_read(shard, reference, &loaded);
            return loaded;
        }
        let (mut text, mut flaws) = (std::mem::take(&mut self.scratch), Flaws::default());
        text.clear();
        let appended = self.append(reference, &mut text, &mut flaws);
        if appended.is_ok() {
            let Flaws { mut missing, holes } = flaws;
            buffer.replace(id, &mut text);
            missing.sort_unstable();
            missing.dedup();
            buffer.set_missing_parts(missing);
            buffer.set_holes(holes);
        } else {
            self.look_for_parts(reference);
        }
        self.scratch = text;
        appended
    }

    /// Checks each part once, and then, for each document, only the fragments around its parts, because the prompts of
    /// a thread share nearly all of their parts. Example: for the fragments `{"input":[` and `]}` around one part,
    /// `{"input":[[""]]}` is checked.
    fn is_json(&mut self, reference: &PayloadRef, max_nesting: usize) -> bool {
        let Some(nesting) = max_nesting.checked_sub(SHALLOW) else { return false };
        if reference.is_missing() || reference.parts.is_empty() {
            return false;
        }
        let record = self.record(reference).and_then(|record| sound(record, reference)).map(<[u8]>::to_vec);
        let Ok(record) = record else { return false };
        let Ok(fragments) = fragments(&record, reference) else { return false };
        let (mut skeleton, mut len) = (Vec::with_capacity(record.len() + ANY_VALUE.len() * fragments.len()), 0_usize);
        let parts = reference.parts.iter().map(Some).chain([None]);
        for (Fragment(fragment), part) in fragments.iter().zip(parts) {
            skeleton.extend_from_slice(fragment.as_bytes());
            len = len.saturating_add(fragment.len());
            match part.map(|part| self.part(part)) {
                Some(Part::Text { len: part_len, is_shallow: true, flaws }) if flaws.holes.is_empty() => {
                    len = len.saturating_add(part_len);
                }
                Some(Part::Text { .. }) => return false,
                Some(Part::Unavailable) | None => {}
            }
            if part.is_some() {
                skeleton.extend_from_slice(ANY_VALUE);
            }
        }
        // `ANY_VALUE` is itself one level deep.
        len <= self.limits.max_payload_bytes && check_document(&skeleton, Nesting::new(nesting + 1)).is_ok()
    }
}

/// Returns the shard that has a payload.
fn shard_of(reference: &PayloadRef) -> Result<u64, PayloadError> {
    match reference.place {
        PayloadPlace::Shard(Some(shard)) => Ok(shard),
        _ => Err(PayloadError::NoPlace { payload: reference.raw_payload_id.to_string() }),
    }
}

/// Returns the bytes of the record of a document with parts, unless some of them are damaged. A mark among its
/// fragments would have no meaning.
fn sound<'a>(record: Record<'a>, reference: &PayloadRef) -> Result<&'a [u8], PayloadError> {
    match record.holes.iter().map(|hole| hole.bytes).sum::<usize>() {
        0 => Ok(record.bytes),
        bytes => Err(PayloadError::Damaged {
            what: format!("{reference} cannot be assembled: {bytes} bytes of its record are damaged"),
        }),
    }
}

/// Reads the fragments in the record of a document that has parts.
fn fragments<'a>(record: &'a [u8], reference: &PayloadRef) -> Result<Vec<Fragment<'a>>, PayloadError> {
    let damaged = |reason: String| PayloadError::Damaged { what: format!("{reference} cannot be assembled: {reason}") };
    let fragments: Vec<Fragment<'_>> = serde_json::from_slice(record)
        .map_err(|error| damaged(format!("its record is not an array of strings: {error}")))?;
    let (found, expected) = (fragments.len(), reference.parts.len() + 1);
    if found != expected {
        return Err(damaged(format!("its record has {found} fragments, but its parts require {expected}")));
    }
    Ok(fragments)
}

/// Returns the placeholder of a missing part.
///
/// Source: bundle 3, section 1.5.
fn placeholder(id: &RawPayloadId) -> Vec<u8> {
    let mut text = br#"{"$trace_unavailable":"#.to_vec();
    write_string(id.as_bytes(), &mut text);
    text.push(b'}');
    text
}
