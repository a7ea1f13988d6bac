//! Pages of answers.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use rollout_trace::answers::thousandths_of_tokens;

use crate::error::ToolError;

/// The number of tokens of a page if the client does not say.
pub(crate) const USUAL_TOKENS: u64 = 4_000;
/// The fewest tokens of a page. Less could not hold a line.
pub(crate) const FEWEST_TOKENS: u64 = 50;
/// The most tokens of a page. Clients cut or refuse longer results.
pub(crate) const MOST_TOKENS: u64 = 20_000;

/// The most bytes that are taken for one token. It bounds what is estimated, and runs of blanks.
const BYTES_PER_TOKEN: usize = 16;

/// What stands before each line from a bundle.
const QUOTE: &str = "| ";

/// Which part of an answer is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) max_tokens: u64,
    pub(crate) cursor: Option<String>,
}

/// A part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<'a> {
    pub(crate) text: &'a str,
    /// Where the next page begins, if there is one.
    pub(crate) next: Option<String>,
    /// The bytes after this page.
    pub(crate) bytes_left: usize,
}

impl Wanted {
    /// Returns the wanted page of an answer.
    pub(crate) fn page<'a>(&self, text: &'a str) -> Result<Page<'a>, ToolError> {
        let begin = self.cursor.as_deref().map_or(Ok(0), |cursor| place(cursor, text))?;
        let rest = &text[begin..];
        let length = fitting(rest, self.max_tokens.clamp(FEWEST_TOKENS, MOST_TOKENS));
        let bytes_left = rest.len() - length;
        let next = (bytes_left > 0).then(|| format!("{}-{:016x}", begin + length, fingerprint(text)));
        Ok(Page { text: &rest[..length], next, bytes_left })
    }
}

/// Returns a text from a bundle with a mark before each line, and a newline at its end.
pub(crate) fn quote(text: &str) -> String {
    text.lines().flat_map(|line| [QUOTE, line, "\n"]).collect()
}

/// Returns the place in the text that a cursor means.
fn place(cursor: &str, text: &str) -> Result<usize, ToolError> {
    let again = "repeat the call without a cursor";
    let parts = cursor.split_once('-').and_then(|(place, print)| Some((place.parse::<usize>().ok()?, print)));
    let Some((place, print)) = parts else {
        let what = format!("{cursor:?} is no cursor of this server");
        return Err(ToolError::new(what, format!("give the cursor exactly as the last page has it, or {again}")));
    };
    if print != format!("{:016x}", fingerprint(text)) {
        let what = "the cursor belongs to another answer: the arguments differ, or the rollout has changed since";
        return Err(ToolError::new(what, format!("give the same arguments as for the first page, or {again}")));
    }
    // Somebody made it up.
    let is_place = place < text.len() && text.is_char_boundary(place);
    is_place.then_some(place).ok_or_else(|| ToolError::new("the cursor is beyond the answer", again))
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Returns how many bytes of a text fit: whole lines or, if not even the first one fits, the beginning of it.
fn fitting(text: &str, max_tokens: u64) -> usize {
    let most = max_tokens * 1000;
    let window = text.floor_char_boundary(BYTES_PER_TOKEN * max_tokens as usize);
    let of_mark = thousandths_of_tokens(QUOTE) + thousandths_of_tokens("\n");
    let mut tokens = 0;
    let mut fits = 0;
    for line in text[..window].split_inclusive('\n') {
        tokens += thousandths_of_tokens(line) + of_mark;
        // A line that the window cuts does not fit.
        if tokens > most || (!line.ends_with('\n') && window < text.len()) {
            break;
        }
        fits += line.len();
    }
    if fits > 0 || text.is_empty() {
        return fits;
    }
    // The estimate of a part grows with the part, nearly always, so halving finds a good place to cut.
    let end = text[..window].find('\n').map_or(window, |newline| newline + 1);
    let (mut low, mut high) = (0, end);
    while high - low > BYTES_PER_TOKEN {
        let middle = text.floor_char_boundary(low.midpoint(high));
        if thousandths_of_tokens(&text[..middle]) + of_mark > most { high = middle } else { low = middle }
    }
    // At least one character, so that the pages come to an end.
    low.max(text.chars().next().map_or(0, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all pages, and checks that each is within the budget.
    fn pages(text: &str, max_tokens: u64) -> Vec<&str> {
        let mut wanted = Wanted { max_tokens, cursor: None };
        let mut pages = Vec::new();
        loop {
            let page = wanted.page(text).unwrap();
            // What is estimated line by line may be a little more as a whole.
            let tokens = thousandths_of_tokens(&quote(page.text));
            assert!(tokens <= max_tokens * 1050 + 1000, "{tokens} for {max_tokens}: {}", page.text);
            pages.push(page.text);
            assert_eq!(page.bytes_left, text.len() - pages.iter().map(|page| page.len()).sum::<usize>());
            match page.next {
                Some(cursor) => wanted.cursor = Some(cursor),
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_are_the_whole_text() {
        let lines: String = (0..400).map(|number| format!("line {number} has é words\n")).collect();
        let long = "é word, ".repeat(3000);
        let blank = " ".repeat(5000);
        for text in [lines, long.clone(), format!("short\n{long}\nend"), blank, "\n".repeat(1000)] {
            for max_tokens in [FEWEST_TOKENS, 333, MOST_TOKENS] {
                let pages = pages(&text, max_tokens);
                assert_eq!(pages.concat(), text);
                assert!(max_tokens > FEWEST_TOKENS || pages.len() > 1);
            }
        }
        assert_eq!(pages("", 100), [""]);
    }

    #[test]
    fn lines_stay_whole_if_they_fit() {
        let text = "one two three four five\n".repeat(100);
        let pages = pages(&text, 100);
        assert!(pages.len() > 5 && pages.iter().all(|page| page.ends_with('\n')), "{pages:?}");
    }

    #[test]
    fn foreign_cursors() {
        let text = "word é\n".repeat(1000);
        let of = |cursor: &str, text: &str| {
            let wanted = Wanted { max_tokens: 100, cursor: Some(cursor.to_owned()) };
            wanted.page(text).map(|page| page.text.len()).map_err(|error| error.to_string())
        };
        let next = Wanted { max_tokens: 100, cursor: None }.page(&text).unwrap().next.unwrap();
        assert!(of(&next, &text).is_ok());
        assert!(of(&next, "other\n").unwrap_err().contains("another answer"));
        let (_, print) = next.split_once('-').unwrap();
        // In the middle of a character, and beyond the end.
        for place in ["6", "8000", "99999999999"] {
            assert!(of(&format!("{place}-{print}"), &text).unwrap_err().contains("beyond the answer"));
        }
        for cursor in ["", "-", "x-y", "\u{1b}"] {
            assert!(of(cursor, &text).unwrap_err().contains("is no cursor"));
        }
    }
}
