//! The command `show`.

use std::path::Path;

use rollout_trace::{
    Bundle, Drawing, RolloutTrace,
    answers::{NextStep, Node, Overview, Rollout, shell_word},
    model::{ItemId, Line},
    schema::ThreadId,
};

use super::{follow, question::not_selected};
use crate::{
    args::ShowArgs,
    failure::{Failure, Verdict},
    local_time::local_time,
    output::Output,
    progress,
    summary::summary,
};

/// The most lines of the head.
const HEAD: usize = 12;

pub(crate) fn run(args: &ShowArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let bundle = args.choice.open_only(args.bundle.as_ref())?;
    if args.follow {
        return follow::run(bundle, args, output);
    }
    let (graph, facts) = progress::reduce_for_answers(&bundle);
    let mut payloads = bundle.payloads();
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    let node = node(&rollout, args)?;
    let width = args.width.map(usize::from).or_else(|| output.columns());

    let mut drawing = Drawing::new(&graph).commented(&rollout).color(output.has_color());
    drawing = node.as_ref().and_then(Node::part).map_or(drawing, |part| drawing.part(part));
    drawing = width.map_or(drawing, |width| drawing.width(width));
    drawing = args.since.map_or(drawing, |seq| drawing.since(seq));
    drawing = if args.errors { drawing.failures() } else { drawing };
    if !args.no_pager {
        output.page();
    }
    let is_narrowed = args.errors || args.since.is_some();
    match (&node, is_narrowed) {
        (None, false) => head(&rollout, &bundle, drawing, width, output)?,
        (None, true) => output.line(drawing.head())?,
        (Some(_), _) => {}
    }
    if !output.drawing(drawing)? && is_narrowed {
        output.line(if args.errors { "nothing failed, and no evidence is lost" } else { "nothing ran" })?;
    }
    output.flush()?;
    // The drawing of the whole graph ends with its diagnostics.
    if node.is_some()
        && let Some(summary) = summary(bundle.path(), &graph)
    {
        output.say_all(summary);
    }
    Ok(Verdict::Clean)
}

/// Writes what the rollout is at a glance, and what to type next.
fn head(
    rollout: &Rollout<'_>,
    bundle: &Bundle,
    drawing: Drawing<'_>,
    width: Option<usize>,
    output: &mut Output,
) -> Result<(), Failure> {
    let overview = Overview::of(rollout, bundle.manifest().and_then(|manifest| manifest.producer.as_ref()));
    let started = local_time(rollout.graph().started_at_unix_ms);
    let height =
        |line: &Line| width.map_or(1, |width| line.wrapped(width, Overview::INDENT).to_string().lines().count());
    let head = drawing.head();
    // The least that the last part has.
    let most = HEAD.saturating_sub(height(&head) + 1);
    let mut lines = vec![head];
    lines.extend(overview.lines(&started, width, most));
    let room = HEAD.saturating_sub(lines.iter().map(height).sum()).clamp(1, 3);
    lines.into_iter().try_for_each(|line| output.wrapped_line(line, width, Overview::INDENT))?;
    for (number, step) in overview.next.iter().take(room).enumerate() {
        let label = if number == 0 { "next" } else { "" };
        // Never broken, so that it can be copied.
        output.line(format_args!("  {label:<0$}{1}", Overview::INDENT - 2, typed(step, bundle.path())))?;
    }
    Ok(())
}

/// Returns a command as it is typed.
fn typed(step: &NextStep, bundle: &Path) -> String {
    let words = [step.command.to_owned(), shell_word(&bundle.display().to_string())];
    let words: Vec<_> = words.into_iter().chain(step.arguments.iter().cloned()).collect();
    format!("rollout-trace {}", words.join(" "))
}

/// Returns the thing that the command line names, or `None` if everything is to be shown.
fn node(rollout: &Rollout<'_>, args: &ShowArgs) -> Result<Option<Node>, Failure> {
    if let Some(wanted) = &args.agent {
        return agent(rollout, wanted).map(Some);
    }
    if let Some(wanted) = &args.item {
        return item(rollout, wanted).map(Some);
    }
    let wanted = [("turn", &args.turn), ("request", &args.request), ("call", &args.call)];
    let Some((kind, wanted)) = wanted.into_iter().find_map(|(kind, word)| Some((kind, word.as_ref()?))) else {
        return Ok(None);
    };
    let is_kind = |node: &Node| match kind {
        "turn" => matches!(node, Node::Turn(_)),
        "request" => matches!(node, Node::Inference(_)),
        _ => matches!(node, Node::ToolCall(_) | Node::CodeCell(_)),
    };
    // A word such as `turn:2` has a prefix of its own.
    let found = rollout.select(&format!("{kind}:{wanted}")).or_else(|_| rollout.select(wanted));
    match found {
        Ok(node) if is_kind(&node) => Ok(Some(node)),
        Ok(node) => Err(Failure::new(
            format!("no {kind} is named {wanted:?}, but {} is", rollout.selector(&node)),
            format!("give the {kind} by its id, or by the name that `rollout-trace show` prints"),
        )),
        Err(error) => Err(not_selected(rollout, wanted, &error)),
    }
}

/// Returns the thread of an agent, given by a name or by the beginning of the thread's id.
fn agent(rollout: &Rollout<'_>, wanted: &str) -> Result<Node, Failure> {
    let found = rollout.select(&format!("agent:{wanted}")).or_else(|_| rollout.select(wanted));
    match found {
        Ok(node @ Node::Thread(_)) => Ok(node),
        _ => find_thread(rollout.graph(), wanted).map(|id| Node::Thread(id.clone())),
    }
}

fn find_thread<'a>(graph: &'a RolloutTrace, wanted: &str) -> Result<&'a ThreadId, Failure> {
    let found: Vec<_> = graph.threads.keys().filter(|id| id.starts_with(wanted)).collect();
    match found.as_slice() {
        [id] => Ok(id),
        found => {
            let what = if found.is_empty() { "no thread matches" } else { "more than one thread matches" };
            let known = graph.threads.iter().map(|(id, thread)| format!("{id} {}", thread.agent_path));
            let known: Vec<String> = known.collect();
            Err(Failure::new(format!("{what} {wanted:?}"), format!("threads of this bundle: {}", known.join(", "))))
        }
    }
}

fn item(rollout: &Rollout<'_>, wanted: &str) -> Result<Node, Failure> {
    let found = rollout.select(&format!("item:{wanted}")).or_else(|_| rollout.select(wanted));
    found.ok().filter(|node| matches!(node, Node::Item(_))).ok_or_else(|| {
        let hint = match rollout.graph().conversation_items.keys().next_back() {
            Some(ItemId(last)) => format!("items of this bundle: 1 to {last}"),
            None => "this bundle has no items".into(),
        };
        Failure::new(format!("no item matches {wanted:?}"), hint)
    })
}
