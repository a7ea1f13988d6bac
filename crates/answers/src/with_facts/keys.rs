//! What is written beside the keys of the graph. The descriptions are those of the schema.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rollout_trace_model::{AgentThread, CodexTurn, ConversationItem, InferenceCall, ItemId, ToolCall};
use rollout_trace_reducer::{Fingerprint, Json};
use rollout_trace_schema::CodexTurnId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    DefinitionId, ESTIMATOR, Origin, RequestFacts, Sizes,
    files::read_files,
    origin::{forked_from, producers},
    patches,
    rollout::Rollout,
};

/// What is written beside the keys of an item.
#[derive(Serialize, JsonSchema)]
pub(super) struct ItemKeys<'r> {
    /// The sizes of its model text where it was first shown. Only with `--with-facts`. *Ours.*
    sizes: Sizes,
    /// The first item of the rollout that a provider's cache cannot tell apart from it, which may be itself. Only with
    /// `--with-facts`. *Ours.*
    fingerprint: ItemId,
    /// Where it comes from. Only with `--with-facts`. *Ours.*
    origin: OriginKeys<'r>,
}

/// Where an item comes from.
#[derive(Serialize, JsonSchema)]
struct OriginKeys<'r> {
    #[serde(flatten)]
    origin: &'r Origin,
    /// The older item that it copies: of a compaction's input, or of the parent of a spawned agent. Absent if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    copied_from: Option<ItemId>,
}

impl<'r> ItemKeys<'r> {
    pub(super) fn of(rollout: &'r Rollout<'_>, equals: &FirstEquals, item: &ConversationItem) -> Self {
        let index = rollout.index();
        let is_explained = producers(rollout.graph(), item).next().is_some()
            || !item.inferred_producers.is_empty()
            || item.agent_message.is_some();
        let fork = || forked_from(rollout, index, item).filter(|_| !is_explained);
        Self {
            sizes: rollout.sizes(item.item_id),
            fingerprint: equals.0.get(&rollout.facts().fingerprint(item)).copied().unwrap_or(item.item_id),
            origin: OriginKeys {
                origin: index.origin(item.item_id),
                copied_from: index.copied_from(item.item_id).or_else(fork),
            },
        }
    }
}

/// The first item of the rollout with each fingerprint. Fingerprints themselves are those of one process.
pub(super) struct FirstEquals(HashMap<Fingerprint, ItemId>);

impl FirstEquals {
    pub(super) fn of(rollout: &Rollout<'_>) -> Self {
        let mut first = HashMap::new();
        for item in rollout.graph().conversation_items.values() {
            first.entry(rollout.facts().fingerprint(item)).or_insert(item.item_id);
        }
        Self(first)
    }
}

/// What is written beside the keys of an inference call.
#[derive(Serialize, JsonSchema)]
pub(super) struct CallKeys<'r> {
    /// The N of its name `inference-N`: its place among the calls of the rollout by start, from 1. Only with `--with-facts`.
    /// *Ours.*
    number: usize,
    /// What its request holds besides the items. Only with `--with-facts`. *Ours.*
    request: RequestKeys<'r>,
    /// Whether its response could be read. Only with `--with-facts`. *Ours.*
    response_readable: bool,
}

/// What a request holds besides the items of the conversation.
#[derive(Serialize, JsonSchema)]
struct RequestKeys<'r> {
    /// Whether it could be read. If not, there are no other keys.
    readable: bool,
    #[serde(flatten)]
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<HeldKeys<'r>>,
}

/// What a readable request holds.
#[derive(Serialize, JsonSchema)]
struct HeldKeys<'r> {
    /// The tools, in order: keys of `tool_definitions`.
    tools: Vec<usize>,
    /// A key of `instructions`; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<usize>,
    /// A key of `output_formats`; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_format: Option<usize>,
    /// Everything else that can change the answer.
    settings: BTreeMap<&'r str, &'r Value>,
    /// Which cache of the provider to use; absent if the request does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_key: Option<&'r Value>,
    /// The response that it continues; absent if it repeats the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_response_id: Option<&'r Value>,
    /// How many leading items its payload does not contain, because it continues a response.
    prefix_items: usize,
}

impl<'r> CallKeys<'r> {
    pub(super) fn of(rollout: &'r Rollout<'_>, call: &InferenceCall) -> Self {
        let held = rollout.facts().request(&call.inference_call_id);
        Self {
            number: rollout.call_number(&call.inference_call_id),
            request: RequestKeys {
                readable: held.is_some(),
                held: held.map(|request| HeldKeys::of(request, call.request_item_ids.len())),
            },
            response_readable: rollout.facts().has_response(&call.inference_call_id),
        }
    }
}

impl<'r> HeldKeys<'r> {
    fn of(request: &'r RequestFacts, items: usize) -> Self {
        Self {
            tools: request.tools.iter().map(|id| id.place()).collect(),
            instructions: request.instructions.map(DefinitionId::place),
            output_format: request.output_format.map(DefinitionId::place),
            settings: request.settings.iter().map(|(name, value)| (&**name, &**value)).collect(),
            cache_key: request.cache_key.as_deref(),
            previous_response_id: request.previous_response_id.as_deref(),
            prefix_items: items.saturating_sub(request.items_in_payload),
        }
    }
}

/// What is written beside the keys of a tool call.
#[derive(Serialize, JsonSchema)]
pub(super) struct ToolCallKeys {
    /// The files that it reads or patches, as far as it says so. Only with `--with-facts`. *Ours.*
    files: Vec<FileKeys>,
}

/// A file of a tool call.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
struct FileKeys {
    /// The path, relative to the folder in which the agent works if it is in it.
    path: String,
    /// What the call does to it.
    how: FileUse,
}

/// What a tool call does to a file.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FileUse {
    /// It reads the file.
    Read,
    /// It adds, changes or deletes the file.
    Patch,
}

impl ToolCallKeys {
    pub(super) fn of(rollout: &Rollout<'_>, call: &ToolCall) -> Self {
        let read = read_files(rollout, call).into_iter().map(|path| FileKeys { path, how: FileUse::Read });
        let patched = patches::files(rollout, call).into_iter();
        let patched = patched.map(|file| FileKeys { path: file.path, how: FileUse::Patch });
        let files: BTreeSet<_> = read.chain(patched).collect();
        Self { files: files.into_iter().collect() }
    }
}

/// What is written beside the keys of a turn.
#[derive(Serialize, JsonSchema)]
pub(super) struct TurnKeys<'r> {
    /// The turn of another agent that began it; absent if it says nothing of one. Only with `--with-facts`. *Ours.*
    #[serde(skip_serializing_if = "Option::is_none")]
    begun_by: Option<BegunBy<'r>>,
    /// The size of the model's context window, if the agent core said it when the turn started. Only with `--with-facts`.
    /// *Ours.*
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<i64>,
    /// How long the first token took, if the agent core said it when the turn ended. Only with `--with-facts`. *Ours.*
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_first_token_ms: Option<i64>,
    /// The last of its new items that a person or an agent wrote, or else the last; absent if it has none. Only with
    /// `--with-facts`. *Ours.*
    #[serde(skip_serializing_if = "Option::is_none")]
    main_input_item_id: Option<ItemId>,
}

/// The turn that began another one.
#[derive(Serialize, JsonSchema)]
struct BegunBy<'r> {
    /// The turn.
    parent_turn_id: &'r CodexTurnId,
    /// The name of its agent.
    agent_path: &'r str,
}

impl<'r> TurnKeys<'r> {
    pub(super) fn of(rollout: &'r Rollout<'_>, ends: &TurnEnds<'_>, turn: &CodexTurn) -> Self {
        let start = rollout.index().turn_starts().of_turn(&turn.codex_turn_id);
        let begun_by = start.and_then(|start| start.parent).and_then(|parent| {
            let thread = &rollout.graph().codex_turns.get(parent)?.thread_id;
            Some(BegunBy { parent_turn_id: parent, agent_path: rollout.agent(thread) })
        });
        Self {
            begun_by,
            context_window: start.and_then(|start| start.window_tokens),
            time_to_first_token_ms: ends.0.get(&turn.codex_turn_id).copied(),
            main_input_item_id: rollout.input_of(turn),
        }
    }
}

/// How long the first token of each turn took.
pub(super) struct TurnEnds<'a>(HashMap<&'a CodexTurnId, i64>);

impl<'a> TurnEnds<'a> {
    pub(super) fn of(rollout: &Rollout<'a>) -> Self {
        let graph = rollout.graph();
        let markers = graph.threads.values().flat_map(|thread| &thread.markers).chain(&graph.markers);
        let ends = markers.filter(|marker| matches!(marker.name.as_str(), "turn_complete" | "task_complete"));
        let of_end = |marker: &'a rollout_trace_model::Marker| {
            let said = |end: &Json<'_>| {
                let turn = end.text("turn_id").and_then(|id| graph.codex_turns.get_key_value(id));
                Some((end.get("time_to_first_token_ms")?.as_i64()?, turn.map(|(id, _)| id)))
            };
            let (time, named) = rollout.document(marker.raw_payload_ids.first()?, said)?;
            Some((marker.codex_turn_id.as_ref().or(named)?, time))
        };
        Self(ends.filter_map(of_end).collect())
    }
}

/// What is written beside the keys of a thread.
#[derive(Serialize, JsonSchema)]
pub(super) struct ThreadKeys<'r> {
    /// The name of its agent: its path, with a number if an earlier agent has the same one. Only with `--with-facts`.
    /// *Ours.*
    display_name: &'r str,
    /// The size of the model's context window, if the agent core said it when a turn started: the last one. Only with
    /// `--with-facts`. *Ours.*
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<i64>,
}

impl<'r> ThreadKeys<'r> {
    pub(super) fn of(rollout: &'r Rollout<'_>, thread: &'r AgentThread) -> Self {
        let last = rollout.index().turn_starts().last_before(&thread.thread_id, u64::MAX);
        Self {
            display_name: rollout.agent(&thread.thread_id),
            context_window: last.and_then(|start| start.window_tokens),
        }
    }
}

/// What is written beside the keys of the whole graph.
#[derive(Serialize, JsonSchema)]
pub(super) struct TraceKeys<'r> {
    /// The estimator of `tokens_estimate`. Only with `--with-facts`. *Ours.*
    estimator: &'static str,
    /// The different definitions of tools that requests carry, by number. Only with `--with-facts`. *Ours.*
    tool_definitions: BTreeMap<usize, DefinitionKeys<'r>>,
    /// The different instructions that requests carry, by number. Only with `--with-facts`. *Ours.*
    instructions: BTreeMap<usize, DefinitionKeys<'r>>,
    /// The different output formats that requests carry, by number. Only with `--with-facts`. *Ours.*
    output_formats: BTreeMap<usize, DefinitionKeys<'r>>,
}

/// A definition that requests carry.
#[derive(Serialize, JsonSchema)]
struct DefinitionKeys<'r> {
    /// The name of the tool, or else its type; absent for instructions and output formats.
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'r str,
    /// The sizes of its text.
    sizes: Sizes,
}

impl<'r> TraceKeys<'r> {
    pub(super) fn of(rollout: &'r Rollout<'_>) -> Self {
        let facts = rollout.facts();
        let mut keys = Self {
            estimator: ESTIMATOR,
            tool_definitions: BTreeMap::new(),
            instructions: BTreeMap::new(),
            output_formats: BTreeMap::new(),
        };
        let mut add = |to: fn(&mut Self) -> &mut BTreeMap<usize, DefinitionKeys<'r>>, id: &DefinitionId| {
            to(&mut keys).entry(id.place()).or_insert_with(|| {
                let definition = facts.definition(*id);
                DefinitionKeys { name: &definition.name, sizes: definition.sizes }
            });
        };
        for request in rollout.calls().iter().filter_map(|call| facts.request(&call.inference_call_id)) {
            request.tools.iter().for_each(|id| add(|keys| &mut keys.tool_definitions, id));
            request.instructions.iter().for_each(|id| add(|keys| &mut keys.instructions, id));
            request.output_format.iter().for_each(|id| add(|keys| &mut keys.output_formats, id));
        }
        keys
    }
}
