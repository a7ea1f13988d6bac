//! Writing a session as a bundle.

use std::path::Path;

use rollout_trace_bundle::{BundleWriter, ConvertError};
use rollout_trace_schema::Manifest;

use crate::Session;

/// Writes a session as a bundle to the new folder `target`, which only its owner can read, and returns the bundle's
/// manifest.
///
/// # Errors
///
/// The bundle could not be written, and nothing is left of it; or something already exists at `target`, which is
/// untouched.
pub fn write_bundle(mut session: Session, target: impl AsRef<Path>) -> Result<Manifest, ConvertError> {
    let mut writer = BundleWriter::create(target)?;
    for imported in &mut session {
        writer.write(&imported.event, &imported.payloads)?;
    }
    let manifest = session.manifest();
    writer.finish(manifest.clone())?;
    Ok(manifest)
}
