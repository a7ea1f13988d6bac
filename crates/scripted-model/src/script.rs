//! The script: what the model says, reply by reply.

use std::{fs, path::Path};

use serde::{Deserialize, de::IgnoredAny};

use crate::{ScriptError, item::ScriptItem};

/// What a scripted model answers.
///
/// A TOML text with a table `[[reply]]` for each answer, in the order in which each agent gets them. The tables `[setup]` and
/// `[[user]]` are for whoever plays the other side, and are not looked at.
#[derive(Clone, Debug)]
pub struct Script {
    pub(crate) replies: Vec<Reply>,
}

/// The endpoint that a request goes to.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/responses`: the model's turn.
    #[default]
    Responses,
    /// `/responses/compact`: a history to be made shorter.
    Compact,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    reply: Vec<Reply>,
    #[serde(default, rename = "setup")]
    _setup: Option<IgnoredAny>,
    #[serde(default, rename = "user")]
    _user: Option<IgnoredAny>,
}

/// One answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    /// The agent that gets it, by its path; with a `*` at the end, each agent whose path begins so.
    #[serde(default = "root")]
    pub(crate) agent: String,
    /// The endpoint that gives it.
    #[serde(default)]
    pub(crate) to: Endpoint,
    /// What the newest input item must contain. A reply whose condition does not hold lets the next one go first.
    pub(crate) when: Option<String>,
    /// What another agent must have asked first. The model waits for it, so that rollouts of several agents come out alike.
    pub(crate) after: Option<After>,
    /// How long the model thinks before it answers at all.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// How long it pauses before each event.
    #[serde(default)]
    pub(crate) pace_ms: u64,
    /// An HTTP status instead of an answer.
    pub(crate) status: Option<u16>,
    /// The seconds after which to try again, with an HTTP status.
    pub(crate) retry_after: Option<f64>,
    /// What the error says.
    pub(crate) error: Option<String>,
    /// What the answer consists of.
    #[serde(default, rename = "item")]
    pub(crate) items: Vec<ScriptItem>,
    /// How the stream ends.
    #[serde(default)]
    pub(crate) end: End,
    /// What the answer is said to have cost.
    #[serde(default)]
    pub(crate) usage: Usage,
}

/// How many requests an agent must have made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    pub(crate) agent: String,
    pub(crate) requests: usize,
}

/// How the stream of an answer ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// As it should.
    #[default]
    Completed,
    /// The connection breaks before the answer is complete.
    Broken,
    /// Nothing more comes, in the middle of the last item, until the client goes away.
    Stall,
    /// The provider says that it failed.
    Failed,
    /// The provider stops before the answer is complete.
    Incomplete,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) cached_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) reasoning_tokens: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self { input_tokens: 100, cached_tokens: 0, output_tokens: 10, reasoning_tokens: 0 }
    }
}

fn root() -> String {
    "/root".to_owned()
}

impl Script {
    /// Reads a script's text. `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// The text is not a script; the error says where.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScriptError> {
        let document: Document = toml::from_str(text)
            .map_err(|source| ScriptError::Parse { name: name.to_owned(), source: Box::new(source) })?;
        for (reply, place) in document.reply.iter().zip(1..) {
            if let Some(item) = reply.items.iter().position(|item| !item.says_one_thing()) {
                return Err(ScriptError::Item { name: name.to_owned(), reply: place, item: item + 1 });
            }
        }
        Ok(Self { replies: document.reply })
    }

    /// Reads a script file.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is not a script.
    pub fn read(path: &Path) -> Result<Self, ScriptError> {
        let text = fs::read_to_string(path).map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }
}

impl Reply {
    /// Whether an agent may get this reply.
    pub(crate) fn is_for(&self, agent: &str, endpoint: Endpoint) -> bool {
        let agent_fits = match self.agent.strip_suffix('*') {
            Some(beginning) => agent.starts_with(beginning),
            None => self.agent == agent,
        };
        agent_fits && self.to == endpoint
    }

    /// Whether several agents get this reply, so that its ids must tell them apart.
    pub(crate) fn is_shared(&self) -> bool {
        self.agent.ends_with('*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        let error = Script::parse("a.toml", text).unwrap_err();
        let source = std::error::Error::source(&error).map(|source| format!("\n{source}")).unwrap_or_default();
        format!("{error}{source}")
    }

    #[test]
    fn an_item_says_one_thing() {
        assert_eq!(
            complaint("[[reply]]\n[[reply.item]]\nsay = \"a\"\n[[reply.item]]\nsay = \"a\"\ncode = \"b\""),
            "a.toml: item 2 of reply 1 must have exactly one of say, think, call, code, patch and raw"
        );
    }

    #[test]
    fn a_typing_error_is_told_with_its_place() {
        let complaint = complaint("[[reply]]\nagnet = \"/root\"");
        assert!(complaint.contains("line 2") && complaint.contains("agnet"), "{complaint}");
    }

    #[test]
    fn a_star_stands_for_any_agent() {
        let script = Script::parse("a", "[[reply]]\nagent = \"/root/*\"").unwrap();
        assert!(script.replies[0].is_for("/root/reader", Endpoint::Responses));
        assert!(!script.replies[0].is_for("/root", Endpoint::Responses));
        assert!(!script.replies[0].is_for("/root/reader", Endpoint::Compact));
    }
}
