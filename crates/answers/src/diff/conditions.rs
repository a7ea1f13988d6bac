//! What the calls of two rollouts were given besides what came in.

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace_model::{
    ConversationItem, InferenceCall, ItemId,
    map::{HashMap, HashSet},
};
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
pub(super) struct Conditions<'r> {
    found: Vec<Condition>,
    known: HashSet<(ConditionCause, String, String)>,
    /// The requests that were compared last.
    last: Option<Both<&'r RequestFacts>>,
}

impl<'r> Conditions<'r> {
    /// Returns whether no condition differed so far.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn into_found(self) -> Vec<Condition> {
        self.found
    }

    /// Adds what differs between the conditions of two calls.
    pub(super) fn note(&mut self, given: &Both<Given<'r, '_>>, at: &Both<Option<At>>) {
        let Both { a, b } = given;
        if a.call.model != b.call.model {
            self.add(ConditionCause::ModelChange, given.map(|given| json!(given.call.model)), None, at);
        }
        // Most requests repeat what the one before said, and a difference is noted once.
        let last = self.last.replace(given.map(|given| given.request));
        let is_repeated = |same: &dyn Fn(&RequestFacts, &RequestFacts) -> bool| {
            last.as_ref().is_some_and(|last| same(last.a, a.request) && same(last.b, b.request))
        };
        if !is_repeated(&|last, now| last.tools == now.tools) {
            self.note_tools(given, at);
        }
        if !is_repeated(&|last, now| last.instructions == now.instructions) {
            self.note_instructions(given, at);
        }
        if !is_repeated(&|last, now| last.settings == now.settings) {
            self.note_settings(given, at);
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

    fn note_instructions(&mut self, given: &Both<Given<'_, '_>>, at: &Both<Option<At>>) {
        let instructions = given.map(|given| {
            let text = given.request.instructions.map(|id| &*given.rollout.facts().definition(id).text);
            text.unwrap_or_default()
        });
        let plain =
            Both { a: without_noise(instructions.a, cwd(&given.a)), b: without_noise(instructions.b, cwd(&given.b)) };
        if plain.a != plain.b {
            let bytes = instructions.map(|text| json!(text.len()));
            self.add(ConditionCause::InstructionChange, bytes, Some(difference(&plain.a, &plain.b)), at);
        }
    }

    fn note_settings(&mut self, given: &Both<Given<'_, '_>>, at: &Both<Option<At>>) {
        let settings = given.map(|given| {
            let settings = given.request.settings.iter();
            settings.map(|(name, value)| (name.to_string(), (**value).clone())).collect::<BTreeMap<_, _>>()
        });
        if settings.a != settings.b {
            let lacking = Both { a: lacking(&settings.a, &settings.b), b: lacking(&settings.b, &settings.a) };
            self.add(ConditionCause::SettingsChange, lacking, None, at);
        }
    }

    fn note_tools(&mut self, given: &Both<Given<'_, '_>>, at: &Both<Option<At>>) {
        let tools = given.map(|given| {
            let facts = given.rollout.facts();
            let definition = |id: &DefinitionId| facts.definition(*id);
            let named = |id: &DefinitionId| (&*definition(id).name, &*definition(id).text);
            given.request.tools.iter().map(named).collect::<Vec<_>>()
        });
        if tools.a.iter().map(|(name, _)| name).ne(tools.b.iter().map(|(name, _)| name)) {
            let only = |own: &[(&str, &str)], other: &[(&str, &str)]| {
                let known: HashSet<_> = other.iter().map(|(name, _)| name).collect();
                json!(own.iter().map(|(name, _)| name).filter(|name| !known.contains(name)).collect::<Vec<_>>())
            };
            let only = Both { a: only(&tools.a, &tools.b), b: only(&tools.b, &tools.a) };
            self.add(ConditionCause::ToolListChange, only, None, at);
        }
        let texts: HashMap<_, _> = tools.b.iter().copied().collect();
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
        if self.known.insert((cause, a.to_string(), b.to_string())) {
            self.found.push(Condition { cause, a, b, first_difference, at: at.clone() });
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
