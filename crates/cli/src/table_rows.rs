//! From a bundle to its rows.

use std::path::Path;

use rollout_trace::{RolloutTrace, answers::Rollout, reduce_with_facts};
use rollout_trace_tables::{Options, Rows, Table};

use crate::{args::ReadingArgs, failure::Failure};

/// Reads a bundle, or a session, and makes its rows. Calls `done` with the path by which it is shown, its graph and the rows.
pub(crate) fn table_rows<T>(
    path: &Path,
    reading: ReadingArgs,
    (options, tables): (Options, &[Table]),
    done: impl FnOnce(&Path, &RolloutTrace, Rows) -> T,
) -> Result<T, Failure> {
    let bundle = reading.open(path)?;
    let (graph, facts) = reduce_with_facts(&bundle);
    let mut payloads = bundle.payloads();
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    let rows = Rows::of(&rollout, &bundle.name(), options, tables);
    Ok(done(bundle.path(), &graph, rows))
}
