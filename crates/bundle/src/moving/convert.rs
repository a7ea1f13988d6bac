//! Converting between the payload layouts.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use rollout_trace_schema::{Manifest, PayloadKind, PayloadLayout, PayloadRef, RawPayloadId, packed::PACK_FILE};

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

/// What a conversion did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// How many payload documents the result has, those beside a pack included.
    pub payloads: u64,
    /// How many bytes these documents have.
    pub payload_bytes: u64,
    /// What the result does not have, or not whole, because it could not be read.
    pub losses: Vec<Loss>,
}

/// Writes a bundle with another payload layout to the new folder `target`.
///
/// Nothing else changes: event lines, payload bytes, ids and paths stay as they are, and so does the manifest but for the name of the
/// layout. A pack takes the documents at `payloads/N.json`, whether or not an event refers to them; every other file, and a payload
/// that is larger than the limits allow to read, stays a file at its place.
///
/// What of a damaged bundle cannot be read is not in the result, and is told. A document of which a part is damaged has marks there.
///
/// # Errors
///
/// The result could not be written, and nothing of it is there; or there was something in its place, which is untouched.
pub fn convert(bundle: &Bundle, target: impl AsRef<Path>, layout: PayloadLayout) -> Result<Converted, ConvertError> {
    let target = target.as_ref();
    refuse_inside(bundle, target)?;
    let staging = Staging::new(target)?;
    let folder = staging.path().to_owned();
    let mut conversion = Conversion {
        bundle,
        source: ContainedFolder::new(bundle.folder().to_owned()),
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

/// Refuses a target in the source, which would become part of it.
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
    /// Where the result is put together.
    folder: std::path::PathBuf,
    /// The payloads that events refer to.
    follows: HashMap<u64, Follows>,
    done: Converted,
}

impl Conversion<'_> {
    /// Copies all that no layout changes, and gives the numbers of the payloads that are left.
    fn copy_files(&mut self) -> Result<BTreeSet<u64>, ConvertError> {
        let mut numbers = BTreeSet::new();
        if let Ok(mut pack) = PayloadPack::open(self.bundle.folder(), self.bundle.limits()) {
            numbers.extend(pack.numbers().unwrap_or_default());
            let unsound = pack.unsound_bytes().unwrap_or_default();
            if unsound > 0 {
                let reason = format!("{unsound} bytes of it are no sound record: damaged, or still being written");
                self.done.losses.push(Loss { path: PACK_FILE.to_owned(), reason });
            }
        }
        // What an event refers to and is not there is lost too.
        numbers.extend(self.follows.keys());
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        walk(self.bundle.folder(), "", &mut self.done.losses, &mut |path, entry| {
            match (entry, document_number(path)) {
                (Entry::File, Some(number)) => drop(numbers.insert(number)),
                (Entry::File, None) if path == Manifest::FILE_NAME || path == PACK_FILE => {}
                (Entry::File, None) => files.push(path.to_owned()),
                // Whether it is needed depends on the layout.
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
        // One that is no manifest stays what it is: which layout there is shows without it.
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

    /// Reads a document. False: it is told as lost, or was copied as a file.
    fn load(&mut self, number: u64, buffer: &mut PayloadBuffer) -> Result<bool, ConvertError> {
        let path = path_of(number);
        let reference = PayloadRef {
            raw_payload_id: RawPayloadId::from(format!("raw_payload:{number}")),
            kind: PayloadKind::ProtocolEvent,
            path: path.clone(),
        };
        let reason = match self.payloads.load(&reference, buffer) {
            Ok(()) => {
                self.done.payloads += 1;
                self.done.payload_bytes += buffer.bytes().len() as u64;
                let bytes: usize = buffer.holes().iter().map(|hole| hole.bytes).sum();
                if bytes > 0 {
                    let reason = format!("{bytes} bytes of it are damaged, and marks stand in their place");
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

/// Where the document of a record seems to lie.
fn path_of(number: u64) -> String {
    format!("{}/{number}.json", Manifest::PAYLOADS_DIR)
}
