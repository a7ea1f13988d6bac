//! Whether the value of a secret's name looks like a secret.

use super::names::Named;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Between quotes, or as a string of its own.
    Quoted,
    /// Without quotes, in an environment or an address, where it can only be a literal.
    Literal,
    /// Without quotes. In source code it could be a variable or a type.
    Bare,
}

/// Words that stand where a value would be.
const PLACEHOLDERS: &[&str] = &[
    "boolean",
    "bool",
    "bytes",
    "changeme",
    "disabled",
    "empty",
    "enabled",
    "example",
    "false",
    "hidden",
    "masked",
    "missing",
    "none",
    "null",
    "number",
    "object",
    "optional",
    "password",
    "passwd",
    "redacted",
    "required",
    "secret",
    "string",
    "text",
    "token",
    "true",
    "undefined",
    "unset",
];

/// How values begin that stand for another one.
const REFERENCES: &[&str] =
    &["$", "<", "{", "%(", "[redacted", "[REDACTED", "@{", "process.env", "os.environ", "env.", "secrets."];

/// Ids in requests and responses of a model.
const MODEL_IDS: &[&str] = &["call_", "rs_", "msg_", "resp_", "fc_", "ctc_", "toolu_"];

/// Returns whether a value is taken for a secret.
pub(super) fn is_secret(named: Named, value: &[u8], written: Written) -> bool {
    let value = value.trim_ascii();
    if value.len() < min_len(named, written) || value.iter().any(u8::is_ascii_whitespace) || stands_for_another(value) {
        return false;
    }
    let traits = Traits::of(value);
    match (named, written) {
        (Named::Authorization | Named::Cookie, _) => true,
        (Named::Registry, _) => {
            value.len().is_multiple_of(4) && (traits.digits > 0 || traits.is_mixed()) && traits.is_base64
        }
        (Named::Password, Written::Quoted | Written::Literal) => true,
        (Named::Password, Written::Bare) => (traits.digits > 0 || traits.signs > 0) && !traits.is_path,
        (_, Written::Literal) => true,
        (Named::Key, Written::Quoted) => traits.is_random(16),
        (Named::Token, Written::Quoted) => {
            traits.digits > 0 || traits.is_mixed() && traits.separators == 0 && value.len() >= 20
        }
        (Named::Key | Named::Token, Written::Bare) => {
            let is_random = traits.digits > 1 || traits.digits > 0 && (traits.signs > 0 || traits.len >= 20);
            is_random && !traits.is_path && !traits.is_snake
        }
    }
}

fn min_len(named: Named, written: Written) -> usize {
    match (named, written) {
        (Named::Password, Written::Quoted | Written::Literal) => 4,
        (Named::Password | Named::Authorization | Named::Cookie, _) => 6,
        (Named::Token, Written::Quoted | Written::Bare) => 16,
        (Named::Key | Named::Token | Named::Registry, _) => 8,
    }
}

/// Returns whether a value is a variable, a placeholder or an id.
fn stands_for_another(value: &[u8]) -> bool {
    let starts = |with: &&str| value.starts_with(with.as_bytes());
    let first = value[0];
    REFERENCES.iter().any(starts)
        || MODEL_IDS.iter().any(starts)
        || value.iter().all(|byte| *byte == first)
        || PLACEHOLDERS.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
        || value.windows(2).any(|pair| pair == b"${" || pair == b"{{")
}

/// What a value consists of.
#[derive(Debug)]
struct Traits {
    len: usize,
    digits: usize,
    small: usize,
    large: usize,
    /// Dashes, underscores and dots.
    separators: usize,
    /// Other characters.
    signs: usize,
    is_base64: bool,
    /// It looks like a path of names: `config.password`.
    is_path: bool,
    /// It looks like a name in source code: `oauth2_access_token`.
    is_snake: bool,
}

impl Traits {
    fn of(value: &[u8]) -> Self {
        let count = |is_it: fn(&u8) -> bool| value.iter().filter(|byte| is_it(byte)).count();
        let digits = count(u8::is_ascii_digit);
        let small = count(u8::is_ascii_lowercase);
        let large = count(u8::is_ascii_uppercase);
        let separators = count(|byte| matches!(byte, b'-' | b'_' | b'.'));
        let is_name = |part: &[u8]| {
            part.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
                && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        let signs = value.len() - digits - small - large - separators;
        Self {
            len: value.len(),
            digits,
            small,
            large,
            separators,
            signs,
            is_base64: value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')),
            is_path: digits < 4 && value.contains(&b'.') && value.split(|byte| *byte == b'.').all(is_name),
            is_snake: digits < 3 && signs == 0 && value.contains(&b'_') && (small == 0 || large == 0),
        }
    }

    fn is_mixed(&self) -> bool {
        self.small > 0 && self.large > 0
    }

    /// Returns whether it is hardly a word, or words with separators. Without a digit, it takes so many characters.
    fn is_random(&self, min_letters: usize) -> bool {
        if self.digits > 0 || self.signs > 0 {
            return true;
        }
        let is_long = self.len >= min_letters;
        is_long && (self.is_mixed() && self.separators <= self.len / 16 || self.separators == 0)
    }
}
