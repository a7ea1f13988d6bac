//! The fields of an object.

use std::borrow::Cow;

use super::Json;
use crate::map::HashMap;

/// The fields of an object, each name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields<'a>(pub(super) Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Fields<'a> {
    /// Returns the value of a field. The fields are searched one by one, because objects have few of them and an index
    /// would not be faster.
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Returns how many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the fields in the order in which they are written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Returns the fields in the order of their names.
    pub fn sorted(&self) -> Vec<(&str, &Json<'a>)> {
        let mut sorted: Vec<_> = self.iter().collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        sorted
    }
}

/// Of fields with the same name the last value counts, at the place of the first.
impl<'a> FromIterator<(Cow<'a, str>, Json<'a>)> for Fields<'a> {
    fn from_iter<I: IntoIterator<Item = (Cow<'a, str>, Json<'a>)>>(fields: I) -> Self {
        let mut builder = FieldsBuilder::default();
        for (name, value) in fields {
            builder.add(name, value);
        }
        builder.finish()
    }
}

/// Up to this many names are searched one by one.
const FEW: usize = 16;

/// Collects fields.
#[derive(Default)]
pub(super) struct FieldsBuilder<'a> {
    fields: Fields<'a>,
    /// The place of each name, once there are more than a few.
    places: Option<HashMap<Cow<'a, str>, usize>>,
}

impl<'a> FieldsBuilder<'a> {
    /// Adds a field. Of fields with the same name the last value counts, at the place of the first.
    pub(super) fn add(&mut self, name: Cow<'a, str>, value: Json<'a>) {
        let Fields(fields) = &mut self.fields;
        let place = if fields.len() < FEW {
            fields.iter().position(|(known, _)| *known == name)
        } else {
            let names = || fields.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
            let places: &mut HashMap<_, _> = self.places.get_or_insert_with(names);
            let next = fields.len();
            Some(*places.entry(name.clone()).or_insert(next)).filter(|place| *place < next)
        };
        match place {
            Some(place) => fields[place].1 = value,
            None => fields.push((name, value)),
        }
    }

    pub(super) fn finish(self) -> Fields<'a> {
        self.fields
    }
}
