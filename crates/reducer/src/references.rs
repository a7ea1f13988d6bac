//! References to payloads, of which there is one for each id.
//!
//! Source: bundle 3, sections 1.3 and 6.

use std::borrow::Cow;

use rollout_trace_model::DiagnosticCode;
use rollout_trace_schema::{EventPayload, PayloadRef};

use crate::{graph::Graph, report::Report, rules::Rules};

/// Adds the payloads that an event refers to, and their parts, to the graph. `references` are those of the event that
/// count. Returns the event with the references that count instead of them.
pub(crate) fn list<'a>(
    graph: &mut Graph,
    report: &mut Report,
    rules: Rules,
    (payload, references): (&'a EventPayload, &[&PayloadRef]),
) -> Cow<'a, EventPayload> {
    let mut contradicts = false;
    for reference in references {
        contradicts |= add(graph, report, rules, reference).is_some();
    }
    let mut payload = Cow::Borrowed(payload);
    if contradicts {
        payload.to_mut().for_each_payload_ref_mut(|reference| {
            if let Some(first) = graph.raw_payloads.get(&reference.raw_payload_id) {
                *reference = first.clone();
            }
        });
    }
    payload
}

/// Returns the payload references of an event that count. If its input mode does not count, neither does the payload
/// in the mode.
pub(crate) fn counting(payload: &EventPayload, rules: Rules) -> Vec<&PayloadRef> {
    let mut references = Vec::new();
    match payload {
        EventPayload::InferenceStarted(event) if !rules.input_mode_counts() => {
            references.push(&event.request_payload);
            references.extend(event.prepared_prompt_payload.iter().chain(&event.warmup_context_payload));
        }
        payload => payload.for_each_payload_ref(|reference| references.push(reference)),
    }
    references
}

/// Adds a reference and those of its parts to the graph. Returns the reference that counts instead, if another one does.
fn add(graph: &mut Graph, report: &mut Report, rules: Rules, reference: &PayloadRef) -> Option<PayloadRef> {
    let id = &reference.raw_payload_id;
    match graph.raw_payloads.get(id) {
        Some(known) if known == reference => return None,
        None if reference.parts.is_empty() => {
            graph.insert(id, reference.clone());
            return None;
        }
        _ => {}
    }
    let mut mended: Option<Vec<PayloadRef>> = None;
    for (place, part) in reference.parts.iter().enumerate() {
        if let Some(first) = add(graph, report, rules, part) {
            mended.get_or_insert_with(|| reference.parts.to_vec())[place] = first;
        }
    }
    let mended = mended.map(|parts| PayloadRef { parts: parts.into(), ..reference.clone() });
    let counting = mended.as_ref().unwrap_or(reference);
    match graph.raw_payloads.get(id) {
        Some(known) if known == counting => mended,
        Some(known) if rules.references_are_unique() => {
            let first = known.clone();
            let message = format!("{id} has two references that differ; the first one counts");
            report.once_payload(DiagnosticCode::ConflictingReferences, id, message);
            Some(first)
        }
        _ => {
            graph.insert(id, counting.clone());
            mended
        }
    }
}
