//! Scripts: the model's replies, in order.

use std::{fs, path::Path};

use serde::{Deserialize, de::IgnoredAny};

use crate::{ScriptError, item::ScriptItem};

/// The answers of a scripted model.
///
/// A script is a TOML document with one table `[[reply]]` per answer. Each agent receives its replies in this order.
/// The tables `[setup]` and `[[user]]` are ignored: they are for the program that plays the user.
#[derive(Clone, Debug)]
pub struct Script {
    pub(crate) replies: Vec<Reply>,
}

/// The endpoint of a request.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/responses`: the model's turn.
    #[default]
    Responses,
    /// `/responses/compact`: the compaction of a history.
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

/// One answer of the model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    /// The path of the agent that receives the reply. With a `*` at the end, every agent whose path begins with the
    /// rest receives it.
    #[serde(default = "root")]
    pub(crate) agent: String,
    /// The endpoint that sends the reply.
    #[serde(default)]
    pub(crate) to: Endpoint,
    /// A text that the newest input item must contain. Otherwise the next reply is considered.
    pub(crate) when: Option<String>,
    /// The requests of another agent to wait for, so that the order of events is the same each time.
    pub(crate) after: Option<After>,
    /// The pause before the answer.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// The pause before each event of the stream.
    #[serde(default)]
    pub(crate) pace_ms: u64,
    /// The status of an HTTP error to send instead of an answer.
    pub(crate) status: Option<u16>,
    /// The `Retry-After` header of an HTTP error, in seconds.
    pub(crate) retry_after: Option<f64>,
    /// The message of the error.
    pub(crate) error: Option<String>,
    /// The items of the answer.
    #[serde(default, rename = "item")]
    pub(crate) items: Vec<ScriptItem>,
    /// How the stream ends.
    #[serde(default)]
    pub(crate) end: End,
    /// The token usage that the answer reports.
    #[serde(default)]
    pub(crate) usage: Usage,
}

/// A number of requests that an agent must have made.
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
    /// The response is complete.
    #[default]
    Completed,
    /// The connection breaks before the answer is complete.
    Broken,
    /// The stream stalls in the middle of the last item, until the client closes it.
    Stall,
    /// The provider reports a failure.
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
    /// Parses a script. Errors refer to it by `name`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not a script, with the place of the mistake.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScriptError> {
        let document: Document = toml::from_str(text)
            .map_err(|source| ScriptError::Parse { name: name.to_owned(), source: Box::new(source) })?;
        for (reply, place) in document.reply.iter().zip(1..) {
            if let Some(item) = reply.items.iter().position(|item| !item.has_one_kind()) {
                return Err(ScriptError::Item { name: name.to_owned(), reply: place, item: item + 1 });
            }
        }
        Ok(Self { replies: document.reply })
    }

    /// Reads a script file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or is not a script.
    pub fn read(path: &Path) -> Result<Self, ScriptError> {
        let text = fs::read_to_string(path).map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }
}

impl Reply {
    /// Returns whether an agent may receive this reply.
    pub(crate) fn is_for(&self, agent: &str, endpoint: Endpoint) -> bool {
        let agent_fits = match self.agent.strip_suffix('*') {
            Some(beginning) => agent.starts_with(beginning),
            None => self.agent == agent,
        };
        agent_fits && self.to == endpoint
    }

    /// Returns whether several agents receive this reply, so that its ids must differ between them.
    pub(crate) fn is_shared(&self) -> bool {
        self.agent.ends_with('*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = Script::parse("a.toml", text).unwrap_err();
        let source = std::error::Error::source(&error).map(|source| format!("\n{source}")).unwrap_or_default();
        format!("{error}{source}")
    }

    #[test]
    fn an_item_has_one_kind() {
        assert_eq!(
            error("[[reply]]\n[[reply.item]]\nsay = \"a\"\n[[reply.item]]\nsay = \"a\"\ncode = \"b\""),
            "a.toml: item 2 of reply 1 must have exactly one of say, think, call, code, patch and raw"
        );
    }

    #[test]
    fn a_misspelled_key_is_reported_with_its_place() {
        let error = error("[[reply]]\nagnet = \"/root\"");
        assert!(error.contains("line 2") && error.contains("agnet"), "{error}");
    }

    #[test]
    fn a_star_matches_any_child_agent() {
        let script = Script::parse("a", "[[reply]]\nagent = \"/root/*\"").unwrap();
        assert!(script.replies[0].is_for("/root/reader", Endpoint::Responses));
        assert!(!script.replies[0].is_for("/root", Endpoint::Responses));
        assert!(!script.replies[0].is_for("/root/reader", Endpoint::Compact));
    }
}
