//! Parses the text of a patch.

use std::path::{Component, Path, PathBuf};

use super::{
    Patch, PatchError,
    document::{Action, Hunk, HunkLine, Section},
};

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const ADD: &str = "*** Add File: ";
const DELETE: &str = "*** Delete File: ";
const UPDATE: &str = "*** Update File: ";
const MOVE: &str = "*** Move to: ";
const END_OF_FILE: &str = "*** End of File";

pub(crate) fn parse(text: &str) -> Result<Patch, PatchError> {
    let mut lines = Lines::new(text);
    lines.skip_blank();
    let delimiter = lines.peek().and_then(here_document);
    if delimiter.is_some() {
        lines.next();
    }
    lines.take_marker(BEGIN, "`*** Begin Patch`")?;
    let mut sections = Vec::new();
    loop {
        lines.skip_blank();
        if !sections.is_empty() && lines.peek().is_some_and(|line| line.trim_end() == END) {
            lines.next();
            break;
        }
        sections.push(section(&mut lines, sections.is_empty())?);
    }
    lines.skip_blank();
    if let Some(delimiter) = delimiter {
        lines.take_marker(&delimiter, "the end of the here-document")?;
        lines.skip_blank();
    }
    match lines.peek() {
        Some(_) => Err(lines.expected("nothing after `*** End Patch`")),
        None => Ok(Patch { sections }),
    }
}

/// Returns the delimiter if the line begins a here-document.
fn here_document(line: &str) -> Option<String> {
    let (command, delimiter) = line.trim().split_once("<<")?;
    let delimiter = delimiter.trim_start_matches('-').trim().trim_matches(['\'', '"']);
    let is_word = !delimiter.is_empty() && !delimiter.contains(char::is_whitespace);
    (is_word && matches!(command.trim(), "" | "apply_patch" | "applypatch" | "cat")).then(|| delimiter.to_owned())
}

fn section(lines: &mut Lines<'_>, first: bool) -> Result<Section, PatchError> {
    let Some(line) = lines.peek() else {
        return Err(lines.expected("`*** End Patch`"));
    };
    let number = lines.number();
    if let Some(path) = line.strip_prefix(ADD) {
        lines.next();
        Ok(Section { path: relative(path, number)?, action: Action::Add(content(lines)?) })
    } else if let Some(path) = line.strip_prefix(DELETE) {
        lines.next();
        Ok(Section { path: relative(path, number)?, action: Action::Delete })
    } else if let Some(path) = line.strip_prefix(UPDATE) {
        lines.next();
        let path = relative(path, number)?;
        let move_to = match lines.peek().and_then(|line| line.strip_prefix(MOVE)) {
            Some(target) => {
                let target = relative(target, lines.number())?;
                lines.next();
                Some(target)
            }
            None => None,
        };
        let hunks = hunks(lines)?;
        if hunks.is_empty() && move_to.is_none() {
            return Err(lines.expected("a change to the file: `@@`, or lines that begin with ` `, `-` or `+`"));
        }
        Ok(Section { path, action: Action::Update { move_to, hunks } })
    } else if first {
        Err(lines.expected("`*** Add File: path`, `*** Update File: path` or `*** Delete File: path`"))
    } else {
        Err(lines.expected("`*** Add File: path`, `*** Update File: path`, `*** Delete File: path` or `*** End Patch`"))
    }
}

fn content(lines: &mut Lines<'_>) -> Result<String, PatchError> {
    let mut content = String::new();
    loop {
        match lines.peek() {
            Some(line) if line.starts_with('+') => {
                content.push_str(&line[1..]);
                content.push('\n');
                lines.next();
            }
            Some(line) if !line.starts_with("***") && !lines.only_blank_before_marker() => {
                return Err(lines.expected("`+` before each line of the new file"));
            }
            _ => return Ok(content),
        }
    }
}

fn hunks(lines: &mut Lines<'_>) -> Result<Vec<Hunk>, PatchError> {
    let mut hunks = Vec::new();
    while lines.peek().is_some() && !lines.only_blank_before_marker() && !lines.at_marker() {
        let mut hunk = Hunk { line: lines.number(), ..Hunk::default() };
        while let Some(heading) = lines.peek().and_then(heading) {
            hunk.headings.extend(heading.map(str::to_owned));
            lines.next();
        }
        while let Some(line) = lines.peek().and_then(hunk_line) {
            hunk.lines.push(line);
            lines.next();
        }
        if lines.peek().is_some_and(|line| line.trim_end() == END_OF_FILE) {
            hunk.at_end = true;
            lines.next();
        }
        if hunk.lines.is_empty()
            || !lines.peek().is_none_or(|line| {
                line.starts_with("@@") || line.starts_with("***") || lines.only_blank_before_marker()
            })
        {
            return Err(lines.expected("a line that begins with ` ` (unchanged), `-` (removed) or `+` (added)"));
        }
        hunks.push(hunk);
    }
    Ok(hunks)
}

/// Returns the text of a heading line, if it has one. The line numbers of a unified diff are ignored: models get them
/// wrong.
fn heading(line: &str) -> Option<Option<&str>> {
    let text = line.strip_prefix("@@")?.trim_end();
    if text.is_empty() {
        return Some(None);
    }
    let text = text.strip_prefix(' ')?;
    let ranges = text.split(" @@").next().unwrap_or_default();
    let is_range = |range: &str, sign| {
        range.strip_prefix(sign).is_some_and(|range| range.split(',').all(|number| number.parse::<u32>().is_ok()))
    };
    let are_numbers = ranges.split_once(' ').is_some_and(|(old, new)| is_range(old, '-') && is_range(new, '+'));
    Some((!are_numbers).then_some(text))
}

fn hunk_line(line: &str) -> Option<HunkLine> {
    let mut chars = line.chars();
    let sign = chars.next();
    let text = chars.as_str().to_owned();
    match sign {
        // Models omit the blank before an empty context line.
        None => Some(HunkLine::Context(String::new())),
        Some(' ') => Some(HunkLine::Context(text)),
        Some('-') => Some(HunkLine::Removed(text)),
        Some('+') => Some(HunkLine::Added(text)),
        Some(_) => None,
    }
}

fn relative(path: &str, line: usize) -> Result<PathBuf, PatchError> {
    let path = path.trim();
    let steps: Option<PathBuf> = Path::new(path)
        .components()
        .filter(|step| !matches!(step, Component::CurDir))
        .map(|step| if let Component::Normal(name) = step { Some(name) } else { None })
        .collect();
    steps
        .filter(|steps| !steps.as_os_str().is_empty() && !path.contains('\0'))
        .ok_or_else(|| PatchError::PathNotBelow { line, path: path.to_owned() })
}

/// The lines of a patch, and the position of the parser.
struct Lines<'a> {
    lines: Vec<&'a str>,
    next: usize,
}

impl<'a> Lines<'a> {
    /// Splits a text into lines. If the first line ends with a carriage return, carriage returns are removed from all
    /// lines.
    fn new(text: &'a str) -> Self {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let mut lines: Vec<&str> = text.split('\n').collect();
        if lines[0].ends_with('\r') {
            for line in &mut lines {
                *line = line.strip_suffix('\r').unwrap_or(line);
            }
        }
        Self { lines, next: 0 }
    }

    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.next).copied()
    }

    fn next(&mut self) {
        self.next += 1;
    }

    /// Returns the number of the next line, counted from 1.
    fn number(&self) -> usize {
        self.next + 1
    }

    fn at_marker(&self) -> bool {
        self.peek().is_some_and(|line| line.starts_with("***"))
    }

    fn skip_blank(&mut self) {
        while self.peek().is_some_and(|line| line.trim().is_empty()) {
            self.next();
        }
    }

    /// Returns whether only blank lines precede the next marker. Models write such lines to separate sections.
    fn only_blank_before_marker(&self) -> bool {
        let mut rest = self.lines[self.next.min(self.lines.len())..].iter();
        let blank = rest.clone().take_while(|line| line.trim().is_empty()).count();
        blank > 0 && rest.nth(blank).is_some_and(|line| line.starts_with("***"))
    }

    fn take_marker(&mut self, marker: &str, expected: &'static str) -> Result<(), PatchError> {
        if self.peek().is_none_or(|line| line.trim() != marker) {
            return Err(self.expected(expected));
        }
        self.next();
        Ok(())
    }

    fn expected(&self, expected: &'static str) -> PatchError {
        let found = match self.peek() {
            None => "the end of the patch".to_owned(),
            Some(line) if line.trim().is_empty() => "an empty line".to_owned(),
            Some(line) if line.chars().count() > 80 => format!("`{}…`", line.chars().take(80).collect::<String>()),
            Some(line) => format!("`{line}`"),
        };
        PatchError::Syntax { line: self.number(), expected, found }
    }
}
