//! JSON on a terminal.

use std::{
    io::{self, Write},
    mem,
};

use rollout_trace::schema::visible::is_visible;

/// Passes JSON on, with every character that is not visible written as a JSON escape, such as `\u001b`.
///
/// The values stay the same. Newlines and tabs, which lay JSON out, are kept. Bytes that are not UTF-8 become U+FFFD.
#[derive(Debug)]
pub(crate) struct VisibleJson<W> {
    writer: W,
    /// The beginning of a character whose other bytes have not been written yet.
    begun: Vec<u8>,
}

impl<W: Write> VisibleJson<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer, begun: Vec::new() }
    }

    /// Writes what is left at the end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.begun.is_empty() { Ok(()) } else { write!(self.writer, "{}", char::REPLACEMENT_CHARACTER) }
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let mut copied = 0;
        for (at, c) in text.char_indices().filter(|&(_, c)| !is_visible(c) && !matches!(c, '\n' | '\t')) {
            self.writer.write_all(&text.as_bytes()[copied..at])?;
            copied = at + c.len_utf8();
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(self.writer, "\\u{unit:04x}")?;
            }
        }
        self.writer.write_all(&text.as_bytes()[copied..])
    }
}

impl<W: Write> Write for VisibleJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = mem::take(&mut self.begun);
        text.extend_from_slice(bytes);
        let mut rest = text.as_slice();
        loop {
            let error = match str::from_utf8(rest) {
                Ok(text) => return self.text(text).map(|()| bytes.len()),
                Err(error) => error,
            };
            let (valid, invalid) = rest.split_at(error.valid_up_to());
            self.text(str::from_utf8(valid).expect("the error is after these bytes"))?;
            let Some(length) = error.error_len() else {
                self.begun = invalid.to_vec();
                return Ok(bytes.len());
            };
            write!(self.writer, "{}", char::REPLACEMENT_CHARACTER)?;
            rest = &invalid[length..];
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes bytes in pieces of this length.
    fn visible(bytes: &[u8], length: usize) -> String {
        let mut written = Vec::new();
        let mut json = VisibleJson::new(&mut written);
        bytes.chunks(length).for_each(|piece| json.write_all(piece).unwrap());
        json.finish().unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn the_value_stays_the_same() {
        let text = "{\"é\u{7f}\":\n\t\"\u{9b}31m\u{202e}\u{e0041}\u{10ffff}\u{200d}👩\"}";
        for length in 1..=text.len() {
            let shown = visible(text.as_bytes(), length);
            assert_eq!(shown, "{\"é\\u007f\":\n\t\"\\u009b31m\\u202e\\udb40\\udc41\\udbff\\udfff\\u200d👩\"}");
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(value(&shown), value(text));
        }
    }

    #[test]
    fn damaged_text_is_replaced() {
        let text = b"\"a\x1b\xff\xc3\r\xf0\x9f";
        for length in 1..=text.len() {
            assert_eq!(visible(text, length), "\"a\\u001b\u{fffd}\u{fffd}\\u000d\u{fffd}");
        }
    }
}
