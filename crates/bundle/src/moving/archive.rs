//! Packing a bundle into one file.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use rollout_trace_schema::{
    Manifest,
    packed::{BARE_MAGIC, FILE_HEADER_LEN, PACK_FILE, bare_version},
};
use tar::{Builder, EntryType, Header};
use tempfile::SpooledTempFile;

use super::{
    ConvertError, Loss,
    convert::refuse_inside,
    copy::{Entry, walk},
    copying::Copying,
    numbered::NumberedConversion,
    shards,
    staging::Staging,
    unfinished::{Existing, StagedFile},
};
use crate::{
    Bundle, PayloadError,
    contained::{BundleFile, ContainedFolder},
    manifest::error_text,
    packed::{document_number, write_bare},
};

/// The end of an archive's file name.
pub const ARCHIVE_SUFFIX: &str = ".tar.zst";

/// The zstd level by the size of the bundle: the best ratio if it takes only a moment, and otherwise the best level
/// whose time is still reasonable.
const LEVELS: [(u64, i32); 2] = [(16 << 20, 19), (u64::MAX, 12)];

/// How far back zstd looks for repetitions, as powers of two. It looks through the whole bundle, because payloads in
/// files repeat text from megabytes before, but no further than every zstd can unpack without an option.
const WINDOW_LOGS: std::ops::RangeInclusive<u32> = 20..=27;

/// How many bytes of a pack are held in memory before they go to a temporary file.
const SPOOLED: usize = 64 << 20;

/// The result of packing a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// The length of the archive.
    pub bytes: u64,
    /// The files of the bundle that could not be read and are not in the archive.
    pub losses: Vec<Loss>,
}

/// Packs a bundle of any layout into the new file `target`, a tar archive compressed by zstd that only its owner can
/// read.
///
/// The archive contains one folder with the bundle's files, the manifest and the event log first. Payloads in files are
/// in a pack, as if the bundle had been converted before ([`convert`](super::convert())), and what cannot be converted is
/// reported as a loss. A pack is in its bare form ([`rollout_trace_schema::packed`]), which [`unpack`](super::unpack())
/// reverts and every reader understands; all other files are unchanged. Links are not followed, and are reported as losses.
///
/// # Errors
///
/// The archive could not be written, and nothing is left of it; or something already exists at `target`, which is
/// untouched.
pub fn pack(bundle: &Bundle, target: impl AsRef<Path>) -> Result<Packed, ConvertError> {
    let target = target.as_ref();
    refuse_inside(bundle, target)?;
    if target.symlink_metadata().is_ok() {
        return Err(ConvertError::Exists { path: target.to_owned() });
    }
    // The log is opened before the payloads are listed. If the bundle is still being written, each payload that this much
    // of the log refers to is in the archive.
    let log = bundle.files().clone().open(Manifest::RAW_EVENT_LOG).ok();
    let copy = packed_copy(bundle, target)?;
    let (source, done) = match &copy {
        None => (bundle.files().clone(), Packed::default()),
        Some((staging, losses)) => {
            (ContainedFolder::new(staging.path().to_owned()), Packed { losses: losses.clone(), ..Packed::default() })
        }
    };
    let mut staged = StagedFile::beside(target).map_err(ConvertError::write(target))?;
    let mut packing = Packing { bundle, source, log, done };
    packing.write(target, staged.as_file_mut())?;
    let mut done = packing.done;
    let length = staged.as_file_mut().metadata().map_err(ConvertError::write(target))?;
    done.bytes = length.len();
    staged.publish(Existing::Keep).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ConvertError::Exists { path: target.to_owned() },
        _ => ConvertError::write(target)(error),
    })?;
    Ok(done)
}

/// Makes a copy of a bundle in the packed layout if its payloads are files, because a pack makes a smaller archive that is quicker to read.
fn packed_copy(bundle: &Bundle, target: &Path) -> Result<Option<(Staging, Vec<Loss>)>, ConvertError> {
    let mut files = bundle.files().clone();
    let has_pack = !matches!(files.open(PACK_FILE), Err(PayloadError::Missing { .. }));
    if has_pack || shards::are_in(bundle) {
        return Ok(None);
    }
    let entries = files.entries(Manifest::PAYLOADS_DIR).unwrap_or_default();
    let is_payload = |name: &str| document_number(&format!("{}/{name}", Manifest::PAYLOADS_DIR)).is_some();
    if !entries.iter().any(|(name, _)| name.to_str().is_some_and(is_payload)) {
        return Ok(None);
    }
    let staging = Staging::new(target)?;
    let copying = Copying::new(bundle, staging.path().to_owned());
    let converted = NumberedConversion::new(copying).into_pack()?;
    Ok(Some((staging, converted.losses)))
}

struct Packing<'a> {
    bundle: &'a Bundle,
    source: ContainedFolder,
    log: Option<(BundleFile, u64)>,
    done: Packed,
}

impl Packing<'_> {
    fn write(&mut self, target: &Path, file: &mut File) -> Result<(), ConvertError> {
        let failed = |error| ConvertError::write(target)(error);
        let entries = self.entries(&mut Vec::new())?;
        let size = self.size(&entries);
        let level = LEVELS.iter().find(|(up_to, _)| size <= *up_to).map_or(0, |(_, level)| *level);
        let window = (u64::BITS - size.leading_zeros()).clamp(*WINDOW_LOGS.start(), *WINDOW_LOGS.end());
        let encoder = || -> io::Result<_> {
            let mut encoder = zstd::Encoder::new(BufWriter::with_capacity(1 << 20, file), level)?;
            encoder.include_checksum(true)?;
            encoder.window_log(window)?;
            encoder.long_distance_matching(true)?;
            Ok(encoder)
        };
        let mut archive = Builder::new(encoder().map_err(failed)?);
        let root = PathBuf::from(self.bundle.name());
        append_folder(&mut archive, &root).map_err(failed)?;
        // The log comes before the payloads. If the bundle is still being written, each payload that the log refers to
        // is in the archive.
        for path in [Manifest::FILE_NAME, Manifest::RAW_EVENT_LOG] {
            if entries.iter().any(|(there, _)| there == path) {
                self.append_file(&mut archive, &root, path, target)?;
            }
        }
        let mut losses = Vec::new();
        for (path, entry) in &self.entries(&mut losses)? {
            match entry {
                Entry::Folder => append_folder(&mut archive, &root.join(path)).map_err(failed)?,
                Entry::File if path == Manifest::FILE_NAME || path == Manifest::RAW_EVENT_LOG => {}
                Entry::File => self.append_file(&mut archive, &root, path, target)?,
            }
        }
        self.done.losses.append(&mut losses);
        let finish = || -> io::Result<()> {
            let mut out = archive.into_inner()?.finish()?;
            out.flush()?;
            out.get_ref().sync_all()
        };
        finish().map_err(failed)
    }

    /// Returns the files and folders that the bundle has now.
    fn entries(&mut self, losses: &mut Vec<Loss>) -> Result<Vec<(String, Entry)>, ConvertError> {
        let mut entries = Vec::new();
        walk(&mut self.source, "", losses, &mut |path, entry| {
            entries.push((path.to_owned(), entry));
            Ok(())
        })?;
        Ok(entries)
    }

    /// Returns how many bytes the bundle's files have.
    fn size(&mut self, entries: &[(String, Entry)]) -> u64 {
        let files = entries.iter().filter(|(_, entry)| *entry == Entry::File);
        // A file that cannot be opened is reported when it is packed.
        files.map(|(path, _)| self.source.open(path).map_or(0, |(_, len)| len)).sum()
    }

    fn append_file<W: Write>(
        &mut self,
        archive: &mut Builder<W>,
        root: &Path,
        path: &str,
        target: &Path,
    ) -> Result<(), ConvertError> {
        let log = self.log.take_if(|_| path == Manifest::RAW_EVENT_LOG);
        let (file, length) = match log.map_or_else(|| self.source.open(path), Ok) {
            Ok(opened) => opened,
            Err(error) => {
                self.done.losses.push(Loss { path: path.to_owned(), reason: error_text(&error) });
                return Ok(());
            }
        };
        let mut header = Header::new_gnu();
        header.set_mode(0o600);
        header.set_mtime(seconds(file.modified()));
        // A file that is truncated while it is read must not shift the entries after it.
        let mut bytes = file.take(length).chain(io::repeat(0)).take(length);
        header.set_entry_type(EntryType::Regular);
        if path == PACK_FILE && length >= FILE_HEADER_LEN as u64 {
            let (bare, length) = bare_form(&mut BufReader::new(bytes), length).map_err(ConvertError::temporary)?;
            header.set_size(length);
            return archive.append_data(&mut header, root.join(path), bare).map_err(ConvertError::write(target));
        }
        header.set_size(length);
        archive.append_data(&mut header, root.join(path), &mut bytes).map_err(ConvertError::write(target))
    }
}

/// Returns a pack file of `length` bytes in its bare form, and how long that is. A pack that already is in that form is
/// copied.
///
/// The archive states the length of the bare form before its first byte. A large one is in a temporary file, which has no
/// name.
fn bare_form(pack: &mut impl Read, length: u64) -> io::Result<(SpooledTempFile, u64)> {
    let mut start = [0; BARE_MAGIC.len()];
    pack.read_exact(&mut start)?;
    let mut pack = start.chain(pack);
    let mut bare = BufWriter::new(tempfile::spooled_tempfile(SPOOLED));
    if bare_version(&start).is_some() {
        io::copy(&mut pack, &mut bare)?;
    } else {
        write_bare(&mut pack, length, &mut bare)?;
    }
    let mut bare = bare.into_inner()?;
    let length = bare.stream_position()?;
    bare.rewind()?;
    Ok((bare, length))
}

fn append_folder<W: Write>(archive: &mut Builder<W>, path: &Path) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Directory);
    header.set_mode(0o700);
    header.set_size(0);
    archive.append_data(&mut header, path, io::empty())
}

/// Returns a time in seconds since the epoch.
fn seconds(time: Option<SystemTime>) -> u64 {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}
