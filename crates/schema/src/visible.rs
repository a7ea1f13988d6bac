//! Making foreign text visible, so that nothing in it can steer a terminal, forge a line, or hide.
//!
//! Whatever a bundle holds was written by somebody else, and even an id may contain the escape sequence of a terminal.
//! Every program that shows such a text passes it through [`visible_line`] or [`visible_text`].
//!
//! A character is escaped, as `\u{202e}`, if it has one of these properties in Unicode:
//!
//! * It is a control character (`Cc`): ESC, DEL, and those from U+0080 to U+009F, which some terminals obey.
//! * It ends a line or paragraph (`Zl`, `Zp`).
//! * It is a format character (`Cf`), such as the ones that change the direction of a line, or is ignorable by default,
//!   such as those without width and the tags: the text that is seen would not be the text that is there. The Arabic,
//!   Syriac and Kaithi number signs are format characters that are seen, and pass.
//! * It is for private use (`Co`), so its effect depends on the terminal. One such character makes some terminals show
//!   an image.
//! * It is not a character at all, such as U+FFFE.
//!
//! Everything else passes, including combining marks, spaces of any width, and characters that are not assigned yet.
//! The joiners U+200C and U+200D have no width and are escaped, although Persian words and some emoji are spelled with
//! them.

use std::{borrow::Cow, fmt::Write};

/// Returns a text as part of one line. Newlines and tabs are escaped, too.
///
/// Escaping a text twice has the same result as escaping it once.
///
/// ```
/// use rollout_trace_schema::visible::visible_line;
///
/// assert_eq!(visible_line("call_1"), "call_1");
/// assert_eq!(visible_line("a\u{1b}[31m\nb"), r"a\u{1b}[31m\nb");
/// ```
#[must_use]
pub fn visible_line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Returns a text that may have several lines. Newlines and tabs are kept.
#[must_use]
pub fn visible_text(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// Returns whether a character can be shown as it is.
#[must_use]
pub fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    !matches!(c,
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
        | '\u{f0000}'..='\u{10ffff}')
        // The last two of each plane.
        && u32::from(c) & 0xfffe != 0xfffe
}

/// Escapes the characters that are neither visible nor kept.
fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut copied = 0;
    let mut is_after_selector = false;
    for (at, c) in text.char_indices() {
        // These select how the symbol before them looks. A run of them would hide a message.
        let is_selector = matches!(c, '\u{fe0e}' | '\u{fe0f}');
        let passes = is_visible(c) || is_kept(c) || is_selector && !is_after_selector;
        is_after_selector = is_selector;
        if !passes {
            shown.push_str(&text[copied..at]);
            copied = at + c.len_utf8();
            match c {
                '\n' => shown.push_str("\\n"),
                '\r' => shown.push_str("\\r"),
                '\t' => shown.push_str("\\t"),
                _ => write!(shown, "{}", c.escape_unicode()).expect("writing to a string succeeds"),
            }
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[copied..]);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn what_passes_follows_from_the_properties_of_characters() {
        let hidden = r"[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]";
        let hidden = Regex::new(&format!(r"^[{hidden}--\p{{Prepended_Concatenation_Mark}}]$")).unwrap();
        let mut buffer = [0; 4];
        for c in '\0'..=char::MAX {
            assert_eq!(is_visible(c), !hidden.is_match(c.encode_utf8(&mut buffer)), "{c:?}");
        }
    }

    #[test]
    fn lines_and_texts() {
        let text = "a\tb\r\nc\u{1b}]0;t\u{7}\u{9b}1m\u{7f}";
        assert_eq!(visible_line(text), r"a\tb\r\nc\u{1b}]0;t\u{7}\u{9b}1m\u{7f}");
        assert_eq!(visible_text(text), "a\tb\\r\nc\\u{1b}]0;t\\u{7}\\u{9b}1m\\u{7f}");
    }

    #[test]
    fn harmless_text_is_unchanged() {
        for text in
            ["", "résumé", "e\u{301}", "שלום", "日本\u{3000}語", "10\u{202f}%", "⚠\u{fe0f} 👍🏽", "\\u{1b}", "\u{6dd}"]
        {
            assert!(matches!(visible_line(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn only_one_selector_in_a_row_passes() {
        assert_eq!(visible_line("❤\u{fe0f}\u{fe0e}\u{fe0f}!\u{fe0f}"), "❤\u{fe0f}\\u{fe0e}\\u{fe0f}!\u{fe0f}");
        assert_eq!(visible_line("👩\u{200d}🚀"), r"👩\u{200d}🚀");
    }

    proptest! {
        #[test]
        fn escaping_twice_is_escaping_once(text in any::<String>()) {
            let once = visible_line(&text).into_owned();
            let text = visible_text(&text).into_owned();
            prop_assert_eq!(visible_line(&once), once.as_str());
            prop_assert_eq!(visible_text(&text), text.as_str());
            prop_assert_eq!(visible_line(&text), once.as_str());
        }
    }
}
