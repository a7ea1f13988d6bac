//! References from events to payload documents.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Map, Value};

use crate::{Manifest, RawPayloadId};

/// Points from an event to a payload document.
///
/// A payload is readable at its place before the event that refers to it is written.
///
/// ```
/// use rollout_trace_schema::{Capture, PayloadKind, PayloadPlace, PayloadRef};
///
/// let text = r#"{"raw_payload_id":"raw_payload:9","kind":{"type":"prepared_prompt"},"shard":2}"#;
/// let reference: PayloadRef = serde_json::from_str(text)?;
/// assert_eq!(reference, PayloadRef::in_shard("raw_payload:9", PayloadKind::PreparedPrompt, 2));
/// assert_eq!(reference.to_string(), "raw_payload:9 in payloads/000002.zst");
///
/// let left_out = PayloadRef { capture: Capture::Omitted { original_bytes: 40 }, ..reference.clone() };
/// assert!(left_out.is_missing());
/// let cut = PayloadRef { parts: [left_out].into(), ..reference };
/// assert!(!cut.is_missing() && cut.is_partial());
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Source: bundle 1, section 3; bundle 3, section 1.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenRef")]
pub struct PayloadRef {
    /// The payload's id, `raw_payload:N` in the order of writing.
    pub raw_payload_id: RawPayloadId,
    /// What the document is.
    pub kind: PayloadKind,
    /// Where the document is stored.
    pub place: PayloadPlace,
    /// How much of the document was recorded (schema 3). Earlier schemas record documents whole.
    pub capture: Capture,
    /// The documents whose text is part of the document's text, in this order (schema 3). Clones share them.
    pub parts: Arc<[PayloadRef]>,
}

/// Where a payload document is stored.
///
/// Source: bundle 1, section 3; bundle 3, section 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadPlace {
    /// At a path relative to the bundle (schemas 1 and 2). A reader refuses an absolute path, `..` and a link that leads out.
    Path(String),
    /// In the shard with this number (schema 3). An omitted document is in none.
    Shard(Option<u64>),
}

/// How much of a payload document was recorded.
///
/// Source: bundle 3, section 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "status", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Capture {
    /// All of it.
    #[default]
    Complete,
    /// Its first bytes, which usually are not JSON.
    Truncated {
        /// The document's length.
        original_bytes: u64,
        /// How many of its bytes were recorded.
        retained_bytes: u64,
    },
    /// Nothing.
    Omitted {
        /// The document's length.
        original_bytes: u64,
    },
    /// A status that this version does not know, with its original fields. The document is read as a complete one.
    #[serde(untagged)]
    Unknown(Map<String, Value>),
}

impl PayloadRef {
    /// Refers to a whole document at a path.
    pub fn at_path(id: impl Into<RawPayloadId>, kind: PayloadKind, path: impl Into<String>) -> Self {
        let place = PayloadPlace::Path(path.into());
        Self { raw_payload_id: id.into(), kind, place, capture: Capture::Complete, parts: Arc::default() }
    }

    /// Refers to a whole document without parts in a shard.
    pub fn in_shard(id: impl Into<RawPayloadId>, kind: PayloadKind, shard: u64) -> Self {
        let place = PayloadPlace::Shard(Some(shard));
        Self { raw_payload_id: id.into(), kind, place, capture: Capture::Complete, parts: Arc::default() }
    }

    /// Returns the path of the document's own file, if the reference has one.
    pub fn path(&self) -> Option<&str> {
        match &self.place {
            PayloadPlace::Path(path) => Some(path),
            PayloadPlace::Shard(_) => None,
        }
    }

    /// Returns the path of the file that the document is in, relative to the bundle, if the reference names one.
    pub fn file(&self) -> Option<Cow<'_, str>> {
        match &self.place {
            PayloadPlace::Path(path) => Some(Cow::Borrowed(path)),
            PayloadPlace::Shard(shard) => shard.map(|shard| Cow::Owned(shard_path(shard))),
        }
    }

    /// Returns whether the document is missing because the recorder cut it or left it out.
    pub fn is_missing(&self) -> bool {
        matches!(self.capture, Capture::Truncated { .. } | Capture::Omitted { .. })
    }

    /// Returns whether the document or some part of it, at any depth, is missing.
    pub fn is_partial(&self) -> bool {
        self.is_missing() || self.parts.iter().any(Self::is_partial)
    }
}

/// Returns the path of a shard, relative to the bundle.
///
/// Source: bundle 3, section 1.
pub fn shard_path(shard: u64) -> String {
    format!("{}/{shard:06}.zst", Manifest::PAYLOADS_DIR)
}

impl fmt::Display for PayloadRef {
    /// Says where the document is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            PayloadPlace::Path(path) => f.write_str(path),
            PayloadPlace::Shard(Some(shard)) => write!(f, "{} in {}", self.raw_payload_id, shard_path(*shard)),
            PayloadPlace::Shard(None) => self.raw_payload_id.fmt(f),
        }
    }
}

impl Serialize for PayloadRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (has_capture, has_parts) = (self.capture != Capture::Complete, !self.parts.is_empty());
        let fields = 3 + usize::from(has_capture) + usize::from(has_parts);
        let mut object = serializer.serialize_struct("PayloadRef", fields)?;
        object.serialize_field("raw_payload_id", &self.raw_payload_id)?;
        object.serialize_field("kind", &self.kind)?;
        match &self.place {
            PayloadPlace::Path(path) => object.serialize_field("path", path)?,
            PayloadPlace::Shard(shard) => object.serialize_field("shard", shard)?,
        }
        if has_capture {
            object.serialize_field("capture", &self.capture)?;
        }
        if has_parts {
            object.serialize_field("parts", &*self.parts)?;
        }
        object.end()
    }
}

/// A reference as it is written.
#[derive(Deserialize)]
struct WrittenRef {
    raw_payload_id: RawPayloadId,
    kind: PayloadKind,
    #[serde(default)]
    path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    shard: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    capture: Option<Capture>,
    #[serde(default, deserialize_with = "present")]
    parts: Option<Vec<PayloadRef>>,
}

impl From<WrittenRef> for PayloadRef {
    fn from(written: WrittenRef) -> Self {
        let WrittenRef { raw_payload_id, kind, path, shard, capture, parts } = written;
        let is_of_schema_3 = shard.is_some() || capture.is_some() || parts.is_some();
        let place = match path {
            Some(path) if !is_of_schema_3 => PayloadPlace::Path(path),
            _ => PayloadPlace::Shard(shard.flatten()),
        };
        let parts = parts.map_or_else(Arc::default, Arc::from);
        Self { raw_payload_id, kind, place, capture: capture.unwrap_or_default(), parts }
    }
}

/// Reads a field that is present, even if it is null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

macro_rules! payload_kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// What a payload document is.
        ///
        /// Source: bundle 1, sections 3.1 and 3.2; bundle 3, section 1.
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
    /// A prompt before it became a request (schema 3).
    PreparedPrompt = "prepared_prompt",
    /// An item of a conversation, as part of other documents (schema 3).
    ModelItem = "model_item",
    /// A value inside of an item, as part of other documents (schema 3).
    ContentValue = "content_value",
    /// What the model has when a request follows a warm-up (schema 3).
    WarmupContext = "warmup_context",
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
            #[serde(default, deserialize_with = "present")]
            value: Option<Value>,
        }
        let parts = Parts::deserialize(deserializer)?;
        Ok(Self::from_parts(&parts.r#type, parts.value))
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for PayloadRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PayloadRef".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "Points from an event to a payload document: by a path (schemas 1 and 2) or by a shard (schema 3).",
            "properties": {
                "raw_payload_id": generator.subschema_for::<RawPayloadId>(),
                "kind": generator.subschema_for::<PayloadKind>(),
                "path": generator.subschema_for::<String>(),
                "shard": generator.subschema_for::<Option<u64>>(),
                "capture": generator.subschema_for::<Capture>(),
                "parts": generator.subschema_for::<Vec<PayloadRef>>(),
            },
            "required": ["raw_payload_id", "kind"],
        })
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
