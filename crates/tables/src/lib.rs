//! Rollouts as flat tables.
//!
//! A graph says what happened in one rollout. Tables say it of many, for engines that read tables: DuckDB, DataFusion,
//! Polars, Spark, SQLite. They add no interpretation. Every table begins with the key `trace_id`, `state_hash`,
//! `rollout_id`; tables are joined on the first two.
//!
//! Each [`Table`] is declared once, column by column, with what its values mean and how they are got from a graph. Its
//! [`Schema`], its rows in every form and its documentation follow from that.
//!
//! The [`Rows`] of a rollout are made on any OS thread. A [`DatasetWriter`] writes those of many rollouts into files by table
//! and day, as NDJSON or Parquet. A [`Database`] keeps them in SQLite, and is asked there.
//!
//! Columns are only ever added, at the end of a table. A change of meaning would be another [`MAPPING`], in another folder.

#![forbid(unsafe_code)]

mod column;
mod content;
mod dataset;
mod encoded;
mod hash;
mod lookups;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet_file;
mod questions;
mod reduced;
mod rows;
mod runs;
#[cfg(feature = "sqlite")]
mod sqlite;
mod table;
mod tables;
mod value;

pub use column::{Column, ColumnType};
pub use content::{Content, Options};
pub use dataset::{Added, DatasetError, DatasetWriter, Format, Written};
pub use hash::state_hash;
pub use rows::Rows;
#[cfg(feature = "sqlite")]
pub use sqlite::{Cell, Database, SqlError, SqlLimits};
pub use table::{Schema, Table};
pub use value::Value;

/// The version of what the columns mean.
pub const MAPPING: i64 = 1;
