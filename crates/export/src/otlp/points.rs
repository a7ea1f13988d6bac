//! What happened during spans.
//!
//! Source: exports, section 3.

use rollout_trace_model::{CodeCell, TerminalOperation};

use super::{
    mapping::{Root, nanos},
    span::{Attributes, Event},
};
use crate::{
    marks::{self, marks},
    spans::Work,
    subject::Subject,
    texts::name,
};

/// The events of each span.
#[derive(Debug)]
pub(super) struct Points {
    by_span: Vec<Vec<Event>>,
    /// Those of a rollout without its root thread.
    of_missing_root: Vec<Event>,
}

impl Points {
    pub(super) fn of(subject: &Subject<'_, '_>, root: Root) -> Self {
        let by_span = (0..subject.spans.len()).map(|_| Vec::new()).collect();
        let mut points = Self { by_span, of_missing_root: Vec::new() };
        for operation in subject.graph.terminal_operations.values() {
            points.add_operation(subject, root, operation);
        }
        for cell in subject.graph.code_cells.values() {
            points.add_cell(subject, root, cell);
        }
        for mark in marks(subject.graph, &subject.clock) {
            points.add_mark(subject, root, &mark);
        }
        let lists = points.by_span.iter_mut().chain([&mut points.of_missing_root]);
        lists.for_each(|events| events.sort_by_key(|event| event.at));
        points
    }

    /// Returns the events of the span at a place, once.
    pub(super) fn take(&mut self, place: usize) -> Vec<Event> {
        std::mem::take(&mut self.by_span[place])
    }

    pub(super) fn take_of_missing_root(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.of_missing_root)
    }

    /// Adds an event to a span, or to that of the root if there is none.
    fn add(&mut self, root: Root, place: Option<usize>, event: Event) {
        match (place, root) {
            (Some(place), _) | (None, Root::Thread(place)) => self.by_span[place].push(event),
            (None, Root::Missing) => self.of_missing_root.push(event),
        }
    }

    fn add_operation(&mut self, subject: &Subject<'_, '_>, root: Root, operation: &TerminalOperation) {
        let call = subject.graph.tool_calls.get(&operation.tool_call_id);
        let tool = call.and_then(|call| subject.spans.place(Work::Tool(call)));
        let execution = &operation.execution;
        let attributes = Attributes::default()
            .with("rollout_trace.id", operation.operation_id.to_string())
            .with_some("rollout_trace.terminal", operation.terminal_id.as_ref().map(|id| id.0.as_str()));
        let at = nanos(subject.clock.start(execution));
        let started = Event { at, name: "rollout_trace.terminal.started", attributes: attributes.clone() };
        self.add(root, tool, started);
        if let Some(end) = subject.clock.end(execution) {
            let exit_code = operation.result.as_ref().and_then(|result| result.exit_code);
            let attributes = attributes
                .with("rollout_trace.status", execution.status.as_str())
                .with_some("process.exit.code", exit_code);
            self.add(root, tool, Event { at: nanos(end), name: "rollout_trace.terminal.ended", attributes });
        }
    }

    fn add_cell(&mut self, subject: &Subject<'_, '_>, root: Root, cell: &CodeCell) {
        if let Some(seq) = cell.yielded_seq {
            let attributes = Attributes::default().with("rollout_trace.seq", seq);
            let event = Event { at: nanos(subject.clock.at(seq)), name: "rollout_trace.cell.yielded", attributes };
            self.add(root, subject.spans.place(Work::Cell(cell)), event);
        }
    }

    fn add_mark(&mut self, subject: &Subject<'_, '_>, root: Root, mark: &marks::Mark<'_>) {
        let at = nanos(mark.at);
        match mark.event {
            marks::Event::Installed(compaction) => {
                let attributes = Attributes::default()
                    .with("rollout_trace.id", compaction.compaction_id.as_str())
                    .with("rollout_trace.input_items", compaction.input_item_ids.len())
                    .with("rollout_trace.replacement_items", compaction.replacement_item_ids.len());
                let turn = subject.spans.turn(compaction.codex_turn_id.as_ref());
                let place = turn.or_else(|| subject.spans.thread(&compaction.thread_id));
                self.add(root, place, Event { at, name: "rollout_trace.compaction.installed", attributes });
            }
            marks::Event::Marker(marker) => {
                let kind = serde_json::to_value(marker.kind).unwrap_or_default();
                let attributes = Attributes::default()
                    .with("rollout_trace.seq", marker.seq)
                    .with("rollout_trace.mark.kind", &kind)
                    .with("rollout_trace.mark.name", name(&marker.name))
                    .with_some("rollout_trace.thread", mark.thread.map(|thread| thread.as_str()));
                self.add(root, None, Event { at, name: "rollout_trace.mark", attributes });
            }
            marks::Event::Diagnostic(diagnostic) => {
                let attributes = Attributes::default()
                    .with("rollout_trace.diagnostic.code", diagnostic.code.as_str())
                    .with("rollout_trace.diagnostic.severity", diagnostic.severity.to_string())
                    .with_some("rollout_trace.seq", diagnostic.seq)
                    .with_some("rollout_trace.line", diagnostic.line)
                    .with_some("rollout_trace.payload", diagnostic.payload_id.as_deref());
                self.add(root, None, Event { at, name: "rollout_trace.diagnostic", attributes });
            }
        }
    }
}
