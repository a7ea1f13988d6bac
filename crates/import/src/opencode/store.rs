//! The database of a store, which is only read.
//!
//! A database is opened as one that nobody changes, so that SQLite writes nothing beside it. What its program has not yet
//! moved from the write-ahead log into the database is read from a copy of both.

use std::{
    fs::{self, File},
    io,
    path::Path,
    time::SystemTime,
};

use rollout_trace_bundle::PayloadError;
use rollout_trace_schema::json_text::check_nesting;
use rusqlite::{Connection, OpenFlags, Row, config::DbConfig, limits::Limit, types::ValueRef};
use tempfile::TempDir;

use super::place::write_ahead_log;
use crate::{Limits, object::Object, sources};

/// How often a database is copied that is written to meanwhile.
const COPIES: usize = 3;

/// A table that is read, with the columns that it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Session,
    Message,
    Part,
}

impl Table {
    pub(super) const ALL: [Self; 3] = [Self::Session, Self::Message, Self::Part];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Message => "message",
            Self::Part => "part",
        }
    }

    fn required(self) -> &'static [&'static str] {
        match self {
            Self::Session => &["id"],
            Self::Message => &["id", "session_id", "data"],
            Self::Part => &["id", "message_id", "data"],
        }
    }
}

/// An open database.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    columns: [Vec<String>; 3],
    max_nesting: usize,
    /// The folder with the copy that is read, if it is one.
    _copy: Option<TempDir>,
}

/// A row of the table of sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionRow {
    pub(super) row: u64,
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) title: Option<String>,
    pub(super) directory: Option<String>,
    pub(super) version: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) model: Option<String>,
    pub(super) revert: Option<String>,
    pub(super) created: Option<i64>,
    pub(super) updated: Option<i64>,
}

/// A row that is read later.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) row: i64,
    pub(super) id: String,
    /// The message that a part is of.
    pub(super) of: String,
    pub(super) created: Option<i64>,
}

/// The rows that could be found, and why no more could.
pub(super) type Found<T> = (Vec<T>, Option<String>);

impl Store {
    /// Opens a database, and its write-ahead log if that has something. Links are refused.
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Self, PayloadError> {
        let failure = |source| PayloadError::Read { path: path.to_owned(), source };
        drop(sources::open(path)?);
        let copy = match write_ahead_log(path).metadata() {
            Ok(log) if log.is_file() && log.len() > 0 => Some(copied(path)?),
            _ => None,
        };
        let connection = match &copy {
            Some(folder) => Connection::open_with_flags(
                folder.path().join(COPY),
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            ),
            None => open_unchanging(path),
        };
        let connection = connection.and_then(|connection| guarded(connection, limits));
        let store = connection.and_then(|connection| {
            let columns = Table::ALL.map(|table| columns(&connection, table));
            let [session, message, part] = columns;
            let columns = [session?, message?, part?];
            Ok(Self { connection, columns, max_nesting: limits.max_nesting, _copy: copy })
        });
        let store = store.map_err(|error| failure(io::Error::other(error.to_string())))?;
        match Table::ALL.into_iter().find_map(|table| store.lacks(table)) {
            None => Ok(store),
            Some(what) => Err(failure(io::Error::other(what))),
        }
    }

    /// Returns what a table lacks without which there are no sessions.
    fn lacks(&self, table: Table) -> Option<String> {
        if self.columns[table as usize].is_empty() {
            return Some(format!("it has no table {:?}", table.name()));
        }
        let missing = table.required().iter().find(|column| !self.has(table, column))?;
        Some(format!("its table {:?} has no column {missing:?}", table.name()))
    }

    fn has(&self, table: Table, column: &str) -> bool {
        self.columns[table as usize].iter().any(|known| known == column)
    }

    /// Returns the name of a column for a query, which is NULL if the table does not have it.
    fn column(&self, table: Table, name: &'static str) -> String {
        if self.has(table, name) { format!("\"{name}\"") } else { "NULL".to_owned() }
    }

    /// Returns the rows of sessions that fit a condition.
    fn sessions_with(&self, condition: &str, values: &[&str]) -> Found<SessionRow> {
        let names = [
            "id",
            "parent_id",
            "title",
            "directory",
            "version",
            "agent",
            "model",
            "revert",
            "time_created",
            "time_updated",
        ];
        let columns = names.map(|name| self.column(Table::Session, name)).join(", ");
        self.rows(&format!("SELECT rowid, {columns} FROM session {condition}"), values, |row| {
            Some(SessionRow {
                row: row.get::<_, i64>(0).ok().and_then(|row| row.try_into().ok()).unwrap_or_default(),
                id: text(row, 1).filter(|id| !id.is_empty())?,
                parent: text(row, 2).filter(|parent| !parent.is_empty()),
                title: text(row, 3),
                directory: text(row, 4),
                version: text(row, 5).filter(|version| !version.is_empty()),
                agent: text(row, 6),
                model: text(row, 7),
                revert: text(row, 8),
                created: row.get(9).ok(),
                updated: row.get(10).ok(),
            })
        })
    }

    /// Returns all sessions.
    pub(super) fn sessions(&self) -> Found<SessionRow> {
        let (indexed, problem) = self.sessions_with("", &[]);
        if problem.is_none() {
            return (indexed, None);
        }
        let (scanned, _) = self.sessions_with("NOT INDEXED", &[]);
        (if scanned.len() > indexed.len() { scanned } else { indexed }, problem)
    }

    /// Returns a session.
    pub(super) fn session(&self, id: &str) -> Option<SessionRow> {
        self.sessions_with("WHERE id = ?1 LIMIT 1", &[id]).0.pop()
    }

    /// Returns the sessions that a session has started.
    pub(super) fn children(&self, id: &str) -> Vec<SessionRow> {
        match self.has(Table::Session, "parent_id") {
            true => self.sessions_with("WHERE parent_id = ?1 ORDER BY id", &[id]).0,
            false => Vec::new(),
        }
    }

    /// Returns the messages of a session in their order.
    pub(super) fn messages(&self, session: &str) -> Found<Listed> {
        let created = self.column(Table::Message, "time_created");
        let (mut found, problem) =
            self.list(&format!("rowid, id, NULL, {created}"), Table::Message, "session_id = ?1", session);
        found.sort_by(|left, right| (left.created, &left.id, left.row).cmp(&(right.created, &right.id, right.row)));
        (found, problem)
    }

    /// Returns the parts of a session's messages in their order.
    pub(super) fn parts(&self, session: &str) -> Found<Listed> {
        let condition = match self.has(Table::Part, "session_id") {
            true => "session_id = ?1",
            false => "message_id IN (SELECT id FROM message WHERE session_id = ?1)",
        };
        let (mut found, problem) = self.list("rowid, id, message_id, NULL", Table::Part, condition, session);
        found.sort_by(|left, right| (&left.id, left.row).cmp(&(&right.id, right.row)));
        (found, problem)
    }

    /// Lists rows by an index or, if that is damaged, without one.
    fn list(&self, columns: &str, table: Table, condition: &str, session: &str) -> Found<Listed> {
        let list = |how: &str| {
            let query = format!("SELECT {columns} FROM {} {how} WHERE {condition}", table.name());
            self.rows(&query, &[session], |row| {
                let id = text(row, 1).unwrap_or_default();
                Some(Listed {
                    row: row.get(0).ok()?,
                    id,
                    of: text(row, 2).unwrap_or_default(),
                    created: row.get(3).ok(),
                })
            })
        };
        let (indexed, problem) = list("");
        if problem.is_none() {
            return (indexed, None);
        }
        let (scanned, _) = list("NOT INDEXED");
        (if scanned.len() > indexed.len() { scanned } else { indexed }, problem)
    }

    fn rows<T>(&self, query: &str, values: &[&str], mut read: impl FnMut(&Row<'_>) -> Option<T>) -> Found<T> {
        let mut found = Vec::new();
        let result = self.connection.prepare_cached(query).and_then(|mut statement| {
            let mut rows = statement.query(rusqlite::params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                found.extend(read(row));
            }
            Ok(())
        });
        (found, result.err().map(|error| error.to_string()))
    }

    /// Returns the object in a row, as its text, or what is wrong with the row.
    pub(super) fn data(&self, table: Table, row: i64) -> Result<String, String> {
        let query = format!("SELECT data FROM {} WHERE rowid = ?1", table.name());
        let read = self
            .connection
            .prepare_cached(&query)
            .and_then(|mut statement| statement.query_row([row], |row| Ok(text(row, 0).unwrap_or_default())));
        let text = read.map_err(|error| format!("the row cannot be read: {error}; it is lost"))?;
        check_nesting(text.as_bytes(), self.max_nesting)
            .map_err(|error| format!("the row cannot be read: {error}; it is lost"))?;
        match Object::parse(&text) {
            Some(_) => Ok(text),
            None => Err("the row is not a JSON object; it is lost".to_owned()),
        }
    }

    /// Returns whether the parts of a session's first message can be found without reading whole tables.
    pub(super) fn is_indexed(&self) -> bool {
        let query = "SELECT count(DISTINCT tbl_name) FROM sqlite_master AS m, pragma_index_info(m.name) AS i \
                     WHERE m.type = 'index' AND i.seqno = 0 AND (m.tbl_name = 'message' AND i.name = 'session_id' \
                     OR m.tbl_name = 'part' AND i.name = 'message_id')";
        self.connection.query_row(query, [], |row| row.get::<_, i64>(0)).is_ok_and(|count| count == 2)
    }

    /// Returns the first parts of a session's first message.
    pub(super) fn first_parts(&self, session: &str) -> Vec<String> {
        if !self.has(Table::Message, "time_created") {
            return Vec::new();
        }
        let query = "SELECT data FROM part WHERE message_id = \
                     (SELECT id FROM message WHERE session_id = ?1 ORDER BY time_created, id LIMIT 1) ORDER BY id LIMIT 4";
        self.rows(query, &[session], |row| text(row, 0)).0
    }
}

/// The name of a copy.
const COPY: &str = "store.db";

/// Copies a database and its write-ahead log to a folder that only its owner can read. The program may write meanwhile: a
/// database that did not change while both were copied fits its log.
fn copied(path: &Path) -> Result<TempDir, PayloadError> {
    let failure = |source| PayloadError::Read { path: path.to_owned(), source };
    let state = || path.metadata().map(|data| (data.len(), data.modified().unwrap_or(SystemTime::UNIX_EPOCH)));
    let folder = tempfile::tempdir().map_err(failure)?;
    let target = folder.path().join(COPY);
    for _ in 0..COPIES {
        let before = state().map_err(failure)?;
        copy(path, &target)?;
        let (log, log_target) = (write_ahead_log(path), write_ahead_log(&target));
        match copy(&log, &log_target) {
            Err(PayloadError::Missing { .. }) => fs::write(&log_target, []).map_err(failure)?,
            copied => copied?,
        }
        if state().map_err(failure)? == before {
            return Ok(folder);
        }
    }
    Err(failure(io::Error::other("the database is written to all the time; try again")))
}

fn copy(from: &Path, to: &Path) -> Result<(), PayloadError> {
    let mut file = sources::open(from)?;
    let copied = File::create(to).and_then(|mut target| io::copy(&mut file, &mut target));
    copied.map(drop).map_err(|source| PayloadError::Read { path: from.to_owned(), source })
}

/// Opens a database as one that nobody changes: nothing is written, not even a lock.
pub(super) fn open_unchanging(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let bytes = absolute.as_os_str().as_encoded_bytes();
    if !bytes.starts_with(b"/") {
        uri.push_str("///");
    }
    for byte in bytes {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b':' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(uri, flags)
}

/// Keeps a database from being more than tables that are read. One that was cut is read as far as it goes, which SQLite
/// refuses unless the schema is said to be writable; nothing is written.
fn guarded(connection: Connection, limits: Limits) -> rusqlite::Result<Connection> {
    for (config, on) in [
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    ] {
        connection.set_db_config(config, on)?;
    }
    let longest = i32::try_from(limits.max_payload_bytes).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Returns the names of a table's columns, none if there is no such table.
fn columns(connection: &Connection, table: Table) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT lower(name) FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table.name()], |row| row.get(0))?;
    names.collect()
}

/// Returns a value that is text or can be read as such.
fn text(row: &Row<'_>, place: usize) -> Option<String> {
    match row.get_ref(place).ok()? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Null | ValueRef::Real(_) => None,
    }
}
