//! A place in a JSON text.

use std::ops::Range;

use super::{Expected, JsonTextError, Nesting, plain_len, read_escape};

/// The byte order mark with which some producers begin a document.
pub const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Checks that a document is one JSON value, which a byte order mark may precede.
///
/// Bytes above `0x7F` are accepted as they are: the caller checks whether they are UTF-8.
///
/// # Errors
///
/// The document is not JSON or nests deeper than the limit.
pub fn check_document(text: &[u8], nesting: Nesting) -> Result<(), JsonTextError> {
    let mut cursor = Cursor::of_document(text);
    cursor.value(nesting)?;
    cursor.end()
}

/// A place in a text, from which the text is stepped over as JSON.
///
/// Whatever the cursor steps over is checked: a value that [`value`](Self::value) accepts is one that `serde_json`
/// accepts as a raw value, except that bytes above `0x7F` are not checked. After an error the position of the cursor is
/// unspecified.
#[derive(Clone, Debug)]
pub struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Cursor<'t> {
    /// Returns a cursor at an offset of a text.
    pub fn new(text: &'t [u8], at: usize) -> Self {
        Self { text, at }
    }

    /// Returns a cursor at the beginning of a document, after its byte order mark if it has one.
    pub fn of_document(text: &'t [u8]) -> Self {
        Self { text, at: if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 } }
    }

    /// Returns the offset of the next byte.
    #[inline]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Moves to another offset.
    #[inline]
    pub fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Returns the text from the next byte on.
    #[inline]
    pub fn rest(&self) -> &'t [u8] {
        &self.text[self.at..]
    }

    /// Steps over white space and returns the byte after it; `None` at the end of the text.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Steps over white space and then over this byte, if it comes next. Returns whether it does.
    #[inline]
    pub fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Steps over white space and over this byte, which must come next.
    ///
    /// # Errors
    ///
    /// Another byte comes next, or the text ends.
    #[inline]
    pub fn expect(&mut self, byte: u8) -> Result<(), JsonTextError> {
        if self.take(byte) { Ok(()) } else { Err(self.not(Expected::Byte(byte))) }
    }

    /// Steps over white space, after which the text must end.
    ///
    /// # Errors
    ///
    /// Something else follows.
    pub fn end(&mut self) -> Result<(), JsonTextError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.not(Expected::End)) }
    }

    /// Steps over a string, which must begin here, and returns where it is, including its quotes.
    ///
    /// # Errors
    ///
    /// There is no valid string.
    #[inline]
    pub fn string(&mut self) -> Result<Range<usize>, JsonTextError> {
        let start = self.at;
        if self.text.get(start) != Some(&b'"') {
            return Err(self.not(Expected::Byte(b'"')));
        }
        self.at += 1;
        loop {
            self.at += plain_len(&self.text[self.at..]);
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at);
                }
                Some(b'\\') => (_, self.at) = read_escape(self.text, self.at)?,
                // A control character, which must be escaped, or the end.
                _ => return Err(self.not(Expected::StringRest)),
            }
        }
    }

    /// Steps over white space and a value, and returns where the value is.
    ///
    /// Does not recurse: a value costs no stack, however deep the limit lets it nest.
    ///
    /// # Errors
    ///
    /// There is no valid value, or it nests deeper than the limit.
    pub fn value(&mut self, nesting: Nesting) -> Result<Range<usize>, JsonTextError> {
        self.peek();
        let start = self.at;
        let mut open = Open { nesting, ..Open::default() };
        loop {
            match self.peek() {
                Some(b'"') => _ = self.string()?,
                Some(b'[') => {
                    open.begin(Container::Array, self.at)?;
                    self.at += 1;
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                Some(b'{') => {
                    open.begin(Container::Object, self.at)?;
                    self.at += 1;
                    if self.peek() != Some(b'}') {
                        self.name()?;
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            // A value has ended, or an empty array or object is about to.
            loop {
                let Some(container) = open.innermost() else { return Ok(start..self.at) };
                let close = container.closing();
                match self.peek() {
                    Some(byte) if byte == close => {
                        self.at += 1;
                        open.end();
                    }
                    Some(b',') => {
                        self.at += 1;
                        if container == Container::Object {
                            self.name()?;
                        }
                        break;
                    }
                    _ => return Err(self.not(Expected::CommaOr(close))),
                }
            }
        }
    }

    /// Steps over the name of a field and its colon.
    fn name(&mut self) -> Result<(), JsonTextError> {
        if self.peek() != Some(b'"') {
            return Err(self.not(Expected::Name));
        }
        self.string()?;
        self.expect(b':')
    }

    /// Steps over a number or a word.
    fn scalar(&mut self) -> Result<(), JsonTextError> {
        match self.text.get(self.at) {
            Some(b'n') => self.word(b"null"),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            _ => Err(self.not(Expected::Value)),
        }
    }

    /// Steps over this word, which must be `null`, `true` or `false` and come next.
    ///
    /// # Errors
    ///
    /// Another word comes next.
    #[inline]
    pub fn word(&mut self, word: &[u8]) -> Result<(), JsonTextError> {
        let rest = &self.text[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        self.at += rest.iter().zip(word).take_while(|(found, wanted)| found == wanted).count();
        Err(self.not(Expected::Word))
    }

    /// Steps over a number, which must begin here, and returns where it is.
    ///
    /// # Errors
    ///
    /// There is no valid number.
    pub fn number(&mut self) -> Result<Range<usize>, JsonTextError> {
        let start = self.at;
        self.step_over(b'-');
        // Nothing follows a leading zero.
        if !self.step_over(b'0') {
            self.digits()?;
        }
        if self.step_over(b'.') {
            self.digits()?;
        }
        if self.step_over(b'e') || self.step_over(b'E') {
            _ = self.step_over(b'-') || self.step_over(b'+');
            self.digits()?;
        }
        Ok(start..self.at)
    }

    fn digits(&mut self) -> Result<(), JsonTextError> {
        let len = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if len == 0 {
            return Err(self.not(Expected::Digit));
        }
        self.at += len;
        Ok(())
    }

    /// Steps over this byte if it comes next, without white space before it.
    fn step_over(&mut self, byte: u8) -> bool {
        let is_next = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Returns the error that says that the text does not continue here with what is expected.
    #[cold]
    pub fn not(&self, expected: Expected) -> JsonTextError {
        JsonTextError::not(expected, self.text, self.at)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

impl Container {
    fn closing(self) -> u8 {
        match self {
            Self::Array => b']',
            Self::Object => b'}',
        }
    }
}

/// The arrays and objects that are open inside a value.
#[derive(Default)]
struct Open {
    nesting: Nesting,
    count: usize,
    /// One bit for each of the innermost containers, set for objects. The lowest bit is the innermost container.
    innermost: u64,
    /// The containers around these in groups of 64, the outermost first. Documents that do not nest that deep never
    /// allocate it.
    outer: Vec<u64>,
}

impl Open {
    fn begin(&mut self, container: Container, offset: usize) -> Result<(), JsonTextError> {
        self.nesting = self.nesting.deeper(offset)?;
        if self.count > 0 && self.count.is_multiple_of(64) {
            self.outer.push(self.innermost);
        }
        self.innermost = self.innermost << 1 | u64::from(container == Container::Object);
        self.count += 1;
        Ok(())
    }

    fn end(&mut self) {
        self.nesting = self.nesting.shallower();
        self.count -= 1;
        self.innermost >>= 1;
        if self.count > 0 && self.count.is_multiple_of(64) {
            self.innermost = self.outer.pop().expect("`begin` saved the outer 64 containers");
        }
    }

    fn innermost(&self) -> Option<Container> {
        let container = if self.innermost & 1 == 1 { Container::Object } else { Container::Array };
        (self.count > 0).then_some(container)
    }
}
