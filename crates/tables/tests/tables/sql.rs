//! Tables in SQLite.

use std::{path::Path, time::Duration};

use rollout_trace_tables::{Added, Cell, Content, Database, Options, SqlError, SqlLimits, Table};

use crate::support::{SAMPLE, recorded, rows};

/// Returns the answer to a statement, as text.
fn ask(database: &mut Database, sql: &str) -> Result<String, SqlError> {
    let mut text = String::new();
    database.ask::<SqlError>(
        sql,
        |_| Ok(()),
        |row| {
            let cells = row.iter().map(|cell| match cell {
                Cell::Null => "-".to_owned(),
                Cell::Integer(number) => number.to_string(),
                Cell::Real(number) => number.to_string(),
                Cell::Text(text) => (*text).to_owned(),
                Cell::Bytes(bytes) => format!("{} bytes", bytes.len()),
            });
            text += &(cells.collect::<Vec<_>>().join(" ") + "\n");
            Ok(())
        },
    )?;
    Ok(text)
}

fn filled() -> Database {
    let mut database = Database::in_memory().unwrap();
    database.insert(&rows(Path::new(SAMPLE), Options::default())).unwrap();
    database.insert(&rows(recorded(1).path(), Options::default())).unwrap();
    database
}

#[test]
fn rows_are_asked() {
    let mut database = filled();
    let counts = "SELECT count(*), sum(request_items) = (SELECT sum(calls) FROM item_runs) FROM inference_calls";
    assert_eq!(ask(&mut database, counts).unwrap(), "35 1\n");
    let text = "SELECT bundle, recording_complete, NULL, 0.5 FROM rollouts WHERE trace_id = 'trace-sample'";
    assert_eq!(ask(&mut database, text).unwrap(), "bundle 1 - 0.5\n");
}

#[test]
fn a_graph_counts_once() {
    let mut database = Database::in_memory().unwrap();
    let rows = rows(Path::new(SAMPLE), Options::default());
    assert_eq!((database.insert(&rows).unwrap(), database.insert(&rows).unwrap()), (Added::New, Added::Known));
    assert_eq!(ask(&mut database, "SELECT count(*) FROM rollouts").unwrap(), "1\n");
}

#[test]
fn statements_say_which_tables_they_read() {
    let mut database = Database::in_memory().unwrap();
    let mut tables = |sql| database.tables_read_by(sql).unwrap();
    assert_eq!(tables("SELECT 1"), []);
    assert_eq!(tables("SELECT count(*) FROM items"), [Table::Items]);
    assert_eq!(tables("SELECT * FROM live_turns"), [Table::Rollouts, Table::Turns]);
    assert_eq!(
        tables("WITH x AS (SELECT item_id FROM Items) SELECT * FROM x JOIN \"blame\""),
        [Table::Items, Table::Blame]
    );
}

/// A statement reads tables, and does nothing else.
#[test]
fn nothing_but_reading() {
    let mut database = filled();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file").display().to_string();
    std::fs::write(&file, "here").unwrap();
    for refused in [
        "DELETE FROM rollouts",
        "DROP TABLE rollouts",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "CREATE VIRTUAL TABLE x USING fts5(y)",
        "INSERT INTO rollouts SELECT * FROM rollouts",
        "UPDATE rollouts SET bundle = ''",
        "BEGIN",
        "PRAGMA query_only = 0",
        "PRAGMA hard_heap_limit = 0",
        "PRAGMA temp_store_directory = '/'",
        "PRAGMA writable_schema = 1",
        "VACUUM",
        "ANALYZE",
        "SELECT load_extension('x')",
        &format!("ATTACH '{file}' AS x"),
        &format!("VACUUM INTO '{file}2'"),
        &format!("SELECT readfile('{file}')"),
        &format!("SELECT writefile('{file}', 'x')"),
        "SELECT * FROM pragma_database_list",
    ] {
        assert!(ask(&mut database, refused).is_err(), "{refused}");
    }
    assert!(matches!(ask(&mut database, "SELECT 1; SELECT 2"), Err(SqlError::Several)));
    assert!(matches!(ask(&mut database, " -- nothing"), Err(SqlError::Empty)));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "here");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(ask(&mut database, "SELECT count(*) FROM rollouts").unwrap(), "2\n");
    assert!(ask(&mut database, "SELECT name FROM pragma_table_info('rollouts')").unwrap().starts_with("trace_id\n"));
}

#[test]
fn time_is_bounded() {
    let mut database = filled();
    database.close(SqlLimits { time: Duration::from_millis(50), ..SqlLimits::default() }).unwrap();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    assert!(matches!(ask(&mut database, endless), Err(SqlError::TooLong(_))));
    assert_eq!(ask(&mut database, "SELECT 1").unwrap(), "1\n");
}

#[test]
fn a_file_is_refreshed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rollouts.db");
    let options = Options::default();
    let (sample, other) = (rows(Path::new(SAMPLE), options), rows(recorded(1).path(), options));
    let mut database = Database::open(&file).unwrap();
    assert!(!database.is_current("a", "1", options).unwrap());
    database.refresh("a", "1", options, &sample).unwrap();
    database.refresh("copy of a", "1", options, &sample).unwrap();
    drop(database);
    let mut database = Database::open(&file).unwrap();
    assert!(database.is_current("a", "1", options).unwrap());
    assert!(!database.is_current("a", "2", options).unwrap());
    assert!(!database.is_current("a", "1", Options { content: Content::Full, max_text: 0 }).unwrap());
    // It grew; the copy did not.
    database.refresh("a", "2", options, &other).unwrap();
    assert_eq!(ask(&mut database, "SELECT count(*), count(DISTINCT trace_id) FROM rollouts").unwrap(), "2 2\n");
    drop(database);
    let mut database = Database::open(&file).unwrap();
    database.refresh("copy of a", "2", options, &other).unwrap();
    assert_eq!(ask(&mut database, "SELECT count(*), count(DISTINCT trace_id) FROM rollouts").unwrap(), "1 1\n");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn files_of_others_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "this is no database, and has some length").unwrap();
    assert!(matches!(Database::open(&file), Err(SqlError::Foreign)));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "this is no database, and has some length");
}
