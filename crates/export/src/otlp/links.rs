//! How spans are related other than by being part of one another.
//!
//! Source: exports, section 3.

use rollout_trace_answers::End;
use rollout_trace_model::{InteractionEdge, ToolCall};

use super::{
    ids::Ids,
    span::{Attributes, Link},
};
use crate::{spans::Work, subject::Subject};

/// The links of each span.
#[derive(Debug)]
pub(super) struct Links {
    by_span: Vec<Vec<Link>>,
    without_both_ends: usize,
}

impl Links {
    pub(super) fn of<'a>(subject: &Subject<'_, 'a>, ids: &Ids<'a>) -> Self {
        let by_span = (0..subject.spans.len()).map(|_| Vec::new()).collect();
        let mut links = Builder { subject, ids, links: Self { by_span, without_both_ends: 0 } };
        for span in subject.spans.iter() {
            if let Work::Tool(call) = span.work {
                links.add_of_tool(call);
            }
        }
        for edge in subject.graph.interaction_edges.values() {
            links.add_edge(edge);
        }
        links.links
    }

    /// Returns the links of the span at a place, once.
    pub(super) fn take(&mut self, place: usize) -> Vec<Link> {
        std::mem::take(&mut self.by_span[place])
    }

    /// Returns how many interactions have an end that the graph does not have.
    pub(super) fn without_both_ends(&self) -> usize {
        self.without_both_ends
    }
}

struct Builder<'b, 'r, 'a> {
    subject: &'b Subject<'r, 'a>,
    ids: &'b Ids<'a>,
    links: Links,
}

impl Builder<'_, '_, '_> {
    fn add_of_tool(&mut self, call: &ToolCall) {
        let Some(tool) = self.subject.spans.place(Work::Tool(call)) else { return };
        if let Some(End::Inference(requester)) = self.subject.relations.requester(call)
            && let Some(requester) = self.subject.spans.place(Work::Inference(requester))
        {
            self.add(tool, requester, Attributes::default().with("rollout_trace.link", "requested_by"));
        }
        for output in &call.model_visible_output_item_ids {
            let viewer = self.subject.relations.first_viewer(*output);
            if let Some(viewer) = viewer.and_then(|call| self.subject.spans.place(Work::Inference(call))) {
                self.add(viewer, tool, Attributes::default().with("rollout_trace.link", "tool_output"));
            }
        }
    }

    fn add_edge(&mut self, edge: &InteractionEdge) {
        let (relations, spans) = (&self.subject.relations, &self.subject.spans);
        let source = relations.source(edge).and_then(|end| spans.end(end));
        let target = relations.target(edge).and_then(|end| spans.end(end));
        let Some((source, target)) = source.zip(target) else {
            self.links.without_both_ends += 1;
            return;
        };
        let is_backwards = spans[target].start < spans[source].start;
        let (later, earlier) = if is_backwards { (source, target) } else { (target, source) };
        let attributes = Attributes::default()
            .with("rollout_trace.link", "edge")
            .with("rollout_trace.edge", edge.kind.as_str())
            .with("rollout_trace.id", edge.edge_id.as_str());
        self.add(later, earlier, attributes);
    }

    fn add(&mut self, on: usize, to: usize, attributes: Attributes) {
        let span_id = self.ids.span(self.subject.spans[to].work);
        self.links.by_span[on].push(Link { span_id, attributes });
    }
}
