//! One item of an answer.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One item, in the short forms that keep a script readable.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ScriptItem {
    /// A message to the user.
    say: Option<String>,
    /// Reasoning.
    think: Option<String>,
    /// A function call: the tool's name.
    call: Option<String>,
    /// The function call's arguments.
    arguments: Option<Map<String, Value>>,
    /// A code cell's source: a call of the custom tool `exec`.
    code: Option<String>,
    /// A patch: a call of the custom tool `apply_patch`.
    patch: Option<String>,
    /// An item of any kind, sent unchanged.
    raw: Option<Map<String, Value>>,
    /// The call's id, if the scenario depends on it.
    call_id: Option<String>,
}

impl ScriptItem {
    /// Returns whether exactly one of the keys that say what the item is has a value.
    pub(crate) fn has_one_kind(&self) -> bool {
        let texts = [&self.say, &self.think, &self.call, &self.code, &self.patch];
        texts.into_iter().filter(|text| text.is_some()).count() + usize::from(self.raw.is_some()) == 1
    }

    /// Returns the item as the provider sends it. `place` is unique in the rollout, and makes the item's ids unique.
    pub(crate) fn wire(&self, place: &str) -> Value {
        let call_id = self.call_id.clone().unwrap_or_else(|| format!("call_{place}"));
        if let Some(text) = &self.say {
            return json!({"type": "message", "id": format!("msg_{place}"), "role": "assistant",
                          "content": [{"type": "output_text", "text": text}]});
        }
        if let Some(text) = &self.think {
            return json!({"type": "reasoning", "id": format!("rs_{place}"), "encrypted_content": format!("sealed:{place}"),
                          "summary": [{"type": "summary_text", "text": text}],
                          "content": [{"type": "reasoning_text", "text": text}]});
        }
        if let Some(name) = &self.call {
            let arguments = Value::from(self.arguments.clone().unwrap_or_default()).to_string();
            return json!({"type": "function_call", "id": format!("fc_{place}"), "call_id": call_id,
                          "name": name, "arguments": arguments});
        }
        let custom = |name: &str, input: &str| {
            json!({"type": "custom_tool_call", "id": format!("ctc_{place}"), "call_id": call_id,
                   "name": name, "input": input})
        };
        match (&self.code, &self.patch, &self.raw) {
            (Some(code), _, _) => custom("exec", code),
            (_, Some(patch), _) => custom("apply_patch", patch),
            (_, _, raw) => Value::from(raw.clone().unwrap_or_default()),
        }
    }
}
