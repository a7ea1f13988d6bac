//! A statement needs no more memory than it may. The bound is one of the process, so this test has a process of its own.

#![cfg(feature = "sqlite")]

use std::time::Duration;

use rollout_trace_tables::{Database, SqlError, SqlLimits};

#[test]
fn memory_is_bounded() {
    let mut database = Database::in_memory().unwrap();
    database.close(SqlLimits { time: Duration::from_secs(60), memory: 8 << 20 }).unwrap();
    let mut ask = |sql: &str| database.ask::<SqlError>(sql, |_| Ok(()), |_| Ok(()));
    let much = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) \
        SELECT i, randomblob(1000) FROM n ORDER BY 2";
    assert!(matches!(ask(much), Err(SqlError::TooLarge(_))));
    assert!(ask("SELECT hex(zeroblob(500000000))").is_err());
    assert!(ask("SELECT 1").is_ok());
}
