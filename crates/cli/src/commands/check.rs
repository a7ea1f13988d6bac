//! The command `check`.

use std::path::Path;

use rollout_trace::{Diagnostic, RolloutTrace};
use serde::Serialize;

use crate::{
    args::CheckArgs,
    failure::{Failure, Verdict},
    output::Output,
    progress, selection,
    summary::{Counts, located},
};

pub(crate) fn run(args: &CheckArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let selected = selection::select(&args.bundles);
    selection::for_each(selected, output, |path, output| {
        let bundle = args.reading.open(path)?;
        // Reduction opens every payload that an event refers to, including those that it does not use.
        let graph = progress::reduce(&bundle);
        let counts = Counts::of(&graph.diagnostics);
        print(bundle.path(), &graph, args.json, output)?;
        if !args.json {
            output.line(format_args!("{}: {counts}", bundle.path().display()))?;
        }
        output.flush()?;
        Ok(if counts.errors + counts.warnings == 0 { Verdict::Clean } else { Verdict::Damaged })
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
            let line = serde_json::to_string(&line).expect("a diagnostic has only string keys");
            output.json(|stdout| writeln!(stdout, "{line}"))?;
        } else {
            output.line(located(bundle, graph, diagnostic))?;
        }
    }
    Ok(())
}
