//! Questions to a rollout.

use std::ffi::OsString;

use rollout_trace::{
    Bundle, RolloutTrace,
    answers::{
        self, Blame, Context, ContextDiff, CriticalPath, Diff, Findings, Grep, Persons, Rollout, Search, SelectError,
        Stats, Time, Totals, Unseen, Why, pattern,
    },
    model::{InferenceCall, Line},
    schema::ThreadId,
};
use serde::Serialize;

use crate::{
    commands::fleet,
    failure::{Failure, Verdict},
    output::Output,
    progress,
    question_args::{
        AskedArgs, BlameArgs, ContextArgs, DiffArgs, FindingsArgs, GrepArgs, QuestionArgs, StatsArgs, WhyArgs,
    },
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

pub(crate) fn stats(args: &StatsArgs, output: &mut Output) -> Result<Verdict, Failure> {
    if let Some(by) = args.by {
        return fleet::stats(args, by, output);
    }
    let mut total = Totals::default();
    let mut words = args.bundles.as_slice();
    let mut count = 0;
    while count == 0 || !words.is_empty() {
        let (bundle, rest) = args.asked.choice.open(words)?;
        if rest.len() == words.len() && !rest.is_empty() {
            return Err(both_given());
        }
        words = rest;
        count += 1;
        ask(&args.asked, &bundle, output, |rollout, output| {
            let answer = Stats::of(rollout);
            total.add(&answer.totals);
            print(&args.asked, &answer, || answer.lines(), output)
        })?;
    }
    if count > 1 && !args.asked.json {
        output.line(format_args!("total of {count} rollouts"))?;
        total.lines().into_iter().try_for_each(|line| output.line(line))?;
    }
    Ok(Verdict::Clean)
}

pub(crate) fn grep(args: &GrepArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let (bundle, word) = open_with_word(&args.asked, &args.words, "a pattern")?;
    let pattern = pattern(&word.to_string_lossy())?;
    ask(&args.asked, &bundle, output, |rollout, output| {
        let thread = args.thread.as_deref().map(|wanted| find_agent(rollout, wanted)).transpose()?;
        let search = Search {
            pattern,
            thread: thread.cloned(),
            kind: args.kind.clone(),
            role: args.role.clone(),
            tool: args.tool.clone(),
            place: args.place,
        };
        let answer = Grep::of(rollout, &search);
        print(&args.asked, &answer, || answer.lines(rollout), output)
    })
}

pub(crate) fn why(args: &WhyArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let (bundle, rest) = args.asked.choice.open(&args.words)?;
    let mut sides = rest.split(|word| word == "@");
    let subject = sides.next().unwrap_or_default();
    let (subject, at) = match (one_name(subject), sides.next().map(one_name), sides.next()) {
        (_, None, _) if subject.is_empty() => {
            return Err(Failure::new("what is asked about is missing", "give it after the bundle"));
        }
        (Some(subject), None, _) => (subject, None),
        (Some(subject), Some(Some(call)), None) => (subject, Some(call)),
        _ => {
            let hint = "ask about one thing: rollout-trace why BUNDLE SUBJECT [@ REQUEST]";
            return Err(Failure::new(format!("{} words follow the bundle", rest.len()), hint));
        }
    };
    ask(&args.asked, &bundle, output, |rollout, output| {
        let node = rollout.select(&subject).map_err(|error| not_selected(rollout, &subject, &error))?;
        let at = at.map(|call| find_call(rollout, &call)).transpose()?;
        let answer = Why::of(rollout, &node, at);
        print(&args.asked, &answer, || answer.lines(), output)
    })
}

pub(crate) fn context(args: &ContextArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let (bundle, rest) = args.asked.choice.open(&args.words)?;
    let call = match one_name(rest) {
        Some(call) => call,
        None if rest.is_empty() => return Err(Failure::new("a request is missing", "give it after the bundle")),
        None => return Err(both_given()),
    };
    ask(&args.asked, &bundle, output, |rollout, output| {
        let call = find_call(rollout, &call)?;
        let answer = match &args.diff {
            None => {
                let answer = Context::of(rollout, call);
                return print(&args.asked, &answer, || answer.lines(), output);
            }
            Some(None) => ContextDiff::of(rollout, call),
            Some(Some(other)) => ContextDiff::between(rollout, find_call(rollout, other)?, call),
        };
        print(&args.asked, &answer, || answer.lines(), output)
    })
}

/// Returns the only name among words. That of a request may be two words, as text prints it.
fn one_name(words: &[OsString]) -> Option<String> {
    match words {
        [name] => Some(name.to_string_lossy().into_owned()),
        [kind, number] if kind == "request" => Some(format!("request {}", number.to_string_lossy())),
        _ => None,
    }
}

/// Returns the inference call that a selector means.
fn find_call<'a>(rollout: &Rollout<'a>, selector: &str) -> Result<&'a InferenceCall, Failure> {
    rollout.select_call(selector).map_err(|error| match error {
        SelectError::Nothing => Failure::new(
            format!("no request is named {selector:?}"),
            format!("requests are numbered from 1 to {}; `context` takes no other things", rollout.calls().len()),
        ),
        error => not_selected(rollout, selector, &error),
    })
}

/// Says that a selector means nothing, or several things, and lists these.
pub(super) fn not_selected(rollout: &Rollout<'_>, selector: &str, error: &SelectError) -> Failure {
    match error {
        SelectError::Nothing => Failure::new(
            format!("nothing in this rollout is named {selector:?}"),
            "give the number of an item, or an id or a name that an answer or `rollout-trace show` prints",
        ),
        SelectError::Several(nodes) => {
            let names = nodes.iter().map(|node| rollout.selector(node));
            Failure::new(format!("{selector:?} means {} things", nodes.len()), format!("say which: {}", listed(names)))
        }
    }
}

/// Lists names, at most 20 of them.
fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(20);
    let names = names.take(20).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{names}, and {more} more") } else { names }
}

pub(crate) fn verdict(args: &QuestionArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let bundle = args.asked.choice.open_only(args.bundle.as_ref())?;
    ask(&args.asked, &bundle, output, |rollout, output| {
        let answer = answers::Verdict::of(rollout);
        print(&args.asked, &answer, || answer.lines(), output)
    })
}

pub(crate) fn blame(args: &BlameArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let bundle = args.asked.choice.open_only(args.bundle.as_ref())?;
    ask(&args.asked, &bundle, output, |rollout, output| {
        let thread = args.thread.as_deref().map(|wanted| find_agent(rollout, wanted)).transpose()?;
        let answer = Blame::of(rollout, args.by, thread);
        print(&args.asked, &answer, || answer.lines(), output)
    })
}

/// Returns the thread of the agent that a selector means.
fn find_agent<'a>(rollout: &Rollout<'a>, wanted: &str) -> Result<&'a ThreadId, Failure> {
    rollout.select_thread(wanted).map_err(|error| match error {
        SelectError::Nothing => {
            let known = rollout.graph().threads.keys().map(|thread| format!("{} ({thread})", rollout.agent(thread)));
            Failure::new(format!("no agent is named {wanted:?}"), format!("agents of this rollout: {}", listed(known)))
        }
        several => not_selected(rollout, wanted, &several),
    })
}

pub(crate) fn findings(args: &FindingsArgs, output: &mut Output) -> Result<Verdict, Failure> {
    if let Some(root) = fleet::many(args) {
        return fleet::findings(args, root, output);
    }
    let bundle = args.asked.choice.open_only(args.bundle.as_ref())?;
    ask(&args.asked, &bundle, output, |rollout, output| {
        let answer = Findings::of(rollout);
        print(&args.asked, &answer, || answer.lines(), output)
    })
}

pub(crate) fn unseen(args: &QuestionArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let bundle = args.asked.choice.open_only(args.bundle.as_ref())?;
    ask(&args.asked, &bundle, output, |rollout, output| {
        let answer = Unseen::of(rollout);
        print(&args.asked, &answer, || answer.lines(), output)
    })
}

pub(crate) fn diff(args: &DiffArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let (bundle, rest) = args.asked.choice.open(&args.bundles)?;
    let other = match rest {
        [other] => args.asked.choice.open_named(other)?,
        [] => return Err(Failure::new("the second bundle is missing", "give it after the first one")),
        _ => return Err(both_given()),
    };
    let persons = if args.ignore.is_some() { Persons::Ignored } else { Persons::Compared };
    let (graph, facts) = progress::reduce_for_answers(&bundle);
    let (other_graph, other_facts) = progress::reduce_for_answers(&other);
    let (mut payloads, mut other_payloads) = (bundle.payloads(), other.payloads());
    let a = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    let b = Rollout::new(&other_graph, &other_facts, &mut other_payloads, other.limits());
    let answer = Diff::of(&a, &b, persons);
    print(&args.asked, &answer, || answer.lines(), output)?;
    point_to_damage(&args.asked, &bundle, &graph, output)?;
    point_to_damage(&args.asked, &other, &other_graph, output)
}

/// Opens the bundle of a question that needs one more word, and returns that word.
fn open_with_word<'a>(asked: &AskedArgs, words: &'a [OsString], what: &str) -> Result<(Bundle, &'a OsString), Failure> {
    let (bundle, rest) = asked.choice.open(words)?;
    match rest {
        [word] => Ok((bundle, word)),
        [] => Err(Failure::new(format!("{what} is missing"), "give it after the bundle")),
        _ => Err(both_given()),
    }
}

fn both_given() -> Failure {
    Failure::new("both a bundle and --latest are given", "leave one of them out")
}

/// Reduces a bundle, asks a question about it, and says on stderr what the answer may lack.
fn ask(
    asked: &AskedArgs,
    bundle: &Bundle,
    output: &mut Output,
    question: impl FnOnce(&Rollout<'_>, &mut Output) -> Result<(), Failure>,
) -> Result<Verdict, Failure> {
    let (graph, facts) = progress::reduce_for_answers(bundle);
    let mut payloads = bundle.payloads();
    question(&Rollout::new(&graph, &facts, &mut payloads, bundle.limits()), output)?;
    point_to_damage(asked, bundle, &graph, output)
}

fn reduce(args: &QuestionArgs) -> Result<(Bundle, RolloutTrace), Failure> {
    let bundle = args.asked.choice.open_only(args.bundle.as_ref())?;
    let graph = progress::reduce(&bundle);
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
