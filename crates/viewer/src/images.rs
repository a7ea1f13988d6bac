//! Images in payloads.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Returns the image at a place among the images of a document, with the type that its bytes prove. Only types that a
/// browser draws from pixels are images here: no SVG, which can hold scripts.
pub(crate) fn image_in(document: &[u8], place: usize) -> Option<(&'static str, Vec<u8>)> {
    let document: Value = serde_json::from_slice(document).ok()?;
    let mut found = Vec::new();
    data_urls(&document, &mut found);
    let encoded = found.get(place)?.split_once(";base64,")?.1;
    let bytes = STANDARD.decode(encoded).ok()?;
    Some((raster_type(&bytes)?, bytes))
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
pub(crate) fn raster_type(bytes: &[u8]) -> Option<&'static str> {
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

    #[test]
    fn only_pixels_are_images() {
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\nrest");
        let svg = STANDARD.encode(b"<svg onload=alert(1)>");
        let document = format!(
            r#"{{"input":[{{"image_url":"data:image/svg+xml;base64,{svg}"}},{{"image_url":"data:image/svg+xml;base64,{png}"}}]}}"#
        );
        assert_eq!(image_in(document.as_bytes(), 0), None);
        assert_eq!(image_in(document.as_bytes(), 1), Some(("image/png", b"\x89PNG\r\n\x1a\nrest".to_vec())));
        assert_eq!(image_in(document.as_bytes(), 2), None);
        assert_eq!(image_in(b"no JSON", 0), None);
    }
}
