//! The command `list`.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use rollout_trace::{
    Bundle, Evidence, Limits, find_bundles,
    schema::{CodexTurnId, EventPayload, ExecutionStatus, ThreadId, visible::visible_line},
};

use crate::{
    args::ListArgs,
    failure::{Failure, Verdict},
    output::Output,
    state_file::StateAge,
};

const HEADINGS: [&str; 7] = ["AGE", "SIZE", "STATUS", "TURNS", "THREADS", "STATE", "BUNDLE"];

pub(crate) fn run(args: &ListArgs, limits: Limits, output: &mut Output) -> Result<Verdict, Failure> {
    let root = args.root.as_deref().ok_or_else(|| {
        Failure::new(
            "no trace root is given",
            "give the folder, or set CODEX_ROLLOUT_TRACE_ROOT to the folder that the agent writes to",
        )
    })?;
    let found = find_bundles(root)
        .map_err(|error| Failure::io("cannot list", root, &error, "check the path and its permissions"))?;
    if found.is_empty() {
        output.say(format_args!("no trace bundle in {}", root.display()));
        return Ok(Verdict::Clean);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    let mut verdict = Verdict::Clean;
    for bundle in found {
        match Outline::read(&bundle.path, limits) {
            Ok(outline) => rows.push([
                age(now.saturating_sub(u128::try_from(bundle.started_at_unix_ms).unwrap_or_default())),
                size(size_on_disk(&bundle.path)),
                outline.status(),
                outline.count(&outline.turns),
                outline.count(&outline.threads),
                match StateAge::of(&bundle.path) {
                    StateAge::None => "-",
                    StateAge::Current => "current",
                    StateAge::Stale => "stale",
                }
                .into(),
                bundle.path.display().to_string(),
            ]),
            Err(Failure::Message(failure)) => {
                output.say_all(failure);
                verdict = Verdict::Unreadable;
            }
            Err(failure) => return Err(failure),
        }
    }
    print(&rows, output)?;
    Ok(verdict)
}

/// The facts about a bundle from one pass over its event log. Payloads are not read.
#[derive(Debug, Default)]
struct Outline {
    /// The schema version, if it is newer than any known one. Then nothing else is known.
    newer_schema: Option<u32>,
    status: Option<ExecutionStatus>,
    turns: HashSet<CodexTurnId>,
    threads: HashSet<ThreadId>,
    is_damaged: bool,
}

impl Outline {
    fn read(path: &Path, limits: Limits) -> Result<Self, Failure> {
        let bundle = Bundle::open_events(path, limits)?;
        let newer_schema = bundle.header().newer_schema();
        let mut outline = Self { newer_schema, is_damaged: !bundle.problems().is_empty(), ..Self::default() };
        if newer_schema.is_some() {
            return Ok(outline);
        }
        for evidence in bundle.events() {
            match evidence {
                Evidence::Problem(_) => outline.is_damaged = true,
                Evidence::Event(located) => match located.event.payload {
                    EventPayload::CodexTurnStarted(event) => drop(outline.turns.insert(event.codex_turn_id)),
                    EventPayload::ThreadStarted(event) => drop(outline.threads.insert(event.thread_id)),
                    EventPayload::RolloutEnded(event) => outline.status = Some(event.status),
                    _ => {}
                },
            }
        }
        Ok(outline)
    }

    fn count<T>(&self, objects: &HashSet<T>) -> String {
        if self.newer_schema.is_some() { "-".to_owned() } else { objects.len().to_string() }
    }

    fn status(&self) -> String {
        if let Some(version) = self.newer_schema {
            return format!("unknown schema {version}");
        }
        let status = self.status.as_ref().unwrap_or(&ExecutionStatus::Running);
        let damaged = if self.is_damaged { ", damaged" } else { "" };
        // Escaped here, before the width of the column is known.
        format!("{}{damaged}", visible_line(status.as_str()))
    }
}

fn print(rows: &[[String; HEADINGS.len()]], output: &mut Output) -> Result<(), Failure> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match HEADINGS[column] {
            "BUNDLE" => cell.clone(),
            "STATUS" | "STATE" => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        output.line(cells.collect::<Vec<_>>().join("  "))?;
    }
    Ok(())
}

/// Formats an age in the largest unit that fits.
fn age(millis: u128) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Formats a number of bytes in the largest unit that fits.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Returns the size of all files of a bundle, or of its archive. Links in a bundle are not followed.
fn size_on_disk(folder: &Path) -> u64 {
    if folder.is_file() {
        return folder.metadata().map_or(0, |metadata| metadata.len());
    }
    let mut bytes = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += size_on_disk(&entry.path()),
            Ok(metadata) => bytes += metadata.len(),
            Err(_) => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let ages = [0, 59_999, 60_000, 3_600_000, 86_399_999, 86_400_000].map(age);
        assert_eq!(ages, ["0s", "59s", "1m", "1h", "23h", "1d"]);
    }

    #[test]
    fn sizes() {
        let sizes = [0, 999, 1000, 999_949, 999_950, 1_500_000_000].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 KB", "999.9 KB", "1.0 MB", "1.5 GB"]);
    }
}
