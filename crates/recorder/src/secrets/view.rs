//! A text with its escapes resolved.

use memchr::{memchr, memchr3};

/// A text in which each escape is the character that it stands for, and color codes are left out.
///
/// Secrets arrive in JSON text in a string, in URLs, in HTML and in what a terminal shows, and in one of these in another.
/// In a view they all look the same: `\\\"token\\\"`, `%22token%22` and `&quot;token&quot;` are `"token"`. A view is only
/// for finding secrets. It resolves whatever looks like an escape, because nothing says how a text is encoded.
#[derive(Debug)]
pub(super) struct View<'t> {
    source: &'t [u8],
    /// The resolved bytes and where they come from; `None` if the source has no escapes.
    resolved: Option<Layer>,
}

/// The bytes of a text with its escapes resolved, and where they come from.
#[derive(Debug)]
struct Layer {
    bytes: Vec<u8>,
    /// Where view and source are at the same place, in order. Until the next stop they run in parallel, unless the stop is
    /// at an escape.
    stops: Vec<Stop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stop {
    view: usize,
    source: usize,
    at: StopAt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum StopAt {
    /// The text after an escape.
    Text,
    /// The next byte of the view stands for an escape.
    Escape,
}

/// The meaning of a special byte and how many bytes of the source it takes.
enum Resolved {
    /// An escape for this byte. Characters outside of ASCII are all [`OTHER`].
    Byte(u8, usize),
    /// A control sequence of a terminal, which is not shown.
    Nothing(usize),
    /// No escape.
    Literal(usize),
}

/// Stands for a character outside of ASCII.
const OTHER: u8 = 0x80;
const ESC: u8 = 0x1b;

/// How many encodings in one another are resolved.
const MAX_ENCODINGS: usize = 4;

/// The maximum number of parameter bytes of a control sequence.
const MAX_PARAMETERS: usize = 32;

impl<'t> View<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let source = text.as_bytes();
        let mut resolved = Layer::of(source);
        // What is resolved may be an escape again, if one encoding is in another.
        for _ in 1..MAX_ENCODINGS {
            let Some(layer) = &resolved else { break };
            let Some(above) = Layer::of(&layer.bytes) else { break };
            resolved = Some(above.on(layer));
        }
        Self { source, resolved }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.resolved.as_ref().map_or(self.source, |layer| &layer.bytes)
    }

    /// Returns where an escape starts or ends: the first such place from `at` on.
    pub(super) fn next_seam(&self, at: usize) -> usize {
        let Some(layer) = &self.resolved else { return usize::MAX };
        let found = layer.stops.partition_point(|stop| stop.view < at);
        layer.stops.get(found).map_or(usize::MAX, |stop| stop.view)
    }

    /// Returns how many bytes of the source a byte of the view takes.
    pub(super) fn width(&self, at: usize) -> usize {
        self.source_end(at + 1) - self.source_start(at)
    }

    /// Returns where in the source the byte at `at` is.
    pub(super) fn source_start(&self, at: usize) -> usize {
        self.resolved.as_ref().map_or(at, |layer| layer.source_start(at))
    }

    /// Returns where in the source the byte before `end` ends.
    pub(super) fn source_end(&self, end: usize) -> usize {
        self.resolved.as_ref().map_or(end, |layer| layer.source_end(end))
    }
}

impl Layer {
    /// Resolves the escapes of a text. Returns `None` if it has none.
    fn of(source: &[u8]) -> Option<Self> {
        let mut specials = Specials { source, next: Some(0), next_escape: Some(0) };
        let mut special = specials.from(0)?;
        let mut layer = Self { bytes: Vec::with_capacity(source.len()), stops: Vec::new() };
        let mut copied = 0;
        loop {
            layer.bytes.extend_from_slice(&source[copied..special]);
            copied = special;
            match resolve(source, special) {
                Resolved::Byte(byte, len) => {
                    layer.stop(copied, StopAt::Escape);
                    layer.bytes.push(byte);
                    copied += len;
                    layer.stop(copied, StopAt::Text);
                }
                Resolved::Nothing(len) => {
                    copied += len;
                    layer.stop(copied, StopAt::Text);
                }
                Resolved::Literal(len) => {
                    layer.bytes.extend_from_slice(&source[copied..copied + len]);
                    copied += len;
                }
            }
            match specials.from(copied) {
                Some(next) => special = next,
                None => break,
            }
        }
        layer.bytes.extend_from_slice(&source[copied..]);
        (!layer.stops.is_empty()).then_some(layer)
    }

    fn stop(&mut self, source: usize, at: StopAt) {
        self.stops.push(Stop { view: self.bytes.len(), source, at });
    }

    fn source_start(&self, at: usize) -> usize {
        match self.stops.partition_point(|stop| stop.view <= at).checked_sub(1) {
            Some(found) => self.stops[found].source + (at - self.stops[found].view),
            None => at,
        }
    }

    fn source_end(&self, end: usize) -> usize {
        let Some(last) = end.checked_sub(1) else { return 0 };
        match self.stops.partition_point(|stop| stop.view <= last).checked_sub(1) {
            Some(found) => match self.stops[found] {
                Stop { at: StopAt::Escape, .. } => self.stops[found + 1].source,
                Stop { view, source, .. } => source + (end - view),
            },
            None => end,
        }
    }

    /// Returns where a byte of the source is in the view, or `None` if it belongs to an escape.
    fn view_of(&self, source: usize) -> Option<usize> {
        let next = self.stops.partition_point(|stop| stop.source <= source);
        let at = match next.checked_sub(1).map(|found| self.stops[found]) {
            Some(Stop { at: StopAt::Escape, source: start, view }) => return (start == source).then_some(view),
            Some(Stop { view, source: start, .. }) => view + (source - start),
            None => source,
        };
        // Between two stops, text that is left out may follow the text that is not.
        let end = self.stops.get(next).map_or(self.bytes.len(), |next| next.view);
        (at <= end).then_some(at)
    }

    /// Makes a layer whose source are the bytes of the layer `below` one of that layer's source.
    fn on(self, below: &Self) -> Self {
        let own = self.stops.iter().map(|stop| Stop { source: below.source_start(stop.source), ..*stop });
        let others = below.stops.iter().filter_map(|stop| Some(Stop { view: self.view_of(stop.view)?, ..*stop }));
        let mut stops: Vec<Stop> = own.chain(others).collect();
        stops.sort_unstable();
        Self { bytes: self.bytes, stops }
    }
}

/// Finds the bytes that begin escapes.
struct Specials<'t> {
    source: &'t [u8],
    /// The next backslash, percent sign or ampersand, or a place before it.
    next: Option<usize>,
    /// The next escape character, or a place before it.
    next_escape: Option<usize>,
}

impl Specials<'_> {
    fn from(&mut self, at: usize) -> Option<usize> {
        let rest = &self.source[at..];
        if self.next.is_some_and(|next| next <= at) {
            self.next = memchr3(b'\\', b'%', b'&', rest).map(|found| at + found);
        }
        if self.next_escape.is_some_and(|next| next <= at) {
            self.next_escape = memchr(ESC, rest).map(|found| at + found);
        }
        match (self.next, self.next_escape) {
            (Some(next), Some(escape)) => Some(next.min(escape)),
            (next, escape) => next.or(escape),
        }
    }
}

fn resolve(source: &[u8], at: usize) -> Resolved {
    match source[at] {
        ESC => Resolved::Nothing(1 + control_len(&source[at + 1..])),
        b'\\' => resolve_backslashes(&source[at..]),
        b'%' => resolve_percent(&source[at..]),
        _ => resolve_entity(&source[at..]),
    }
}

/// Resolves a character's code, written in the first `len` bytes.
fn coded(text: &[u8], code: u32, len: usize) -> Resolved {
    match code {
        0x1b => match control_len(&text[len..]) {
            // The rest of the sequence may be escaped, too.
            0 => Resolved::Byte(ESC, len),
            rest => Resolved::Nothing(len + rest),
        },
        0x9b => Resolved::Nothing(len + csi_len(&text[len..])),
        0..0x80 => Resolved::Byte(code as u8, len),
        _ => Resolved::Byte(OTHER, len),
    }
}

/// Resolves an escape that starts with any number of backslashes: as many as its nesting makes necessary.
fn resolve_backslashes(text: &[u8]) -> Resolved {
    let slashes = text.iter().take_while(|&&byte| byte == b'\\').count();
    let len = slashes + 1;
    let rest = text.get(len..).unwrap_or_default();
    let hex = |from: usize, digits: usize| hex(text.get(len + from..len + from + digits)?);
    match text.get(slashes) {
        Some(b'n' | b'r') => Resolved::Byte(b'\n', len),
        Some(b't' | b'f' | b'b' | b'v') => Resolved::Byte(b'\t', len),
        Some(byte @ (b'"' | b'\'' | b'`' | b'/')) => Resolved::Byte(*byte, len),
        Some(b'e' | b'E') if rest.starts_with(b"[") => coded(text, 0x1b, len),
        Some(b'0') if rest.starts_with(b"33") => coded(text, 0x1b, len + 2),
        Some(b'u') if rest.starts_with(b"{") => {
            let digits = rest.iter().skip(1).take(7).take_while(|byte| byte.is_ascii_hexdigit()).count();
            match (hex(1, digits), rest.get(1 + digits)) {
                (Some(code), Some(b'}')) => coded(text, code, len + digits + 2),
                _ => Resolved::Literal(slashes),
            }
        }
        Some(b'u') => hex(0, 4).map_or(Resolved::Literal(slashes), |code| coded(text, code, len + 4)),
        Some(b'x') => hex(0, 2).map_or(Resolved::Literal(slashes), |code| coded(text, code, len + 2)),
        _ => Resolved::Literal(slashes),
    }
}

/// Resolves `%3D`, and `%253D`, which is the same encoded twice.
fn resolve_percent(text: &[u8]) -> Resolved {
    let mut len = 1;
    while text[len..].starts_with(b"25") {
        len += 2;
    }
    match text.get(len..len + 2).and_then(hex) {
        Some(code) => coded(text, code, len + 2),
        None => Resolved::Literal(1),
    }
}

fn resolve_entity(text: &[u8]) -> Resolved {
    const NAMES: &[(&[u8], u8)] =
        &[(b"quot;", b'"'), (b"apos;", b'\''), (b"lt;", b'<'), (b"gt;", b'>'), (b"nbsp;", b' '), (b"equals;", b'=')];
    let mut len = 1;
    while text[len..].starts_with(b"amp;") {
        len += 4;
    }
    let rest = &text[len..];
    if let Some((name, byte)) = NAMES.iter().find(|(name, _)| rest.starts_with(name)) {
        return Resolved::Byte(*byte, len + name.len());
    }
    if let Some(number) = rest.strip_prefix(b"#") {
        let (digits, radix) = match number {
            [b'x' | b'X', digits @ ..] => (digits, 16),
            digits => (digits, 10),
        };
        let count = digits.iter().take(7).take_while(|byte| char::from(**byte).is_digit(radix)).count();
        let code = std::str::from_utf8(&digits[..count]).ok().and_then(|text| u32::from_str_radix(text, radix).ok());
        if let (Some(code), Some(b';')) = (code, digits.get(count)) {
            return coded(text, code, text.len() - digits.len() + count + 1);
        }
    }
    if len > 1 { Resolved::Byte(b'&', len) } else { Resolved::Literal(1) }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
}

/// Returns how much of the text after an escape character belongs to its control sequence.
fn control_len(rest: &[u8]) -> usize {
    match rest {
        [b'[', rest @ ..] => 1 + csi_len(rest),
        // What follows is the title of a window, or the address of a link. A secret may be in it.
        [b']', ..] => 1,
        [b'(' | b')' | b'*' | b'+' | b'#', 0x30..=0x7e, ..] | [b'%', b'G' | b'@', ..] => 2,
        [b'\\', ..] => 0,
        [0x30..=0x7e, ..] => 1,
        _ => 0,
    }
}

/// Returns the length of a control sequence after its introducer.
fn csi_len(rest: &[u8]) -> usize {
    let parameters = rest.iter().take(MAX_PARAMETERS).take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
    match rest.get(parameters) {
        Some(0x40..=0x7e) => parameters + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved() {
        let check = |text: &str, expected: &str| {
            let view = View::new(text);
            assert_eq!(String::from_utf8_lossy(view.bytes()), expected, "{text:?}");
            for at in 0..view.bytes().len() {
                let (start, end) = (view.source_start(at), view.source_end(at + 1));
                assert!(start < end && end <= text.len(), "{text:?} at {at}");
                assert!(view.width(at) > 1 || text.as_bytes()[start] == view.bytes()[at], "{text:?} at {at}");
            }
        };
        check("plain", "plain");
        check(r#"a\"b\\\"c\\n\u003d\u{3d}\x3d"#, "a\"b\"c\n===");
        check("%3D%253d%25253d%zz100%", "===%zz100%");
        check("&quot;&amp;quot;&#34;&#x22;&amp;&x", "\"\"\"\"&&x");
        check("\u{1b}[01;31m\u{1b}[Kx\u{1b}[m\u{1b}[K.", "x.");
        check(r"\u001b[31mx\x1b[0m\033[Ky\e[m%1B[mz\\u001b[0m", "xyz");
        check("\u{1b}]8;;https://x\u{7}y\u{1b}(Bz\u{1b}", "8;;https://x\u{7}yz");
        check(r"C:\Users\\x\", r"C:\Users\\x\");
        check(r"%5C%5Ctx%26quot;\u0025%33D", "\tx\"=");
        check("%1B[m\\u0026#x3d;\\x5cu003dx", "==x");
    }

    #[test]
    fn places_lead_back_to_the_source() {
        let view = View::new("a%3Db\u{1b}[mc");
        assert_eq!(view.bytes(), b"a=bc");
        let places: Vec<_> = (0..4).map(|at| (view.source_start(at), view.source_end(at + 1))).collect();
        assert_eq!(places, [(0, 1), (1, 4), (4, 5), (8, 9)]);
        let seams: Vec<_> = (0..4).filter(|at| view.next_seam(*at) == *at).collect();
        assert_eq!(seams, [1, 2, 3]);
    }
}
