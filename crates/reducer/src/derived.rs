//! What follows from the objects of the graph, brought up to date when the graph is read.
//!
//! Each part looks at the objects that changed since it was last brought up to date, and at what depends on them, so
//! the cost of a look is in proportion to what has changed.

use rollout_trace_model::{ModelObservation, ObjectRef, ObservationSource};

use crate::{
    agents::{Agents, Interactions},
    conversation::Conversations,
    durations::WorkTimes,
    graph::Graph,
    report::Report,
};

/// The parts of the graph that follow from others.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    interactions: Interactions,
    work_times: WorkTimes,
}

impl Derived {
    /// Brings the graph up to date.
    pub(crate) fn refresh(&mut self, graph: &mut Graph, conversations: &mut Conversations, agents: &mut Agents) {
        let changed = graph.unsettled();
        observe_operations(graph, &changed);
        conversations.sightings.refresh(graph, &changed);
        self.interactions.refresh(graph, agents, conversations.superseded(), &changed);
        self.work_times.refresh(graph, &changed);
        graph.settle();
    }

    /// Reports the interactions between agents that made no edge by the end.
    pub(crate) fn finish(&self, graph: &mut Graph, agents: &Agents, report: &mut Report) {
        self.interactions.finish(graph, agents, report);
    }
}

/// Copies the items in which the model saw a tool call to the tool call's terminal operation.
///
/// Source: reduction, section 10.8.
fn observe_operations(graph: &mut Graph, changed: &[ObjectRef]) {
    for object in changed {
        let ObjectRef::ToolCall(id) = object else { continue };
        let Some(call) = graph.tool_calls.get(id) else { continue };
        let Some(operation_id) = call.terminal_operation_id else { continue };
        let (calls, outputs) = (&call.model_visible_call_item_ids, &call.model_visible_output_item_ids);
        let observations = match calls.is_empty() && outputs.is_empty() {
            true => Vec::new(),
            false => vec![ModelObservation {
                call_item_ids: calls.clone(),
                output_item_ids: outputs.clone(),
                source: ObservationSource::DirectToolCall,
            }],
        };
        if graph.terminal_operations[&operation_id].model_observations != observations {
            graph.object_mut(&operation_id).model_observations = observations;
        }
    }
}
