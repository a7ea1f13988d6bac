//! What the models saw.

use rollout_trace_schema::{
    CodexTurnId, CompactionId, EdgeId, InferenceCallId, ModelVisibleCallId, RawPayloadId, ResponsesItemId, Seq,
    ThreadId, ToolCallId, UnixMillis, open_enum,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CodeCellId, ItemId};

/// One item of a thread's conversation, as often as it was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConversationItem {
    /// The item.
    pub item_id: ItemId,
    /// Its Responses API id, if a sighting had one (schema 2). Not unique: edited items keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses_item_id: Option<ResponsesItemId>,
    /// When the agent core took it into its history (schema 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at_unix_ms: Option<UnixMillis>,
    /// The event by which it did (schema 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_seq: Option<Seq>,
    /// The thread whose conversation it is.
    pub thread_id: ThreadId,
    /// The turn in which it was first seen.
    pub codex_turn_id: Option<CodexTurnId>,
    /// When it was first seen.
    pub first_seen_at_unix_ms: UnixMillis,
    /// Who speaks.
    pub role: Role,
    /// To whom.
    pub channel: Option<Channel>,
    /// What it is.
    pub kind: ItemKind,
    /// For a message between agents, its two ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_message: Option<AgentMessage>,
    /// What it says.
    pub body: Body,
    /// The call that it makes or answers.
    pub call_id: Option<ModelVisibleCallId>,
    /// What the evidence proves to have produced it.
    pub produced_by: Vec<ProducerRef>,
    /// What is known beyond that of where it comes from. *Ours.*
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inferred_producers: Vec<InferredProducer>,
    /// The event that first showed it. *Ours.*
    #[serde(default)]
    pub first_seen_seq: Seq,
    /// The event that last showed it. *Ours.*
    #[serde(default)]
    pub last_seen_seq: Seq,
}

open_enum! {
    /// Who speaks.
    Role {
        /// The provider's or harness's rules.
        System = "system",
        /// The harness's rules.
        Developer = "developer",
        /// A person, or the harness in a person's place.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// A tool.
        Tool = "tool",
    }
}

open_enum! {
    /// To whom an item speaks.
    Channel {
        /// The model itself, or another agent.
        Analysis = "analysis",
        /// The runtime, or a person while work goes on.
        Commentary = "commentary",
        /// A person, as the answer.
        Final = "final",
        /// A later model.
        Summary = "summary",
    }
}

open_enum! {
    /// What an item is.
    ItemKind {
        /// A message.
        Message = "message",
        /// Reasoning.
        Reasoning = "reasoning",
        /// A call with JSON arguments.
        FunctionCall = "function_call",
        /// Its answer.
        FunctionCallOutput = "function_call_output",
        /// A call with free text.
        CustomToolCall = "custom_tool_call",
        /// Its answer.
        CustomToolCallOutput = "custom_tool_call_output",
        /// The place where a compacted history took over.
        CompactionMarker = "compaction_marker",
        /// Anything that this version does not know; its body is the whole item. *Ours.*
        UnknownItem = "unknown",
    }
}

/// The two ends of a message between agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentMessage {
    /// The agent that wrote it.
    pub author: String,
    /// The agent that it is for.
    pub recipient: String,
}

/// What an item says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Body {
    /// Its parts.
    pub parts: Vec<BodyPart>,
}

/// One part of a body.
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
        /// The field that it stood in.
        label: String,
        /// The text.
        value: String,
    },
    /// JSON.
    Json {
        /// Its compact text, cut to 240 bytes.
        summary: String,
        /// The payload that showed it first, where it stands whole.
        raw_payload_id: RawPayloadId,
    },
    /// Source code.
    Code {
        /// The language.
        language: String,
        /// The source.
        source: String,
    },
    /// Something that is only to be found in the payload.
    PayloadRef {
        /// What it is.
        label: String,
        /// The payload that showed it first.
        raw_payload_id: RawPayloadId,
        /// The SHA-256 of a content part's compact JSON text with sorted keys, in schema 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_sha256: Option<String>,
    },
}

impl BodyPart {
    /// The payload where the part stands whole, if it does not stand whole here.
    pub fn raw_payload_id(&self) -> Option<&RawPayloadId> {
        match self {
            Self::Json { raw_payload_id, .. } | Self::PayloadRef { raw_payload_id, .. } => Some(raw_payload_id),
            Self::Text { .. } | Self::Summary { .. } | Self::Encoded { .. } | Self::Code { .. } => None,
        }
    }
}

/// What the evidence proves to have produced an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ProducerRef {
    /// A model's response.
    Inference {
        /// The call that it answered.
        inference_call_id: InferenceCallId,
    },
    /// A tool.
    Tool {
        /// The call.
        tool_call_id: ToolCallId,
    },
    /// A code cell.
    CodeCell {
        /// The cell.
        code_cell_id: CodeCellId,
    },
    /// A compaction.
    Compaction {
        /// The compaction.
        compaction_id: CompactionId,
    },
}

/// Where an item comes from, beyond what `produced_by` may say. *Ours.*
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InferredProducer {
    /// A person: the agent core marks the item so.
    UserInput,
    /// The harness: the agent core marks the item so, or its role says so.
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
