//! The walk as a `Serializer` whose tokens are what `serde_json` would write.
//!
//! It follows `serde_json`'s serializer call by call, so that a reader gets exactly the bytes that `serde_json::to_vec`
//! returns. Where these would not be JSON, because a `Serialize` implementation is wrong, the walk fails.

use std::fmt::Display;

use rollout_trace_schema::packed::PartKind;
use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
        SerializeTupleVariant,
    },
};

use super::{
    WalkError,
    map_key::MapKey,
    tokens,
    verbatim::TextOnly,
    walker::{CONTAINER, Depth, InputField, NextValue, Walker},
};

type Result<T = (), E = Box<WalkError>> = std::result::Result<T, E>;

/// An array or object that is being walked over.
pub(crate) struct Compound<'a, 'w> {
    walker: &'a mut Walker<'w>,
    state: State,
    close: u8,
    around: Around,
    role: Role,
    /// How many of the next elements have already been taken from the base.
    skip: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The array or object was closed when it was opened, because its length hint was 0.
    Empty,
    First,
    Rest,
    /// A map has a key whose value comes next.
    AfterKey,
}

/// What encloses an array or object and ends with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    /// The object with one field that is an enum variant.
    Variant,
}

#[derive(Clone, Copy)]
enum Role {
    /// A part of the unit around it.
    Plain,
    /// An outermost array, each of whose elements is a unit. If it is the array `input`, `input` is the position in it.
    Elements { outer: Depth, input: Option<InputPosition> },
    /// An object around the outermost arrays, each of whose fields begins a unit.
    Fields { outer: Depth },
    /// A text that is written verbatim.
    Verbatim { name: &'static str, tag: u8 },
}

/// The position of the walk in the array `input`.
#[derive(Clone, Copy)]
struct InputPosition {
    index: usize,
    /// How many elements the value has announced.
    announced: Option<usize>,
}

impl<'w> Walker<'w> {
    fn open_array<'a>(&'a mut self, len: Option<usize>, around: Around) -> Result<Compound<'a, 'w>> {
        self.enter(CONTAINER)?;
        let next_value = std::mem::replace(&mut self.next_value, NextValue::Other);
        let outer = self.depth;
        self.put_tag(tokens::OPEN_ARRAY);
        let state = self.open_state(len, tokens::CLOSE_ARRAY);
        let role = if state == State::First && outer != Depth::Element {
            self.begin_elements(next_value);
            let input = (next_value == NextValue::Input).then_some(InputPosition { index: 0, announced: len });
            Role::Elements { outer, input }
        } else {
            Role::Plain
        };
        Ok(Compound { walker: self, state, close: tokens::CLOSE_ARRAY, around, role, skip: 0 })
    }

    fn open_object<'a>(&'a mut self, len: Option<usize>, around: Around) -> Result<Compound<'a, 'w>> {
        self.enter(CONTAINER)?;
        self.next_value = NextValue::Other;
        self.put_tag(tokens::OPEN_OBJECT);
        let state = self.open_state(len, tokens::CLOSE_OBJECT);
        let role = match self.depth {
            outer @ Depth::Objects(depth) if state == State::First => {
                self.depth = Depth::Objects(depth.saturating_add(1));
                Role::Fields { outer }
            }
            _ => Role::Plain,
        };
        Ok(Compound { walker: self, state, close: tokens::CLOSE_OBJECT, around, role, skip: 0 })
    }

    /// Closes an array or object at once if it announces that it is empty, as `serde_json` does.
    fn open_state(&mut self, len: Option<usize>, close: u8) -> State {
        if len == Some(0) {
            self.put_tag(close);
            State::Empty
        } else {
            State::First
        }
    }

    fn open_variant(&mut self, variant: &'static str) -> Result {
        self.enter(CONTAINER)?;
        self.put_tag(tokens::OPEN_OBJECT);
        self.put_text(tokens::FIELD, variant.as_bytes());
        Ok(())
    }

    fn close_variant(&mut self) {
        self.put_tag(tokens::CLOSE_OBJECT);
        self.leave(CONTAINER);
    }

    /// Walks over the value in an `Option` or a newtype.
    #[inline]
    fn inside<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.enter(1)?;
        value.serialize(&mut *self)?;
        self.leave(1);
        Ok(())
    }

    fn put_unsigned(&mut self, value: u64) -> Result {
        self.put_fixed(tokens::UNSIGNED, value.to_le_bytes());
        Ok(())
    }

    fn put_signed(&mut self, value: i64) -> Result {
        self.put_fixed(tokens::SIGNED, value.to_le_bytes());
        Ok(())
    }
}

impl<'a, 'w> Serializer for &'a mut Walker<'w> {
    type Ok = ();
    type Error = Box<WalkError>;
    type SerializeSeq = Compound<'a, 'w>;
    type SerializeTuple = Compound<'a, 'w>;
    type SerializeTupleStruct = Compound<'a, 'w>;
    type SerializeTupleVariant = Compound<'a, 'w>;
    type SerializeMap = Compound<'a, 'w>;
    type SerializeStruct = Compound<'a, 'w>;
    type SerializeStructVariant = Compound<'a, 'w>;

    fn serialize_bool(self, value: bool) -> Result {
        self.put_tag(if value { tokens::TRUE } else { tokens::FALSE });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result {
        self.put_signed(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result {
        self.put_signed(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result {
        self.put_signed(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result {
        self.put_signed(value)
    }

    fn serialize_i128(self, value: i128) -> Result {
        self.put_fixed(tokens::SIGNED_128, value.to_le_bytes());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result {
        self.put_unsigned(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result {
        self.put_unsigned(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result {
        self.put_unsigned(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result {
        self.put_unsigned(value)
    }

    fn serialize_u128(self, value: u128) -> Result {
        self.put_fixed(tokens::UNSIGNED_128, value.to_le_bytes());
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result {
        if value.is_finite() {
            self.put_fixed(tokens::FLOAT_32, value.to_le_bytes());
        } else {
            self.put_tag(tokens::NULL);
        }
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result {
        if value.is_finite() {
            self.put_fixed(tokens::FLOAT_64, value.to_le_bytes());
        } else {
            self.put_tag(tokens::NULL);
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result {
        self.put_text(tokens::STRING, value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result {
        self.put_text(tokens::BYTES, value);
        Ok(())
    }

    fn serialize_none(self) -> Result {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        self.inside(value)
    }

    fn serialize_unit(self) -> Result {
        self.put_tag(tokens::NULL);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result {
        self.inside(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result {
        self.open_variant(variant)?;
        value.serialize(&mut *self)?;
        self.close_variant();
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'a, 'w>> {
        self.open_array(len, Around::Nothing)
    }

    fn serialize_tuple(self, len: usize) -> Result<Compound<'a, 'w>> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Compound<'a, 'w>> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'w>> {
        self.open_variant(variant)?;
        self.open_array(Some(len), Around::Variant)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'a, 'w>> {
        self.open_object(len, Around::Nothing)
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Compound<'a, 'w>> {
        let tag = match name {
            tokens::RAW_NAME => tokens::RAW,
            tokens::NUMBER_NAME => tokens::NUMBER,
            _ => return self.serialize_map(Some(len)),
        };
        let role = Role::Verbatim { name, tag };
        Ok(Compound { walker: self, state: State::Empty, close: tag, around: Around::Nothing, role, skip: 0 })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'w>> {
        self.open_variant(variant)?;
        self.open_object(Some(len), Around::Variant)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result {
        self.serialize_str(&super::display(value)?)
    }
}

impl Compound<'_, '_> {
    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        let result = self.walked_element(value);
        self.checked(result)
    }

    /// Makes the walk fail after an error in a part of the value, in case that the value ignores it.
    #[inline]
    fn checked(&mut self, result: Result) -> Result {
        if result.is_err() {
            self.walker.fail(WalkError::IgnoredError);
        }
        result
    }

    /// Begins the next element or field. Returns whether it is the first one.
    #[inline]
    fn next(&mut self) -> Result<bool> {
        match std::mem::replace(&mut self.state, State::Rest) {
            State::First => Ok(true),
            State::Rest => Ok(false),
            State::Empty => Err(wrong(WalkError::WrongLength)),
            State::AfterKey => Err(wrong(WalkError::KeyOrder)),
        }
    }

    fn walked_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        match self.role {
            Role::Plain => {
                if !self.next()? {
                    self.walker.put_tag(tokens::COMMA);
                }
                value.serialize(&mut *self.walker)
            }
            _ => self.outer_element(value),
        }
    }

    fn outer_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        if let Role::Elements { input: Some(InputPosition { index, announced }), .. } = &mut self.role
            && self.state != State::Empty
        {
            let left = announced.map(|announced| announced.saturating_sub(*index));
            let skipped = self.walker.skip_unchanged(*index, left);
            if skipped > 0 {
                *index += skipped;
                self.skip = skipped - 1;
                self.state = State::Rest;
                return Ok(());
            }
        }
        let first = self.next()?;
        if !first {
            self.walker.put_tag(tokens::COMMA);
        }
        match &mut self.role {
            Role::Elements { input, .. } => {
                self.walker.begin_element(if first { PartKind::FirstElement } else { PartKind::LaterElement });
                let result = value.serialize(&mut *self.walker);
                self.walker.end_element(input.map(|input| input.index));
                if let Some(input) = input {
                    input.index += 1;
                }
                result
            }
            _ => value.serialize(&mut *self.walker),
        }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        let result = match self.role {
            Role::Plain => self.put_name(key).and_then(|()| value.serialize(&mut *self.walker)),
            _ => self.outer_field(key, value),
        };
        self.checked(result)
    }

    fn put_name(&mut self, key: &'static str) -> Result {
        let tag = if self.next()? { tokens::FIELD } else { tokens::NEXT_FIELD };
        self.walker.put_text(tag, key.as_bytes());
        Ok(())
    }

    fn outer_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        if let Role::Verbatim { name, tag } = self.role {
            if key != name {
                return Err(WalkError::NoVerbatimText.into());
            }
            let text = value.serialize(TextOnly)?;
            if tag == tokens::RAW {
                self.walker.check_nesting_of(&text)?;
            }
            if self.walker.depth == Depth::Objects(0) {
                self.walker.input = InputField::Found;
            }
            self.walker.put_text(tag, text.as_bytes());
            return Ok(());
        }
        if let Role::Fields { .. } = self.role {
            self.walker.cut_before_field();
            let value = if key == self.walker.shape.list { NextValue::Input } else { NextValue::Other };
            self.walker.begin_field_value(value);
        }
        self.put_name(key)?;
        self.value(value)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        value.serialize(&mut *self.walker)?;
        self.walker.next_value = NextValue::Other;
        Ok(())
    }

    fn close(self) -> Result {
        match self.role {
            Role::Plain => {}
            Role::Elements { outer, .. } | Role::Fields { outer } => self.walker.depth = outer,
            Role::Verbatim { .. } => return Ok(()),
        }
        match self.state {
            State::Empty => {}
            State::First | State::Rest => self.walker.put_tag(self.close),
            State::AfterKey => return Err(wrong(WalkError::KeyOrder)),
        }
        self.walker.leave(CONTAINER);
        if self.around == Around::Variant {
            self.walker.close_variant();
        }
        Ok(())
    }
}

macro_rules! elements {
    ($($name:ident::$method:ident),+) => {$(
        impl $name for Compound<'_, '_> {
            type Ok = ();
            type Error = Box<WalkError>;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
                self.element(value)
            }

            fn end(self) -> Result {
                self.close()
            }
        }
    )+};
}

elements! {
    SerializeSeq::serialize_element, SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
}

macro_rules! fields {
    ($($name:ident),+) => {$(
        impl $name for Compound<'_, '_> {
            type Ok = ();
            type Error = Box<WalkError>;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
                self.field(key, value)
            }

            fn end(self) -> Result {
                self.close()
            }
        }
    )+};
}

fields!(SerializeStruct, SerializeStructVariant);

impl Compound<'_, '_> {
    #[inline]
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        if let Role::Fields { .. } = self.role {
            self.walker.cut_before_field();
        }
        if !self.next()? {
            self.walker.put_tag(tokens::COMMA);
        }
        key.serialize(MapKey { walker: self.walker })
    }

    #[inline]
    fn value_of_key<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.walker.put_tag(tokens::COLON);
        self.value(value)
    }
}

/// Returns the error for a `Serialize` implementation that breaks the rules.
#[cold]
fn wrong(error: WalkError) -> Box<WalkError> {
    Box::new(error)
}

impl SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = Box<WalkError>;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        let result = self.key(key);
        self.state = State::AfterKey;
        self.checked(result)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        let result = match std::mem::replace(&mut self.state, State::Rest) {
            State::AfterKey => self.value_of_key(value),
            _ => Err(wrong(WalkError::KeyOrder)),
        };
        self.checked(result)
    }

    // Most maps are written entry by entry. Without this, each entry would be two calls.
    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(&mut self, key: &K, value: &V) -> Result {
        let result = self.key(key).and_then(|()| self.value_of_key(value));
        self.checked(result)
    }

    fn end(self) -> Result {
        self.close()
    }
}
