//! The packed payload layout: all payload documents of a bundle in one append-only file.
//!
//! A model-facing request repeats the whole conversation, so a document is stored as *pieces*: bytes of its own, bytes
//! of the document before it, and bytes that some other record stores. Nothing is stored twice, and nothing that is
//! written is ever changed.
//!
//! This module encodes and decodes; it does no I/O. The manifest of such a bundle has `"payload_layout": "packed-2"`
//! ([`PACKED_LAYOUT`]), and the file is `payloads.pack` ([`PACK_FILE`]) beside the manifest. Events refer to a document
//! as if it were a file of its own: record `N` holds the document of `raw_payload:N`, `payloads/N.json`.
//!
//! # The file
//!
//! All numbers are little-endian. The file starts with a header of 24 bytes:
//!
//! | bytes | meaning |
//! |---|---|
//! | 0..7 | `00 72 74 70 61 63 6b`: a zero byte, `rtpack` |
//! | 7 | the layout's version, 2 |
//! | 8..16 | salt: random, part of the seed of every checksum in the file |
//! | 16..24 | checksum of bytes 0..16, seed 0 |
//!
//! The *checksum* is XXH3 with 64 bits and a seed.
//!
//! Records follow without gaps, in the order of writing. A record is
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
//! The data comes before the meta so that a writer can append it while it still finds out what the meta says. The meta
//! is a sequence of varints (seven bits a byte, the lowest first; the high bit says that more follow):
//!
//! 1. the document's length in bytes;
//! 2. 0, or how much smaller the number of the *base* is than this record's;
//! 3. the number of *parts*, then for each part `length << 3 | kind` and four bytes: the lower half of the checksum of
//!    the part's bytes, seed: salt. The parts divide the data;
//! 4. the number of *pieces*, then for each piece `length << 2 | source` and what its source needs. The pieces in their
//!    order are the document. If there are no pieces, the document is the data.
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
//! | 4 | the rest of the preceding element |
//! | 5 | the text between a JSON string's quotes, or some of it |
//!
//! The file may end in up to [`PACK_ROOM`] zero bytes: room that a writer has reserved for the next record. A writer
//! that finishes cuts it off; one that is killed leaves it there.
//!
//! Every so often ([`MAX_CHAIN`]) a writer writes the pieces of a document without a base, so that no chain of bases is
//! long.
//!
//! # Shards
//!
//! References of schema 3 name a shard and an id, and no path. For each shard a pack has a *table*, which says which
//! records the shard has, in which order, and whether it is ended ([`ShardTable`]). The number of a record says what it
//! holds:
//!
//! | number | the record's document is |
//! |---|---|
//! | N, below 2⁶² | the document of `raw_payload:N`, or of the path `payloads/N.json` |
//! | 2⁶² + n | what a table says: a document with an id of another form, or with an id that several shards have |
//! | 2⁶³ + s | the table of shard s |
//!
//! The document of `raw_payload:N` is what the shard stores for it: the fragments of a document with parts, or the
//! beginning of a truncated one.
//!
//! A table is a varint, 0 if the shard is ended and 1 if it is not, and then for each record
//!
//! * d << 1 for `raw_payload:N` in the record N, where d is N minus the expected number, in zigzag encoding. The expected
//!   number is 1 at first, and after such a record its number plus 1;
//! * for anything else `length << 1 | 1`, the id, and the number of the record minus 2⁶².
//!
//! A reader looks up an id in the table of its shard. If the table is damaged, it takes the record N for
//! `raw_payload:N`, which is why an id that several shards have is not stored under its own number. A shard without a
//! table is a file at its place, as in a bundle without a pack: a writer leaves it there if it is damaged or larger
//! than the writer's limits.
//!
//! # Version 1
//!
//! `packed-1` has the version 1 in the file's header and another checksum ([`PackVersion::V1`], documented in its
//! source). All else is the same. It is read and no longer written.
//!
//! # The bare form
//!
//! In an archive the file has a form without the checksums, which nothing compresses and which can be computed again.
//! Each is replaced by its exclusive or with the correct one: zero if it is sound, and otherwise a value from which the
//! wrong checksum can be restored. The file has the same name. It is
//!
//! | bytes | meaning |
//! |---|---|
//! | 0..7 | `00 72 74 62 61 72 65`: a zero byte, `rtbare` |
//! | 7 | the version of this form, 1 |
//! | 8..32 | the header of the file, as it is in the full form |
//! | then | groups of records |
//! | then | four zero bytes |
//! | then | the rest of the full form unchanged, from the first record on that is in no group |
//!
//! A group is
//!
//! 1. the number of its records, four bytes, at least 1;
//! 2. for each record its header, its meta and the checksum of the meta;
//! 3. for each record its data.
//!
//! Metas and data are separate because each compresses best among its own kind. A writer closes a group that has 1 MiB,
//! so that a cut in an archive costs no more than one group. A record is in a group if the file has as many bytes as
//! its header claims, sound or not, and these are at most [`MAX_BARE_RECORD`].
//!
//! To get the full form, a reader restores the checksum of a record's header (whose offset is that in the full form),
//! then those of its parts, then that of its meta ([`RecordBytes::restore_checksums`]). The bare form itself does not
//! protect the file from damage; the checksum of the archive does.
//!
//! Archives by earlier writers mark the file by the type `P` of its tar entry; the content is the same.
//!
//! # Damage
//!
//! A reader that finds no sound record header looks for the next one. A record whose header or meta is damaged is lost,
//! and so is each document that has it as base, up to the next list of pieces without a base. A damaged part is a
//! *hole*: in every document that uses it a mark replaces the text, the string or the array element ([`Hole`]), and the
//! rest of the document is intact. Only a damaged part of kind 0 makes the documents that use it unreadable.

mod bare;
mod base_document;
mod checksum;
mod checksum_v1;
mod common;
mod data_range;
mod document_ranges;
mod document_text;
mod frame;
mod meta;
mod record_builder;
mod shard_table;
mod varint;

pub use bare::{BARE_MAGIC, MAX_BARE_RECORD, RecordBytes, bare_version};
pub use base_document::BaseDocument;
pub use checksum::{Checksums, PackVersion};
pub use common::{common_prefix, common_suffix};
pub use data_range::{DataRange, StoredRange};
pub use document_ranges::DocumentRanges;
pub use document_text::{Hole, Span, SpanState, close_holes};
pub use frame::{
    FILE_HEADER_LEN, FileHeader, FrameError, META_CHECKSUM_LEN, RECORD_HEADER_LEN, RECORD_MAGIC, RecordHeader,
    find_record_header,
};
pub use meta::{MetaError, Part, PartKind, Piece, RecordMeta};
pub use record_builder::{RecordBuilder, RecordTooLarge, SealedRecord};
pub use shard_table::{ShardTable, TableEntry, TableError, number_of_digits, number_of_id};

/// The name of the layout that is written, as the manifest has it.
pub const PACKED_LAYOUT: &str = "packed-2";

/// The name of the file with the payload documents, beside the manifest.
pub const PACK_FILE: &str = "payloads.pack";

/// The most bytes that a writer reserves at the end of the file.
pub const PACK_ROOM: u64 = 64 << 10;

/// The longest chain of bases that a writer makes.
pub const MAX_CHAIN: u32 = 32;

/// The length from which on a string is stored as a part of its own, so that a tool's payload and the request that
/// repeats it share it. A reference costs about 20 bytes.
pub const LONG_STRING: usize = 128;
