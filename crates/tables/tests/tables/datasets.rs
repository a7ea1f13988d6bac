//! Datasets of several rollouts.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use rollout_trace_tables::{Added, Content, DatasetWriter, Format, Options, Rows, Table};

use crate::support::{SAMPLE, recorded, rows};

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Returns the files below a folder, by their paths in it.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(root).unwrap().to_owned();
                files.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

fn write<'a>(format: Format, all: impl IntoIterator<Item = &'a Rows>) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = DatasetWriter::create(folder.path(), format, Options::default()).unwrap();
    all.into_iter().for_each(|rows| assert_eq!(writer.add(rows).unwrap(), Added::New));
    let written = writer.finish(TWO).unwrap();
    let files = files(folder.path());
    assert_eq!(files.len(), written.files.len(), "nothing but the files of the dataset is left");
    files
}

fn several() -> Vec<Rows> {
    let mut several: Vec<_> = (1..4).map(|seed| rows(recorded(seed).path(), Options::default())).collect();
    several.push(rows(Path::new(SAMPLE), Options::default()));
    several
}

fn formats() -> Vec<Format> {
    vec![
        Format::Ndjson,
        #[cfg(feature = "parquet")]
        Format::Parquet,
    ]
}

#[test]
fn one_file_for_each_table_and_day() {
    let rows = rows(Path::new(SAMPLE), Options::default());
    let names: Vec<_> = write(Format::Ndjson, [&rows]).into_keys().map(|path| path.display().to_string()).collect();
    let name = names[0].rsplit_once('/').unwrap().1.to_owned();
    assert_eq!((name.len(), name.ends_with(".ndjson")), (16 + 7, true));
    let names: Vec<_> = names.iter().map(|path| path.replace(&name, "NAME")).collect();
    insta::assert_snapshot!(names.join("\n"), @"
    v1/edges/date=2026-01-01/NAME
    v1/inference_calls/date=2026-01-01/NAME
    v1/item_runs/date=2026-01-01/NAME
    v1/items/date=2026-01-01/NAME
    v1/payloads/date=2026-01-01/NAME
    v1/rollouts/date=2026-01-01/NAME
    v1/terminal_operations/date=2026-01-01/NAME
    v1/threads/date=2026-01-01/NAME
    v1/tool_calls/date=2026-01-01/NAME
    v1/turns/date=2026-01-01/NAME
    ");
}

#[test]
fn the_order_of_work_does_not_show() {
    let several = several();
    for format in formats() {
        let forwards = write(format, &several);
        assert_eq!(forwards, write(format, several.iter().rev()));
        assert!(!forwards.is_empty());
    }
}

#[test]
fn a_rollout_counts_once_in_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(Path::new(SAMPLE), Options::default());
    let mut writer = DatasetWriter::create(folder.path(), Format::Ndjson, Options::default()).unwrap();
    assert_eq!((writer.add(&rows).unwrap(), writer.add(&rows).unwrap()), (Added::New, Added::Known));
    writer.finish(TWO).unwrap();
    assert_eq!(files(folder.path()), write(Format::Ndjson, [&rows]));
}

#[test]
fn runs_write_beside_each_other() {
    let several = several();
    let folder = tempfile::tempdir().unwrap();
    for part in [&several[..2], &several[2..], &several[..2]] {
        let mut writer = DatasetWriter::create(folder.path(), Format::Ndjson, Options::default()).unwrap();
        part.iter().for_each(|rows| assert_eq!(writer.add(rows).unwrap(), Added::New));
        writer.finish(TWO).unwrap();
    }
    let lines = |files: &BTreeMap<PathBuf, Vec<u8>>, table: Table| {
        let of_table = files.iter().filter(|(path, _)| path.starts_with(Path::new("v1").join(table.schema().name)));
        let lines = of_table.flat_map(|(_, bytes)| bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()));
        let mut lines: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    };
    let (together, apart) = (write(Format::Ndjson, &several), files(folder.path()));
    for table in Table::OF_DATASETS {
        assert_eq!(lines(&together, *table), lines(&apart, *table));
    }
}

#[test]
fn options_are_in_the_name() {
    let name = |options| {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = DatasetWriter::create(folder.path(), Format::Ndjson, options).unwrap();
        writer.add(&rows(Path::new(SAMPLE), options)).unwrap();
        writer.finish(TWO).unwrap().name
    };
    let names: Vec<_> = [Content::None, Content::Hash, Content::Full]
        .into_iter()
        .map(|content| name(Options { content, max_text: 0 }))
        .collect();
    assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
}

/// Every column of every row is the same in both forms.
#[cfg(feature = "parquet")]
#[test]
fn parquet_reads_back_as_ndjson() {
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };
    use serde_json::Value;

    let several = several();
    let ndjson = write(Format::Ndjson, &several);
    let parquet = write(Format::Parquet, &several);
    assert_eq!(ndjson.len(), parquet.len());
    for (path, bytes) in parquet {
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(metadata.iter().any(|pair| pair.key == "rollout_trace.tables" && pair.value.as_deref() == Some("1")));
        let rows = reader.get_row_iter(None).unwrap().map(|row| {
            let row = row.unwrap();
            let fields = row.get_column_iter().map(|(name, field)| {
                let value = match field {
                    Field::Null => Value::Null,
                    Field::Bool(flag) => (*flag).into(),
                    Field::Long(number) | Field::TimestampMicros(number) => (*number).into(),
                    Field::Str(text) => text.as_str().into(),
                    other => panic!("{name} is {other:?}"),
                };
                (name.clone(), value)
            });
            Value::Object(fields.collect())
        });
        let text = String::from_utf8(ndjson[&path.with_extension("ndjson")].clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.collect::<Vec<_>>(), lines, "{}", path.display());
    }
}
