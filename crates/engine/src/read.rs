//! Reading a source to its end while another thread compares what came.

use std::time::Instant;

use arrow::array::RecordBatch;
use futures::StreamExt;
use syncline_connector::{Consistency, DirectLoad, ReadEnd, SourceItem, SourceStream};
use syncline_core::{Error, ErrorKind, Key, Phase, Result, Run};
use syncline_snapshot::HashRange;
use tokio::sync::mpsc;

use crate::failures::Failure;
use crate::ingest::{self, LimitedRead, RowFilter, Scope};
use crate::normalize::Normalizer;
use crate::partition::Spilled;
use crate::plan::{Planning, Reading};
use crate::planner::Planner;
use crate::rows::Rows;
use crate::tally::Tally;

/// Batches on their way between two threads, in each direction: at most so many, and one for so much
/// of the budget. A batch is about 4 MiB.
const BATCHES_ON_THE_WAY: u64 = 4;
const BUDGET_PER_BATCH: u64 = 64 << 20;
/// Failed rows are stored in batches of about this many.
const FAILURES_BATCH: usize = 1_000;

/// What the driver tells the comparing thread. Without `End` the read was given up.
#[expect(clippy::large_enum_variant, reason = "a run has few of them")]
enum Message {
    Rows(Rows),
    End { departures: Departures },
}

/// What a read says about records that it did not show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Departures {
    /// All that did not come are gone.
    All,
    /// Those that were asked for and did not come are gone.
    Asked,
    Unknown,
}

/// What the comparing thread has for the driver.
enum Answer {
    Failures(Vec<Failure>),
    Progress(Box<Tally>),
    Payload(RecordBatch),
}

/// How a read ended.
pub struct ReadResult {
    pub end: ReadEnd,
    /// Every row of the model was read.
    pub complete: bool,
    pub truncated: bool,
    pub resume_after: Option<Vec<u8>>,
}

/// The comparing thread's part.
pub struct Comparing {
    pub planner: Planner,
    /// `None`: what is known of all keys fits into memory.
    pub spilled: Option<Spilled>,
    /// Keys that are read again whatever their cursor.
    pub due: Vec<Key>,
    /// Everything delivered before is removed first.
    pub reseeds: bool,
}

/// How the comparing thread hands rows of a direct load over.
pub struct HandOver(mpsc::Sender<Answer>);

impl HandOver {
    pub fn payload(&self, payload: RecordBatch) -> Result<()> {
        self.0.blocking_send(Answer::Payload(payload)).map_err(|_| gave_up())
    }
}

impl Planning<'_> {
    /// Reads to the end and compares. `load`: where the rows of a direct load go.
    ///
    /// `start` makes the planner, on the comparing thread, while the source gets going.
    pub(crate) async fn read(
        &self,
        run: &mut Run,
        reading: &Reading,
        start: impl FnOnce(HandOver) -> Result<Comparing> + Send + 'static,
        load: Option<&mut dyn DirectLoad>,
    ) -> Result<(Planner, ReadResult)> {
        let batches = (self.engine.memory_budget / BUDGET_PER_BATCH).clamp(1, BATCHES_ON_THE_WAY) as usize;
        let (to_thread, messages) = mpsc::channel(batches);
        let (answers, from_thread) = mpsc::channel(batches);
        let comparing = tokio::task::spawn_blocking(move || compare(start, messages, answers));
        let driven = self.drive(run, reading, to_thread, from_thread, load).await;
        let compared = match comparing.await {
            Ok(compared) => compared,
            Err(e) => return Err(Error::internal(format!("the comparing thread stopped: {e}"))),
        };
        match (driven, compared) {
            (Ok(read), Ok(planner)) => Ok((planner, read)),
            // The driver stops when the thread did, and the thread when the driver did: the other one's
            // error is the cause.
            (Ok(_), Err(e)) => Err(e),
            (Err(e), Ok(_)) => Err(e),
            (Err(driver), Err(thread)) => {
                Err(if thread.kind == ErrorKind::Interrupted { driver } else { thread })
            }
        }
    }

    async fn drive(
        &self,
        run: &mut Run,
        reading: &Reading,
        to_thread: mpsc::Sender<Message>,
        mut from_thread: mpsc::Receiver<Answer>,
        mut load: Option<&mut dyn DirectLoad>,
    ) -> Result<ReadResult> {
        let mut feed = Feed::new(self, run, reading);
        let started = Instant::now();
        let mut stream = self.ends.source.read(reading.request(self.sync)).await?;
        run.durations.query += started.elapsed().as_secs_f64();
        let mut end = None;
        while end.is_none() {
            let started = Instant::now();
            let next = tokio::select! {
                biased;
                stopped = self.watch.stopped() => return Err(stopped),
                answer = from_thread.recv() => {
                    self.answer(run, reading, answer, &mut load).await?;
                    continue;
                }
                next = next_rows(&mut stream) => next?,
            };
            run.durations.query += started.elapsed().as_secs_f64();
            match next {
                Next::End(found) => end = Some(found),
                Next::Rows(rows) => {
                    fail::fail_point!("engine.read.batch");
                    if let Some(rows) = feed.take(rows, reading, self.engine.memory_budget)? {
                        self.send(run, reading, &to_thread, &mut from_thread, Message::Rows(rows), &mut load)
                            .await?;
                    }
                }
            }
        }
        let Some(end) = end else { return Err(cut_off()) };
        let (mut result, chosen) = feed.finish(end, reading)?;
        for rows in chosen {
            self.send(run, reading, &to_thread, &mut from_thread, Message::Rows(rows), &mut load).await?;
        }
        result.complete &= !result.truncated;
        fail::fail_point!("engine.read.complete");
        self.engine.enter_phase(run, Phase::DetectingChanges, self.watch).await?;
        let departures = match &reading.scope {
            Scope::All
                if result.complete
                    && !run.options.reseed
                    && result.end.consistency != Consistency::Unstable =>
            {
                Departures::All
            }
            Scope::Since(_) if run.options.max_entities.is_none() => Departures::Asked,
            Scope::Keys(_) if run.options.replay.is_some() => Departures::Asked,
            _ => Departures::Unknown,
        };
        self.send(run, reading, &to_thread, &mut from_thread, Message::End { departures }, &mut load).await?;
        drop(to_thread);
        loop {
            tokio::select! {
                biased;
                stopped = self.watch.stopped() => return Err(stopped),
                answer = from_thread.recv() => match answer {
                    Some(answer) => self.answer(run, reading, Some(answer), &mut load).await?,
                    None => return Ok(result),
                }
            }
        }
    }

    /// Hands a message to the comparing thread, doing what it asks for meanwhile.
    async fn send(
        &self,
        run: &Run,
        reading: &Reading,
        to_thread: &mpsc::Sender<Message>,
        from_thread: &mut mpsc::Receiver<Answer>,
        message: Message,
        load: &mut Option<&mut dyn DirectLoad>,
    ) -> Result<()> {
        loop {
            tokio::select! {
                biased;
                stopped = self.watch.stopped() => return Err(stopped),
                answer = from_thread.recv() => self.answer(run, reading, answer, load).await?,
                room = to_thread.reserve() => {
                    room.map_err(|_| gave_up())?.send(message);
                    return Ok(());
                }
            }
        }
    }

    async fn answer(
        &self,
        run: &Run,
        reading: &Reading,
        answer: Option<Answer>,
        load: &mut Option<&mut dyn DirectLoad>,
    ) -> Result<()> {
        match answer {
            // Before its end, that is an error, which the thread's result tells.
            None => Err(gave_up()),
            Some(Answer::Failures(failures)) => {
                self.engine.store_failures(run, self.sync, reading.mapping_version, &failures).await
            }
            Some(Answer::Progress(tally)) => {
                self.watch.update(|p| {
                    p.discovered = tally.counters.rows_processed;
                    p.counters = tally.counters;
                    p.planned = tally.creates + tally.updates + tally.removals;
                });
                Ok(())
            }
            Some(Answer::Payload(payload)) => match load {
                Some(load) => load.write(&payload).await,
                None => Err(Error::internal("rows were handed over without a direct load")),
            },
        }
    }
}

/// Stands for the error of the other side, which is told instead of it.
fn gave_up() -> Error {
    Error::new(ErrorKind::Interrupted, "the comparison was given up")
}

/// G5: a stream that stops without saying so was cut off.
fn cut_off() -> Error {
    Error::new(ErrorKind::SourceUnreachable, "the source broke off before the end of the read")
}

enum Next {
    Rows(SourceItem),
    End(ReadEnd),
}

async fn next_rows(stream: &mut SourceStream) -> Result<Next> {
    match stream.next().await {
        Some(Ok(SourceItem::End(end))) => Ok(Next::End(end)),
        Some(item) => item.map(Next::Rows),
        None => Err(cut_off()),
    }
}

/// What of the rows read goes on, and in which order.
struct Feed {
    filter: Option<RowFilter>,
    limited: Option<LimitedRead>,
    complete: bool,
}

impl Feed {
    fn new(planning: &Planning<'_>, run: &Run, reading: &Reading) -> Self {
        let filter =
            RowFilter::new(&reading.scope, &reading.due).filter(|_| !planning.ends.source.pushes_down());
        let resume_after = planning.generation.as_ref().and_then(|g| g.resume_after.clone());
        let has_cursor = planning.sync.model.cursor.is_some();
        let limited = run.options.max_entities.map(|limit| {
            let boundary =
                planning.record.cursor.clone().filter(|_| matches!(reading.scope, Scope::Since(_)));
            let resume = resume_after
                .clone()
                .filter(|_| run.options.read_mode == syncline_core::ReadMode::Incremental);
            LimitedRead::new(limit, boundary, resume, has_cursor)
        });
        let resumed = run.options.max_entities.is_some() && !has_cursor && resume_after.is_some();
        Self { filter, limited, complete: matches!(reading.scope, Scope::All) && !resumed }
    }

    /// Takes rows in; returns those that can be compared now.
    fn take(&mut self, item: SourceItem, reading: &Reading, memory_budget: u64) -> Result<Option<Rows>> {
        let normalizer = &*reading.normalizer;
        let rows = match item {
            SourceItem::Batch(batch) => match &self.filter {
                Some(filter) => Rows::decoded(filtered(batch, filter, normalizer)?, normalizer),
                None => Rows::decoded(batch, normalizer),
            },
            SourceItem::Raw(_) if self.filter.is_some() => {
                return Err(Error::internal("a source that does not filter sent undecoded rows"));
            }
            SourceItem::Raw(raw) => Rows::Raw(raw),
            SourceItem::End(_) => return Err(Error::internal("an end is not rows")),
        };
        match &mut self.limited {
            None => Ok(Some(rows)),
            Some(limited) => {
                limited.push(rows.fully_decoded()?, normalizer, memory_budget / 2)?;
                Ok(None)
            }
        }
    }

    /// The read's result, and the rows that a limited read chose.
    fn finish(self, end: ReadEnd, reading: &Reading) -> Result<(ReadResult, Vec<Rows>)> {
        let mut result = ReadResult { complete: self.complete, end, truncated: false, resume_after: None };
        let Some(limited) = self.limited else { return Ok((result, Vec::new())) };
        let bound = result.end.now.into_iter().chain(result.end.oldest_open_write).min();
        let chosen = limited.finish(bound, &reading.normalizer)?;
        result.truncated = chosen.truncated;
        result.resume_after = chosen.resume_after;
        Ok((result, chosen.batches))
    }
}

fn filtered(
    batch: syncline_connector::SourceBatch,
    filter: &RowFilter,
    normalizer: &Normalizer,
) -> Result<syncline_connector::SourceBatch> {
    let mut rows = normalizer.rows(&batch.rows);
    let kept: Vec<u32> = (0..batch.rows.num_rows())
        .filter(|&row| {
            let row_id = rows.key(row).map(|k| k.row_id()).unwrap_or_default();
            filter.keeps(rows.cursor(row), &row_id)
        })
        .map(|row| row as u32)
        .collect();
    let mut selected = ingest::select(&batch, &kept)?;
    selected.unreadable = batch.unreadable;
    Ok(selected)
}

/// The comparing thread.
fn compare(
    start: impl FnOnce(HandOver) -> Result<Comparing>,
    mut messages: mpsc::Receiver<Message>,
    answers: mpsc::Sender<Answer>,
) -> Result<Planner> {
    let Comparing { mut planner, mut spilled, due, reseeds } = start(HandOver(answers.clone()))?;
    if reseeds && spilled.is_none() {
        planner.clear_all()?;
    }
    loop {
        let message = match messages.try_recv() {
            Ok(message) => Some(message),
            Err(_) => {
                // There is time to load entries that rows wait for.
                planner.decide_meanwhile()?;
                messages.blocking_recv()
            }
        };
        match message {
            None => return Err(gave_up()),
            Some(Message::Rows(rows)) => {
                planner.count(&rows)?;
                match &mut spilled {
                    None => planner.take(&rows)?,
                    Some(spilled) => spilled.take(&mut planner, &rows)?,
                }
                report(&mut planner, &answers, FAILURES_BATCH)?;
            }
            Some(Message::End { departures }) => {
                match spilled {
                    None => depart(&mut planner, departures, &due)?,
                    Some(spilled) => {
                        let mut then = |planner: &mut Planner, range: &HashRange| {
                            let due: Vec<Key> =
                                due.iter().filter(|key| range.contains(&key.hash())).cloned().collect();
                            depart(planner, departures, &due)?;
                            report(planner, &answers, FAILURES_BATCH)
                        };
                        spilled.compare(&mut planner, reseeds, &mut then)?;
                    }
                }
                if departures == Departures::All {
                    planner.check_known_matches()?;
                }
                report(&mut planner, &answers, 1)?;
                // The driver waits until nobody can answer any more.
                planner.end_load();
                return Ok(planner);
            }
        }
    }
}

/// Plans what follows from rows that did not come, of the keys known to the planner now.
fn depart(planner: &mut Planner, departures: Departures, due: &[Key]) -> Result<()> {
    planner.decide_deferred()?;
    match departures {
        Departures::All => planner.departures(),
        Departures::Asked => planner.departures_of(due),
        Departures::Unknown => Ok(()),
    }
}

/// Tells how far it is, and hands over failures once there are so many.
fn report(planner: &mut Planner, answers: &mpsc::Sender<Answer>, failures: usize) -> Result<()> {
    let tally = Answer::Progress(Box::new(planner.tally.clone()));
    answers.blocking_send(tally).map_err(|_| gave_up())?;
    if planner.failures.pending.len() >= failures {
        let failures = std::mem::take(&mut planner.failures.pending);
        answers.blocking_send(Answer::Failures(failures)).map_err(|_| gave_up())?;
    }
    Ok(())
}
