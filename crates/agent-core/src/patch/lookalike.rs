//! Characters that look like others: files have them, and models write the others.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Returns a line as a model would type it: plain blanks, quotes and dashes, composed letters, and no characters that
/// cannot be seen. Two lines that look alike become equal.
pub(crate) fn plain(line: &str) -> Cow<'_, str> {
    if line.is_ascii() {
        return line.trim().into();
    }
    let plain: String = line.chars().filter(|c| !is_invisible(*c)).map(typed).nfkc().collect();
    plain.trim().to_owned().into()
}

/// Returns whether a character only affects how others are drawn.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
    )
}

/// Returns the character that a keyboard has in place of this one. Normalization does not replace these.
fn typed(c: char) -> char {
    match c {
        '\u{2018}'..='\u{201B}' | '\u{2032}' | '\u{2035}' | '\u{02B9}' | '\u{02BC}' | '\u{B4}' => '\'',
        '\u{201C}'..='\u{201F}' | '\u{2033}' | '\u{2036}' | '\u{02BA}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{FE58}' | '\u{FE63}' => '-',
        '\u{2044}' | '\u{2215}' => '/',
        '\u{2217}' => '*',
        '\u{2223}' => '|',
        '\u{223C}' => '~',
        c if c != '\t' && c.is_whitespace() => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_look_alike_are_equal() {
        for (file, typed) in [
            ("\u{FEFF}using System;", "using System;"),
            ("a\u{A0}b\u{202F}c\u{3000}d", "a b c d"),
            ("“x” ‘y’ it’s 5′ 6″", "\"x\" 'y' it's 5' 6\""),
            ("a – b — c \u{2212} d non\u{2011}stop", "a - b - c - d non-stop"),
            ("cafe\u{301} \u{FB01}x…", "café fix..."),
            ("soft\u{AD}hyphen zero\u{200B}width \u{26A0}\u{FE0F}", "softhyphen zerowidth \u{26A0}"),
            ("\u{FF48}\u{FF49}\u{FF01}", "hi!"),
        ] {
            assert_eq!(plain(file), plain(typed), "{file}");
        }
    }

    #[test]
    fn lines_that_look_different_differ() {
        for (file, typed) in [("a\tb", "a b"), ("a b", "ab"), ("x-y", "x_y"), ("l", "1"), ("é", "e")] {
            assert_ne!(plain(file), plain(typed), "{file}");
        }
    }
}
