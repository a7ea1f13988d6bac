//! The command `show`.

use rollout_trace::{Drawing, RolloutTrace, model::ItemId, reduce_bundle, schema::ThreadId};

use crate::{
    args::ShowArgs,
    failure::{Failure, Verdict},
    output::Output,
    summary::summary,
};

pub(crate) fn run(args: &ShowArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let bundle = args.choice.open_only(args.bundle.as_ref())?;
    let graph = reduce_bundle(&bundle);
    let mut drawing = Drawing::new(&graph);
    if let Some(wanted) = &args.thread {
        drawing = drawing.thread(find_thread(&graph, wanted)?);
    }
    if let Some(wanted) = &args.item {
        drawing = drawing.item(find_item(&graph, wanted)?);
    }
    output.drawing(drawing)?;
    output.flush()?;
    // The drawing of the whole graph ends with its diagnostics.
    let is_part = args.thread.is_some() || args.item.is_some();
    if is_part && let Some(summary) = summary(bundle.path(), &graph) {
        output.say_all(summary);
    }
    Ok(Verdict::Clean)
}

fn find_thread<'a>(graph: &'a RolloutTrace, wanted: &str) -> Result<&'a ThreadId, Failure> {
    if let Some((id, _)) = graph.threads.get_key_value(wanted) {
        return Ok(id);
    }
    let by_path: Vec<_> = graph.threads.iter().filter(|(_, thread)| thread.agent_path.as_str() == wanted).collect();
    let by_beginning = || graph.threads.iter().filter(|(id, _)| id.starts_with(wanted)).collect();
    match (if by_path.is_empty() { by_beginning() } else { by_path }).as_slice() {
        [(id, _)] => Ok(id),
        found => {
            let what = if found.is_empty() { "no thread matches" } else { "more than one thread matches" };
            let known = graph.threads.iter().map(|(id, thread)| format!("{id} {}", thread.agent_path));
            let known: Vec<String> = known.collect();
            Err(Failure::new(format!("{what} {wanted:?}"), format!("threads of this bundle: {}", known.join(", "))))
        }
    }
}

fn find_item(graph: &RolloutTrace, wanted: &str) -> Result<ItemId, Failure> {
    let number = wanted.parse::<u32>().ok().map(ItemId).or_else(|| wanted.parse().ok());
    number.filter(|item| graph.conversation_items.contains_key(item)).ok_or_else(|| {
        let hint = match graph.conversation_items.keys().next_back() {
            Some(last) => format!("items of this bundle: 1 to {}", last.0),
            None => "this bundle has no items".into(),
        };
        Failure::new(format!("no item matches {wanted:?}"), hint)
    })
}
