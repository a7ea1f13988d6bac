//! The conversation: the items that models saw.

use rollout_trace_schema::{
    CodexTurnId, CompactionId, EdgeId, InferenceCallId, ModelVisibleCallId, RawPayloadId, ResponsesItemId, Seq,
    ThreadId, ToolCallId, UnixMillis, open_enum,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CodeCellId, ItemId};

/// One item of a thread's conversation, however often it was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConversationItem {
    /// The id of the item.
    pub item_id: ItemId,
    /// The item's Responses API id, if a sighting had one (schema 2). Not unique: an edited item keeps the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses_item_id: Option<ResponsesItemId>,
    /// When the agent core accepted the item into its history (schema 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at_unix_ms: Option<UnixMillis>,
    /// The event of the acceptance (schema 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_seq: Option<Seq>,
    /// The thread whose conversation contains the item.
    pub thread_id: ThreadId,
    /// The turn in which the item was first seen.
    pub codex_turn_id: Option<CodexTurnId>,
    /// When the item was first seen.
    pub first_seen_at_unix_ms: UnixMillis,
    /// The author of the item.
    pub role: Role,
    /// The audience of the item.
    pub channel: Option<Channel>,
    /// The kind of the item.
    pub kind: ItemKind,
    /// For a message between agents, its author and recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_message: Option<AgentMessage>,
    /// The content of the item.
    pub body: Body,
    /// The call that the item makes or answers.
    pub call_id: Option<ModelVisibleCallId>,
    /// The objects that produced the item, as far as the evidence proves it.
    pub produced_by: Vec<ProducerRef>,
    /// What else is known about the origin of the item. *Ours.*
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inferred_producers: Vec<InferredProducer>,
    /// The event that showed the item first. *Ours.*
    #[serde(default)]
    pub first_seen_seq: Seq,
    /// The event that showed the item last. *Ours.*
    #[serde(default)]
    pub last_seen_seq: Seq,
    /// Where a request, response or checkpoint showed the item first; absent if none did. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<FirstShown>,
    /// The payload of the acceptance that showed the item before any other payload did; absent if none did. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_payload_id: Option<RawPayloadId>,
    /// The name of the tool that the item calls, as the model gave it. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether reduction made `call_id`, because the provider and the agent core gave the call none. Absent if not.
    /// *Ours.*
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub call_id_made: bool,
}

/// Where an item was first shown to a model, by it, or to a compaction. An acceptance shows an item to nobody. *Ours.*
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstShown {
    /// The event that names the payload.
    pub seq: Seq,
    /// The payload.
    pub payload_id: RawPayloadId,
    /// The place of the item among the items of its list in the payload, from 0. Elements that are no items of a
    /// conversation do not count.
    pub index: u32,
}

open_enum! {
    /// The author of the item.
    Role {
        /// The provider's or the harness's rules.
        System = "system",
        /// The harness's rules.
        Developer = "developer",
        /// A person, or the harness on behalf of a person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// A tool.
        Tool = "tool",
    }
}

open_enum! {
    /// The audience of an item.
    Channel {
        /// The model itself, or another agent.
        Analysis = "analysis",
        /// The runtime, or a person while the work continues.
        Commentary = "commentary",
        /// A person, who receives the answer.
        Final = "final",
        /// A later model, after a compaction.
        Summary = "summary",
    }
}

open_enum! {
    /// The kind of an item.
    ItemKind {
        /// A message.
        Message = "message",
        /// Reasoning.
        Reasoning = "reasoning",
        /// A call with JSON arguments.
        FunctionCall = "function_call",
        /// The output of a call with JSON arguments.
        FunctionCallOutput = "function_call_output",
        /// A call with free text.
        CustomToolCall = "custom_tool_call",
        /// The output of a call with free text.
        CustomToolCallOutput = "custom_tool_call_output",
        /// The place where a compacted history replaced the history before it.
        CompactionMarker = "compaction_marker",
        /// A kind that this version does not know; the body contains the whole item. *Ours.*
        UnknownItem = "unknown",
    }
}

/// The author and recipient of a message between agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentMessage {
    /// The agent that wrote the message.
    pub author: String,
    /// The agent that the message is for.
    pub recipient: String,
}

/// The content of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Body {
    /// The parts of the content.
    pub parts: Vec<BodyPart>,
}

/// One part of an item's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BodyPart {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A summary of reasoning.
    Summary {
        /// The summary.
        text: String,
    },
    /// Text that only the provider can read.
    Encoded {
        /// The field that contained the text.
        label: String,
        /// The text.
        value: String,
    },
    /// JSON.
    Json {
        /// The compact JSON text, cut to 240 bytes.
        summary: String,
        /// The payload that showed the item first, which contains the whole JSON.
        raw_payload_id: RawPayloadId,
    },
    /// Source code.
    Code {
        /// The language.
        language: String,
        /// The source.
        source: String,
    },
    /// Content that only the payload contains.
    PayloadRef {
        /// The kind of the content.
        label: String,
        /// The payload that showed the item first.
        raw_payload_id: RawPayloadId,
        /// The SHA-256 of the content part's compact JSON text with sorted keys (schema 2).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_sha256: Option<String>,
    },
}

impl BodyPart {
    /// Returns the payload with the whole part, or `None` if the part is whole here.
    pub fn raw_payload_id(&self) -> Option<&RawPayloadId> {
        match self {
            Self::Json { raw_payload_id, .. } | Self::PayloadRef { raw_payload_id, .. } => Some(raw_payload_id),
            Self::Text { .. } | Self::Summary { .. } | Self::Encoded { .. } | Self::Code { .. } => None,
        }
    }
}

/// An object that produced an item, as the evidence proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ProducerRef {
    /// A model's response.
    Inference {
        /// The inference call.
        inference_call_id: InferenceCallId,
    },
    /// A tool.
    Tool {
        /// The tool call.
        tool_call_id: ToolCallId,
    },
    /// A code cell.
    CodeCell {
        /// The code cell.
        code_cell_id: CodeCellId,
    },
    /// A compaction.
    Compaction {
        /// The compaction.
        compaction_id: CompactionId,
    },
}

/// An origin of an item that `produced_by` cannot express. *Ours.*
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InferredProducer {
    /// A person, according to the agent core's mark on the item.
    UserInput,
    /// The harness, according to the agent core's mark on the item or the item's role.
    Harness {
        /// The part of the harness, if the agent core names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    /// An interaction with another agent.
    Edge {
        /// The interaction.
        edge_id: EdgeId,
    },
}
