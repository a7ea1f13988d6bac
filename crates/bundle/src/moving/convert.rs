//! Converting between the payload layouts.

use std::path::Path;

use rollout_trace_schema::PayloadLayout;

use super::{
    ConvertError, Loss,
    copying::Copying,
    numbered::NumberedConversion,
    shards::{self, ShardConversion},
    staging::{Staging, parent},
};
use crate::Bundle;

/// The result of a conversion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// How many payload documents the result has, including those beside a pack. In schema 3 these are the records of
    /// its shards.
    pub payloads: u64,
    /// How many bytes these documents have.
    pub payload_bytes: u64,
    /// What is missing from the result, entirely or in part, because it could not be read.
    pub losses: Vec<Loss>,
}

/// Writes a bundle with another payload layout to the new folder `target`.
///
/// Nothing else changes: event lines, payload bytes, ids, paths and shard numbers stay as they are, and so does the
/// manifest except for the name of the layout. A pack takes the documents at `payloads/N.json`, or the records of
/// shards, whether or not an event refers to them. Every other file stays a file at its place, as does a payload that
/// is too large to be read within the limits, and a shard that is damaged or too large.
///
/// Every schema has the layout [`Packed`](PayloadLayout::Packed). Schemas 1 and 2 also have
/// [`Files`](PayloadLayout::Files), and schema 3 has [`Shards`](PayloadLayout::Shards).
///
/// The unreadable part of a damaged bundle is not in the result, or damaged there too, and is reported as a loss. A
/// document with a damaged part has marks there.
///
/// # Errors
///
/// The result could not be written, and nothing is left of it; something already exists at `target`, which is
/// untouched; or the bundle's schema does not have the layout.
pub fn convert(bundle: &Bundle, target: impl AsRef<Path>, layout: PayloadLayout) -> Result<Converted, ConvertError> {
    let target = target.as_ref();
    let has_shards = shards::are_in(bundle);
    match (layout, has_shards) {
        (PayloadLayout::Files, true) => return Err(ConvertError::NoFilesLayout { path: bundle.path().to_owned() }),
        (PayloadLayout::Shards, false) => return Err(ConvertError::NoShardsLayout { path: bundle.path().to_owned() }),
        _ => {}
    }
    refuse_inside(bundle, target)?;
    let staging = Staging::new(target)?;
    let folder = staging.path().to_owned();
    let copying = Copying::new(bundle, folder.clone());
    let done = match layout {
        PayloadLayout::Shards => ShardConversion::new(copying).into_shards()?,
        PayloadLayout::Packed if has_shards => ShardConversion::new(copying).into_pack()?,
        PayloadLayout::Packed => NumberedConversion::new(copying).into_pack()?,
        PayloadLayout::Files => NumberedConversion::new(copying).into_files()?,
    };
    staging.publish(&folder)?;
    Ok(done)
}

/// Refuses a target inside the source, which would become part of the bundle.
pub(super) fn refuse_inside(bundle: &Bundle, target: &Path) -> Result<(), ConvertError> {
    let (Ok(source), Ok(parent)) = (bundle.path().canonicalize(), parent(target).canonicalize()) else {
        return Ok(());
    };
    if parent.starts_with(source) { Err(ConvertError::Inside { path: target.to_owned() }) } else { Ok(()) }
}
