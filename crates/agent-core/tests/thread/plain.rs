//! What a rollout did, without what chance decides.

use serde_json::Value;

/// Removes what differs between two rollouts: ids, times and places.
pub(crate) fn plain(value: Value, places: &[&str]) -> Value {
    match value {
        Value::Object(fields) => {
            let is_chance = |name: &str| name.ends_with("_ms") || name.ends_with("_id") || name == "prompt_cache_key";
            let fields = fields.into_iter().filter(|(name, _)| !is_chance(name) || name == "call_id");
            fields
                .map(|(name, value)| {
                    let value = if name == "id" { Value::Null } else { plain(value, places) };
                    (name, value)
                })
                .collect()
        }
        Value::Array(values) => values.into_iter().map(|value| plain(value, places)).collect(),
        // The id of a call by a code cell.
        Value::String(text) if text.starts_with("exec-") => "exec".into(),
        Value::String(text) => {
            let text = places.iter().fold(text, |text, place| text.replace(place, "HERE"));
            let lines = text.split('\n').filter(|line| !line.starts_with("Wall time") && !line.starts_with("Chunk ID"));
            lines.collect::<Vec<_>>().join("\n").into()
        }
        other => other,
    }
}
