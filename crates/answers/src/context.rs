//! What a model saw in one request.
//!
//! Source: questions, section 3.

use std::collections::BTreeMap;

use rollout_trace_model::{InferenceCall, ItemId, Line};
use rollout_trace_schema::{CodexTurnId, ExecutionStatus, InferenceCallId, RawPayloadId, Seq, ThreadId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Certainty, DefinitionId, ESTIMATOR, OriginClass, Sizes, Usage, item_words::item_words, payload_name::payload_words,
    rollout::Rollout, words::grouped,
};

/// What a model saw in one request, by section, with sizes that add up.
///
/// How the provider rendered the request, and the tokens of media, are not claimed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Context {
    /// `context`.
    pub question: &'static str,
    /// The inference call.
    pub inference_call_id: InferenceCallId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// Its turn.
    pub codex_turn_id: Option<CodexTurnId>,
    /// The model.
    pub model: String,
    /// The status of the call.
    pub status: ExecutionStatus,
    /// The event with the request.
    pub seq: Seq,
    /// The payload of the request.
    pub payload_id: Option<RawPayloadId>,
    /// Whether the payload is a JSON object. If not, only the items that the graph lists are shown.
    pub readable: bool,
    /// Whether the request repeats the conversation or continues a response.
    pub request_is: RequestForm,
    /// Everything else in the request that can change the answer.
    pub settings: BTreeMap<String, Value>,
    /// The sizes of each section.
    pub sections: BTreeMap<SectionName, SectionSizes>,
    /// The parts of each section, in order.
    pub parts: Parts,
    /// What the provider reported.
    pub usage: Usage,
    /// The size of the model's context window, if the agent core said it before the call.
    pub window_tokens: Option<i64>,
    /// The name of the estimator.
    pub estimator: &'static str,
    /// The texts that only the text form shows.
    #[serde(skip)]
    words: Words,
}

/// What the text form shows besides.
#[derive(Clone, Debug, Default, PartialEq)]
struct Words {
    call: String,
    agent: String,
    turn: String,
    items: Vec<String>,
    before: Option<String>,
}

/// How a request holds the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestForm {
    /// It holds the whole conversation.
    Whole,
    /// It names a response, and holds what came after.
    Incremental,
}

/// A section of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SectionName {
    /// The definitions of tools.
    Tools,
    /// The instructions.
    Instructions,
    /// The format that the answer must have.
    OutputFormat,
    /// The items of the conversation.
    Items,
}

impl SectionName {
    const ALL: [Self; 4] = [Self::Tools, Self::Instructions, Self::OutputFormat, Self::Items];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Instructions => "instructions",
            Self::OutputFormat => "output format",
            Self::Items => "items",
        }
    }
}

/// The sizes of a section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SectionSizes {
    /// How many parts it has.
    pub parts: usize,
    /// Their sizes, added up.
    #[serde(flatten)]
    pub sizes: Sizes,
}

/// The parts of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Parts {
    /// The definitions of tools.
    pub tools: Vec<ToolPart>,
    /// The instructions: one part or none.
    pub instructions: Vec<Sizes>,
    /// The format that the answer must have: one part or none.
    pub output_format: Vec<Sizes>,
    /// The items of the conversation.
    pub items: Vec<ItemPart>,
}

/// The definition of a tool in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ToolPart {
    /// The name of the tool, or else its type.
    pub name: String,
    /// The sizes of its definition.
    #[serde(flatten)]
    pub sizes: Sizes,
}

/// An item in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ItemPart {
    /// Its place, from 0.
    pub place: usize,
    /// The item.
    pub item_id: ItemId,
    /// The class of its origin.
    pub source: OriginClass,
    /// The name of its origin.
    pub name: String,
    /// How certain the origin is.
    pub certainty: Certainty,
    /// Its sizes where it was first shown.
    #[serde(flatten)]
    pub sizes: Sizes,
    /// Whether the payload does not contain it, because the request continues a response.
    pub by_reference: bool,
    /// Whether no earlier call carried it.
    pub first_in: bool,
}

impl Context {
    /// Answers what a model saw in a call's request.
    pub fn of(rollout: &Rollout<'_>, call: &InferenceCall) -> Self {
        let (facts, index) = (rollout.facts(), rollout.index());
        let request = facts.request(&call.inference_call_id);
        let sizes = |id: &DefinitionId| facts.definition(*id).sizes;
        let mut parts = Parts::default();
        let mut settings = BTreeMap::new();
        if let Some(request) = request {
            parts.tools = { request.tools.iter() }
                .map(|id| ToolPart { name: facts.definition(*id).name.clone(), sizes: sizes(id) })
                .collect();
            parts.instructions = request.instructions.iter().map(sizes).collect();
            parts.output_format = request.output_format.iter().map(sizes).collect();
            settings = request.settings.iter().map(|(name, value)| (name.to_string(), (**value).clone())).collect();
        }
        let by_reference =
            request.map_or(0, |request| call.request_item_ids.len().saturating_sub(request.items_in_payload));
        let is_first_in = |item: ItemId| {
            let first = index.carried(item).first;
            first.is_none_or(|first| first.inference_call_id == call.inference_call_id)
        };
        let of_item = |(place, item_id): (usize, ItemId)| {
            let origin = index.origin(item_id);
            ItemPart {
                place,
                item_id,
                source: origin.class,
                name: origin.name.clone(),
                certainty: origin.certainty,
                sizes: rollout.sizes(item_id),
                by_reference: place < by_reference,
                first_in: is_first_in(item_id),
            }
        };
        parts.items = call.request_item_ids.iter().enumerate().map(of_item).collect();
        let words = Words {
            call: rollout.call_name(&call.inference_call_id),
            agent: rollout.agent(&call.thread_id).to_owned(),
            turn: call.codex_turn_id.as_ref().map_or_else(String::new, |turn| rollout.turn_name(turn)),
            items: words(rollout, &parts.items),
            before: index.call_before(call).map(|before| rollout.call_name(&before.inference_call_id)),
        };
        Self {
            question: "context",
            inference_call_id: call.inference_call_id.clone(),
            thread_id: call.thread_id.clone(),
            codex_turn_id: call.codex_turn_id.clone(),
            model: call.model.clone(),
            status: call.execution.status.clone(),
            seq: facts.naming(call.execution.started_seq, call.raw_request_payload_id.as_ref()),
            payload_id: call.raw_request_payload_id.clone(),
            readable: request.is_some(),
            request_is: match request.is_some_and(|request| request.is_incremental) {
                true => RequestForm::Incremental,
                false => RequestForm::Whole,
            },
            settings,
            sections: parts.sections(),
            parts,
            usage: Usage::of(rollout, call),
            window_tokens: window_tokens(rollout, call),
            estimator: ESTIMATOR,
            words,
        }
    }

    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        let Words { call, agent, turn, .. } = &self.words;
        let head = [call, agent, turn, &self.model, self.status.as_str()];
        let head: Vec<_> = head.into_iter().filter(|word| !word.is_empty()).collect();
        let payload = self.payload_id.as_ref().map_or(String::new(), |payload| format!(" {}", payload_words(payload)));
        let mut lines: Vec<Line> = vec![format!("{} · seq {}{payload}", head.join(" · "), self.seq).into()];
        if !self.readable {
            lines.push("  the request cannot be read; only what the graph lists is shown".into());
        }
        let all: u64 = self.sections.values().map(|section| section.sizes.tokens_estimate).sum();
        for name in SectionName::ALL {
            let SectionSizes { parts, sizes } = self.sections[&name];
            if parts > 0 {
                lines.push(
                    format!(
                        "  {:<14}{parts:>4} {:<5}{:>12} bytes  ~{:>8} tokens  {}",
                        name.words(),
                        if parts == 1 { "part" } else { "parts" },
                        grouped(sizes.bytes),
                        grouped(sizes.tokens_estimate),
                        percent(sizes.tokens_estimate, all)
                    )
                    .into(),
                );
            }
        }
        lines.push(self.usage.line());
        let mut parts: Vec<_> = self.all_parts().collect();
        parts.sort_by_key(|(tokens, _)| std::cmp::Reverse(*tokens));
        let smaller = parts.split_off(parts.len().min(LARGEST));
        if !parts.is_empty() {
            lines.push("  largest".into());
        }
        lines.extend(parts.into_iter().map(|(tokens, words)| part_line(tokens, all, &words)));
        if !smaller.is_empty() {
            let tokens = smaller.iter().map(|(tokens, _)| tokens).sum();
            lines.push(part_line(tokens, all, &format!("{} smaller parts", smaller.len())));
        }
        if let Some(before) = &self.words.before {
            let new = self.parts.items.iter().zip(&self.words.items).filter(|(part, _)| part.first_in);
            let new: Vec<_> = new
                .map(|(part, words)| part_line(part.sizes.tokens_estimate, all, &with_origin(part, words)))
                .collect();
            if !new.is_empty() {
                lines.push(format!("  new since {before}").into());
                lines.extend(new);
            }
        }
        lines
    }

    fn all_parts(&self) -> impl Iterator<Item = (u64, String)> + '_ {
        let tools = self.parts.tools.iter().map(|tool| (tool.sizes.tokens_estimate, format!("tool {}", tool.name)));
        let one = |name: &'static str| move |sizes: &Sizes| (sizes.tokens_estimate, name.to_owned());
        let instructions = self.parts.instructions.iter().map(one("instructions"));
        let format = self.parts.output_format.iter().map(one("output format"));
        let items = self.parts.items.iter().zip(&self.words.items);
        let items = items.map(|(part, words)| (part.sizes.tokens_estimate, with_origin(part, words)));
        tools.chain(instructions).chain(format).chain(items)
    }
}

/// How many parts are listed by size.
const LARGEST: usize = 3;

impl Parts {
    fn sections(&self) -> BTreeMap<SectionName, SectionSizes> {
        let of = |sizes: Vec<Sizes>| SectionSizes { parts: sizes.len(), sizes: sizes.into_iter().sum() };
        BTreeMap::from([
            (SectionName::Tools, of(self.tools.iter().map(|tool| tool.sizes).collect())),
            (SectionName::Instructions, of(self.instructions.clone())),
            (SectionName::OutputFormat, of(self.output_format.clone())),
            (SectionName::Items, of(self.items.iter().map(|item| item.sizes).collect())),
        ])
    }
}

/// Returns the items that the text form names in a few words: those that are new and the largest. The others have none.
fn words(rollout: &Rollout<'_>, items: &[ItemPart]) -> Vec<String> {
    let mut by_size: Vec<_> = (0..items.len()).collect();
    by_size.sort_by_key(|place| std::cmp::Reverse(items[*place].sizes.tokens_estimate));
    let mut is_named: Vec<_> = items.iter().map(|part| part.first_in).collect();
    by_size.into_iter().take(LARGEST).for_each(|place| is_named[place] = true);
    let words = |(part, is_named): (&ItemPart, bool)| {
        if is_named { item_words(rollout, part.item_id) } else { String::new() }
    };
    items.iter().zip(is_named).map(words).collect()
}

fn part_line(tokens: u64, all: u64, words: &str) -> Line {
    format!("    ~{:>7}  {}  {words}", grouped(tokens), percent(tokens, all)).into()
}

fn with_origin(part: &ItemPart, words: &str) -> String {
    format!("{words}  ({}: {})", part.source.as_str(), part.name)
}

fn percent(part: u64, all: u64) -> String {
    let share = if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 };
    format!("{share:>5.1} %")
}

/// Returns the size of the model's context window, as the last turn of the thread that started before a call says.
pub(crate) fn window_tokens(rollout: &Rollout<'_>, call: &InferenceCall) -> Option<i64> {
    rollout.index().turn_starts().last_before(&call.thread_id, call.execution.started_seq)?.window_tokens
}
