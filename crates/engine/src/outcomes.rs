//! What the destination answered for each row of a chunk: a Parquet file beside the plan, in the
//! order of the chunk's rows, so that a record is found by its key in any run.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, Op, Result, RowError, RowResult};
use syncline_store::FileStore;

use crate::stored_bytes::contained;

/// One row's outcome as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredOutcome {
    pub row_id: String,
    pub op: Op,
    pub result: RowResult,
}

const COLUMNS: [&str; 8] = ["row_id", "op", "result", "code", "message", "field", "raw_value", "target_id"];

fn schema() -> SchemaRef {
    let fields: Vec<Field> = COLUMNS
        .iter()
        .map(|name| Field::new(*name, DataType::Utf8, !matches!(*name, "row_id" | "op" | "result")))
        .collect();
    Arc::new(Schema::new_with_metadata(
        fields,
        [("syncline.format".to_string(), "outcomes/1".to_string())].into(),
    ))
}

fn parts(result: &RowResult) -> (&'static str, Option<&RowError>, Option<&str>) {
    match result {
        RowResult::Created { target_id } => ("created", None, target_id.as_deref()),
        RowResult::Updated { target_id } => ("updated", None, target_id.as_deref()),
        RowResult::Removed => ("removed", None, None),
        RowResult::Exists => ("exists", None, None),
        RowResult::Absent => ("absent", None, None),
        RowResult::Rejected(e) => ("rejected", Some(e), None),
        RowResult::Unknown(e) => ("unknown", Some(e), None),
    }
}

/// Writes the outcomes of one chunk; durable when it returns. With `keep_values` off, the raw value
/// of an error is left out.
pub fn write(
    files: &FileStore,
    path: &str,
    rows: impl Iterator<Item = (String, Op)>,
    results: &[RowResult],
    keep_values: bool,
) -> Result<FileRef> {
    let mut columns: Vec<StringBuilder> = COLUMNS.iter().map(|_| StringBuilder::new()).collect();
    for ((row_id, op), result) in rows.zip(results) {
        let (name, error, target_id) = parts(result);
        columns[0].append_value(row_id);
        columns[1].append_value(op.as_str());
        columns[2].append_value(name);
        columns[3].append_option(error.map(|e| e.code.as_str()));
        columns[4].append_option(error.map(|e| e.message.as_str()));
        columns[5].append_option(error.and_then(|e| e.field.as_deref()));
        columns[6].append_option(error.and_then(|e| e.raw_value.as_deref()).filter(|_| keep_values));
        columns[7].append_option(target_id);
    }
    let arrays = columns.into_iter().map(|mut c| Arc::new(c.finish()) as _).collect();
    let batch = RecordBatch::try_new(schema(), arrays)?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer =
        ArrowWriter::try_new(files.create(path)?, schema(), Some(properties)).map_err(parquet_error)?;
    writer.write(&batch).map_err(parquet_error)?;
    writer.into_inner().map_err(parquet_error)?.finish()
}

/// Reads the outcomes of one chunk, in order.
pub fn read(file: File) -> Result<Vec<StoredOutcome>> {
    contained("a stored outcome file", || decode(file))
}

fn decode(file: File) -> Result<Vec<StoredOutcome>> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).map_err(parquet_error)?;
    let mut outcomes = Vec::new();
    for batch in reader {
        let batch = batch?;
        let columns: Vec<&StringArray> = batch.columns().iter().map(|c| c.as_string::<i32>()).collect();
        if columns.len() != COLUMNS.len() {
            return Err(corrupt());
        }
        for row in 0..batch.num_rows() {
            let text = |i: usize| columns[i].is_valid(row).then(|| columns[i].value(row).to_string());
            let error = || RowError {
                code: text(3).unwrap_or_default(),
                message: text(4).unwrap_or_default(),
                field: text(5),
                raw_value: text(6),
            };
            let result = match columns[2].value(row) {
                "created" => RowResult::Created { target_id: text(7) },
                "updated" => RowResult::Updated { target_id: text(7) },
                "removed" => RowResult::Removed,
                "exists" => RowResult::Exists,
                "absent" => RowResult::Absent,
                "rejected" => RowResult::Rejected(error()),
                "unknown" => RowResult::Unknown(error()),
                _ => return Err(corrupt()),
            };
            let op = Op::parse(columns[1].value(row)).ok_or_else(corrupt)?;
            outcomes.push(StoredOutcome { row_id: columns[0].value(row).to_string(), op, result });
        }
    }
    Ok(outcomes)
}

fn corrupt() -> Error {
    Error::new(ErrorKind::Corrupt, "a stored outcome file has unknown content")
}

fn parquet_error(e: parquet::errors::ParquetError) -> Error {
    match e {
        // The I/O error beneath says more (disk full, for example).
        parquet::errors::ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => (*io).into(),
            Err(other) => Error::new(ErrorKind::Corrupt, format!("outcome file: {other}")),
        },
        other => Error::new(ErrorKind::Corrupt, format!("outcome file: {other}")).caused_by(other),
    }
}
