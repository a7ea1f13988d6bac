//! Unpacking an archive that cannot be trusted.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::{Component, Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use rollout_trace_schema::{
    Manifest,
    packed::{BARE_MAGIC, PACK_FILE},
};
use tar::{Archive, EntryType};

use super::{
    ConvertError,
    contents::{Contents, Names},
    staging::{Staging, create_file, create_folders},
};
use crate::{Limits, Problem, packed::FromBare};

/// The first bytes of a zstd frame.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The type that earlier writers gave the entry of a pack file in its bare form.
const BARE_PACK: u8 = b'P';

/// The maximum number of entries that are unpacked.
const MAX_ENTRIES: usize = 1 << 20;

/// The maximum length of a name that has an entry of its own.
const MAX_NAME: u64 = 1 << 16;

/// How many bytes of an archive are unpacked to find its manifest.
const PEEKED: u64 = 1 << 20;

/// Returns whether a file is compressed like an archive.
pub(crate) fn is_archive(path: &Path) -> bool {
    let mut magic = [0; MAGIC.len()];
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    is_file && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == MAGIC
}

/// The inverse of [`pack`](super::pack): writes the bundle in `archive` to the new folder `target`. Returns what was
/// wrong.
///
/// If the archive is damaged, everything before the damage is unpacked. Nothing is written outside the folder, no link
/// is made, and no more is unpacked than [`Limits::max_archive_bytes`] allows.
///
/// # Errors
///
/// The archive contains no bundle, or more than one; or the result could not be written, and nothing is left of it; or
/// something already exists at `target`, which is untouched.
pub fn unpack(
    archive: impl AsRef<Path>,
    target: impl AsRef<Path>,
    limits: &Limits,
) -> Result<Vec<Problem>, ConvertError> {
    let archive = archive.as_ref();
    let staging = Staging::new(target.as_ref())?;
    let (problems, folder) = unpack_into(archive, staging.path(), limits)?;
    staging.publish(&folder)?;
    Ok(problems)
}

/// Unpacks an archive into an empty folder. Returns what was wrong, and the bundle's folder.
pub(crate) fn unpack_into(
    archive: &Path,
    folder: &Path,
    limits: &Limits,
) -> Result<(Vec<Problem>, PathBuf), ConvertError> {
    let not_an_archive = |reason: String| ConvertError::NotAnArchive { path: archive.to_owned(), reason };
    if !archive.metadata().map_err(ConvertError::read(archive))?.is_file() {
        return Err(not_an_archive("it is not a file".to_owned()));
    }
    let mut unpacking = Unpacking { folder, entries: 0, problems: Vec::new() };
    let mut unpacked = decoder(archive, limits.max_archive_bytes).map_err(ConvertError::read(archive))?;
    let end = unpacking.run(&mut unpacked).and_then(|()| {
        // The checksum of the archive is at its end, so the archive is read to the end.
        io::copy(&mut unpacked, &mut io::sink()).map(drop).map_err(Stop::Archive)
    });
    let mut problems = unpacking.problems;
    match end {
        Err(Stop::Write(path, source)) => return Err(ConvertError::Write { path, source }),
        _ if unpacked.limit() == 0 => problems.push(Problem::ArchiveTooLarge { limit: limits.max_archive_bytes }),
        Err(Stop::Archive(error)) => problems.push(Problem::ArchiveDamaged { reason: error.to_string() }),
        Err(Stop::Entries) => problems.push(Problem::ArchiveTooLarge { limit: limits.max_archive_bytes }),
        Ok(()) => {}
    }
    let mut found = Contents::of(folder);
    match found.bundles.as_slice() {
        [] => {
            let contents = format!("it contains {}, and no bundle", found.files);
            Err(not_an_archive(match problems.first() {
                Some(problem) if found.files.is_empty() => problem.to_string(),
                Some(problem) => format!("{problem}; {contents}"),
                None => contents,
            }))
        }
        [_] => Ok((problems, found.bundles.remove(0))),
        bundles => {
            let mut names = Names::default();
            bundles.iter().for_each(|bundle| names.add(bundle.strip_prefix(folder).unwrap_or(bundle)));
            Err(ConvertError::SeveralBundles { path: archive.to_owned(), bundles: names.to_string() })
        }
    }
}

type Unpacked = io::Take<zstd::Decoder<'static, BufReader<File>>>;

fn decoder(archive: &Path, limit: u64) -> io::Result<Unpacked> {
    Ok(zstd::Decoder::new(File::open(archive)?)?.take(limit))
}

/// Returns the manifest of an archive, if it is among the first files.
pub(crate) fn peek_manifest(archive: &Path) -> Option<Vec<u8>> {
    let mut archive = Archive::new(decoder(archive, PEEKED).ok()?);
    for entry in archive.entries().ok()?.raw(true) {
        let mut entry = entry.ok()?;
        if entry.path().ok()?.file_name()? == Manifest::FILE_NAME {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).ok()?;
            return Some(bytes);
        }
    }
    None
}

/// Why an entry is skipped whose name the operating system refuses.
const TOO_LONG: &str = "its name is too long";

/// What ends the unpacking early.
enum Stop {
    Archive(io::Error),
    Entries,
    Write(PathBuf, io::Error),
}

struct Unpacking<'a> {
    folder: &'a Path,
    entries: usize,
    problems: Vec<Problem>,
}

impl Unpacking<'_> {
    fn run(&mut self, unpacked: &mut Unpacked) -> Result<(), Stop> {
        let mut archive = Archive::new(unpacked);
        // The name of the next entry, if it is too long for the entry itself. The tar library would accept any length.
        let mut long_name: Option<Vec<u8>> = None;
        for entry in archive.entries().map_err(Stop::Archive)?.raw(true) {
            let mut entry = entry.map_err(Stop::Archive)?;
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(Stop::Entries);
            }
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
                _ => match contained(&name) {
                    Ok(path) if kind == EntryType::Directory => self.make_folder(&path)?,
                    Ok(path) => {
                        let modified = entry.header().mtime().ok();
                        if path.file_name().is_some_and(|name| name == PACK_FILE) {
                            self.write_pack(&path, modified, entry)?;
                        } else {
                            self.write_file(&path, modified, &mut entry)?;
                        }
                    }
                    Err(reason) => self.skip(&name, reason),
                },
            }
        }
        Ok(())
    }

    fn skip(&mut self, name: &[u8], reason: &str) {
        let (path, reason) = (String::from_utf8_lossy(name).into_owned(), reason.to_owned());
        self.problems.push(Problem::ArchiveEntry { path, reason });
    }

    fn make_folder(&mut self, path: &Path) -> Result<(), Stop> {
        let target = self.folder.join(path);
        match create_folders(&target) {
            Err(_) if target.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir()) => {
                self.skip(path.to_string_lossy().as_bytes(), "there is a file at its path");
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                self.skip(path.to_string_lossy().as_bytes(), TOO_LONG);
                Ok(())
            }
            made => made.map_err(|error| Stop::Write(target, error)),
        }
    }

    /// Writes a pack file in its full form, whether the archive contains it in that form or in the bare form.
    fn write_pack(&mut self, path: &Path, modified: Option<u64>, mut entry: impl Read) -> Result<(), Stop> {
        let mut start = Vec::new();
        (&mut entry).take(BARE_MAGIC.len() as u64).read_to_end(&mut start).map_err(Stop::Archive)?;
        let is_bare = start == BARE_MAGIC;
        let mut bytes = start.chain(entry);
        if is_bare {
            self.write_file(path, modified, &mut FromBare::new(bytes))
        } else {
            self.write_file(path, modified, &mut bytes)
        }
    }

    fn write_file(&mut self, path: &Path, modified: Option<u64>, bytes: &mut impl Read) -> Result<(), Stop> {
        let target = self.folder.join(path);
        let name = path.to_string_lossy().into_owned();
        if path.as_os_str().is_empty() || target.symlink_metadata().is_ok() {
            self.skip(name.as_bytes(), "something already exists at its path");
            return Ok(());
        }
        let folder = target.parent().unwrap_or(self.folder);
        let failed = |error| Stop::Write(target.clone(), error);
        let mut file = match create_folders(folder).and_then(|()| create_file(&target)) {
            Err(_) if folder.ancestors().any(Path::is_file) => {
                self.skip(name.as_bytes(), "there is a file at the path of its folder");
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                self.skip(name.as_bytes(), TOO_LONG);
                return Ok(());
            }
            created => created.map_err(failed)?,
        };
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = match bytes.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::Archive(error)),
            };
            file.write_all(&buffer[..count]).map_err(failed)?;
        }
        if let Some(time) = modified.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))) {
            // A file with a wrong time is better than none.
            let _ = file.set_modified(time);
        }
        Ok(())
    }
}

/// Returns whether entries of this type are unpacked.
fn is_kept(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::Directory) || kind.as_byte() == BARE_PACK
}

/// Returns the path of an entry, which must be relative and stay within the archive.
fn contained(name: &[u8]) -> Result<PathBuf, &'static str> {
    let name = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8")?;
    if name.contains(['\0', '\\']) {
        return Err("its name contains a character that no bundle uses");
    }
    let mut path = PathBuf::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            _ => return Err("its path leads out of the archive"),
        }
    }
    Ok(path)
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
    fn names_that_lead_out() {
        for name in ["../a", "/a", "a/../../b", "a\\b", "a\0b"] {
            assert!(contained(name.as_bytes()).is_err(), "{name}");
        }
        assert!(contained(b"\xff").is_err());
        assert_eq!(contained(b"./a//b/"), Ok(PathBuf::from("a/b")));
    }

    #[test]
    fn long_paths() {
        assert_eq!(path_of_header(b"12 size=100\n14 path=a/b c\n"), Some(b"a/b c".to_vec()));
        for broken in [&b"x"[..], b"0 path=a\n", b"99 path=a\n", b"3 path=a\n", b""] {
            let _ = path_of_header(broken);
        }
    }
}
