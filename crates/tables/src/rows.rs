//! All rows of one rollout.

use jiff::{Timestamp, civil::Date, tz::Offset};
use rollout_trace_answers::Rollout;
use rollout_trace_schema::UnixMillis;

use crate::{Options, Table, encoded::Encoder, reduced::Reduced, value::Value};

/// All rows of one rollout, encoded, so that they can be made by many OS threads and written by another one.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The id of the bundle.
    pub trace_id: String,
    /// The hash of the graph: [`state_hash`](crate::state_hash).
    pub state_hash: String,
    /// The id of the rollout.
    pub rollout_id: String,
    /// The UTC day on which the rollout began, as `YYYY-MM-DD`.
    pub day: String,
    tables: Vec<TableRows>,
}

/// The rows of one table.
#[derive(Clone, Debug)]
pub(crate) struct TableRows {
    pub(crate) table: Table,
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u64,
}

impl Rows {
    /// Makes the rows of a rollout in these tables. `bundle` is the name of the bundle's folder or file.
    ///
    /// Payloads are read for the names of tools, and for answers to questions, if their tables are wanted.
    pub fn of(rollout: &Rollout<'_>, bundle: &str, options: Options, tables: &[Table]) -> Self {
        Self::in_tables(&Reduced::of(rollout, bundle, options, tables), tables)
    }

    fn in_tables<'r>(reduced: &'r Reduced<'r>, tables: &[Table]) -> Self {
        let encoded = tables.iter().map(|table| {
            let mut encoder = Encoder::default();
            table.encode(reduced, &mut encoder);
            let (bytes, count) = encoder.finish();
            TableRows { table: *table, bytes, count }
        });
        Self {
            trace_id: reduced.graph.trace_id.to_string(),
            state_hash: reduced.state_hash.clone(),
            rollout_id: reduced.graph.rollout_id.to_string(),
            day: day(reduced.graph.started_at_unix_ms),
            tables: encoded.filter(|rows| rows.count > 0).collect(),
        }
    }

    /// Returns how many rows there are in all tables.
    pub fn count(&self) -> u64 {
        self.tables.iter().map(|rows| rows.count).sum()
    }

    /// Returns the rows of a table, in order. Each has the values of all columns, in the order of the columns.
    pub fn of_table(&self, table: Table) -> impl Iterator<Item = Vec<Value<'_>>> {
        let bytes = self.tables.iter().find(|rows| rows.table == table).map_or(&[][..], |rows| &rows.bytes);
        crate::encoded::rows(bytes, table.schema().columns.len())
    }

    pub(crate) fn tables(&self) -> &[TableRows] {
        &self.tables
    }
}

/// Returns the UTC day of a time. A time that no calendar has is taken for the nearest one that it has.
fn day(at: UnixMillis) -> String {
    let nearest = if at < 0 { Date::constant(1, 1, 1) } else { Date::constant(9999, 12, 31) };
    let date = Timestamp::from_millisecond(at).ok().map(|at| Offset::UTC.to_datetime(at).date());
    date.filter(|date| date.year() >= 1).unwrap_or(nearest).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_any_time() {
        let days = [0, -1, 86_399_999, 86_400_000, 1_767_258_000_000, i64::MAX, i64::MIN, -62_135_596_800_001];
        assert_eq!(
            days.map(day).join(" "),
            "1970-01-01 1969-12-31 1970-01-01 1970-01-02 2026-01-01 9999-12-31 0001-01-01 0001-01-01"
        );
    }
}
