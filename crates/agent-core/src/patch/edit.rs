//! Applies hunks to the text of a file.

use std::path::Path;

use super::{
    PatchError,
    document::{Hunk, HunkLine},
};

/// Returns the text with all hunks applied in order.
///
/// Context lines keep the blanks of the file, even if those of the patch differ. The text keeps its line ends, and ends
/// with a newline if it did before or was empty.
pub(crate) fn edit(path: &Path, text: &str, hunks: &[Hunk]) -> Result<String, PatchError> {
    let crlf = text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
    let ends_with_newline = text.is_empty() || text.ends_with('\n');
    let mut file: Vec<&str> = text.split('\n').collect();
    if ends_with_newline {
        file.pop();
    }
    let mut edited = Vec::new();
    let mut position = 0;
    for hunk in hunks {
        let LineRange { at, length } = find(path, &file, position, hunk)?;
        edited.extend(file[position..at].iter().map(|line| (*line).to_owned()));
        let mut old = file[at..at + length].iter();
        for line in &hunk.lines {
            match line {
                HunkLine::Context(_) => edited.extend(old.next().map(|line| (*line).to_owned())),
                HunkLine::Removed(_) => drop(old.next()),
                HunkLine::Added(line) if crlf && !line.ends_with('\r') => edited.push(format!("{line}\r")),
                HunkLine::Added(line) => edited.push(line.clone()),
            }
        }
        position = at + length;
    }
    edited.extend(file[position..].iter().map(|line| (*line).to_owned()));
    let mut text = edited.join("\n");
    if ends_with_newline && !edited.is_empty() {
        text.push('\n');
    }
    Ok(text)
}

/// The lines of a file that a hunk applies to.
struct LineRange {
    at: usize,
    length: usize,
}

fn find(path: &Path, file: &[&str], start: usize, hunk: &Hunk) -> Result<LineRange, PatchError> {
    let mut after = start;
    for heading in &hunk.headings {
        after = 1 + search(file, after, &[heading]).ok_or_else(|| PatchError::NoHeading {
            path: path.to_owned(),
            line: hunk.line,
            after,
            heading: heading.clone(),
        })?;
    }
    let wanted: Vec<&str> = hunk.lines.iter().filter_map(HunkLine::before).collect();
    if wanted.is_empty() {
        // A hunk that only adds lines applies below its heading, or at the end of the file.
        let at = if hunk.headings.is_empty() || hunk.at_end { file.len() } else { after };
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
            let last = file.len().checked_sub(wanted.len()).filter(|last| *last >= start);
            last.filter(|last| search(file, *last, wanted).is_some())
        } else {
            search(file, after, wanted).or_else(|| search(file, from, wanted))
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

/// Finds the first place at or after `start` where these lines occur: exactly, or else ignoring trailing blanks, or
/// else ignoring leading and trailing blanks.
fn search(file: &[&str], start: usize, wanted: &[&str]) -> Option<usize> {
    let same: [fn(&str, &str) -> bool; 3] =
        [|a, b| a == b, |a, b| a.trim_end() == b.trim_end(), |a, b| a.trim() == b.trim()];
    let rest = file.get(start..)?;
    same.iter().find_map(|same| {
        let at = rest.windows(wanted.len()).position(|lines| lines.iter().zip(wanted).all(|(a, b)| same(a, b)));
        at.map(|at| start + at)
    })
}
