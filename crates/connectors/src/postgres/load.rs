//! Loading an empty table by one COPY straight into it, without the staging table.

use std::pin::Pin;
use std::time::Duration;

use arrow::array::{Array, RecordBatch};
use async_trait::async_trait;
use bytes::Bytes;
use futures::SinkExt;
use syncline_connector::{DirectLoad, OpenRequest};
use syncline_core::sync::{Publish, WriteMode};
use syncline_core::{Error, ErrorKind, Result};
use tokio_postgres::CopyInSink;
use tokio_postgres::error::SqlState;

use super::client::PgClient;
use super::encode::{self, Field};
use super::ledger::Ledger;
use super::merge::{Merge, WireForm};
use super::session::LOCK_TIMEOUT;
use super::violations::failed;

/// A table that somebody else holds a lock on for this long is not loaded but written to in chunks,
/// which disturb fewer others.
const LOAD_LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Encoded rows are handed to the connection in pieces of about this size. It sends one while the
/// next is being made.
const PIECE_BYTES: usize = 256 * 1024;

/// A COPY is ended, and the next one begun, after so many bytes. An error is told only when its COPY
/// ends, and what rows leave behind for the end of their statement (foreign keys) takes memory.
const COPY_BYTES_MAX: usize = 64 << 20;

/// The chunk that a load counts as.
const CHUNK: u32 = 0;

/// What cannot be told from the columns alone. `$1`: the table's oid.
const OBSTACLES_SQL: &str = "
WITH parts AS (SELECT $1::oid AS relid UNION SELECT p.relid::oid FROM pg_catalog.pg_partition_tree($1::oid) p)
SELECT pg_catalog.row_security_active($1::oid)
    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r JOIN parts ON parts.relid = r.ev_class)
    OR EXISTS (SELECT FROM pg_catalog.pg_class c JOIN parts ON parts.relid = c.oid WHERE c.relkind NOT IN ('r', 'p'))";

/// A load under way, in a transaction of its own.
pub struct PgLoad {
    pg: PgClient,
    merge: Merge,
    ledger: Ledger,
    copy: String,
    forms: Vec<WireForm>,
    state: State,
    sink: Option<Pin<Box<CopyInSink<Bytes>>>>,
    /// Encoded rows that were not sent yet.
    piece: Vec<u8>,
    /// Of the COPY under way.
    copy_bytes: usize,
    copy_rows: u64,
    /// Rows of the COPYs that have ended.
    loaded: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Loading,
    Finished,
    /// Committed, or an error has ended it.
    Over,
}

/// Whether a run that writes in this way could load at all.
pub fn is_possible(request: &OpenRequest) -> bool {
    use WriteMode as Mode;
    let creates = matches!(request.write_mode, Mode::Insert | Mode::Upsert | Mode::Mirror | Mode::Append);
    request.publish == Publish::Atomic && creates
}

impl PgLoad {
    /// Closes the table to other writers. `None`: it holds rows, or COPY cannot do what the request
    /// says. `schema`: where the ledger is kept.
    pub async fn begin(
        pg: PgClient,
        merge: Merge,
        schema: &str,
        request: &OpenRequest,
    ) -> Result<Option<PgLoad>> {
        let Some(forms) = merge.wire_forms() else { return Ok(None) };
        let Some(ledger) = Ledger::take(&pg, schema, &merge.table, request).await? else { return Ok(None) };
        if !close_table(&pg, &merge).await? {
            return Ok(None);
        }
        let copy = merge.direct_copy();
        Ok(Some(PgLoad {
            pg,
            merge,
            ledger,
            copy,
            forms,
            state: State::Loading,
            sink: None,
            piece: Vec::new(),
            copy_bytes: 0,
            copy_rows: 0,
            loaded: 0,
        }))
    }

    async fn send_batch(&mut self, payload: &RecordBatch) -> Result<()> {
        if payload.num_columns() != self.forms.len() {
            return Err(Error::internal("a load was given rows of another shape"));
        }
        for (i, _) in &self.merge.matched {
            // A unique index takes any number of NULLs.
            if payload.column(*i).null_count() > 0 {
                return Err(self.refused(*i, "a match field is NULL, which matches no record"));
            }
        }
        let columns: Vec<Field<'_>> = (0..self.forms.len())
            .map(|i| match self.forms[i] {
                WireForm::Staged => Field::new(payload.column(i), &self.merge.fields[i].ty),
                WireForm::Jsonb => Field::jsonb(payload.column(i)),
            })
            .collect();
        for row in 0..payload.num_rows() {
            if self.sink.is_none() {
                self.begin_copy().await?;
            }
            // Tables have at most 1,600 columns.
            self.piece.extend_from_slice(&(columns.len() as i16).to_be_bytes());
            for (i, column) in columns.iter().enumerate() {
                column.append(row, &mut self.piece).map_err(|e| self.refused(i, &e.message))?;
            }
            self.copy_rows += 1;
            if self.piece.len() >= PIECE_BYTES {
                self.send_piece().await?;
                if self.copy_bytes >= COPY_BYTES_MAX {
                    self.end_copy().await?;
                }
            }
        }
        Ok(())
    }

    async fn begin_copy(&mut self) -> Result<()> {
        let sink = self.pg.client.copy_in(&self.copy).await.map_err(|e| self.failed(e))?;
        self.sink = Some(Box::pin(sink));
        self.piece.extend_from_slice(encode::HEADER);
        self.copy_bytes = 0;
        self.copy_rows = 0;
        Ok(())
    }

    async fn send_piece(&mut self) -> Result<()> {
        let room = PIECE_BYTES + PIECE_BYTES / 4;
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(room));
        self.copy_bytes += piece.len();
        let sink = self.sink.as_mut().ok_or_else(|| Error::internal("there is no COPY to send to"))?;
        sink.feed(Bytes::from(piece)).await.map_err(|e| failed(&self.pg, &self.merge.table.name.plain(), e))
    }

    async fn end_copy(&mut self) -> Result<()> {
        self.piece.extend_from_slice(encode::TRAILER);
        self.send_piece().await?;
        let Some(mut sink) = self.sink.take() else { return Ok(()) };
        let stored = sink.as_mut().finish().await.map_err(|e| self.failed(e))?;
        if stored != self.copy_rows {
            let message = format!("{} stored {stored} of {} records", self.object(), self.copy_rows);
            return Err(
                Error::new(ErrorKind::DestinationFailed, message).help("look at the table's triggers")
            );
        }
        self.loaded += stored;
        Ok(())
    }

    async fn record(&mut self, plan_digest: &str) -> Result<u64> {
        if self.sink.is_some() {
            self.end_copy().await?;
        }
        if !self.ledger.record(&self.pg, CHUNK, plan_digest, "", "").await? {
            let message = format!("this run has been applied to {} before", self.object());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Ok(self.loaded)
    }

    fn refused(&self, field: usize, why: &str) -> Error {
        let message = format!("{}: column '{}': {why}", self.object(), self.merge.fields[field].name);
        Error::new(ErrorKind::DestinationFailed, message)
    }

    fn failed(&self, error: tokio_postgres::Error) -> Error {
        failed(&self.pg, &self.object(), error)
    }

    fn object(&self) -> String {
        self.merge.table.name.plain()
    }

    /// Leaves `from`; until whatever follows has gone well, nothing can be committed.
    fn leave(&mut self, from: State) -> Result<()> {
        if self.state != from {
            return Err(Error::internal(format!("a load was used out of turn: it is {:?}", self.state)));
        }
        self.state = State::Over;
        Ok(())
    }
}

#[async_trait]
impl DirectLoad for PgLoad {
    async fn write(&mut self, payload: &RecordBatch) -> Result<()> {
        self.leave(State::Loading)?;
        let mut cancel = self.pg.cancel_on_drop();
        let result = self.send_batch(payload).await;
        cancel.disarm();
        result?;
        self.state = State::Loading;
        Ok(())
    }

    async fn finish(&mut self, plan_digest: &str) -> Result<u64> {
        self.leave(State::Loading)?;
        let mut cancel = self.pg.cancel_on_drop();
        let result = self.record(plan_digest).await;
        cancel.disarm();
        let loaded = result?;
        self.state = State::Finished;
        Ok(loaded)
    }

    async fn commit(&mut self) -> Result<()> {
        fail::fail_point!("postgres.load.before_commit", |_| Err(super::session::injected()));
        self.leave(State::Finished)?;
        self.ledger.commit(&self.pg, &self.object()).await?;
        fail::fail_point!("postgres.load.after_commit", |_| Err(super::session::injected()));
        Ok(())
    }
}

/// Opens the transaction and locks the table against other writers. False when that is not to be had,
/// when there are rows, or when the table is of a kind whose rows COPY would treat in another way
/// than INSERT.
async fn close_table(pg: &PgClient, merge: &Merge) -> Result<bool> {
    let table = merge.table.name.sql();
    // The COPY lasts as long as the source is read, so that the time of one statement says nothing.
    let close = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {}; \
         LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE; SET LOCAL lock_timeout = {}; \
         SET LOCAL statement_timeout = 0; SET CONSTRAINTS ALL IMMEDIATE",
        LOAD_LOCK_TIMEOUT.as_millis(),
        LOCK_TIMEOUT.as_millis()
    );
    let look = format!("SELECT ({OBSTACLES_SQL}) OR EXISTS (SELECT FROM {table})");
    let closing = async {
        pg.client.batch_execute(&close).await?;
        pg.client.query_one(&look, &[&merge.table.oid]).await?.try_get::<_, bool>(0)
    };
    match closing.await {
        Ok(has_obstacle) => Ok(!has_obstacle),
        Err(e) if is_refusal(&e) => Ok(false),
        Err(e) => Err(failed(pg, &merge.table.name.plain(), e)),
    }
}

/// Whether the lock was not to be had, or is not ours to take.
fn is_refusal(error: &tokio_postgres::Error) -> bool {
    let refusals =
        [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::INSUFFICIENT_PRIVILEGE];
    error.code().is_some_and(|code| refusals.contains(code))
}
