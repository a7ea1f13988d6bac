//! Agents that a session's threads start.

use rollout_trace_schema::{
    ThreadId,
    document::{SessionSource, ThreadSpawn},
};
use serde_json::{Value, json};

/// An agent, as the thread that started it knows it.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) thread: ThreadId,
    pub(crate) path: String,
}

/// Returns the metadata of a spawned thread.
pub(crate) fn spawned(thread: &ThreadId, parent: &ThreadId, path: &str, role: Option<&str>, depth: i64) -> Value {
    let mut spawn = ThreadSpawn::new(parent.clone(), depth).agent_path(path);
    spawn.agent_role = role.map(str::to_owned);
    json!({
        "thread_id": thread,
        "agent_path": path,
        "agent_role": role,
        "session_source": SessionSource::from(spawn),
    })
}

/// Returns a description as a part of an agent's path.
pub(crate) fn slug(description: &str) -> String {
    let words = description.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        assert_eq!(slug("Read hello"), "read_hello");
        assert_eq!(slug("  Fix: the *bug*! "), "fix_the_bug");
    }
}
