//! The walk over a value: what a document has in common with those before it is found without building its text.

mod as_it_stands;
mod compared;
mod cuts;
mod draft;
mod error;
mod fingerprint;
mod known;
mod map_key;
mod ranges;
mod scratch;
mod serializer;
mod sharing;
mod short;
mod tape;
#[cfg(test)]
mod tests;
mod tokens;
mod walker;

use std::fmt::{Display, Write};

pub(crate) use compared::{Compared, Moved, whole, whole_body};
pub(crate) use draft::{Draft, SealedRecord};
pub(crate) use error::WalkError;
pub(crate) use fingerprint::{Fingerprint, FingerprintKey};
pub(crate) use known::KnownTexts;
pub(crate) use scratch::{Scratch, Spares};
pub(crate) use walker::WalkContext;

/// The text of a value that can be displayed. A failure does not panic, as `to_string` does.
pub(crate) fn display(value: &(impl Display + ?Sized)) -> Result<String, WalkError> {
    let mut text = String::new();
    write!(text, "{value}").map_err(|_| WalkError::Display)?;
    Ok(text)
}
