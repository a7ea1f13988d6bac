//! Columns, and the declaration of a table from which its schema and its rows follow.

use std::borrow::Cow;

use rollout_trace_model::{Durations, Execution};

use crate::{
    reduced::{Of, Reduced},
    value::{Value, signed},
};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// A signed 64-bit integer.
    Integer,
    /// True or false.
    Flag,
    /// A time: microseconds since 1970 (UTC) as a signed 64-bit integer.
    Time,
}

impl ColumnType {
    /// Returns the name of the type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Flag => "boolean",
            Self::Time => "timestamp",
        }
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name of the column.
    pub name: &'static str,
    /// The type of the values.
    pub kind: ColumnType,
    /// Whether values can be null.
    pub nullable: bool,
    /// What the values mean.
    pub meaning: &'static str,
}

/// How the value of a column is got from what a row is about. The type and nullability of the column follow from it.
pub(crate) enum Get<R> {
    Text(fn(&R) -> Cow<'_, str>),
    TextOrNull(fn(&R) -> Option<Cow<'_, str>>),
    Name(fn(&R) -> Cow<'_, str>),
    NameOrNull(fn(&R) -> Option<Cow<'_, str>>),
    Integer(fn(&R) -> i64),
    IntegerOrNull(fn(&R) -> Option<i64>),
    Flag(fn(&R) -> bool),
    FlagOrNull(fn(&R) -> Option<bool>),
    Time(fn(&R) -> i64),
    TimeOrNull(fn(&R) -> Option<i64>),
}

impl<R> Get<R> {
    fn kind(&self) -> (ColumnType, bool) {
        match self {
            Self::Text(_) | Self::Name(_) => (ColumnType::Text, false),
            Self::TextOrNull(_) | Self::NameOrNull(_) => (ColumnType::Text, true),
            Self::Integer(_) => (ColumnType::Integer, false),
            Self::IntegerOrNull(_) => (ColumnType::Integer, true),
            Self::Flag(_) => (ColumnType::Flag, false),
            Self::FlagOrNull(_) => (ColumnType::Flag, true),
            Self::Time(_) => (ColumnType::Time, false),
            Self::TimeOrNull(_) => (ColumnType::Time, true),
        }
    }

    fn value<'r>(&self, row: &'r R) -> Value<'r> {
        match self {
            Self::Text(get) => get(row).into(),
            Self::TextOrNull(get) => get(row).into(),
            Self::Name(get) => cut(get(row)).into(),
            Self::NameOrNull(get) => get(row).map(cut).into(),
            Self::Integer(get) => get(row).into(),
            Self::IntegerOrNull(get) => get(row).into(),
            Self::Flag(get) => get(row).into(),
            Self::FlagOrNull(get) => get(row).into(),
            Self::Time(get) => micros(get(row)).into(),
            Self::TimeOrNull(get) => get(row).map(micros).into(),
        }
    }
}

/// The most bytes that are kept of a name that a model may have chosen.
const MAX_NAME: usize = 128;

/// Cuts a name that a model may have chosen.
fn cut(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => name[..name.floor_char_boundary(MAX_NAME)].into(),
        Cow::Owned(mut name) => {
            name.truncate(name.floor_char_boundary(MAX_NAME));
            name.into()
        }
    }
}

/// Returns a time in milliseconds in microseconds.
fn micros(millis: i64) -> i64 {
    millis.saturating_mul(1000)
}

/// The declaration of a table: how each column of its rows is got from an `R`. Its schema follows from it, too.
pub(crate) struct Declared<R> {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) key: &'static [&'static str],
    columns: Vec<(Column, Get<R>)>,
}

macro_rules! adders {
    ($($method:ident = $variant:ident($returns:ty);)+) => {$(
        pub(crate) fn $method(self, name: &'static str, meaning: &'static str, get: fn(&R) -> $returns) -> Self {
            self.with(name, meaning, Get::$variant(get))
        }
    )+};
}

impl<R> Declared<R> {
    fn with(mut self, name: &'static str, meaning: &'static str, get: Get<R>) -> Self {
        let (kind, nullable) = get.kind();
        self.columns.push((Column { name, kind, nullable, meaning }, get));
        self
    }

    adders! {
        text = Text(Cow<'_, str>);
        text_or_null = TextOrNull(Option<Cow<'_, str>>);
        name = Name(Cow<'_, str>);
        name_or_null = NameOrNull(Option<Cow<'_, str>>);
        integer = Integer(i64);
        integer_or_null = IntegerOrNull(Option<i64>);
        flag = Flag(bool);
        flag_or_null = FlagOrNull(Option<bool>);
        time = Time(i64);
        time_or_null = TimeOrNull(Option<i64>);
    }

    /// Returns the columns.
    pub(crate) fn columns(&self) -> Vec<Column> {
        self.columns.iter().map(|(column, _)| *column).collect()
    }

    /// Calls `take` with each value of a row, in the order of the columns.
    pub(crate) fn values(&self, row: &R, mut take: impl FnMut(Value<'_>)) {
        self.columns.iter().for_each(|(_, get)| take(get.value(row)));
    }
}

impl<R: Keyed> Declared<R> {
    /// Begins a table. `key` are the columns that, with trace_id and state_hash, are different in each row.
    pub(crate) fn new(name: &'static str, meaning: &'static str, key: &'static [&'static str]) -> Self {
        Self { name, meaning, key, columns: Vec::new() }
            .text("trace_id", "The id of the bundle. Tables are joined on this and state_hash.", |row| {
                row.reduced().graph.trace_id.as_str().into()
            })
            .text("state_hash", "The first 16 hexadecimal digits of the SHA-256 of the graph.", |row| {
                row.reduced().state_hash.as_str().into()
            })
            .text("rollout_id", "The id of the rollout.", |row| row.reduced().graph.rollout_id.as_str().into())
    }
}

impl<T: Executed> Declared<Of<'_, T>> {
    /// Adds when and how something ran.
    pub(crate) fn execution(self) -> Self {
        self.name("status", "How it ended, or `running`.", |row| row.it.execution().status.as_str().into())
            .time_or_null("started_at", "When it started; null if its start is lost.", |row| {
                row.started().map(|execution| execution.started_at_unix_ms)
            })
            .time_or_null("ended_at", "When it ended; null if it did not, or its end is lost.", |row| {
                row.it.execution().ended_at_unix_ms
            })
            .integer_or_null("started_seq", "The event of the start; null if it is lost.", |row| {
                row.started().map(|execution| signed(execution.started_seq))
            })
            .integer_or_null("ended_seq", "The event of the end; null if there is none.", |row| {
                row.it.execution().ended_seq.map(signed)
            })
            .integer_or_null(
                "started_us",
                "The start by the clock that keeps the order of events, in microseconds since 1970.",
                |row| row.started().map(|execution| row.reduced.clock.start(execution)),
            )
            .integer_or_null("ended_us", "The end by that clock.", |row| row.reduced.clock.end(row.it.execution()))
    }
}

impl<T: Timed> Declared<Of<'_, T>> {
    /// Adds how long work took.
    pub(crate) fn durations(self) -> Self {
        self.integer("inference_ms", "Milliseconds in which an inference call ran.", |row| {
            signed(row.it.durations().inference_ms)
        })
        .integer("tool_ms", "Milliseconds in which a tool call ran.", |row| signed(row.it.durations().tool_ms))
        .integer("code_cell_ms", "Milliseconds in which a code cell ran.", |row| {
            signed(row.it.durations().code_cell_ms)
        })
        .integer("compaction_ms", "Milliseconds in which a request for a compaction ran.", |row| {
            signed(row.it.durations().compaction_ms)
        })
        .integer("any_ms", "Milliseconds in which any of these ran.", |row| signed(row.it.durations().any_ms))
    }
}

/// What a row of a table is about, as part of a rollout.
pub(crate) trait Keyed {
    fn reduced(&self) -> &Reduced<'_>;
}

impl<T> Keyed for Of<'_, T> {
    fn reduced(&self) -> &Reduced<'_> {
        self.reduced
    }
}

impl<T, U> Keyed for (Of<'_, T>, U) {
    fn reduced(&self) -> &Reduced<'_> {
        self.0.reduced
    }
}

impl<T: Executed> Of<'_, T> {
    /// Returns the execution if its start was observed.
    fn started(&self) -> Option<&Execution> {
        Some(self.it.execution()).filter(|execution| !execution.start_unobserved)
    }
}

/// What ran.
pub(crate) trait Executed {
    fn execution(&self) -> &Execution;
}

/// What worked.
pub(crate) trait Timed {
    fn durations(&self) -> &Durations;
}

macro_rules! implemented {
    ($trait:ident $method:ident $returns:ident $field:ident: $($type:ident)+) => {$(
        impl $trait for rollout_trace_model::$type {
            fn $method(&self) -> &$returns {
                &self.$field
            }
        }
    )+};
}

implemented!(Executed execution Execution execution:
    AgentThread CodexTurn InferenceCall ToolCall CodeCell TerminalOperation);
implemented!(Timed durations Durations durations: AgentThread CodexTurn);
