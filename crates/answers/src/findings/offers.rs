//! Calls of tools that the model was not offered.

use rollout_trace_model::{
    ConversationItem, InferenceCall, Requester, ToolCall,
    map::{HashMap, HashSet},
};
use rollout_trace_schema::{ExecutionStatus, InferenceCallId, ThreadId};

use super::{Finding, FindingCode};
use crate::{Rollout, index::answered_in};

/// Returns the failed calls of tools that the request that the model answered did not offer.
pub(super) fn not_offered(rollout: &Rollout<'_>) -> Vec<Finding> {
    let mut asked: HashMap<&ThreadId, HashMap<&InferenceCallId, Vec<Failed<'_>>>> = HashMap::default();
    for call in rollout.graph().tool_calls.values() {
        if let Some((request, failed)) = Failed::of(rollout, call) {
            let of_thread = asked.entry(&request.thread_id).or_default();
            of_thread.entry(&request.inference_call_id).or_default().push(failed);
        }
    }
    let mut findings = Vec::new();
    for (thread, mut asked) in asked {
        let mut offered = Offered::default();
        for request in rollout.index().calls_of(thread) {
            let is_readable = offered.read(rollout, request);
            let failed = asked.remove(&request.inference_call_id).unwrap_or_default();
            // A request that offers nothing at all says nothing about tools.
            if is_readable && !offered.names.is_empty() {
                let of_others = failed.iter().filter(|failed| !offered.names.contains(failed.name));
                findings.extend(of_others.map(Failed::finding));
            }
        }
    }
    findings
}

/// A failed call of the model's.
struct Failed<'a> {
    call: &'a ToolCall,
    item: &'a ConversationItem,
    name: &'a str,
}

impl<'a> Failed<'a> {
    /// Returns the inference call that made the call, and the call, unless the wire always offers the tool.
    fn of(rollout: &Rollout<'a>, call: &'a ToolCall) -> Option<(&'a InferenceCall, Self)> {
        let graph = rollout.graph();
        let is_of_model = matches!(call.requester, Requester::Model);
        if call.execution.status != ExecutionStatus::Failed || !is_of_model {
            return None;
        }
        let item = graph.conversation_items.get(call.model_visible_call_item_ids.first()?)?;
        let name = item.name.as_deref().filter(|name| !matches!(*name, "" | "local_shell"))?;
        Some((answered_in(graph, item)?, Self { call, item, name }))
    }

    fn finding(&self) -> Finding {
        let ids = vec![self.call.tool_call_id.to_string(), self.item.item_id.to_string()];
        let note = format!("the model called {}, which its request did not offer", self.name);
        Finding::new(FindingCode::ToolNotOffered, ids, Some(self.call.execution.started_seq), note)
    }
}

/// What a request offers, together with the requests of its thread on which it builds.
#[derive(Default)]
struct Offered<'r> {
    names: HashSet<&'r str>,
    /// The last of these requests.
    last: Option<&'r InferenceCall>,
}

impl<'r> Offered<'r> {
    /// Reads the next request of the thread. Returns whether it is readable.
    fn read<'a: 'r>(&mut self, rollout: &'r Rollout<'a>, call: &'a InferenceCall) -> bool {
        let facts = rollout.facts();
        let Some(request) = facts.request(&call.inference_call_id) else { return false };
        if !request.is_incremental {
            *self = Self::default();
        }
        let definitions = request.tools.iter().flat_map(|id| &facts.definition(*id).offers);
        self.names.extend(definitions.map(String::as_str));
        // What the request before carried has been read.
        let same = self.last.map_or(0, |last| last.request_item_ids.common_prefix(&call.request_item_ids));
        let items = call.request_item_ids.skip(same);
        self.names.extend(items.flat_map(|item| facts.offers(item)).map(String::as_str));
        self.last = Some(call);
        true
    }
}
