//! The answers that are tables, too.

use std::borrow::Cow;

use rollout_trace_answers::{Axis, Blame, Findings, Rollout, Time, Unseen};

use crate::{Content, Table};

/// The answers that are tables, too. Those that are not wanted are missing.
#[derive(Debug)]
pub(crate) struct Questions {
    pub(crate) findings: Option<Findings>,
    pub(crate) unseen: Option<Unseen>,
    pub(crate) time: Option<Time>,
    blame: Vec<(Axis, Blame)>,
}

/// What the rows of blame are by. By item, they would be as many as those of `item_runs`, which has the same; the names of
/// files are content.
const AXES: [Axis; 7] = [Axis::Source, Axis::Tool, Axis::Server, Axis::Agent, Axis::Turn, Axis::Section, Axis::Thread];

impl Questions {
    /// Asks those that are in these tables.
    pub(crate) fn of(rollout: &Rollout<'_>, tables: &[Table]) -> Self {
        let axes = AXES.into_iter().filter(|_| tables.contains(&Table::Blame));
        Self {
            findings: tables.contains(&Table::Findings).then(|| Findings::of(rollout)),
            unseen: tables.contains(&Table::Unseen).then(|| Unseen::of(rollout)),
            time: tables.contains(&Table::Time).then(|| Time::of(rollout.graph())),
            blame: axes.map(|axis| (axis, Blame::of(rollout, axis, None))).collect(),
        }
    }

    /// Returns what fills the context by each axis whose keys quote no texts, or by each one if texts are wanted.
    pub(crate) fn blame_of(&self, content: Content) -> impl Iterator<Item = (&'static str, &Blame)> {
        let axes = self.blame.iter().filter(move |(axis, _)| content == Content::Full || *axis != Axis::Source);
        axes.map(|(axis, blame)| (axis.as_str(), blame))
    }
}

/// Returns ids as an array of JSON.
pub(crate) fn id_list(ids: &[String]) -> Cow<'static, str> {
    serde_json::to_string(ids).expect("strings are valid JSON").into()
}
