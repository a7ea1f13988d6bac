//! Images in payloads.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use rollout_trace::{
    model::{BodyPart, ItemId, RolloutTrace},
    schema::RawPayloadId,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The images of a rollout.
///
/// The graph names the payload that showed an item with an image first. New items are the last ones of a payload, so that its
/// images are counted from the end.
#[derive(Debug, Default)]
pub(crate) struct Images {
    /// The place of each image among those of its payload, counted from the end, by its item and part.
    places: HashMap<(ItemId, usize), u32>,
    /// The hash of each image's content part, as far as the graph has it.
    hashes: HashMap<(RawPayloadId, u32), String>,
}

impl Images {
    pub(crate) fn of(graph: &RolloutTrace) -> Self {
        let mut images = Self::default();
        let mut counts: HashMap<&RawPayloadId, u32> = HashMap::new();
        for (item, part, body) in
            graph.conversation_items.values().rev().flat_map(|item| {
                item.body.parts.iter().enumerate().rev().map(|(place, part)| (item.item_id, place, part))
            })
        {
            let BodyPart::PayloadRef { label, raw_payload_id, content_sha256 } = body else { continue };
            if !label.contains("image") {
                continue;
            }
            let count = counts.entry(raw_payload_id).or_default();
            images.places.insert((item, part), *count);
            let hash = content_sha256.iter().map(|hash| ((raw_payload_id.clone(), *count), hash.clone()));
            images.hashes.extend(hash);
            *count += 1;
        }
        images
    }

    /// Returns the place of the image that a part of an item is.
    pub(crate) fn place(&self, item: ItemId, part: usize) -> Option<u32> {
        self.places.get(&(item, part)).copied()
    }

    /// Returns the image at a place of a payload, with the type that its bytes prove. Only types that a browser draws from
    /// pixels are images here: no SVG, which can hold scripts.
    pub(crate) fn load(&self, payload: &RawPayloadId, place: u32, document: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        let document: Value = serde_json::from_slice(document).ok()?;
        let encoded = match self.hashes.get(&(payload.clone(), place)) {
            Some(hash) => data_url(part_with_hash(&document, hash)?)?,
            None => {
                let mut found = Vec::new();
                data_urls(&document, &mut found);
                *found.iter().rev().nth(place as usize)?
            }
        };
        let bytes = STANDARD.decode(encoded.split_once(";base64,")?.1).ok()?;
        Some((raster_type(&bytes)?, bytes))
    }
}

/// Finds the content part whose compact JSON text has a hash.
fn part_with_hash<'a>(value: &'a Value, hash: &str) -> Option<&'a Value> {
    match value {
        Value::Array(values) => values.iter().find_map(|value| part_with_hash(value, hash)),
        Value::Object(fields) => {
            let is_part = fields.get("type").and_then(Value::as_str).is_some_and(|kind| kind.contains("image"));
            if is_part && hex(&Sha256::digest(value.to_string())) == hash {
                return Some(value);
            }
            fields.values().find_map(|value| part_with_hash(value, hash))
        }
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn data_url(value: &Value) -> Option<&str> {
    let mut found = Vec::new();
    data_urls(value, &mut found);
    found.first().copied()
}

/// Finds the addresses of images that hold their data.
fn data_urls<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.starts_with("data:image/") => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| data_urls(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| data_urls(value, found)),
        _ => {}
    }
}

/// Returns the type of an image by how its bytes begin.
fn raster_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    fn document() -> String {
        let image = |bytes: &[u8]| {
            let encoded = STANDARD.encode(bytes);
            format!(r#"{{"type":"input_image","image_url":"data:image/svg+xml;base64,{encoded}"}}"#)
        };
        format!(r#"{{"input":[{},{}]}}"#, image(b"<svg onload=alert(1)>"), image(PNG))
    }

    #[test]
    fn only_pixels_are_images() {
        let (images, payload) = (Images::default(), RawPayloadId::from("raw_payload:1"));
        let load = |place, document: &str| images.load(&payload, place, document.as_bytes());
        assert_eq!(load(0, &document()), Some(("image/png", PNG.to_vec())));
        assert_eq!(load(1, &document()), None);
        assert_eq!(load(2, &document()), None);
        assert_eq!(load(0, "no JSON"), None);
    }

    #[test]
    fn the_hash_decides_which_image_it_is() {
        let payload = RawPayloadId::from("raw_payload:1");
        let parsed: Value = serde_json::from_str(&document()).unwrap();
        let of = |part: &Value, place| {
            let hash = hex(&Sha256::digest(part.to_string()));
            let images = Images { hashes: [((payload.clone(), place), hash)].into(), ..Images::default() };
            images.load(&payload, place, document().as_bytes())
        };
        assert_eq!(of(&parsed["input"][1], 5), Some(("image/png", PNG.to_vec())));
        assert_eq!(of(&parsed["input"][0], 0), None);
        assert_eq!(of(&Value::Null, 0), None);
    }
}
