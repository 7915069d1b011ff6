//! The store's contract, kept by whatever runs transactions.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::ids::LetterId;
use syncline_core::run::FileRef;
use syncline_core::{Result, Run, RunId, Stage, SyncId, SyncUid};

use super::catalog_driver::number_events;
use super::{
    Outcome, Sql, commit, cursors, events, follow, generations, incarnation, letters, notices, plans, purge,
    registration, replays, requests, retention, row_errors, runs, syncs,
};
use crate::fail_points::fail_point;
use crate::{
    ChunkRecord, Commit, CursorChange, CursorHistory, DeadLetter, EditedPayload, FollowUp, Forgotten,
    Generation, Incarnation, KeepUntil, LetterFilter, LetterState, Page, PlanRecord, Purge, Purged,
    RowErrorFilter, RowErrorGroup, RowErrorRecord, RunFilter, Store, SyncRecord, SyncSeen, SyncState,
};

/// What runs transactions: an embedded database, or a server. Everything that a store does beyond
/// that is written once, here and in the modules beside this one.
///
/// Work may be run again from its start when its transaction met another one, so it changes nothing
/// but the database. A caller that gives up does not stop work that has begun.
pub trait Backend: Send + Sync {
    /// Runs `work` in a transaction of its own that sees one state of the database.
    fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send;

    /// Runs `work` in a transaction that is durable when this returns, or leaves nothing. What it
    /// reads stays true until it commits.
    fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send;

    /// As [`Backend::read`], of what is not durable.
    fn read_live<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        self.read(work)
    }

    /// Overwrites what is free in the database's own files, where they are this program's.
    fn wipe_freed(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

#[async_trait]
impl<B: Backend + 'static> Store for B {
    async fn ensure_syncs(&self, seen: &[SyncSeen], now: Timestamp) -> Result<Vec<SyncRecord>> {
        Page::first(seen.len() as u64).check()?;
        let seen: Arc<[SyncSeen]> = seen.into();
        // They are known but for the first time, and reading keeps nobody waiting.
        let looked_for = Arc::clone(&seen);
        if let Some(known) = self.read(move |tx| registration::known(tx, &looked_for)).await? {
            return Ok(known);
        }
        self.write(move |tx| registration::ensure(tx, &seen, now)).await
    }

    async fn sync(&self, id: &SyncId) -> Result<Option<SyncRecord>> {
        let id = id.clone();
        self.read(move |tx| syncs::by_id(tx, &id)).await
    }

    async fn syncs(&self) -> Result<Vec<SyncRecord>> {
        self.read(syncs::all).await
    }

    async fn set_sync_state(&self, uid: &SyncUid, state: &SyncState, now: Timestamp) -> Result<()> {
        let (uid, state) = (uid.clone(), state.clone());
        self.write(move |tx| follow::set_state(tx, &uid, &state, None, now)).await?;
        Ok(())
    }

    async fn insert_run(&self, run: &Run, config: &str) -> Result<()> {
        let (run, config) = (run.clone(), config.to_string());
        self.write(move |tx| runs::insert(tx, &run, &config)).await
    }

    async fn claim_run(&self, id: &RunId, now: Timestamp) -> Result<Run> {
        let id = id.clone();
        self.write(move |tx| runs::claim(tx, &id, now)).await
    }

    async fn reclaim_run(&self, id: &RunId) -> Result<Run> {
        let id = id.clone();
        self.write(move |tx| runs::reclaim(tx, &id)).await
    }

    async fn update_run(&self, run: &Run) -> Result<()> {
        let run = run.clone();
        self.write(move |tx| runs::update(tx, &run)).await
    }

    async fn end_run(&self, run: &Run, follow: &FollowUp) -> Result<()> {
        let (run, follow) = (run.clone(), follow.clone());
        self.write(move |tx| {
            runs::update(tx, &run)?;
            follow::up(tx, &follow)
        })
        .await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        let id = id.clone();
        self.read(move |tx| runs::get(tx, &id)).await
    }

    async fn run_config(&self, id: &RunId) -> Result<String> {
        let id = id.clone();
        self.read(move |tx| runs::config(tx, &id)).await
    }

    async fn runs(&self, filter: &RunFilter, page: Page) -> Result<(Vec<Run>, u64)> {
        let filter = filter.clone();
        self.read(move |tx| runs::list(tx, &filter, page)).await
    }

    async fn save_plan(&self, plan: &PlanRecord, epoch: u64, chunks: &[ChunkRecord]) -> Result<()> {
        let (plan, chunks) = (plan.clone(), chunks.to_vec());
        self.write(move |tx| plans::save(tx, &plan, epoch, &chunks)).await?;
        fail_point!("store.save_plan.after");
        Ok(())
    }

    async fn plan(&self, run: &RunId) -> Result<Option<PlanRecord>> {
        let run = run.clone();
        self.read(move |tx| plans::get(tx, &run)).await
    }

    async fn scrub_plan(&self, run: &RunId, file: Option<&FileRef>) -> Result<()> {
        let (run, file) = (run.clone(), file.cloned());
        self.write(move |tx| plans::scrub(tx, &run, file.as_ref())).await
    }

    async fn chunks(&self, run: &RunId) -> Result<Vec<ChunkRecord>> {
        let run = run.clone();
        self.read(move |tx| plans::chunks(tx, &run)).await
    }

    async fn set_chunk(&self, run: &RunId, epoch: u64, chunk: &ChunkRecord) -> Result<()> {
        let (run, chunk) = (run.clone(), chunk.clone());
        fail_point!("store.set_chunk.before");
        self.write(move |tx| plans::set_chunk(tx, &run, epoch, &chunk)).await?;
        fail_point!("store.set_chunk.after");
        Ok(())
    }

    async fn add_row_errors(&self, run: &RunId, epoch: u64, errors: &[RowErrorRecord]) -> Result<()> {
        let (run, errors) = (run.clone(), errors.to_vec());
        self.write(move |tx| row_errors::add(tx, &run, epoch, &errors)).await
    }

    async fn clear_row_errors(&self, run: &RunId, epoch: u64, stage: Option<Stage>) -> Result<()> {
        let run = run.clone();
        self.write(move |tx| row_errors::clear(tx, &run, epoch, stage)).await
    }

    async fn row_errors(
        &self,
        run: &RunId,
        filter: &RowErrorFilter,
        page: Page,
    ) -> Result<(Vec<RowErrorRecord>, u64)> {
        let (run, filter) = (run.clone(), filter.clone());
        self.read(move |tx| row_errors::list(tx, &run, &filter, page)).await
    }

    async fn row_error_groups(&self, run: &RunId) -> Result<Vec<RowErrorGroup>> {
        let run = run.clone();
        self.read(move |tx| row_errors::groups(tx, &run)).await
    }

    async fn stage_letters(&self, run: &RunId, epoch: u64, letters: &[DeadLetter]) -> Result<()> {
        let (run, letters) = (run.clone(), letters.to_vec());
        self.write(move |tx| letters::stage(tx, &run, epoch, &letters)).await
    }

    async fn clear_staged_letters(&self, run: &RunId, epoch: u64) -> Result<()> {
        let run = run.clone();
        self.write(move |tx| letters::clear_staged(tx, &run, epoch)).await
    }

    async fn letters(&self, filter: &LetterFilter, page: Page) -> Result<(Vec<DeadLetter>, u64)> {
        let filter = filter.clone();
        self.read(move |tx| letters::list(tx, &filter, page)).await
    }

    async fn letter(&self, id: &str) -> Result<Option<DeadLetter>> {
        let id = id.to_string();
        self.read(move |tx| letters::get(tx, &id)).await
    }

    async fn letters_of_rows(&self, sync: &SyncUid, rows: &[String]) -> Result<BTreeMap<String, LetterId>> {
        let (sync, rows) = (sync.clone(), rows.to_vec());
        self.read(move |tx| letters::of_rows(tx, &sync, &rows)).await
    }

    async fn letters_by_id(&self, ids: &[LetterId]) -> Result<Vec<DeadLetter>> {
        let ids = ids.to_vec();
        self.read(move |tx| replays::letters(tx, &ids)).await
    }

    async fn edit_letter(&self, id: &str, edited: Option<&EditedPayload>) -> Result<DeadLetter> {
        let (id, edited) = (id.to_string(), edited.cloned());
        self.write(move |tx| replays::edit(tx, &id, edited.as_ref())).await
    }

    async fn begin_replay(&self, run: &Run) -> Result<()> {
        let run = run.clone();
        self.write(move |tx| replays::begin(tx, &run)).await
    }

    async fn move_letters(
        &self,
        ids: &[LetterId],
        from: &[LetterState],
        to: LetterState,
        because: Option<&str>,
    ) -> Result<u64> {
        let (ids, from, because) = (ids.to_vec(), from.to_vec(), because.map(str::to_string));
        self.write(move |tx| letters::move_all(tx, &ids, &from, to, because.as_deref())).await
    }

    async fn set_letter_state(&self, id: &str, state: LetterState) -> Result<DeadLetter> {
        let id = id.to_string();
        self.write(move |tx| letters::set_state(tx, &id, state)).await
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        let commit = commit.clone();
        fail_point!("store.commit.before");
        self.write(move |tx| commit::apply(tx, &commit)).await?;
        fail_point!("store.commit.after");
        Ok(())
    }

    async fn generation(&self, uid: &SyncUid) -> Result<Option<Generation>> {
        let uid = uid.clone();
        self.read(move |tx| generations::newest(tx, &uid)).await
    }

    async fn set_cursor(&self, uid: &SyncUid, change: &CursorChange, now: Timestamp) -> Result<()> {
        let (uid, change) = (uid.clone(), change.clone());
        self.write(move |tx| cursors::set_by_hand(tx, &uid, &change, now)).await
    }

    async fn cursor_history(&self, uid: &SyncUid, page: Page) -> Result<(Vec<CursorHistory>, u64)> {
        let uid = uid.clone();
        self.read(move |tx| cursors::history(tx, &uid, page)).await
    }

    async fn forget(&self, keep: &KeepUntil) -> Result<Forgotten> {
        let keep = keep.clone();
        self.write(move |tx| retention::forget(tx, &keep)).await
    }

    async fn forget_traces(&self, before: Timestamp) -> Result<u64> {
        number_events(self).await?;
        self.write(move |tx| {
            Ok(events::forget(tx, before)? + notices::forget(tx, before)? + requests::forget(tx, before)?)
        })
        .await
    }

    async fn live_files(&self) -> Result<Vec<String>> {
        self.read(generations::live_files).await
    }

    async fn files_of_sync(&self, uid: &SyncUid) -> Result<Vec<String>> {
        let uid = uid.clone();
        self.read(move |tx| purge::files_of_sync(tx, &uid)).await
    }

    async fn purge(&self, purge: &Purge, removes: bool) -> Result<Option<Purged>> {
        let purge = purge.clone();
        match removes {
            true => {
                number_events(self).await?;
                self.write(move |tx| purge::purge(tx, &purge, true)).await
            }
            false => self.read(move |tx| purge::purge(tx, &purge, false)).await,
        }
    }

    async fn wipe_freed(&self) -> Result<()> {
        Backend::wipe_freed(self).await
    }

    async fn incarnation(&self) -> Result<Incarnation> {
        self.read(incarnation::get).await
    }
}
