//! The file with a reduced graph.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use rollout_trace::{
    RolloutTrace,
    answers::{Rollout, WithFacts},
    bundle::{ARCHIVE_SUFFIX, open_file_in},
    model::{JsonLayout, WithRuns, write_graph, write_json},
    schema::{
        Manifest,
        json_text::{Cursor, JsonTextError, Nesting},
    },
};

use crate::{args::StateForm, failure::Failure, written_file};

/// How many bytes of a state are read to find out which program wrote it. In ours the mark is within the first hundred.
const HEAD_BYTES: u64 = 4096;

/// The places of a bundle's graph, which are in its folder or next to its archive.
#[derive(Debug)]
struct Places {
    /// `state.json`, which the tools of Codex write too.
    usual: PathBuf,
    /// The place if another program wrote the usual file.
    beside: PathBuf,
}

impl Places {
    fn of(bundle: &Path) -> Self {
        let own = format!("{}.{}", RolloutTrace::REDUCED_BY, Manifest::STATE);
        if !bundle.is_file() {
            return Self { usual: bundle.join(Manifest::STATE), beside: bundle.join(own) };
        }
        let name = bundle.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(ARCHIVE_SUFFIX).unwrap_or(&name);
        Self {
            usual: bundle.with_file_name(format!("{name}.{}", Manifest::STATE)),
            beside: bundle.with_file_name(format!("{name}.{own}")),
        }
    }

    /// Returns the first place where a graph replaces nothing that another program wrote.
    fn free(self) -> Result<PathBuf, Failure> {
        if is_free(&self.usual) {
            Ok(self.usual)
        } else if is_free(&self.beside) {
            Ok(self.beside)
        } else {
            let (usual, beside) = (self.usual.display(), self.beside.display());
            let what = format!("rollout-trace wrote neither {usual} nor {beside}, so both are kept");
            Err(Failure::new(what, "use -o FILE to write elsewhere, or --force to replace the first one"))
        }
    }
}

/// Returns whether there is nothing at the path, or a graph that this program wrote.
fn is_free(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => read_head(path).is_some_and(|head| has_our_mark(&head)),
        // Whatever else is wrong with the path is reported when it is written to.
        Err(_) => true,
    }
}

/// Reads the beginning of a file. A link is not followed, since the bundle may come from anywhere.
fn read_head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let file = open_file_in(folder_of(path), path.file_name()?).ok()?;
    file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(head)
}

/// Returns the folder that contains the last component of a path.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns whether a state, of which this is the beginning, says that this program wrote it.
fn has_our_mark(head: &[u8]) -> bool {
    let find = || -> Result<bool, JsonTextError> {
        let mut cursor = Cursor::of_document(head);
        let start = cursor.offset();
        cursor.expect(b'{')?;
        let in_object = Nesting::default().deeper(start)?;
        loop {
            cursor.peek();
            let key = cursor.string()?;
            cursor.expect(b':')?;
            let value = cursor.value(in_object)?;
            if head[key] == *b"\"reduced_by\"" {
                return Ok(head[value] == *format!("\"{}\"", RolloutTrace::REDUCED_BY).as_bytes());
            }
            cursor.expect(b',')?;
        }
    };
    // A state that ends or is damaged before the mark has none.
    find().unwrap_or(false)
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
        let Places { usual, beside } = Places::of(bundle);
        match (modified(usual).max(modified(beside)), modified(log)) {
            (None, _) => Self::None,
            (Some(state), Some(log)) if state < log => Self::Stale,
            _ => Self::Current,
        }
    }
}

/// What is written to a state.
#[derive(Clone, Copy, Debug)]
pub(crate) enum State<'r, 'a> {
    /// The graph.
    Graph(&'r RolloutTrace),
    /// The graph, with what answers compute about it.
    WithFacts(&'r Rollout<'a>),
}

/// Writes a graph as JSON, with a newline at the end.
pub(crate) fn write(state: State<'_, '_>, form: StateForm, writer: &mut dyn Write) -> io::Result<()> {
    let layout = if form.compact { JsonLayout::Compact } else { JsonLayout::Pretty };
    match state {
        State::Graph(graph) if form.runs => write_json(&WithRuns(graph), layout, &mut *writer),
        State::Graph(graph) => write_graph(graph, layout, &mut *writer),
        State::WithFacts(rollout) => write_json(&WithFacts::new(rollout, form.runs), layout, &mut *writer),
    }?;
    writeln!(writer)
}

/// Which file of a bundle a graph may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replace {
    /// Only a graph that this program wrote. If another program wrote `state.json`, the graph is written beside it.
    Own,
    /// Any `state.json`.
    Any,
}

/// Writes a graph into its bundle, and atomically replaces the previous one.
pub(crate) fn save_in_bundle(
    state: State<'_, '_>,
    form: StateForm,
    bundle: &Path,
    replaced: Replace,
) -> Result<PathBuf, Failure> {
    let places = Places::of(bundle);
    let path = match replaced {
        Replace::Own => places.free()?,
        Replace::Any => places.usual,
    };
    // A link in the bundle is replaced, not followed: the bundle may come from anywhere.
    written_file::replace(&path, |file| write(state, form, file)).map_err(|error| {
        let hint = "the previous file is unchanged; use -o FILE to write elsewhere, or -o - for stdout";
        Failure::io("cannot write", &path, &error, hint)
    })?;
    Ok(path)
}

/// Writes a graph to the user's file, and atomically replaces the previous one.
pub(crate) fn save_as(state: State<'_, '_>, form: StateForm, path: &Path) -> Result<(), Failure> {
    written_file::save_as(path, |file| write(state, form, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_mark() {
        for ours in [
            r#"{"reduced_by":"rollout-trace"}"#,
            r#"{"schema_version":2,"reduced_by":"rollout-trace","trace_id":"#,
            "\u{feff}{\n  \"schema_version\": 2,\n  \"reduced_by\": \"rollout-trace\",\n  \"tra",
            r#"{"a":{"b":[1,"}"]},"reduced_by" : "rollout-trace" , "x""#,
        ] {
            assert!(has_our_mark(ours.as_bytes()), "{ours}");
        }
        for other in [
            "",
            "\0\0\0\0",
            "null",
            "{}",
            r#"["reduced_by","rollout-trace"]"#,
            r#"{"schema_version":2,"trace_id":"\"reduced_by\":\"rollout-trace\""}"#,
            r#"{"threads":{"reduced_by":"rollout-trace"}}"#,
            r#"{"reduced_by":"rollout-trac"#,
            r#"{"reduced_by":"rollout-traces"}"#,
            r#"{"reduced_by":null}"#,
            r#"{"schema_version":2 "reduced_by":"rollout-trace"}"#,
            r#"<<<<<<< {"reduced_by":"rollout-trace"}"#,
        ] {
            assert!(!has_our_mark(other.as_bytes()), "{other}");
        }
    }
}
