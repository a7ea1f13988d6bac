//! How an agent is set up.

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

/// How the agents of a rollout are set up. [`new`](Self::new) gives defaults for all but the model and its provider.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Who serves the model.
    pub provider: Provider,
    /// The model.
    pub model: String,
    /// How hard it thinks; `None`: the provider's default.
    pub effort: Option<Effort>,
    /// The folder in which tools work.
    pub cwd: PathBuf,
    /// What the model is told first. Default: that it is an agent with tools.
    pub instructions: String,
    /// Whether each request carries the whole history. Default: it does.
    pub history: HistoryMode,
    /// What agents' messages to one another look like to the provider. Default: messages that any provider takes.
    pub agent_messages: AgentMessages,
    /// Whether the provider seals its reasoning and takes it back so. If not, reasoning stays out of the history. Default: it does.
    pub sealed_reasoning: bool,
    /// How the history is made shorter.
    pub compaction: CompactionConfig,
    /// How often and how patiently a request is tried again.
    pub retries: RetryPolicy,
    /// How long a stream may say nothing. Default: five minutes.
    pub stream_idle_limit: Duration,
    /// What commands may use.
    pub commands: CommandLimits,
    /// Environment variables that commands do not see. Default: the usual one for a provider's key.
    pub hidden_env: Vec<String>,
    /// Whether the model may run code cells. Default: it may.
    pub code_mode: bool,
    /// How many agents there may be.
    pub agents: AgentLimits,
    /// The MCP servers whose tools the model gets.
    pub mcp_servers: Vec<McpServerConfig>,
    /// The history with which the root thread begins.
    pub history_items: Vec<Item>,
    /// Where the rollout is recorded. Default: as the environment says.
    pub trace: TraceTarget,
}

/// Who serves the model.
#[derive(Clone)]
pub struct Provider {
    /// What it is called.
    pub name: String,
    /// Where its Responses API is, without `/responses`.
    pub base_url: String,
    /// The key that it asks for.
    pub api_key: Option<String>,
}

impl Provider {
    /// Whether it is on this machine, where servers mostly ask for no key.
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

/// What of the history a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryMode {
    /// All of it.
    #[default]
    Whole,
    /// What is new since the last response, which the request names. The provider keeps the rest.
    PreviousResponse,
}

/// What messages between agents look like in requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentMessages {
    /// Assistant messages whose text is JSON. Every provider takes them.
    #[default]
    Messages,
    /// Items of a kind of their own, `agent_message`.
    Items,
}

/// How the history is made shorter, and when by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompactionConfig {
    /// Who does it.
    pub by: CompactionBy,
    /// The tokens of an answer and its request from which on it is done before the next request; never where it is `None`.
    pub at_tokens: Option<i64>,
}

/// Who makes a history shorter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompactionBy {
    /// The model, which is asked for a summary like for anything else.
    #[default]
    Summary,
    /// The provider, by its endpoint for that.
    Provider,
}

/// How often and how patiently a request is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many times, after the first.
    pub retries: u32,
    /// How long to wait before the first retry; twice as long before each next one.
    pub first_delay: Duration,
    /// The longest wait, also where the provider asks for a longer one.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 4, first_delay: Duration::from_millis(250), max_delay: Duration::from_secs(60) }
    }
}

/// What commands may use.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandLimits {
    /// How long a command may run, in seconds; for ever where it is `None`.
    pub time_limit_secs: Option<u64>,
    /// How long a call waits at least before it yields, in milliseconds.
    pub min_yield_ms: Option<u64>,
    /// How many tokens of output a call shows at most.
    pub max_output_tokens: Option<usize>,
    /// How many commands may run at one time.
    pub max_sessions: Option<usize>,
    /// Whether the shell reads the user's profile first, as it does unless this says no. A profile may be slow, and say things.
    pub login_shell: Option<bool>,
}

/// How many agents there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentLimits {
    /// How far below the root.
    pub max_depth: usize,
    /// How many at one time, the root among them.
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
    /// In the folder that `CODEX_ROLLOUT_TRACE_ROOT` names, if it is set.
    #[default]
    Environment,
    /// Nowhere.
    Off,
    /// In a given folder.
    Root(PathBuf, TraceOptions),
}

/// What a model is told first, unless the configuration says otherwise.
const INSTRUCTIONS: &str = "You are a coding agent. You work in a folder on a real machine with the tools that you are given. \
Look before you change anything, check what you did, and answer briefly when you are done.";

impl AgentConfig {
    /// A configuration with defaults for all but the model, its provider and the folder to work in.
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
