//! Reading the text inside of `serde_json`'s own raw values and numbers.

use serde::{Serialize, Serializer, ser::Impossible};

use super::WalkError;

type Result<T = String, E = Box<WalkError>> = std::result::Result<T, E>;

/// A serializer that accepts only a string, as `serde_json` does here.
pub(super) struct TextOnly;

macro_rules! refused {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)+) => {$(
        fn $method(self $(, _: $argument)*) -> Result<$ok> {
            Err(WalkError::NoVerbatimText.into())
        }
    )+};
}

impl Serializer for TextOnly {
    type Ok = String;
    type Error = Box<WalkError>;
    type SerializeSeq = Impossible<String, Box<WalkError>>;
    type SerializeTuple = Impossible<String, Box<WalkError>>;
    type SerializeTupleStruct = Impossible<String, Box<WalkError>>;
    type SerializeTupleVariant = Impossible<String, Box<WalkError>>;
    type SerializeMap = Impossible<String, Box<WalkError>>;
    type SerializeStruct = Impossible<String, Box<WalkError>>;
    type SerializeStructVariant = Impossible<String, Box<WalkError>>;

    fn serialize_str(self, text: &str) -> Result {
        Ok(text.to_owned())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result {
        Err(WalkError::NoVerbatimText.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result {
        Err(WalkError::NoVerbatimText.into())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result {
        Err(WalkError::NoVerbatimText.into())
    }

    refused! {
        serialize_bool(bool) -> String;
        serialize_i8(i8) -> String;
        serialize_i16(i16) -> String;
        serialize_i32(i32) -> String;
        serialize_i64(i64) -> String;
        serialize_u8(u8) -> String;
        serialize_u16(u16) -> String;
        serialize_u32(u32) -> String;
        serialize_u64(u64) -> String;
        serialize_f32(f32) -> String;
        serialize_f64(f64) -> String;
        serialize_char(char) -> String;
        serialize_bytes(&[u8]) -> String;
        serialize_none() -> String;
        serialize_unit() -> String;
        serialize_unit_struct(&'static str) -> String;
        serialize_unit_variant(&'static str, u32, &'static str) -> String;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}
