//! The files that an import reads.

use std::{
    collections::VecDeque,
    io::Read,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rollout_trace_bundle::{BundleFile, PayloadError, open_file_in};
use rollout_trace_schema::{EvidenceSource, ImportSource};

use crate::{
    Limits,
    document_records::document_records,
    lines::{Digested, Line, Lines},
    object::Object,
    problem::{Problem, ProblemCode},
};

/// The files that were opened, in the order of their opening.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Arc<Mutex<Vec<(String, Digested)>>>);

impl Sources {
    fn list(&self) -> MutexGuard<'_, Vec<(String, Digested)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a file for reading its records. Links are refused.
    pub(crate) fn open(&self, path: &Path, limits: Limits) -> Result<Records, PayloadError> {
        let file = open(path)?;
        let error = |source| PayloadError::Read { path: path.to_owned(), source };
        let lines = Lines::new(file, limits).map_err(error)?;
        Ok(Records { file: self.add(path, lines.digested()), lines: Some(lines), ready: VecDeque::new() })
    }

    /// Opens a file that is one JSON object, whose records are the object's other fields and then the elements of the
    /// list with this name. Links are refused.
    pub(crate) fn open_document(&self, path: &Path, list: &str, limits: Limits) -> Result<Records, PayloadError> {
        let file = open(path)?;
        let mut bytes = Vec::new();
        let read = file.take(limits.max_payload_bytes as u64).read_to_end(&mut bytes);
        read.map_err(|source| PayloadError::Read { path: path.to_owned(), source })?;
        let file = self.add(path, Digested::of(&bytes));
        let ready = document_records(file, &String::from_utf8_lossy(&bytes), list, limits);
        Ok(Records { file, lines: None, ready })
    }

    /// Adds a file to the list and returns its place.
    pub(crate) fn add(&self, path: &Path, digested: Digested) -> u32 {
        let mut list = self.list();
        list.push((path.to_string_lossy().into_owned(), digested));
        u32::try_from(list.len() - 1).expect("no session has so many files")
    }

    /// Returns what was read so far.
    pub(crate) fn finish(&self) -> Vec<ImportSource> {
        let list = self.list();
        let source = |(path, digested): &(String, Digested)| {
            let (bytes, sha256) = digested.finish();
            ImportSource { path: path.clone(), bytes, sha256 }
        };
        list.iter().map(source).collect()
    }
}

/// Opens a regular file without following a link.
pub(crate) fn open(path: &Path) -> Result<BundleFile, PayloadError> {
    let missing = || PayloadError::Missing { path: path.to_string_lossy().into_owned() };
    let name = path.file_name().ok_or_else(missing)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    open_file_in(folder, name)
}

/// The records of a file: lines that are JSON objects.
pub(crate) struct Records {
    /// The file's place among the sources.
    pub(crate) file: u32,
    lines: Option<Lines>,
    /// The records of a file that is no list of lines.
    ready: VecDeque<Record>,
}

/// A record, or what is wrong with a line.
#[derive(Debug)]
pub(crate) enum Record {
    /// The text of an object.
    Object(EvidenceSource, String),
    /// A line without a record.
    Problem(Problem),
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let file = self.file;
        if let Some(record) = self.ready.pop_front() {
            return Some(record);
        }
        let problem = |code, line, message| Some(Record::Problem(Problem { code, file, line, message }));
        match self.lines.as_mut()?.next()? {
            Line::Text { number: line, text, .. } if Object::parse(&text).is_some() => {
                Some(Record::Object(EvidenceSource { file, line }, text))
            }
            Line::Text { number, text, ended: false } => {
                let message = format!("the last line is torn after {} bytes; its record is lost", text.len());
                problem(ProblemCode::TornLine, number, message)
            }
            Line::Text { number, .. } => {
                problem(ProblemCode::UnparsableLine, number, "the line is not a JSON object; it is lost".to_owned())
            }
            Line::Unreadable { number, reason } => {
                problem(ProblemCode::UnparsableLine, number, format!("the line cannot be read: {reason}; it is lost"))
            }
            Line::Stopped { number, reason } => {
                let message = format!("the file cannot be read from here on: {reason}; what comes before is used");
                problem(ProblemCode::DamagedArchive, number, message)
            }
        }
    }
}
