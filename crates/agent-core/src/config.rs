//! The configuration of an agent.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::Url;
use rollout_trace_recorder::TraceOptions;
use serde::Deserialize;

use crate::{Effort, Item, config_file::KEY_VARIABLE, mcp::McpServerConfig, settings::TurnSettings};

/// The configuration of a rollout's agents. [`new`](Self::new) sets defaults for everything but provider, model and
/// folder.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The provider of the model.
    pub provider: Provider,
    /// The model.
    pub model: String,
    /// The reasoning effort; `None` means the provider's default.
    pub effort: Option<Effort>,
    /// The working folder of tools.
    pub cwd: PathBuf,
    /// The instructions to the model. Default: that it is an agent with tools.
    pub instructions: String,
    /// Which part of the history a request contains. Default: all of it.
    pub history: HistoryMode,
    /// The form of messages between agents in requests. Default: messages that any provider accepts.
    pub agent_messages: AgentMessages,
    /// Whether the provider seals its reasoning and accepts it back. If not, reasoning is not added to the history.
    /// Default: true.
    pub sealed_reasoning: bool,
    /// How the history is compacted.
    pub compaction: CompactionConfig,
    /// How failed requests are retried.
    pub retries: RetryPolicy,
    /// How long a stream may be silent. Default: five minutes.
    pub stream_idle_limit: Duration,
    /// The limits of commands.
    pub commands: CommandLimits,
    /// Environment variables that are hidden from commands and MCP servers. Default: the usual variable for the
    /// provider's key.
    pub hidden_env: Vec<String>,
    /// Whether the model may run code cells. Default: true.
    pub code_mode: bool,
    /// The limits of agents.
    pub agents: AgentLimits,
    /// The MCP servers whose tools the model may call.
    pub mcp_servers: Vec<McpServerConfig>,
    /// The history with which the root thread begins.
    pub history_items: Vec<Item>,
    /// Where the rollout is recorded. Default: where the environment says.
    pub trace: TraceTarget,
}

/// The provider of a model.
#[derive(Clone)]
pub struct Provider {
    /// The name of the provider.
    pub name: String,
    /// The base URL of its Responses API, without `/responses`.
    pub base_url: String,
    /// The API key, if the provider needs one.
    pub api_key: Option<String>,
}

impl Provider {
    /// Returns whether the provider runs on this machine, where servers usually need no key.
    pub fn is_local(&self) -> bool {
        let Ok(url) = Url::parse(&self.base_url) else { return false };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.api_key.as_ref().map(|_| "…");
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("key", &key)
            .finish()
    }
}

/// Which part of the history a request contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryMode {
    /// The whole history.
    #[default]
    Whole,
    /// The items since the last response, whose id the request contains. The provider keeps the rest.
    PreviousResponse,
}

/// The form of messages between agents in requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentMessages {
    /// Assistant messages whose text is JSON, which every provider accepts.
    #[default]
    Messages,
    /// Items of the kind `agent_message`.
    Items,
}

/// How, and when, the history is compacted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompactionConfig {
    /// Who compacts the history.
    pub by: CompactionBy,
    /// If the last request and its answer took at least this many tokens, the history is compacted before the next
    /// request. `None` means never.
    pub at_tokens: Option<i64>,
}

/// Who compacts a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompactionBy {
    /// The model, by an ordinary request for a summary.
    #[default]
    Summary,
    /// The provider, by its endpoint for compaction.
    Provider,
}

/// How failed requests are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The number of retries after the first attempt.
    pub retries: u32,
    /// The delay before the first retry, which doubles before each further one.
    pub first_delay: Duration,
    /// The longest delay, even if the provider asks for a longer one.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 4, first_delay: Duration::from_millis(250), max_delay: Duration::from_secs(60) }
    }
}

/// The limits of commands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandLimits {
    /// How long a command may run, in seconds; `None` means forever.
    pub time_limit_secs: Option<u64>,
    /// The shortest time after which a call yields, in milliseconds.
    pub min_yield_ms: Option<u64>,
    /// The most output that a call returns, in tokens.
    pub max_output_tokens: Option<usize>,
    /// The number of commands that may run at one time.
    pub max_sessions: Option<usize>,
    /// Whether the shell reads the user's profile first, which may be slow and print text. Default: true.
    pub login_shell: Option<bool>,
}

/// The limits of agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentLimits {
    /// The greatest depth below the root.
    pub max_depth: usize,
    /// The number of agents at one time, including the root.
    pub max_threads: usize,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self { max_depth: 3, max_threads: 16 }
    }
}

/// Where a rollout is recorded.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum TraceTarget {
    /// In the folder that `CODEX_ROLLOUT_TRACE_ROOT` names; nowhere if the variable is not set.
    #[default]
    Environment,
    /// Nowhere.
    Off,
    /// In the given folder.
    Root(PathBuf, TraceOptions),
}

/// The default instructions to the model.
const INSTRUCTIONS: &str = "You are a coding agent. You work in a folder on a real machine with the tools that you are given. \
Look before you change anything, check what you did, and answer briefly when you are done.";

impl AgentConfig {
    /// Creates a configuration with defaults for everything but provider, model and working folder.
    pub fn new(provider: Provider, model: impl Into<String>, cwd: impl AsRef<Path>) -> Self {
        Self {
            provider,
            model: model.into(),
            effort: None,
            cwd: cwd.as_ref().to_owned(),
            instructions: INSTRUCTIONS.to_owned(),
            history: HistoryMode::default(),
            agent_messages: AgentMessages::default(),
            sealed_reasoning: true,
            compaction: CompactionConfig::default(),
            retries: RetryPolicy::default(),
            stream_idle_limit: Duration::from_secs(300),
            commands: CommandLimits::default(),
            hidden_env: vec![KEY_VARIABLE.to_owned()],
            code_mode: true,
            agents: AgentLimits::default(),
            mcp_servers: Vec::new(),
            history_items: Vec::new(),
            trace: TraceTarget::default(),
        }
    }

    pub(crate) fn settings(&self) -> TurnSettings {
        TurnSettings { model: self.model.clone(), effort: self.effort, cwd: self.cwd.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_provider_is_one_whose_host_is_this_machine() {
        let is_local = |url: &str| Provider { name: String::new(), base_url: url.to_owned(), api_key: None }.is_local();
        for url in [
            "http://localhost:80/v1",
            "http://LOCALHOST",
            "http://127.0.0.1:1/v1",
            "http://127.9.9.9",
            "https://[::1]:8/v1",
        ] {
            assert!(is_local(url), "{url}");
        }
        for url in [
            "http://localhost.example.com",
            "http://127.example.com/v1",
            "http://127.0.0.1@example.com",
            "http://10.0.0.1",
            "no",
        ] {
            assert!(!is_local(url), "{url}");
        }
    }
}
