//! The arguments of calls, as far as they are compared key by key.

use crate::{
    fingerprint::{Fingerprint, Fingerprinter, fingerprint_text},
    json::Json,
};

/// The arguments of a call that are an object: the fingerprints of each key and its value, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments(Box<[(Fingerprint, Fingerprint)]>);

impl Arguments {
    pub(super) fn of(value: &Json<'_>) -> Option<Self> {
        let Json::Object(fields) = value else { return None };
        let pairs =
            fields.iter().map(|(name, value)| (fingerprint_text(name), Fingerprinter::default().json(value).finish()));
        let mut pairs: Box<[_]> = pairs.collect();
        pairs.sort_unstable();
        Some(Self(pairs))
    }

    /// Returns whether both are equal in the keys that both have. Agent cores add what the model left out.
    ///
    /// Source: wires, section 4.2.
    pub(crate) fn agree_with(&self, other: &Self) -> bool {
        self.0.iter().all(|(name, value)| match other.0.binary_search_by_key(name, |(name, _)| *name) {
            Ok(place) => other.0[place].1 == *value,
            Err(_) => true,
        })
    }
}

/// What the arguments of a call say about an agent that the call may spawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Errand {
    /// The fingerprints of the texts that may be the agent's task.
    pub(crate) tasks: Vec<Fingerprint>,
    /// The role of the agent.
    pub(crate) role: Option<String>,
}

/// The arguments that may be an agent's task.
const TASKS: [&str; 7] = ["prompt", "message", "task", "description", "objective", "query", "instructions"];

/// The arguments that give an agent its role.
const ROLES: [&str; 3] = ["subagent_type", "agent_type", "agent_name"];

impl Errand {
    /// Returns what the arguments say, or `None` if none of them may be a task.
    ///
    /// Source: wires, section 7.1.
    pub(super) fn of(arguments: &Json<'_>) -> Option<Box<Self>> {
        let tasks: Vec<_> = TASKS.iter().filter_map(|name| task_fingerprint(arguments.text(name)?)).collect();
        let role = role(arguments).map(str::to_owned);
        (!tasks.is_empty() || role.is_some()).then(|| Box::new(Self { tasks, role }))
    }
}

/// Returns the fingerprint by which a text is found to be an agent's task, or `None` if it is blank.
pub(crate) fn task_fingerprint(text: &str) -> Option<Fingerprint> {
    let text = text.trim();
    (!text.is_empty()).then(|| fingerprint_text(text))
}

/// Returns the role that a call gives the agent which it starts.
fn role<'v>(arguments: &'v Json<'_>) -> Option<&'v str> {
    ROLES.iter().find_map(|name| arguments.text(name))
}
