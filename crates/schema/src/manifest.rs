//! The manifest: a bundle's identity and layout.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ImportEvidence, RolloutId, ThreadId, TraceId, UnixMillis, evidence::lenient};

/// A bundle's `manifest.json`.
///
/// Source: bundle 1, section 1.3; bundle 2, sections 1.1 to 1.3 and 4.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the event schema, not yet checked: see [`SchemaVersion`](crate::SchemaVersion).
    pub schema_version: u32,
    /// Names this bundle.
    pub trace_id: TraceId,
    /// Names the observed session.
    pub rollout_id: RolloutId,
    /// The thread with which the rollout began.
    pub root_thread_id: ThreadId,
    /// When recording began.
    pub started_at_unix_ms: UnixMillis,
    /// The event log's file name. Always [`Manifest::RAW_EVENT_LOG`]; readers ignore any other value.
    pub raw_event_log: String,
    /// The payload folder's name. Always [`Manifest::PAYLOADS_DIR`]; readers ignore any other value.
    pub payloads_dir: String,
    /// How payloads are stored. If it is absent, each payload is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_layout: Option<String>,
    /// Who wrote the bundle. Absent in bundles of Codex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<Producer>,
    /// What the producer could not observe. Absent if it observed everything that its events describe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// Of an import, what its evidence is. Absent in a recording.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub evidence: Option<ImportEvidence>,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Manifest {
    /// The manifest's own file name.
    pub const FILE_NAME: &str = "manifest.json";
    /// The event log's file name.
    pub const RAW_EVENT_LOG: &str = "trace.jsonl";
    /// The payload folder's name.
    pub const PAYLOADS_DIR: &str = "payloads";
    /// The file name of the reduced graph, beside the manifest.
    pub const STATE: &str = "state.json";
}

/// The program that wrote a bundle.
///
/// Source: bundle 2, section 4.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producer {
    /// The program's name.
    pub name: String,
    /// The program's version.
    pub version: String,
}

/// What a producer observed. One that sees only the requests to models and their answers sees neither tools run nor
/// agents spawn others.
///
/// Source: wires, section 1.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Observed {
    /// Whether it observed how tools run. If it is absent, it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    /// Whether it observed how agents spawn others and exchange messages. If it is absent, it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<bool>,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
