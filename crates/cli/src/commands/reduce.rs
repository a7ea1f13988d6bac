//! The command `reduce`.

use std::path::Path;

use rollout_trace::{
    Severity,
    answers::{Facts, Rollout},
};

use crate::{
    args::ReduceArgs,
    failure::{Failure, Verdict},
    output::Output,
    progress, selection, sessions,
    state_file::{self, Replace, State},
    summary::summary,
};

pub(crate) fn run(args: &ReduceArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let selected = selection::select(&args.bundles);
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    let found = selected.iter().filter(|bundle| bundle.is_ok()).count();
    if let Some(file) = args.output.as_deref().filter(|_| !to_stdout && found > 1) {
        let what = format!("{found} bundles cannot be written to one file, {}", file.display());
        return Err(Failure::new(what, "use --latest for the newest, use -o - for all on stdout, or omit -o"));
    }
    let replaced = if args.force { Replace::Any } else { Replace::Own };
    selection::for_each(selected, output, |path, output| {
        let bundle = args.reading.open(path)?;
        let (graph, facts) = match args.form.with_facts {
            true => progress::reduce_for_answers(&bundle),
            false => (progress::reduce(&bundle), Facts::default()),
        };
        let mut payloads = bundle.payloads();
        let rollout = args.form.with_facts.then(|| Rollout::new(&graph, &facts, &mut payloads, bundle.limits()));
        let state = rollout.as_ref().map_or(State::Graph(&graph), State::WithFacts);
        match &args.output {
            None if sessions::session_of(path).is_some() => {
                let what = format!("{} is a session, and nothing is written beside it", path.display());
                return Err(Failure::new(what, "use -o FILE for the graph; -o - means stdout"));
            }
            None => {
                let saved = state_file::save_in_bundle(state, args.form, bundle.path(), replaced)?;
                output.line(saved.display())?;
            }
            Some(_) if to_stdout => output.json(|stdout| state_file::write(state, args.form, stdout))?,
            Some(file) => {
                state_file::save_as(state, args.form, file)?;
                output.line(file.display())?;
            }
        }
        output.flush()?;
        if let Some(summary) = summary(bundle.path(), &graph) {
            output.say_all(summary);
        }
        let has_errors = graph.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        Ok(if args.strict && has_errors { Verdict::Damaged } else { Verdict::Clean })
    })
}
