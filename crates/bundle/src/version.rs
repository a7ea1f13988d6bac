//! The schema version of a bundle.

use std::io::{BufReader, Read};

use rollout_trace_schema::{Manifest, SchemaVersion};
use serde::Deserialize;

use crate::{Limits, Problem, line::LineReader};

/// How many events vote on the version.
const VOTERS: usize = 3;

/// How many lines are searched for these events.
const LINES_SEARCHED: usize = 64;

/// The version that most of the first events have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VersionOfEvents {
    version: u32,
    /// The line of the first of them.
    line: u64,
    events: usize,
}

impl VersionOfEvents {
    /// Lets the first few events vote. Returns `None` if none has a version, or no version has a majority.
    pub(crate) fn read(log: impl Read, limits: &Limits) -> Option<Self> {
        let mut lines = LineReader::new(BufReader::new(log), limits.max_line_bytes);
        let mut votes = Vec::new();
        for _ in 0..LINES_SEARCHED {
            let Some(line) = lines.next_line().ok()? else { break };
            votes.extend(line.text.and_then(version_of_line).map(|version| (version, line.number)));
            if votes.len() == VOTERS {
                break;
            }
        }
        let votes_for = |version| votes.iter().filter(|(vote, _)| *vote == version).count();
        let (version, line) = votes.iter().copied().find(|(version, _)| 2 * votes_for(*version) > votes.len())?;
        Some(Self { version, line, events: votes_for(version) })
    }
}

/// Returns the schema version on a line, even if this program could not read its event.
fn version_of_line(text: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Versioned {
        schema_version: u32,
    }
    // If a newline was lost, there are several events on the line.
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Versioned>();
    values.next()?.ok().map(|line| line.schema_version).filter(has_existed)
}

/// Returns the schema version that a bundle states, known or not. If events contradict the manifest, they are right.
/// But a single event does not outvote the manifest if either version is unknown: it is more likely damaged.
///
/// Returns `None` if neither the manifest nor the events state a version.
pub(crate) fn stated_version(
    manifest: Option<u32>,
    events: Option<VersionOfEvents>,
    problems: &mut Vec<Problem>,
) -> Option<u32> {
    if let Some(Err(error)) = manifest.map(SchemaVersion::try_from) {
        let reason = error.to_string();
        problems.push(Problem::UnsupportedVersion { what: Manifest::FILE_NAME, line: None, reason });
    }
    match (manifest.filter(has_existed), events) {
        (Some(manifest), Some(events)) if manifest != events.version => {
            let both_known = is_known(manifest) && is_known(events.version);
            if both_known {
                let (line, found) = (events.line, events.version);
                problems.push(Problem::VersionMismatch { line, found, expected: manifest });
            }
            Some(if both_known || events.events > 1 { events.version } else { manifest })
        }
        (Some(manifest), _) => Some(manifest),
        (None, events) => events.map(|events| events.version),
    }
}

fn is_known(version: u32) -> bool {
    SchemaVersion::try_from(version).is_ok()
}

fn has_existed(version: &u32) -> bool {
    *version > 0
}
