//! The tables and views of a database.

use rusqlite::Connection;

use crate::{ColumnType, Schema, Table};

/// What makes a file one of ours: the bytes `rotr`.
pub(super) const APPLICATION_ID: i32 = 0x726f_7472;

/// The version of this layout. Together with the version of the tables, it is the `user_version` of a file.
const LAYOUT: i64 = 1;

/// Returns the `user_version` of a file.
pub(super) fn user_version() -> i64 {
    crate::MAPPING * 100 + LAYOUT
}

/// The table of what was read into a file.
pub(super) const SOURCES: &str = "_sources";

/// Makes the tables, and the views of their live rows.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    let mut script = String::new();
    script.extend(Table::ALL.iter().map(|table| table.schema().statement()));
    // A recording may have been read more than once while it grew. The rows that are live are those of the reading that
    // saw most of it.
    script += "CREATE VIEW live AS SELECT trace_id, state_hash FROM (SELECT trace_id, state_hash, row_number() OVER \
        (PARTITION BY trace_id ORDER BY last_seq DESC, state_hash) AS n FROM rollouts) WHERE n = 1;\n";
    for table in Table::ALL {
        let name = table.schema().name;
        script += &format!(
            "CREATE VIEW live_{name} AS SELECT t.* FROM \"{name}\" t JOIN live l \
            ON l.trace_id = t.trace_id AND l.state_hash = t.state_hash;\n"
        );
    }
    connection.execute_batch(&script)
}

/// Makes what only a file has: what was read into it, and indexes.
pub(super) fn create_in_file(connection: &Connection) -> rusqlite::Result<()> {
    let mut script = format!(
        "CREATE TABLE {SOURCES} (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, trace_id TEXT NOT NULL, \
        state_hash TEXT NOT NULL) STRICT;\n"
    );
    for table in Table::ALL {
        let name = table.schema().name;
        script += &format!("CREATE INDEX \"{name}_of\" ON \"{name}\" (trace_id, state_hash);\n");
    }
    script += &format!("PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {};\n", user_version());
    connection.execute_batch(&script)
}

impl Schema {
    /// Returns the statement that makes the table, with what its columns mean in comments.
    pub fn statement(&self) -> String {
        let mut statement = format!("-- {}\nCREATE TABLE {} (\n", self.meaning, self.name);
        for (place, column) in self.columns.iter().enumerate() {
            let kind = match column.kind {
                ColumnType::Text => "TEXT",
                ColumnType::Integer | ColumnType::Flag | ColumnType::Time => "INTEGER",
            };
            let null = if column.nullable { "" } else { " NOT NULL" };
            let comma = if place + 1 < self.columns.len() { "," } else { "" };
            statement += &format!("  {} {kind}{null}{comma} -- {}\n", column.name, column.meaning);
        }
        statement + ") STRICT;\n"
    }
}
