//! Tables as NDJSON: one object in each line, with every column.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use crate::{encoded, table::Schema, value::Value};

/// Writes the rows in some chunks of encoded rows.
pub(crate) fn write(
    schema: &Schema,
    chunks: impl Iterator<Item = io::Result<Vec<u8>>>,
    file: &mut File,
) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(1 << 18, file);
    let keys = schema.columns.iter().map(|column| format!("\"{}\":", column.name));
    let keys: Vec<_> = keys.collect();
    for chunk in chunks {
        for row in encoded::rows(&chunk?, keys.len()) {
            let mut separator = b"{";
            for (key, value) in keys.iter().zip(&row) {
                writer.write_all(separator)?;
                writer.write_all(key.as_bytes())?;
                write_value(value, &mut writer)?;
                separator = b",";
            }
            writer.write_all(b"}\n")?;
        }
    }
    writer.flush()
}

fn write_value(value: &Value<'_>, writer: &mut impl Write) -> io::Result<()> {
    match value {
        Value::Null => writer.write_all(b"null"),
        Value::Flag(flag) => write!(writer, "{flag}"),
        Value::Integer(number) => write!(writer, "{number}"),
        Value::Text(text) => Ok(serde_json::to_writer(writer, text)?),
    }
}
