//! The files of an archive in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use rollout_trace_schema::{Manifest, packed::PACK_FILE};
use tar::Archive;

use super::entries::{ArchivedFile, Sink, Stop, decompressed, read_archive};
use crate::{
    Limits, PayloadError, Problem,
    contained::{BundleFile, Bytes, ContainedFolder, Kind},
    moving::ConvertError,
};

/// How many bytes of an archive are decompressed to find its manifest.
const PEEKED: u64 = 1 << 20;

/// How much of an archive is decompressed after its event log to find its manifest. [`pack`](crate::pack()) writes the
/// manifest first.
const SEARCHED_AFTER_LOG: u64 = 16 << 20;

/// How much memory is reserved for a file because the archive claims its length.
const RESERVED: u64 = 16 << 20;

/// Which files of an archive are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    /// Only the manifest and the event log.
    Events,
}

/// Reads an archive into memory. Returns what was wrong, and the bundle's folder.
pub(crate) fn hold(
    archive: &Path,
    limits: &Limits,
    wanted: Wanted,
) -> Result<(Vec<Problem>, ContainedFolder), ConvertError> {
    let held =
        HeldFiles { archive_len: archive.metadata().map_or(0, |metadata| metadata.len()), ..HeldFiles::default() };
    let mut holding = Holding { limits, wanted, held, manifest: None, search_end: None };
    let (mut problems, bundle) = read_archive(archive, limits, &mut holding)?;
    if holding.held.is_cut(&path_in(&bundle, Manifest::RAW_EVENT_LOG)) {
        for problem in &mut problems {
            if let Problem::ArchiveTooLarge { within_log, .. } = problem {
                *within_log = true;
            }
        }
    }
    Ok((problems, ContainedFolder::in_archive(archive.to_owned(), Arc::new(holding.held), bundle)))
}

/// Returns the manifest of an archive, if it is among the first files.
pub(crate) fn peek_manifest(archive: &Path) -> Option<Vec<u8>> {
    let mut archive = Archive::new(decompressed(archive, PEEKED).ok()?);
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

/// The files and folders of an archive by their paths.
#[derive(Debug, Default)]
pub(crate) struct HeldFiles {
    /// The length of the archive.
    pub(crate) archive_len: u64,
    files: BTreeMap<String, HeldFile>,
    folders: BTreeSet<String>,
}

#[derive(Debug)]
struct HeldFile {
    content: Content,
    modified: Option<SystemTime>,
}

#[derive(Debug)]
enum Content {
    /// The archive may end, or be too large, before all of the file was read.
    Held { bytes: Bytes, is_cut: bool },
    /// The file is larger than any file that is read whole.
    TooLarge { len: u64, limit: usize },
}

impl HeldFiles {
    /// Opens a file. Returns it with its size.
    pub(crate) fn open(&self, path: &str) -> Result<(BundleFile, u64), PayloadError> {
        match self.files.get(path) {
            Some(HeldFile { content: Content::Held { bytes, .. }, modified }) => {
                let len = bytes.as_ref().len() as u64;
                Ok((BundleFile::in_memory(bytes.clone(), *modified), len))
            }
            Some(HeldFile { content: Content::TooLarge { len, limit }, .. }) => {
                Err(PayloadError::TooLarge { path: path.to_owned(), bytes: *len, limit: *limit })
            }
            None if self.is_folder(path) => Err(PayloadError::NotAFile { path: path.to_owned() }),
            None => Err(PayloadError::Missing { path: path.to_owned() }),
        }
    }

    /// Returns what a folder contains.
    pub(crate) fn entries(&self, folder: &str) -> Vec<(String, Kind)> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut entries = BTreeMap::new();
        let after = |path: &str| path.strip_prefix(&prefix).map(str::to_owned);
        for name in self.files.range(prefix.clone()..).map_while(|(path, _)| after(path)) {
            match name.split_once('/') {
                // A folder that contains a file need not have an entry.
                Some((folder, _)) => entries.insert(folder.to_owned(), Kind::Folder),
                None => entries.insert(name, Kind::File),
            };
        }
        for name in self.folders.range(prefix.clone()..).map_while(|path| after(path)) {
            let first = name.split('/').next().unwrap_or_default();
            entries.insert(first.to_owned(), Kind::Folder);
        }
        entries.into_iter().collect()
    }

    fn is_cut(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|file| matches!(file.content, Content::Held { is_cut: true, .. }))
    }

    fn is_folder(&self, path: &str) -> bool {
        self.folders.contains(path) || !self.entries(path).is_empty()
    }
}

/// Returns the path of a file in a folder of an archive.
fn path_in(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

struct Holding<'a> {
    limits: &'a Limits,
    wanted: Wanted,
    held: HeldFiles,
    /// The path of the manifest that belongs to the first event log.
    manifest: Option<String>,
    /// Where the archive is no longer searched for the manifest.
    search_end: Option<u64>,
}

impl Sink for Holding<'_> {
    fn folder(&mut self, path: &str) -> Result<(), Stop> {
        if !path.is_empty() {
            self.held.folders.insert(path.to_owned());
        }
        Ok(())
    }

    fn file(&mut self, file: ArchivedFile<'_>) -> Result<(), Stop> {
        let ArchivedFile { path, len, modified, bytes } = file;
        let (folder, name) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
        let is_head = [Manifest::FILE_NAME, Manifest::RAW_EVENT_LOG].contains(&name);
        if self.wanted == Wanted::Events && !is_head {
            return Ok(());
        }
        let limit = self.limits.max_payload_bytes;
        let is_unlimited = [Manifest::RAW_EVENT_LOG, PACK_FILE].contains(&name);
        let (content, end) = if !is_unlimited && len > limit as u64 {
            (Content::TooLarge { len, limit }, Ok(()))
        } else {
            let mut content = Vec::with_capacity(len.min(RESERVED) as usize);
            let end = bytes.read_to_end(&mut content).map(drop).map_err(Stop::Archive);
            let is_cut = (content.len() as u64) < len;
            (Content::Held { bytes: Bytes::new(content), is_cut }, end)
        };
        self.held.files.insert(path.to_owned(), HeldFile { content, modified });
        if name == Manifest::RAW_EVENT_LOG && self.manifest.is_none() {
            self.manifest = Some(format!("{folder}{}", Manifest::FILE_NAME));
        }
        end
    }

    fn is_done(&mut self, position: u64) -> bool {
        if self.wanted == Wanted::All {
            return false;
        }
        let Some(manifest) = &self.manifest else { return false };
        let search_end = *self.search_end.get_or_insert(position.saturating_add(SEARCHED_AFTER_LOG));
        position > search_end || self.held.files.contains_key(manifest)
    }
}
