//! Words for a shell.

/// Returns a word as a shell reads it, quoted if it needs to be.
///
/// ```
/// assert_eq!(rollout_trace_answers::shell_word("my traces"), "'my traces'");
/// ```
#[must_use]
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./+=,:%@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_if_they_need_to_be() {
        let words = ["a/b-1.zst", "", "my traces", "it's"].map(shell_word);
        assert_eq!(words, ["a/b-1.zst", "''", "'my traces'", "'it'\\''s'"]);
    }
}
