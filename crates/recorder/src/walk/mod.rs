//! The walk over a value, which finds what a document has in common with earlier ones without building its text.

mod compared;
mod cuts;
mod draft;
mod error;
mod fingerprint;
mod known;
mod map_key;
mod scratch;
mod serializer;
mod sharing;
mod short;
mod sound;
mod tape;
#[cfg(test)]
mod tests;
mod tokens;
mod verbatim;
mod walker;

use std::fmt::{Display, Write};

pub(crate) use compared::{Compared, NextBase, spare_levels, whole, whole_body};
pub(crate) use draft::Draft;
pub(crate) use error::WalkError;
pub(crate) use fingerprint::{Fingerprint, FingerprintKey};
pub(crate) use known::KnownTexts;
pub(crate) use scratch::{Scratch, Spares};
pub(crate) use sound::json_text;
pub(crate) use walker::{Hint, HintOutcome, InputField, WalkContext};

/// Returns the text of a value. Unlike `to_string`, it does not panic if the value's `Display` fails.
pub(crate) fn display(value: &(impl Display + ?Sized)) -> Result<String, WalkError> {
    let mut text = String::new();
    write!(text, "{value}").map_err(|_| WalkError::Display)?;
    Ok(text)
}
