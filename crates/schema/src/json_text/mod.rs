//! Scanning JSON text: where strings and values end, how deep they nest, what must be escaped.
//!
//! This is the only scanner of the workspace. The recorder writes and compares text with it, the readers use it to skip
//! what they do not need, and the reducer's parser is built on it.
//!
//! # The nesting rule
//!
//! **The depth of a JSON text is the largest number of arrays and objects that are open at once.** `1` and `"a"` have
//! depth 0, `[]` and `{"a": 1}` have depth 1, `[{}]` has depth 2. Brackets inside strings do not count.
//!
//! A reader has one limit, which is [`MAX_NESTING`] by default. A document whose depth is at most the limit is read; a
//! document that nests deeper is damaged from the first bracket that exceeds the limit. The rule holds for every
//! document of a bundle: a line of the event log counts with its envelope, and a payload from its first byte, whether
//! its content is used or only checked, and whether it is a file or part of a pack.
//!
//! A reader that steps over parts of a document carries its [`Nesting`] along, so that the limit means the same
//! wherever it begins:
//!
//! ```
//! use rollout_trace_schema::json_text::{Cursor, JsonTextReason, Nesting};
//!
//! let text = br#"{"input": [[], [[]]]}"#;
//! let in_array = Nesting::new(3).deeper(0)?.deeper(10)?;
//! let mut cursor = Cursor::new(text, 11);
//! assert_eq!(cursor.value(in_array)?, 11..13);
//! cursor.expect(b',')?;
//! let error = cursor.value(in_array).unwrap_err();
//! assert_eq!((error.offset, error.reason), (16, JsonTextReason::TooDeep { limit: 3 }));
//! assert_eq!(error.to_string(), "it nests deeper than the limit of 3 at byte 16");
//! # Ok::<(), rollout_trace_schema::json_text::JsonTextError>(())
//! ```

mod cursor;
mod error;
mod escape;
mod nesting;
mod quotes;
mod surrogates;
#[cfg(test)]
mod tests;
mod unescape;

pub use cursor::{BYTE_ORDER_MARK, Cursor, check_document};
pub use error::{Expected, JsonTextError, JsonTextReason};
pub use escape::{plain_len, read_escape, write_inside, write_string};
pub use nesting::{MAX_NESTING, Nesting, check_nesting};
pub use quotes::{Quotes, string_end, strings};
pub use surrogates::pair_surrogates;
pub use unescape::unescape_written;
