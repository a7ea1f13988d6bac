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

/// What a configuration file may say, all of it optional.
///
/// A TOML file. Where it and the environment (`OPENAI_BASE_URL`, `OPENAI_API_KEY`, `OPENAI_MODEL`) differ, the environment wins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// What the provider is called.
    pub provider: Option<String>,
    /// Where its Responses API is.
    pub base_url: Option<String>,
    /// The environment variable that holds its key.
    pub api_key_env: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// How hard it thinks.
    pub effort: Option<Effort>,
    /// What it is told first.
    pub instructions: Option<String>,
    /// Whether each request carries the whole history.
    pub history: Option<HistoryMode>,
    /// What messages between agents look like.
    pub agent_messages: Option<AgentMessages>,
    /// Whether the provider seals its reasoning and takes it back so.
    pub sealed_reasoning: Option<bool>,
    /// How the history is made shorter.
    pub compaction: Option<CompactionConfig>,
    /// How often a request is tried again.
    pub retries: Option<u32>,
    /// How long to wait before the first retry, in milliseconds.
    pub first_retry_ms: Option<u64>,
    /// How long a stream may say nothing, in milliseconds.
    pub stream_idle_ms: Option<u64>,
    /// What commands may use.
    pub commands: Option<CommandLimits>,
    /// Whether the model may run code cells.
    pub code_mode: Option<bool>,
    /// How many agents there may be.
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
    /// Environment variables that it gets beside the usual ones.
    #[serde(default)]
    pub env: std::collections::BTreeMap<String, String>,
}

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not a configuration.
    #[error("{} is not a configuration", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl ConfigFile {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or says something that is not known.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })
    }

    /// The configuration that follows from the file and the environment, for work in a folder.
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

    /// A configuration with what the file says in place of what it says itself. The environment is not asked.
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
        McpServerConfig {
            args: self.args,
            env: self.env.into_iter().collect(),
            ..McpServerConfig::new(name, self.command)
        }
    }
}
