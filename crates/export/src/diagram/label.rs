//! Texts that no diagram language takes for syntax.
//!
//! Source: exports, section 6.

use crate::texts::beginning;

/// The most bytes of a label.
const BYTES: usize = 60;

/// The signs that labels keep, besides letters, digits and blanks.
const KEPT: &str = "_-./:,()[]=+*!?'@";

/// Returns a text as a label, in which every character that could be syntax is a dot.
pub(super) fn label(text: &str) -> String {
    let is_kept = |c: &char| c.is_alphanumeric() || *c == ' ' || KEPT.contains(*c);
    let safe: String = text.chars().take(BYTES + 1).map(|c| Some(c).filter(is_kept).unwrap_or('·')).collect();
    beginning(&safe, BYTES).to_owned()
}

/// Returns a number of things in words.
pub(super) fn count(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_syntax() {
        assert_eq!(label("/root/a b_c-d.e:f,(g)[h]=+*!?'@"), "/root/a b_c-d.e:f,(g)[h]=+*!?'@");
        assert_eq!(label("a\"b\\c;d#e%f<g>h{i}j|k&l\nm\u{202e}n`"), "a·b·c·d·e·f·g·h·i·j·k·l·m·n·");
        assert_eq!(label("größe"), "größe");
        assert_eq!(label(&"ä".repeat(50)), "ä".repeat(30));
        assert_eq!(label(&"\"".repeat(50)).len(), 60);
    }
}
