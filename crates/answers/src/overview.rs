//! A rollout at a glance.

use rollout_trace_model::{ItemId, ItemKind, Line, Role};
use rollout_trace_reducer::Json;
use rollout_trace_schema::{CodexTurnId, ExecutionStatus, Producer};

use crate::{
    Completeness, Findings, Rollout, Stats, Time, TimeClass, Verdict,
    item_words::first_chars,
    usage::signed,
    words::{counted, duration, grouped, short},
};

/// A rollout at a glance: what it was asked, how it went, and where to look next. Everything in it is an answer to a
/// question of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// What it was asked, and how it went.
    pub glance: Glance,
    /// What a reviewer would want to be told.
    pub findings: Findings,
    /// Questions that suit this rollout, the most urgent first.
    pub next: Vec<NextStep>,
}

/// What can be said of a rollout at once. The rest of its overview takes longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// What began the first turn of the root thread.
    pub asked: Option<Said>,
    /// What the model said last in the last turn of the root thread.
    pub answered: Option<Said>,
    /// The program that recorded the rollout, and the one that started the session, as far as they are known.
    pub agent: Option<String>,
    /// The folder in which the agent worked.
    pub cwd: Option<String>,
    /// The rollout in numbers.
    pub stats: Stats,
    /// Where its time went.
    pub time: Time,
    /// How complete its evidence is.
    pub verdict: Verdict,
}

/// A text of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The item.
    pub item_id: ItemId,
    /// Its readable text.
    pub text: String,
}

/// A command that suits a rollout, without the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// The command.
    pub command: &'static str,
    /// What follows the bundle.
    pub arguments: Vec<String>,
}

/// The width by which texts are cut if that of lines is unlimited.
const USUAL_WIDTH: usize = 100;
/// How many codes of findings, models and classes of time are named.
const NAMED: usize = 3;
/// How many characters of the worst gap are shown.
const NOTE: usize = 80;

impl Glance {
    /// Looks at a rollout. `producer` is the program that wrote the bundle, if its manifest says so.
    pub fn of(rollout: &Rollout<'_>, producer: Option<&Producer>) -> Self {
        let graph = rollout.graph();
        let mut turns: Vec<_> =
            graph.codex_turns.values().filter(|turn| turn.thread_id == graph.root_thread_id).collect();
        turns.sort_by_key(|turn| turn.execution.started_seq);
        let said = |item_id: ItemId| Said { item_id, text: rollout.readable_text(item_id).into_owned() };
        let answered = turns.last().and_then(|turn| last_message(rollout, &turn.codex_turn_id));
        Self {
            asked: turns.first().and_then(|turn| rollout.input_of(turn)).map(said),
            answered: answered.map(said),
            agent: agent(rollout, producer),
            cwd: graph.threads.get(&graph.root_thread_id).and_then(|thread| thread.cwd.clone()),
            stats: Stats::of(rollout),
            time: Time::of(graph),
            verdict: Verdict::of(rollout),
        }
    }
}

impl Overview {
    /// The column at which the words after the labels begin.
    pub const INDENT: usize = 12;

    /// Looks at a rollout. `producer` is the program that wrote the bundle, if its manifest says so.
    pub fn of(rollout: &Rollout<'_>, producer: Option<&Producer>) -> Self {
        let (glance, findings) = (Glance::of(rollout, producer), Findings::of(rollout));
        Self { next: next(rollout, &glance, &findings), glance, findings }
    }

    /// Returns the overview as text, a line for each label. `started` says when the rollout began. If lines are broken
    /// at `width` columns, with their rest below the words, what matters least is left out until at most `most` remain.
    pub fn lines(&self, started: &str, width: Option<usize>, most: usize) -> Vec<Line> {
        let room = width.unwrap_or(USUAL_WIDTH).saturating_sub(Self::INDENT + 10).max(20);
        let quoted = |said: &Said| vec![format!("[{}] \"{}\"", said.item_id.0, first_chars(&said.text, room))];
        let mut rows = [
            ("asked", self.glance.asked.as_ref().map(quoted).unwrap_or_default()),
            ("answered", self.glance.answered.as_ref().map(quoted).unwrap_or_default()),
            ("agent", self.agent_words()),
            ("took", self.time_words(started)),
            ("tokens", self.token_words()),
            ("did", self.work_words()),
            ("evidence", self.verdict_words()),
            ("findings", self.finding_words()),
        ];
        let line = |(label, words): &(&str, Vec<String>)| -> Line {
            format!("  {label:<0$}{1}", Self::INDENT - 2, words.concat()).into()
        };
        if let Some(width) = width {
            let height = |row: &(&str, Vec<String>)| {
                if row.1.is_empty() { 0 } else { line(row).wrapped(width, Self::INDENT).to_string().lines().count() }
            };
            while rows.iter().map(height).sum::<usize>() > most {
                let longer =
                    rows.iter_mut().filter(|row| row.1.len() > 1 && height(row) > 1).max_by_key(|row| height(row));
                if longer.and_then(|row| row.1.pop()).is_none() {
                    break;
                }
            }
        }
        rows.iter().filter(|(_, words)| !words.is_empty()).map(line).collect()
    }

    fn agent_words(&self) -> Vec<String> {
        let models: Vec<_> =
            self.glance.stats.models.iter().filter(|model| !model.is_empty()).map(String::as_str).collect();
        let models = match models.as_slice() {
            [] => "no model was asked".to_owned(),
            models if models.len() <= NAMED => models.join(", "),
            models => format!("{} and {} more models", models[..NAMED].join(", "), models.len() - NAMED),
        };
        let cwd = self.glance.cwd.as_ref().filter(|cwd| !cwd.is_empty()).map(|cwd| format!("in {cwd}"));
        separated(self.glance.agent.clone().into_iter().chain([models]).chain(cwd), " · ")
    }

    fn time_words(&self, started: &str) -> Vec<String> {
        let mut shares: Vec<_> = self.glance.time.ms.iter().filter(|(_, ms)| **ms > 0).collect();
        shares.sort_by_key(|(class, ms)| (std::cmp::Reverse(**ms), **class));
        let percent = |ms: u64| (ms as f64 * 100.0 / self.glance.time.wall_ms.max(1) as f64).round();
        let share = |(class, ms): (&TimeClass, &u64)| format!("{} {} %", class.words(), percent(*ms));
        let mut words = vec![format!("{} from {started}", duration(self.glance.time.wall_ms))];
        let mut shares = separated(shares.into_iter().take(NAMED).map(share), ", ");
        shares.iter_mut().take(1).for_each(|first| first.insert_str(0, ": "));
        words.append(&mut shares);
        words
    }

    fn token_words(&self) -> Vec<String> {
        let totals = &self.glance.stats.totals;
        let reported = match totals.calls_with_usage {
            0 => "none reported".to_owned(),
            calls => {
                let of = match calls == totals.model_calls {
                    true => String::new(),
                    false => format!(" for {} of {} requests", grouped(calls), grouped(totals.model_calls)),
                };
                format!(
                    "{} in ({} cached), {} out{of}",
                    signed(totals.input_tokens),
                    signed(totals.cached_input_tokens),
                    signed(totals.output_tokens)
                )
            }
        };
        let largest = Some(self.glance.stats.largest_context_tokens_estimate).filter(|tokens| *tokens > 0);
        separated(
            [reported].into_iter().chain(largest.map(|tokens| format!("largest context ~{}", short(tokens)))),
            " · ",
        )
    }

    fn work_words(&self) -> Vec<String> {
        let totals = &self.glance.stats.totals;
        let things = |count: u64, thing: &str, failed: u64| {
            let failed = if failed > 0 { format!(" ({} failed)", grouped(failed)) } else { String::new() };
            counted(count as usize, thing) + &failed
        };
        let always = [
            things(totals.agents, "agent", 0),
            things(totals.turns, "turn", totals.turns_failed),
            things(totals.model_calls, "request", totals.model_calls_failed),
            things(totals.tool_calls, "tool call", totals.tool_calls_failed),
        ];
        let others =
            [(totals.code_cells, "code cell", totals.code_cells_failed), (totals.compactions, "compaction", 0)];
        let others = others.into_iter().filter(|(count, ..)| *count > 0);
        let others = others.map(|(count, thing, failed)| things(count, thing, failed));
        separated(always.into_iter().chain(others), ", ")
    }

    fn verdict_words(&self) -> Vec<String> {
        let word = self.glance.verdict.verdict.as_str();
        let Some((worst, others)) = self.glance.verdict.gaps.split_first() else { return vec![word.to_owned()] };
        let worst = format!("{word}: {}", first_chars(&worst.note, NOTE));
        let others = Some(others.len()).filter(|count| *count > 0);
        separated([worst].into_iter().chain(others.map(|count| format!("and {}", counted(count, "other gap")))), " · ")
    }

    fn finding_words(&self) -> Vec<String> {
        let counts = self.findings.counts.iter().filter(|(_, count)| **count > 0);
        let counts: Vec<_> = counts.map(|(severity, count)| counted(*count, severity.as_str())).collect();
        if counts.is_empty() {
            return vec!["none".to_owned()];
        }
        // The findings come the gravest first.
        let mut codes: Vec<(&str, usize)> = Vec::new();
        for finding in &self.findings.findings {
            match codes.iter_mut().find(|(code, _)| *code == finding.code.as_str()) {
                Some((_, count)) => *count += 1,
                None => codes.push((finding.code.as_str(), 1)),
            }
        }
        let more = Some(codes.len().saturating_sub(NAMED)).filter(|more| *more > 0);
        let times = |count: usize| if count > 1 { format!(" ×{}", grouped(count as u64)) } else { String::new() };
        let named = codes.into_iter().take(NAMED).map(|(code, count)| format!("{code}{}", times(count)));
        let mut words = separated(named.chain(more.map(|more| counted(more, "other code"))), ", ");
        words.iter_mut().take(1).for_each(|first| first.insert_str(0, &format!("{}: ", counts.join(", "))));
        words
    }
}

/// Returns words that are separated, each but the first with the separator before it.
fn separated(words: impl IntoIterator<Item = String>, separator: &str) -> Vec<String> {
    let separate = |(number, word): (usize, String)| if number == 0 { word } else { format!("{separator}{word}") };
    words.into_iter().enumerate().map(separate).collect()
}

/// Returns the last message of the model in a turn of the root thread.
fn last_message(rollout: &Rollout<'_>, turn: &CodexTurnId) -> Option<ItemId> {
    let graph = rollout.graph();
    let calls = rollout.index().calls_of(&graph.root_thread_id).iter().rev();
    let responses = calls.take_while(|call| call.codex_turn_id.as_ref() == Some(turn));
    let is_message = |item: &&ItemId| {
        let item = graph.conversation_items.get(item);
        item.is_some_and(|item| item.kind == ItemKind::Message && item.role == Role::Assistant)
    };
    responses.flat_map(|call| call.response_item_ids.iter().rev()).find(is_message).copied()
}

/// Returns the program that recorded the rollout and the one that started the session.
fn agent(rollout: &Rollout<'_>, producer: Option<&Producer>) -> Option<String> {
    let graph = rollout.graph();
    let metadata = graph.threads.get(&graph.root_thread_id).and_then(|thread| thread.raw_metadata_payload_id.as_ref());
    let source = metadata.and_then(|metadata| {
        rollout.document(metadata, |metadata| metadata.get("session_source").and_then(Json::as_str).map(str::to_owned))
    });
    let producer = producer.map(|Producer { name, version }| format!("{name} {version}"));
    match (producer, source) {
        (Some(producer), Some(source)) => Some(format!("{producer} ({source})")),
        (producer, source) => producer.or(source),
    }
}

/// Chooses questions that suit a rollout, the most urgent first.
fn next(rollout: &Rollout<'_>, glance: &Glance, findings: &Findings) -> Vec<NextStep> {
    let step = |command, arguments: &[String]| NextStep { command, arguments: arguments.to_vec() };
    let mut steps = Vec::new();
    if glance.verdict.verdict >= Completeness::Cut {
        steps.push(step("check", &[]));
    }
    let has_failed = rollout.graph().status == ExecutionStatus::Failed
        || rollout.calls().iter().any(|call| call.execution.status == ExecutionStatus::Failed);
    if has_failed {
        steps.push(step("show", &["--errors".to_owned()]));
    }
    if !findings.findings.is_empty() {
        steps.push(step("findings", &[]));
    }
    steps.extend(glance.answered.iter().map(|said| step("why", &[said.item_id.0.to_string()])));
    let largest = rollout.calls().iter().max_by_key(|call| rollout.context_tokens(call));
    steps.extend(largest.map(|call| step("context", &[rollout.call_number(&call.inference_call_id).to_string()])));
    steps.push(step("time", &[]));
    steps
}
