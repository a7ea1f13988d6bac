//! The columns that a page gets instead of objects: one array for each field.

use std::{borrow::Cow, collections::HashMap, fmt};

use rollout_trace::{
    model::{ItemId, ItemRun},
    schema::RawPayloadId,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A column of whole numbers, each written as the difference from the one before, the first as the difference from 0.
/// `null` is a row without a number; the row after it is the difference from the last number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deltas(Vec<Option<i64>>);

impl Deltas {
    /// Adds a row.
    pub(crate) fn push(&mut self, number: Option<i64>) {
        self.0.push(number);
    }

    /// Returns the numbers themselves.
    pub fn numbers(&self) -> &[Option<i64>] {
        &self.0
    }
}

impl<T: Into<Option<i64>>> FromIterator<T> for Deltas {
    fn from_iter<I: IntoIterator<Item = T>>(numbers: I) -> Self {
        Self(numbers.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Deltas {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0_i64;
        serializer.collect_seq(
            self.0
                .iter()
                .map(|number| number.map(|number| number.wrapping_sub(std::mem::replace(&mut before, number)))),
        )
    }
}

impl JsonSchema for Deltas {
    fn schema_name() -> Cow<'static, str> {
        "Deltas".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A column of whole numbers, each written as the difference from the one before, the first as \
                the difference from 0. `null` is a row without a number; the row after it is the difference from the \
                last number.",
            "type": "array",
            "items": { "type": ["integer", "null"] },
        })
    }
}

/// A column of texts of which many are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Words {
    /// The different texts.
    pub words: Vec<String>,
    /// For each row the place of its text in `words`, or `null` if it has none.
    pub at: Vec<Option<u32>>,
}

/// Collects a column of texts.
#[derive(Debug, Default)]
pub(crate) struct WordsBuilder {
    column: Words,
    places: HashMap<String, u32>,
}

impl WordsBuilder {
    pub(crate) fn push(&mut self, text: Option<&str>) {
        let place = text.map(|text| match self.places.get(text) {
            Some(place) => *place,
            None => {
                let place = u32::try_from(self.column.words.len()).unwrap_or(u32::MAX);
                self.column.words.push(text.to_owned());
                self.places.insert(text.to_owned(), place);
                place
            }
        });
        self.column.at.push(place);
    }

    pub(crate) fn finish(self) -> Words {
        self.column
    }
}

/// A column of lists of numbers, each a few runs of consecutive numbers. The runs of all rows follow one another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lists {
    /// How many runs the list of each row has.
    pub runs: Vec<u32>,
    /// The first number of each run.
    pub first: Deltas,
    /// How many numbers each run has.
    pub count: Vec<u32>,
}

impl Lists {
    /// Adds a row of items.
    pub(crate) fn push_runs(&mut self, runs: impl IntoIterator<Item = ItemRun>) {
        let before = self.count.len();
        for run in runs {
            self.first.push(Some(i64::from(run.first.0)));
            self.count.push(run.count);
        }
        self.runs.push(u32::try_from(self.count.len() - before).unwrap_or(u32::MAX));
    }

    /// Adds a row of numbers.
    pub(crate) fn push(&mut self, numbers: impl IntoIterator<Item = u32>) {
        let mut runs: Vec<ItemRun> = Vec::new();
        for number in numbers {
            match runs.last_mut() {
                Some(run) if run.first.0.checked_add(run.count) == Some(number) => run.count += 1,
                _ => runs.push(ItemRun { first: ItemId(number), count: 1 }),
            }
        }
        self.push_runs(runs);
    }
}

/// A column of payloads: a number N for the id `raw_payload:N`, any other id as it is, or `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct PayloadColumn(Vec<Option<PayloadName>>);

/// A payload: a number N for the id `raw_payload:N`, or any other id as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PayloadName {
    /// The payload `raw_payload:N`.
    Number(u64),
    /// A payload with any other id.
    Id(String),
}

impl PayloadColumn {
    /// Returns a column of these payloads.
    pub(crate) fn of<'a>(ids: impl IntoIterator<Item = &'a RawPayloadId>) -> Self {
        Self(ids.into_iter().map(|id| Some(PayloadName::of(id))).collect())
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, id: Option<&RawPayloadId>) {
        self.0.push(id.map(PayloadName::of));
    }
}

impl fmt::Display for PayloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

impl PayloadName {
    pub(crate) fn of(id: &RawPayloadId) -> Self {
        let digits = id.strip_prefix("raw_payload:").filter(|digits| *digits == "0" || !digits.starts_with(['0', '+']));
        digits.and_then(|digits| digits.parse().ok()).map_or_else(|| Self::Id(id.to_string()), Self::Number)
    }

    /// Returns the id that a name in a query means.
    pub(crate) fn id(name: &str) -> RawPayloadId {
        match name.parse::<u64>() {
            Ok(number) => RawPayloadId::from(format!("raw_payload:{number}")),
            Err(_) => RawPayloadId::from(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_are_differences() {
        let column: Deltas = [Some(5), Some(7), None, Some(6)].into_iter().collect();
        assert_eq!(serde_json::to_string(&column).unwrap(), "[5,2,null,-1]");
    }

    #[test]
    fn lists_are_runs() {
        let mut lists = Lists::default();
        lists.push([1, 2, 3, 7]);
        lists.push([]);
        lists.push([2]);
        assert_eq!(serde_json::to_string(&lists).unwrap(), r#"{"runs":[2,0,1],"first":[1,6,-5],"count":[3,1,1]}"#);
    }

    #[test]
    fn only_ordinary_ids_of_payloads_become_numbers() {
        let names = ["raw_payload:7", "raw_payload:07", "raw_payload:+7", "x"].map(|id| PayloadName::of(&id.into()));
        assert_eq!(serde_json::to_string(&names).unwrap(), r#"[7,"raw_payload:07","raw_payload:+7","x"]"#);
        assert_eq!(PayloadName::id("7"), RawPayloadId::from("raw_payload:7"));
    }
}
