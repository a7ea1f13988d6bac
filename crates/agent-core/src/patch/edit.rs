//! Applies hunks to the text of a file.

use std::{cell::OnceCell, path::Path};

use super::{
    PatchError,
    document::{Hunk, HunkLine},
    lookalike::plain,
};

const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// Returns the text with all hunks applied in order.
///
/// Context lines keep the characters of the file, even if the patch has others that look alike. Added lines end as the
/// lines around them do. A byte order mark stays, and the text ends with a line end if it did before or was empty.
pub(crate) fn edit(path: &Path, text: &str, hunks: &[Hunk]) -> Result<String, PatchError> {
    let (mark, text) = text.split_at(if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 });
    let file = File::new(text);
    let mut edited: Vec<(&str, &str)> = Vec::new();
    let mut position = 0;
    for hunk in hunks {
        let LineRange { at, length } = find(path, &file, position, hunk)?;
        edited.extend(&file.lines[position..at]);
        position = at;
        // Carriage returns at the ends of all lines are those of the patch.
        let mut texts = hunk.lines.iter().map(HunkLine::text).filter(|text| !text.is_empty());
        let has_returns = texts.all(|text| text.ends_with('\r'));
        for line in &hunk.lines {
            match line {
                // The empty lines that only separate the hunk from the next one are not in the file.
                HunkLine::Context(_) if position == at + length => {}
                HunkLine::Context(_) => {
                    edited.push(file.lines[position]);
                    position += 1;
                }
                HunkLine::Removed(_) => position += 1,
                HunkLine::Added(line) => {
                    let end = file.line_end_at(position);
                    let line =
                        if has_returns || end == "\r\n" { line.strip_suffix('\r').unwrap_or(line) } else { line };
                    let is_marked = edited.is_empty() && !mark.is_empty();
                    edited.push((if is_marked { line.trim_start_matches(BYTE_ORDER_MARK) } else { line }, end));
                }
            }
        }
    }
    edited.extend(&file.lines[position..]);
    let last = edited.len().saturating_sub(1);
    let mut result = mark.to_owned();
    for (number, (line, end)) in edited.into_iter().enumerate() {
        result.push_str(line);
        // Only the last line of a file may lack its end.
        result.push_str(match end {
            _ if number == last && !file.ends_with_line_end => "",
            "" => file.line_end_at(file.lines.len()),
            end => end,
        });
    }
    Ok(result)
}

/// The lines of a file.
struct File<'a> {
    /// Each line and its end, which may be empty for the last one.
    lines: Vec<(&'a str, &'static str)>,
    ends_with_line_end: bool,
    /// The lines without what distinguishes lines that look alike.
    plain: OnceCell<Vec<String>>,
}

impl<'a> File<'a> {
    fn new(text: &'a str) -> Self {
        let split = |line: &'a str| match line.strip_suffix("\r\n") {
            Some(line) => (line, "\r\n"),
            None => line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n")),
        };
        Self {
            lines: text.split_inclusive('\n').map(split).collect(),
            ends_with_line_end: text.is_empty() || text.ends_with('\n'),
            plain: OnceCell::new(),
        }
    }

    /// Returns the line end for a line that is inserted at a place: that of the line before, or of the one after it.
    fn line_end_at(&self, place: usize) -> &'static str {
        let (before, after) = self.lines.split_at(place.min(self.lines.len()));
        let end = before.iter().rev().chain(after).map(|(_, end)| *end).find(|end| !end.is_empty());
        end.unwrap_or("\n")
    }

    fn plain(&self) -> &[String] {
        self.plain.get_or_init(|| self.lines.iter().map(|(line, _)| plain(line).into_owned()).collect())
    }

    /// Finds the first place at or after `start` where these lines occur: exactly, or else ignoring trailing blanks, or
    /// else ignoring leading and trailing blanks, or else as they look.
    fn search(&self, start: usize, wanted: &[&str]) -> Option<usize> {
        let same: [fn(&str, &str) -> bool; 3] =
            [|a, b| a == b, |a, b| a.trim_end() == b.trim_end(), |a, b| a.trim() == b.trim()];
        let rest = self.lines.get(start..)?;
        let found = same.iter().find_map(|same| {
            rest.windows(wanted.len()).position(|lines| lines.iter().zip(wanted).all(|((a, _), b)| same(a, b)))
        });
        let found = found.or_else(|| {
            let wanted: Vec<_> = wanted.iter().map(|line| plain(line)).collect();
            self.plain()[start..].windows(wanted.len()).position(|lines| lines == &wanted[..])
        });
        found.map(|at| start + at)
    }
}

/// The lines of a file that a hunk applies to.
struct LineRange {
    at: usize,
    length: usize,
}

fn find(path: &Path, file: &File<'_>, start: usize, hunk: &Hunk) -> Result<LineRange, PatchError> {
    let mut after = start;
    for heading in &hunk.headings {
        after = 1 + file.search(after, &[heading]).ok_or_else(|| PatchError::NoHeading {
            path: path.to_owned(),
            line: hunk.line,
            after,
            heading: heading.clone(),
        })?;
    }
    let wanted: Vec<&str> = hunk.lines.iter().filter_map(HunkLine::before).collect();
    if wanted.is_empty() {
        // A hunk that only adds lines applies below its heading, or at the end of the file.
        let at = if hunk.headings.is_empty() || hunk.at_end { file.lines.len() } else { after };
        return Ok(LineRange { at, length: 0 });
    }
    // Some hunks repeat their heading as the first context line.
    let from = if hunk.headings.is_empty() { after } else { after - 1 };
    let blank_at_end = hunk.lines.iter().rev().take_while(|line| **line == HunkLine::Context(String::new())).count();
    // Empty lines at the end of a hunk may only separate it from the next one.
    for wanted in [&wanted[..], &wanted[..wanted.len() - blank_at_end]] {
        let found = if wanted.is_empty() {
            None
        } else if hunk.at_end {
            let last = file.lines.len().checked_sub(wanted.len()).filter(|last| *last >= start);
            last.filter(|last| file.search(*last, wanted).is_some())
        } else {
            file.search(after, wanted).or_else(|| file.search(from, wanted))
        };
        if let Some(at) = found {
            return Ok(LineRange { at, length: wanted.len() });
        }
    }
    Err(PatchError::NoMatch {
        path: path.to_owned(),
        line: hunk.line,
        after,
        at_end: hunk.at_end,
        lines: wanted.join("\n"),
    })
}
