//! One newtype per id, each serialized as the plain string that the producer wrote.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// Cloning is cheap: clones share the text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the id's text.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        #[cfg(feature = "schemars")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                String::json_schema(generator)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(IdVisitor).map(Self)
            }
        }
    )+};
}

struct IdVisitor;

impl de::Visitor<'_> for IdVisitor {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id, which is a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Arc<str>, E> {
        Ok(text.into())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Arc<str>, E> {
        Ok(text.into())
    }
}

ids! {
    /// Names one bundle, the diagnostic artifact; minted by the recorder.
    TraceId;
    /// Names the observed session; minted by the agent core, which uses the root thread's id.
    RolloutId;
    /// Names one agent thread; minted by the agent core. A resumed session keeps it in a new bundle.
    ThreadId;
    /// Names one turn of a thread; minted by the agent core.
    CodexTurnId;
    /// Names one request to the model, an attempt of its own; minted by the recorder.
    InferenceCallId;
    /// Names a response; minted by the model provider.
    ResponseId;
    /// Names a request in the provider's own logs; minted by the provider.
    UpstreamRequestId;
    /// Names one run of a tool, unique in its bundle; minted by the agent core.
    ToolCallId;
    /// Names a call in the conversation (`call_id`); minted by the provider, unique only within its response.
    ModelVisibleCallId;
    /// Names a tool call that a code cell made; minted by the script runtime.
    CodeModeRuntimeToolId;
    /// Names a code cell in its runtime; thread-local, and reused after the runtime restarts.
    RuntimeCellId;
    /// Names an MCP request, which carries it as metadata; minted by the recorder.
    McpCallId;
    /// Names one compaction of a thread's history; minted by the recorder.
    CompactionId;
    /// Names one request for a compaction, of which a compaction may need several; minted by the recorder.
    CompactionRequestId;
    /// Names an interaction between two agents; minted by the producer for agent results and by reduction for the rest.
    EdgeId;
    /// Names one payload document of a bundle; minted by the recorder.
    RawPayloadId;
    /// Names a Responses API item (its own `id`, not its `call_id`); minted by the provider or the agent core.
    ResponsesItemId;
    /// An agent's place in the tree of agents, such as `/root/reviewer`; chosen by the agent core.
    AgentPath;
}
