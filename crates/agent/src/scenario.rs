//! Scenarios: whole rollouts in files.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use rollout_trace_agent_core::{AgentConfig, AgentMessages, ConfigFile, Effort, Item, Provider};
use rollout_trace_scripted_model::{Script, ScriptError};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

/// A whole rollout in a file.
///
/// A scenario is a TOML document: `[setup]` contains the agent's files and settings, each `[[user]]` is a step of the
/// user, and each `[[reply]]` is an answer of the model. `docs/agent.md` describes the format.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(crate) script: Script,
    pub(crate) setup: Setup,
    pub(crate) steps: Vec<Step>,
}

/// Why a text is not a scenario.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The model's part is invalid.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The user's part or the setup is invalid.
    #[error("{name} is not a scenario")]
    Parse {
        /// The scenario's name.
        name: String,
        /// The error of the TOML parser, with its place.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A step of the user does nothing, or more than one thing.
    #[error(
        "{name} is not a scenario: step {number} of the user has {actions} actions, but must have exactly one of say, steer, inject, \
         interrupt, compact and pause_ms"
    )]
    Step {
        /// The scenario's name.
        name: String,
        /// The step, counted from 1.
        number: usize,
        /// The number of actions.
        actions: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    setup: Setup,
    #[serde(default)]
    user: Vec<Step>,
    #[serde(default, rename = "reply")]
    _reply: Option<IgnoredAny>,
}

/// The agent's files and settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Setup {
    /// The files of the working folder.
    files: BTreeMap<PathBuf, String>,
    /// The settings, as in a configuration file.
    config: ConfigFile,
    /// The root agent's initial history: messages of the user and the assistant, alternately.
    history: Vec<String>,
    /// Whether earlier events and the bodies of requests are dropped. In a long rollout they would fill the memory.
    pub(crate) forgetful: bool,
}

/// A step of the user. It has exactly one of the first six keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    /// Starts a turn.
    pub(crate) say: Option<String>,
    /// Adds to the running turn.
    pub(crate) steer: Option<String>,
    /// Adds a user message to the history.
    pub(crate) inject: Option<String>,
    /// Stops the running turn.
    pub(crate) interrupt: bool,
    /// Compacts the history.
    pub(crate) compact: bool,
    /// Pauses the thread for a time, in milliseconds.
    pub(crate) pause_ms: Option<u64>,
    /// Waits for an event whose JSON contains this text. Without it, a step waits until no turn is running.
    pub(crate) at: Option<String>,
    /// The model for this turn, with `say`.
    pub(crate) model: Option<String>,
    /// The reasoning effort for this turn, with `say`.
    pub(crate) effort: Option<Effort>,
    /// The folder for this turn, relative to the working folder, with `say`.
    pub(crate) cwd: Option<PathBuf>,
}

impl Scenario {
    /// Parses a scenario. Errors refer to it by `name`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not a scenario, with the place of the mistake.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let script = Script::parse(name, text)?;
        let Document { setup, user, .. } = toml::from_str(text)
            .map_err(|source| ScenarioError::Parse { name: name.to_owned(), source: Box::new(source) })?;
        for (step, number) in user.iter().zip(1..) {
            let actions = step.actions();
            if actions != 1 {
                return Err(ScenarioError::Step { name: name.to_owned(), number, actions });
            }
        }
        Ok(Self { script, setup, steps: user })
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or is not a scenario.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = fs::read_to_string(path).map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }
}

impl Step {
    /// Returns the number of actions of the step.
    fn actions(&self) -> usize {
        let texts = [&self.say, &self.steer, &self.inject].into_iter().filter(|text| text.is_some()).count();
        texts + usize::from(self.interrupt) + usize::from(self.compact) + usize::from(self.pause_ms.is_some())
    }
}

impl Setup {
    /// Writes the files into the working folder.
    pub(crate) fn write_files(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for (path, text) in &self.files {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)?;
        }
        Ok(())
    }

    /// Returns the agent's configuration. It does not depend on the environment, which belongs to the developer.
    pub(crate) fn config(&self, base_url: String, folder: &Path) -> AgentConfig {
        let provider = Provider { name: "script".to_owned(), base_url, api_key: None };
        let mut config = self.config.clone().applied_to(AgentConfig::new(provider, "scripted-1", folder));
        config.agent_messages = self.config.agent_messages.unwrap_or(AgentMessages::Items);
        // A scenario must not depend on the developer's shell profile.
        config.commands.login_shell.get_or_insert(false);
        config.history_items = self.history.iter().zip([true, false].into_iter().cycle()).filter_map(message).collect();
        config
    }
}

fn message((text, of_user): (&String, bool)) -> Option<Item> {
    let (role, kind) = if of_user { ("user", "input_text") } else { ("assistant", "output_text") };
    Item::from_value(json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_one_action() {
        let problem = |user: &str| Scenario::parse("s.toml", user).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(problem("[[user]]\nsay = 'a'\nat = 'x'\n[[user]]\ninterrupt = true"), Ok(()));
        let error = |number: usize, actions: usize| {
            Err(format!(
                "s.toml is not a scenario: step {number} of the user has {actions} actions, but must have exactly one of say, \
                 steer, inject, interrupt, compact and pause_ms"
            ))
        };
        assert_eq!(problem("[[user]]\nsay = 'a'\n[[user]]\nat = 'x'"), error(2, 0));
        assert_eq!(problem("[[user]]\nsay = 'a'\ncompact = true"), error(1, 2));
    }
}
