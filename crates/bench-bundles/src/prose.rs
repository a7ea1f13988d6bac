//! Text that looks like source code and tool output.

/// A small generator of pseudorandom numbers (splitmix64), the same on every platform.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let next = usize::try_from(self.next() >> 32).expect("32 bits fit");
        next % end
    }

    /// Returns a UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
        format!("{a:08x}-{b:04x}-7{c:03x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
    }

    /// Returns text of about this many bytes: half to one and a half times as many.
    pub(crate) fn text(&mut self, bytes: usize) -> String {
        let end = bytes / 2 + self.below(bytes.max(1));
        self.text_of(end)
    }

    /// Returns text of at least this many bytes, up to the end of its last line.
    pub(crate) fn text_of(&mut self, end: usize) -> String {
        let mut text = String::with_capacity(end + 80);
        while text.len() < end {
            let indent = 4 * self.below(4);
            text.extend(std::iter::repeat_n(' ', indent));
            for _ in 0..2 + self.below(8) {
                text.push_str(WORDS[self.below(WORDS.len())]);
                text.push_str(MARKS[self.below(MARKS.len())]);
            }
            text.push('\n');
        }
        text
    }

    /// Returns letters and digits like those of an encrypted text.
    pub(crate) fn cipher(&mut self, bytes: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (0..bytes).map(|_| char::from(LETTERS[self.below(LETTERS.len())])).collect()
    }
}

const WORDS: [&str; 32] = [
    "let",
    "fn",
    "match",
    "self.items",
    "iter()",
    "Some(value)",
    "None",
    "return",
    "error",
    "path",
    "&mut buffer",
    "\"a string\"",
    "read_to_end",
    "crate::model",
    "Vec<u8>",
    "0x1f",
    "1024",
    "if",
    "else",
    "for",
    "in",
    "while",
    "struct Reader",
    "impl",
    "pub(crate)",
    "thread_id",
    "naïve",
    "größer",
    "test result: ok",
    "warning:",
    "Compiling",
    "src/lib.rs:42:17",
];

const MARKS: [&str; 8] = [" ", " ", " ", ", ", "; ", " = ", ".", " => "];
