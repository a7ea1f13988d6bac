//! Datasets: folders with the tables of many rollouts, in files by table and day.
//!
//! The rows of a file are those of many rollouts, in an order that does not depend on when each was reduced, and the name of
//! the file depends on all of them. So rows are kept in a temporary file until the run is complete. Memory holds where they
//! are, and later one group of rows for each OS thread.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rollout_trace_bundle::{Existing, StagedFile};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{Options, Rows, Table, hash::hex, ndjson};

/// The form of the files of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One object of JSON in each line.
    Ndjson,
    /// Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }
}

/// An error of writing a dataset.
#[derive(Debug, Error)]
#[error("cannot {operation} {}", path.display())]
pub struct DatasetError {
    operation: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl DatasetError {
    fn of(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { operation, path, source }
    }
}

/// Writes the tables of many rollouts into a folder: `v1/TABLE/date=YYYY-MM-DD/NAME.parquet` (or `.ndjson`).
///
/// NAME follows from the rollouts of the run and from its options. So a run that is repeated writes the same files again,
/// and runs about different rollouts write beside each other, also at the same time. Nothing appears before
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct DatasetWriter {
    folder: PathBuf,
    format: Format,
    options: Options,
    spill: Spill,
    bundles: Vec<Spilled>,
    known: HashSet<(String, String)>,
}

/// What a dataset does with the rows of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// They are rows of the dataset.
    New,
    /// The run has the same graph of the same bundle already, so they are left out.
    Known,
}

/// What a run wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The name of the run, which is that of its files.
    pub name: String,
    /// The files, in order.
    pub files: Vec<PathBuf>,
}

/// Where the rows of a rollout are.
#[derive(Debug)]
struct Spilled {
    trace_id: String,
    state_hash: String,
    day: String,
    /// For each table, the offset and the length of its rows.
    places: Vec<(Table, u64, usize)>,
}

impl DatasetWriter {
    /// Begins a run. The folder is made if it is not there.
    ///
    /// # Errors
    ///
    /// The folder, or a temporary file in it, cannot be made.
    pub fn create(folder: &Path, format: Format, options: Options) -> Result<Self, DatasetError> {
        fs::create_dir_all(folder).map_err(DatasetError::of("make", folder))?;
        let spill = tempfile::tempfile_in(folder).map_err(DatasetError::of("make a temporary file in", folder))?;
        let spill = Spill { file: Mutex::new(spill), end: 0 };
        let (folder, known) = (folder.to_owned(), HashSet::new());
        Ok(Self { folder, format, options, spill, bundles: Vec::new(), known })
    }

    /// Adds the rows of a rollout in the tables of datasets.
    ///
    /// # Errors
    ///
    /// They cannot be written to the temporary file.
    pub fn add(&mut self, rows: &Rows) -> Result<Added, DatasetError> {
        if !self.known.insert((rows.trace_id.clone(), rows.state_hash.clone())) {
            return Ok(Added::Known);
        }
        let mut places = Vec::new();
        for table in rows.tables().iter().filter(|rows| Table::OF_DATASETS.contains(&rows.table)) {
            let offset = self.spill.append(&table.bytes);
            let offset = offset.map_err(DatasetError::of("write to a temporary file in", &self.folder))?;
            places.push((table.table, offset, table.bytes.len()));
        }
        let (trace_id, state_hash, day) = (rows.trace_id.clone(), rows.state_hash.clone(), rows.day.clone());
        self.bundles.push(Spilled { trace_id, state_hash, day, places });
        Ok(Added::New)
    }

    /// Writes the files, on so many OS threads.
    ///
    /// # Errors
    ///
    /// A file cannot be written. Those that were complete before remain, and the next run with the same rollouts replaces
    /// them by the same.
    pub fn finish(mut self, workers: NonZeroUsize) -> Result<Written, DatasetError> {
        self.bundles.sort_by(|left, right| {
            let key = |bundle: &Spilled| (bundle.trace_id.clone(), bundle.state_hash.clone());
            key(left).cmp(&key(right))
        });
        let name = self.name();
        // The table of rollouts is the last: whoever begins with it finds the rest.
        let mut files: BTreeMap<_, Vec<(u64, usize)>> = BTreeMap::new();
        for bundle in &self.bundles {
            for (table, offset, length) in &bundle.places {
                let key = (*table == Table::Rollouts, *table, bundle.day.as_str());
                files.entry(key).or_default().push((*offset, *length));
            }
        }
        let (rollouts, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|((is_rollouts, ..), _)| *is_rollouts);
        let mut paths = Vec::new();
        for files in [others, rollouts] {
            let written = on_all(workers, &files, |((_, table, day), places)| self.write(&name, *table, day, places));
            for path in written {
                paths.push(path?);
            }
        }
        Ok(Written { name, files: paths })
    }

    /// Returns the name of the run.
    fn name(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(format!("{}\0{}\0", self.options.content.as_str(), self.options.max_text));
        for bundle in &self.bundles {
            hasher.update(format!("{}\0{}\0", bundle.trace_id, bundle.state_hash));
        }
        hex(&hasher.finalize(), 8)
    }

    /// Writes the file of a table and day.
    fn write(&self, name: &str, table: Table, day: &str, places: &[(u64, usize)]) -> Result<PathBuf, DatasetError> {
        let schema = table.schema();
        let folder = self.folder.join(format!("v{}", crate::MAPPING)).join(schema.name).join(format!("date={day}"));
        let path = folder.join(format!("{name}.{}", self.format.extension()));
        fs::create_dir_all(&folder).map_err(DatasetError::of("make", &folder))?;
        let write = || -> io::Result<()> {
            let mut staged = StagedFile::beside(&path)?;
            let chunks = places.iter().map(|(offset, length)| self.spill.read(*offset, *length));
            match self.format {
                Format::Ndjson => ndjson::write(&schema, chunks, staged.as_file_mut())?,
                #[cfg(feature = "parquet")]
                Format::Parquet => crate::parquet_file::write(&schema, chunks, staged.as_file_mut())?,
            }
            staged.as_file_mut().sync_all()?;
            staged.publish(Existing::Replace)
        };
        write().map_err(DatasetError::of("write", &path))?;
        Ok(path)
    }
}

/// Applies `work` to everything on so many OS threads, and returns the results in order.
fn on_all<T: Sync, R: Send>(workers: NonZeroUsize, all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, R)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..workers.get().min(all.len()) {
            scope.spawn(|| {
                while let Some((place, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|place| Some((place, all.get(place)?)))
                {
                    let result = work(item);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// A temporary file without a name.
#[derive(Debug)]
struct Spill {
    file: Mutex<File>,
    end: u64,
}

impl Spill {
    /// Writes bytes at the end, and returns where they are.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let offset = self.end;
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(offset)
    }

    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
