//! What part of a text others did not show.

use std::ops::Range;

use memchr::memmem;

/// How many characters of a text are searched for where it begins. The longest that occurs counts.
const PROBES: [usize; 4] = [48, 32, 16, 8];
/// How many characters of a shown text are searched for where it ends, and the fewest that say anything.
const TAIL: usize = 48;
const SHORTEST_TAIL: usize = 16;

/// Returns the parts of a text that none of the shown texts contains, except blank ones. The shown texts are in the
/// order in which they show the text.
///
/// A shown text may have anything around what it shows, such as the header of a tool's output, and may leave out a part
/// in the middle: a text of a million numbers is shown as `ok: 1 2 3 … 999999 1000000`, say. So of each shown text, the
/// beginning of what has not been shown is searched for and followed as far as both agree; then its end is searched for
/// in what remains, and followed backward.
///
/// Source: questions, section 6.1.
pub(crate) fn gaps<'a>(raw: &str, shown: impl IntoIterator<Item = &'a str>) -> Vec<Range<usize>> {
    let mut gaps = Vec::new();
    let mut cursor = 0;
    let mut add = |gap: Range<usize>| {
        if !raw[gap.clone()].trim().is_empty() {
            gaps.push(gap);
        }
    };
    for text in shown {
        let rest = &raw[cursor..];
        if rest.is_empty() {
            break;
        }
        let start = find(text, first_chars(rest, PROBES[0]));
        if start.is_some_and(|start| contains(text, start, rest)) {
            cursor = raw.len();
            break;
        }
        cursor += head(rest, text, start);
        if let Some(tail) = tail(&raw[cursor..], text) {
            add(cursor..cursor + tail.start);
            cursor += tail.end;
        }
    }
    add(cursor..raw.len());
    gaps
}

/// Returns whether a text contains another one, whose beginning it contains first at `start`. To search for the whole of a
/// long text costs far more than to search for its beginning.
fn contains(text: &str, start: usize, whole: &str) -> bool {
    let from_start = &text[start..];
    from_start.starts_with(whole) || from_start[first_chars(from_start, 1).len()..].contains(whole)
}

/// Returns how much of the beginning of a text is in the shown text, which contains the longest probe at `start`.
fn head(rest: &str, shown: &str, start: Option<usize>) -> usize {
    let start = start.or_else(|| PROBES[1..].iter().find_map(|length| find(shown, first_chars(rest, *length))));
    let Some(start) = start else { return 0 };
    let pairs = rest.bytes().zip(shown[start..].bytes());
    let mut same = pairs.take_while(|(left, right)| left == right).count();
    while !rest.is_char_boundary(same) {
        same -= 1;
    }
    same
}

/// Returns where the end of the shown text is in a text.
fn tail(rest: &str, shown: &str) -> Option<Range<usize>> {
    let shown = shown.trim_end_matches('\n');
    let start = shown.char_indices().rev().take(TAIL).last()?.0;
    let probe = &shown[start..];
    if probe.chars().count() < SHORTEST_TAIL {
        return None;
    }
    let at = find(rest, probe)?;
    let pairs = rest[..at].bytes().rev().zip(shown[..start].bytes().rev());
    let mut first = at - pairs.take_while(|(left, right)| left == right).count();
    while !rest.is_char_boundary(first) {
        first += 1;
    }
    Some(first..at + probe.len())
}

/// Returns where a text contains another one first.
fn find(text: &str, probe: &str) -> Option<usize> {
    memmem::find(text.as_bytes(), probe.as_bytes())
}

fn first_chars(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(range: Range<u32>) -> String {
        range.map(|number| format!("{number}\n")).collect()
    }

    fn missing<'a>(raw: &'a str, shown: &[&str]) -> Vec<&'a str> {
        gaps(raw, shown.iter().copied()).into_iter().map(|gap| &raw[gap]).collect()
    }

    #[test]
    fn a_text_that_is_shown_whole_has_no_gap() {
        assert_eq!(missing("short", &["Output:\nshort\n"]), [""; 0]);
        assert_eq!(missing("", &[]), [""; 0]);
        assert_eq!(missing("\n \n", &["nothing"]), [""; 0]);
        let raw = numbers(0..100);
        let (first, second) = raw.split_at(150);
        assert_eq!(missing(&raw, &[&format!("1 of 2:\n{first}"), &format!("2 of 2:\n{second}")]), [""; 0]);
    }

    #[test]
    fn a_cut_in_the_middle_is_one_gap() {
        let raw = numbers(0..1000);
        let middle = numbers(100..900);
        let shown = format!("exit code 0\n{}… cut …{}\n\n", numbers(0..100), numbers(900..1000));
        // The line feed before the mark of the cut is shown, the one after 899 is not.
        assert_eq!(missing(&raw, &[&shown]), [middle.as_str()]);
    }

    #[test]
    fn what_comes_after_the_last_look_is_a_gap() {
        let raw = numbers(0..50) + "late: é, and nobody looks\n";
        assert_eq!(missing(&raw, &[&numbers(0..50)]), ["late: é, and nobody looks\n"]);
        assert_eq!(missing("something else", &["nothing of the kind is in this text"]), ["something else"]);
        assert_eq!(missing("nobody looks", &[]), ["nobody looks"]);
    }

    #[test]
    fn characters_are_whole() {
        // The two texts differ within the bytes of a character.
        let raw = format!("{}é{}", numbers(0..30), numbers(30..60));
        let shown = format!("{}è{}", numbers(0..30), numbers(30..60));
        assert_eq!(missing(&raw, &[&shown]), ["é"]);
    }
}
