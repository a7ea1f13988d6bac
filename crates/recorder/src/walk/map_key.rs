//! The keys of maps, which become strings.

use std::fmt::Display;

use serde::{Serialize, Serializer, ser::Impossible};

use super::{
    WalkError, tokens,
    walker::{NextValue, Walker},
};

type Result<T = (), E = Box<WalkError>> = std::result::Result<T, E>;

/// Writes a key as `serde_json` does, and notes what the value of the key is.
pub(super) struct MapKey<'a, 'w> {
    pub(super) walker: &'a mut Walker<'w>,
}

impl MapKey<'_, '_> {
    #[inline]
    fn put(self, text: &str) -> Result {
        self.walker.put_text(tokens::STRING, text.as_bytes());
        if text == self.walker.shape.list {
            self.walker.begin_field_value(NextValue::Input);
        }
        Ok(())
    }

    fn put_display(self, value: impl Display) -> Result {
        self.put(&super::display(&value)?)
    }
}

macro_rules! displayed {
    ($($method:ident: $type:ty),+) => {$(
        fn $method(self, value: $type) -> Result {
            self.put_display(value)
        }
    )+};
}

impl Serializer for MapKey<'_, '_> {
    type Ok = ();
    type Error = Box<WalkError>;
    type SerializeSeq = Impossible<(), Box<WalkError>>;
    type SerializeTuple = Impossible<(), Box<WalkError>>;
    type SerializeTupleStruct = Impossible<(), Box<WalkError>>;
    type SerializeTupleVariant = Impossible<(), Box<WalkError>>;
    type SerializeMap = Impossible<(), Box<WalkError>>;
    type SerializeStruct = Impossible<(), Box<WalkError>>;
    type SerializeStructVariant = Impossible<(), Box<WalkError>>;

    displayed! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128
    }

    fn serialize_f32(self, value: f32) -> Result {
        let text = value.is_finite().then(|| serde_json::to_string(&value).ok()).flatten();
        self.put(&text.ok_or(WalkError::FloatKey)?)
    }

    fn serialize_f64(self, value: f64) -> Result {
        let text = value.is_finite().then(|| serde_json::to_string(&value).ok()).flatten();
        self.put(&text.ok_or(WalkError::FloatKey)?)
    }

    fn serialize_char(self, value: char) -> Result {
        self.put(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result {
        self.put(value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result {
        Err(WalkError::Key.into())
    }

    fn serialize_none(self) -> Result {
        Err(WalkError::Key.into())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result {
        Err(WalkError::Key.into())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result {
        Err(WalkError::Key.into())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result {
        self.put(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result {
        Err(WalkError::Key.into())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(WalkError::Key.into())
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        Err(WalkError::Key.into())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct> {
        Err(WalkError::Key.into())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(WalkError::Key.into())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        Err(WalkError::Key.into())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct> {
        Err(WalkError::Key.into())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        Err(WalkError::Key.into())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result {
        self.put_display(value)
    }
}
