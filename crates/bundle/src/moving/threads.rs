//! Which payloads repeat which others.

use std::collections::{BTreeMap, HashMap, HashSet};

use rollout_trace_schema::{Capture, CompactionId, EventPayload, PayloadPlace, PayloadRef, RawPayloadId, ThreadId};

use crate::{
    Bundle, Evidence,
    packed::number_of,
    packing::{Follows, Series},
};

/// Returns how each payload that an event refers to follows others, by the payload's number.
pub(super) fn of_payloads(bundle: &Bundle) -> HashMap<u64, Follows> {
    let mut follows = HashMap::new();
    visit(bundle, &mut |reference, how| {
        if let Some(number) = number_of(reference) {
            follows.entry(number).or_insert(how);
        }
    });
    follows
}

/// What the log of a bundle says about the records of shards.
#[derive(Debug, Default)]
pub(super) struct ShardReferences {
    /// How each payload that follows others does so.
    pub(super) follows: HashMap<RawPayloadId, Follows>,
    /// The payloads that each shard should have, including those that are only parts of others.
    pub(super) needed: BTreeMap<u64, HashSet<RawPayloadId>>,
}

impl ShardReferences {
    pub(super) fn of(bundle: &Bundle) -> Self {
        let mut references = Self::default();
        visit(bundle, &mut |reference, how| {
            if how != Follows::Nothing {
                references.follows.entry(reference.raw_payload_id.clone()).or_insert(how);
            }
            references.need(reference);
        });
        references
    }

    fn need(&mut self, reference: &PayloadRef) {
        match (&reference.place, &reference.capture) {
            (_, Capture::Omitted { .. }) => {}
            (PayloadPlace::Shard(Some(shard)), _) => {
                let needed = self.needed.entry(*shard).or_default();
                if !needed.contains(&reference.raw_payload_id) {
                    needed.insert(reference.raw_payload_id.clone());
                }
            }
            (PayloadPlace::Shard(None) | PayloadPlace::Path(_), _) => {}
        }
        reference.parts.iter().for_each(|part| self.need(part));
    }
}

/// Visits every reference of the events, with how its payload follows others. A payload that follows others is visited
/// with that first.
fn visit(bundle: &Bundle, visit: &mut dyn FnMut(&PayloadRef, Follows)) {
    let mut compactions: HashMap<CompactionId, ThreadId> = HashMap::new();
    for evidence in bundle.events() {
        let Evidence::Event(located) = evidence else { continue };
        match &located.event.payload {
            EventPayload::InferenceStarted(event) => {
                visit(&event.request_payload, Follows::Last(Series::Requests(event.thread_id.clone())));
                if let Some(prompt) = &event.prepared_prompt_payload {
                    visit(prompt, Follows::Last(Series::Prompts(event.thread_id.clone())));
                }
            }
            EventPayload::CompactionRequestStarted(event) => {
                compactions.insert(event.compaction_id.clone(), event.thread_id.clone());
                visit(&event.request_payload, Follows::Aside(Series::Requests(event.thread_id.clone())));
            }
            EventPayload::CompactionInstalled(event) => {
                let thread = compactions.remove(&event.compaction_id).or_else(|| located.event.thread_id.clone());
                if let Some(thread) = thread {
                    visit(&event.checkpoint_payload, Follows::Aside(Series::Requests(thread)));
                }
            }
            _ => {}
        }
        located.event.payload.for_each_payload_ref(|reference| visit(reference, Follows::Nothing));
    }
}
