//! Writing JSON compactly.

use std::io::{self, Write};

use super::{Json, plain_number};

/// How the fields of objects are ordered and numbers are spelled.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// The order that they have in the value.
    Plain,
    /// The order of their keys.
    Sorted,
    /// The order that they have in the value. Numbers are written as they are spelled in it.
    AsSpelled,
}

impl Json<'_> {
    /// Returns the compact text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = Vec::new();
        self.write(&mut text).expect("writing to memory does not fail");
        String::from_utf8(text).expect("JSON text is UTF-8")
    }

    /// Returns the compact text with numbers as they are spelled in the value. The text has only those escapes that JSON
    /// requires.
    pub fn to_spelled_text(&self) -> String {
        let mut text = Vec::new();
        self.write_in(&mut text, Form::AsSpelled).expect("writing to memory does not fail");
        String::from_utf8(text).expect("JSON text is UTF-8")
    }

    /// Returns the compact text with the keys of each object sorted.
    pub(crate) fn to_sorted_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write_in(&mut text, Form::Sorted).expect("writing to memory does not fail");
        text
    }

    /// Writes the compact text with the keys in their own order.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_in(out, Form::Plain)
    }

    fn write_in(&self, out: &mut impl Write, form: Form) -> io::Result<()> {
        match self {
            Self::Null => out.write_all(b"null"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Number(number) => match form {
                Form::AsSpelled => out.write_all(number.as_bytes()),
                Form::Plain | Form::Sorted => out.write_all(plain_number(number).as_bytes()),
            },
            Self::String(text) => Ok(serde_json::to_writer(out, text)?),
            Self::Array(items) => {
                out.write_all(b"[")?;
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.write_all(b",")?;
                    }
                    item.write_in(out, form)?;
                }
                out.write_all(b"]")
            }
            Self::Object(fields) => {
                let fields = match form {
                    Form::Plain | Form::AsSpelled => fields.iter().collect(),
                    Form::Sorted => fields.sorted(),
                };
                out.write_all(b"{")?;
                for (place, (name, value)) in fields.into_iter().enumerate() {
                    if place > 0 {
                        out.write_all(b",")?;
                    }
                    serde_json::to_writer(&mut *out, name)?;
                    out.write_all(b":")?;
                    value.write_in(out, form)?;
                }
                out.write_all(b"}")
            }
        }
    }
}
