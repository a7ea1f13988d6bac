//! A struct that is serialized with another field in place of one of its own.

use serde::{
    Serialize, Serializer,
    ser::{Error, Impossible, SerializeStruct},
};

/// A serializer that takes one struct and passes it on, with another name or value for one of its fields.
///
/// So a variant of a struct's JSON needs no second list of all its fields.
#[derive(Debug)]
pub struct ReplacedField<'a, S, V> {
    serializer: S,
    field: &'static str,
    name: &'static str,
    value: &'a V,
}

impl<'a, S, V> ReplacedField<'a, S, V> {
    /// Passes a struct on to a serializer, with another value for the field of this name.
    pub fn new(serializer: S, field: &'static str, value: &'a V) -> Self {
        Self { serializer, field, name: field, value }
    }

    /// Passes the field on under another name.
    #[must_use]
    pub fn renamed(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

impl<'a, S: SerializeStruct, V: Serialize> SerializeStruct for ReplacedField<'a, S, V> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), S::Error> {
        if name == self.field {
            self.serializer.serialize_field(self.name, self.value)
        } else {
            self.serializer.serialize_field(name, value)
        }
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), S::Error> {
        self.serializer.skip_field(if name == self.field { self.name } else { name })
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.serializer.end()
    }
}

/// The error of a value that is not a struct with named fields.
fn no_struct<T, E: Error>() -> Result<T, E> {
    Err(E::custom("only a struct has a field to replace"))
}

/// Defines the methods for everything but structs.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)+) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, S::Error> {
            no_struct()
        }
    )+};
}

impl<'a, S: Serializer, V: Serialize> Serializer for ReplacedField<'a, S, V> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
    type SerializeMap = Impossible<S::Ok, S::Error>;
    type SerializeStruct = ReplacedField<'a, S::SerializeStruct, V>;
    type SerializeStructVariant = Impossible<S::Ok, S::Error>;

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeStruct, S::Error> {
        let Self { serializer, field, name: other, value } = self;
        Ok(ReplacedField { serializer: serializer.serialize_struct(name, length)?, field, name: other, value })
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<S::Ok, S::Error> {
        no_struct()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<S::Ok, S::Error> {
        no_struct()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        no_struct()
    }

    refuse! {
        serialize_bool(bool) -> S::Ok;
        serialize_i8(i8) -> S::Ok;
        serialize_i16(i16) -> S::Ok;
        serialize_i32(i32) -> S::Ok;
        serialize_i64(i64) -> S::Ok;
        serialize_u8(u8) -> S::Ok;
        serialize_u16(u16) -> S::Ok;
        serialize_u32(u32) -> S::Ok;
        serialize_u64(u64) -> S::Ok;
        serialize_f32(f32) -> S::Ok;
        serialize_f64(f64) -> S::Ok;
        serialize_char(char) -> S::Ok;
        serialize_str(&str) -> S::Ok;
        serialize_bytes(&[u8]) -> S::Ok;
        serialize_none() -> S::Ok;
        serialize_unit() -> S::Ok;
        serialize_unit_struct(&'static str) -> S::Ok;
        serialize_unit_variant(&'static str, u32, &'static str) -> S::Ok;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}
