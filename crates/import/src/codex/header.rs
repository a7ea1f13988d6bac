//! What a rollout file says about its thread.

use std::path::Path;

use rollout_trace_schema::{ThreadId, UnixMillis};
use serde_json::{Value, json};

use super::thread_of_name;
use crate::{detect, object::Object, time, writer::ROOT_PATH};

/// What the first record of a rollout file says.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) thread: ThreadId,
    /// Whether the file begins with its header.
    pub(crate) is_recorded: bool,
    pub(crate) agent_path: String,
    pub(crate) version: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) instructions: Option<String>,
    pub(crate) forked_from: Option<String>,
    pub(crate) base: Option<Base>,
    /// Whether the program kept its own records of what tools did.
    pub(crate) is_paginated: bool,
    pub(crate) started_at: Option<UnixMillis>,
    /// The thread's metadata, as far as it is recorded.
    pub(crate) metadata: Value,
}

/// Returns the part of a session's source that says which thread spawned it.
pub(crate) fn thread_spawn(source: &Value) -> Option<&Value> {
    source.as_object()?.values().find_map(|how| how.get("thread_spawn"))
}

/// The part of another thread's file that a fork's history begins with.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) thread: ThreadId,
    /// The ordinal of the first record that does not belong to the fork.
    pub(crate) end: u64,
}

impl Header {
    /// Reads the header of a file. If the file has none, its name says the thread.
    pub(crate) fn read(path: &Path) -> Self {
        let head = detect::head(path);
        let record = head.first().and_then(|text| Object::parse(text));
        let header = record.as_ref().and_then(|record| match record.text("type").as_deref() {
            Some("session_meta") => Self::of(&record.object("payload")?),
            // The oldest form is not wrapped.
            None => Self::of(record),
            Some(_) => None,
        });
        header.unwrap_or_else(|| Self::of_name(path))
    }

    fn of_name(path: &Path) -> Self {
        let of_file =
            || path.file_stem().map_or_else(|| "session".to_owned(), |name| name.to_string_lossy().into_owned());
        let thread = ThreadId::from(thread_of_name(path).unwrap_or_else(of_file));
        Self {
            metadata: json!({"thread_id": thread, "agent_path": ROOT_PATH}),
            thread,
            is_recorded: false,
            agent_path: ROOT_PATH.to_owned(),
            version: None,
            provider: None,
            instructions: None,
            forked_from: None,
            base: None,
            is_paginated: false,
            started_at: None,
        }
    }

    fn of(meta: &Object<'_>) -> Option<Self> {
        let thread = ThreadId::from(meta.text("id")?);
        let source: Option<Value> = meta.read("source");
        let spawn = source.as_ref().and_then(thread_spawn);
        let of_spawn = |name: &str| spawn.and_then(|spawn| spawn.get(name)?.as_str()).map(str::to_owned);
        let parent = of_spawn("parent_thread_id").map(ThreadId::from);
        let agent_path = of_spawn("agent_path").unwrap_or_else(|| match &parent {
            Some(_) => format!("{ROOT_PATH}/{}", of_spawn("agent_nickname").unwrap_or_else(|| thread.to_string())),
            None => ROOT_PATH.to_owned(),
        });
        let instructions = meta.object("base_instructions").and_then(|instructions| instructions.text("text"));
        let mut metadata = json!({"thread_id": thread, "agent_path": agent_path});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                metadata[name] = value;
            }
        };
        set("session_source", source.clone());
        set("nickname", of_spawn("agent_nickname").map(Value::from));
        set("agent_role", of_spawn("agent_role").map(Value::from));
        set("cwd", meta.text("cwd").map(Value::from));
        set("provider_name", meta.text("model_provider").map(Value::from));
        set("originator", meta.text("originator").map(Value::from));
        set("copied_from", meta.text("forked_from_id").map(|thread| json!({"thread_id": thread})));
        Some(Self {
            is_recorded: true,
            agent_path,
            version: meta.text("cli_version"),
            provider: meta.text("model_provider"),
            instructions: instructions.or_else(|| meta.text("instructions")),
            forked_from: meta.text("forked_from_id"),
            base: meta.object("history_base").and_then(|base| {
                let end = base.read("end_ordinal_exclusive")?;
                Some(Base { thread: base.text("thread_id")?.into(), end })
            }),
            is_paginated: meta.text("history_mode").as_deref() == Some("paginated"),
            started_at: meta.text("timestamp").and_then(|time| time::parse(&time)),
            metadata,
            thread,
        })
    }
}
