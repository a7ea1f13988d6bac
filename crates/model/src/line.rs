//! Lines of text for people.

use std::{
    fmt::{self, Display, Write},
    ops::{Add, AddAssign},
};

use anstyle::Style;
use rollout_trace_schema::visible::visible_line;
use unicode_width::UnicodeWidthChar;

/// A line of text for people, in which whatever comes from a bundle is visible and harmless.
///
/// The text is escaped when the line is shown, newlines included, by the rules of [`visible_line`]. Styles are kept
/// apart from the text, so that no text can imitate them. A line does not implement `Display`, because it would lose
/// its styles as text of another line: call [`visible`](Self::visible) where it is written.
///
/// ```
/// use anstyle::Style;
/// use rollout_trace_model::Line;
///
/// let line = Line::painted(Style::new().bold(), "error") + ": no thread \u{1b}[2J";
/// assert_eq!(line.visible().to_string(), "\u{1b}[1merror\u{1b}[0m: no thread \\u{1b}[2J");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a line does nothing until it is written"]
pub struct Line {
    /// Texts that are not escaped yet, in their styles.
    pieces: Vec<(Style, String)>,
}

impl Line {
    /// Creates a line of a text in one style.
    pub fn painted(style: Style, text: impl Display) -> Self {
        Self { pieces: vec![(style, text.to_string())] }
    }

    /// Returns the line without its styles.
    pub fn plain(self) -> Self {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect::<String>().into()
    }

    /// Returns the line as it is shown.
    pub fn visible(&self) -> impl Display {
        Visible(self)
    }

    /// Returns the line as it is shown in lines of at most `width` columns. All but the first are indented by `hanging`
    /// columns.
    pub fn wrapped(&self, width: usize, hanging: usize) -> impl Display {
        Wrapped { line: self, width: width.max(1), hanging: hanging.min(width / 2) }
    }

    /// Returns the piece that unstyled text is added to.
    fn plain_end(&mut self) -> &mut String {
        if self.pieces.last().is_none_or(|(style, _)| !style.is_plain()) {
            self.pieces.push((Style::new(), String::new()));
        }
        let (_, text) = self.pieces.last_mut().expect("pushed above if there was none");
        text
    }
}

impl<T: Display> From<T> for Line {
    fn from(text: T) -> Self {
        Self::painted(Style::new(), text)
    }
}

impl<T: Display> AddAssign<T> for Line {
    fn add_assign(&mut self, text: T) {
        write!(self.plain_end(), "{text}").expect("writing to a string succeeds");
    }
}

impl AddAssign for Line {
    fn add_assign(&mut self, line: Self) {
        self.pieces.extend(line.pieces);
    }
}

impl<T> Add<T> for Line
where
    Self: AddAssign<T>,
{
    type Output = Self;

    fn add(mut self, text: T) -> Self {
        self += text;
        self
    }
}

struct Visible<'a>(&'a Line);

impl Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (style, text) in &self.0.pieces {
            write!(f, "{style}{}{style:#}", visible_line(text))?;
        }
        Ok(())
    }
}

struct Wrapped<'a> {
    line: &'a Line,
    width: usize,
    hanging: usize,
}

impl Display for Wrapped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut styles = Vec::new();
        for (style, piece) in &self.line.pieces {
            text += &visible_line(piece);
            styles.push((text.len(), *style));
        }
        let mut styles = styles.into_iter().peekable();
        let (mut start, mut width) = (0, self.width);
        while start < text.len() {
            if start > 0 {
                write!(f, "\n{:1$}", "", self.hanging)?;
                width = self.width - self.hanging;
            }
            let end = end_of_line(&text, start, width);
            let mut at = start;
            while at < end {
                let (piece_end, style) = *styles.peek().expect("the pieces reach to the end of the text");
                let until = end.min(piece_end);
                if until > at {
                    write!(f, "{style}{}{style:#}", &text[at..until])?;
                }
                at = at.max(until);
                if at >= piece_end {
                    styles.next();
                }
            }
            start = text.len() - text[end..].trim_start_matches(' ').len();
        }
        Ok(())
    }
}

/// Returns where a line ends that begins at `start`: before the last space within its width, or where the width does if
/// there is no space between its words.
fn end_of_line(text: &str, start: usize, width: usize) -> usize {
    let rest = &text[start..];
    let first_word = rest.len() - rest.trim_start_matches(' ').len();
    let mut columns = 0;
    let mut last_word_end = None;
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        if c == ' ' && before != ' ' && at > first_word {
            last_word_end = Some(at);
        }
        before = c;
        columns += c.width().unwrap_or_default();
        if columns > width && c != ' ' {
            // At least one character, however narrow the line is.
            let least = rest.chars().next().map_or(0, char::len_utf8);
            return start + last_word_end.unwrap_or(at.max(least));
        }
    }
    start + rest.trim_end_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;

    use super::*;

    #[test]
    fn only_styles_of_the_line_itself_are_obeyed() {
        let red = AnsiColor::Red.on_default();
        let line = Line::from("a\n") + Line::painted(red, "b\u{1b}[31m") + "\u{1b}[0m" + 7 + Line::default();
        assert_eq!(line.visible().to_string(), "a\\n\u{1b}[31mb\\u{1b}[31m\u{1b}[0m\\u{1b}[0m7");
        assert_eq!(line.plain().visible().to_string(), "a\\nb\\u{1b}[31m\\u{1b}[0m7");
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let wrapped = |text: &str, width| Line::from(text).wrapped(width, 2).to_string();
        assert_eq!(wrapped("", 5), "");
        assert_eq!(wrapped("one two", 7), "one two");
        assert_eq!(wrapped("one two", 6), "one\n  two");
        assert_eq!(wrapped("    one two  ", 7), "    one\n  two");
        assert_eq!(wrapped("one  two three", 8), "one  two\n  three");
        assert_eq!(wrapped("abcdefghij k", 6), "abcdef\n  ghij\n  k");
        assert_eq!(wrapped("日本語", 4), "日本\n  語");
        assert_eq!(wrapped("abc", 1), "a\nb\nc");
        assert_eq!(wrapped("a\nb", 3), "a\\n\n b", "a newline of the text is not one of the line");
    }

    #[test]
    fn styles_end_with_each_line() {
        let red = AnsiColor::Red.on_default();
        let line = Line::from("a ") + Line::painted(red, "red words") + " b";
        let shown = "a \u{1b}[31mred\u{1b}[0m\n  \u{1b}[31mwords\u{1b}[0m\n  b";
        assert_eq!(line.wrapped(7, 2).to_string(), shown);
        assert_eq!(line.wrapped(99, 2).to_string(), line.visible().to_string());
    }
}
