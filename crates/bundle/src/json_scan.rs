//! Finding where JSON values begin and end, without reading them.

use std::ops::Range;

use memchr::memchr2;

/// A place in a text that is believed to be JSON. What is not JSON gives nothing or nonsense, never a panic.
#[derive(Clone, Debug)]
pub(crate) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The offset of the next byte.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space, to which it steps.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Steps over this byte, if it comes next.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// Steps over a string and tells where it is, with its quotes.
    pub(crate) fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if self.bytes.get(start) != Some(&b'"') {
            return None;
        }
        let mut at = start + 1;
        loop {
            at += memchr2(b'"', b'\\', self.bytes.get(at..)?)?;
            if self.bytes[at] == b'"' {
                self.at = at + 1;
                return Some(start..self.at);
            }
            at += 2;
        }
    }

    /// Steps over a value and tells where it is.
    pub(crate) fn value(&mut self) -> Option<Range<usize>> {
        self.peek()?;
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => self.scalar()?,
            }
            if depth == 0 {
                return Some(start..self.at);
            }
        }
    }

    /// Steps over a number or a word.
    fn scalar(&mut self) -> Option<()> {
        let start = self.at;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        while self.bytes.get(self.at).is_some_and(is_part) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Where the strings of a text are that have at least so many bytes. The text begins outside of strings.
pub(crate) fn long_strings(bytes: &[u8], min: usize) -> impl Iterator<Item = Range<usize>> {
    let mut scan = Scan::new(bytes, 0);
    std::iter::from_fn(move || {
        loop {
            let quote = memchr::memchr(b'"', bytes.get(scan.at..)?)?;
            scan.at += quote;
            let string = scan.string()?;
            if string.len() >= min {
                return Some(string);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values() {
        let value = |text: &str| Scan::new(text.as_bytes(), 0).value().map(|range| text[range].to_owned());
        for (text, expected) in [
            (r#" {"a":[1,{"b":"}\""}]} ,"#, Some(r#"{"a":[1,{"b":"}\""}]}"#)),
            ("12,13", Some("12")),
            ("-1.5e+7]", Some("-1.5e+7")),
            ("true}", Some("true")),
            (r#""a\\""b""#, Some(r#""a\\""#)),
            ("[1,2", None),
            ("]", None),
            ("", None),
            ("\"a\\", None),
            (",1", None),
        ] {
            assert_eq!(value(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn strings_of_some_length() {
        let text = br#"{"a":"bb","cccc":"\"dd","e":"ffff""#;
        let found: Vec<_> = long_strings(text, 6).map(|range| &text[range]).collect();
        assert_eq!(found, [&br#""cccc""#[..], br#""\"dd""#, br#""ffff""#]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, json in r#"[\[\]{}",:\\ a1]{0,40}"#) {
            for bytes in [&bytes[..], json.as_bytes()] {
                Scan::new(bytes, 0).value();
                long_strings(bytes, 2).for_each(|range| assert!(range.end <= bytes.len()));
            }
        }
    }
}
