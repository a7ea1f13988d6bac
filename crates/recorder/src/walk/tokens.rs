//! Tokens: what a value says to a serializer, in bytes that are quick to compare and easy to turn into JSON text.
//!
//! The JSON text of a value is the text of its tokens one after the other, so equal tokens mean equal text.

use rollout_trace_schema::json_text::write_string;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::secrets::{Container, Surroundings};

pub(super) const NULL: u8 = 0;
pub(super) const FALSE: u8 = 1;
pub(super) const TRUE: u8 = 2;
/// Eight bytes follow.
pub(super) const UNSIGNED: u8 = 3;
/// Eight bytes follow.
pub(super) const SIGNED: u8 = 4;
/// Sixteen bytes follow.
pub(super) const UNSIGNED_128: u8 = 5;
/// Sixteen bytes follow.
pub(super) const SIGNED_128: u8 = 6;
/// Four bytes follow. The number is finite.
pub(super) const FLOAT_32: u8 = 7;
/// Eight bytes follow. The number is finite.
pub(super) const FLOAT_64: u8 = 8;
/// A value or a key. Its length and its bytes follow, as for the next tags.
pub(super) const STRING: u8 = 9;
/// An array of numbers.
pub(super) const BYTES: u8 = 10;
/// JSON text that `serde_json` writes verbatim.
pub(super) const RAW: u8 = 11;
/// A number that `serde_json` writes verbatim.
pub(super) const NUMBER: u8 = 12;
/// A key and a colon.
pub(super) const FIELD: u8 = 13;
/// A comma, a key and a colon.
pub(super) const NEXT_FIELD: u8 = 14;
/// The remaining tags are single characters.
pub(super) const COMMA: u8 = 15;
pub(super) const COLON: u8 = 16;
pub(super) const OPEN_ARRAY: u8 = 17;
pub(super) const CLOSE_ARRAY: u8 = 18;
pub(super) const OPEN_OBJECT: u8 = 19;
pub(super) const CLOSE_OBJECT: u8 = 20;

/// The names by which `serde_json` recognizes values that it writes verbatim.
pub(super) const RAW_NAME: &str = "$serde_json::private::RawValue";
pub(super) const NUMBER_NAME: &str = "$serde_json::private::Number";

/// The length of a tag and of the length of a text.
pub(super) const TEXT_HEAD: usize = 5;

/// Returns the head of a token that has a text.
pub(super) fn text_head(tag: u8, len: usize) -> [u8; TEXT_HEAD] {
    let len = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    [tag, len[0], len[1], len[2], len[3]]
}

/// One token.
pub(super) enum Token<'t> {
    /// A string value or a key that is a token of its own.
    String(&'t [u8]),
    /// Anything else.
    Other(Other<'t>),
}

pub(super) struct Other<'t> {
    tag: u8,
    body: &'t [u8],
}

/// Takes the first token. Returns `None` at the end.
pub(super) fn next<'t>(tokens: &mut &'t [u8]) -> Option<Token<'t>> {
    let (&tag, rest) = tokens.split_first()?;
    let (body, rest) = match tag {
        UNSIGNED | SIGNED | FLOAT_64 => rest.split_at(8),
        UNSIGNED_128 | SIGNED_128 => rest.split_at(16),
        FLOAT_32 => rest.split_at(4),
        STRING | BYTES | RAW | NUMBER | FIELD | NEXT_FIELD => {
            let (len, rest) = rest.split_first_chunk().expect("a text has a length");
            rest.split_at(u32::from_le_bytes(*len) as usize)
        }
        _ => (&[][..], rest),
    };
    *tokens = rest;
    Some(match tag {
        STRING => Token::String(body),
        _ => Token::Other(Other { tag, body }),
    })
}

/// Returns whether the string before these tokens is a name.
pub(super) fn is_name(after: &[u8]) -> bool {
    after.first() == Some(&COLON)
}

/// Notes the surroundings that a unit leaves behind, without looking for secrets in it.
///
/// Only a string that is an element of an outermost array, and the beginning of such an array, say anything about the
/// units after them, unless a private key has begun.
pub(super) fn pass(unit: &[u8], surroundings: &mut Surroundings) {
    let mut rest = unit;
    let is_string = matches!(unit, [STRING, ..] | [COMMA, STRING, ..]);
    if !is_string && unit.last() != Some(&OPEN_ARRAY) && !surroundings.is_in_key() {
        return;
    }
    while let Some(token) = next(&mut rest) {
        match token {
            Token::String(text) => pass_string(text, rest, surroundings),
            Token::Other(other) => other.pass(surroundings),
        }
    }
}

/// Notes a string that is not looked at. `after` are the tokens after it.
pub(super) fn pass_string(body: &[u8], after: &[u8], surroundings: &mut Surroundings) {
    if is_name(after) {
        surroundings.name(text(body));
    } else {
        surroundings.skip_string(text(body));
    }
}

pub(super) fn text(body: &[u8]) -> &str {
    std::str::from_utf8(body).expect("texts are written from a str")
}

impl Other<'_> {
    /// Returns whether the token is verbatim JSON text.
    pub(super) fn is_raw(&self) -> bool {
        self.tag == RAW
    }

    /// Notes what the token says about the place of what follows.
    pub(super) fn pass(&self, surroundings: &mut Surroundings) {
        match self.tag {
            OPEN_ARRAY => surroundings.open(Container::Array),
            OPEN_OBJECT => surroundings.open(Container::Object),
            CLOSE_ARRAY | CLOSE_OBJECT => surroundings.close(),
            FIELD | NEXT_FIELD => surroundings.name(text(self.body)),
            _ => {}
        }
    }

    /// Appends the token's JSON text.
    pub(super) fn render(&self, out: &mut Vec<u8>) {
        let Self { tag, body } = *self;
        match tag {
            NULL => out.extend_from_slice(b"null"),
            FALSE => out.extend_from_slice(b"false"),
            TRUE => out.extend_from_slice(b"true"),
            UNSIGNED => write(&u64::from_le_bytes(fixed(body)), out),
            SIGNED => write(&i64::from_le_bytes(fixed(body)), out),
            UNSIGNED_128 => write(&u128::from_le_bytes(fixed(body)), out),
            SIGNED_128 => write(&i128::from_le_bytes(fixed(body)), out),
            FLOAT_32 => write(&f32::from_le_bytes(fixed(body)), out),
            FLOAT_64 => write(&f64::from_le_bytes(fixed(body)), out),
            BYTES => write(body, out),
            RAW => write(&Verbatim { name: RAW_NAME, text: text(body) }, out),
            NUMBER => write(&Verbatim { name: NUMBER_NAME, text: text(body) }, out),
            FIELD | NEXT_FIELD => {
                if tag == NEXT_FIELD {
                    out.push(b',');
                }
                write_string(body, out);
                out.push(b':');
            }
            COMMA => out.push(b','),
            COLON => out.push(b':'),
            OPEN_ARRAY => out.push(b'['),
            CLOSE_ARRAY => out.push(b']'),
            OPEN_OBJECT => out.push(b'{'),
            _ => out.push(b'}'),
        }
    }
}

fn fixed<const N: usize>(body: &[u8]) -> [u8; N] {
    body.try_into().expect("the tag determines the length")
}

fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("plain values have a JSON text, and memory takes it");
}

/// Serializes like `serde_json`'s own `RawValue` and `Number`, so that the text is correct with any of its features.
struct Verbatim<'t> {
    name: &'static str,
    text: &'t str,
}

impl Serialize for Verbatim<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct(self.name, 1)?;
        object.serialize_field(self.name, self.text)?;
        object.end()
    }
}
