//! The elements of a JSON array, as they come.

/// Splits a JSON array into its elements. It keeps the bytes of an unfinished element.
#[derive(Debug, Default)]
pub(crate) struct Elements {
    element: Vec<u8>,
    /// How many objects and arrays are open, including the array itself.
    depth: usize,
    in_string: bool,
    after_backslash: bool,
}

impl Elements {
    /// Takes the next bytes, and passes on each element that they finish. Only objects and arrays count as elements.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        for &byte in bytes {
            let was_inside = self.depth > 1;
            if self.in_string {
                match byte {
                    _ if std::mem::take(&mut self.after_backslash) => {}
                    b'\\' => self.after_backslash = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
            if was_inside || self.depth > 1 {
                self.element.push(byte);
            }
            if was_inside && self.depth == 1 {
                each(&std::mem::take(&mut self.element));
            }
        }
    }

    /// Returns how many bytes are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.element.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_whole_however_the_array_is_cut() {
        let body = br#" [ {"a":"]}\"{"} , [1,{"b":[]}],{}] "#;
        for size in 1..=body.len() {
            let mut found = Vec::new();
            let mut elements = Elements::default();
            for chunk in body.chunks(size) {
                elements.push(chunk, |element| found.push(String::from_utf8_lossy(element).into_owned()));
            }
            assert_eq!(found, [r#"{"a":"]}\"{"}"#, r#"[1,{"b":[]}]"#, "{}"], "in pieces of {size} bytes");
        }
    }
}
