//! Tables as Parquet.

use std::{fs::File, io, sync::Arc};

use bytes::Bytes;
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType, ZstdLevel},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{Type, TypePtr},
};

use crate::{
    column::{Column, ColumnType},
    encoded::{Decoder, Placed},
    table::Schema,
};

/// A group of rows is written once it has so many, or its values take so many bytes.
const GROUP_ROWS: usize = 1 << 17;
const GROUP_BYTES: usize = 16 << 20;

/// Writes the rows in some chunks of encoded rows.
///
/// What is in a group of rows depends on nothing but the rows, so the same rows are the same bytes.
pub(crate) fn write(
    schema: &Schema,
    chunks: impl Iterator<Item = io::Result<Vec<u8>>>,
    file: &mut File,
) -> io::Result<()> {
    let mut writer = SerializedFileWriter::new(file, file_schema(schema)?, Arc::new(properties()?))?;
    let mut group = Group::new(schema);
    for chunk in chunks {
        let chunk = Bytes::from(chunk?);
        let mut decoder = Decoder::new(&chunk);
        while !decoder.is_at_end() {
            group.columns.iter_mut().for_each(|column| column.push(decoder.placed(), &chunk));
            group.rows += 1;
            if group.is_full(decoder.offset()) {
                group.write(&mut writer)?;
            }
        }
        group.bytes += chunk.len();
        group.begun_at = 0;
    }
    if group.rows > 0 {
        group.write(&mut writer)?;
    }
    writer.close()?;
    Ok(())
}

fn properties() -> Result<WriterProperties, ParquetError> {
    let version = KeyValue::new("rollout_trace.tables".to_owned(), crate::MAPPING.to_string());
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(vec![version]))
        .build())
}

fn file_schema(schema: &Schema) -> Result<TypePtr, ParquetError> {
    let fields = schema.columns.iter().map(field).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder(schema.name).with_fields(fields).build()?))
}

fn field(column: &Column) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match column.kind {
        ColumnType::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnType::Integer => (PhysicalType::INT64, None),
        ColumnType::Flag => (PhysicalType::BOOLEAN, None),
        ColumnType::Time => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    let repetition = if column.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let builder = Type::primitive_type_builder(column.name, physical);
    Ok(Arc::new(builder.with_logical_type(logical).with_repetition(repetition).build()?))
}

/// Rows that are not written yet, column by column.
struct Group {
    columns: Vec<Values>,
    rows: usize,
    /// How many bytes its rows have in chunks before the current one.
    bytes: usize,
    /// Where its rows begin in the current chunk.
    begun_at: usize,
}

impl Group {
    fn new(schema: &Schema) -> Self {
        Self { columns: schema.columns.iter().map(Values::new).collect(), rows: 0, bytes: 0, begun_at: 0 }
    }

    /// Returns whether the group is large enough, if its rows end at an offset of the current chunk.
    fn is_full(&mut self, offset: usize) -> bool {
        let is_full = self.rows >= GROUP_ROWS || self.bytes + offset - self.begun_at >= GROUP_BYTES;
        if is_full {
            self.begun_at = offset;
        }
        is_full
    }

    fn write(&mut self, writer: &mut SerializedFileWriter<&mut File>) -> Result<(), ParquetError> {
        let mut group = writer.next_row_group()?;
        for values in &mut self.columns {
            let Some(column) = group.next_column()? else { break };
            values.write(column)?;
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

/// The values of a column, without nulls, and for each row whether there is one.
struct Values {
    nullable: bool,
    levels: Vec<i16>,
    values: Typed,
}

enum Typed {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Flag(Vec<bool>),
}

impl Values {
    fn new(column: &Column) -> Self {
        let values = match column.kind {
            ColumnType::Text => Typed::Text(Vec::new()),
            ColumnType::Integer | ColumnType::Time => Typed::Integer(Vec::new()),
            ColumnType::Flag => Typed::Flag(Vec::new()),
        };
        Self { nullable: column.nullable, levels: Vec::new(), values }
    }

    /// Adds a value. A text is not copied: it is a part of its chunk.
    fn push(&mut self, value: Placed, chunk: &Bytes) {
        let is_there = match (&mut self.values, value) {
            (Typed::Text(values), Placed::Text(place)) => {
                values.push(chunk.slice(place).into());
                true
            }
            (Typed::Integer(values), Placed::Integer(number)) => {
                values.push(number);
                true
            }
            (Typed::Flag(values), Placed::Flag(flag)) => {
                values.push(flag);
                true
            }
            _ => false,
        };
        if self.nullable {
            self.levels.push(is_there.into());
        }
    }

    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = self.nullable.then_some(self.levels.as_slice());
        match &mut self.values {
            Typed::Text(values) => write_typed::<ByteArrayType>(&mut column, values, levels)?,
            Typed::Integer(values) => write_typed::<Int64Type>(&mut column, values, levels)?,
            Typed::Flag(values) => write_typed::<BoolType>(&mut column, values, levels)?,
        }
        self.levels.clear();
        column.close()
    }
}

fn write_typed<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    column.typed::<T>().write_batch(values, levels, None)?;
    values.clear();
    Ok(())
}
