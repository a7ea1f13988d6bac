//! One pass over the entries of an archive.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rollout_trace_schema::packed::{BARE_MAGIC, PACK_FILE};
use tar::{Archive, EntryType, Header};

use super::{
    found::bundle_in,
    magic::open_archive,
    tree::{Tree, contained},
};
use crate::{Limits, Problem, moving::ConvertError, packed::FromBare};

/// The type that earlier writers gave the entry of a pack file in its bare form.
const BARE_PACK: u8 = b'P';

/// The maximum length of a name that has an entry of its own.
const MAX_NAME: u64 = 1 << 16;

/// The length of a header, and of everything that a tar archive is made of.
const BLOCK: u64 = 512;

/// How many characters of a name a problem has.
const SHOWN_NAME: usize = 300;

/// Where the files and folders of an archive go.
pub(crate) trait Sink {
    /// Takes a folder. Those around it may not have come before.
    fn folder(&mut self, path: &str) -> Result<(), Stop>;

    /// Takes a file. If its bytes end with an error, those before count.
    fn file(&mut self, file: ArchivedFile<'_>) -> Result<(), Stop>;

    /// Returns whether the rest of the archive is not needed, of which `position` bytes were decompressed.
    fn is_done(&mut self, position: u64) -> bool;
}

/// A file in an archive.
pub(crate) struct ArchivedFile<'a> {
    /// The path, which is relative, stays in the archive, and is new.
    pub(crate) path: &'a str,
    /// The length that the archive claims.
    pub(crate) len: u64,
    pub(crate) modified: Option<SystemTime>,
    /// The content. A pack has its full form.
    pub(crate) bytes: &'a mut dyn Read,
}

/// What ends the reading of an entry or of the archive early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The entry cannot be used, for this reason. The others can.
    Entry(&'static str),
    /// The archive is damaged.
    Archive(io::Error),
    /// The names take more memory than the archive may.
    TooLarge,
    /// There are too many files and folders.
    TooMany,
    /// The rest is not needed.
    Done,
    /// A file or folder cannot be written.
    Write(PathBuf, io::Error),
}

/// Passes the entries of an archive to `sink`. Returns what was wrong, and the path of the bundle's folder in the archive.
///
/// If the archive is damaged or larger than the limits, everything before that is read.
pub(crate) fn read_archive(
    archive: &Path,
    limits: &Limits,
    sink: &mut impl Sink,
) -> Result<(Vec<Problem>, String), ConvertError> {
    let mut decompressed = decompressed(archive, limits.max_archive_bytes)?;
    let mut pass = Pass {
        sink,
        limits,
        tree: Tree::default(),
        entries: 0,
        problems: Vec::new(),
        left_out: 0,
        passed: vec![0; 32 << 10],
    };
    let mut start = Vec::new();
    let read = (&mut decompressed).take(BLOCK).read_to_end(&mut start).map(drop).map_err(Stop::Archive);
    if read.is_ok() && decompressed.limit() > 0 && !is_of_tar(&start) {
        let reason = "it is compressed by zstd, but what is compressed is not a tar archive".to_owned();
        return Err(ConvertError::NotAnArchive { path: archive.to_owned(), reason });
    }
    let end = read.and_then(|()| pass.run(&mut start.as_slice().chain(&mut decompressed))).and_then(|()| {
        // The checksum of the archive is at its end, so the archive is read to the end.
        io::copy(&mut decompressed, &mut io::sink()).map(drop).map_err(Stop::Archive)
    });
    let Pass { tree, mut problems, left_out, .. } = pass;
    let limit = limits.max_archive_bytes;
    match end {
        Err(Stop::Write(path, source)) => return Err(ConvertError::Write { path, source }),
        Err(Stop::Done) | Ok(()) if decompressed.limit() > 0 => {}
        Err(Stop::TooMany) => problems.push(Problem::ArchiveTooManyEntries { limit: limits.max_archive_entries }),
        Err(Stop::Archive(error)) if decompressed.limit() > 0 => {
            problems.push(Problem::ArchiveDamaged { reason: error.to_string() });
        }
        Err(_) | Ok(()) => problems.push(Problem::ArchiveTooLarge { limit, within_log: false }),
    }
    if left_out > 0 {
        problems.push(Problem::TooManyProblems { limit: limits.max_problems, left_out });
    }
    let bundle = bundle_in(&tree, archive, &problems)?;
    Ok((problems, bundle))
}

pub(super) type Decompressed = io::Take<zstd::Decoder<'static, BufReader<File>>>;

/// Opens an archive. After the limit, one byte is left.
pub(super) fn decompressed(archive: &Path, limit: u64) -> Result<Decompressed, ConvertError> {
    let decoder = zstd::Decoder::new(open_archive(archive)?).map_err(ConvertError::read(archive))?;
    Ok(decoder.take(limit.saturating_add(1)))
}

struct Pass<'a, S> {
    sink: &'a mut S,
    limits: &'a Limits,
    tree: Tree,
    entries: u64,
    problems: Vec<Problem>,
    /// The number of skipped entries that are not among the problems.
    left_out: u64,
    /// Takes what is passed over.
    passed: Vec<u8>,
}

impl<S: Sink> Pass<'_, S> {
    fn run(&mut self, decompressed: &mut impl Read) -> Result<(), Stop> {
        let mut archive = Archive::new(decompressed);
        // The name of the next entry, if it is too long for the entry itself. The tar library would accept any length.
        let mut long_name: Option<Vec<u8>> = None;
        for entry in archive.entries().map_err(Stop::Archive)?.raw(true) {
            let mut entry = entry.map_err(Stop::Archive)?;
            self.entries += 1;
            let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
            let kind = entry.header().entry_type();
            match kind {
                EntryType::GNULongName | EntryType::XHeader if entry.size() <= MAX_NAME => {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).map_err(Stop::Archive)?;
                    long_name =
                        if kind == EntryType::XHeader { path_of_header(&bytes) } else { Some(until_nul(bytes)) };
                }
                EntryType::XGlobalHeader => {}
                _ if !is_kept(kind) => self.skip(&name, "it is neither a file nor a folder"),
                _ => {
                    let used = contained(&name).map_err(Stop::Entry).and_then(|path| match kind {
                        EntryType::Directory => self.folder(&path),
                        _ => self.file(&path, &mut entry),
                    });
                    match used {
                        Err(Stop::Entry(reason)) => self.skip(&name, reason),
                        used => used?,
                    }
                }
            }
            self.check_size()?;
            self.pass_over(&mut entry)?;
        }
        Ok(())
    }

    fn check_size(&self) -> Result<(), Stop> {
        if self.entries + self.tree.folders.len() as u64 > self.limits.max_archive_entries {
            return Err(Stop::TooMany);
        }
        if self.tree.name_bytes > self.limits.max_archive_bytes { Err(Stop::TooLarge) } else { Ok(()) }
    }

    fn skip(&mut self, name: &[u8], reason: &str) {
        if self.problems.len() as u64 >= self.limits.max_problems {
            self.left_out += 1;
            return;
        }
        let path = String::from_utf8_lossy(name).chars().take(SHOWN_NAME).collect();
        self.problems.push(Problem::ArchiveEntry { path, reason: reason.to_owned() });
    }

    fn folder(&mut self, path: &str) -> Result<(), Stop> {
        self.tree.check_folder(path).map_err(Stop::Entry)?;
        self.sink.folder(path)?;
        self.tree.add_folder(path);
        Ok(())
    }

    fn file<R: Read>(&mut self, path: &str, entry: &mut tar::Entry<'_, R>) -> Result<(), Stop> {
        self.tree.check_file(path).map_err(Stop::Entry)?;
        let modified = entry.header().mtime().ok();
        let modified = modified.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        let len = entry.size();
        let taken = if path.rsplit('/').next() == Some(PACK_FILE) {
            let mut start = Vec::new();
            entry.take(BARE_MAGIC.len() as u64).read_to_end(&mut start).map_err(Stop::Archive)?;
            let mut whole = start.chain(&mut *entry);
            if start == BARE_MAGIC {
                self.sink.file(ArchivedFile { path, len, modified, bytes: &mut FromBare::new(whole) })
            } else {
                self.sink.file(ArchivedFile { path, len, modified, bytes: &mut whole })
            }
        } else {
            self.sink.file(ArchivedFile { path, len, modified, bytes: entry })
        };
        if !matches!(taken, Err(Stop::Entry(_))) {
            self.tree.add_file(path);
        }
        taken
    }

    /// Decompresses the rest of an entry, as long as something after it may be needed.
    fn pass_over<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), Stop> {
        let mut position = entry.raw_file_position();
        loop {
            if self.sink.is_done(position) {
                return Err(Stop::Done);
            }
            match entry.read(&mut self.passed) {
                Ok(0) => return Ok(()),
                Ok(count) => position += count as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Stop::Archive(error)),
            }
        }
    }
}

/// Returns whether a tar archive may begin with this block, which is a header unless the archive is empty. A damaged header
/// counts if its format can still be recognized.
fn is_of_tar(start: &[u8]) -> bool {
    const FORMAT: Range<usize> = 257..262;
    const CHECKSUM: Range<usize> = 148..156;
    let Ok(block) = <&[u8; BLOCK as usize]>::try_from(start) else { return false };
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let checksum = sum(block) - sum(&block[CHECKSUM]) + CHECKSUM.len() as u32 * u32::from(b' ');
    let is_header = Header::from_byte_slice(block).cksum().is_ok_and(|stated| stated == checksum);
    is_header || block[FORMAT] == *b"ustar" || block.iter().all(|&byte| byte == 0)
}

/// Returns whether entries of this type are used.
fn is_kept(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::Directory) || kind.as_byte() == BARE_PACK
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        bytes.truncate(end);
    }
    bytes
}

/// Returns the path in an extended header, which consists of lines of `LENGTH KEY=VALUE`.
fn path_of_header(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let line = rest.get(space + 1..length)?;
        if let Some(path) = line.strip_prefix(b"path=") {
            return Some(path.strip_suffix(b"\n").unwrap_or(path).to_vec());
        }
        rest = &rest[length..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths() {
        assert_eq!(path_of_header(b"12 size=100\n14 path=a/b c\n"), Some(b"a/b c".to_vec()));
        for broken in [&b"x"[..], b"0 path=a\n", b"99 path=a\n", b"3 path=a\n", b""] {
            let _ = path_of_header(broken);
        }
    }
}
