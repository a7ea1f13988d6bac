//! What is said at the end of a recording.

use rollout_trace_capture::{Report, Unrecorded};

/// How many kinds of requests or failures are listed.
const MAX_LISTED: usize = 10;

/// Returns the report for a person.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let Report { seen, recorded, .. } = report;
    let calls = if *recorded == 1 { "call" } else { "calls" };
    match &report.bundle {
        Some(bundle) => {
            lines.push(format!("rollout-trace: {recorded} {calls} of a model recorded in {}", bundle.display()))
        }
        None => lines.push(format!("rollout-trace: {recorded} {calls} of a model recorded")),
    }
    if report.has_failed {
        lines.push("  the recording stopped by an internal error; the command was not affected".to_owned());
    } else if *seen == 0 {
        lines.push(
            "  no request came through the proxy: the agent reads none of the variables that were set".to_owned(),
        );
        lines.push(
            "  docs/capture.md says what works with which agent; its base URL may be set in its own settings"
                .to_owned(),
        );
    }
    for (why, text) in [
        (Unrecorded::NoCall, "call no model"),
        (Unrecorded::OtherProtocol, "went over to another protocol, such as a WebSocket, and are not recorded"),
        (Unrecorded::Unreadable, "have no complete JSON body, and are not recorded"),
        (Unrecorded::TooLarge, "are too large, and are not recorded"),
        (Unrecorded::FellBehind, "passed while the recording fell behind, and are not recorded"),
    ] {
        let kinds = || report.unrecorded.iter().filter(move |((given, _, _), _)| *given == why);
        let count: u64 = kinds().map(|(_, count)| count).sum();
        if count > 0 {
            lines.push(format!("  {count} of {seen} requests passed that {text}:"));
            lines.extend(listed(kinds().map(|((_, method, path), count)| (format!("{method} {path}"), *count))));
        }
    }
    if report.cut_answers > 0 {
        lines.push(format!(
            "  {} answers are recorded only in part, because the recording fell behind",
            report.cut_answers
        ));
    }
    if report.large_answers > 0 {
        lines.push(format!("  {} answers are too large, and are recorded only in part", report.large_answers));
    }
    if !report.broken.is_empty() {
        lines.push("  connections that broke, as the agent saw as well:".to_owned());
        lines.extend(listed(report.broken.iter().map(|(how, count)| (how.clone(), *count))));
    }
    if report.lost > 0 {
        lines.push(format!("  {} events or payloads could not be written; the bundle says which", report.lost));
    }
    lines
}

fn listed(kinds: impl Iterator<Item = (String, u64)>) -> Vec<String> {
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort_by(|(one, more), (other, less)| less.cmp(more).then_with(|| one.cmp(other)));
    let left = kinds.len().saturating_sub(MAX_LISTED);
    let mut lines: Vec<_> =
        kinds.iter().take(MAX_LISTED).map(|(what, count)| format!("    {count} x {what}")).collect();
    if left > 0 {
        lines.push(format!("    and {left} more kinds"));
    }
    lines
}
