//! What the headers of a request say about its place.

use rollout_trace_wires::Value;

use super::{Assignment, NewThread};
use crate::Headers;

/// The session, the agent and the turn that the headers of a request name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) session_id: Option<String>,
    pub(super) agent_id: Option<String>,
    /// The id of the thread, if the headers say enough.
    pub(super) thread_id: Option<String>,
    pub(super) parent_thread_id: Option<String>,
    pub(super) turn_id: Option<String>,
    pub(super) is_compaction: bool,
}

impl Named {
    pub(super) fn of(headers: &Headers) -> Self {
        let header = |name: &str| headers.get(name).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned);
        if let Some(session) = header("x-claude-code-session-id") {
            return Self::claude_code(
                session,
                header("x-claude-code-agent-id"),
                header("x-claude-code-parent-agent-id"),
            );
        }
        if let Some(session) = header("session-id").or_else(|| header("thread-id")) {
            let metadata = header("x-codex-turn-metadata");
            let metadata = metadata.and_then(|text| serde_json::from_str::<Value>(&text).ok()).unwrap_or_default();
            let said = |name: &str| {
                metadata.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
            };
            return Self {
                thread_id: Some(header("thread-id").unwrap_or_else(|| session.clone())),
                session_id: Some(session),
                agent_id: said("agent_name"),
                parent_thread_id: header("x-codex-parent-thread-id"),
                turn_id: said("turn_id"),
                is_compaction: said("request_kind").as_deref() == Some("compaction"),
            };
        }
        if let Some(session) = header("x-session-id") {
            return Self {
                thread_id: Some(session.clone()),
                session_id: Some(session),
                parent_thread_id: header("x-parent-session-id"),
                ..Self::default()
            };
        }
        Self::default()
    }

    fn claude_code(session: String, agent: Option<String>, parent_agent: Option<String>) -> Self {
        let of_agent = |agent: &str| format!("{session}:{agent}");
        let thread_id = agent.as_deref().map_or_else(|| session.clone(), of_agent);
        let parent = parent_agent.as_deref().map_or_else(|| session.clone(), of_agent);
        Self {
            thread_id: Some(thread_id),
            parent_thread_id: agent.is_some().then_some(parent),
            agent_id: agent,
            session_id: Some(session),
            ..Self::default()
        }
    }

    pub(super) fn new_thread(&self, assignment: Assignment) -> NewThread {
        // Codex names its agents by their paths.
        let path = self.agent_id.as_ref().filter(|agent| agent.starts_with('/'));
        NewThread {
            session_id: self.session_id.clone(),
            agent_id: self.agent_id.clone(),
            parent_thread_id: self.parent_thread_id.clone(),
            agent_path: path.map_or_else(|| "/root".to_owned(), String::clone),
            assignment,
        }
    }
}
