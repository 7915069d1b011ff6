//! The life of a run: queued, claimed, planned, guarded, applied, committed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_connector::{Destination, DestinationSpec, Source};
use syncline_core::ids::uuid_at;
use syncline_core::run::{RunOptions, TimelineEntry};
use syncline_core::sync::{StoreValues, Sync, WriteMode};
use syncline_core::{
    Counters, Durations, EndReason, Error, ErrorKind, Phase, ReadMode, Result, Run, RunId, RunStatus,
    RunType, SyncId, SyncUid, Trigger,
};
use syncline_expr::LookupTables;
use syncline_store::{
    ChunkRecord, Commit, FileStore, FollowUp, Forgotten, KeepUntil, Page, PlanRecord, RowErrorFilter,
    RunFilter, Store, SyncRecord, SyncSeen, SyncState,
};
use uuid::Uuid;

use crate::apply::{self, Extent};
use crate::approval;
use crate::clock::Clock;
use crate::failures::Failure;
use crate::finalize;
use crate::load::{self, Loaded};
use crate::plan::{self, Made, PlanContext};
use crate::replay;
use crate::watch::Watch;

/// Files that nothing names are kept this long: a process may be about to name them.
const FILES_KEPT_MIN: Duration = Duration::from_secs(24 * 3_600);
/// Syncs that are registered in one transaction.
const REGISTERED_AT_ONCE: usize = 500;

/// Both ends of a sync, ready to use.
#[derive(Clone)]
pub struct Endpoints {
    pub source: Arc<dyn Source>,
    pub destination: Arc<dyn Destination>,
    pub spec: DestinationSpec,
    pub lookups: Arc<LookupTables>,
}

/// Runs syncs over a state store.
pub struct Engine {
    pub store: Arc<dyn Store>,
    pub files: FileStore,
    pub clock: Arc<dyn Clock>,
    /// What follows from the end of a run.
    pub succession: Arc<dyn Succession>,
    /// Folder for temporary files, on the same disk as the state.
    pub scratch: PathBuf,
    /// Bytes that one run may hold.
    pub memory_budget: u64,
    /// Version of the program, recorded with every generation.
    pub version: String,
}

/// Decides what the end of a run brings about in its own transaction: the next fire, a retry, the runs
/// of other syncs, notices.
#[async_trait]
pub trait Succession: Send + std::marker::Sync {
    /// `run` is as it will be stored; `state` is the sync's new state, if its end changes it.
    async fn follow_up(&self, run: &Run, state: Option<&SyncState>) -> Result<FollowUp>;
}

/// Nothing follows: there is no schedule to keep, as in a command line.
pub struct NoSuccession;

#[async_trait]
impl Succession for NoSuccession {
    async fn follow_up(&self, _run: &Run, _state: Option<&SyncState>) -> Result<FollowUp> {
        Ok(FollowUp::default())
    }
}

/// Hash of a sync's definition: what makes a plan stale when it changes.
pub fn config_hash(sync: &Sync) -> String {
    // Activation, tags and schedule change nothing about what a run does.
    let relevant = Sync { active: true, tags: Vec::new(), schedule: None, ..sync.clone() };
    let text = serde_json::to_string(&relevant).unwrap_or_default();
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))
}

/// A sync as the state is told of it.
fn seen(sync: &Sync, now: Timestamp) -> SyncSeen {
    SyncSeen {
        id: sync.id.clone(),
        renamed_from: sync.renamed_from.clone(),
        active: sync.active,
        uid: SyncUid::from_uuid(uuid_at(now)),
        seed: rand::random(),
    }
}

/// A sync's definition as a run is pinned to it.
pub fn pinned(sync: &Sync) -> Result<String> {
    serde_json::to_string(sync).map_err(|e| Error::internal(e.to_string()))
}

impl Engine {
    /// The folder for temporary files, made if need be.
    pub fn scratch(&self) -> Result<&Path> {
        std::fs::create_dir_all(&self.scratch)?;
        Ok(&self.scratch)
    }

    /// Finds or registers a sync in the state.
    pub async fn register(&self, sync: &Sync) -> Result<SyncRecord> {
        let now = self.clock.now();
        self.store.ensure_sync(&seen(sync, now), now).await
    }

    /// The same for many, a page of them at a time.
    pub async fn register_all(&self, syncs: &[&Sync]) -> Result<()> {
        for page in syncs.chunks(REGISTERED_AT_ONCE) {
            let now = self.clock.now();
            let page: Vec<SyncSeen> = page.iter().map(|sync| seen(sync, now)).collect();
            self.store.ensure_syncs(&page, now).await?;
        }
        Ok(())
    }

    /// A new run (queued, not stored yet) of what is asked for, if that may be asked for.
    pub async fn new_run(
        &self,
        sync: &Sync,
        run_type: RunType,
        trigger: Trigger,
        options: RunOptions,
    ) -> Result<Run> {
        let options = limit_ids(options);
        let record = self.register(sync).await?;
        check_request(sync, &record, run_type, &options)?;
        if let Some(replay) = &options.replay {
            self.check_replay(sync, &record, replay).await?;
        }
        Ok(new_run(sync, &record, run_type, trigger, options, self.clock.now()))
    }

    /// Stores a new queued run, pinned to the sync's definition.
    pub async fn queue(
        &self,
        sync: &Sync,
        run_type: RunType,
        trigger: Trigger,
        options: RunOptions,
    ) -> Result<Run> {
        let run = self.new_run(sync, run_type, trigger, options).await?;
        self.store.insert_run(&run, &pinned(sync)?).await?;
        Ok(run)
    }

    /// Executes a queued or claimed run to its end, or until a guard holds it. A run that was approved
    /// goes on with its plan, one of a saved plan takes that over.
    ///
    /// An `Err` means that the state could not be kept (disk full, damaged, taken over); everything
    /// that went wrong with the run itself is in the run that is returned.
    pub async fn execute(&self, run: Run, sync: &Sync, ends: &Endpoints, watch: &Watch) -> Result<Run> {
        let (run, record) = self.begin(run, watch).await?;
        if run.planned_at.is_some() {
            return self.go_on_approved(run, sync, &record, ends, watch).await;
        }
        match run.options.plan_of.clone() {
            Some(planned_by) => self.take_over_plan(run, &planned_by, sync, &record, ends, watch).await,
            None => self.plan_and_apply(run, sync, &record, ends, watch).await,
        }
    }

    async fn plan_and_apply(
        &self,
        mut run: Run,
        sync: &Sync,
        record: &SyncRecord,
        ends: &Endpoints,
        watch: &Watch,
    ) -> Result<Run> {
        if run.options.reseed && run.run_type.writes() {
            match self.export_before_reseed(sync, record).await {
                Ok(notice) => run.notices.push(notice),
                Err(e) => return self.end_unwritten(run, sync, record, e, watch).await,
            }
        }
        match load::load(self, &mut run, sync, record, ends, watch).await {
            Ok(Loaded::Done(loaded)) => {
                let (Made { record: plan, mut context, .. }, applied) = *loaded;
                refresh_incarnation(sync, ends, &mut context).await;
                finalize::finalize(self, &mut run, sync, record, &plan, &context, applied, watch).await?;
                return Ok(run);
            }
            Ok(Loaded::No) => {}
            Err(e) => return self.end_unwritten(run, sync, record, e, watch).await,
        }
        let made = match plan::make(self, &mut run, sync, record, ends, watch).await {
            Ok(made) => made,
            Err(e) => return self.end_unwritten(run, sync, record, e, watch).await,
        };
        if !run.run_type.writes() {
            return self.end_test(run, watch).await;
        }
        if let Err(e) =
            apply::threshold(sync, made.context.first_failures, made.context.planned.rows_processed)
        {
            return self.end_planned(run, sync, record, &made.record, made.context, e, watch).await;
        }
        if made.verdicts.iter().any(|v| v.tripped) {
            return self.hold(run, watch).await;
        }
        self.carry_out(run, sync, record, &made.record, made.context, ends, watch).await
    }

    /// Claims a queued run and starts it.
    async fn begin(&self, run: Run, watch: &Watch) -> Result<(Run, SyncRecord)> {
        let now = self.clock.now();
        // Whoever serves a queue has claimed it already.
        let mut run = match run.status {
            RunStatus::Starting => run,
            _ => self.store.claim_run(&run.id, now).await?,
        };
        run.status = run.status.transition(RunStatus::Running)?;
        // It waited since it was due or queued or, when it was held, since its plan was ready.
        let due_at = run.run_at.map_or(run.created_at, |at| at.max(run.created_at));
        let since = run.timeline.last().and_then(|t| t.ended_at).unwrap_or(due_at);
        run.durations.waiting += now.duration_since(since).as_secs_f64().max(0.0);
        run.started_at.get_or_insert(now);
        self.store.update_run(&run).await?;
        if run.run_type == RunType::Replay {
            self.store.begin_replay(&run).await?;
        }
        watch.update(|p| p.status = Some(run.status));
        fail::fail_point!("engine.run.started");
        let record = self.store.sync(&run.sync_id).await?;
        let record = record.ok_or_else(|| Error::internal("a run's sync is not in the state"))?;
        Ok((run, record))
    }

    /// Applies a stored plan and commits.
    #[allow(clippy::too_many_arguments)]
    pub(crate) async fn carry_out(
        &self,
        mut run: Run,
        sync: &Sync,
        record: &SyncRecord,
        plan: &PlanRecord,
        mut context: PlanContext,
        ends: &Endpoints,
        watch: &Watch,
    ) -> Result<Run> {
        self.enter_phase(&mut run, Phase::Writing, watch).await?;
        let applied =
            apply::apply(self, &mut run, sync, plan, &context, ends, watch, Extent::Everything).await?;
        if plan.file.is_some() {
            refresh_incarnation(sync, ends, &mut context).await;
        }
        finalize::finalize(self, &mut run, sync, record, plan, &context, applied, watch).await?;
        Ok(run)
    }

    /// Ends a run that wrote nothing because of `error`.
    pub(crate) async fn end_unwritten(
        &self,
        mut run: Run,
        sync: &Sync,
        record: &SyncRecord,
        error: Error,
        watch: &Watch,
    ) -> Result<Run> {
        if matches!(error.kind, ErrorKind::Fenced) {
            return Err(error);
        }
        // What was counted so far was read, and nothing of it was sent.
        run.counters = Counters::default();
        run.skipped.clear();
        self.forget_failures(&run).await?;
        let sync_state = match run.run_type.writes() {
            true => finalize::halted(self, &run, sync, record, Some(&error)).await?,
            false => None,
        };
        run.halted_sync = sync_state.is_some();
        finalize::conclude(&mut run, Some(&error), self.clock.now())?;
        run.base_generation = Some(record.generation);
        let follow = self.succession.follow_up(&run, sync_state.as_ref()).await?;
        let commit = Commit {
            run: run.clone(),
            generation: None,
            cursor: None,
            resolved: Vec::new(),
            sync_state,
            full_read_at: None,
            config_hash: None,
            follow,
            now: self.clock.now(),
        };
        self.store.commit(&commit).await?;
        watch.update(|p| p.status = Some(run.status));
        Ok(run)
    }

    /// Ends a run by its plan alone: the failed rows are recorded, nothing is sent.
    #[allow(clippy::too_many_arguments)]
    async fn end_planned(
        &self,
        mut run: Run,
        sync: &Sync,
        record: &SyncRecord,
        plan: &PlanRecord,
        context: PlanContext,
        error: Error,
        watch: &Watch,
    ) -> Result<Run> {
        let chunks = self.store.chunks(&run.id).await?;
        let applied = apply::Applied { error: Some(error), open: Default::default(), chunks };
        finalize::finalize(self, &mut run, sync, record, plan, &context, applied, watch).await?;
        Ok(run)
    }

    async fn end_test(&self, mut run: Run, watch: &Watch) -> Result<Run> {
        run.counters.check()?;
        finalize::conclude(&mut run, None, self.clock.now())?;
        self.end(&run).await?;
        watch.update(|p| p.status = Some(run.status));
        Ok(run)
    }

    async fn hold(&self, mut run: Run, watch: &Watch) -> Result<Run> {
        run.status = run.status.transition(RunStatus::Held)?;
        run.phase = None;
        close_phase(&mut run, self.clock.now());
        self.end(&run).await?;
        fail::fail_point!("engine.run.held");
        watch.update(|p| p.status = Some(run.status));
        Ok(run)
    }

    /// Releases a held run and executes it.
    pub async fn approve(&self, id: &RunId, sync: &Sync, ends: &Endpoints, watch: &Watch) -> Result<Run> {
        let run = self.release(id, sync).await?;
        self.execute(run, sync, ends, watch).await
    }

    /// Queues a held run again: a person approved what it planned.
    pub async fn release(&self, id: &RunId, sync: &Sync) -> Result<Run> {
        let mut run = self.run(id).await?;
        // A queued run that has a plan was approved before, by a process that died.
        let approved_before = run.status == RunStatus::Queued && run.planned_at.is_some();
        if run.status != RunStatus::Held && !approved_before {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{id} is {}, not held", run.status.as_str()),
            ));
        }
        self.stored_plan(id).await?;
        if run.config_hash != config_hash(sync) {
            return Err(stale(format!("{} changed since {id} was planned", sync.id))
                .help(format!("reject it with `syncline reject {id}` and run {} again", sync.id)));
        }
        if run.status == RunStatus::Held {
            run.status = run.status.transition(RunStatus::Queued)?;
            self.store.update_run(&run).await?;
        }
        Ok(run)
    }

    /// Applies the plan of an approved run, or makes a new one when it is too old or no longer fits,
    /// and applies that if it stays within what was approved.
    async fn go_on_approved(
        &self,
        mut run: Run,
        sync: &Sync,
        record: &SyncRecord,
        ends: &Endpoints,
        watch: &Watch,
    ) -> Result<Run> {
        let plan = self.stored_plan(&run.id).await?;
        let context = context_of(&plan)?;
        let age = self.clock.now().duration_since(plan.created_at).as_secs_f64();
        if context.base_generation == record.generation && age < sync.plan_ttl.as_secs_f64() {
            return self.carry_out(run, sync, record, &plan, context, ends, watch).await;
        }
        let approved = approval::Approved::read(&self.files, &plan, &context)?;
        let made = match plan::make(self, &mut run, sync, record, ends, watch).await {
            Ok(made) => made,
            Err(e) => return self.end_unwritten(run, sync, record, e, watch).await,
        };
        if let Err(e) =
            apply::threshold(sync, made.context.first_failures, made.context.planned.rows_processed)
        {
            return self.end_planned(run, sync, record, &made.record, made.context, e, watch).await;
        }
        if let Some(difference) = approved.exceeded_by(&self.files, &made.record, &made.context)? {
            run.notices.push(format!("planned again after approval: {difference}"));
            return self.hold(run, watch).await;
        }
        self.carry_out(run, sync, record, &made.record, made.context, ends, watch).await
    }

    /// Ends a held run without writing anything.
    pub async fn reject(&self, id: &RunId) -> Result<Run> {
        let run = self.run(id).await?;
        if run.status != RunStatus::Held {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{id} is {}, not held", run.status.as_str()),
            ));
        }
        self.drop_held(run, EndReason::Rejected, "rejected by a person").await
    }

    /// Stores the end of a run that sent nothing, or that it is held, with what follows from it.
    async fn end(&self, run: &Run) -> Result<()> {
        let follow = self.succession.follow_up(run, None).await?;
        self.store.end_run(run, &follow).await
    }

    /// Ends a held run; everything that was planned stays undone.
    async fn drop_held(&self, mut run: Run, reason: EndReason, why: &str) -> Result<Run> {
        run.drop_plan(reason, why, self.clock.now())?;
        self.end(&run).await?;
        Ok(run)
    }

    /// Applies the plan that a test run stored, in a new run. The plan must be of the sync's current
    /// definition and snapshot.
    pub async fn apply_saved(
        &self,
        planned_by: &RunId,
        digest: &str,
        sync: &Sync,
        ends: &Endpoints,
        trigger: Trigger,
        watch: &Watch,
    ) -> Result<Run> {
        let options = self.options_of_saved(planned_by, digest, sync).await?;
        let run = self.queue(sync, RunType::OneTime, trigger, options).await?;
        self.execute(run, sync, ends, watch).await
    }

    /// The options of a run that applies the plan of `planned_by`; `stale_plan` when it no longer fits.
    pub async fn options_of_saved(
        &self,
        planned_by: &RunId,
        digest: &str,
        sync: &Sync,
    ) -> Result<RunOptions> {
        let earlier = self.run(planned_by).await?;
        let plan = self.stored_plan(planned_by).await?;
        if plan.digest != digest {
            return Err(stale(format!("the plan of {planned_by} is not the one in this file")));
        }
        self.check_saved(&earlier, &plan, sync, &self.register(sync).await?).await?;
        Ok(RunOptions { plan_of: Some(planned_by.clone()), ..earlier.options })
    }

    /// `stale_plan` when the plan of an earlier run no longer fits its sync.
    async fn check_saved(
        &self,
        earlier: &Run,
        plan: &PlanRecord,
        sync: &Sync,
        record: &SyncRecord,
    ) -> Result<()> {
        let context = context_of(plan)?;
        if plan.purged {
            let message = format!("records were purged from the plan of {} since it was made", earlier.id);
            return Err(stale(message).help("plan again"));
        }
        if earlier.sync_uid != record.uid || context.config_hash != config_hash(sync) {
            return Err(stale(format!("{} changed since the plan was made", sync.id)).help("plan again"));
        }
        if context.base_generation != record.generation {
            return Err(stale(format!("{} ran since the plan was made", sync.id)).help("plan again"));
        }
        if self.is_from_before_a_restore(plan).await? {
            return Err(stale(format!(
                "the state of {} was restored from a backup since the plan was made",
                sync.id
            ))
            .help("plan again"));
        }
        let age = self.clock.now().duration_since(plan.created_at).as_secs_f64();
        if age >= sync.plan_ttl.as_secs_f64() {
            return Err(stale(format!("the plan is older than plan_ttl of {}", sync.id)).help("plan again"));
        }
        Ok(())
    }

    /// Whether others may have carried out a plan after the backup was made that it came back with.
    pub(crate) async fn is_from_before_a_restore(&self, plan: &PlanRecord) -> Result<bool> {
        let restored_at = self.store.incarnation().await?.restored_at;
        Ok(restored_at.is_some_and(|at| plan.created_at < at))
    }

    /// Makes the plan of a test run that of this one and carries it out.
    async fn take_over_plan(
        &self,
        mut run: Run,
        planned_by: &RunId,
        sync: &Sync,
        record: &SyncRecord,
        ends: &Endpoints,
        watch: &Watch,
    ) -> Result<Run> {
        let earlier = self.run(planned_by).await?;
        let plan = self.stored_plan(planned_by).await?;
        if let Err(e) = self.check_saved(&earlier, &plan, sync, record).await {
            return self.end_unwritten(run, sync, record, e, watch).await;
        }
        let mut context = context_of(&plan)?;
        run.counters = earlier.counters;
        run.skipped = earlier.skipped;
        run.complete_read = earlier.complete_read;
        run.guards = earlier.guards;
        run.base_generation = Some(record.generation);
        run.planned_at = Some(plan.created_at);
        // A test stores no entry updates and no letters. What they are about comes again in the next run,
        // which a cursor that moved past invalid rows would prevent (G2).
        if context.planned.rows_failed > 0 {
            context.cursor_to = record.cursor.clone();
        }
        context.resolved.clear();
        let stored = serde_json::to_value(&context).map_err(|e| Error::internal(e.to_string()))?;
        let plan = PlanRecord { run_id: run.id.clone(), context: stored, ..plan };
        let chunks: Vec<ChunkRecord> = self.store.chunks(planned_by).await?;
        self.store.save_plan(&plan, run.epoch, &chunks).await?;
        self.copy_row_errors(planned_by, &run).await?;
        self.carry_out(run, sync, record, &plan, context, ends, watch).await
    }

    async fn copy_row_errors(&self, from: &RunId, to: &Run) -> Result<()> {
        let mut page = Page::first(Page::SIZE_MAX);
        loop {
            let (errors, total) = self.store.row_errors(from, &RowErrorFilter::ALL, page).await?;
            self.store.add_row_errors(&to.id, to.epoch, &errors).await?;
            if page.offset() + page.size >= total {
                return Ok(());
            }
            page.number += 1;
        }
    }

    pub async fn run(&self, id: &RunId) -> Result<Run> {
        self.store.run(id).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no run '{id}'"))
                .help("list runs with `syncline runs`")
        })
    }

    pub async fn stored_plan(&self, id: &RunId) -> Result<PlanRecord> {
        self.store
            .plan(id)
            .await?
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("{id} has no stored plan")))
    }

    /// Moves a run to its next phase, in the record, the timeline and the watch.
    pub async fn enter_phase(&self, run: &mut Run, phase: Phase, watch: &Watch) -> Result<()> {
        if run.phase != Some(phase) {
            let now = self.clock.now();
            close_phase(run, now);
            run.timeline.push(TimelineEntry { phase, started_at: now, ended_at: None });
            run.phase = Some(phase);
        }
        if phase == Phase::Writing {
            // From here on they count what was done, not what is planned.
            run.counters = Counters { rows_created: 0, rows_updated: 0, rows_deleted: 0, ..run.counters };
        }
        watch.update(|p| {
            p.status = Some(run.status);
            p.phase = Some(phase);
        });
        self.store.update_run(run).await
    }

    /// Stores failed rows: as errors of the run and, when it writes, as hidden letters.
    pub async fn store_failures(
        &self,
        run: &Run,
        sync: &Sync,
        mapping_version: u64,
        failures: &[Failure],
    ) -> Result<()> {
        if failures.is_empty() {
            return Ok(());
        }
        let keeps = sync.store_values == StoreValues::Full;
        let errors: Vec<_> = failures.iter().map(|f| f.row_error(keeps)).collect();
        self.store.add_row_errors(&run.id, run.epoch, &errors).await?;
        if !run.run_type.writes() {
            return Ok(());
        }
        let now = self.clock.now();
        let letters: Vec<_> =
            failures.iter().filter_map(|f| f.letter(run, mapping_version, keeps, now)).collect();
        // G12: when a letter cannot be stored, this fails and the run with it.
        self.store.stage_letters(&run.id, run.epoch, &letters).await
    }

    /// Drops what an earlier planning of a run recorded of failed rows.
    pub async fn forget_failures(&self, run: &Run) -> Result<()> {
        self.store.clear_row_errors(&run.id, run.epoch, None).await?;
        self.store.clear_staged_letters(&run.id, run.epoch).await
    }

    /// Ends held runs that nobody decided on for a week.
    async fn expire_held(&self) -> Result<()> {
        let filter = RunFilter { statuses: vec![RunStatus::Held], ..RunFilter::default() };
        let (held, _) = self.store.runs(&filter, Page::first(Page::SIZE_MAX)).await?;
        let now = self.clock.now();
        for run in held {
            let planned = run.planned_at.unwrap_or(run.created_at);
            if now.duration_since(planned).as_secs_f64() >= Run::HELD_MAX.as_secs_f64() {
                self.drop_held(run, EndReason::Expired, "nobody approved it for a week").await?;
            }
        }
        Ok(())
    }

    /// Ends held runs past waiting, forgets runs and letters past keeping, and removes files that nothing has named for a day.
    /// Returns what was forgotten and how many files went.
    pub async fn tidy(&self, keep: &KeepUntil) -> Result<(Forgotten, u64)> {
        self.expire_held().await?;
        let forgotten = self.store.forget(keep).await?;
        self.store.forget_traces(keep.traces_from).await?;
        let live = self.store.live_files().await?;
        let now = std::time::SystemTime::from(self.clock.now());
        let removed = self.files.remove_unreferenced(&live, FILES_KEPT_MIN, now)?;
        Ok((forgotten, removed))
    }

    /// Sets a sync active or inactive by hand.
    pub async fn set_active(&self, id: &SyncId, active: bool) -> Result<SyncRecord> {
        let record = self.store.sync(id).await?;
        let record = record.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no sync '{id}' in the state"))
        })?;
        let state = if active { SyncState::Active } else { SyncState::Inactive };
        self.store.set_sync_state(&record.uid, &state, self.clock.now()).await?;
        Ok(SyncRecord { state, ..record })
    }
}

fn stale(message: String) -> Error {
    Error::new(ErrorKind::StalePlan, message)
}

fn close_phase(run: &mut Run, now: Timestamp) {
    if let Some(last) = run.timeline.last_mut() {
        last.ended_at.get_or_insert(now);
    }
}

/// Of records that are named, a limit takes the first; nothing is left for it to count.
fn limit_ids(mut options: RunOptions) -> RunOptions {
    if !options.source_ids.is_empty()
        && let Some(limit) = options.max_entities.take()
    {
        options.source_ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    options
}

/// What may not be asked for.
fn check_request(sync: &Sync, record: &SyncRecord, run_type: RunType, options: &RunOptions) -> Result<()> {
    replay::check_options(run_type, options)?;
    let refuse = |message: String, help: &str| Err(Error::new(ErrorKind::BadUsage, message).help(help));
    if options.read_mode == ReadMode::Full && sync.write_mode == WriteMode::Append {
        return refuse(
            format!("{} appends: a full run would append every row again", sync.id),
            "use --cursor reset to read everything and append what changed",
        );
    }
    if !options.source_ids.is_empty() && options.reseed {
        return refuse("source ids cannot be combined with a reseed".into(), "ask for one of them");
    }
    if options.reseed && sync.to.match_fields.is_empty() {
        return refuse(
            format!("{} has no match fields by which its records could be cleared", sync.id),
            "clear the target yourself, then seed",
        );
    }
    if options.reseed && run_type != RunType::Seed && run_type != RunType::Test {
        return refuse("only a seed can reseed".into(), "use `syncline seed --reseed`");
    }
    if run_type == RunType::Seed
        && sync.write_mode == WriteMode::Append
        && record.generation > 0
        && !options.reseed
    {
        return refuse(
            format!("{} was seeded before; seeding again would append every row again", sync.id),
            "run it without --type seed",
        );
    }
    if let SyncState::Halted { reason, .. } = &record.state
        && !matches!(run_type, RunType::Test | RunType::OneTime | RunType::Replay)
    {
        let error = Error::new(ErrorKind::SyncHalted, format!("{} is halted: {reason}", sync.id));
        return Err(error.help(format!(
            "activate it with `syncline activate {}`, or run it once with --type one_time",
            sync.id
        )));
    }
    Ok(())
}

fn new_run(
    sync: &Sync,
    record: &SyncRecord,
    run_type: RunType,
    trigger: Trigger,
    options: RunOptions,
    now: Timestamp,
) -> Run {
    Run {
        id: RunId::from_uuid(uuid_at(now)),
        sync_id: sync.id.clone(),
        sync_uid: record.uid.clone(),
        run_type,
        trigger,
        status: RunStatus::Queued,
        phase: None,
        options,
        correlation_id: Uuid::new_v4().simple().to_string(),
        retry_of: None,
        created_at: now,
        started_at: None,
        completed_at: None,
        epoch: 0,
        base_generation: None,
        counters: Counters::default(),
        skipped: Default::default(),
        durations: Durations::default(),
        timeline: Vec::new(),
        performance: Default::default(),
        guards: Vec::new(),
        error: None,
        partially_written: false,
        complete_read: false,
        not_found: Vec::new(),
        cursor_before: None,
        cursor_after: None,
        config_hash: config_hash(sync),
        planned_at: None,
        halted_sync: false,
        notices: Vec::new(),
        run_at: None,
        retry_number: 0,
        requested_by: None,
        end_reason: None,
        worker: None,
        takeovers: 0,
    }
}

pub fn context_of(plan: &PlanRecord) -> Result<PlanContext> {
    serde_json::from_value(plan.context.clone()).map_err(|e| {
        Error::new(ErrorKind::Corrupt, format!("the plan of {} cannot be read: {e}", plan.run_id))
    })
}

/// Some targets get their incarnation with the first write: what counts is how we left it.
pub(crate) async fn refresh_incarnation(sync: &Sync, ends: &Endpoints, context: &mut PlanContext) {
    match ends.destination.describe(&sync.to.object).await {
        Ok(Some(object)) if object.identity == context.target_identity => {
            context.target_incarnation = object.incarnation;
        }
        Ok(_) => {}
        Err(e) => {
            tracing::debug!(sync = %sync.id, error = %e, "the target could not be described after the run")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server runs syncs as tasks of their own.
    #[allow(dead_code, reason = "that it compiles is the test")]
    fn a_run_can_move_between_threads(
        engine: &Engine,
        run: Run,
        sync: &Sync,
        ends: &Endpoints,
        watch: &Watch,
    ) {
        fn is_send(_: impl Send) {}
        is_send(engine.execute(run, sync, ends, watch));
    }
}
