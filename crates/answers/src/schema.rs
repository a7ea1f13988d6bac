//! The JSON Schema of the answers.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{Blame, Context, ContextDiff, CriticalPath, Diff, Findings, Grep, Stats, Time, Unseen, Verdict, Why};

const ABOUT: &str = "\
An answer to a question about a rollout, as `rollout-trace QUESTION --json` prints it, on one line. The key `question` \
says which one it is. More keys may be added.";

/// Returns the JSON Schema (draft 2020-12) of all answers.
///
/// The repository contains the schema as `docs/answers.schema.json`.
///
/// ```
/// let schema = rollout_trace_answers::json_schema();
/// assert_eq!(schema["$defs"]["Time"]["properties"]["question"]["const"], "time");
/// ```
#[must_use]
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let answers = [
        answer::<Why>("why", &mut generator),
        answer::<Context>("context", &mut generator),
        answer::<ContextDiff>("context-diff", &mut generator),
        answer::<Blame>("blame", &mut generator),
        answer::<Unseen>("unseen", &mut generator),
        answer::<Diff>("diff", &mut generator),
        answer::<Time>("time", &mut generator),
        answer::<CriticalPath>("critical-path", &mut generator),
        answer::<Findings>("findings", &mut generator),
        answer::<Stats>("stats", &mut generator),
        answer::<Grep>("grep", &mut generator),
        answer::<Verdict>("verdict", &mut generator),
    ];
    let references: Vec<_> = answers.iter().map(|(_, reference)| reference.clone()).collect();
    let mut definitions = generator.take_definitions(true);
    for (question, reference) in answers {
        let name = reference["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        if let Some(property) = definitions.get_mut(name).and_then(|answer| answer.pointer_mut("/properties/question"))
        {
            property["const"] = question.into();
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://github.com/rollout-trace/rollout-trace/raw/main/docs/answers.schema.json",
        "title": "Answers about a rollout",
        "description": ABOUT,
        "anyOf": references,
        "$defs": definitions,
    })
}

/// Returns the question with a reference to the schema of its answer.
fn answer<T: JsonSchema>(question: &'static str, generator: &mut SchemaGenerator) -> (&'static str, Value) {
    (question, generator.subschema_for::<T>().to_value())
}
