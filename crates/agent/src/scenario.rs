//! A rollout in a file: what the user does, and what the model answers.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use rollout_trace_agent_core::{AgentConfig, AgentMessages, ConfigFile, Effort, Item, Provider};
use rollout_trace_scripted_model::{Script, ScriptError};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

/// A rollout in a file.
///
/// A TOML text: `[setup]` says in what folder and with which settings the agent begins, `[[user]]` what the user does step by step,
/// `[[reply]]` what the model answers. `docs/agent.md` has it whole.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(crate) script: Script,
    pub(crate) setup: Setup,
    pub(crate) steps: Vec<Step>,
}

/// A text that is no scenario.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The model's part is wrong.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The user's part is wrong.
    #[error("{name} is not a scenario")]
    Parse {
        /// The scenario's name.
        name: String,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A step of the user is none, or several.
    #[error(
        "{name} is not a scenario: step {number} of the user does {actions} things, and it takes one of say, steer, inject, interrupt, \
         compact and pause_ms"
    )]
    Step {
        /// The scenario's name.
        name: String,
        /// Which step, from 1.
        number: usize,
        /// How many things it does.
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

/// How the agent begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Setup {
    /// Files of the working folder.
    files: BTreeMap<PathBuf, String>,
    /// Settings, as in a configuration file.
    config: ConfigFile,
    /// The history with which the root agent begins: messages of the user and the assistant in turn.
    history: Vec<String>,
    /// Whether events and the bodies of requests are not kept, with which a long rollout would fill memory.
    pub(crate) forgetful: bool,
}

/// One thing that the user does: exactly one of the first six.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    /// Begins a turn.
    pub(crate) say: Option<String>,
    /// Adds to the running turn.
    pub(crate) steer: Option<String>,
    /// Puts a message of the user into the history.
    pub(crate) inject: Option<String>,
    /// Stops the running turn.
    pub(crate) interrupt: bool,
    /// Compacts the history.
    pub(crate) compact: bool,
    /// Pauses the thread for a time, in milliseconds.
    pub(crate) pause_ms: Option<u64>,
    /// Waits for an event in whose JSON this text stands. Without it, a step waits until no turn is running.
    pub(crate) at: Option<String>,
    /// For `say`: another model in this turn.
    pub(crate) model: Option<String>,
    /// For `say`: another effort.
    pub(crate) effort: Option<Effort>,
    /// For `say`: another folder, relative to the working folder.
    pub(crate) cwd: Option<PathBuf>,
}

impl Scenario {
    /// Reads a scenario's text. `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// The text is not a scenario; the error says where.
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
    /// The file cannot be read or is not a scenario.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = fs::read_to_string(path).map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }
}

impl Step {
    /// How many things it does.
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

    /// The agent's configuration, which is that of the file alone: the environment is the developer's.
    pub(crate) fn config(&self, base_url: String, folder: &Path) -> AgentConfig {
        let provider = Provider { name: "script".to_owned(), base_url, api_key: None };
        let mut config = self.config.clone().applied_to(AgentConfig::new(provider, "scripted-1", folder));
        config.agent_messages = self.config.agent_messages.unwrap_or(AgentMessages::Items);
        // What a developer's profile does is not part of a scenario.
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
    fn a_step_does_one_thing() {
        let problem = |user: &str| Scenario::parse("s.toml", user).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(problem("[[user]]\nsay = 'a'\nat = 'x'\n[[user]]\ninterrupt = true"), Ok(()));
        let told = |number: usize, actions: usize| {
            Err(format!(
                "s.toml is not a scenario: step {number} of the user does {actions} things, and it takes one of say, steer, inject, \
                 interrupt, compact and pause_ms"
            ))
        };
        assert_eq!(problem("[[user]]\nsay = 'a'\n[[user]]\nat = 'x'"), told(2, 0));
        assert_eq!(problem("[[user]]\nsay = 'a'\ncompact = true"), told(1, 2));
    }
}
