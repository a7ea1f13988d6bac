//! Settings from the environment and from a file.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use crate::{
    AgentConfig, AgentLimits, AgentMessages, CommandLimits, CompactionConfig, Effort, HistoryMode, Provider,
    mcp::McpServerConfig,
};

/// The environment variable that holds the provider's key. Commands do not see it.
pub(crate) const KEY_VARIABLE: &str = "OPENAI_API_KEY";
const URL_VARIABLE: &str = "OPENAI_BASE_URL";
const MODEL_VARIABLE: &str = "OPENAI_MODEL";

const DEFAULT_URL: &str = "https://api.openai.com/v1";
const DEFAULT_MODEL: &str = "gpt-5";

/// A configuration file in TOML. Every key is optional.
///
/// The environment (`OPENAI_BASE_URL`, `OPENAI_API_KEY`, `OPENAI_MODEL`) takes precedence over the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// The name of the provider.
    pub provider: Option<String>,
    /// The base URL of its Responses API.
    pub base_url: Option<String>,
    /// The environment variable that holds its key.
    pub api_key_env: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The reasoning effort.
    pub effort: Option<Effort>,
    /// The instructions to the model.
    pub instructions: Option<String>,
    /// Which part of the history a request contains.
    pub history: Option<HistoryMode>,
    /// The form of messages between agents in requests.
    pub agent_messages: Option<AgentMessages>,
    /// Whether the provider seals its reasoning and accepts it back.
    pub sealed_reasoning: Option<bool>,
    /// How the history is compacted.
    pub compaction: Option<CompactionConfig>,
    /// The number of retries of a failed request.
    pub retries: Option<u32>,
    /// The delay before the first retry, in milliseconds.
    pub first_retry_ms: Option<u64>,
    /// How long a stream may be silent, in milliseconds.
    pub stream_idle_ms: Option<u64>,
    /// The limits of commands.
    pub commands: Option<CommandLimits>,
    /// Whether the model may run code cells.
    pub code_mode: Option<bool>,
    /// The limits of agents.
    pub agents: Option<AgentLimits>,
    /// MCP servers, by name.
    pub mcp_servers: std::collections::BTreeMap<String, McpServerEntry>,
}

/// How an MCP server is started.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpServerEntry {
    /// The program.
    pub command: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Environment variables in addition to the usual ones.
    #[serde(default)]
    pub env: std::collections::BTreeMap<String, String>,
    /// How long it may take from its start until its tools are known, in seconds.
    pub start_limit_secs: Option<u64>,
    /// How long a call may take, in seconds.
    pub call_limit_secs: Option<u64>,
}

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// The file is not a configuration.
    #[error("`{}` is not a valid configuration", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The error of the TOML parser, with its place.
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl ConfigFile {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, or contains an unknown key or a value of the wrong type.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })
    }

    /// Returns the configuration that results from the file and the environment, for work in a folder.
    pub fn into_config(self, cwd: &Path) -> AgentConfig {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let provider = Provider {
            name: "openai".to_owned(),
            base_url: variable(URL_VARIABLE).or(self.base_url.clone()).unwrap_or_else(|| DEFAULT_URL.to_owned()),
            api_key: variable(self.api_key_env.as_deref().unwrap_or(KEY_VARIABLE)),
        };
        let base_url = provider.base_url.clone();
        let mut config = self.applied_to(AgentConfig::new(provider, DEFAULT_MODEL, cwd));
        config.provider.base_url = base_url;
        config.model = variable(MODEL_VARIABLE).unwrap_or(config.model);
        config
    }

    /// Returns a configuration with the values of the file applied. The environment is ignored.
    pub fn applied_to(self, mut config: AgentConfig) -> AgentConfig {
        let take = |place: &mut Duration, millis: Option<u64>| {
            *place = millis.map_or(*place, Duration::from_millis);
        };
        config.provider.name = self.provider.unwrap_or(config.provider.name);
        config.provider.base_url = self.base_url.unwrap_or(config.provider.base_url);
        config.model = self.model.unwrap_or(config.model);
        config.effort = self.effort.or(config.effort);
        config.instructions = self.instructions.unwrap_or(config.instructions);
        config.history = self.history.unwrap_or(config.history);
        config.agent_messages = self.agent_messages.unwrap_or(config.agent_messages);
        config.sealed_reasoning = self.sealed_reasoning.unwrap_or(config.sealed_reasoning);
        config.compaction = self.compaction.unwrap_or(config.compaction);
        config.retries.retries = self.retries.unwrap_or(config.retries.retries);
        take(&mut config.retries.first_delay, self.first_retry_ms);
        take(&mut config.stream_idle_limit, self.stream_idle_ms);
        config.commands = self.commands.unwrap_or(config.commands);
        config.code_mode = self.code_mode.unwrap_or(config.code_mode);
        config.agents = self.agents.unwrap_or(config.agents);
        config.hidden_env.extend(self.api_key_env);
        config.mcp_servers.extend(self.mcp_servers.into_iter().map(|(name, entry)| entry.named(name)));
        config
    }
}

impl McpServerEntry {
    fn named(self, name: String) -> McpServerConfig {
        let defaults = McpServerConfig::new(name, self.command);
        McpServerConfig {
            args: self.args,
            env: self.env.into_iter().collect(),
            start_limit: self.start_limit_secs.map_or(defaults.start_limit, Duration::from_secs),
            call_limit: self.call_limit_secs.map_or(defaults.call_limit, Duration::from_secs),
            ..defaults
        }
    }
}
