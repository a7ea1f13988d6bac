//! Writing a session as a bundle.

use std::path::Path;

use rollout_trace_bundle::{BundleWriter, ConvertError, NewDocument};
use rollout_trace_schema::Manifest;

use crate::{DocumentTexts, ImportedEvent, Session};

/// Writes a session as a bundle to the new folder `target`, which only its owner can read, and returns the bundle's
/// manifest.
///
/// # Errors
///
/// The bundle could not be written, and nothing is left of it; or something already exists at `target`, which is
/// untouched.
pub fn write_bundle(mut session: Session, target: impl AsRef<Path>) -> Result<Manifest, ConvertError> {
    let mut writer = BundleWriter::create(target)?;
    let mut texts = DocumentTexts::default();
    for ImportedEvent { event, payloads } in &mut session {
        for (reference, document) in &payloads {
            let (text, kept) = texts.text(&event, document);
            writer.write_document(&event, NewDocument { reference, text, kept })?;
        }
        writer.write_event(&event)?;
    }
    let manifest = session.manifest();
    writer.finish(manifest.clone())?;
    Ok(manifest)
}
