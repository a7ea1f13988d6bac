//! The estimator `runs-1`: how many tokens a text has, roughly, without a dictionary.
//!
//! Source: questions, section 1.7.

/// The name of the estimator, which every answer with estimates carries.
pub const ESTIMATOR: &str = "runs-1";

/// What a byte can begin or continue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    LineFeed,
    /// A space, tab or carriage return.
    Blank,
    /// Another printable character of ASCII.
    Sign,
    Control,
    /// The first byte of a character of two bytes: U+0080 to U+07FF.
    Two,
    /// The first byte of a longer character.
    More,
    /// A later byte of a character.
    Rest,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Control; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' => Class::Lower,
            b'A'..=b'Z' => Class::Upper,
            b'0'..=b'9' => Class::Digit,
            b'\n' => Class::LineFeed,
            b' ' | b'\t' | b'\r' => Class::Blank,
            b'!'..=b'~' => Class::Sign,
            0x00..=0x1F | 0x7F => Class::Control,
            0x80..=0xBF => Class::Rest,
            0xC0..=0xDF => Class::Two,
            0xE0..=0xFF => Class::More,
        };
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// Returns the length of the bytes at the start whose class fits.
fn run(bytes: &[u8], fits: impl Fn(Class) -> bool) -> usize {
    bytes.iter().position(|&byte| !fits(class(byte))).unwrap_or(bytes.len())
}

/// Returns the estimate of a text in thousandths of a token.
///
/// ```
/// use rollout_trace_answers::thousandths_of_tokens;
///
/// assert_eq!(thousandths_of_tokens("Hello world"), 2_000);
/// assert_eq!(thousandths_of_tokens("parseJSON(12345)\n\n  "), 1_000 + 125 + 300 + 700 + 2_000 + 700 + 1_000);
/// ```
pub fn thousandths_of_tokens(text: &str) -> u64 {
    let mut bytes = text.as_bytes();
    let mut sum = 0;
    while let Some(&first) = bytes.first() {
        let (len, cost) = match class(first) {
            Class::Lower | Class::Upper => word(bytes),
            Class::Digit => {
                let len = run(bytes, |class| class == Class::Digit);
                (len, 1000 * (len as u64).div_ceil(3))
            }
            Class::LineFeed => (run(bytes, |class| matches!(class, Class::LineFeed | Class::Blank)), 1000),
            Class::Blank => {
                let len = run(bytes, |class| class == Class::Blank);
                (len, if len == 1 { 0 } else { 1000 })
            }
            Class::Sign => {
                let len = run(bytes, |class| class == Class::Sign);
                (len, signs(&bytes[..len]))
            }
            Class::Control => (1, 1000),
            Class::Two => (2, 280),
            Class::More => (if first < 0xF0 { 3 } else { 4 }, 700),
            // Text does not begin with the rest of a character.
            Class::Rest => (1, 0),
        };
        sum += cost;
        bytes = bytes.get(len..).unwrap_or_default();
    }
    sum
}

/// Returns the length and the cost of the letters at the start.
fn word(bytes: &[u8]) -> (usize, u64) {
    let mut changes = 0;
    let mut lower_after_first = true;
    let mut before = class(bytes[0]);
    let mut len = 1;
    for &byte in &bytes[1..] {
        let class = class(byte);
        match class {
            Class::Lower => {}
            Class::Upper => lower_after_first = false,
            _ => break,
        }
        changes += u64::from(class != before);
        before = class;
        len += 1;
    }
    let long = 125 * (len as u64).saturating_sub(8);
    (len, 1000 + long + if lower_after_first { 0 } else { 300 * changes })
}

fn signs(signs: &[u8]) -> u64 {
    let len = signs.len() as u64;
    if len > 8 {
        let first = signs[0];
        let second = signs.iter().copied().find(|&sign| sign != first).unwrap_or(first);
        if signs.iter().all(|&sign| sign == first || sign == second) {
            return 1000 + 1000 * len / 32;
        }
    }
    700 + 300 * (len - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_by_its_class() {
        for (text, thousandths) in [
            ("", 0),
            ("word", 1000),
            ("Word", 1000),
            ("WORD", 1000),
            ("wordWord", 1600),
            ("sevenletterss", 1000 + 5 * 125),
            ("1", 1000),
            ("1234", 2000),
            ("\n \t\r\n", 1000),
            (" ", 0),
            ("  ", 1000),
            (" \n", 1000),
            ("a b", 2000),
            ("(", 700),
            ("();", 1300),
            ("---------", 1000 + 281),
            ("-=-=-=-=-", 1000 + 281),
            ("-=-=-=-=+", 700 + 8 * 300),
            ("é", 280),
            ("日本", 1400),
            ("😀", 700),
            ("\u{1b}\u{7f}", 2000),
        ] {
            assert_eq!(thousandths_of_tokens(text), thousandths, "{text:?}");
        }
    }
}
