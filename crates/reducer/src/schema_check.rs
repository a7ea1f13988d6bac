//! Reporting what does not fit the schema of an event, which is applied anyway.
//!
//! Source: reduction, section 14.7.

use rollout_trace_model::DiagnosticCode;
use rollout_trace_schema::{EventPayload, PayloadKind, PayloadRef, SchemaVersion};

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
            if cx.is_v1() =>
        {
            let name = payload.type_name();
            let message = format!("schema 1 has no {name} events; they count as in schema 2 where that is possible");
            cx.report.once(DiagnosticCode::SchemaVersionMismatch, &name, message);
        }
        EventPayload::CodeCellWaitTargetResolved(_) if cx.version < SchemaVersion::V3 => {
            let (name, version) = (payload.type_name(), cx.version);
            let message = format!("schema {version} has no {name} events; they count as in schema 3");
            cx.report.once(DiagnosticCode::SchemaVersionMismatch, &name, message);
        }
        EventPayload::ToolCallRuntimeStarted(event) if cx.version >= SchemaVersion::V2 && event.kind.is_none() => {
            let name = payload.type_name();
            let message = format!("a {name} event has no kind; the kind from the tool call's start counts");
            cx.report.event(DiagnosticCode::MalformedEvent, &[&event.tool_call_id], message);
        }
        _ => {}
    }
}
