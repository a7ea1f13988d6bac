//! Characters that look like others: files have them, and models write the others.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Returns a line as a model would type it: plain blanks, quotes and dashes, composed letters, and no characters that
/// cannot be seen. Two lines that look alike become equal. Lines that say something else stay different: x² is not x2.
pub(crate) fn plain(line: &str) -> Cow<'_, str> {
    if line.is_ascii() {
        return line.trim().into();
    }
    let mut plain = String::with_capacity(line.len());
    for c in line.nfc().filter(|c| !is_invisible(*c)) {
        match typed(c) {
            Some(typed) => plain.push_str(typed),
            None => plain.push(c),
        }
    }
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

/// Returns what is typed in place of a typographic character.
fn typed(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2018}'..='\u{201B}' | '\u{2032}' | '\u{2035}' | '\u{02B9}' | '\u{02BC}' | '\u{B4}' => "'",
        '\u{201C}'..='\u{201F}' | '\u{2033}' | '\u{2036}' | '\u{02BA}' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{FE58}' | '\u{FE63}' => "-",
        '\u{2044}' | '\u{2215}' => "/",
        '\u{2217}' => "*",
        '\u{2223}' => "|",
        '\u{223C}' => "~",
        '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => " ",
        '\u{2026}' => "...",
        '\u{2025}' => "..",
        // Letters that are set as one.
        '\u{FB00}' => "ff",
        '\u{FB01}' => "fi",
        '\u{FB02}' => "fl",
        '\u{FB03}' => "ffi",
        '\u{FB04}' => "ffl",
        _ => return None,
    })
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
        ] {
            assert_eq!(plain(file), plain(typed), "{file}");
        }
    }

    #[test]
    fn lines_that_look_different_differ() {
        for (file, typed) in [
            ("a\tb", "a b"),
            ("a b", "ab"),
            ("x-y", "x_y"),
            ("l", "1"),
            ("é", "e"),
            ("x²", "x2"),
            ("H₂O", "H2O"),
            ("½", "1/2"),
            ("①", "1"),
            ("™", "TM"),
            ("№ 1", "No 1"),
            ("ª", "a"),
            ("\u{1D465}", "x"),
            ("\u{FF11}", "1"),
            ("é\u{B}b", "é b"),
        ] {
            assert_ne!(plain(file), plain(typed), "{file}");
        }
    }
}
