//! What the calls of two rollouts were given besides what came in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rollout_trace_model::{ConversationItem, InferenceCall, ItemId};
use serde_json::{Value, json};

use super::{At, Both, Condition, ConditionCause, LineDifference};
use crate::{
    DefinitionId, RequestFacts, Rollout,
    meaning::{Meaning, without_noise},
};

/// What one call of a pair was given.
pub(super) struct Given<'r, 'a> {
    pub(super) rollout: &'r Rollout<'a>,
    pub(super) call: &'a InferenceCall,
    pub(super) request: &'r RequestFacts,
    /// The new items that the harness added.
    pub(super) harness: Vec<&'a ConversationItem>,
    /// The new items that persons wrote, if these are a condition.
    pub(super) persons: Option<Vec<&'a ConversationItem>>,
}

/// The conditions of a thread so far, each once.
#[derive(Default)]
pub(super) struct Conditions(pub(super) Vec<Condition>);

impl Conditions {
    /// Adds what differs between the conditions of two calls.
    pub(super) fn note(&mut self, given: &Both<Given<'_, '_>>, at: &Both<Option<At>>) {
        let Both { a, b } = given;
        if a.call.model != b.call.model {
            self.add(ConditionCause::ModelChange, given.map(|given| json!(given.call.model)), None, at);
        }
        self.note_tools(given, at);
        let instructions = given.map(|given| {
            let text = given.request.instructions.map(|id| &*given.rollout.facts().definition(id).text);
            text.unwrap_or_default()
        });
        let plain = given.map(|given| {
            let text = given.request.instructions.map(|id| &*given.rollout.facts().definition(id).text);
            without_noise(text.unwrap_or_default(), cwd(given)).into_owned()
        });
        if plain.a != plain.b {
            let bytes = instructions.map(|text| json!(text.len()));
            self.add(ConditionCause::InstructionChange, bytes, Some(difference(&plain.a, &plain.b)), at);
        }
        let settings = given.map(|given| {
            let settings = given.request.settings.iter();
            settings.map(|(name, value)| (name.to_string(), (**value).clone())).collect::<BTreeMap<_, _>>()
        });
        if settings.a != settings.b {
            let lacking = Both { a: lacking(&settings.a, &settings.b), b: lacking(&settings.b, &settings.a) };
            self.add(ConditionCause::SettingsChange, lacking, None, at);
        }
        self.note_harness(given, at);
        if let (Some(of_a), Some(of_b)) = (&a.persons, &b.persons) {
            let meanings = Both { a: sorted_meanings(a.rollout, of_a), b: sorted_meanings(b.rollout, of_b) };
            if meanings.a != meanings.b {
                let ids = Both { a: ids(of_a), b: ids(of_b) };
                self.add(ConditionCause::Input, ids, None, at);
            }
        }
    }

    fn note_tools(&mut self, given: &Both<Given<'_, '_>>, at: &Both<Option<At>>) {
        let tools = given.map(|given| {
            let facts = given.rollout.facts();
            let named = |id: &DefinitionId| (facts.definition(*id).name.clone(), facts.definition(*id).text.clone());
            given.request.tools.iter().map(named).collect::<Vec<_>>()
        });
        let names = tools.map(|tools| tools.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
        if names.a != names.b {
            let only = |own: &[String], other: &[String]| {
                json!(own.iter().filter(|name| !other.contains(name)).collect::<Vec<_>>())
            };
            let only = Both { a: only(&names.a, &names.b), b: only(&names.b, &names.a) };
            self.add(ConditionCause::ToolListChange, only, None, at);
        }
        let texts: HashMap<_, _> = tools.b.iter().cloned().collect();
        let differing: BTreeSet<_> = { tools.a.iter() }
            .filter(|(name, text)| texts.get(name).is_some_and(|other| other != text))
            .map(|(name, _)| name)
            .collect();
        if !differing.is_empty() {
            let both = Both { a: json!(differing), b: json!(differing) };
            self.add(ConditionCause::ToolDefinitionChange, both, None, at);
        }
    }

    fn note_harness(&mut self, given: &Both<Given<'_, '_>>, at: &Both<Option<At>>) {
        let meanings = given.map(|given| {
            let meaning = |item: &&ConversationItem| (Meaning::of(given.rollout, item), item.item_id);
            given.harness.iter().map(meaning).collect::<Vec<_>>()
        });
        let sets =
            meanings.map(|meanings| meanings.iter().map(|(meaning, _)| meaning.clone()).collect::<BTreeSet<_>>());
        if sets.a == sets.b {
            return;
        }
        let lacking = |own: &[(Meaning, ItemId)], other: &BTreeSet<Meaning>| {
            own.iter().filter(|(meaning, _)| !other.contains(meaning)).cloned().collect::<Vec<_>>()
        };
        let lacking = Both { a: lacking(&meanings.a, &sets.b), b: lacking(&meanings.b, &sets.a) };
        let texts = lacking.map(|items| items.first().map_or_else(String::new, |(meaning, _)| meaning.text.clone()));
        let ids = lacking.map(|items| json!(items.iter().map(|(_, id)| id).collect::<Vec<_>>()));
        self.add(ConditionCause::Harness, ids, Some(difference(&texts.a, &texts.b)), at);
    }

    fn add(
        &mut self,
        cause: ConditionCause,
        values: Both<Value>,
        first_difference: Option<Option<LineDifference>>,
        at: &Both<Option<At>>,
    ) {
        let Both { a, b } = values;
        let is_known = self.0.iter().any(|known| known.cause == cause && known.a == a && known.b == b);
        if !is_known {
            self.0.push(Condition { cause, a, b, first_difference, at: at.clone() });
        }
    }
}

fn cwd<'g>(given: &Given<'_, 'g>) -> Option<&'g str> {
    given.rollout.graph().threads.get(&given.call.thread_id)?.cwd.as_deref()
}

fn lacking(own: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>) -> Value {
    let differs = |(name, value): &(&String, &Value)| other.get(*name) != Some(*value);
    json!(own.iter().filter(differs).collect::<BTreeMap<_, _>>())
}

fn sorted_meanings(rollout: &Rollout<'_>, items: &[&ConversationItem]) -> Vec<Meaning> {
    let mut meanings: Vec<_> = items.iter().map(|item| Meaning::of(rollout, item)).collect();
    meanings.sort_unstable();
    meanings
}

fn ids(items: &[&ConversationItem]) -> Value {
    json!(items.iter().map(|item| item.item_id).collect::<Vec<_>>())
}

/// Returns the first line in which two texts differ.
pub(super) fn difference(a: &str, b: &str) -> Option<LineDifference> {
    let (mut of_a, mut of_b) = (a.split('\n'), b.split('\n'));
    (1..)
        .map_while(|line| match (of_a.next(), of_b.next()) {
            (None, None) => None,
            (a, b) => Some(LineDifference { line, a: a.map(str::to_owned), b: b.map(str::to_owned) }),
        })
        .find(|line| line.a != line.b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_that_differs() {
        let of = |a, b| difference(a, b).map(|found| (found.line, found.a, found.b));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(of("x\ny", "x\ny"), None);
        assert_eq!(of("x\ny", "x\nz"), Some((2, text("y"), text("z"))));
        assert_eq!(of("x", "x\nz"), Some((2, None, text("z"))));
        assert_eq!(of("", "z"), Some((1, text(""), text("z"))));
    }
}
