//! The file with a reduced graph.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use rollout_trace::{RolloutTrace, bundle::ARCHIVE_SUFFIX, schema::Manifest};

use crate::failure::Failure;

/// Returns the path of a bundle's graph, which is in its folder or next to its archive.
pub(crate) fn path(bundle: &Path) -> PathBuf {
    if !bundle.is_file() {
        return bundle.join(Manifest::STATE);
    }
    let name = bundle.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(ARCHIVE_SUFFIX).unwrap_or(&name);
    bundle.with_file_name(format!("{name}.{}", Manifest::STATE))
}

/// The age of a bundle's graph in comparison with its event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateAge {
    /// There is no graph.
    None,
    /// The graph is as new as the event log.
    Current,
    /// The event log is newer.
    Stale,
}

impl StateAge {
    pub(crate) fn of(bundle: &Path) -> Self {
        let modified = |path: PathBuf| path.metadata().and_then(|metadata| metadata.modified()).ok();
        let log = if bundle.is_file() { bundle.to_owned() } else { bundle.join(Manifest::RAW_EVENT_LOG) };
        match (modified(path(bundle)), modified(log)) {
            (None, _) => Self::None,
            (Some(state), Some(log)) if state < log => Self::Stale,
            _ => Self::Current,
        }
    }
}

/// Writes a graph as JSON, with a newline at the end.
pub(crate) fn write(graph: &RolloutTrace, compact: bool, writer: &mut dyn Write) -> io::Result<()> {
    if compact {
        serde_json::to_writer(&mut *writer, graph)?;
    } else {
        serde_json::to_writer_pretty(&mut *writer, graph)?;
    }
    writeln!(writer)
}

/// Writes a graph into its bundle, and atomically replaces the previous one.
pub(crate) fn save_in_bundle(graph: &RolloutTrace, compact: bool, bundle: &Path) -> Result<PathBuf, Failure> {
    let path = path(bundle);
    // A link in the bundle is replaced, not followed: the bundle may come from anywhere.
    replace(graph, compact, &path).map_err(|error| {
        let hint = "the previous file is unchanged; use -o FILE to write elsewhere, or -o - for stdout";
        Failure::io("cannot write", &path, &error, hint)
    })?;
    Ok(path)
}

/// Writes a graph to the user's file, and atomically replaces the previous one.
pub(crate) fn save_as(graph: &RolloutTrace, compact: bool, path: &Path) -> Result<(), Failure> {
    let written = match path.metadata() {
        // A pipe or device is written to instead of replaced.
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            fs::OpenOptions::new().write(true).open(path).and_then(|file| write_all(graph, compact, file).map(drop))
        }
        Ok(_) => path.canonicalize().and_then(|path| replace(graph, compact, &path)),
        Err(_) => replace(graph, compact, path),
    };
    written.map_err(|error| {
        let hint = "the previous file is unchanged; use another FILE, or -o - for stdout";
        Failure::io("cannot write", path, &error, hint)
    })
}

/// Writes a temporary file next to the path, readable only by its owner, and renames it when it is complete.
fn replace(graph: &RolloutTrace, compact: bool, path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.read_dir()?;
    let temporary = tempfile::Builder::new().prefix(".state.json.").tempfile_in(folder);
    // The original error would name the temporary file, which the user does not know.
    let (file, temporary) = temporary.map_err(|error| error.kind())?.into_parts();
    write_all(graph, compact, file)?.sync_all()?;
    temporary.persist(path).map_err(|error| error.error)
}

fn write_all(graph: &RolloutTrace, compact: bool, file: fs::File) -> io::Result<fs::File> {
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    write(graph, compact, &mut writer)?;
    writer.into_inner().map_err(io::IntoInnerError::into_error)
}
