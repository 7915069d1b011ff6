//! A session on a dataset folder: every chunk becomes one new file.
//!
//! The name of a file is that of its chunk, so a chunk that is sent twice is there once, and whether
//! it was published shows by the file being there. Files that a consumer takes away are remembered
//! by the ledger once the commit that published them has ended.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use arrow::array::{BooleanArray, RecordBatch};
use async_trait::async_trait;
use syncline_connector::{Chunk, OpenRequest, Recovery, Session};
use syncline_core::sync::FileFormat;
use syncline_core::{Error, LogicalType, Op, Result, RowError, RowResult, text};

use super::blocking;
use super::csv::{self, LineEnd};
use super::destination::Object;
use super::ledger::{LedgerFile, unwritable};
use super::parquet::ParquetOut;
use super::rows::Column;
use super::session::{NewFile, remove_leftovers};
use super::staging::invalid_json;
use syncline_core::json_text;

pub struct DatasetSession {
    object: Object,
    request: OpenRequest,
    ledger: LedgerFile,
    columns: Vec<Column>,
    /// Written and synced, not yet visible.
    waiting: Vec<(u32, NewFile)>,
}

impl DatasetSession {
    pub fn open(object: Object, request: OpenRequest) -> Result<Self> {
        let ledger = object.ledger();
        {
            let _lock = ledger.lock()?;
            let mut state = ledger.load()?;
            state.check_fence(&request, &object.name)?;
            state.take_fence(&request);
            ledger.save(&state)?;
        }
        remove_leftovers(&object.path, &hidden_prefix(&request), request.epoch)?;
        let column = |f: &std::sync::Arc<arrow::datatypes::Field>| -> Result<Column> {
            Ok(Column { name: f.name().clone(), ty: LogicalType::of(f)?, declared: true })
        };
        let columns = request.schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok(Self { object, request, ledger, columns, waiting: Vec::new() })
    }

    fn path(&self, chunk: u32) -> PathBuf {
        let name = format!("{}-{chunk:06}.{}", self.request.run_id, self.object.form.ending());
        self.object.path.join(name)
    }

    fn hidden_path(&self, chunk: u32) -> PathBuf {
        let OpenRequest { run_id, epoch, .. } = &self.request;
        let name = format!("{}{run_id}-{chunk:06}.{epoch}.tmp", hidden_prefix(&self.request));
        self.object.path.join(name)
    }
}

/// What the names of files in the making start with.
fn hidden_prefix(request: &OpenRequest) -> String {
    format!(".{}.", request.sync_uid)
}

#[async_trait]
impl Session for DatasetSession {
    async fn write(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>> {
        if chunk.ops.len() != chunk.payload.num_rows() || chunk.ops.iter().any(|op| *op != Op::Append) {
            return Err(Error::internal("a dataset folder was asked for something else than appending"));
        }
        let bad: Vec<Option<RowError>> = (0..chunk.payload.num_rows())
            .map(|row| invalid_json(&chunk.payload, &self.columns, row))
            .collect();
        let good: BooleanArray = bad.iter().map(|bad| Some(bad.is_none())).collect();
        let payload = arrow::compute::filter_record_batch(&chunk.payload, &good)?;
        let columns = self.columns.clone();
        let (path, format) = (self.hidden_path(chunk.number), self.object.form.format);
        let new = blocking(move || {
            let new = NewFile::create(path)?;
            let out = BufWriter::new(new.file()?);
            let mut out = match format {
                FileFormat::Parquet => {
                    let mut parquet = ParquetOut::new(out, &columns)?;
                    parquet.write(&payload)?;
                    parquet.finish()?
                }
                FileFormat::Csv => {
                    write_csv(out, &columns, &payload).map_err(|e| unwritable(&new.path, e))?
                }
                FileFormat::Jsonl => {
                    write_jsonl(out, &columns, &payload).map_err(|e| unwritable(&new.path, e))?
                }
            };
            out.flush().and_then(|()| out.get_ref().sync_all()).map_err(|e| unwritable(&new.path, e))?;
            Ok(new)
        })
        .await?;
        self.waiting.push((chunk.number, new));
        let result = |bad| match bad {
            Some(error) => RowResult::Rejected(error),
            None => RowResult::Created { target_id: None },
        };
        Ok(bad.into_iter().map(result).collect())
    }

    async fn commit(&mut self) -> Result<()> {
        let waiting: Vec<(u32, PathBuf, NewFile)> = std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(chunk, new)| (chunk, self.path(chunk), new))
            .collect();
        let (ledger, request, name) = (self.ledger.clone(), self.request.clone(), self.object.name.clone());
        blocking(move || {
            let _lock = ledger.lock()?;
            let mut state = ledger.load()?;
            state.check_fence(&request, &name)?;
            fail::fail_point!("files.before_rename", |_| Err(Error::internal("stopped before the rename")));
            let chunks: Vec<u32> = waiting.iter().map(|(chunk, ..)| *chunk).collect();
            for (_, path, new) in waiting {
                new.publish(&path)?;
            }
            fail::fail_point!("files.after_rename", |_| Err(Error::internal("stopped after the rename")));
            state.record(&request, chunks);
            ledger.save(&state)
        })
        .await
    }

    async fn rollback(&mut self) -> Result<()> {
        self.waiting.clear();
        Ok(())
    }

    async fn recover(&mut self, chunk: u32) -> Result<Recovery> {
        let (ledger, request, path) = (self.ledger.clone(), self.request.clone(), self.path(chunk));
        blocking(move || {
            let there = path.try_exists().map_err(|e| unwritable(&path, e))?;
            Ok(if there { Recovery::Committed } else { ledger.load()?.recovery(&request, chunk) })
        })
        .await
    }
}

fn write_csv<W: Write>(mut out: W, columns: &[Column], rows: &RecordBatch) -> std::io::Result<W> {
    csv::write_record(&mut out, b',', LineEnd::Lf, columns.iter().map(|c| Some(c.name.as_str())))?;
    for row in 0..rows.num_rows() {
        let values: Vec<Option<String>> =
            columns.iter().enumerate().map(|(i, c)| text::render(rows.column(i), &c.ty, row)).collect();
        csv::write_record(&mut out, b',', LineEnd::Lf, values.iter().map(Option::as_deref))?;
    }
    Ok(out)
}

fn write_jsonl<W: Write>(mut out: W, columns: &[Column], rows: &RecordBatch) -> std::io::Result<W> {
    for row in 0..rows.num_rows() {
        let mut separator = "{";
        for (i, column) in columns.iter().enumerate() {
            let value = text::render(rows.column(i), &column.ty, row);
            let raw = match &value {
                // `null` is a value of a json field, so its NULL is left out.
                None if column.ty == LogicalType::Json => continue,
                None => "null".into(),
                Some(text) => json_text::from_canonical(text, &column.ty),
            };
            write!(out, "{separator}{}:{raw}", json_text::quote(&column.name))?;
            separator = ",";
        }
        out.write_all(if separator == "{" { b"{}\n" } else { b"}\n" })?;
    }
    Ok(out)
}
