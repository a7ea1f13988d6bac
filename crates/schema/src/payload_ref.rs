//! References from events to payload documents.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

use crate::RawPayloadId;

/// Points from an event to a payload document.
///
/// A payload is readable at its place before the event that refers to it is written.
// Source: bundle 1, section 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PayloadRef {
    /// The payload's id, `raw_payload:N` in the order of writing.
    pub raw_payload_id: RawPayloadId,
    /// What the document is.
    pub kind: PayloadKind,
    /// The path of the document, relative to the bundle. A reader refuses an absolute path, `..` and a link that leads
    /// out.
    pub path: String,
}

macro_rules! payload_kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// What a payload document is.
        ///
        /// Source: bundle 1, sections 3.1 and 3.2.
        ///
        /// Written adjacently tagged, `{"type": …}`; a future kind may carry a `"value"`.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum PayloadKind {
            $($(#[$doc])* $variant,)+
            /// A kind that this version does not know, as it was written.
            Unknown {
                /// The kind's name.
                name: Box<str>,
                /// What the kind carries, if anything.
                value: Option<Box<Value>>,
            },
        }

        impl PayloadKind {
            /// The names of the kinds that this version knows.
            pub const KNOWN: &[&str] = &[$($text),+];

            /// Returns the kind's name as it is written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unknown { name, .. } => name,
                }
            }

            fn from_parts(name: &str, value: Option<Value>) -> Self {
                match name {
                    $($text if value.is_none() => Self::$variant,)+
                    _ => Self::Unknown { name: name.into(), value: value.map(Box::new) },
                }
            }
        }
    };
}

payload_kinds! {
    /// A request to the model.
    InferenceRequest = "inference_request",
    /// What the model answered, whole or in part.
    InferenceResponse = "inference_response",
    /// A request for a compaction.
    CompactionRequest = "compaction_request",
    /// A history before and after a compaction.
    CompactionCheckpoint = "compaction_checkpoint",
    /// The answer to a request for a compaction.
    CompactionResponse = "compaction_response",
    /// What a tool was asked for.
    ToolInvocation = "tool_invocation",
    /// What a tool answered.
    ToolResult = "tool_result",
    /// What a tool's runtime reported.
    ToolRuntimeEvent = "tool_runtime_event",
    /// What a terminal's runtime reported.
    TerminalRuntimeEvent = "terminal_runtime_event",
    /// An event of the agent core's protocol.
    ProtocolEvent = "protocol_event",
    /// The settings of a thread.
    SessionMetadata = "session_metadata",
    /// What a child agent reported to its parent.
    AgentResult = "agent_result",
}

impl Serialize for PayloadKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = match self {
            Self::Unknown { value, .. } => value.as_ref(),
            _ => None,
        };
        let mut object = serializer.serialize_struct("PayloadKind", 1 + usize::from(value.is_some()))?;
        object.serialize_field("type", self.as_str())?;
        if let Some(value) = value {
            object.serialize_field("value", value)?;
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for PayloadKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts<'a> {
            #[serde(borrow)]
            r#type: Cow<'a, str>,
            // A null that is present differs from an absent value.
            #[serde(default, deserialize_with = "some")]
            value: Option<Value>,
        }
        fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
            Value::deserialize(deserializer).map(Some)
        }
        let parts = Parts::deserialize(deserializer)?;
        Ok(Self::from_parts(&parts.r#type, parts.value))
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for PayloadKind {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PayloadKind".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "What a payload document is. A kind of a newer producer may carry a value.",
            "properties": { "type": { "type": "string", "examples": Self::KNOWN }, "value": true },
            "required": ["type"],
        })
    }
}
