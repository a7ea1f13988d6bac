//! The raw event log.

use std::{collections::BTreeMap, ops::Range};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    columns::{Deltas, PayloadColumn, Words, WordsBuilder},
    view::{View, seq},
};

/// A piece of the raw event log, with damage in its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Events {
    /// The first row of this piece among all rows.
    pub from: usize,
    /// How many rows there are altogether.
    pub rows: usize,
    /// The sequence numbers. A row for damage has one if it concerns one event.
    pub seq: Deltas,
    /// The lines of the log.
    pub line: Deltas,
    /// When each was recorded, on the time axis.
    pub at: Deltas,
    /// The types, or `damage`.
    pub kind: Words,
    /// The agents.
    pub agent: Deltas,
    /// The turns.
    pub turn: Deltas,
    /// The first payload that each names.
    pub payload: PayloadColumn,
    /// How many payloads each names.
    pub payloads: Vec<u32>,
    /// What is damaged, for people, by place in this piece.
    pub damage: BTreeMap<usize, String>,
}

/// One raw event.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RawEventText {
    /// The sequence number.
    pub seq: u64,
    /// The event as JSON with line breaks.
    pub text: String,
    /// The payloads that it names.
    pub payloads: PayloadColumn,
}

impl Events {
    /// Returns these rows of the log.
    pub(crate) fn of(view: &View<'_, '_>, rows: Range<usize>) -> Self {
        let log = &view.log.rows;
        let rows = rows.start.min(log.len())..rows.end.clamp(rows.start.min(log.len()), log.len());
        let mut table = Self { from: rows.start, rows: log.len(), ..Self::default() };
        let mut kind = WordsBuilder::default();
        for (place, row) in log[rows].iter().enumerate() {
            table.seq.push(row.seq.map(seq));
            table.line.push(row.line.and_then(|line| i64::try_from(line).ok()));
            table.at.push(row.at.map(|at| view.ms(at)));
            kind.push(Some(&row.kind));
            table.agent.push(row.thread.as_ref().and_then(|thread| view.agent(thread)));
            table.turn.push(view.turn(row.turn.as_ref()));
            table.payload.push(row.payload.as_ref());
            table.payloads.push(row.payloads);
            table.damage.extend(row.damage.as_ref().map(|damage| (place, damage.clone())));
        }
        Self { kind: kind.finish(), ..table }
    }
}
