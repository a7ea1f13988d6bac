//! What a conversion does in every layout.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use rollout_trace_schema::{Manifest, PayloadLayout, packed::PACK_FILE};

use super::{
    ConvertError, Converted, Loss,
    copy::{Entry, copy_file, walk},
    manifest_text,
    staging::{create_file, create_folders},
};
use crate::{
    Bundle, PayloadError,
    contained::ContainedFolder,
    manifest::{error_text, load},
};

/// Copies everything but the payloads.
pub(super) struct Copying<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) source: ContainedFolder,
    /// The folder in which the result is built.
    pub(super) folder: PathBuf,
    pub(super) done: Converted,
}

impl<'a> Copying<'a> {
    pub(super) fn new(bundle: &'a Bundle, folder: PathBuf) -> Self {
        Self { bundle, source: bundle.files().clone(), folder, done: Converted::default() }
    }

    /// Copies the files that have the same form in every layout, which are all but the pack and those that `is_payload`
    /// takes. Returns how many of them are in the folder of the payloads.
    pub(super) fn copy_files(&mut self, is_payload: &mut dyn FnMut(&str) -> bool) -> Result<u64, ConvertError> {
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        walk(&mut self.source, "", &mut self.done.losses, &mut |path, entry| {
            match entry {
                Entry::File if path == Manifest::FILE_NAME || path == PACK_FILE || is_payload(path) => {}
                Entry::File => files.push(path.to_owned()),
                // The layout decides whether the result needs this folder.
                Entry::Folder if path == Manifest::PAYLOADS_DIR => {}
                Entry::Folder => folders.push(path.to_owned()),
            }
            Ok(())
        })?;
        for folder in folders.into_iter().map(|path| self.folder.join(path)) {
            create_folders(&folder).map_err(ConvertError::write(folder))?;
        }
        let mut beside = 0;
        for path in files {
            self.copy_file(&path)?;
            beside += u64::from(Path::new(&path).starts_with(Manifest::PAYLOADS_DIR));
        }
        Ok(beside)
    }

    /// Copies a file to the same place. A file that cannot be read is reported as a loss.
    pub(super) fn copy_file(&mut self, path: &str) -> Result<(), ConvertError> {
        copy_file(&mut self.source, path, &self.folder, &mut self.done.losses)
    }

    /// Writes the manifest with the name of the layout.
    pub(super) fn write_manifest(&mut self, layout: PayloadLayout) -> Result<(), ConvertError> {
        let manifest = match load(&mut self.source, self.bundle.limits()) {
            Ok(manifest) => manifest,
            Err(PayloadError::Missing { .. }) => return Ok(()),
            Err(error) => {
                self.lose(Manifest::FILE_NAME, error_text(&error));
                return Ok(());
            }
        };
        // A manifest that is not a JSON object is copied unchanged: readers recognize the layout without it.
        let manifest = manifest_text::with_layout(&manifest, layout.manifest_name()).unwrap_or(manifest);
        let path = self.folder.join(Manifest::FILE_NAME);
        let written = create_file(&path).and_then(|mut file| file.write_all(&manifest));
        written.map_err(ConvertError::write(path))
    }

    /// Reports something that is not in the result.
    pub(super) fn lose(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.done.losses.push(Loss { path: path.into(), reason: reason.into() });
    }

    /// Reports the bytes of a pack that are not part of a sound record.
    pub(super) fn lose_unsound(&mut self, bytes: u64) {
        if bytes > 0 {
            let reason =
                format!("{bytes} bytes are not part of a sound record: they are damaged, or still being written");
            self.lose(PACK_FILE, reason);
        }
    }
}
