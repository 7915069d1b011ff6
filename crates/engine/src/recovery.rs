//! Runs that end otherwise than by their own work: those whose process is gone are settled, and resumed
//! where that is safe; those that cannot begin are refused.

use std::time::Duration;

use syncline_core::sync::Sync;
use syncline_core::{Error, ErrorKind, Phase, Result, Run, RunStatus};
use syncline_store::{ChunkState, Commit, Page, PlanRecord, RunFilter, SyncRecord};

use crate::apply::{self, Extent};
use crate::engine::{Endpoints, Engine, config_hash, context_of, refresh_incarnation};
use crate::plan::PlanContext;
use crate::watch::Watch;
use crate::{finalize, load};

/// A plan older than this is not resumed after a crash.
const RESUME_MAX: Duration = Duration::from_secs(3_600);

impl Engine {
    /// Ends or resumes a run whose process is gone and that the caller has taken over. Its chunks in flight are settled first; it goes
    /// on if its plan is fresh and its configuration is still the sync's.
    pub async fn recover(
        &self,
        mut run: Run,
        sync: &Sync,
        current: Option<&Sync>,
        ends: &Endpoints,
        watch: &Watch,
    ) -> Result<Run> {
        let record = self.store.sync(&run.sync_id).await?;
        let record = record.ok_or_else(|| Error::internal("a run's sync is not in the state"))?;
        if run.status == RunStatus::Starting {
            run.status = run.status.transition(RunStatus::Running)?;
        }
        let plan = match self.store.plan(&run.id).await? {
            Some(plan) if run.run_type.writes() => plan,
            _ => return self.end_unwritten(run, sync, &record, interrupted(), watch).await,
        };
        let mut context = context_of(&plan)?;
        let chunks = self.store.chunks(&run.id).await?;
        let untouched = chunks.iter().all(|c| c.state == ChunkState::Planned);
        let guarded = run.guards.iter().any(|v| v.tripped) && untouched;
        let fresh = self.clock.now().duration_since(plan.created_at).as_secs_f64() < RESUME_MAX.as_secs_f64();
        let same = current.is_some_and(|c| config_hash(c) == run.config_hash);
        // It died between storing the plan and judging it; or, approved after another run went ahead, before
        // it was planned again.
        let outdated = run.planned_at.is_none() || context.base_generation != record.generation;
        if outdated && untouched {
            return self.end_unwritten(run, sync, &record, interrupted(), watch).await;
        }
        if context.direct.is_some() {
            return self.recover_load(run, sync, &record, &plan, context, ends, watch).await;
        }
        let restored = self.is_from_before_a_restore(&plan).await?;
        let resume = fresh && same && !guarded && !restored && context.base_generation == record.generation;
        let extent = if resume { Extent::Everything } else { Extent::SettleOnly };
        self.enter_phase(&mut run, Phase::Writing, watch).await?;
        let mut applied = apply::apply(self, &mut run, sync, &plan, &context, ends, watch, extent).await?;
        if !resume
            && applied.error.is_none()
            && !applied.chunks.iter().all(|c| c.state == ChunkState::Settled)
        {
            applied.error = Some(interrupted());
        }
        if plan.file.is_some() {
            refresh_incarnation(sync, ends, &mut context).await;
        }
        finalize::finalize(self, &mut run, sync, &record, &plan, &context, applied, watch).await?;
        Ok(run)
    }

    /// Ends a claimed run that cannot begin, for example because an end of its sync cannot be reached.
    /// `sync`: its definition, if there still is one.
    pub async fn refuse(&self, mut run: Run, sync: Option<&Sync>, error: Error) -> Result<Run> {
        let record = self.store.sync(&run.sync_id).await?;
        let sync_state = match (sync, &record) {
            (Some(sync), Some(record)) if run.run_type.writes() => {
                finalize::halted(self, &run, sync, record, Some(&error)).await?
            }
            _ => None,
        };
        run.halted_sync = sync_state.is_some();
        finalize::conclude(&mut run, Some(&error), self.clock.now())?;
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
        Ok(run)
    }

    /// Ends a run whose process died in a first load: committed as a whole, or not at all.
    #[allow(clippy::too_many_arguments)]
    async fn recover_load(
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
        let mut applied = load::recover(self, &mut run, sync, plan, &context, ends).await?;
        let is_settled = applied.chunks.iter().all(|c| c.state == ChunkState::Settled);
        if !is_settled && applied.error.is_none() {
            applied.error = Some(interrupted());
        }
        if is_settled {
            refresh_incarnation(sync, ends, &mut context).await;
        }
        finalize::finalize(self, &mut run, sync, record, plan, &context, applied, watch).await?;
        Ok(run)
    }

    /// Runs that are active in the state. With an embedded store and its lock held, their processes
    /// are gone.
    pub async fn orphans(&self) -> Result<Vec<Run>> {
        let filter =
            RunFilter { statuses: vec![RunStatus::Starting, RunStatus::Running], ..RunFilter::default() };
        let (mut runs, _) = self.store.runs(&filter, Page::first(1_000)).await?;
        runs.reverse();
        Ok(runs)
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the process stopped in the middle of this run").help("run it again")
}
