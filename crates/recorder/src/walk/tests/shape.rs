//! Values that make every call of the `Serializer` trait.

use std::fmt;

use proptest::prelude::*;
use serde::{
    Serialize, Serializer,
    ser::{
        Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    F32(u32),
    F64(u64),
    Char(char),
    Str(String),
    CollectStr(String),
    Bytes(Vec<u8>),
    None,
    Some(Box<Shape>),
    Unit,
    UnitStruct,
    UnitVariant,
    Newtype(Box<Shape>),
    NewtypeVariant(Box<Shape>),
    Seq(Hint, Vec<Shape>),
    Tuple(Vec<Shape>),
    TupleStruct(Vec<Shape>),
    TupleVariant(Hint, Vec<Shape>),
    Map(Hint, Vec<(Key, Shape)>),
    Struct(Hint, Vec<Shape>),
    StructVariant(Hint, Vec<Shape>),
    HumanReadable,
    Raw(String),
    Number(String),
    Fails,
    /// Ignores the errors of its elements.
    Careless(Vec<Shape>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Hint {
    Right,
    Missing,
    Zero,
    Wrong,
}

impl Hint {
    fn of(self, len: usize) -> Option<usize> {
        match self {
            Self::Right => Some(len),
            Self::Missing => None,
            Self::Zero => Some(0),
            Self::Wrong => Some(len + 3),
        }
    }
}

/// A key of a map. Any shape is possible, but most are refused.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) Shape);

const NAMES: [&str; 6] = ["input", "model", "tools", "a \"quoted\" name", "", "input"];

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(v) => s.serialize_bool(*v),
            Self::I8(v) => s.serialize_i8(*v),
            Self::I16(v) => s.serialize_i16(*v),
            Self::I32(v) => s.serialize_i32(*v),
            Self::I64(v) => s.serialize_i64(*v),
            Self::I128(v) => s.serialize_i128(*v),
            Self::U8(v) => s.serialize_u8(*v),
            Self::U16(v) => s.serialize_u16(*v),
            Self::U32(v) => s.serialize_u32(*v),
            Self::U64(v) => s.serialize_u64(*v),
            Self::U128(v) => s.serialize_u128(*v),
            Self::F32(v) => s.serialize_f32(f32::from_bits(*v)),
            Self::F64(v) => s.serialize_f64(f64::from_bits(*v)),
            Self::Char(v) => s.serialize_char(*v),
            Self::Str(v) => s.serialize_str(v),
            Self::CollectStr(v) => s.collect_str(&Displayed(v)),
            Self::Bytes(v) => s.serialize_bytes(v),
            Self::None => s.serialize_none(),
            Self::Some(v) => s.serialize_some(v),
            Self::Unit => s.serialize_unit(),
            Self::UnitStruct => s.serialize_unit_struct("U"),
            Self::UnitVariant => s.serialize_unit_variant("E", 0, "Unit \u{1}"),
            Self::Newtype(v) => s.serialize_newtype_struct("N", v),
            Self::NewtypeVariant(v) => s.serialize_newtype_variant("E", 1, "New", v),
            Self::Seq(hint, items) => {
                let mut seq = s.serialize_seq(hint.of(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Self::Tuple(items) => {
                let mut seq = s.serialize_tuple(items.len())?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Self::TupleStruct(items) => {
                let mut seq = s.serialize_tuple_struct("T", items.len())?;
                items.iter().try_for_each(|item| seq.serialize_field(item))?;
                seq.end()
            }
            Self::TupleVariant(hint, items) => {
                let len = hint.of(items.len()).unwrap_or(7);
                let mut seq = s.serialize_tuple_variant("E", 2, "Tuple", len)?;
                items.iter().try_for_each(|item| seq.serialize_field(item))?;
                seq.end()
            }
            Self::Map(hint, entries) => {
                let mut map = s.serialize_map(hint.of(entries.len()))?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index % 2 == 0 {
                        map.serialize_entry(&key.0, value)?;
                    } else {
                        map.serialize_key(&key.0)?;
                        map.serialize_value(value)?;
                    }
                }
                map.end()
            }
            Self::Struct(hint, items) => {
                let mut object = s.serialize_struct("S", hint.of(items.len()).unwrap_or(7))?;
                for (item, name) in items.iter().zip(NAMES.iter().cycle()) {
                    if matches!(item, Self::None) {
                        object.skip_field(name)?;
                    } else {
                        object.serialize_field(name, item)?;
                    }
                }
                object.end()
            }
            Self::StructVariant(hint, items) => {
                let mut object = s.serialize_struct_variant("E", 3, "Struct", hint.of(items.len()).unwrap_or(7))?;
                items
                    .iter()
                    .zip(NAMES.iter().cycle())
                    .try_for_each(|(item, name)| object.serialize_field(name, item))?;
                object.end()
            }
            Self::HumanReadable => {
                let human = s.is_human_readable();
                s.serialize_bool(human)
            }
            Self::Raw(text) => verbatim(s, "$serde_json::private::RawValue", text),
            Self::Number(text) => verbatim(s, "$serde_json::private::Number", text),
            Self::Fails => Err(S::Error::custom("on purpose")),
            Self::Careless(items) => {
                let mut seq = s.serialize_seq(None)?;
                for item in items {
                    let _ = seq.serialize_element(item);
                }
                seq.end()
            }
        }
    }
}

fn verbatim<S: Serializer>(s: S, name: &'static str, text: &str) -> Result<S::Ok, S::Error> {
    let mut object = s.serialize_struct(name, 1)?;
    object.serialize_field(name, text)?;
    object.end()
}

struct Displayed<'d>(&'d str);

impl fmt::Display for Displayed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| write!(f, "{c}"))
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ".{0,12}",
        1 => "[ -~\\n\\t\"\\\\]{0,40}",
        1 => (0..3_usize, 120..300_usize).prop_map(|(kind, len)| ["x", "long \"quoted\" ", "ä\n\u{0}"][kind].repeat(len)),
    ]
}

fn leaf() -> impl Strategy<Value = Shape> {
    prop_oneof![
        any::<bool>().prop_map(Shape::Bool),
        any::<i8>().prop_map(Shape::I8),
        any::<i16>().prop_map(Shape::I16),
        any::<i32>().prop_map(Shape::I32),
        any::<i64>().prop_map(Shape::I64),
        any::<i128>().prop_map(Shape::I128),
        any::<u8>().prop_map(Shape::U8),
        any::<u16>().prop_map(Shape::U16),
        any::<u32>().prop_map(Shape::U32),
        any::<u64>().prop_map(Shape::U64),
        any::<u128>().prop_map(Shape::U128),
        any::<u32>().prop_map(Shape::F32),
        any::<f32>().prop_map(|v| Shape::F32(v.to_bits())),
        any::<u64>().prop_map(Shape::F64),
        any::<f64>().prop_map(|v| Shape::F64(v.to_bits())),
        any::<char>().prop_map(Shape::Char),
        text().prop_map(Shape::Str),
        text().prop_map(Shape::CollectStr),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Shape::Bytes),
        Just(Shape::None),
        Just(Shape::Unit),
        Just(Shape::UnitStruct),
        Just(Shape::UnitVariant),
        Just(Shape::HumanReadable),
        Just(Shape::Raw("{ \"raw\" : [1, 2] }".into())),
        Just(Shape::Number("1234567890.12345678901234567890".into())),
    ]
}

fn hint(failing: bool) -> impl Strategy<Value = Hint> {
    let zero = if failing { Hint::Zero } else { Hint::Right };
    prop_oneof![6 => Just(Hint::Right), 4 => Just(Hint::Missing), 1 => Just(zero), 1 => Just(Hint::Wrong)]
}

fn key(failing: bool) -> impl Strategy<Value = Key> {
    let keys = leaf().prop_filter("a key that is taken", move |leaf| {
        failing || {
            let refused = matches!(
                leaf,
                Shape::Bytes(_) | Shape::None | Shape::Unit | Shape::UnitStruct | Shape::Raw(_) | Shape::Number(_)
            );
            let finite = match leaf {
                Shape::F32(bits) => f32::from_bits(*bits).is_finite(),
                Shape::F64(bits) => f64::from_bits(*bits).is_finite(),
                _ => true,
            };
            !refused && finite
        }
    });
    let keys = keys.boxed();
    prop_oneof![
        3 => Just(Key(Shape::Str("input".into()))),
        6 => keys.clone().prop_map(Key),
        1 => keys.clone().prop_map(|key| Key(Shape::Some(Box::new(key)))),
        1 => keys.prop_map(|key| Key(Shape::Newtype(Box::new(key)))),
    ]
}

/// Returns any value. With `failing`, some values fail after they have produced something.
pub(crate) fn shape(failing: bool) -> impl Strategy<Value = Shape> {
    let leaf = if failing { prop_oneof![20 => leaf(), 1 => Just(Shape::Fails)].boxed() } else { leaf().boxed() };
    leaf.prop_recursive(5, 60, 8, move |inner| {
        let items = || prop::collection::vec(inner.clone(), 0..8);
        let one = || inner.clone().prop_map(Box::new);
        prop_oneof![
            1 => one().prop_map(Shape::Some),
            1 => one().prop_map(Shape::Newtype),
            1 => one().prop_map(Shape::NewtypeVariant),
            4 => (hint(failing), items()).prop_map(|(hint, items)| Shape::Seq(hint, items)),
            1 => items().prop_map(Shape::Tuple),
            1 => items().prop_map(Shape::TupleStruct),
            1 => (hint(failing), items()).prop_map(|(hint, items)| Shape::TupleVariant(hint, items)),
            4 => (hint(failing), prop::collection::vec((key(failing), inner.clone()), 0..8))
                .prop_map(|(hint, entries)| Shape::Map(hint, entries)),
            4 => (hint(failing), items()).prop_map(|(hint, items)| Shape::Struct(hint, items)),
            1 => (hint(failing), items()).prop_map(|(hint, items)| Shape::StructVariant(hint, items)),
            1 => items().prop_map(Shape::Careless),
        ]
    })
}

/// Returns a sequence of values like the requests of a thread: each is the one before it with one change.
pub(crate) fn session(failing: bool) -> impl Strategy<Value = Vec<Shape>> {
    let change = (any::<prop::sample::Index>(), 0..5_u8, shape(failing));
    (shape(failing), prop::collection::vec(change, 0..8)).prop_map(|(first, changes)| {
        let mut session = vec![first];
        for (at, what, other) in changes {
            let mut next = session[session.len() - 1].clone();
            next.change(at, what, other);
            session.push(next);
        }
        session
    })
}

impl Shape {
    /// Changes some part of the value.
    fn change(&mut self, at: prop::sample::Index, what: u8, other: Shape) {
        match self {
            Self::Some(inner) | Self::Newtype(inner) | Self::NewtypeVariant(inner) => inner.change(at, what, other),
            Self::Seq(_, items)
            | Self::Tuple(items)
            | Self::TupleStruct(items)
            | Self::TupleVariant(_, items)
            | Self::Struct(_, items)
            | Self::StructVariant(_, items)
            | Self::Careless(items) => change_items(items, at, what, other),
            Self::Map(_, entries) => match what {
                0 => entries.push((Key(Self::Str("later".into())), other)),
                1 if !entries.is_empty() => entries.reverse(),
                _ if !entries.is_empty() => {
                    let index = at.index(entries.len());
                    entries[index].1.change(at, what, other);
                }
                _ => {}
            },
            _ => *self = other,
        }
    }
}

fn change_items(items: &mut Vec<Shape>, at: prop::sample::Index, what: u8, other: Shape) {
    let index = at.index(items.len().max(1));
    match what {
        0 => items.push(other),
        1 => items.insert(index, other),
        2 if !items.is_empty() => drop(items.remove(index)),
        3 if !items.is_empty() => items[index] = other,
        _ if !items.is_empty() => items[index].change(at, what, other),
        _ => {}
    }
}
