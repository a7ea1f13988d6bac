//! The JSON text of a value, unless a wrong `Serialize` implementation makes it unreadable.

use std::{cell::Cell, fmt::Display};

use rollout_trace_schema::json_text::{MAX_NESTING, check_nesting};
use serde::{
    Serialize, Serializer,
    ser::{
        Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{
    WalkError,
    tokens::{NUMBER_NAME, RAW_NAME},
    walker::CONTAINER,
};

/// Returns the JSON text of a value, by the rules of a walk: with its limit for nesting, and an error where the text would
/// not be JSON.
pub(crate) fn json_text<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, WalkError> {
    let watch = Watch::default();
    let text = serde_json::to_vec(&Watched { value, watch: &watch });
    match (watch.wrong.take(), text) {
        (Some(Wrong::TooDeep), _) => Err(WalkError::TooDeep { limit: MAX_NESTING }),
        (_, Err(error)) => Err(WalkError::Custom(error.to_string())),
        (Some(Wrong::IgnoredError), Ok(_)) => Err(WalkError::IgnoredError),
        // Only the text itself shows how deep a text in it nests.
        (None, Ok(text)) if watch.has_raw_text.get() && check_nesting(&text, MAX_NESTING).is_err() => {
            Err(WalkError::TooDeep { limit: MAX_NESTING })
        }
        (None, Ok(text)) => Ok(text),
    }
}

/// What is known about the value that is being serialized.
#[derive(Default)]
struct Watch {
    /// How deep it is, in quarters of a level.
    nesting: Cell<usize>,
    /// Whether it has JSON text that is written verbatim.
    has_raw_text: Cell<bool>,
    wrong: Cell<Option<Wrong>>,
}

#[derive(Clone, Copy)]
enum Wrong {
    TooDeep,
    IgnoredError,
}

impl Watch {
    fn enter<E: Error>(&self, levels: usize) -> Result<(), E> {
        self.nesting.set(self.nesting.get() + levels);
        if self.nesting.get() <= MAX_NESTING * CONTAINER {
            return Ok(());
        }
        self.wrong.set(Some(Wrong::TooDeep));
        Err(E::custom(WalkError::TooDeep { limit: MAX_NESTING }))
    }

    fn leave(&self, levels: usize) {
        self.nesting.set(self.nesting.get() - levels);
    }

    /// Notes an error in a part of the value, in case that the value ignores it.
    fn checked<T, E>(&self, result: Result<T, E>) -> Result<T, E> {
        if result.is_err() {
            self.wrong.set(self.wrong.get().or(Some(Wrong::IgnoredError)));
        }
        result
    }
}

/// A value that is watched while it is serialized.
struct Watched<'a, T: ?Sized> {
    value: &'a T,
    watch: &'a Watch,
}

impl<T: Serialize + ?Sized> Serialize for Watched<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Sound { inner: serializer, watch: self.watch })
    }
}

/// A serializer that watches the value.
struct Sound<'a, S> {
    inner: S,
    watch: &'a Watch,
}

/// An array or object that has begun.
struct Compound<'a, C> {
    inner: C,
    watch: &'a Watch,
    /// How much it counts as nesting.
    levels: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It was announced as empty, and `serde_json` has closed it.
    Empty,
    Open,
    /// A map has a key whose value comes next.
    AfterKey,
}

impl<'a, S: Serializer> Sound<'a, S> {
    /// Begins an array or object with this announced length.
    fn open<C>(
        self,
        len: Option<usize>,
        levels: usize,
        open: impl FnOnce(S) -> Result<C, S::Error>,
    ) -> Result<Compound<'a, C>, S::Error> {
        self.watch.enter(levels)?;
        let state = if len == Some(0) { State::Empty } else { State::Open };
        Ok(Compound { inner: open(self.inner)?, watch: self.watch, levels, state })
    }

    /// Serializes a value in this one.
    fn inside<'v, T: Serialize + ?Sized>(
        self,
        levels: usize,
        value: &'v T,
        serialize: impl FnOnce(S, &Watched<'v, T>) -> Result<S::Ok, S::Error>,
    ) -> Result<S::Ok, S::Error>
    where
        'a: 'v,
    {
        self.watch.enter(levels)?;
        let done = serialize(self.inner, &Watched { value, watch: self.watch })?;
        self.watch.leave(levels);
        Ok(done)
    }
}

impl<C> Compound<'_, C> {
    /// Adds an element or field.
    fn add<T: Serialize + ?Sized, E: Error>(
        &mut self,
        value: &T,
        add: impl FnOnce(&mut C, &Watched<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let result = match self.state {
            State::Open => add(&mut self.inner, &Watched { value, watch: self.watch }),
            State::Empty => Err(E::custom(WalkError::WrongLength)),
            State::AfterKey => Err(E::custom(WalkError::KeyOrder)),
        };
        self.watch.checked(result)
    }

    fn close<T, E: Error>(self, end: impl FnOnce(C) -> Result<T, E>) -> Result<T, E> {
        if self.state == State::AfterKey {
            return Err(E::custom(WalkError::KeyOrder));
        }
        self.watch.leave(self.levels);
        end(self.inner)
    }
}

macro_rules! plain {
    ($($method:ident($($name:ident: $type:ty),*);)+) => {$(
        fn $method(self $(, $name: $type)*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($name),*)
        }
    )+};
}

impl<'a, S: Serializer> Serializer for Sound<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<'a, S::SerializeSeq>;
    type SerializeTuple = Compound<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Compound<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Compound<'a, S::SerializeTupleVariant>;
    type SerializeMap = Compound<'a, S::SerializeMap>;
    type SerializeStruct = Compound<'a, S::SerializeStruct>;
    type SerializeStructVariant = Compound<'a, S::SerializeStructVariant>;

    plain! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inside(1, value, |inner, value| inner.serialize_some(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        self.inside(1, value, |inner, value| inner.serialize_newtype_struct(name, value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inside(CONTAINER, value, |inner, value| inner.serialize_newtype_variant(name, index, variant, value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.open(len, CONTAINER, |inner| inner.serialize_seq(len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.open(Some(len), CONTAINER, |inner| inner.serialize_tuple(len))
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.open(Some(len), CONTAINER, |inner| inner.serialize_tuple_struct(name, len))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.open(Some(len), 2 * CONTAINER, |inner| inner.serialize_tuple_variant(name, index, variant, len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.open(len, CONTAINER, |inner| inner.serialize_map(len))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        // The structs of `serde_json` itself are not objects of the text.
        let levels = if [RAW_NAME, NUMBER_NAME].contains(&name) { 0 } else { CONTAINER };
        self.watch.has_raw_text.set(self.watch.has_raw_text.get() || name == RAW_NAME);
        self.open(Some(len), levels, |inner| inner.serialize_struct(name, len))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.open(Some(len), 2 * CONTAINER, |inner| inner.serialize_struct_variant(name, index, variant, len))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        // `serde_json` writes a text piece by piece, and panics if its `Display` fails.
        let text = super::display(value).map_err(S::Error::custom)?;
        self.inner.serialize_str(&text)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($name:ident::$method:ident),+) => {$(
        impl<C: $name> $name for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.add(value, |inner, value| inner.$method(value))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.close(C::end)
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
        impl<C: $name> $name for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), C::Error> {
                self.add(value, |inner, value| inner.serialize_field(key, value))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(key)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.close(C::end)
            }
        }
    )+};
}

fields!(SerializeStruct, SerializeStructVariant);

impl<C: SerializeMap> SerializeMap for Compound<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.add(key, |inner, key| inner.serialize_key(key))?;
        self.state = State::AfterKey;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.state = match self.state {
            State::AfterKey => State::Open,
            State::Empty | State::Open => return self.watch.checked(Err(C::Error::custom(WalkError::KeyOrder))),
        };
        self.add(value, |inner, value| inner.serialize_value(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.close(C::end)
    }
}
