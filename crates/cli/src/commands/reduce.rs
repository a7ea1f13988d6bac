//! The command `reduce`.

use std::path::{Path, PathBuf};

use rollout_trace::{
    Bundle, RolloutTrace, Severity,
    answers::{Facts, Rollout},
    model::Line,
    reduce_bundle, reduce_with_facts,
};

use crate::{
    args::ReduceArgs,
    failure::{Failure, Verdict},
    output::Output,
    progress,
    report::Report,
    selection, sessions,
    state_file::{self, Replace, State},
    summary::{Counts, summary},
};

pub(crate) fn run(args: &ReduceArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let selected = selection::select(&args.bundles);
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    let found = selected.iter().filter(|bundle| bundle.is_ok()).count();
    if let Some(file) = args.output.as_deref().filter(|_| !to_stdout && found > 1) {
        let what = format!("{found} bundles cannot be written to one file, {}", file.display());
        return Err(Failure::new(what, "use --latest for the newest, use -o - for all on stdout, or omit -o"));
    }
    if to_stdout {
        return selection::for_each(selected, output, |path, output| to_stdout_of(path, args, output));
    }
    // The log of one bundle has a bar of its own; several bundles are reduced on all cores.
    let is_one = selected.len() == 1;
    let is_listed = args.bundles.from_list.is_some();
    let save = |path: &Path| Saved::of(path, args, is_one);
    selection::for_all(selected, output, save, |path, saved, output| {
        if is_listed {
            let report = match &saved {
                Ok(saved) => Report::of(path, &saved.ids, saved.counts).at(&saved.state),
                Err(error) => Report::failed(path, error),
            };
            report.print(output)?;
        }
        let Ok(saved) = saved else { return Ok(Verdict::Unreadable) };
        if !is_listed {
            output.line(saved.state.display())?;
        }
        output.flush()?;
        output.say_all(saved.summary);
        Ok(verdict(args, saved.counts))
    })
}

fn verdict(args: &ReduceArgs, counts: Counts) -> Verdict {
    if args.strict && counts.errors > 0 { Verdict::Damaged } else { Verdict::Clean }
}

/// A graph that was written to a file.
struct Saved {
    state: PathBuf,
    ids: crate::report::Ids,
    counts: Counts,
    summary: Vec<Line>,
}

impl Saved {
    /// Reduces a bundle, and writes its graph.
    fn of(path: &Path, args: &ReduceArgs, has_bar: bool) -> Result<Self, Failure> {
        let bundle = args.reading.open(path)?;
        let (graph, facts) = reduce(&bundle, args, has_bar);
        let state = with_state(&bundle, args, &graph, &facts, |state| match &args.output {
            None if sessions::session_of(path).is_some() => {
                let what = format!("{} is a session, and nothing is written beside it", path.display());
                Err(Failure::new(what, "use -o FILE for the graph; -o - means stdout"))
            }
            None => {
                let replaced = if args.force { Replace::Any } else { Replace::Own };
                state_file::save_in_bundle(state, args.form, bundle.path(), replaced)
            }
            Some(file) => state_file::save_as(state, args.form, file).map(|()| file.clone()),
        })?;
        let summary = summary(bundle.path(), &graph).unwrap_or_default();
        Ok(Self { state, ids: crate::report::Ids::of(&graph), counts: Counts::of(&graph.diagnostics), summary })
    }
}

/// Reduces a bundle, and prints its graph.
fn to_stdout_of(path: &Path, args: &ReduceArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let bundle = args.reading.open(path)?;
    let (graph, facts) = reduce(&bundle, args, true);
    with_state(&bundle, args, &graph, &facts, |state| {
        output.json(|stdout| state_file::write(state, args.form, stdout))
    })?;
    output.flush()?;
    output.say_all(summary(bundle.path(), &graph).unwrap_or_default());
    let has_errors = graph.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Ok(if args.strict && has_errors { Verdict::Damaged } else { Verdict::Clean })
}

fn reduce(bundle: &Bundle, args: &ReduceArgs, has_bar: bool) -> (RolloutTrace, Facts) {
    match (args.form.with_facts, has_bar) {
        (true, true) => progress::reduce_for_answers(bundle),
        (true, false) => reduce_with_facts(bundle),
        (false, true) => (progress::reduce(bundle), Facts::default()),
        (false, false) => (reduce_bundle(bundle), Facts::default()),
    }
}

/// Calls `write` with what is written of a graph.
fn with_state<T>(
    bundle: &Bundle,
    args: &ReduceArgs,
    graph: &RolloutTrace,
    facts: &Facts,
    write: impl FnOnce(State<'_, '_>) -> T,
) -> T {
    let mut payloads = bundle.payloads();
    let rollout = args.form.with_facts.then(|| Rollout::new(graph, facts, &mut payloads, bundle.limits()));
    write(rollout.as_ref().map_or(State::Graph(graph), State::WithFacts))
}
