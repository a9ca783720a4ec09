//! Rows as Apache Parquet, in groups, so that memory stays flat.

use std::{
    io::{self, Write},
    sync::Arc,
};

use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel},
    data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{Type as Schema, TypePtr},
};

use super::{
    credits::Credits,
    table::{Cell, Column, Type},
    writer::RowWriter,
};

/// The most rows of a group.
const GROUP_ROWS_MAX: usize = 50_000;
/// The most bytes of text of a group, over which it is written early.
const GROUP_TEXT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Parquet, compressed with Zstandard. Times are instants of UTC in milliseconds; the zone's offset is lost, its
/// name is in the file's metadata (`vigie.time_zone`) with the credits of the sources (`vigie.attribution`).
pub(crate) struct Columnar<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    buffers: Vec<Buffer>,
    rows: usize,
    text_bytes: usize,
}

/// The cells of one column in the group that is being filled.
struct Buffer {
    column: Column,
    /// 1 for a value and 0 for a null, row by row; unused where nothing is null.
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Real(Vec<f64>),
}

impl<W: Write + Send> Columnar<W> {
    /// Begins a file.
    pub(crate) fn new(columns: &[Column], out: W) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("vigie ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let schema = schema(columns).map_err(io_error)?;
        let writer =
            SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(io_error)?;
        let buffers = columns.iter().map(|column| Buffer::new(*column)).collect();
        Ok(Self {
            writer,
            buffers,
            rows: 0,
            text_bytes: 0,
        })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for buffer in &mut self.buffers {
            if let Some(column) = group.next_column()? {
                buffer.write(column)?;
            }
        }
        group.close()?;
        (self.rows, self.text_bytes) = (0, 0);
        Ok(())
    }
}

impl<W: Write + Send> RowWriter for Columnar<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        for (buffer, cell) in self.buffers.iter_mut().zip(cells) {
            self.text_bytes += buffer.push(cell)?;
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS_MAX || self.text_bytes >= GROUP_TEXT_BYTES_MAX {
            self.write_group().map_err(io_error)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, credits: &Credits) -> io::Result<()> {
        self.write_group().map_err(io_error)?;
        for (key, value) in credits.metadata()? {
            let entry = KeyValue::new(key.to_owned(), value);
            self.writer.append_key_value_metadata(entry);
        }
        self.writer.finish().map_err(io_error)?;
        self.writer.inner_mut().flush()
    }
}

impl Buffer {
    fn new(column: Column) -> Self {
        let values = match column.holds {
            Type::Text | Type::Json => Values::Text(Vec::new()),
            Type::Integer | Type::Time => Values::Integer(Vec::new()),
            Type::Real => Values::Real(Vec::new()),
        };
        Self {
            column,
            levels: Vec::new(),
            values,
        }
    }

    /// Takes in a cell, and returns how many bytes of text were added.
    fn push(&mut self, cell: &Cell<'_>) -> io::Result<usize> {
        let mut added = 0;
        match (&mut self.values, cell) {
            (_, Cell::Null) if self.column.nullable => {
                self.levels.push(0);
                return Ok(0);
            }
            (Values::Text(texts), Cell::Text(text)) => added = push_text(texts, text.as_bytes()),
            (Values::Text(texts), Cell::Measures(values)) => {
                added = push_text(texts, &serde_json::to_vec(values)?);
            }
            (Values::Integer(numbers), Cell::Integer(number)) => numbers.push(*number),
            (Values::Integer(numbers), Cell::Time(at, _)) => numbers.push(at.as_millisecond()),
            (Values::Real(numbers), Cell::Real(number)) => numbers.push(*number),
            _ => {
                let column = self.column;
                return Err(io::Error::other(format!(
                    "{cell:?} is no cell of {column:?}"
                )));
            }
        }
        if self.column.nullable {
            self.levels.push(1);
        }
        Ok(added)
    }

    fn write(&mut self, mut writer: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = self.column.nullable.then_some(self.levels.as_slice());
        match &mut self.values {
            Values::Text(texts) => {
                let typed = writer.typed::<ByteArrayType>();
                typed.write_batch(texts, levels, None)?;
                texts.clear();
            }
            Values::Integer(numbers) => {
                let typed = writer.typed::<Int64Type>();
                typed.write_batch(numbers, levels, None)?;
                numbers.clear();
            }
            Values::Real(numbers) => {
                let typed = writer.typed::<DoubleType>();
                typed.write_batch(numbers, levels, None)?;
                numbers.clear();
            }
        }
        self.levels.clear();
        writer.close()
    }
}

/// Adds a text, sharing the memory of the one before when it is the same: sources and units repeat.
fn push_text(texts: &mut Vec<ByteArray>, text: &[u8]) -> usize {
    if let Some(last) = texts.last()
        && last.data() == text
    {
        texts.push(last.clone());
        return 0;
    }
    texts.push(ByteArray::from(text.to_vec()));
    text.len()
}

fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let fields = columns.iter().map(|column| {
        let (physical, logical) = match column.holds {
            Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Type::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
            Type::Integer => (Physical::INT64, None),
            Type::Real => (Physical::DOUBLE, None),
            Type::Time => {
                let instant = LogicalType::timestamp(true, TimeUnit::MILLIS);
                (Physical::INT64, Some(instant))
            }
        };
        let repetition = if column.nullable {
            Repetition::OPTIONAL
        } else {
            Repetition::REQUIRED
        };
        let field = Schema::primitive_type_builder(column.name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build()?;
        Ok(Arc::new(field))
    });
    let fields = fields.collect::<Result<Vec<_>, ParquetError>>()?;
    let schema = Schema::group_type_builder("vigie")
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(schema))
}

/// What the operating system said, where it did: a closed pipe and a full disk are told apart by it.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
