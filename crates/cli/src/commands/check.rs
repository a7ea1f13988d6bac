//! `rollout-trace check`.

use std::{
    collections::{BTreeSet, HashSet},
    path::Path,
};

use rollout_trace_bundle::{Bundle, Evidence, Limits, PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_model::{Diagnostic, DiagnosticCode, RolloutTrace};
use rollout_trace_reducer::reduce_bundle;
use rollout_trace_schema::{PayloadRef, RawPayloadId, Seq};
use serde::{Serialize, de::IgnoredAny};

use crate::{
    args::CheckArgs,
    failure::{Failure, Verdict},
    output::Output,
    selection,
    summary::{Counts, located},
};

pub(crate) fn run(args: &CheckArgs, limits: Limits, output: &mut Output) -> Result<Verdict, Failure> {
    let bundles = selection::select(&args.bundles)?;
    selection::for_each(&bundles, output, |path, output| {
        let bundle = Bundle::open_with(path, limits)?;
        let mut graph = reduce_bundle(&bundle);
        let unused = check_unused_payloads(&bundle, &graph);
        graph.diagnostics.extend(unused);
        let counts = Counts::of(&graph.diagnostics);
        print(bundle.path(), &graph, args.json, output)?;
        if !args.json {
            output.line(format_args!("{}: {counts}", bundle.path().display()))?;
        }
        output.flush()?;
        Ok(if counts.errors + counts.warnings == 0 { Verdict::Fine } else { Verdict::Damaged })
    })
}

fn print(bundle: &Path, graph: &RolloutTrace, json: bool, output: &mut Output) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Line<'a> {
        bundle: &'a str,
        #[serde(flatten)]
        diagnostic: &'a Diagnostic,
    }
    for diagnostic in &graph.diagnostics {
        if json {
            let line = Line { bundle: &bundle.to_string_lossy(), diagnostic };
            let line = serde_json::to_string(&line).expect("a diagnostic has string keys only");
            output.line(line)?;
        } else {
            output.line(located(bundle, graph, diagnostic, output.color()))?;
        }
    }
    Ok(())
}

/// Opens every payload that an event refers to and reduction has not complained about, and parses it.
fn check_unused_payloads(bundle: &Bundle, graph: &RolloutTrace) -> Vec<Diagnostic> {
    let known: HashSet<&RawPayloadId> =
        graph.diagnostics.iter().filter_map(|found| found.payload_id.as_ref()).collect();
    let (mut payloads, mut buffer) = (bundle.payloads(), PayloadBuffer::default());
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for evidence in bundle.events() {
        let Evidence::Event(located) = evidence else { continue };
        located.event.payload.for_each_payload_ref(|reference| {
            let key = (reference.raw_payload_id.clone(), reference.path.clone());
            if known.contains(&reference.raw_payload_id) || !seen.insert(key) {
                return;
            }
            if let Err((code, message)) = parse(&mut payloads, reference, &mut buffer) {
                found.push(diagnostic(code, message, reference, located.event.seq, located.line));
            }
        });
    }
    found
}

fn parse(
    payloads: &mut impl PayloadSource,
    reference: &PayloadRef,
    buffer: &mut PayloadBuffer,
) -> Result<(), (DiagnosticCode, String)> {
    payloads.load(reference, buffer).map_err(|error| {
        let code = match error {
            PayloadError::Missing { .. } => DiagnosticCode::PayloadMissing,
            PayloadError::Escapes { .. } => DiagnosticCode::PayloadEscapes,
            PayloadError::TooLarge { .. } => DiagnosticCode::LimitExceeded,
            _ => DiagnosticCode::PayloadUnreadable,
        };
        (code, error.to_string())
    })?;
    let bytes = buffer.bytes();
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match serde_json::from_slice::<IgnoredAny>(bytes) {
        Ok(_) => Ok(()),
        Err(error) => Err((DiagnosticCode::PayloadUnreadable, format!("{} is not JSON: {error}", reference.path))),
    }
}

fn diagnostic(code: DiagnosticCode, message: String, reference: &PayloadRef, seq: Seq, line: u64) -> Diagnostic {
    Diagnostic {
        code,
        severity: code.severity(),
        seq: Some(seq),
        line: Some(line),
        payload_id: Some(reference.raw_payload_id.clone()),
        ids: Vec::new(),
        message,
    }
}
