//! A state store at one of whose calls the process "dies": the call never returns, and the test drops
//! the run that waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::ids::LetterId;
use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, Result, Run, RunId, Stage, SyncId, SyncUid};
use syncline_store::*;
use tokio::sync::Notify;

/// Where the process dies, relative to a call that changes the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

pub struct StoppingStore {
    inner: Arc<dyn Store>,
    /// Changing calls that still return.
    left: AtomicUsize,
    moment: Moment,
    pub stopped: Notify,
    /// The disk is full whenever a dead letter is to be stored.
    pub refuses_letters: AtomicBool,
}

impl StoppingStore {
    /// Dies at the changing call after `calls` others.
    pub fn new(inner: Arc<dyn Store>, calls: usize, moment: Moment) -> Arc<Self> {
        Arc::new(Self {
            inner,
            left: AtomicUsize::new(calls),
            moment,
            stopped: Notify::new(),
            refuses_letters: AtomicBool::new(false),
        })
    }

    async fn around<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let dies = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_err();
        if !dies {
            return call.await;
        }
        if self.moment == Moment::After {
            call.await?;
        }
        self.stopped.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Store for StoppingStore {
    async fn ensure_syncs(&self, seen: &[SyncSeen], now: Timestamp) -> Result<Vec<SyncRecord>> {
        self.around(self.inner.ensure_syncs(seen, now)).await
    }

    async fn sync(&self, id: &SyncId) -> Result<Option<SyncRecord>> {
        self.inner.sync(id).await
    }

    async fn syncs(&self) -> Result<Vec<SyncRecord>> {
        self.inner.syncs().await
    }

    async fn set_sync_state(&self, uid: &SyncUid, state: &SyncState, now: Timestamp) -> Result<()> {
        self.around(self.inner.set_sync_state(uid, state, now)).await
    }

    async fn insert_run(&self, run: &Run, config: &str) -> Result<()> {
        self.around(self.inner.insert_run(run, config)).await
    }

    async fn claim_run(&self, id: &RunId, now: Timestamp) -> Result<Run> {
        self.around(self.inner.claim_run(id, now)).await
    }

    async fn reclaim_run(&self, id: &RunId) -> Result<Run> {
        self.around(self.inner.reclaim_run(id)).await
    }

    async fn update_run(&self, run: &Run) -> Result<()> {
        self.around(self.inner.update_run(run)).await
    }

    async fn end_run(&self, run: &Run, follow: &FollowUp) -> Result<()> {
        self.around(self.inner.end_run(run, follow)).await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        self.inner.run(id).await
    }

    async fn run_config(&self, id: &RunId) -> Result<String> {
        self.inner.run_config(id).await
    }

    async fn runs(&self, filter: &RunFilter, page: Page) -> Result<(Vec<Run>, u64)> {
        self.inner.runs(filter, page).await
    }

    async fn save_plan(&self, plan: &PlanRecord, epoch: u64, chunks: &[ChunkRecord]) -> Result<()> {
        self.around(self.inner.save_plan(plan, epoch, chunks)).await
    }

    async fn plan(&self, run: &RunId) -> Result<Option<PlanRecord>> {
        self.inner.plan(run).await
    }

    async fn scrub_plan(&self, run: &RunId, file: Option<&FileRef>) -> Result<()> {
        self.inner.scrub_plan(run, file).await
    }

    async fn chunks(&self, run: &RunId) -> Result<Vec<ChunkRecord>> {
        self.inner.chunks(run).await
    }

    async fn set_chunk(&self, run: &RunId, epoch: u64, chunk: &ChunkRecord) -> Result<()> {
        self.around(self.inner.set_chunk(run, epoch, chunk)).await
    }

    async fn add_row_errors(&self, run: &RunId, epoch: u64, errors: &[RowErrorRecord]) -> Result<()> {
        self.around(self.inner.add_row_errors(run, epoch, errors)).await
    }

    async fn clear_row_errors(&self, run: &RunId, epoch: u64, stage: Option<Stage>) -> Result<()> {
        self.around(self.inner.clear_row_errors(run, epoch, stage)).await
    }

    async fn row_errors(
        &self,
        run: &RunId,
        filter: &RowErrorFilter,
        page: Page,
    ) -> Result<(Vec<RowErrorRecord>, u64)> {
        self.inner.row_errors(run, filter, page).await
    }

    async fn row_error_groups(&self, run: &RunId) -> Result<Vec<RowErrorGroup>> {
        self.inner.row_error_groups(run).await
    }

    async fn letters_of_rows(&self, sync: &SyncUid, rows: &[String]) -> Result<BTreeMap<String, LetterId>> {
        self.inner.letters_of_rows(sync, rows).await
    }

    async fn stage_letters(&self, run: &RunId, epoch: u64, letters: &[DeadLetter]) -> Result<()> {
        if self.refuses_letters.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::LocalIo, "no space left on device"));
        }
        self.around(self.inner.stage_letters(run, epoch, letters)).await
    }

    async fn clear_staged_letters(&self, run: &RunId, epoch: u64) -> Result<()> {
        self.around(self.inner.clear_staged_letters(run, epoch)).await
    }

    async fn letters(&self, filter: &LetterFilter, page: Page) -> Result<(Vec<DeadLetter>, u64)> {
        self.inner.letters(filter, page).await
    }

    async fn letter(&self, id: &str) -> Result<Option<DeadLetter>> {
        self.inner.letter(id).await
    }

    async fn set_letter_state(&self, id: &str, state: LetterState) -> Result<DeadLetter> {
        self.around(self.inner.set_letter_state(id, state)).await
    }

    async fn move_letters(
        &self,
        ids: &[LetterId],
        from: &[LetterState],
        to: LetterState,
        because: Option<&str>,
    ) -> Result<u64> {
        self.around(self.inner.move_letters(ids, from, to, because)).await
    }

    async fn letters_by_id(&self, ids: &[LetterId]) -> Result<Vec<DeadLetter>> {
        self.inner.letters_by_id(ids).await
    }

    async fn edit_letter(&self, id: &str, edited: Option<&EditedPayload>) -> Result<DeadLetter> {
        self.around(self.inner.edit_letter(id, edited)).await
    }

    async fn begin_replay(&self, run: &Run) -> Result<()> {
        self.around(self.inner.begin_replay(run)).await
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        self.around(self.inner.commit(commit)).await
    }

    async fn generation(&self, uid: &SyncUid) -> Result<Option<Generation>> {
        self.inner.generation(uid).await
    }

    async fn set_cursor(&self, uid: &SyncUid, change: &CursorChange, now: Timestamp) -> Result<()> {
        self.around(self.inner.set_cursor(uid, change, now)).await
    }

    async fn cursor_history(&self, uid: &SyncUid, page: Page) -> Result<(Vec<CursorHistory>, u64)> {
        self.inner.cursor_history(uid, page).await
    }

    async fn forget_traces(&self, before: Timestamp) -> Result<u64> {
        self.inner.forget_traces(before).await
    }

    async fn forget(&self, keep: &KeepUntil) -> Result<Forgotten> {
        self.inner.forget(keep).await
    }

    async fn files_of_sync(&self, uid: &SyncUid) -> Result<Vec<String>> {
        self.inner.files_of_sync(uid).await
    }

    async fn purge(&self, purge: &Purge, removes: bool) -> Result<Option<Purged>> {
        self.around(self.inner.purge(purge, removes)).await
    }

    async fn wipe_freed(&self) -> Result<()> {
        self.inner.wipe_freed().await
    }

    async fn incarnation(&self) -> Result<Incarnation> {
        self.inner.incarnation().await
    }

    async fn live_files(&self) -> Result<Vec<String>> {
        self.inner.live_files().await
    }
}
