//! Rows as text: CSV and NDJSON. What writes Parquet is in [`super::columnar`].

use std::io::{self, Write};

use csv::{ByteRecord, ErrorKind, Terminator, WriterBuilder};
use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{
    credits::Credits,
    table::{Cell, Column, rfc3339},
};

/// Writes the rows of a table, one after the other.
pub(crate) trait RowWriter: Send {
    /// Writes a row; its cells are in the order of the columns.
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()>;

    /// Writes what remains. `credits` are those of the sources of the rows, for formats that have a place for them.
    fn finish(self: Box<Self>, credits: &Credits) -> io::Result<()>;
}

/// Rows as they were known at a time, which stands in their last column.
pub(crate) struct AsKnown {
    pub(crate) writer: Box<dyn RowWriter>,
    pub(crate) at: Timestamp,
}

impl RowWriter for AsKnown {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let known_at = Cell::utc(self.at);
        self.writer.row(&[cells, &[known_at]].concat())
    }

    fn finish(self: Box<Self>, credits: &Credits) -> io::Result<()> {
        self.writer.finish(credits)
    }
}

/// CSV as in RFC 4180: comma, CRLF, quotes where they are needed, a header; null is the empty field.
///
/// Fields are written as they are: a text that begins with `=` or `@`, which a spreadsheet might take for a
/// formula, is not changed, for what is read back must be what the provider said.
pub(crate) struct Csv<W: Write> {
    writer: csv::Writer<W>,
    record: ByteRecord,
    field: Vec<u8>,
}

impl<W: Write> Csv<W> {
    /// Writes the header.
    pub(crate) fn new(columns: &[Column], out: W) -> io::Result<Self> {
        let mut writer = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .from_writer(out);
        let names = columns.iter().map(|column| column.name);
        writer.write_record(names).map_err(io_error)?;
        Ok(Self {
            writer,
            record: ByteRecord::new(),
            field: Vec::new(),
        })
    }
}

impl<W: Write + Send> RowWriter for Csv<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        self.record.clear();
        for cell in cells {
            self.field.clear();
            match cell {
                Cell::Null => {}
                Cell::Text(text) => self.field.extend_from_slice(text.as_bytes()),
                Cell::Integer(number) => write!(self.field, "{number}")?,
                // The shortest text that reads back as the same number.
                Cell::Real(number) => write!(self.field, "{number:?}")?,
                Cell::Time(at, offset) => self.field.extend(rfc3339(*at, *offset).into_bytes()),
                Cell::Measures(values) => serde_json::to_writer(&mut self.field, values)?,
            }
            self.record.push_field(&self.field);
        }
        self.writer
            .write_byte_record(&self.record)
            .map_err(io_error)
    }

    fn finish(mut self: Box<Self>, _: &Credits) -> io::Result<()> {
        self.writer.flush()
    }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// One JSON object per line, with all the columns as keys, in their order.
pub(crate) struct Ndjson<W: Write> {
    columns: Vec<Column>,
    out: W,
}

impl<W: Write> Ndjson<W> {
    pub(crate) fn new(columns: Vec<Column>, out: W) -> Self {
        Self { columns, out }
    }
}

struct Line<'a, 'c>(&'a [Column], &'a [Cell<'c>]);

impl Serialize for Line<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (column, cell) in self.0.iter().zip(self.1) {
            map.serialize_entry(column.name, cell)?;
        }
        map.end()
    }
}

impl<W: Write + Send> RowWriter for Ndjson<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, &Line(&self.columns, cells))?;
        self.out.write_all(b"\n")
    }

    fn finish(mut self: Box<Self>, _: &Credits) -> io::Result<()> {
        self.out.flush()
    }
}
