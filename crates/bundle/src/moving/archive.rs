//! Packing a bundle into one file.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    path::{Path, PathBuf},
};

use rollout_trace_schema::{
    Manifest,
    packed::{FILE_HEADER_LEN, PACK_FILE},
};
use tar::{Builder, EntryType, Header};

use super::{
    ConvertError, Loss,
    bare_pack::write_bare,
    convert::refuse_inside,
    copy::{Entry, walk},
    staging::parent,
};
use crate::{Bundle, contained::ContainedFolder, manifest::error_text};

/// How an archive's file name ends.
pub const ARCHIVE_SUFFIX: &str = ".tar.zst";

/// How hard zstd tries: the best ratio where that takes no more than a moment, else the best before time grows out of proportion.
const LEVELS: [(u64, i32); 2] = [(16 << 20, 19), (u64::MAX, 12)];

/// How far back, as powers of two, repetitions are found: as far as the bundle reaches, because payloads that are files repeat what
/// lies megabytes before; but no further than every zstd unpacks without being asked to.
const WINDOW_LOGS: std::ops::RangeInclusive<u32> = 20..=27;

/// The type of the entry that is a pack file [without what can be worked out again](super::bare_pack). The standard leaves capital
/// letters to whoever makes archives; who does not know this one is told so, and not given a pack that seems damaged.
pub(super) const BARE_PACK: u8 = b'P';

/// An archive that was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// How many bytes it has.
    pub bytes: u64,
    /// What of the bundle is not in it, because it could not be read.
    pub losses: Vec<Loss>,
}

/// Packs a bundle, whatever its layout, into the new file `target`, a tar archive compressed by zstd that only its owner can read.
///
/// The archive holds one folder with the bundle's files, the manifest and the event log first. All are as they are but for a pack file,
/// which comes out of [`unpack`](super::unpack()) as it was. Links that stay in the
/// bundle are packed as what they lead to.
///
/// # Errors
///
/// The archive could not be written, and nothing of it is there; or there was something in its place, which is untouched.
pub fn pack(bundle: &Bundle, target: impl AsRef<Path>) -> Result<Packed, ConvertError> {
    let target = target.as_ref();
    refuse_inside(bundle, target)?;
    if target.symlink_metadata().is_ok() {
        return Err(ConvertError::Exists { path: target.to_owned() });
    }
    let temporary = tempfile::Builder::new().prefix(".rollout-trace.").tempfile_in(parent(target));
    // The error as it comes names the temporary file, which nobody asked for.
    let mut temporary = temporary.map_err(|error| ConvertError::write(target)(error.kind().into()))?;
    let mut packing =
        Packing { bundle, source: ContainedFolder::new(bundle.folder().to_owned()), done: Packed::default() };
    packing.write(target, temporary.as_file_mut())?;
    let mut done = packing.done;
    let length = temporary.as_file().metadata().map_err(ConvertError::write(target))?;
    done.bytes = length.len();
    temporary.persist_noclobber(target).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => ConvertError::Exists { path: target.to_owned() },
        _ => ConvertError::write(target)(error.error),
    })?;
    Ok(done)
}

struct Packing<'a> {
    bundle: &'a Bundle,
    source: ContainedFolder,
    done: Packed,
}

impl Packing<'_> {
    fn write(&mut self, target: &Path, file: &mut File) -> Result<(), ConvertError> {
        let failed = |error| ConvertError::write(target)(error);
        let size = self.size();
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
        // The log before the payloads, for a bundle that is being written: then what the log refers to is there.
        for path in [Manifest::FILE_NAME, Manifest::RAW_EVENT_LOG] {
            if self.bundle.folder().join(path).symlink_metadata().is_ok() {
                self.append_file(&mut archive, &root, path, target)?;
            }
        }
        let mut losses = Vec::new();
        walk(self.bundle.folder(), "", &mut losses, &mut |path, entry| match entry {
            Entry::Folder => append_folder(&mut archive, &root.join(path)).map_err(failed),
            Entry::File if path == Manifest::FILE_NAME || path == Manifest::RAW_EVENT_LOG => Ok(()),
            Entry::File => self.append_file(&mut archive, &root, path, target),
        })?;
        self.done.losses.append(&mut losses);
        let finish = || -> io::Result<()> {
            let mut out = archive.into_inner()?.finish()?;
            out.flush()?;
            out.get_ref().sync_all()
        };
        finish().map_err(failed)
    }

    /// How many bytes the bundle has, roughly.
    fn size(&self) -> u64 {
        let mut size = 0;
        let added = walk(self.bundle.folder(), "", &mut Vec::new(), &mut |path, entry| {
            let path = self.bundle.folder().join(path);
            size += if entry == Entry::File { path.symlink_metadata().map_or(0, |metadata| metadata.len()) } else { 0 };
            Ok(())
        });
        // What cannot be listed is told when it is packed.
        added.map_or(0, |()| size)
    }

    fn append_file<W: Write>(
        &mut self,
        archive: &mut Builder<W>,
        root: &Path,
        path: &str,
        target: &Path,
    ) -> Result<(), ConvertError> {
        let (file, length) = match self.source.open(path) {
            Ok(opened) => opened,
            Err(error) => {
                self.done.losses.push(Loss { path: path.to_owned(), reason: error_text(&error) });
                return Ok(());
            }
        };
        let mut header = Header::new_gnu();
        header.set_mode(0o600);
        header.set_mtime(seconds(&file));
        // A file that is cut while it is read must not shift those behind it.
        let mut bytes = file.take(length).chain(io::repeat(0)).take(length);
        if path == PACK_FILE && length >= FILE_HEADER_LEN as u64 {
            let (bare, bare_length) = bare_file(&mut BufReader::new(bytes), length).map_err(ConvertError::temporary)?;
            header.set_entry_type(EntryType::new(BARE_PACK));
            header.set_size(bare_length);
            return archive.append_data(&mut header, root.join(path), bare).map_err(ConvertError::write(target));
        }
        header.set_entry_type(EntryType::Regular);
        header.set_size(length);
        archive.append_data(&mut header, root.join(path), &mut bytes).map_err(ConvertError::write(target))
    }
}

/// Puts a pack file into its bare form in a temporary file, as its length must be known before its first byte is archived.
fn bare_file(pack: &mut impl Read, length: u64) -> io::Result<(File, u64)> {
    let mut bare = BufWriter::new(tempfile::tempfile()?);
    write_bare(pack, length, &mut bare)?;
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

/// When a file was last written, in seconds since the epoch.
fn seconds(file: &File) -> u64 {
    let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}
