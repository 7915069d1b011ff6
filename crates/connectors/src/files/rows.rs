//! Texts to canonical batches, for the formats that hold text.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use syncline_connector::{InvalidRow, SourceBatch, UnreadableRow};
use syncline_core::{LogicalType, Result, RowError, text};

/// A batch is handed on when it has this many rows …
pub const BATCH_ROWS: usize = 8_192;
/// … or this many bytes of text.
pub const BATCH_BYTES: usize = 4 << 20;

/// A column that is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub ty: LogicalType,
    /// The model's `types` name this column; otherwise the type was inferred or is the default.
    pub declared: bool,
}

pub fn schema_of(columns: &[Column]) -> SchemaRef {
    let fields: Vec<_> = columns.iter().map(|c| c.ty.field(&c.name, true)).collect();
    Arc::new(Schema::new(fields))
}

/// Rows on their way into a batch.
pub struct RowBuffer {
    schema: SchemaRef,
    columns: Vec<Column>,
    cells: Vec<Cells>,
    file: String,
    lines: Vec<u64>,
    bytes: usize,
    unreadable: Vec<UnreadableRow>,
}

#[derive(Default)]
struct Cells {
    text: String,
    /// Where each row's text stands in `text`; `None` is NULL.
    spans: Vec<Option<(usize, usize)>>,
}

impl RowBuffer {
    pub fn new(columns: &[Column], file: &str) -> Self {
        Self {
            schema: schema_of(columns),
            columns: columns.to_vec(),
            cells: columns.iter().map(|_| Cells::default()).collect(),
            file: file.to_string(),
            lines: Vec::new(),
            bytes: 0,
            unreadable: Vec::new(),
        }
    }

    /// Adds one row; `cell` answers the text of each column.
    pub fn push<'a>(&mut self, line: u64, mut cell: impl FnMut(usize) -> Option<&'a str>) {
        for (i, cells) in self.cells.iter_mut().enumerate() {
            let span = cell(i).map(|text| {
                let start = cells.text.len();
                cells.text.push_str(text);
                self.bytes += text.len();
                (start, cells.text.len())
            });
            cells.spans.push(span);
        }
        self.lines.push(line);
    }

    pub fn unreadable(&mut self, line: u64, message: String) {
        let place = format!("{}:{line}", self.file);
        let error = RowError::new("unreadable_row", format!("{place}: {message}"));
        self.unreadable.push(UnreadableRow { place, error });
    }

    pub fn is_full(&self) -> bool {
        self.lines.len() + self.unreadable.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The rows so far as a batch; `None` when there are none.
    pub fn take(&mut self) -> Result<Option<SourceBatch>> {
        if self.lines.is_empty() && self.unreadable.is_empty() {
            return Ok(None);
        }
        let mut invalid: Vec<InvalidRow> = Vec::new();
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, cells) in self.columns.iter().zip(&self.cells) {
            let texts: Vec<Option<&str>> =
                cells.spans.iter().map(|span| span.map(|(start, end)| &cells.text[start..end])).collect();
            let (array, bad) = text::parse(&texts, &column.ty);
            arrays.push(array);
            for row in bad {
                // A row is reported once, with its first value at fault.
                if !invalid.iter().any(|known| known.row == row) {
                    let place = format!("{}:{}", self.file, self.lines[row]);
                    invalid.push(invalid_row(row, &place, column, texts[row]));
                }
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.lines.len()));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        invalid.sort_by_key(|i| i.row);
        for cells in &mut self.cells {
            cells.text.clear();
            cells.spans.clear();
        }
        self.lines.clear();
        self.bytes = 0;
        Ok(Some(SourceBatch { rows, invalid, unreadable: std::mem::take(&mut self.unreadable) }))
    }
}

/// A row whose value in `column` has no canonical form.
pub fn invalid_row(row: usize, place: &str, column: &Column, raw: Option<&str>) -> InvalidRow {
    let message = format!("{place}: the value of '{}' is not of type {}", column.name, column.ty);
    let error =
        RowError::new("invalid_value", message).field(column.name.clone()).raw_value(raw.map(str::to_string));
    InvalidRow { row, error }
}
