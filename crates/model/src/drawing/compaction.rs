//! Draws a compaction.

use std::fmt;

use crate::{Compaction, CompactionRequest};

use super::{
    canvas::{ADDED, BOLD, Canvas},
    preview::preview,
    request::counted,
};

impl Canvas<'_, '_> {
    pub(super) fn compaction(&mut self, depth: usize, compaction: &Compaction) -> fmt::Result {
        let name = self.name(&compaction.compaction_id);
        self.line(depth, self.paint(BOLD, name) + " · installed")?;
        let mut requests: Vec<_> =
            compaction.request_ids.iter().filter_map(|id| self.graph.compaction_requests.get(id)).collect();
        requests.sort_by_key(|request| request.execution.started_seq);
        requests.into_iter().try_for_each(|request| self.compaction_request(depth + 1, request))?;
        let input = &compaction.input_item_ids;
        self.line(depth + 1, format!("input of {}: {}", counted(input.len()), self.numbers(input)))?;
        let replacement = &compaction.replacement_item_ids;
        let marker = compaction.marker_item_id.0;
        self.line(depth + 1, format!("marker [{marker}], replacement of {}", counted(replacement.len())))?;
        replacement
            .iter()
            .try_for_each(|&item| self.line(depth + 2, self.paint(ADDED, "+") + " " + self.item_line(item)))
    }

    /// Draws a request for a compaction, below the compaction or, if none was installed, on its own.
    pub(super) fn compaction_request(&mut self, depth: usize, request: &CompactionRequest) -> fmt::Result {
        let name = self.name(&request.compaction_request_id);
        let mut head = self.paint(BOLD, name) + " · compaction request · " + self.status(&request.execution.status);
        if let Some(error) = &request.error {
            head += format_args!(": {}", preview(error, &self.names));
        }
        if !self.graph.compactions.contains_key(&request.compaction_id) {
            head += format_args!(" · for {}, which was not installed", self.name(&request.compaction_id));
        }
        self.line(depth, head)
    }
}
