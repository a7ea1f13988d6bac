//! The packed payload layout: all payload documents of a bundle in one append-only file.
//!
//! A model-facing request repeats the whole conversation, so a document is stored as *pieces*: bytes of its own, bytes of the
//! document before it, and bytes that some other record stored. Nothing that is stored is ever stored again, and nothing that was
//! written is ever changed.
//!
//! This module encodes and decodes; it does no I/O. The manifest of such a bundle has `"payload_layout": "packed-1"`
//! ([`PACKED_LAYOUT`]), and the file is `payloads.pack` ([`PACK_FILE`]) beside the manifest. Events refer to a document as if it
//! were a file of its own: record `N` holds the document of `raw_payload:N`, `payloads/N.json`.
//!
//! # The file
//!
//! All numbers are little-endian. The file begins with a header of 24 bytes:
//!
//! | bytes | meaning |
//! |---|---|
//! | 0..8 | `00 72 74 70 61 63 6b 01`: a zero byte, `rtpack`, the layout's version 1 |
//! | 8..16 | salt: random, seeds every checksum of the file |
//! | 16..24 | [checksum](checksum()) of bytes 0..16, seed 0 |
//!
//! Then come records without gaps, in the order of writing. A record is
//!
//! | bytes | meaning |
//! |---|---|
//! | 0..4 | `00 72 74 72`: a zero byte, `rtr`. JSON text cannot contain it |
//! | 4..8 | length of the meta, *m* |
//! | 8..12 | length of the data, *d* |
//! | 12..16 | zero |
//! | 16..24 | the record's number |
//! | 24..32 | checksum of bytes 0..24, seed: salt xor the record's offset in the file |
//! | 32..32+*d* | data |
//! | 32+*d*..32+*d*+*m* | meta |
//! | 32+*d*+*m*..40+*d*+*m* | checksum of the meta, seed: salt xor the number |
//!
//! The data stands before the meta so that a writer can lay it down as it finds it. The meta is a sequence of varints (seven bits a byte, the lowest first, the high bit says that more follows):
//!
//! 1. the document's length in bytes;
//! 2. 0, or how much smaller the number of the *base* is than this record's;
//! 3. the number of *parts*, then for each part `length << 3 | kind` and four bytes: the lower half of the checksum of the part's
//!    bytes, seed: salt. The parts divide the data;
//! 4. the number of *pieces*, then for each piece `length << 2 | source` and what its source asks for. The pieces in their order
//!    are the document. No pieces at all: the document is the data.
//!
//! | source | the piece is | then follows |
//! |---|---|---|
//! | 0 | the next bytes of this record's data | nothing |
//! | 1 | bytes of the base's *document* | offset minus the end of the last piece from the base, zigzag |
//! | 2 | bytes of another record's *data* | that record's number minus this one's, zigzag; the offset in its data |
//!
//! | kind of part | the bytes are |
//! |---|---|
//! | 0 | any text |
//! | 1 | a whole JSON string |
//! | 2 | an array's first element, or its beginning |
//! | 3 | a comma and an array's later element, or its beginning |
//! | 4 | the rest of the element before |
//! | 5 | what stands between a JSON string's quotes, or some of it |
//!
//! The file may end in up to [`PACK_ROOM`] zero bytes: room that a writer has set aside, where the next record will stand. A writer
//! that comes to its end cuts it off; one that is killed leaves it behind.
//!
//! A writer gives a document a list of pieces without a base every so often ([`MAX_CHAIN`]), so that no chain of bases is long.
//!
//! # Damage
//!
//! A reader that finds no sound record header looks for the next one. A record whose header or meta is damaged is lost, and with
//! it each document that has it as base, up to the next list of pieces without a base. A damaged part is a *hole*: in every
//! document that uses it a mark stands in the place of the text, the string or the array element ([`Hole`]), and the rest of the document is
//! whole. Only a damaged part of kind 0 makes the documents that use it unreadable.

mod checksum;
mod document_text;
mod frame;
mod meta;
mod varint;

pub use checksum::checksum;
pub use document_text::{Hole, Span, SpanState, close_holes};
pub use frame::{
    FILE_HEADER_LEN, FileHeader, FrameError, META_CHECKSUM_LEN, RECORD_HEADER_LEN, RECORD_MAGIC, RecordHeader,
    find_record_header,
};
pub use meta::{MetaError, Part, PartKind, Piece, RecordMeta};

/// The layout's name and version in the manifest.
pub const PACKED_LAYOUT: &str = "packed-1";

/// The name of the file with the payload documents, beside the manifest.
pub const PACK_FILE: &str = "payloads.pack";

/// The most bytes that a writer sets aside at the end of the file.
pub const PACK_ROOM: u64 = 64 << 10;

/// The longest chain of bases that a writer makes.
pub const MAX_CHAIN: u32 = 32;
