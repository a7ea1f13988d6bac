//! Answers as text in which everything from a bundle is visible.

use std::{collections::HashMap, fmt::Display, path::Path, str::FromStr};

use rollout_trace::{
    Bundle, Drawing,
    answers::{
        Axis, Blame, Context, ContextDiff, Diff, Findings, Grep, Node, PatternError, PayloadName, Persons, Place,
        Rollout, Search, SelectError, Stats, Time, UnknownName, Unseen, Verdict, Why, pattern,
    },
    evidence::{PayloadBuffer, PayloadSource},
    model::{InferenceCall, Line},
    reduce_with_facts,
    schema::{ThreadId, visible::visible_text},
};
use serde::Serialize;

use crate::{
    error::{ToolError, with_cause},
    question::{self, Question, Word},
};

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// What the server says about it in its own words, a line each. Nothing in them is from the bundle.
    pub(crate) notes: Vec<String>,
    /// The answer itself.
    pub(crate) text: String,
}

/// Answers a question about a rollout, which may be about another one, too.
pub(crate) fn answer(
    rollout: &Rollout<'_>,
    bundle: &Bundle,
    question: &Question,
    other: Option<&Path>,
) -> Result<Answer, ToolError> {
    let text = match question {
        Question::Payload(args) => return payload(rollout, bundle, &args.id.0),
        Question::Overview(_) => overview(rollout),
        Question::Show(args) => show(rollout, args.part.as_ref())?,
        Question::Why(args) => {
            let subject = node(rollout, &args.what)?;
            let at = args.at.as_ref().map(|at| call(rollout, at)).transpose()?;
            text(&Why::of(rollout, &subject, at).lines())
        }
        Question::Context(args) => context(rollout, args)?,
        Question::Blame(args) => {
            let thread = args.agent.as_ref().map(|wanted| agent(rollout, wanted)).transpose()?;
            let by = args.by.as_ref().map_or(Ok(Axis::Source), |by| one_of("by", &by.0))?;
            text(&Blame::of(rollout, by, thread).lines())
        }
        Question::Diff(args) => diff(rollout, bundle, args, other)?,
        Question::Unseen(_) => text(&Unseen::of(rollout).lines()),
        Question::Findings(_) => text(&findings(&Findings::of(rollout))),
        Question::Grep(args) => grep(rollout, args)?,
    };
    Ok(Answer { notes: Vec::new(), text })
}

/// Returns lines as text.
fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{}\n", line.clone().plain().visible())).collect()
}

fn overview(rollout: &Rollout<'_>) -> String {
    let graph = rollout.graph();
    let mut lines = Stats::of(rollout).lines();
    lines.extend(Verdict::of(rollout).lines());
    lines.extend(Time::of(graph).lines());
    for (id, thread) in &graph.threads {
        lines.push(format!("agent {} · thread {id} · {}", rollout.agent(id), thread.execution.status.as_str()).into());
    }
    let mut requests: HashMap<_, Vec<_>> = HashMap::new();
    for call in rollout.calls() {
        requests.entry(call.codex_turn_id.as_ref()).or_default().push(&call.inference_call_id);
    }
    let mut turns: Vec<_> = graph.codex_turns.values().collect();
    turns.sort_by_key(|turn| turn.execution.started_seq);
    for turn in turns {
        let requests = match requests.get(&Some(&turn.codex_turn_id)).map(Vec::as_slice) {
            None | Some([]) => "no request".to_owned(),
            Some([only]) => rollout.call_name(only),
            Some([first, .., last]) => format!("{} to {}", rollout.call_name(first), rollout.call_name(last)),
        };
        let (id, agent) = (&turn.codex_turn_id, rollout.agent(&turn.thread_id));
        lines.push(format!("turn {id} · {agent} · {} · {requests}", turn.execution.status.as_str()).into());
    }
    lines.extend(findings(&Findings::of(rollout)));
    text(&lines)
}

/// Returns the findings with the ids to go on with.
fn findings(findings: &Findings) -> Vec<Line> {
    let mut lines = findings.lines();
    // The first line is a head.
    for (line, finding) in lines.iter_mut().skip(1).zip(&findings.findings) {
        if !finding.ids.is_empty() {
            *line += format!(" · {}", finding.ids.join(", "));
        }
    }
    lines
}

fn show(rollout: &Rollout<'_>, part: Option<&Word>) -> Result<String, ToolError> {
    let graph = rollout.graph();
    let drawing = Drawing::new(graph).commented(rollout);
    let Some(part) = part else { return Ok(text(&[drawing.head()]) + &drawing.to_string()) };
    let node = node(rollout, part)?;
    let drawn = node.part().map(|part| drawing.part(part).to_string()).unwrap_or_default();
    let facts = match node {
        // Of these, the drawing says everything.
        Node::Item(_) | Node::Thread(_) => String::new(),
        Node::Inference(id) => {
            let call = graph.inference_calls.get(&id);
            let context = call.map(|call| text(&Context::of(rollout, call).lines())).unwrap_or_default();
            context + &facts(call)
        }
        Node::Turn(id) => facts(graph.codex_turns.get(&id)),
        Node::Edge(id) => facts(graph.interaction_edges.get(&id)),
        Node::ToolCall(id) => facts(graph.tool_calls.get(&id)),
        Node::CodeCell(id) => facts(graph.code_cells.get(&id)),
        Node::TerminalOperation(id) => facts(graph.terminal_operations.get(&id)),
        Node::TerminalSession(id) => facts(graph.terminal_sessions.get(&id)),
        Node::Compaction(id) => facts(graph.compactions.get(&id)),
        Node::Root(id) => text(&[id.into()]),
    };
    Ok(drawn + &facts)
}

/// Returns an object of the graph as JSON.
fn facts(object: Option<&impl Serialize>) -> String {
    let json = serde_json::to_string_pretty(&object).expect("the keys of the graph's objects are strings");
    visible_text(&json).into_owned() + "\n"
}

fn context(rollout: &Rollout<'_>, args: &question::Context) -> Result<String, ToolError> {
    let after = call(rollout, &args.request)?;
    Ok(match &args.compare_with {
        None => text(&Context::of(rollout, after).lines()),
        Some(Word(word)) if word == "previous" => text(&ContextDiff::of(rollout, after).lines()),
        Some(word) => text(&ContextDiff::between(rollout, call(rollout, word)?, after).lines()),
    })
}

fn diff(
    rollout: &Rollout<'_>,
    bundle: &Bundle,
    args: &question::Diff,
    other: Option<&Path>,
) -> Result<String, ToolError> {
    let persons = match args.ignore.as_ref().map(|word| word.0.as_str()) {
        None => Persons::Compared,
        Some("input") => Persons::Ignored,
        Some(word) => return Err(ToolError::new(format!("ignore cannot be {word:?}"), "give input, or leave it out")),
    };
    let other = open(other.ok_or_else(|| ToolError::new("there is no other rollout", "give `with`"))?)?;
    let (other_graph, other_facts) = reduce_with_facts(&other);
    let (mut payloads, mut other_payloads) = (bundle.payloads(), other.payloads());
    let a = Rollout::new(rollout.graph(), rollout.facts(), &mut payloads, bundle.limits());
    let b = Rollout::new(&other_graph, &other_facts, &mut other_payloads, other.limits());
    let name = |side: &str, bundle: &Bundle| Line::from(format!("{side} is {}", bundle.name()));
    Ok(text(&[name("A", bundle), name("B", &other)]) + &text(&Diff::of(&a, &b, persons).lines()))
}

/// Opens a bundle.
pub(crate) fn open(path: &Path) -> Result<Bundle, ToolError> {
    Bundle::open(path)
        .map_err(|error| ToolError::new("the bundle cannot be opened", error.hint()).with_data([with_cause(&error)]))
}

fn grep(rollout: &Rollout<'_>, args: &question::Grep) -> Result<String, ToolError> {
    let pattern = pattern(&args.pattern).map_err(|error| ToolError::new(error, PatternError::HINT))?;
    let thread = args.agent.as_ref().map(|wanted| agent(rollout, wanted)).transpose()?;
    let search = Search {
        pattern,
        thread: thread.cloned(),
        kind: args.kind.clone(),
        role: args.role.clone(),
        tool: args.tool.clone(),
        place: args.place.as_ref().map(|word| one_of::<Place>("where", word)).transpose()?,
    };
    Ok(text(&Grep::of(rollout, &search).lines(rollout)))
}

fn payload(rollout: &Rollout<'_>, bundle: &Bundle, word: &str) -> Result<Answer, ToolError> {
    let payloads = &rollout.graph().raw_payloads;
    let name = PayloadName::new(word);
    // A part of a payload is not in the graph's list, but in the reference to the payload.
    let known = payloads.get(&name.usual_id()).or_else(|| payloads.values().find_map(|payload| name.find(payload)));
    let reference = known.ok_or_else(|| {
        let next = "give a name from why or show, such as payload 12; these are some that the rollout has";
        let some = payloads.iter().take(5).map(|(id, payload)| format!("{id} {}", payload.kind.as_str()));
        ToolError::new(format!("no payload is named {word:?}"), next).with_data(some)
    })?;
    let mut buffer = PayloadBuffer::default();
    bundle.payloads().load(reference, &mut buffer).map_err(|error| {
        let next = "its evidence is lost; overview says how complete the rest is";
        ToolError::new(format!("cannot read the payload {word:?}"), next).with_data([with_cause(&error)])
    })?;
    let mut notes = Vec::new();
    let missing = buffer.missing_parts().len();
    if missing > 0 {
        notes.push(format!("{missing} parts of the payload are missing, and placeholders represent them"));
    }
    let damaged: usize = buffer.holes().iter().map(|hole| hole.bytes).sum();
    if damaged > 0 {
        notes.push(format!("{damaged} bytes of the payload are damaged, and are replaced by marks"));
    }
    let text = visible_text(&String::from_utf8_lossy(buffer.bytes())).into_owned() + "\n";
    Ok(Answer { notes, text })
}

/// Returns what a word means.
fn node(rollout: &Rollout<'_>, word: &Word) -> Result<Node, ToolError> {
    rollout.select(&word.0).map_err(|error| not_selected(rollout, "thing", &word.0, error))
}

/// Returns the request that a word means.
fn call<'a>(rollout: &Rollout<'a>, word: &Word) -> Result<&'a InferenceCall, ToolError> {
    rollout.select_call(&word.0).map_err(|error| match (error, rollout.calls().len()) {
        (SelectError::Nothing, 0) => ToolError::new("the rollout has no requests", "call overview to see what it has"),
        (SelectError::Nothing, count) => {
            let next = format!("give a number from 1 to {count}, such as inference-1, or an id");
            ToolError::new(format!("no request is meant by {:?}", word.0), next)
        }
        (error, _) => not_selected(rollout, "request", &word.0, error),
    })
}

fn not_selected(rollout: &Rollout<'_>, what: impl Display, word: &str, error: SelectError) -> ToolError {
    match error {
        SelectError::Nothing => {
            let next = "give a name or id as an answer prints it, such as 12 (an item), inference-3 or call_4; show and \
                grep have them";
            ToolError::new(format!("no {what} of the rollout is meant by {word:?}"), next)
        }
        SelectError::Several(several) => {
            let lines = several.iter().map(|node| rollout.selector(node));
            ToolError::new(format!("several things are meant by {word:?}"), "give one of these names").with_data(lines)
        }
    }
}

/// Returns the thread of the agent that a word means.
fn agent<'a>(rollout: &Rollout<'a>, word: &Word) -> Result<&'a ThreadId, ToolError> {
    rollout.select_thread(&word.0).map_err(|error| match error {
        SelectError::Nothing => {
            let known = rollout.graph().threads.keys().map(|thread| format!("{} ({thread})", rollout.agent(thread)));
            ToolError::new(format!("no agent is named {:?}", word.0), "give one of these").with_data(known)
        }
        several => not_selected(rollout, "agent", &word.0, several),
    })
}

fn one_of<T: FromStr<Err = UnknownName>>(what: &str, word: &str) -> Result<T, ToolError> {
    word.parse().map_err(|UnknownName { known }| {
        ToolError::new(format!("{what} cannot be {word:?}"), format!("give one of {}", known.join(", ")))
    })
}
