use std::collections::HashSet;

use rollout_trace_tables::Table;

/// Columns are only ever added, at the end: whoever changes this snapshot in another way changes what `v1` means.
#[test]
fn schema_of_all_tables() {
    let mut drawing = String::new();
    for table in Table::ALL {
        let schema = table.schema();
        drawing += &format!("{}: {}\n  key {}\n", schema.name, schema.meaning, schema.key.join(", "));
        for column in schema.columns.iter().skip(3) {
            let null = if column.nullable { "?" } else { "" };
            drawing += &format!("  {} {}{null}: {}\n", column.name, column.kind.as_str(), column.meaning);
        }
    }
    insta::assert_snapshot!(drawing);
}

#[test]
fn tables_and_columns_have_names_of_their_own() {
    let mut tables = HashSet::new();
    for table in Table::ALL {
        let schema = table.schema();
        assert!(tables.insert(schema.name));
        assert_eq!(Table::named(schema.name), Some(*table));
        let columns: Vec<_> = schema.columns.iter().map(|column| column.name).collect();
        assert_eq!(columns[..3], ["trace_id", "state_hash", "rollout_id"]);
        assert_eq!(columns.iter().collect::<HashSet<_>>().len(), columns.len());
        assert!(schema.key.iter().all(|key| columns.contains(key)));
    }
    assert_eq!((Table::OF_DATASETS.len(), Table::OF_QUESTIONS.len()), (14, 4));
}
