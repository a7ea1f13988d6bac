//! Converting payloads that have a number and a path, which are those of schemas 1 and 2.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{BufWriter, Write},
};

use rollout_trace_schema::{Manifest, PayloadKind, PayloadLayout, PayloadRef, packed::PACK_FILE};

use super::{
    ConvertError, Converted,
    copying::Copying,
    staging::{create_file, create_folders},
    threads,
};
use crate::{
    PayloadBuffer, PayloadError, PayloadPack, PayloadSource, Payloads,
    manifest::error_text,
    packed::document_number,
    packing::{Follows, PackWriter},
};

/// Converts between one file per payload and a pack.
pub(super) struct NumberedConversion<'a> {
    copying: Copying<'a>,
    payloads: Payloads,
    /// How each payload that events refer to follows others.
    follows: HashMap<u64, Follows>,
}

impl<'a> NumberedConversion<'a> {
    pub(super) fn new(copying: Copying<'a>) -> Self {
        let bundle = copying.bundle;
        Self { payloads: bundle.payloads(), follows: threads::of_payloads(bundle), copying }
    }

    pub(super) fn into_files(mut self) -> Result<Converted, ConvertError> {
        let numbers = self.copy_files()?;
        self.copying.write_manifest(PayloadLayout::Files)?;
        self.write_files(&numbers)?;
        Ok(self.copying.done)
    }

    pub(super) fn into_pack(mut self) -> Result<Converted, ConvertError> {
        let numbers = self.copy_files()?;
        self.copying.write_manifest(PayloadLayout::Packed)?;
        self.write_pack(&numbers)?;
        Ok(self.copying.done)
    }

    /// Copies the files that have the same form in every layout. Returns the numbers of the remaining payloads.
    fn copy_files(&mut self) -> Result<BTreeSet<u64>, ConvertError> {
        let mut numbers = BTreeSet::new();
        let bundle = self.copying.bundle;
        if let Ok(mut pack) = PayloadPack::open_in(bundle.files().clone(), bundle.limits()) {
            numbers.extend(pack.numbers().unwrap_or_default());
            self.copying.lose_unsound(pack.unsound_bytes().unwrap_or_default());
        }
        // A payload that an event refers to and that does not exist is a loss too.
        numbers.extend(self.follows.keys());
        self.copying.done.payloads += self.copying.copy_files(&mut |path| {
            let number = document_number(path);
            numbers.extend(number);
            number.is_some()
        })?;
        Ok(numbers)
    }

    fn write_files(&mut self, numbers: &BTreeSet<u64>) -> Result<(), ConvertError> {
        let folder = self.copying.folder.join(Manifest::PAYLOADS_DIR);
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
        let path = self.copying.folder.join(PACK_FILE);
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
                self.copying.done.payloads += 1;
                self.copying.done.payload_bytes += buffer.bytes().len() as u64;
                let bytes: usize = buffer.holes().iter().map(|hole| hole.bytes).sum();
                if bytes > 0 {
                    let reason = format!("{bytes} bytes are damaged and were replaced by marks");
                    self.copying.lose(path, reason);
                }
                return Ok(true);
            }
            Err(PayloadError::TooLarge { bytes, .. })
                if self.copying.source.open(&path).is_ok_and(|(_, len)| len == bytes) =>
            {
                self.copying.copy_file(&path)?;
                self.copying.done.payloads += 1;
                self.copying.done.payload_bytes += bytes;
                return Ok(false);
            }
            Err(error) => error_text(&error),
        };
        self.copying.lose(path, reason);
        Ok(false)
    }
}

/// Returns the path at which events refer to the document of a record.
fn path_of(number: u64) -> String {
    format!("{}/{number}.json", Manifest::PAYLOADS_DIR)
}
