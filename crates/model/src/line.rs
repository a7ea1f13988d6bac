//! Lines of text for people.

use std::{
    fmt::{self, Display, Write},
    ops::{Add, AddAssign},
};

use anstyle::Style;
use rollout_trace_schema::visible::visible_line;

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
}
