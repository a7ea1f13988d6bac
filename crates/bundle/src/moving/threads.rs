//! Which payloads repeat which others.

use std::collections::HashMap;

use rollout_trace_schema::{CompactionId, EventPayload, PayloadRef, ThreadId};

use crate::{Bundle, Evidence, packed::number_of, packing::Follows};

/// Returns how each payload that an event refers to follows others, by the payload's number.
pub(super) fn of_payloads(bundle: &Bundle) -> HashMap<u64, Follows> {
    let mut follows = HashMap::new();
    let mut compactions: HashMap<CompactionId, ThreadId> = HashMap::new();
    for evidence in bundle.events() {
        let Evidence::Event(located) = evidence else { continue };
        let mut note = |reference: &PayloadRef, how: Follows| {
            if let Some(number) = number_of(reference) {
                follows.entry(number).or_insert(how);
            }
        };
        match &located.event.payload {
            EventPayload::InferenceStarted(event) => {
                note(&event.request_payload, Follows::Thread(event.thread_id.clone()));
            }
            EventPayload::CompactionRequestStarted(event) => {
                compactions.insert(event.compaction_id.clone(), event.thread_id.clone());
                note(&event.request_payload, Follows::ThreadAside(event.thread_id.clone()));
            }
            EventPayload::CompactionInstalled(event) => {
                let thread = compactions.remove(&event.compaction_id).or_else(|| located.event.thread_id.clone());
                if let Some(thread) = thread {
                    note(&event.checkpoint_payload, Follows::ThreadAside(thread));
                }
            }
            _ => {}
        }
        located.event.payload.for_each_payload_ref(|reference| {
            if let Some(number) = number_of(reference) {
                follows.entry(number).or_insert(Follows::Nothing);
            }
        });
    }
    follows
}
