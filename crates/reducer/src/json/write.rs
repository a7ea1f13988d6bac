//! Writing JSON compactly.

use std::io::{self, Write};

use super::Json;

impl Json<'_> {
    /// The compact text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = Vec::new();
        self.write(&mut text).expect("memory takes everything");
        String::from_utf8(text).expect("JSON is text")
    }

    /// Writes the compact text, the keys in the order in which they came.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Null => out.write_all(b"null"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Number(number) => out.write_all(number.as_bytes()),
            Self::String(text) => Ok(serde_json::to_writer(out, text)?),
            Self::Array(items) => {
                out.write_all(b"[")?;
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.write_all(b",")?;
                    }
                    item.write(out)?;
                }
                out.write_all(b"]")
            }
            Self::Object(fields) => {
                out.write_all(b"{")?;
                for (place, (name, value)) in fields.iter().enumerate() {
                    if place > 0 {
                        out.write_all(b",")?;
                    }
                    serde_json::to_writer(&mut *out, name)?;
                    out.write_all(b":")?;
                    value.write(out)?;
                }
                out.write_all(b"}")
            }
        }
    }
}
