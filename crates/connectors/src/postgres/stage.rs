//! One chunk on its way into the staging table.

use std::pin::pin;

use arrow::array::{Array, RecordBatch};
use bytes::Bytes;
use futures::SinkExt;
use syncline_connector::Chunk;
use syncline_core::{Error, Op, Result, RowError, text};
use tokio_postgres::Statement;

use super::encode::{self, Field, Unsendable};
use super::merge::Merge;
use super::violations::{Limited, local_fault, refused_null};

/// Encoded rows are handed to the connection in pieces of about this size.
const PIECE_BYTES: usize = 256 * 1024;

/// A chunk with what is known about its rows before anything is sent.
pub struct StagedChunk<'a> {
    pub chunk: &'a Chunk,
    /// Columns of `old_match` in the order of the match fields.
    old: Option<Vec<usize>>,
}

impl<'a> StagedChunk<'a> {
    /// Fails when the chunk has not the shape that the session was opened with.
    pub fn new(merge: &Merge, chunk: &'a Chunk) -> Result<Self> {
        let rows = chunk.payload.num_rows();
        if chunk.ops.len() != rows || chunk.payload.num_columns() != merge.fields.len() {
            return Err(Error::internal("a chunk has not the shape of its session"));
        }
        if let Some(op) = chunk.ops.iter().find(|op| !merge.can(**op)) {
            let message = format!("a session that was not opened for it was asked to {}", op.as_str());
            return Err(Error::internal(message));
        }
        let old = match &chunk.old_match {
            Some(old) if old.num_rows() == rows => Some(old_columns(merge, old)?),
            Some(_) => return Err(Error::internal("a chunk's old match values have another number of rows")),
            None => None,
        };
        Ok(Self { chunk, old })
    }

    /// Whether the record's match values change.
    pub fn is_moved(&self, row: usize) -> bool {
        let Some((old, columns)) = self.chunk.old_match.as_ref().zip(self.old.as_ref()) else { return false };
        columns.iter().any(|c| !old.column(*c).is_null(row))
    }

    /// For each row, why it cannot be written, whatever is at the target.
    pub fn faults(&self, merge: &Merge) -> Vec<Option<RowError>> {
        let payload = &self.chunk.payload;
        let has_nulls = |i: &usize| payload.column(*i).null_count() > 0;
        let matched = merge.matched.iter().map(|(i, _)| *i).filter(has_nulls);
        let required = (0..merge.fields.len()).filter(|i| merge.refuses_null(*i)).filter(has_nulls);
        let nulls: Vec<&dyn Array> = matched.chain(required).map(|i| payload.column(i).as_ref()).collect();
        let stored = (0..merge.fields.len()).filter(|i| merge.is_always_stored(*i));
        let limited: Vec<Limited<'_>> = stored.filter_map(|i| Limited::of(merge, payload, i)).collect();
        // Few rows need a closer look.
        let is_suspect = |row: usize| {
            nulls.iter().any(|array| array.is_null(row)) || limited.iter().any(|l| l.may_pass(row))
        };
        (0..payload.num_rows())
            .map(|row| if is_suspect(row) { self.fault(merge, row) } else { None })
            .collect()
    }

    /// Why a row cannot be written, whatever is at the target.
    fn fault(&self, merge: &Merge, row: usize) -> Option<RowError> {
        let (op, payload) = (self.chunk.ops[row], &self.chunk.payload);
        if op != Op::Append
            && let Some((i, _)) = merge.matched.iter().find(|(i, _)| payload.column(*i).is_null(row))
        {
            let name = &merge.fields[*i].name;
            let message = format!("match field '{name}' is NULL, which matches no record");
            return Some(RowError::new("null_match_value", message).field(name.clone()));
        }
        if op.is_removal() {
            return None;
        }
        refused_null(merge, payload, row)
            .or_else(|| local_fault(merge, payload, row, |i| merge.is_always_stored(i)))
    }

    /// The columns as they are sent.
    fn outgoing<'b>(&'b self, merge: &Merge) -> Outgoing<'b> {
        let field = |batch: &'b RecordBatch, column: usize, field: usize| {
            Field::new(batch.column(column), &merge.fields[field].ty)
        };
        let payload = (0..merge.fields.len()).map(|i| field(&self.chunk.payload, i, i));
        let old = self.chunk.old_match.as_ref().zip(self.old.as_ref()).map(|(old, columns)| {
            columns.iter().zip(&merge.matched).map(|(column, (i, _))| field(old, *column, *i)).collect()
        });
        Outgoing { payload: payload.collect(), old }
    }

    /// Appends a row of the staging table; on an error nothing is appended.
    fn encode(
        &self,
        merge: &Merge,
        outgoing: &Outgoing<'_>,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), RowError> {
        let start = out.len();
        let fields = 1 + merge.fields.len() + merge.matched.len();
        // Tables have at most 1,600 columns; row numbers of a chunk fit as well.
        out.extend_from_slice(&(fields as i16).to_be_bytes());
        out.extend_from_slice(&4i32.to_be_bytes());
        out.extend_from_slice(&(row as i32).to_be_bytes());
        for (i, field) in outgoing.payload.iter().enumerate() {
            if let Err(e) = field.append(row, out) {
                out.truncate(start);
                return Err(refused(merge, &self.chunk.payload, i, i, row, e));
            }
        }
        let is_moved = self.is_moved(row);
        for (place, (i, _)) in merge.matched.iter().enumerate() {
            let (batch, column, field) = match (&self.chunk.old_match, &self.old, &outgoing.old) {
                (Some(batch), Some(columns), Some(old)) if is_moved && !old[place].is_null(row) => {
                    (batch, columns[place], &old[place])
                }
                (Some(_), ..) if is_moved => (&self.chunk.payload, *i, &outgoing.payload[*i]),
                _ => {
                    out.extend_from_slice(&encode::NULL);
                    continue;
                }
            };
            if let Err(e) = field.append(row, out) {
                out.truncate(start);
                return Err(refused(merge, batch, column, *i, row, e));
            }
        }
        Ok(())
    }

    /// Copies `rows` into the empty staging table by the statement `copy` and returns those that could not be encoded.
    pub async fn copy(
        &self,
        client: &tokio_postgres::Client,
        copy: &Statement,
        merge: &Merge,
        rows: &[u32],
    ) -> std::result::Result<Vec<(u32, RowError)>, tokio_postgres::Error> {
        let mut sink = pin!(client.copy_in::<_, Bytes>(copy).await?);
        let outgoing = self.outgoing(merge);
        let mut faults = Vec::new();
        let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
        piece.extend_from_slice(encode::HEADER);
        for row in rows {
            if let Err(fault) = self.encode(merge, &outgoing, *row as usize, &mut piece) {
                faults.push((*row, fault));
            }
            if piece.len() >= PIECE_BYTES {
                let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4));
                sink.feed(Bytes::from(full)).await?;
            }
        }
        piece.extend_from_slice(encode::TRAILER);
        sink.send(Bytes::from(piece)).await?;
        sink.finish().await?;
        Ok(faults)
    }
}

/// A chunk's columns as they are sent.
struct Outgoing<'a> {
    payload: Vec<Field<'a>>,
    /// Old match values in the order of the match fields.
    old: Option<Vec<Field<'a>>>,
}

/// The error of a row with a value that cannot be sent: of `column` in `batch`, which is `field`.
fn refused(
    merge: &Merge,
    batch: &RecordBatch,
    column: usize,
    field: usize,
    row: usize,
    why: Unsendable,
) -> RowError {
    let field = &merge.fields[field];
    RowError::new(why.code, format!("column '{}': {}", field.name, why.message))
        .field(field.name.clone())
        .raw_value(text::render(batch.column(column), &field.ty, row))
}

fn old_columns(merge: &Merge, old: &RecordBatch) -> Result<Vec<usize>> {
    merge
        .matched
        .iter()
        .map(|(i, _)| {
            let name = &merge.fields[*i].name;
            old.schema()
                .index_of(name)
                .map_err(|_| Error::internal(format!("a chunk's old match values have no column '{name}'")))
        })
        .collect()
}
