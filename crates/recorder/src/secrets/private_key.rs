//! Private keys in PEM armor and in files of PuTTY.

use memchr::memmem;

use super::view::View;

/// How many letters and digits in a row are taken for a piece of a key, wherever they are in a line.
const KEY_RUN: usize = 24;

/// The maximum length of what comes before a line of a key: a line number, the signs of a diff, indentation, a quote.
const MAX_LINE_PREFIX: usize = 24;

/// How long the rest of a line may be after the first line of a key in quotes, if the next line belongs to the key.
const MAX_AFTER_NAMED: usize = 64;

/// How far back the lines of a key are looked for whose first line is missing.
const MAX_BACK: usize = 1 << 14;

/// What a text has of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// The first line, whose text ends here.
    Begin(usize),
    /// The last line, whose text ends here.
    End(usize),
}

/// Returns the first or last line of a private key that starts with the dashes from `at` on. Only the last of them count:
/// the sign of a diff may be before them.
pub(super) fn marker(text: &[u8], at: usize) -> Option<Marker> {
    let dashes = text[at..].iter().take_while(|byte| **byte == b'-').count();
    let rest = text[at + dashes..].trim_ascii_start();
    let (is_begin, label) = match rest {
        [b'B', b'E', b'G', b'I', b'N', label @ ..] => (true, label),
        [b'E', b'N', b'D', label @ ..] => (false, label),
        _ => return None,
    };
    // The armor of SSH2 has four dashes and a blank.
    let is_ssh2 = text[at + dashes..].starts_with(b" ");
    let armor: &[u8] = match (dashes, is_ssh2) {
        (5.., _) => b"-----",
        (4, true) => b" ----",
        _ => return None,
    };
    let label_len = memmem::find(&label[..label.len().min(100)], armor)?;
    let words: Vec<u8> = label[..label_len].iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let words = words.trim_ascii();
    if !words.ends_with(b"PRIVATE KEY") && !words.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let end = text.len() - label.len() + label_len + armor.len();
    Some(if is_begin { Marker::Begin(end) } else { Marker::End(end) })
}

/// Returns the first and last lines of private keys, in order.
fn markers(text: &[u8]) -> impl Iterator<Item = Marker> {
    let mut searched = 0;
    std::iter::from_fn(move || {
        loop {
            let at = searched + memmem::find(&text[searched..], b"----")?;
            searched = at + text[at..].iter().take_while(|byte| **byte == b'-').count();
            if let Some(marker) = marker(text, at) {
                return Some(marker);
            }
        }
    })
}

/// Returns where the last lines of private keys end, in order.
pub(super) fn last_lines(text: &[u8]) -> Vec<usize> {
    markers(text).filter_map(|marker| if let Marker::End(end) = marker { Some(end) } else { None }).collect()
}

/// Returns the end of the key whose first line is from `start` to `after`. `last_lines` are those of the text.
///
/// If its last line is missing, the key ends with the last line that looks like one. Returns `None` if the text only
/// names the first line, as source code does.
pub(super) fn end(text: &[u8], start: usize, after: usize, last_lines: &[usize]) -> Option<usize> {
    if let Some(end) = last_lines.get(last_lines.partition_point(|end| *end <= after)) {
        return Some(*end);
    }
    let quote = start.checked_sub(1).map(|before| text[before]).filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let is_named = quote.is_some_and(|quote| text.get(after) == Some(&quote));
    if is_named && !text[after..].iter().take(MAX_AFTER_NAMED).any(|byte| *byte == b'\n') {
        return None;
    }
    let mut lines = Lines { text, at: after };
    let rest_of_line = lines.next()?;
    let mut end = if is_named { after } else { after + rest_of_line.len() };
    let mut is_first = true;
    while let Some(line) = lines.next() {
        // The first line after it is taken for one as it is, unless the text only names the beginning of a key.
        if !(is_key_line(line) || is_first && !is_named) {
            break;
        }
        is_first &= line.trim_ascii().is_empty();
        end = lines.line_end();
    }
    (!is_named || end > after).then_some(end)
}

/// Returns the start of the key whose last line starts at `at`, and whose first line is missing: the first of the lines
/// before it that look like a key's, but at least `from`.
pub(super) fn start(text: &[u8], from: usize, at: usize) -> usize {
    let from = from.max(at.saturating_sub(MAX_BACK));
    let last_break = |end: usize| memchr::memrchr(b'\n', &text[from..end]).map(|found| from + found);
    let mut start = at;
    let mut line_end = last_break(at).unwrap_or(from);
    while line_end > from {
        let line_start = last_break(line_end).map_or(from, |found| found + 1);
        let line = without_prefix(&text[line_start..line_end]);
        // The last line may be short.
        if line.is_empty() || line.len() < 16 && start < at || !line.iter().all(|byte| is_base64(*byte)) {
            break;
        }
        start = line_end - line.len();
        line_end = line_start.saturating_sub(1).max(from);
    }
    start
}

/// Returns whether a string that follows the first line of a private key is another line of it.
pub(super) fn is_key_line(line: &[u8]) -> bool {
    let line = without_prefix(line);
    if line.iter().all(|byte| is_base64(*byte)) {
        return true;
    }
    // Headers such as `Proc-Type: 4,ENCRYPTED`, and what is left of a line that was cut off.
    let name_len = line.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count();
    let is_header = name_len > 0 && line[name_len..].starts_with(b": ");
    is_header || longest_run(line) >= KEY_RUN
}

/// Returns the line without the line number, diff signs, quotes and blanks around it.
fn without_prefix(line: &[u8]) -> &[u8] {
    let is_around = |byte: &u8| {
        !byte.is_ascii() || matches!(byte, b' ' | b'\t' | b'\r' | b'"' | b'\'' | b'`' | b',' | b'>' | b'|' | b'#')
    };
    let mut rest = line;
    while let [first, more @ ..] = rest
        && is_around(first)
    {
        rest = more;
    }
    while let [more @ .., last] = rest
        && (is_around(last) || matches!(last, b';' | b'\\' | b']' | b')'))
    {
        rest = more;
    }
    // A number counts only with a separator after it: a line of a key may start with a digit.
    let digits = rest.iter().take(MAX_LINE_PREFIX).take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0
        && let Some(b' ' | b'\t' | b':' | b'|' | b'-' | b'.' | b')' | 0x80..) = rest.get(digits)
    {
        return without_prefix(&rest[digits + 1..]);
    }
    match rest {
        [b'+' | b'-', more @ ..] => without_prefix(more),
        _ => rest,
    }
}

/// Returns whether a string has so much of a key in it that it hardly is anything else.
pub(super) fn is_long_line(text: &str) -> bool {
    longest_run(text.as_bytes()) >= KEY_RUN
}

fn longest_run(line: &[u8]) -> usize {
    line.split(|byte| !is_base64(*byte)).map(<[u8]>::len).max().unwrap_or(0)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// The lines of a text, without their ends.
struct Lines<'t> {
    text: &'t [u8],
    /// Where the next line begins.
    at: usize,
}

impl Lines<'_> {
    /// Returns where the line ends that was returned last.
    fn line_end(&self) -> usize {
        self.at - 1
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let rest = self.text.get(self.at..)?;
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at += len + 1;
        Some(&rest[..len])
    }
}

/// Returns the end of the private lines of a file of PuTTY, of which the header ends before `after`.
pub(super) fn end_of_private_lines(text: &[u8], after: usize) -> usize {
    let mut lines = Lines { text, at: after };
    let mut end = after;
    lines.next();
    while let Some(line) = lines.next() {
        let line = without_prefix(line);
        if !line.starts_with(b"Private-MAC:") && !line.iter().all(|byte| is_base64(*byte)) {
            break;
        }
        end = lines.line_end();
    }
    end
}

/// What a string shows of a private key whose lines are strings of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A key begins in it and does not end.
    Begins,
    /// The key that began before ends in it.
    Ends,
    /// It is another line.
    Line,
    /// It has nothing to do with a key.
    Nothing,
}

/// Returns what a string shows of a private key.
pub(super) fn shown(text: &str) -> Shown {
    let view = View::new(text);
    let shown = markers(view.bytes()).last().map(|marker| match marker {
        Marker::Begin(_) => Shown::Begins,
        Marker::End(_) => Shown::Ends,
    });
    shown.unwrap_or(if is_key_line(view.bytes()) { Shown::Line } else { Shown::Nothing })
}
