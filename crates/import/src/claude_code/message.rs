//! Messages as requests had them, recognized by hashes.

use std::{collections::HashMap, rc::Rc};

use serde_json::{Value, json, value::RawValue};
use sha2::{Digest, Sha256};

use super::block::blocks;
use crate::{
    lines::hex,
    object::{Object, canonical},
};

/// A message that a record holds because the transcript cannot give it.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    pub(super) role: String,
    pub(super) blocks: Vec<Box<RawValue>>,
    /// Whether it has the hash that names it.
    is_sound: bool,
}

/// The parts of requests that records hold, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    messages: HashMap<String, Blob>,
    shapes: HashMap<String, (Rc<Object<'static>>, bool)>,
}

impl Blobs {
    pub(super) fn add_message(&mut self, record: &Object<'_>) {
        let (Some(hash), Some(message)) = (record.text("hash"), record.object("message")) else { return };
        let is_sound = hash_of(&normal(record.get("message"))) == hash;
        let role = message.text("role").unwrap_or_default();
        self.messages.insert(hash, Blob { role, blocks: blocks(message.get("content")), is_sound });
    }

    pub(super) fn add_shape(&mut self, record: &Object<'_>) {
        let Some(hash) = record.text("shapeHash") else { return };
        let shape: Value = record.read("shape").unwrap_or_default();
        let is_sound = hash_of(&without_marks(shape)) == hash;
        let shape = record.object("shape").unwrap_or_default().into_owned();
        self.shapes.insert(hash, (Rc::new(shape), is_sound));
    }

    /// Returns the message with this hash, if a record holds it and it has that hash.
    pub(super) fn message(&self, hash: &str) -> Option<&Blob> {
        self.messages.get(hash).filter(|blob| blob.is_sound)
    }

    /// Returns the system prompt and the tools with this hash.
    pub(super) fn shape(&self, hash: &str) -> Option<Rc<Object<'static>>> {
        self.shapes.get(hash).filter(|(_, is_sound)| *is_sound).map(|(shape, _)| Rc::clone(shape))
    }
}

/// Returns the hash of a message of these blocks.
pub(super) fn hash_of_blocks(role: &str, blocks: &[&RawValue]) -> String {
    let content: Vec<Value> = blocks.iter().filter_map(|block| serde_json::from_str(block.get()).ok()).collect();
    hash_of(&without_marks(json!({"role": role, "content": content})))
}

fn hash_of(value: &Value) -> String {
    hex(&Sha256::digest(canonical(value).as_bytes()))
}

/// Returns a message in the form that is hashed.
fn normal(message: Option<&RawValue>) -> Value {
    let mut value: Value = message.and_then(|message| serde_json::from_str(message.get()).ok()).unwrap_or_default();
    if let Some(Value::String(text)) = value.get("content") {
        value["content"] = json!([{"type": "text", "text": text}]);
    }
    without_marks(value)
}

/// Removes the marks for the cache, wherever blocks and tools have them.
fn without_marks(mut value: Value) -> Value {
    for list in ["content", "system", "tools"] {
        for block in value.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(block) = block.as_object_mut() {
                block.remove("cache_control");
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_one_block_and_marks_do_not_count() {
        let message = |text: &str| hash_of(&normal(serde_json::from_str(text).ok()));
        let plain = message(r#"{"role":"user","content":"é"}"#);
        assert_eq!(plain, message(r#"{"content":[{"cache_control":{},"text":"é","type":"text"}],"role":"user"}"#));
        let block: Box<RawValue> = serde_json::from_str(r#"{"type":"text","text":"é"}"#).unwrap();
        assert_eq!(plain, hash_of_blocks("user", &[&block]));
        assert_ne!(plain, message(r#"{"role":"user","content":"e"}"#));
    }
}
