//! A read under way, in three stages that run side by side: the socket, making batches of what it
//! brought, and whoever reads the stream.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::try_unfold;
use syncline_connector::{ReadEnd, SourceItem, SourceStream};
use syncline_core::{Error, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::client::{CancelOnDrop, PgClient};
use super::decode::{BATCH_BYTES_MAX, BATCH_ROWS_MAX, BatchDecoder};
use super::framing::Framer;
use super::model_error::read_failed;
use super::raw::{RawRows, Shape, malformed};
use super::source_sql::ModelSql;

/// Pieces between the socket and the stage that makes batches of them, and batches between that
/// stage and the reader. With one on each side of both queues, a read holds at most five batches.
const QUEUE_MAX: usize = 1;

/// A read that has its snapshot.
pub struct Reading {
    // Before the client, so that the server is told to stop before the connection closes.
    cancel: CancelOnDrop,
    client: PgClient,
    sql: ModelSql,
    timeout: Duration,
    copy: String,
    rows: Rows,
    end: ReadEnd,
}

impl Reading {
    /// `copy`: the statement to send, once somebody asks for rows. `end`: what to say after them.
    pub fn new(
        client: PgClient,
        sql: ModelSql,
        timeout: Duration,
        copy: String,
        rows: Rows,
        end: ReadEnd,
    ) -> Self {
        let cancel = client.cancel_on_drop();
        Self { cancel, client, sql, timeout, copy, rows, end }
    }

    /// The stream of a read. Nothing runs before its first item is asked for, and nothing stays when
    /// it is dropped.
    pub fn stream(self) -> SourceStream {
        Box::pin(try_unfold(Stage::Planned(Box::new(self)), |stage| async move {
            let mut running = match stage {
                Stage::Planned(reading) => reading.run(),
                Stage::Running(running) => running,
                Stage::Ended => return Ok(None),
            };
            match running.items.recv().await {
                Some(Ok(item @ SourceItem::End(_))) => Ok(Some((item, Stage::Ended))),
                Some(Ok(item)) => Ok(Some((item, Stage::Running(running)))),
                Some(Err(error)) => Err(error),
                None => Err(Error::internal("the task that reads ended early")),
            }
        }))
    }

    fn run(self) -> Running {
        let (pieces_in, mut pieces) = mpsc::channel(QUEUE_MAX);
        let (items_in, items) = mpsc::channel(QUEUE_MAX);
        let mut socket = JoinSet::new();
        let Self { cancel, client, sql, timeout, copy, mut rows, end } = self;
        let receiving = Receiving { cancel, client, sql, timeout };
        socket.spawn(async move {
            let mut receiving = receiving;
            let done = match receiving.receive(&copy, &pieces_in).await {
                Ok(()) => receiving.end().await.map(|()| Piece::End(end)),
                Err(e) => Err(e),
            };
            // Without a receiver nobody wants to know.
            let _ = pieces_in.send(done).await;
        });
        tokio::task::spawn_blocking(move || {
            while let Some(piece) = pieces.blocking_recv() {
                let emit = |item| items_in.blocking_send(Ok(item)).is_ok();
                let goes_on = match piece {
                    Ok(Piece::Rows(bytes)) => rows.add(bytes, emit),
                    Ok(Piece::End(end)) => rows.finish(end, emit).map(|()| false),
                    Err(error) => Err(error),
                };
                match goes_on {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        let _ = items_in.blocking_send(Err(error));
                        return;
                    }
                }
            }
        });
        Running { items, _socket: socket }
    }
}

/// Where a stream is.
enum Stage {
    Planned(Box<Reading>),
    Running(Running),
    Ended,
}

struct Running {
    items: mpsc::Receiver<Result<SourceItem>>,
    /// Dropping it ends the task, and with it the read at the server.
    _socket: JoinSet<()>,
}

/// What the socket's task hands on.
enum Piece {
    /// Whole rows, if the server sends each in a message of its own, as it says it does.
    Rows(Vec<u8>),
    End(ReadEnd),
}

/// The socket's side of a read.
struct Receiving {
    cancel: CancelOnDrop,
    client: PgClient,
    sql: ModelSql,
    timeout: Duration,
}

impl Receiving {
    async fn receive(&self, copy: &str, pieces: &mpsc::Sender<Result<Piece>>) -> Result<()> {
        let failed = |e| read_failed(&self.client, &self.sql, self.timeout, e);
        let mut messages = pin!(self.client.client.copy_out(copy).await.map_err(failed)?);
        let mut piece = Vec::new();
        let mut rows = 0;
        while let Some(message) = messages.next().await {
            let message = message.map_err(failed)?;
            if rows == BATCH_ROWS_MAX || (rows > 0 && piece.len() + message.len() > BATCH_BYTES_MAX) {
                let full = std::mem::replace(&mut piece, Vec::with_capacity(BATCH_BYTES_MAX));
                if pieces.send(Ok(Piece::Rows(full))).await.is_err() {
                    return Ok(());
                }
                rows = 0;
            }
            piece.extend_from_slice(&message);
            rows += 1;
        }
        let _ = pieces.send(Ok(Piece::Rows(piece))).await;
        Ok(())
    }

    /// Makes sure that the server, too, holds the read to have gone well.
    async fn end(&mut self) -> Result<()> {
        // Nothing that the model did may stay, should it have found something that a read-only
        // transaction lets through. (Until version 16, creating a large object was.) The SELECT
        // fails when the transaction is broken, which a ROLLBACK alone would not tell.
        let ended = self.client.client.batch_execute("SELECT 1; ROLLBACK").await;
        self.cancel.disarm();
        ended.map_err(|e| read_failed(&self.client, &self.sql, self.timeout, e))
    }
}

/// What becomes of the rows.
pub enum Collector {
    Decoded(BatchDecoder),
    Raw(Arc<Shape>),
}

/// Makes batches of pieces.
pub struct Rows {
    pub framer: Framer,
    pub collector: Collector,
}

impl Rows {
    /// Emits the batches that a piece fills. False when `emit` said that nobody wants more.
    fn add(&mut self, piece: Vec<u8>, mut emit: impl FnMut(SourceItem) -> bool) -> Result<bool> {
        self.framer.feed(piece);
        match &mut self.collector {
            Collector::Decoded(decoder) => {
                while let Some(row) = self.framer.next_row().map_err(malformed)? {
                    decoder.append(row).map_err(malformed)?;
                    if decoder.is_full() && !emit(SourceItem::Batch(decoder.take()?)) {
                        return Ok(false);
                    }
                }
            }
            Collector::Raw(shape) => {
                let mut next = || RawRows::gather(shape, &mut self.framer, BATCH_ROWS_MAX).map_err(malformed);
                while let Some(rows) = next()? {
                    if !emit(SourceItem::Raw(Box::new(rows))) {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Emits what is left, and the end if the data ended where it should.
    fn finish(&mut self, end: ReadEnd, mut emit: impl FnMut(SourceItem) -> bool) -> Result<()> {
        self.framer.finish().map_err(malformed)?;
        if let Collector::Decoded(decoder) = &mut self.collector
            && !decoder.is_empty()
            && !emit(SourceItem::Batch(decoder.take()?))
        {
            return Ok(());
        }
        emit(SourceItem::End(end));
        Ok(())
    }
}
