//! Small tables of canonical texts: made into batches, and read back.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt;
use syncline_core::sync::Model;
use syncline_core::{LogicalType, Result, text};

use super::values;
use crate::{ReadFilter, ReadRequest, Source, SourceItem};

/// Name and type of a column.
pub type Column = (String, LogicalType);

/// Canonical texts of one row; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// Columns from names and types as text. Panics where a type is none.
pub fn columns(columns: &[(&str, &str)]) -> Vec<Column> {
    let parse = |ty: &str| ty.parse().unwrap_or_else(|e| panic!("{e}"));
    columns.iter().map(|(name, ty)| (name.to_string(), parse(ty))).collect()
}

/// Rows written as `1|text|-`, where `-` is NULL.
pub fn rows(lines: &[&str]) -> Vec<Row> {
    let cell = |text: &str| Some(text.to_string()).filter(|t| t != "-");
    lines.iter().map(|line| line.split('|').map(cell).collect()).collect()
}

/// The inverse of [`rows`], sorted.
pub fn lines(rows: &[Row]) -> Vec<String> {
    let line =
        |row: &Row| row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect::<Vec<_>>().join("|");
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort();
    lines
}

pub fn schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|(name, ty)| ty.field(name, true)).collect::<Vec<_>>()))
}

/// A batch of canonical texts. Panics where a text is no value of its column.
pub fn batch(columns: &[Column], rows: &[Row]) -> RecordBatch {
    let arrays = columns.iter().enumerate().map(|(i, (name, ty))| {
        let texts: Vec<Option<&str>> = rows.iter().map(|row| row[i].as_deref()).collect();
        let (array, bad) = values::parse(&texts, ty);
        assert!(bad.is_empty(), "'{name}': {:?} is no {ty}", texts[bad[0]]);
        array
    });
    RecordBatch::try_new(schema(columns), arrays.collect()).expect("the arrays have the schema's types")
}

/// Canonical texts of a batch.
pub fn texts(batch: &RecordBatch) -> Vec<Row> {
    let schema = batch.schema();
    let types: Vec<LogicalType> =
        schema.fields().iter().map(|f| LogicalType::of(f).unwrap_or_else(|e| panic!("{e}"))).collect();
    let row = |row| batch.columns().iter().zip(&types).map(|(a, ty)| text::render(a, ty, row)).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// A request for all of a model.
pub fn everything(model: &Model) -> ReadRequest {
    ReadRequest {
        model: model.clone(),
        columns: None,
        filter: ReadFilter::All,
        order_by: Vec::new(),
        identify: None,
    }
}

/// A finished read.
#[derive(Debug)]
pub struct Read {
    /// `None` when no batch arrived.
    pub schema: Option<SchemaRef>,
    pub rows: Vec<Row>,
    /// Positions in `rows` and codes of the rows that are invalid.
    pub invalid: BTreeMap<usize, String>,
    pub unreadable: usize,
    /// Rows of each batch, and the bytes of their values.
    pub batches: Vec<(usize, usize)>,
}

/// Reads to the end and checks what holds for every read: one schema, one end, nothing after it.
pub async fn read(source: &dyn Source, request: ReadRequest) -> Result<Read> {
    let mut stream = source.read(request).await?;
    let mut read =
        Read { schema: None, rows: Vec::new(), invalid: BTreeMap::new(), unreadable: 0, batches: Vec::new() };
    let mut ended = false;
    while let Some(item) = stream.next().await {
        assert!(!ended, "a stream yields batches and then exactly one end, but something follows it");
        match item? {
            SourceItem::End(_) => ended = true,
            SourceItem::Raw(_) => panic!("undecoded rows were not asked for"),
            SourceItem::Batch(batch) => {
                let schema = batch.rows.schema();
                let first = read.schema.get_or_insert_with(|| Arc::clone(&schema));
                assert_eq!(*first, schema, "the batches of a read have one schema");
                for invalid in batch.invalid {
                    assert!(invalid.row < batch.rows.num_rows(), "an invalid row is a row of its batch");
                    read.invalid.insert(read.rows.len() + invalid.row, invalid.error.code);
                }
                read.unreadable += batch.unreadable.len();
                read.batches.push((batch.rows.num_rows(), bytes(&batch.rows)));
                read.rows.extend(texts(&batch.rows));
            }
        }
    }
    assert!(ended, "a stream yields batches and then exactly one end, but this one has none");
    Ok(read)
}

/// The bytes of a batch's own values, whatever buffers it shares with others.
fn bytes(batch: &RecordBatch) -> usize {
    let bytes = |array: &arrow::array::ArrayRef| array.to_data().get_slice_memory_size();
    batch.columns().iter().map(|array| bytes(array).expect("canonical layouts have a size")).sum()
}
