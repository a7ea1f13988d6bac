//! Draws a compaction.

use std::{collections::BTreeSet, fmt};

use rollout_trace_schema::CompactionId;

use crate::{Compaction, CompactionRequest};

use super::{
    canvas::Canvas,
    commentary::Commentary,
    painter::{ADDED, BOLD, DROPPED},
    request::counted,
};

impl Canvas<'_, '_> {
    pub(super) fn only_compaction(&mut self, id: &CompactionId) -> fmt::Result {
        match self.graph.compactions.get(id) {
            Some(compaction) => self.compaction(0, compaction),
            None => self.line(0, format!("no compaction {}", self.preview(id))),
        }
    }

    pub(super) fn compaction(&mut self, depth: usize, compaction: &Compaction) -> fmt::Result {
        let name = self.painter.paint(BOLD, self.name(&compaction.compaction_id));
        let moment = self.commentary.map(|commentary| commentary.moment(compaction.installed_at_unix_ms));
        let moment = moment.map_or_else(String::new, |moment| format!(" · {moment}"));
        self.line(depth, name + moment + " · installed")?;
        self.losses_of(depth + 1, &compaction.compaction_id)?;
        let mut requests: Vec<_> =
            compaction.request_ids.iter().filter_map(|id| self.graph.compaction_requests.get(id)).collect();
        requests.sort_by_key(|request| request.execution.started_seq);
        requests.into_iter().try_for_each(|request| self.compaction_request(depth + 1, request))?;
        let input = &compaction.input_item_ids;
        self.line(depth + 1, format!("input of {}: {}", counted(input.len()), self.numbers(input)))?;
        if let Some(commentary) = self.commentary {
            self.lost(depth + 1, compaction, commentary)?;
        }
        let replacement = &compaction.replacement_item_ids;
        let marker = compaction.marker_item_id.0;
        self.line(depth + 1, format!("marker [{marker}], replacement of {}", counted(replacement.len())))?;
        for &item in replacement {
            let mut line = self.painter.paint(ADDED, "+") + " " + self.item_line(item);
            if let Some(original) = self.commentary.and_then(|commentary| commentary.original(item)) {
                line += format_args!(" (kept from [{}])", original.0);
            }
            self.line(depth + 2, line)?;
        }
        Ok(())
    }

    /// Draws what a compaction left out.
    fn lost(&mut self, depth: usize, compaction: &Compaction, commentary: &dyn Commentary) -> fmt::Result {
        let replacement = &compaction.replacement_item_ids;
        let kept: BTreeSet<_> =
            replacement.iter().flat_map(|&item| [Some(item), commentary.original(item)]).flatten().collect();
        let lost: Vec<_> = compaction.input_item_ids.iter().copied().filter(|item| !kept.contains(item)).collect();
        if lost.is_empty() {
            return self.line(depth, "nothing was lost");
        }
        let minus = self.painter.paint(DROPPED, "-");
        let (count, size) = (counted(lost.len()), commentary.size(&lost));
        self.line(depth, minus + format_args!(" lost {count}, {size}: {}", self.numbers(&lost)))
    }

    /// Draws a request for a compaction, below the compaction or, if none was installed, on its own.
    pub(super) fn compaction_request(&mut self, depth: usize, request: &CompactionRequest) -> fmt::Result {
        let name = self.painter.paint(BOLD, self.name(&request.compaction_request_id));
        let head = name + " · compaction request" + self.time(&request.execution) + " · ";
        let mut head = head + self.painter.status(&request.execution.status);
        if let Some(error) = &request.error {
            head += format_args!(": {}", self.preview(error));
        }
        if !self.graph.compactions.contains_key(&request.compaction_id) {
            head += format_args!(" · for {}, which was not installed", self.name(&request.compaction_id));
        }
        self.line(depth, head)?;
        self.losses_of(depth + 1, &request.compaction_request_id)
    }
}
