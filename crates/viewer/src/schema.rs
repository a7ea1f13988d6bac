//! The JSON Schema of everything that the viewer sends as JSON.

use rollout_trace::answers::{
    Blame, Context, ContextDiff, CriticalPath, Diff, Findings, Grep, Stats, Time, Unseen, Verdict, Why,
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{
    ApiError, Causes, Events, Grown, Items, Labels, LeftOut, Overview, RawEventText, RequestChanges, Review, Rollouts,
    Selected, Spans, Texts,
};

/// Returns the JSON Schema (draft 2020-12) of the data of a page and of the answers that it asks for. The TypeScript types
/// of the page are generated from it.
#[must_use]
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    fn add<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) {
        generator.subschema_for::<T>();
    }
    add::<Rollouts>(&mut generator);
    add::<Overview>(&mut generator);
    add::<Review>(&mut generator);
    add::<Spans>(&mut generator);
    add::<Items>(&mut generator);
    add::<Labels>(&mut generator);
    add::<RequestChanges>(&mut generator);
    add::<LeftOut>(&mut generator);
    add::<Texts>(&mut generator);
    add::<Causes>(&mut generator);
    add::<Events>(&mut generator);
    add::<Grown>(&mut generator);
    add::<RawEventText>(&mut generator);
    add::<Selected>(&mut generator);
    add::<ApiError>(&mut generator);
    add::<Why>(&mut generator);
    add::<Context>(&mut generator);
    add::<ContextDiff>(&mut generator);
    add::<Blame>(&mut generator);
    add::<Unseen>(&mut generator);
    add::<Diff>(&mut generator);
    add::<Time>(&mut generator);
    add::<CriticalPath>(&mut generator);
    add::<Findings>(&mut generator);
    add::<Stats>(&mut generator);
    add::<Grep>(&mut generator);
    add::<Verdict>(&mut generator);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The data of the viewer",
        "$defs": generator.take_definitions(true),
    })
}
