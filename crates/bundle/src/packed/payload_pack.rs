//! The payload source for the packed layout.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use rollout_trace_schema::{
    Manifest, PayloadRef,
    packed::{PACK_FILE, Piece, ShardTable, SpanState, StoredRange, number_of_digits, number_of_id},
};

use super::{
    blocks::Blocks,
    header::read_header,
    holes,
    layout::{LayoutError, common, layout, total},
    pack_file::open_pack,
    records::{Recipe, Records, Run},
};
use crate::{Limits, PayloadBuffer, PayloadError, PayloadSource, contained::ContainedFolder};

/// Reads payload documents from the pack file of a bundle.
///
/// A document is composed of pieces of the file. If the buffer contains a document of the same pack, only the parts
/// that the two do not share are read and written. Every byte is checked when it is read for the first time.
#[derive(Debug)]
pub struct PayloadPack {
    path: PathBuf,
    records: Records,
    limits: Limits,
    /// Distinguishes the documents of this pack from those of another.
    token: Arc<()>,
    scratch: Vec<u8>,
}

/// Says which document of which pack a buffer contains. A document with damaged bytes gets no such note.
#[derive(Debug)]
struct Held {
    /// The token of the pack.
    token: Arc<()>,
    number: u64,
    /// Where the document's bytes are, if they were looked up to load it.
    layout: Option<Vec<StoredRange>>,
}

/// Returns the document that the buffer holds, if it comes from the pack with this token.
fn held<'a>(buffer: &'a PayloadBuffer, token: &Arc<()>) -> Option<&'a Held> {
    buffer.note::<Held>().filter(|held| Arc::ptr_eq(&held.token, token))
}

impl PayloadPack {
    /// Opens the pack file of the bundle in `folder`. Records that are appended to it later will be found too.
    ///
    /// # Errors
    ///
    /// There is no pack file, or it cannot be read.
    pub fn open(folder: impl Into<PathBuf>, limits: &Limits) -> Result<Self, PayloadError> {
        Self::open_in(ContainedFolder::new(folder.into()), limits)
    }

    pub(crate) fn open_in(mut folder: ContainedFolder, limits: &Limits) -> Result<Self, PayloadError> {
        let (file, len) = open_pack(&mut folder)?;
        let path = folder.path().join(PACK_FILE);
        let mut blocks = Blocks::new(file, len);
        let header = read_header(&mut blocks).map_err(|source| PayloadError::Read { path: path.clone(), source })?;
        let header = header.map_err(|error| PayloadError::Damaged { what: format!("{PACK_FILE}: {error}") })?;
        let max_document = limits.max_payload_bytes as u64;
        // A meta is small in proportion to the document that it describes.
        let max_meta = (max_document / 32).max(1 << 16);
        Ok(Self {
            path,
            records: Records::new(blocks, header.header.checksums(), max_meta, max_document.max(1 << 16)),
            limits: *limits,
            token: Arc::new(()),
            scratch: Vec::new(),
        })
    }

    /// Returns the numbers of all records, in ascending order: of documents, and of the tables of shards.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn numbers(&mut self) -> Result<Vec<u64>, PayloadError> {
        self.refresh()?;
        Ok(self.records.index.numbers().collect())
    }

    /// Returns whether there is a record with this number, readable or not.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.records.index.get(number).is_some()
    }

    /// Returns whether there is no record.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.index.numbers().next().is_none()
    }

    /// Returns whether there is the table of any shard.
    pub(crate) fn has_tables(&self) -> bool {
        self.records.index.numbers().next_back().and_then(ShardTable::shard_of).is_some()
    }

    /// Returns how many bytes of the file are not part of a sound record. The last of them may be a record that is
    /// still being written.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn unsound_bytes(&mut self) -> Result<u64, PayloadError> {
        self.refresh()?;
        Ok(self.records.index.unsound_bytes())
    }

    fn refresh(&mut self) -> Result<(), PayloadError> {
        self.records.refresh().map_err(|source| PayloadError::Read { path: self.path.clone(), source })
    }

    fn layout(&mut self, number: u64, reference: &PayloadRef) -> Result<Vec<StoredRange>, PayloadError> {
        layout(number, self.limits.max_payload_bytes as u64, &mut self.records).map_err(|error| match error {
            LayoutError::Record(record, what) if record == number => {
                PayloadError::Damaged { what: format!("the record of {reference} in {PACK_FILE} {what}") }
            }
            LayoutError::Record(record, what) => PayloadError::Damaged {
                what: format!("{reference} is based on raw_payload:{record}, whose record in {PACK_FILE} {what}"),
            },
            LayoutError::Io(source) => PayloadError::Read { path: self.path.clone(), source },
        })
    }

    /// Loads a document whose base is the document in the buffer. Returns `false` if the buffer contains another
    /// document, or if something is damaged.
    fn load_upon_base(
        &mut self,
        number: u64,
        recipe: &Recipe,
        reference: &PayloadRef,
        buffer: &mut PayloadBuffer,
    ) -> Result<bool, PayloadError> {
        if recipe.base.is_none() || held(buffer, &self.token).map(|held| held.number) != recipe.base {
            return Ok(false);
        }
        let base_len = buffer.bytes().len() as u64;
        let base_piece = |index: Option<usize>| match index.and_then(|index| recipe.pieces.get(index)) {
            Some(&(Piece::Base { offset, len }, _)) => Some((offset, len)),
            _ => None,
        };
        let mut pieces = 0..recipe.pieces.len();
        let (mut prefix, mut suffix, mut keep_back) = (0, 0, 0);
        if let Some((0, len)) = base_piece(Some(0)).filter(|(_, len)| *len <= base_len) {
            (prefix, pieces.start) = (len, 1);
        }
        let last = pieces.end.checked_sub(1).filter(|last| pieces.contains(last));
        if let Some((offset, len)) = base_piece(last)
            && offset.checked_add(len) == Some(base_len)
        {
            // A byte of the prefix cannot also belong to the suffix.
            suffix = len.min(base_len - prefix);
            keep_back = len - suffix;
            pieces.end -= 1;
        }
        self.scratch.clear();
        let mut is_sound = true;
        for &(piece, _) in &recipe.pieces[pieces] {
            let range = match piece {
                Piece::Data(range) => range.stored_in(number),
                Piece::Base { offset, len } => {
                    let end = offset.checked_add(len).filter(|end| *end <= base_len);
                    let Some(end) = end else { return Ok(false) };
                    self.scratch.extend_from_slice(&buffer.bytes()[offset as usize..end as usize]);
                    continue;
                }
            };
            let sound = |run: Run| is_sound &= run.state == SpanState::Sound;
            let appended = self.records.append(range, &mut self.scratch, sound);
            appended.map_err(|source| PayloadError::Read { path: self.path.clone(), source })?;
            if !is_sound {
                return Ok(false);
            }
        }
        let from = (base_len - suffix - keep_back) as usize;
        self.scratch.extend_from_slice(&buffer.bytes()[from..from + keep_back as usize]);
        buffer.patch(&reference.raw_payload_id, prefix as usize, suffix as usize, &self.scratch);
        Ok(true)
    }

    /// Reads these bytes of a document into the scratch buffer, and calls `visit` with their runs. Returns whether all
    /// of them are sound.
    fn read(
        &mut self,
        layout: &[StoredRange],
        from: u64,
        len: u64,
        mut visit: impl FnMut(Run),
    ) -> Result<bool, PayloadError> {
        self.scratch.clear();
        // The length may be wrong, so no memory is reserved for it.
        self.scratch.reserve(len.min(64 << 10) as usize);
        let mut is_sound = true;
        let (mut skip, mut left) = (from, len);
        for range in layout {
            if left == 0 {
                break;
            }
            if skip >= range.len {
                skip -= range.len;
                continue;
            }
            let take = left.min(range.len - skip);
            let range = StoredRange { offset: range.offset.wrapping_add(skip), len: take, ..*range };
            let appended = self.records.append(range, &mut self.scratch, |run| {
                is_sound &= run.state == SpanState::Sound;
                visit(run);
            });
            appended.map_err(|source| PayloadError::Read { path: self.path.clone(), source })?;
            (skip, left) = (0, left - take);
        }
        Ok(is_sound)
    }

    /// Loads the document of a record. `reference` is its name in errors and in the buffer.
    ///
    /// # Errors
    ///
    /// The document cannot be loaded. `buffer` is then unchanged.
    pub(crate) fn load_record(
        &mut self,
        number: u64,
        reference: &PayloadRef,
        buffer: &mut PayloadBuffer,
    ) -> Result<(), PayloadError> {
        if self.records.index.get(number).is_none_or(|place| !place.is_sound) {
            self.refresh()?;
            if self.records.index.get(number).is_none() {
                let lost = self.records.index.unsound_bytes();
                return Err(if lost == 0 {
                    PayloadError::NotPacked { path: reference.to_string() }
                } else {
                    let what = format!(
                        "{reference} is not among the records of {PACK_FILE}, {lost} bytes of which are damaged"
                    );
                    PayloadError::Damaged { what }
                });
            }
        }
        let token = Arc::clone(&self.token);
        let recipe = self.records.recipe(number);
        let recipe = recipe.map_err(|source| PayloadError::Read { path: self.path.clone(), source })?;
        if let Some(recipe) = recipe {
            let (bytes, limit) = (recipe.document_len, self.limits.max_payload_bytes);
            if bytes > limit as u64 {
                return Err(PayloadError::TooLarge { path: reference.to_string(), bytes, limit });
            }
            if self.load_upon_base(number, &recipe, reference, buffer)? {
                buffer.set_note(Held { token, number, layout: None });
                return Ok(());
            }
        }
        let layout = self.layout(number, reference)?;
        // Even a document without a base may share as much with the one before it as a document with a base.
        let (prefix, suffix) = match held(buffer, &self.token) {
            None => (0, 0),
            Some(Held { layout: Some(before), .. }) => common(before, &layout),
            Some(Held { number, .. }) => {
                self.layout(*number, reference).map_or((0, 0), |before| common(&before, &layout))
            }
        };
        let len = total(&layout);
        if self.read(&layout, prefix, len - prefix - suffix, |_| {})? {
            // If nothing is known to be shared, the documents are compared.
            if prefix + suffix > 0 {
                buffer.patch(&reference.raw_payload_id, prefix as usize, suffix as usize, &self.scratch);
            } else {
                buffer.replace_with(&reference.raw_payload_id, &self.scratch);
            }
            buffer.set_note(Held { token, number, layout: Some(layout) });
            return Ok(());
        }
        let mut runs = Vec::new();
        self.read(&layout, 0, len, |run| runs.push(run))?;
        let holes = holes::close(&mut self.scratch, &runs).ok_or_else(|| PayloadError::Damaged {
            what: format!("{reference} is damaged in {PACK_FILE} where no mark can replace it"),
        })?;
        buffer.replace_with(&reference.raw_payload_id, &self.scratch);
        buffer.set_holes(holes);
        Ok(())
    }
}

impl PayloadSource for PayloadPack {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let number = number_of(reference).ok_or_else(|| PayloadError::NotPacked { path: reference.to_string() })?;
        self.load_record(number, reference, buffer)
    }
}

/// Returns the number of the record that holds a document. It is in the path or, in schema 3, which has no paths, in
/// the id.
pub(crate) fn number_of(reference: &PayloadRef) -> Option<u64> {
    match reference.path() {
        Some(path) => document_number(path),
        None => number_of_id(&reference.raw_payload_id),
    }
}

/// Returns the number of the record that holds the document with this path, which is `payloads/N.json`.
///
/// Only the path matters, as for payloads in files; the id does not.
pub(crate) fn document_number(path: &str) -> Option<u64> {
    // This is the form that writers use.
    if let Some(file) = path.strip_prefix(Manifest::PAYLOADS_DIR).and_then(|file| file.strip_prefix('/'))
        && !file.contains('/')
    {
        return number_of_file(file);
    }
    let mut parts = Path::new(path).components().filter(|part| *part != Component::CurDir);
    let (Some(Component::Normal(folder)), Some(Component::Normal(file)), None) =
        (parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    if folder != Manifest::PAYLOADS_DIR {
        return None;
    }
    number_of_file(file.to_str()?)
}

/// Returns the number in `N.json`, if it has no leading zeros and is less than 2⁶².
fn number_of_file(name: &str) -> Option<u64> {
    name.strip_suffix(".json").and_then(number_of_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_records() {
        for (path, number) in [
            ("payloads/1.json", Some(1)),
            ("./payloads//12.json", Some(12)),
            ("payloads/0.json", Some(0)),
            ("payloads/01.json", None),
            ("payloads/+1.json", None),
            ("payloads/1.JSON", None),
            ("payloads/.json", None),
            ("payloads/9223372036854775807.json", None),
            ("payloads/1.json/x", None),
            ("/payloads/1.json", None),
            ("payloads/../payloads/1.json", None),
            ("other/1.json", None),
            ("1.json", None),
            ("", None),
        ] {
            assert_eq!(document_number(path), number, "{path}");
        }
    }
}
