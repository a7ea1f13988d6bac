//! What keeps a statement from doing anything but reading tables, for some time and with some memory.

use std::time::{Duration, Instant};

use rusqlite::{
    Connection, Result,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

/// Bounds on what a statement can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlLimits {
    /// The longest time that it may take.
    pub time: Duration,
    /// The most memory that it may need, besides the tables.
    pub memory: u64,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), memory: 1 << 30 }
    }
}

/// How many instructions of its machine SQLite carries out between two looks at the clock.
const INSTRUCTIONS: i32 = 10_000;

/// The longest statement, in bytes.
const MAX_STATEMENT: i32 = 1 << 20;

/// Functions that reach beyond the database.
const REFUSED: [&str; 5] = ["load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"];

/// Pragmas that describe tables. They change nothing.
const DESCRIBING: [&str; 4] = ["table_info", "table_xinfo", "table_list", "function_list"];

/// Closes a connection to everything but reading its tables, once and for all.
pub(super) fn close(connection: &mut Connection, limits: SqlLimits) -> Result<()> {
    for (config, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    ] {
        connection.set_db_config(config, on)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_STATEMENT)?;
    // Sorting in temporary files would be neither bounded nor private.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "hard_heap_limit", heap(connection, limits)?)?;
    connection.authorizer(Some(authorize))
}

/// Returns how much memory SQLite may use: for the tables, which may be in memory, and for a statement.
fn heap(connection: &Connection, limits: SqlLimits) -> Result<i64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables = number("page_count")?.saturating_mul(number("page_size")?);
    // Each page in memory has a header.
    let tables = tables.saturating_add(tables / 8);
    Ok(i64::try_from(limits.memory).unwrap_or(i64::MAX).saturating_add(tables))
}

/// Interrupts statements that run longer than they may, from now on.
pub(super) fn watch(connection: &mut Connection, limits: SqlLimits) -> Result<()> {
    let end = Instant::now().checked_add(limits.time);
    connection.progress_handler(INSTRUCTIONS, Some(move || end.is_some_and(|end| Instant::now() > end)))
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    let is_allowed = match context.action {
        AuthAction::Select | AuthAction::Recursive | AuthAction::Read { .. } => true,
        AuthAction::Function { function_name } => {
            !REFUSED.iter().any(|refused| function_name.eq_ignore_ascii_case(refused))
        }
        AuthAction::Pragma { pragma_name, .. } => {
            DESCRIBING.iter().any(|describing| pragma_name.eq_ignore_ascii_case(describing))
        }
        _ => false,
    };
    if is_allowed { Authorization::Allow } else { Authorization::Deny }
}
