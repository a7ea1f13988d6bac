//! The document that a thread's next model-facing document is compared with.

use std::ops::Range;

use rollout_trace_schema::{
    json_text::{MAX_NESTING, Quotes, check_nesting},
    packed::{BaseDocument, Checksums, SealedRecord, common_prefix, common_suffix},
};
use serde::Serialize;

use super::{
    Draft, Scratch, WalkContext, WalkError,
    sharing::{Sharing, TextStart},
    tape::Tape,
    walker::{Hint, Purpose, WalkBase, Walked, Walker},
};

/// A thread's comparison state. One call at a time uses it, and it advances only after the call's record is written.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    last: Option<LastRequest>,
}

/// The thread's last request.
#[derive(Debug)]
struct LastRequest {
    document: BaseDocument,
    content: Content,
}

/// The content of a request in the form with which the next one is compared.
#[derive(Debug)]
enum Content {
    /// The request was walked over.
    Walked(Tape),
    /// The request came as bytes.
    Body {
        bytes: Vec<u8>,
        /// How many brackets may change before it is checked again how deep the bytes nest.
        spare_levels: usize,
    },
}

/// What the thread's next request will be compared with.
pub(crate) enum NextBase {
    /// The same document as before, because this one does not represent the thread's history.
    Unchanged,
    /// This document, which was walked over.
    Walked,
    /// This document, which came as bytes: `middle` between the first and the last bytes of the request before it.
    Body { prefix: usize, suffix: usize, middle: Vec<u8>, spare_levels: usize },
}

impl Compared {
    /// Walks over a request.
    pub(crate) fn request<T: Serialize + ?Sized>(
        &self,
        context: &WalkContext<'_>,
        request: &T,
        hint: Hint,
    ) -> Result<Walked, WalkError> {
        let purpose = match self.last {
            Some(_) => Purpose::Request(hint),
            None => Purpose::FirstRequest(hint.shape),
        };
        Walker::new(context, self.walk_base(), purpose).walk(request)
    }

    /// Walks over a document that has much in common with the last request but is not the next one.
    pub(crate) fn relative<T: Serialize + ?Sized>(
        &self,
        context: &WalkContext<'_>,
        document: &T,
    ) -> Result<Walked, WalkError> {
        Walker::new(context, self.walk_base(), Purpose::Relative).walk(document)
    }

    fn walk_base(&self) -> Option<WalkBase<'_>> {
        match &self.last {
            Some(LastRequest { document, content: Content::Walked(tape) }) => Some(WalkBase { document, tape }),
            _ => None,
        }
    }

    /// Compares a request's bytes.
    pub(crate) fn body(&self, context: &WalkContext<'_>, body: &[u8]) -> Result<(Scratch, NextBase), WalkError> {
        let Some(LastRequest { document, content: Content::Body { bytes: last, spare_levels: spare } }) = &self.last
        else {
            let spare_levels = spare_levels(body)?;
            let next = NextBase::Body { prefix: 0, suffix: 0, middle: body.to_vec(), spare_levels };
            return Ok((shared_body(context, body)?, next));
        };
        let mut scratch = context.scratch_for(body)?;
        let prefix = common_prefix(last, body);
        let rest = last.len().min(body.len()) - prefix;
        let suffix = common_suffix(&last[last.len() - rest..], &body[body.len() - rest..]);
        let middle = &body[prefix..body.len() - suffix];
        let (edit, last_edit) = (prefix..body.len() - suffix, prefix..last.len() - suffix);
        let changed = brackets(middle) + brackets(&last[last_edit.clone()]);
        // If strings begin and end elsewhere, brackets in them may have become arrays, which needs a body that is no JSON.
        let has_same_strings = ends_inside(body, edit) == ends_inside(last, last_edit);
        let spare_levels = match spare.checked_sub(changed) {
            Some(spare) if has_same_strings => spare,
            _ => spare_levels(body)?,
        };
        let start = if prefix == 0 { TextStart::OutsideString } else { TextStart::Anywhere };
        let draft = &mut scratch.draft;
        draft.record.base(document, 0, prefix as u64);
        Sharing { context, draft }.put_json(middle, start);
        draft.record.base(document, (last.len() - suffix) as u64, suffix as u64);
        Ok((scratch, NextBase::Body { prefix, suffix, middle: middle.to_vec(), spare_levels }))
    }

    /// Gives a draft its number and completes its bytes.
    pub(crate) fn seal(&self, draft: &mut Draft, number: u64, checksums: Checksums) -> SealedRecord {
        let sealed = draft.record.seal(number, checksums, self.last.as_ref().map(|last| &last.document));
        sealed.expect("a document is limited to 4 GiB, and its meta is shorter: small parts are joined")
    }

    /// Advances to the record `number`, which was written from the draft in `scratch`.
    pub(crate) fn advance(&mut self, number: u64, scratch: &mut Scratch, next: NextBase) {
        let Scratch { draft, edit, .. } = scratch;
        let (before, content) = match (next, self.last.take()) {
            (NextBase::Unchanged, last) => {
                self.last = last;
                return;
            }
            (NextBase::Walked, last) => {
                let (before, mut tape) = match last {
                    Some(LastRequest { document, content: Content::Walked(tape) }) => (Some(document), tape),
                    last => (last.map(|last| last.document), Tape::default()),
                };
                tape.apply(edit);
                (before, Content::Walked(tape))
            }
            (NextBase::Body { prefix, suffix, middle, spare_levels }, last) => match last {
                Some(LastRequest { document, content: Content::Body { mut bytes, .. } }) => {
                    bytes.splice(prefix..bytes.len() - suffix, middle);
                    (Some(document), Content::Body { bytes, spare_levels })
                }
                last => (last.map(|last| last.document), Content::Body { bytes: middle, spare_levels }),
            },
        };
        self.last = Some(LastRequest { document: BaseDocument::new(number, &draft.record, before), content });
    }

    /// Returns how much memory the comparison state takes.
    pub(crate) fn bytes(&self) -> usize {
        match &self.last {
            None => 0,
            Some(LastRequest { content: Content::Walked(tape), .. }) => tape.bytes(),
            Some(LastRequest { content: Content::Body { bytes, .. }, .. }) => bytes.len(),
        }
    }

    /// Frees memory. Texts that fingerprints can find are still found.
    pub(crate) fn shrink(&mut self) {
        match &mut self.last {
            Some(LastRequest { content: Content::Walked(tape), .. }) => tape.forget_tokens(),
            _ => self.last = None,
        }
    }
}

/// Encodes a document that came as bytes, without comparing it with another one.
pub(crate) fn whole_body(context: &WalkContext<'_>, body: &[u8]) -> Result<Scratch, WalkError> {
    spare_levels(body)?;
    shared_body(context, body)
}

/// Returns how many brackets may change in a body before it could nest too deep, by a coarse estimate.
///
/// Going through all brackets takes longer than comparing a body with the one before. A changed bracket moves what
/// follows it by at most one level.
///
/// # Errors
///
/// The body nests too deep already.
pub(crate) fn spare_levels(body: &[u8]) -> Result<usize, WalkError> {
    if check_nesting(body, MAX_NESTING / 2).is_ok() {
        return Ok(MAX_NESTING / 2);
    }
    check_nesting(body, MAX_NESTING).map(|()| 0).map_err(|_| WalkError::TooDeep { limit: MAX_NESTING })
}

/// Returns whether a range of a text that begins outside of strings ends inside of one.
fn ends_inside(text: &[u8], range: Range<usize>) -> bool {
    // Backslashes decide whether the quotes after them count, also across both ends of the range.
    let backslash = |byte: &&u8| **byte == b'\\';
    let is_escaped = text[..range.start].iter().rev().take_while(backslash).count() % 2 == 1;
    let beyond = text[range.end..].iter().take_while(backslash).count() + 1;
    let end = text.len().min(range.end + beyond);
    Quotes::new(&text[..end], range.start + usize::from(is_escaped)).count() % 2 == 1
}

fn brackets(text: &[u8]) -> usize {
    text.iter().filter(|byte| matches!(byte, b'[' | b']' | b'{' | b'}')).count()
}

fn shared_body(context: &WalkContext<'_>, body: &[u8]) -> Result<Scratch, WalkError> {
    let mut scratch = context.scratch_for(body)?;
    Sharing { context, draft: &mut scratch.draft }.put_json(body, TextStart::OutsideString);
    Ok(scratch)
}

/// Walks over a document that is compared only with texts that are already stored.
pub(crate) fn whole<T: Serialize + ?Sized>(context: &WalkContext<'_>, document: &T) -> Result<Walked, WalkError> {
    Walker::new(context, None, Purpose::Alone).walk(document)
}
