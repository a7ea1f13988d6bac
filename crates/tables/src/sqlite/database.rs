//! A database with the tables of rollouts.

use std::{
    collections::{BTreeSet, HashSet},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Transaction,
    hooks::{AuthAction, AuthContext, Authorization},
    types::{ToSqlOutput, ValueRef},
};
use thiserror::Error;

use super::{
    guard::{self, SqlLimits},
    layout::{self, SOURCES},
};
use crate::{Added, Options, Rows, Table, value::Value};

/// Why a database cannot be used, or a statement not be carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The file is a database of another program, or no database.
    #[error("the file is no database of rollouts")]
    Foreign,
    /// The file has the tables of another version.
    #[error("the file has the tables of another version of the program")]
    OtherVersion,
    /// The statement does more than read tables.
    #[error("the statement does more than read tables")]
    Refused,
    /// There are several statements.
    #[error("there are several statements")]
    Several,
    /// There is no statement.
    #[error("there is no statement")]
    Empty,
    /// The statement took longer than it may.
    #[error("the statement takes longer than {} s", .0.as_secs())]
    TooLong(Duration),
    /// The statement needs more memory than it may.
    #[error("the statement needs more memory than {0} bytes")]
    TooLarge(u64),
    /// Another error of SQLite, which its text describes.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::MultipleStatement => Self::Several,
            rusqlite::Error::Empty => Self::Empty,
            error => match error.sqlite_error_code() {
                Some(ErrorCode::AuthorizationForStatementDenied | ErrorCode::ReadOnly) => Self::Refused,
                Some(ErrorCode::NotADatabase) => Self::Foreign,
                _ => Self::Sqlite(error),
            },
        }
    }
}

/// A value of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text. What is not UTF-8 in it cannot be text, and is [`Cell::Bytes`].
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> From<ValueRef<'a>> for Cell<'a> {
    fn from(value: ValueRef<'a>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => std::str::from_utf8(text).map_or(Self::Bytes(text), Self::Text),
            ValueRef::Blob(bytes) => Self::Bytes(bytes),
        }
    }
}

/// The tables of rollouts in SQLite, in memory or in a file.
///
/// First, rows are inserted; then statements are asked, which can only read the tables. See [`SqlLimits`].
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    known: HashSet<(String, String)>,
    limits: Option<SqlLimits>,
}

impl Database {
    /// Makes a database in memory.
    ///
    /// # Errors
    ///
    /// There is not enough memory.
    pub fn in_memory() -> Result<Self, SqlError> {
        let connection = Connection::open_in_memory()?;
        layout::create(&connection)?;
        Ok(Self { connection, known: HashSet::new(), limits: None })
    }

    /// Opens the database in a file, or makes it if there is no file or an empty one.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or written, or has something else than the tables of this version.
    pub fn open(path: &Path) -> Result<Self, SqlError> {
        make_private(path);
        let mut connection = Connection::open(path)?;
        let number =
            |connection: &Connection, name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        if number(&connection, "page_count")? == 0 {
            let transaction = connection.transaction()?;
            layout::create(&transaction)?;
            layout::create_in_file(&transaction)?;
            transaction.commit()?;
        } else if number(&connection, "application_id")? != i64::from(layout::APPLICATION_ID) {
            return Err(SqlError::Foreign);
        } else if number(&connection, "user_version")? != layout::user_version() {
            return Err(SqlError::OtherVersion);
        }
        let known = connection
            .prepare("SELECT trace_id, state_hash FROM rollouts")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { connection, known, limits: None })
    }

    /// Returns the tables that a statement reads, so that no others need be filled. Returns all if it is wrong, or looks at
    /// the schema.
    pub fn tables_read_by(&mut self, sql: &str) -> Result<Vec<Table>, SqlError> {
        let read: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let noting = Arc::clone(&read);
        self.connection.authorizer(Some(move |context: AuthContext<'_>| {
            if let AuthAction::Read { table_name, .. } = context.action {
                noting.lock().unwrap_or_else(PoisonError::into_inner).insert(table_name.to_owned());
            }
            Authorization::Allow
        }))?;
        let prepared = self.connection.prepare(sql).map(drop);
        self.connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
        prepared?;
        let read = read.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Table::ALL.iter().copied().filter(|table| read.contains(table.schema().name)).collect())
    }

    /// Inserts the rows of a rollout, unless the database has the same graph of the same bundle already.
    ///
    /// # Errors
    ///
    /// They cannot be written. Then none of them are.
    pub fn insert(&mut self, rows: &Rows) -> Result<Added, SqlError> {
        let key = (rows.trace_id.clone(), rows.state_hash.clone());
        if self.known.contains(&key) {
            return Ok(Added::Known);
        }
        let transaction = self.connection.transaction()?;
        insert(&transaction, rows)?;
        transaction.commit()?;
        self.known.insert(key);
        Ok(Added::New)
    }

    /// Returns whether the database has the rows of what is at a path, as its stamp says that it is now.
    pub fn is_current(&self, path: &str, stamp: &str, options: Options) -> Result<bool, SqlError> {
        let query = format!("SELECT stamp FROM {SOURCES} WHERE path = ?1");
        let known: Option<String> = self.connection.query_row(&query, [path], |row| row.get(0)).optional()?;
        Ok(known.is_some_and(|known| known == with_options(stamp, options)))
    }

    /// Puts the rows of what is at a path in the place of those that were read from there before.
    ///
    /// # Errors
    ///
    /// They cannot be written. Then those from before remain.
    pub fn refresh(&mut self, path: &str, stamp: &str, options: Options, rows: &Rows) -> Result<(), SqlError> {
        let transaction = self.connection.transaction()?;
        let query = format!("SELECT trace_id, state_hash FROM {SOURCES} WHERE path = ?1");
        let old: Option<(String, String)> =
            transaction.query_row(&query, [path], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        transaction.execute(&format!("DELETE FROM {SOURCES} WHERE path = ?1"), [path])?;
        if let Some((trace_id, state_hash)) = &old {
            let query = format!("SELECT count(*) FROM {SOURCES} WHERE trace_id = ?1 AND state_hash = ?2");
            let others: i64 = transaction.query_row(&query, [trace_id, state_hash], |row| row.get(0))?;
            if others == 0 {
                remove(&transaction, trace_id, state_hash)?;
            }
        }
        let stamp = with_options(stamp, options);
        let source = format!("INSERT INTO {SOURCES} VALUES (?1, ?2, ?3, ?4)");
        transaction.execute(&source, [path, &stamp, &rows.trace_id, &rows.state_hash])?;
        // Another path may have the same, perhaps with more or less content: the rows that were read last count.
        remove(&transaction, &rows.trace_id, &rows.state_hash)?;
        insert(&transaction, rows)?;
        transaction.commit()?;
        Ok(())
    }

    /// Ends the filling: from now on, the tables can only be read, within the limits.
    ///
    /// # Errors
    ///
    /// SQLite takes no limits.
    pub fn close(&mut self, limits: SqlLimits) -> Result<(), SqlError> {
        guard::close(&mut self.connection, limits)?;
        self.limits = Some(limits);
        Ok(())
    }

    /// Asks a statement. Calls `head` with the names of its columns, and `each` with each row of the answer.
    ///
    /// # Errors
    ///
    /// The statement is wrong, refused, or exceeds a limit, or what is called returns an error.
    pub fn ask<E: From<SqlError>>(
        &mut self,
        sql: &str,
        head: impl FnOnce(Vec<String>) -> Result<(), E>,
        mut each: impl FnMut(&[Cell<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.limits.is_none() {
            self.close(SqlLimits::default())?;
        }
        let limits = self.limits.unwrap_or_default();
        let located = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => SqlError::TooLong(limits.time),
            Some(ErrorCode::OutOfMemory) => SqlError::TooLarge(limits.memory),
            _ => error.into(),
        };
        guard::watch(&mut self.connection, limits).map_err(located)?;
        let mut statement = self.connection.prepare(sql).map_err(located)?;
        if !statement.readonly() {
            return Err(SqlError::Refused.into());
        }
        let names: Vec<_> = statement.column_names().map(str::to_owned).collect();
        let count = names.len();
        head(names)?;
        let mut rows = statement.query([]).map_err(located)?;
        while let Some(row) = rows.next().map_err(located)? {
            let mut cells = Vec::with_capacity(count);
            for place in 0..count {
                cells.push(Cell::from(row.get_ref(place).map_err(located)?));
            }
            each(&cells)?;
        }
        Ok(())
    }
}

/// Makes a file that only its owner can read, unless there is one. SQLite gives files that it makes beside it the same
/// permissions.
fn make_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // SQLite reports what is wrong with the path.
    drop(options.open(path));
}

fn with_options(stamp: &str, options: Options) -> String {
    format!("{}\n{}\n{stamp}", options.content.as_str(), options.max_text)
}

fn remove(transaction: &Transaction<'_>, trace_id: &str, state_hash: &str) -> rusqlite::Result<()> {
    for table in Table::ALL {
        let name = table.schema().name;
        let mut statement =
            transaction.prepare_cached(&format!("DELETE FROM \"{name}\" WHERE trace_id = ?1 AND state_hash = ?2"))?;
        statement.execute([trace_id, state_hash])?;
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, rows: &Rows) -> rusqlite::Result<()> {
    for table in rows.tables() {
        let schema = table.table.schema();
        let places = vec!["?"; schema.columns.len()].join(", ");
        let mut statement =
            transaction.prepare_cached(&format!("INSERT INTO \"{}\" VALUES ({places})", schema.name))?;
        for row in crate::encoded::rows(&table.bytes, schema.columns.len()) {
            statement.execute(rusqlite::params_from_iter(row))?;
        }
    }
    Ok(())
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Flag(flag) => ValueRef::Integer((*flag).into()),
        }))
    }
}
