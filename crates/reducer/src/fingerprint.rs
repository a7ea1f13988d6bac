//! Identity of content without keeping the content.

use crate::json::Json;

/// Stands for a piece of content: equal content, equal fingerprint.
///
/// 128 bits of BLAKE3, so that no two pieces of content in practice, nor by anyone's design, are taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 16]);

/// Takes a fingerprint piece by piece. Each piece is delimited, so that pieces cannot run into one another.
#[derive(Default)]
pub(crate) struct Fingerprinter(blake3::Hasher);

impl Fingerprinter {
    pub(crate) fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.update(&[tag]);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    pub(crate) fn fingerprint(&mut self, fingerprint: Fingerprint) -> &mut Self {
        self.0.update(&fingerprint.0);
        self
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.tag(1).text(text),
            None => self.tag(0),
        }
    }

    /// Adds a value, whatever the order of its keys.
    pub(crate) fn json(&mut self, value: &Json) -> &mut Self {
        self.json_without(value, None)
    }

    /// Adds a value as if its own field `skipped` were not there.
    pub(crate) fn json_without(&mut self, value: &Json, skipped: Option<&str>) -> &mut Self {
        match value {
            Json::Null => self.tag(b'n'),
            Json::Bool(value) => self.tag(b'b').tag(u8::from(*value)),
            Json::Number(number) => self.tag(b'd').text(&number.to_string()),
            Json::String(text) => self.tag(b's').text(text),
            Json::Array(items) => {
                self.tag(b'[');
                for item in items {
                    self.json(item);
                }
                self.tag(b']')
            }
            Json::Object(fields) => {
                let mut sorted: Vec<_> = fields.iter().filter(|(key, _)| Some(key.as_str()) != skipped).collect();
                sorted.sort_unstable_by_key(|(key, _)| key.as_str());
                self.tag(b'{');
                for (key, value) in sorted {
                    self.text(key).json(value);
                }
                self.tag(b'}')
            }
        }
    }

    pub(crate) fn finish(&self) -> Fingerprint {
        let mut short = [0; 16];
        short.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        Fingerprint(short)
    }
}

/// The fingerprint of a text.
pub(crate) fn fingerprint_text(text: &str) -> Fingerprint {
    Fingerprinter::default().text(text).finish()
}
