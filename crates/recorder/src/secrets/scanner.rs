//! The search for secrets in a view.

use super::{
    Found, Kind, credentials,
    names::{self, MAX_NAME, Named},
    prefixes,
    private_key::{self, Marker},
    values::{self, Written},
    view::View,
};

/// What a byte is to the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// A letter or a digit.
    Word,
    Dash,
    /// Something that may come between a name and its value.
    Separator,
    Tilde,
    Bracket,
    Other,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            classes[byte] = Class::Word;
        }
        byte += 1;
    }
    classes[b'-' as usize] = Class::Dash;
    classes[b'=' as usize] = Class::Separator;
    classes[b':' as usize] = Class::Separator;
    classes[b'>' as usize] = Class::Separator;
    classes[b'~' as usize] = Class::Tilde;
    classes[b'[' as usize] = Class::Bracket;
    classes
};

/// The maximum distance between a name and its value.
const MAX_BLANKS: usize = 32;

/// How far back the rest of a command or of a pair is looked for.
const MAX_BACK: usize = 256;

/// The maximum length of a value in quotes.
const MAX_QUOTED: usize = 1 << 16;

/// The maximum length of a value without quotes that may be code, and of an array of values.
const MAX_BARE: usize = 1 << 12;

/// Finds the secrets of a view, in order.
pub(super) struct Scanner<'v> {
    view: &'v View<'v>,
    text: &'v [u8],
    at: usize,
    /// The end of the secret that was found last.
    found_until: usize,
    /// The next place where an escape ends, and a word may start.
    seam: usize,
    /// Where the last lines of private keys end, once a key has begun.
    last_lines: Option<Vec<usize>>,
    /// Whether the text ends inside of a private key.
    begins_key: bool,
}

impl<'v> Scanner<'v> {
    pub(super) fn new(view: &'v View<'v>) -> Self {
        Self {
            view,
            text: view.bytes(),
            at: 0,
            found_until: 0,
            seam: view.next_seam(0),
            last_lines: None,
            begins_key: false,
        }
    }

    /// Returns whether a private key begins that does not end, after all secrets were found.
    pub(super) fn begins_key(&self) -> bool {
        self.begins_key
    }

    /// Steps over the word at `at`. A word ends at an escape, too.
    #[inline]
    fn end_of_word(&mut self, at: usize) -> usize {
        if self.seam <= at {
            self.seam = self.view.next_seam(at + 1);
        }
        let rest = &self.text[at..self.seam.min(self.text.len())];
        let is_outside = |byte: &u8| CLASSES[usize::from(*byte)] != Class::Word;
        at + rest.iter().position(is_outside).unwrap_or(rest.len())
    }

    /// Returns the secret that starts with the word at `at`.
    #[inline]
    fn at_word(&self, at: usize) -> Option<Found> {
        let rest = &self.text[at..];
        let found = |len: usize, kind| Found { start: at, end: at + len, kind };
        if let Some(len) = prefixes::secret_len(self.text, at) {
            return Some(found(len, Kind::ApiKey));
        }
        match rest[0] {
            b'b' | b'B' => {
                let (start, end) = credentials::with_scheme(self.text, at)?;
                let kind = if rest[1] | 0x20 == b'e' { Kind::BearerToken } else { Kind::Credentials };
                Some(Found { start, end, kind })
            }
            b'e' => credentials::web_token_len(rest).map(|len| found(len, Kind::Token)),
            b'p' | b'P' if rest.len() > 8 && rest[..4].eq_ignore_ascii_case(b"pass") => self.after_login(at),
            b'a' if rest.starts_with(b"atlasv1.") => {
                let start =
                    at.checked_sub(15).filter(|start| *start >= self.found_until && self.text[at - 1] == b'.')?;
                Some(Found { start, end: at + prefixes::key_len(rest), kind: Kind::ApiKey })
            }
            b'w' if rest.starts_with(b"webhookb2/") => {
                // The address of a webhook of Teams.
                let is_end =
                    |byte: &u8| byte.is_ascii_whitespace() || is_quote(*byte) || matches!(byte, b'<' | b'>' | b')');
                Some(found(rest.iter().position(is_end).unwrap_or(rest.len()), Kind::ApiKey))
            }
            b'm' if rest.starts_with(b"mmk") && !rest.get(3).is_some_and(u8::is_ascii_alphanumeric) => {
                let start = at.checked_sub(37).filter(|start| *start >= self.found_until)?;
                let is_key = self.text[at - 1] == b'_' && self.text[start + 6] == b'_';
                is_key.then(|| Found { start, end: at + 3, kind: Kind::ApiKey })
            }
            _ => None,
        }
    }

    /// Returns the password in a line of `.netrc`: `machine HOST login USER password PASSWORD`.
    fn after_login(&self, at: usize) -> Option<Found> {
        let text = self.text;
        let word = text[at..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let is_keyword = matches!(&text[at..at + word], b"password" | b"passwd");
        let before = &text[at.saturating_sub(MAX_BACK).max(self.found_until)..at];
        let mut words = before.rsplit(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let is_login = |word: Option<&[u8]>| matches!(word, Some(b"login" | b"machine" | b"account"));
        if !is_keyword || !(is_login(words.nth(1)) || is_login(words.nth(1))) {
            return None;
        }
        let blanks = text[at + word..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let start = at + word + blanks;
        let len = text[start..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        (len > 0).then_some(Found { start, end: start + len, kind: Kind::Password })
    }

    /// Returns the private key of which a line starts at the dash at `at`, or the value of an option.
    fn at_dash(&mut self, at: usize) -> Option<Found> {
        let text = self.text;
        if !text[at..].starts_with(b"--") {
            return if text[at..].starts_with(b"-u") { self.user_of_command(at, 2) } else { None };
        }
        if text.get(at + 2) != Some(&b'-') {
            return self.option(at);
        }
        match private_key::marker(text, at)? {
            Marker::Begin(after) => {
                let last_lines = self.last_lines.get_or_insert_with(|| private_key::last_lines(text));
                let end = private_key::end(text, at, after, last_lines)?;
                self.begins_key = last_lines.last().is_none_or(|end| *end <= after);
                Some(Found { start: at, end, kind: Kind::PrivateKey })
            }
            Marker::End(end) => {
                let start = private_key::start(text, self.found_until, at);
                (start < at).then_some(Found { start, end, kind: Kind::PrivateKey })
            }
        }
    }

    /// Returns the value of an option on a command line, which follows it: `--password VALUE`, also in an array.
    fn option(&self, at: usize) -> Option<Found> {
        let text = self.text;
        let name_len = text[at + 2..].iter().take(MAX_NAME).take_while(|byte| names::is_name_byte(**byte)).count();
        let end = at + 2 + name_len;
        if &text[at + 2..end] == b"user" {
            return self.user_of_command(at, 6);
        }
        if !matches!(text.get(end), Some(byte) if byte.is_ascii_whitespace() || is_quote(*byte)) {
            return None;
        }
        let named = names::named(&text[at + 2..end])?;
        let between = text[end..].iter().take(MAX_BLANKS);
        let between =
            between.take_while(|byte| byte.is_ascii_whitespace() || is_quote(**byte) || **byte == b',').count();
        let start = end + between;
        if is_quote(text[start - 1]) {
            return self.secret(named, start, self.end_of_quoted(start - 1), Written::Quoted);
        }
        let (start, value_end, written) = self.value(start, Written::Bare)?;
        self.secret(named, start, value_end, written)
    }

    /// Returns the password in `curl -u USER:PASSWORD`.
    fn user_of_command(&self, at: usize, option_len: usize) -> Option<Found> {
        let text = self.text;
        let line = &text[at.saturating_sub(MAX_BACK)..at];
        let is_command =
            ["curl", "http", "wget"].iter().any(|command| memchr::memmem::find(line, command.as_bytes()).is_some());
        let is_option = at.checked_sub(1).is_none_or(|before| text[before].is_ascii_whitespace());
        if !is_command || !is_option {
            return None;
        }
        let rest = &text[at + option_len..];
        let between = rest.iter().take_while(|byte| matches!(byte, b' ' | b'=' | b'"' | b'\'')).count();
        let start = at + option_len + between;
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || is_quote(*byte);
        let len = text[start..].iter().position(is_end).unwrap_or(text.len() - start);
        let colon = text[start..start + len].iter().position(|byte| *byte == b':')?;
        let password = &text[start + colon + 1..start + len];
        let is_password = password.len() >= 3 && !matches!(password[0], b'$' | b'<' | b'{' | b'/');
        is_password.then(|| Found { start: start + colon + 1, end: start + len, kind: Kind::Password })
    }

    /// Returns the secret after the separator at `at`, if there is a name before it that says so.
    fn at_separator(&self, at: usize) -> Option<Found> {
        let text = self.text;
        if text[at] == b':' && text[at + 1..].starts_with(b"//") {
            let (start, end) = credentials::password_in_address(text, at + 3)?;
            return Some(Found { start, end, kind: Kind::Password });
        }
        if text[at] == b':' && text[at + 1..].starts_with(b"A") {
            // A bot of Telegram: its id, a colon and its key.
            let digits =
                text[self.found_until..at].iter().rev().take(17).take_while(|byte| byte.is_ascii_digit()).count();
            let len = prefixes::key_len(&text[at + 1..]);
            if (5..=16).contains(&digits) && len == 35 {
                return Some(Found { start: at + 1, end: at + 1 + len, kind: Kind::ApiKey });
            }
        }
        let name = self.name_before(at)?;
        if name.text == b"Private-Lines" {
            let end = private_key::end_of_private_lines(text, at);
            return Some(Found { start: at + 1, end, kind: Kind::PrivateKey });
        }
        let start = self.after_separator(at);
        let Some(named) = self.named(&name, at) else {
            let named = names::parameter(name.text).filter(|_| name.is_parameter)?;
            // Such names are common. The value must look like a secret as well.
            let (start, end, _) = self.value(start, Written::Literal)?;
            return self.secret(named, start, end, Written::Quoted);
        };
        let is_header = matches!(named, Named::Authorization | Named::Cookie);
        if is_header && !text.get(start).is_some_and(|byte| is_quote(*byte) || *byte == b'[') {
            return if text[at] == b':' { self.header(named, start) } else { None };
        }
        let is_environment = text[at] == b'='
            && start == at + 1
            && name.text.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
        let is_literal = is_environment || name.is_parameter || text[at] == b'>' || name.text[0] == b'_';
        let written = if is_literal { Written::Literal } else { Written::Bare };
        let (start, end, written) = self.value(start, written)?;
        self.secret(named, start, end, written)
    }

    fn secret(&self, named: Named, start: usize, end: usize, written: Written) -> Option<Found> {
        let value = self.text.get(start..end)?;
        let is_header = matches!(named, Named::Authorization | Named::Cookie) && written == Written::Quoted;
        if is_header {
            let (from, to) = if named == Named::Cookie { (0, value.len()) } else { credentials::in_header(value)? };
            return (to - from >= 6).then(|| Found { start: start + from, end: start + to, kind: Kind::of(named) });
        }
        // What follows a bare value shows that it is code.
        let is_call = written != Written::Quoted && matches!(self.text.get(end), Some(b'(' | b'['));
        let is_secret = !is_call && values::is_secret(named, value, written);
        is_secret.then(|| Found { start, end, kind: Kind::of(named) })
    }

    /// Returns the name that ends before the separator at `at`.
    fn name_before(&self, at: usize) -> Option<Name<'v>> {
        let text = self.text;
        let is_between = |byte: &&u8| matches!(byte, b' ' | b'\t' | b']') || is_quote(**byte);
        let between = text[..at].iter().rev().take(4).take_while(is_between).count();
        let end = at - between;
        let len = text[..end].iter().rev().take(MAX_NAME).take_while(|byte| names::is_name_byte(**byte)).count();
        let start = end - len;
        if len == 0 {
            return None;
        }
        let before = start.checked_sub(1).map(|before| text[before]);
        if text[at] == b'>' && before != Some(b'<') {
            return None;
        }
        let is_parameter = text[at] == b'=' && between == 0 && matches!(before, Some(b'?' | b'&'));
        // The dashes of an option or of a list do not belong to a name.
        let dashes = text[start..end].iter().take_while(|byte| matches!(byte, b'-' | b'.')).count();
        (dashes < len).then(|| Name { text: &text[start + dashes..end], start, is_parameter })
    }

    fn named(&self, name: &Name<'_>, at: usize) -> Option<Named> {
        if let Some(named) = names::named(name.text) {
            return Some(named);
        }
        (names::names_a_value(name.text) && self.text[at] != b'>').then(|| self.other_of_pair(name.start)).flatten()
    }

    /// Returns what the value is in `"name": "API_KEY", "value": "…"`, where the name of the value starts at `at`.
    fn other_of_pair(&self, at: usize) -> Option<Named> {
        let back = &self.text[at.saturating_sub(MAX_BACK)..at];
        let is_between = |byte: &u8| byte.is_ascii_whitespace() || is_quote(*byte) || *byte == b',' || *byte == b';';
        let end = back.iter().rposition(|byte| !is_between(byte))? + 1;
        let len = back[..end].iter().rev().take(MAX_NAME).take_while(|byte| names::is_name_byte(**byte)).count();
        let before = back[..end - len].trim_ascii_end();
        let before = before.strip_suffix(b"\"").or(before.strip_suffix(b"'")).unwrap_or(before).trim_ascii_end();
        matches!(before.last(), Some(b':' | b'=')).then(|| names::named(&back[end - len..end])).flatten()
    }

    /// Returns where the value after the separator at `at` may start.
    fn after_separator(&self, at: usize) -> usize {
        let rest = self.text[at + 1..].iter().take(MAX_BLANKS);
        at + 1 + rest.take_while(|byte| matches!(byte, b' ' | b'\t' | b'=' | b'>')).count()
    }

    /// Returns the rest of a header's line, as far as it is secret.
    fn header(&self, named: Named, start: usize) -> Option<Found> {
        let value = &self.text[start..self.end_of_header(start)];
        let (from, to) = match named {
            Named::Cookie => {
                let is_pair = |around: &[u8]| names::is_name_byte(around[0]) && around[1] == b'=' && around[2] > b' ';
                (value.len() >= 6 && value.windows(3).take(MAX_BARE).any(is_pair))
                    .then_some((0, value.trim_ascii_end().len()))?
            }
            _ => credentials::in_header(value)?,
        };
        Some(Found { start: start + from, end: start + to, kind: Kind::of(named) })
    }

    /// Returns where a header's line ends: also at a quote, unless the quote begins or ends one of its parameters.
    fn end_of_header(&self, start: usize) -> usize {
        let rest = &self.text[start..(start + MAX_BARE).min(self.text.len())];
        let mut open = None;
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'\n' | b'\r' => return start + at,
                quote if open == Some(quote) => open = None,
                quote if open.is_none() && is_quote(*quote) => {
                    if at == 0 || rest[at - 1] != b'=' {
                        return start + at;
                    }
                    open = Some(quote);
                }
                _ => {}
            }
        }
        start + rest.len()
    }

    /// Returns where the value at `at` starts and ends, and how it is written. `bare` is how it is without quotes.
    fn value(&self, at: usize, bare: Written) -> Option<(usize, usize, Written)> {
        let text = self.text;
        let first = *text.get(at)?;
        if first == b'[' {
            // All values in the array are of the name before it.
            let inside = &text[at + 1..(at + 1 + MAX_BARE).min(text.len())];
            let len = inside.iter().position(|byte| *byte == b']')?;
            let start = inside.iter().position(|byte| is_quote(*byte))?;
            let end = inside[..len].iter().rposition(|byte| is_quote(*byte))?;
            return (start < end).then_some((at + 2 + start, at + 1 + end, Written::Quoted));
        }
        // Python writes `u'…'` and `b'…'`.
        let quote = at + usize::from(matches!(first, b'u' | b'b' | b'r' | b'f'));
        if text.get(quote).is_some_and(|byte| is_quote(*byte)) {
            return Some((quote + 1, self.end_of_quoted(quote), Written::Quoted));
        }
        let is_end = |byte: &u8| {
            byte.is_ascii_whitespace()
                || matches!(
                    byte,
                    b'"' | b'\''
                        | b'`'
                        | b'<'
                        | b'>'
                        | b'('
                        | b')'
                        | b'{'
                        | b'}'
                        | b'['
                        | b']'
                        | b','
                        | b';'
                        | b'&'
                        | b'|'
                )
        };
        let rest = &text[at..(at + if bare == Written::Bare { MAX_BARE } else { MAX_QUOTED }).min(text.len())];
        let len = match bare {
            // A password in an environment may have any characters.
            Written::Literal if first != b'$' => rest
                .iter()
                .position(|byte| is_end(byte) && !matches!(byte, b'(' | b')' | b'{' | b'}' | b'[' | b',' | b'|')),
            _ => rest.iter().position(is_end),
        };
        Some((at, at + len.unwrap_or(rest.len()), bare))
    }

    /// Returns where the text in quotes ends that starts with the quote at `at`.
    fn end_of_quoted(&self, at: usize) -> usize {
        let (text, quote, width) = (self.text, self.text[at], self.view.width(at));
        let mut end = at + 1;
        while let Some(byte) = text.get(end)
            && end - at < MAX_QUOTED
        {
            // A quote with more backslashes before it belongs to the text.
            if *byte == quote && self.view.width(end) <= width {
                break;
            }
            end += 1;
        }
        end
    }
}

/// A name and its surroundings.
struct Name<'t> {
    text: &'t [u8],
    start: usize,
    /// It is the name of a parameter in an address.
    is_parameter: bool,
}

impl Iterator for Scanner<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        while let Some(byte) = self.text.get(self.at) {
            let at = self.at;
            let (found, next) = match CLASSES[usize::from(*byte)] {
                Class::Word => {
                    let found = self.at_word(at);
                    (found, self.end_of_word(at))
                }
                Class::Other => {
                    let is_other = |byte: &&u8| CLASSES[usize::from(**byte)] == Class::Other;
                    (None, at + self.text[at..].iter().take_while(is_other).count())
                }
                Class::Dash => {
                    let found = self.at_dash(at);
                    let dashes = self.text[at..].iter().take_while(|byte| **byte == b'-').count();
                    (found, at + dashes)
                }
                Class::Separator => (self.at_separator(at), at + 1 + quoted_printable_len(&self.text[at..])),
                Class::Tilde => (self.client_secret(at), at + 1),
                Class::Bracket => (None, at + 1 + color_len(&self.text[at + 1..])),
            };
            match found {
                Some(found) if found.end > found.start && found.start >= self.found_until => {
                    self.found_until = found.end;
                    self.at = found.end.max(at + 1);
                    return Some(found);
                }
                _ => self.at = next,
            }
        }
        None
    }
}

impl Scanner<'_> {
    /// Returns the client secret of Azure that has the tilde at `at`: three characters, a digit, `Q~` and more.
    fn client_secret(&self, at: usize) -> Option<Found> {
        let start = at.checked_sub(5).filter(|start| *start >= self.found_until)?;
        let is_it = self.text[at - 1] == b'Q' && self.text[at - 2].is_ascii_digit();
        let len = prefixes::key_len(&self.text[at + 1..]);
        (is_it && len >= 31).then(|| Found { start, end: at + 1 + len, kind: Kind::ApiKey })
    }
}

/// Returns the length of a color code after its bracket, if its escape character got lost.
fn color_len(rest: &[u8]) -> usize {
    let digits = rest.iter().take(16).take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    match rest.get(digits) {
        Some(b'm') => digits + 1,
        Some(b'K') if digits < 2 => digits + 1,
        _ => 0,
    }
}

/// Returns the length of the digits after an equals sign in quoted-printable text: `=3D`.
fn quoted_printable_len(text: &[u8]) -> usize {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'A'..=b'F');
    match text {
        [b'=', high, low, ..] if high.is_ascii_digit() && is_digit(low) => 2,
        _ => 0,
    }
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}
