//! Formats diagnostics for people.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use rollout_trace::{
    Bundle, Diagnostic, RolloutTrace, Severity,
    bundle::Loss,
    model::{DiagnosticCode, Line},
    schema::{Manifest, PayloadRef},
};

use crate::{failure::Verdict, output::Output};

/// The number of diagnostics that a summary lists.
const NAMED: usize = 3;

/// The number of diagnostics of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) notes: usize,
}

impl Counts {
    pub(crate) fn of(diagnostics: &[Diagnostic]) -> Self {
        let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        Self { errors: count(Severity::Error), warnings: count(Severity::Warning), notes: count(Severity::Note) }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let words = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() { f.write_str("clean") } else { f.write_str(&words.join(", ")) }
    }
}

/// Returns a summary of a graph's errors and warnings, or `None` if there are none.
pub(crate) fn summary(bundle: &Path, graph: &RolloutTrace) -> Option<Vec<Line>> {
    let counts = Counts::of(&graph.diagnostics);
    if counts.errors + counts.warnings == 0 {
        return None;
    }
    let mut lines = vec![Line::from(format_args!("{}: {counts}", bundle.display()))];
    let mut worst: Vec<&Diagnostic> =
        graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note).collect();
    worst.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity));
    lines.extend(worst.iter().take(NAMED).map(|diagnostic| Line::from("  ") + located(bundle, graph, diagnostic)));
    if counts.errors + counts.warnings > NAMED || counts.notes > 0 {
        lines.push(format_args!("  to see all: rollout-trace check {}", bundle.display()).into());
    }
    Some(lines)
}

/// Reports what a conversion could not keep.
pub(crate) fn report_losses(bundle: &Bundle, losses: &[Loss], output: &mut Output) -> Verdict {
    for problem in bundle.problems() {
        output.say(format_args!("{}: {problem}", bundle.path().display()));
    }
    for loss in losses {
        output.say(format_args!("{}: {}", bundle.path().join(&loss.path).display(), loss.reason));
    }
    if losses.is_empty() && bundle.problems().is_empty() { Verdict::Clean } else { Verdict::Damaged }
}

/// Formats a diagnostic on one line, in the style of compilers: file, line, severity, code, seq, message.
pub(crate) fn located(bundle: &Path, graph: &RolloutTrace, diagnostic: &Diagnostic) -> Line {
    let payload = diagnostic.payload_id.as_ref().and_then(|id| graph.raw_payloads.get(id));
    // A path that leads out of the bundle is not shown as a location.
    let payload = payload.filter(|_| diagnostic.code != DiagnosticCode::PayloadEscapes);
    let file = payload.and_then(PayloadRef::file);
    let place = match (file, diagnostic.line) {
        (Some(file), _) => bundle.join(&*file).display().to_string(),
        // The message says which line of which session file it is.
        (None, Some(_)) if graph.evidence.is_some() => bundle.display().to_string(),
        (None, Some(line)) => format!("{}:{line}", bundle.join(Manifest::RAW_EVENT_LOG).display()),
        (None, None) => bundle.display().to_string(),
    };
    let seq = diagnostic.seq.map(|seq| format!(" (seq {seq})")).unwrap_or_default();
    let color = match diagnostic.severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Note => AnsiColor::Cyan,
    };
    let severity = Line::painted(Style::new().bold().fg_color(Some(color.into())), diagnostic.severity);
    let (code, message) = (diagnostic.code, &diagnostic.message);
    Line::from(place) + ": " + severity + format_args!(" {code}{seq}: {message}")
}
