//! Turning a bundle into one of another schema.

use std::{collections::BTreeMap, path::Path};

use rollout_trace_bundle::{Bundle, ConvertError, Converted};

use crate::reduce_bundle;

/// Writes a bundle of schema 2 as one of schema 3 to the new folder `target`, in the form that Codex 0.171.0 accepts.
///
/// The graph of the result has the same facts, except that schema 3 lists some things in another order (bundle 3, sections 4.4
/// and 4.7 of the specification). [`rollout_trace_bundle::convert_to_schema_3`] says what changes in the files. The bundle is
/// reduced to find out which code cell each tool call waits for: in schema 3 an event says so.
///
/// # Errors
///
/// The bundle is not of schema 2; the result could not be written, and nothing is left of it; or something already exists at
/// `target`, which is untouched.
pub fn convert_to_schema_3(bundle: &Bundle, target: impl AsRef<Path>) -> Result<Converted, ConvertError> {
    let graph = reduce_bundle(bundle);
    let mut waits = BTreeMap::new();
    for cell in graph.code_cells.values() {
        let Some(runtime_cell_id) = &cell.runtime_cell_id else { continue };
        waits.extend(cell.wait_tool_call_ids.iter().map(|tool| (tool.clone(), runtime_cell_id.clone())));
    }
    rollout_trace_bundle::convert_to_schema_3(bundle, target, &waits)
}
