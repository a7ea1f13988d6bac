//! Questions to a rollout.

use rollout_trace::{
    Bundle, RolloutTrace,
    answers::{CriticalPath, Time},
    model::Line,
    reduce_bundle,
};
use serde::Serialize;

use crate::{
    failure::{Failure, Verdict},
    output::Output,
    question_args::{AskedArgs, QuestionArgs},
    summary::Counts,
};

pub(crate) fn time(args: &QuestionArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let (bundle, graph) = reduce(args)?;
    let answer = Time::of(&graph);
    print(&args.asked, &answer, || answer.lines(), output)?;
    point_to_damage(&args.asked, &bundle, &graph, output)
}

pub(crate) fn critical_path(args: &QuestionArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let (bundle, graph) = reduce(args)?;
    let answer = CriticalPath::of(&graph);
    print(&args.asked, &answer, || answer.lines(&graph), output)?;
    point_to_damage(&args.asked, &bundle, &graph, output)
}

fn reduce(args: &QuestionArgs) -> Result<(Bundle, RolloutTrace), Failure> {
    let bundle = args.asked.choice.open_only(args.bundle.as_ref())?;
    let graph = reduce_bundle(&bundle);
    Ok((bundle, graph))
}

/// Prints an answer as one line of JSON, or as text.
fn print(
    asked: &AskedArgs,
    answer: &impl Serialize,
    lines: impl FnOnce() -> Vec<Line>,
    output: &mut Output,
) -> Result<(), Failure> {
    if asked.json {
        let line = serde_json::to_string(answer).expect("the keys of an answer are strings");
        return output.json(|stdout| writeln!(stdout, "{line}"));
    }
    lines().into_iter().try_for_each(|line| output.line(line))
}

/// Says on stderr that evidence is missing, after an answer for people. The answer itself leaves out what is unknown.
fn point_to_damage(
    asked: &AskedArgs,
    bundle: &Bundle,
    graph: &RolloutTrace,
    output: &mut Output,
) -> Result<Verdict, Failure> {
    output.flush()?;
    let counts = Counts::of(&graph.diagnostics);
    if !asked.json && counts.errors > 0 {
        let path = bundle.path().display();
        output.say(format_args!("{path}: {counts}; to see all: rollout-trace check {path}"));
    }
    Ok(Verdict::Clean)
}
