//! Reports what in an event does not fit the schema. The event is applied anyway.
//!
//! Source: reduction, section 14.7.

use rollout_trace_model::DiagnosticCode;
use rollout_trace_schema::{EventPayload, PayloadKind, PayloadRef};

use crate::context::Context;

/// Reports unknown values of an event, and what does not belong to the bundle's schema version.
pub(crate) fn check(cx: &mut Context<'_>, payload: &EventPayload, references: &[&PayloadRef]) {
    report_unknown_status(cx, payload);
    for reference in references {
        if matches!(reference.kind, PayloadKind::Unknown { .. }) {
            let name = reference.kind.as_str();
            let message = format!("{name} is not a known payload kind; it is kept as it is");
            cx.report.payload(DiagnosticCode::UnknownValue, &reference.raw_payload_id, &[&name], message);
        }
    }
    report_other_schema(cx, payload);
    report_mislabeled(cx, payload);
}

/// Reports the payloads of a request that are not of the kind that their field requires.
///
/// Source: bundle 3, section 4.5.
fn report_mislabeled(cx: &mut Context<'_>, payload: &EventPayload) {
    let EventPayload::InferenceStarted(event) = payload else { return };
    let evidence = [
        (Some(&event.request_payload), PayloadKind::InferenceRequest),
        (event.prepared_prompt_payload.as_ref(), PayloadKind::PreparedPrompt),
        (event.warmup_context_payload.as_ref(), PayloadKind::WarmupContext),
    ];
    for (reference, kind) in evidence {
        let Some(reference) = reference.filter(|reference| cx.rules.request_kinds_count() && reference.kind != kind)
        else {
            continue;
        };
        let (kind, label) = (kind.as_str(), reference.kind.as_str());
        let message = format!("{reference} is labeled as {label}; it is read as {kind}, as its field says");
        let code = DiagnosticCode::MislabeledPayload;
        cx.report.payload(code, &reference.raw_payload_id, &[&event.inference_call_id], message);
    }
}

fn report_unknown_status(cx: &mut Context<'_>, payload: &EventPayload) {
    let status = match payload {
        EventPayload::RolloutEnded(event) => Some(&event.status),
        EventPayload::ThreadEnded(event) => Some(&event.status),
        EventPayload::CodexTurnEnded(event) => Some(&event.status),
        EventPayload::ToolCallRuntimeEnded(event) => Some(&event.status),
        EventPayload::ToolCallEnded(event) => Some(&event.status),
        _ => None,
    };
    let cell_status = match payload {
        EventPayload::CodeCellInitialResponse(event) => Some(&event.status),
        EventPayload::CodeCellEnded(event) => Some(&event.status),
        _ => None,
    };
    let unknown = status.filter(|status| status.is_unknown()).map(|status| status.as_str());
    let unknown = unknown.or(cell_status.filter(|status| status.is_unknown()).map(|status| status.as_str()));
    if let Some(name) = unknown {
        let message = format!("{name} is not a known status; it is kept as it is");
        cx.report.event(DiagnosticCode::UnknownValue, &[&name], message);
    }
}

/// Reports an event that the bundle's schema version does not have, or that lacks what the version requires.
fn report_other_schema(cx: &mut Context<'_>, payload: &EventPayload) {
    match payload {
        EventPayload::RecordingCompleted(_)
        | EventPayload::ThreadResumed(_)
        | EventPayload::HistoryItemAccepted(_)
        | EventPayload::StdinTargetResolved(_)
            if !cx.rules.items_have_ids() =>
        {
            let name = payload.type_name();
            let message = format!("schema 1 has no {name} events; they count as in schema 2 where that is possible");
            cx.report.once(DiagnosticCode::SchemaVersionMismatch, &name, message);
        }
        EventPayload::CodeCellWaitTargetResolved(_) if !cx.rules.waits_are_resolved_by_events() => {
            let name = payload.type_name();
            let message = format!("only schema 3 has {name} events; they count as in schema 3");
            cx.report.once(DiagnosticCode::SchemaVersionMismatch, &name, message);
        }
        EventPayload::ToolCallRuntimeStarted(event) if cx.rules.runtime_start_has_kind() && event.kind.is_none() => {
            let name = payload.type_name();
            let message = format!("a {name} event has no kind; the kind from the tool call's start counts");
            cx.report.event(DiagnosticCode::MalformedEvent, &[&event.tool_call_id], message);
        }
        _ => {}
    }
}
