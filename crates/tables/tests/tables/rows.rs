//! Rows of one rollout.

use std::{collections::HashSet, path::Path};

use rollout_trace_tables::{Options, Rows, Table, Value};

use crate::support::{SAMPLE, place, recorded, rows};

/// Checks what holds of the rows of any rollout.
pub(crate) fn check(rows: &Rows) {
    for table in Table::ALL {
        let schema = table.schema();
        let key: Vec<_> = schema.key.iter().map(|column| place(*table, column)).collect();
        let mut seen = HashSet::new();
        for row in rows.of_table(*table) {
            assert_eq!(row.len(), schema.columns.len());
            for (value, column) in row.iter().zip(&schema.columns) {
                assert!(column.nullable || *value != Value::Null, "{}.{} is null", schema.name, column.name);
            }
            let key = format!("{:?}", key.iter().map(|place| &row[*place]).collect::<Vec<_>>());
            assert!(seen.insert(key.clone()), "{} has two rows with the key {key}", schema.name);
        }
    }
    assert_eq!(sum(rows, Table::ItemRuns, "calls"), sum(rows, Table::InferenceCalls, "request_items"));
    let carried = rows.of_table(Table::ItemRuns).map(|row| row[place(Table::ItemRuns, "item_id")].clone());
    let items: HashSet<_> = rows.of_table(Table::Items).map(|row| format!("{:?}", row[3])).collect();
    assert!(carried.map(|item| format!("{item:?}")).all(|item| items.contains(&item)));
}

fn sum(rows: &Rows, table: Table, column: &str) -> i64 {
    let place = place(table, column);
    let numbers = rows.of_table(table).map(|row| match row[place] {
        Value::Integer(number) => number,
        _ => 0,
    });
    numbers.sum()
}

#[test]
fn rows_of_the_sample() {
    let rows = rows(Path::new(SAMPLE), Options::default());
    check(&rows);
    let mut drawing = String::new();
    for table in Table::ALL {
        let schema = table.schema();
        drawing += &format!("{}\n", schema.name);
        for row in rows.of_table(*table) {
            let values = row.iter().zip(&schema.columns).skip(3).filter(|(value, _)| **value != Value::Null);
            let values = values.map(|(value, column)| match value {
                Value::Text(text) => format!("{}={text}", column.name),
                Value::Integer(number) => format!("{}={number}", column.name),
                Value::Flag(flag) => format!("{}={flag}", column.name),
                Value::Null => unreachable!("filtered above"),
            });
            drawing += &format!("  {}\n", values.collect::<Vec<_>>().join(" "));
        }
    }
    insta::assert_snapshot!(drawing);
}

#[test]
fn rows_of_recorded_rollouts() {
    for seed in 1..4 {
        let bundle = recorded(seed);
        let made = rows(bundle.path(), Options::default());
        check(&made);
        for table in Table::ALL {
            // No table is empty for want of what its rows would be about.
            let lacks = [Table::Diagnostics, Table::Markers, Table::Findings, Table::Unseen];
            assert!(lacks.contains(table) || made.of_table(*table).next().is_some(), "{}", table.schema().name);
        }
    }
}
