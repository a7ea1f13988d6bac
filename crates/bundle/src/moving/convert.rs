//! Converting between the payload layouts.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use rollout_trace_schema::{Manifest, PayloadKind, PayloadLayout, PayloadRef, SchemaVersion, packed::PACK_FILE};

use super::{
    ConvertError, Loss,
    copy::{Entry, copy_file, walk},
    manifest_text,
    staging::{Staging, create_file, create_folders, parent},
    threads,
};
use crate::{
    Bundle, PayloadBuffer, PayloadError, PayloadPack, PayloadSource, Payloads,
    contained::ContainedFolder,
    manifest::{error_text, load},
    packed::document_number,
    packing::{Follows, PackWriter},
};

/// The result of a conversion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// How many payload documents the result has, including those beside a pack.
    pub payloads: u64,
    /// How many bytes these documents have.
    pub payload_bytes: u64,
    /// What is missing from the result, entirely or in part, because it could not be read.
    pub losses: Vec<Loss>,
}

/// Writes a bundle with another payload layout to the new folder `target`.
///
/// Nothing else changes: event lines, payload bytes, ids and paths stay as they are, and so does the manifest except
/// for the name of the layout. A pack takes the documents at `payloads/N.json`, whether or not an event refers to them.
/// Every other file stays a file at its place, as does a payload that is too large to be read within the limits.
///
/// The unreadable part of a damaged bundle is not in the result, and is reported as a loss. A document with a damaged
/// part has marks there.
///
/// # Errors
///
/// The result could not be written, and nothing is left of it; something already exists at `target`, which is
/// untouched; or the payloads are in the shards of schema 3.
pub fn convert(bundle: &Bundle, target: impl AsRef<Path>, layout: PayloadLayout) -> Result<Converted, ConvertError> {
    let target = target.as_ref();
    if bundle.header().stated_schema == Some(SchemaVersion::V3.number()) {
        return Err(ConvertError::Shards { path: bundle.path().to_owned() });
    }
    refuse_inside(bundle, target)?;
    let staging = Staging::new(target)?;
    let folder = staging.path().to_owned();
    let mut conversion = Conversion {
        bundle,
        source: bundle.files().clone(),
        payloads: bundle.payloads(),
        folder: folder.clone(),
        follows: threads::of_payloads(bundle),
        done: Converted::default(),
    };
    let numbers = conversion.copy_files()?;
    conversion.write_manifest(layout)?;
    match layout {
        PayloadLayout::Files => conversion.write_files(&numbers)?,
        PayloadLayout::Packed => conversion.write_pack(&numbers)?,
    }
    let done = conversion.done;
    staging.publish(&folder)?;
    Ok(done)
}

/// Refuses a target inside the source, which would become part of the bundle.
pub(super) fn refuse_inside(bundle: &Bundle, target: &Path) -> Result<(), ConvertError> {
    let (Ok(source), Ok(parent)) = (bundle.folder().canonicalize(), parent(target).canonicalize()) else {
        return Ok(());
    };
    if parent.starts_with(source) { Err(ConvertError::Inside { path: target.to_owned() }) } else { Ok(()) }
}

struct Conversion<'a> {
    bundle: &'a Bundle,
    source: ContainedFolder,
    payloads: Payloads,
    /// The folder in which the result is built.
    folder: std::path::PathBuf,
    /// How each payload that events refer to follows others.
    follows: HashMap<u64, Follows>,
    done: Converted,
}

impl Conversion<'_> {
    /// Copies the files that have the same form in every layout. Returns the numbers of the remaining payloads.
    fn copy_files(&mut self) -> Result<BTreeSet<u64>, ConvertError> {
        let mut numbers = BTreeSet::new();
        if let Ok(mut pack) = PayloadPack::open_in(self.bundle.files().clone(), self.bundle.limits()) {
            numbers.extend(pack.numbers().unwrap_or_default());
            let unsound = pack.unsound_bytes().unwrap_or_default();
            if unsound > 0 {
                let reason =
                    format!("{unsound} bytes are not part of a sound record: they are damaged, or still being written");
                self.done.losses.push(Loss { path: PACK_FILE.to_owned(), reason });
            }
        }
        // A payload that an event refers to and that does not exist is a loss too.
        numbers.extend(self.follows.keys());
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        walk(&mut self.source, "", &mut self.done.losses, &mut |path, entry| {
            match (entry, document_number(path)) {
                (Entry::File, Some(number)) => drop(numbers.insert(number)),
                (Entry::File, None) if path == Manifest::FILE_NAME || path == PACK_FILE => {}
                (Entry::File, None) => files.push(path.to_owned()),
                // The layout decides whether the result needs this folder.
                (Entry::Folder, _) if path == Manifest::PAYLOADS_DIR => {}
                (Entry::Folder, _) => folders.push(path.to_owned()),
            }
            Ok(())
        })?;
        for folder in folders.into_iter().map(|path| self.folder.join(path)) {
            create_folders(&folder).map_err(ConvertError::write(folder))?;
        }
        for path in files {
            copy_file(&mut self.source, &path, &self.folder, &mut self.done.losses)?;
            self.done.payloads += u64::from(Path::new(&path).starts_with(Manifest::PAYLOADS_DIR));
        }
        Ok(numbers)
    }

    fn write_manifest(&mut self, layout: PayloadLayout) -> Result<(), ConvertError> {
        let manifest = match load(&mut self.source, self.bundle.limits()) {
            Ok(manifest) => manifest,
            Err(PayloadError::Missing { .. }) => return Ok(()),
            Err(error) => {
                let loss = Loss { path: Manifest::FILE_NAME.to_owned(), reason: error_text(&error) };
                self.done.losses.push(loss);
                return Ok(());
            }
        };
        // A manifest that is not a JSON object is copied unchanged: readers recognize the layout without it.
        let manifest = manifest_text::with_layout(&manifest, layout.manifest_name()).unwrap_or(manifest);
        let path = self.folder.join(Manifest::FILE_NAME);
        let written = create_file(&path).and_then(|mut file| file.write_all(&manifest));
        written.map_err(ConvertError::write(path))
    }

    fn write_files(&mut self, numbers: &BTreeSet<u64>) -> Result<(), ConvertError> {
        let folder = self.folder.join(Manifest::PAYLOADS_DIR);
        create_folders(&folder).map_err(ConvertError::write(&folder))?;
        let mut buffer = PayloadBuffer::default();
        for &number in numbers {
            if !self.load(number, &mut buffer)? {
                continue;
            }
            let path = folder.join(format!("{number}.json"));
            let written = create_file(&path).and_then(|mut file| file.write_all(buffer.bytes()));
            written.map_err(ConvertError::write(path))?;
        }
        Ok(())
    }

    fn write_pack(&mut self, numbers: &BTreeSet<u64>) -> Result<(), ConvertError> {
        let path = self.folder.join(PACK_FILE);
        let written = |error| ConvertError::write(path.clone())(error);
        let file: File = create_file(&path).map_err(written)?;
        let mut pack = PackWriter::new(BufWriter::with_capacity(1 << 20, file)).map_err(written)?;
        let mut buffer = PayloadBuffer::default();
        for number in numbers {
            if self.load(*number, &mut buffer)? {
                let follows = self.follows.get(number).unwrap_or(&Follows::Nothing);
                pack.write(*number, buffer.bytes(), follows).map_err(written)?;
            }
        }
        pack.finish().map_err(written)?;
        Ok(())
    }

    /// Reads a document. Returns `false` if it was reported as a loss, or copied as a file.
    fn load(&mut self, number: u64, buffer: &mut PayloadBuffer) -> Result<bool, ConvertError> {
        let path = path_of(number);
        let reference = PayloadRef::at_path(format!("raw_payload:{number}"), PayloadKind::ProtocolEvent, path.clone());
        let reason = match self.payloads.load(&reference, buffer) {
            Ok(()) => {
                self.done.payloads += 1;
                self.done.payload_bytes += buffer.bytes().len() as u64;
                let bytes: usize = buffer.holes().iter().map(|hole| hole.bytes).sum();
                if bytes > 0 {
                    let reason = format!("{bytes} bytes are damaged and were replaced by marks");
                    self.done.losses.push(Loss { path, reason });
                }
                return Ok(true);
            }
            Err(PayloadError::TooLarge { bytes, .. }) if self.source.open(&path).is_ok_and(|(_, len)| len == bytes) => {
                copy_file(&mut self.source, &path, &self.folder, &mut self.done.losses)?;
                self.done.payloads += 1;
                self.done.payload_bytes += bytes;
                return Ok(false);
            }
            Err(error) => error_text(&error),
        };
        self.done.losses.push(Loss { path, reason });
        Ok(false)
    }
}

/// Returns the path at which events refer to the document of a record.
fn path_of(number: u64) -> String {
    format!("{}/{number}.json", Manifest::PAYLOADS_DIR)
}
