//! Server-sent events.
//!
//! Source: wires, section 9.1.

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name, which is empty if it has none.
    pub(crate) name: String,
    pub(crate) data: String,
}

/// Splits a body into events. It keeps the bytes of an unfinished line, and of an unfinished event.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, after which a line feed belongs to the same end of line.
    after_return: bool,
    /// Whether any line has ended.
    has_begun: bool,
    event: Event,
    has_data: bool,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Events {
    /// Takes the next bytes, and passes on each event that they finish.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Event)) {
        let mut rest = bytes;
        if self.after_return && !rest.is_empty() {
            self.after_return = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.line.extend_from_slice(&rest[..end]);
            let is_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if is_return && rest.is_empty() {
                self.after_return = true;
            } else if is_return {
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            self.end_line(&mut each);
        }
        self.line.extend_from_slice(rest);
    }

    /// Passes on the last event, which counts even if no blank line ends it.
    pub(crate) fn finish(mut self, mut each: impl FnMut(Event)) {
        if !self.line.is_empty() {
            self.end_line(&mut each);
        }
        self.end_event(&mut each);
    }

    /// Returns how many bytes are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.line.len() + self.event.data.len()
    }

    fn end_line(&mut self, each: &mut impl FnMut(Event)) {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.has_begun, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_event(each);
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        match &line[..colon] {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(&value);
            }
            b"event" => self.event.name = value.into_owned(),
            // Comments, which have an empty name, and fields for reconnecting.
            _ => {}
        }
    }

    fn end_event(&mut self, each: &mut impl FnMut(Event)) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            each(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut events = Events::default();
        for chunk in chunks {
            events.push(chunk, |event| found.push((event.name, event.data)));
        }
        events.finish(|event| found.push((event.name, event.data)));
        found
    }

    #[test]
    fn lines_may_end_in_three_ways_and_anywhere_between_reads() {
        let body = "\u{FEFF}: comment\r\nevent: a\rdata: 1\r\ndata:2\n\nid: 7\ndata: é\r\r\ndata: last";
        let expected = [("a", "1\n2"), ("", "é"), ("", "last")].map(|(name, data)| (name.to_owned(), data.to_owned()));
        for size in 1..=body.len() {
            let chunks: Vec<_> = body.as_bytes().chunks(size).collect();
            assert_eq!(events(&chunks), expected, "in pieces of {size} bytes");
        }
    }

    #[test]
    fn an_event_without_data_is_none() {
        assert_eq!(events(&[b"event: ping\n\n", b"data\n\n"]), [(String::new(), String::new())]);
    }
}
