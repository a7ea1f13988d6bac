//! What the place of a string in a document says about it.

use super::{
    names::{self, MAX_NAME, Named},
    private_key::{self, Shown},
};

/// Where a string is, as far as that makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Its place says nothing about it.
    Anywhere,
    /// Between the first and the last line of a private key.
    InKey,
    /// At the name of a secret.
    ValueOf(Named),
}

/// The kind of an array or object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Array,
    Object,
}

/// Follows a document and says of each string what its place is.
///
/// A key's lines can be the strings of an array, and the name of a secret is another string than the secret.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    open: Vec<Frame>,
    /// How many containers are around the lines of the private key that has begun; `None` outside of one.
    key_depth: Option<usize>,
}

/// An array or object that has begun.
#[derive(Clone, Copy, Debug)]
struct Frame {
    container: Container,
    /// What the next value is, according to its name or, in an array, to the element before it.
    next: Option<Named>,
    /// What all elements are, according to the name of the array.
    elements: Option<Named>,
    /// What the field `value` is, according to the field `name`.
    pair: Option<Named>,
    field: Field,
}

impl Frame {
    fn new(container: Container, elements: Option<Named>) -> Self {
        Self { container, next: elements, elements, pair: None, field: Field::Other }
    }
}

/// The role of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// Its value is a name.
    Name,
    /// Its value is that of a name in another field.
    Value,
    Other,
}

impl Surroundings {
    /// Returns whether a private key has begun.
    pub(crate) fn is_in_key(&self) -> bool {
        self.key_depth.is_some()
    }

    pub(crate) fn open(&mut self, container: Container) {
        let elements = self.open.last().and_then(|frame| frame.next).filter(|_| container == Container::Array);
        self.open.push(Frame::new(container, elements));
    }

    pub(crate) fn close(&mut self) {
        self.open.pop();
        if self.key_depth.is_some_and(|depth| depth > self.open.len()) {
            self.key_depth = None;
        }
        if let Some(frame) = self.open.last_mut() {
            frame.next = frame.elements;
        }
    }

    /// Notes the JSON text between two strings.
    pub(crate) fn brackets(&mut self, between: &[u8]) {
        for byte in between {
            match byte {
                b'[' => self.open(Container::Array),
                b'{' => self.open(Container::Object),
                b']' | b'}' => self.close(),
                _ => {}
            }
        }
    }

    /// Notes the name of the next value.
    pub(crate) fn name(&mut self, name: &str) {
        // What a thread has sent before is not looked at again, so the beginning of an object may be unknown.
        if self.open.is_empty() {
            self.open(Container::Object);
        }
        let Some(frame) = self.open.last_mut() else { return };
        frame.field = match name {
            name if names::names_a_value(name.as_bytes()) => Field::Value,
            name if names::names_a_name(name) => Field::Name,
            _ => Field::Other,
        };
        frame.next = names::named(name.as_bytes()).or(frame.pair.filter(|_| frame.field == Field::Value));
    }

    /// Returns what the place of the next string is.
    pub(crate) fn place(&mut self, text: &str) -> Place {
        if self.open.is_empty() {
            self.open(Container::Array);
        }
        if let Some(depth) = self.key_depth {
            let is_element = self.open.len() == depth;
            match private_key::shown(text) {
                Shown::Ends => {
                    self.key_depth = None;
                    return Place::InKey;
                }
                Shown::Line if is_element || private_key::is_long_line(text) => return Place::InKey,
                Shown::Nothing if is_element => self.key_depth = None,
                Shown::Begins | Shown::Line | Shown::Nothing => {}
            }
        }
        self.open.last().and_then(|frame| frame.next).map_or(Place::Anywhere, Place::ValueOf)
    }

    /// Notes a string, after its place was asked for. `begins_key` says whether a private key begins in it that does not
    /// end in it.
    pub(crate) fn string(&mut self, text: &str, begins_key: bool) {
        if begins_key {
            let array = self.open.iter().rposition(|frame| frame.container == Container::Array);
            self.key_depth = Some(array.map_or(self.open.len(), |found| found + 1));
        }
        let Some(frame) = self.open.last_mut() else { return };
        frame.next = match frame.container {
            Container::Array => frame.elements.or_else(|| names_next(text)),
            Container::Object => None,
        };
        if frame.field == Field::Name {
            frame.pair =
                Some(text).filter(|text| text.len() <= MAX_NAME).and_then(|text| names::named(text.as_bytes()));
        }
    }

    /// Notes a string that is not looked at, because it is written already.
    pub(crate) fn skip_string(&mut self, text: &str) {
        self.place(text);
        self.string(text, private_key::shown(text) == Shown::Begins);
    }
}

/// Returns what the element is after this one: the value of an option or of a header.
fn names_next(text: &str) -> Option<Named> {
    if text.len() > MAX_NAME || !text.bytes().all(names::is_name_byte) {
        return None;
    }
    names::named(text.trim_start_matches('-').as_bytes())
}
