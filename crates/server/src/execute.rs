//! Executes runs for the worker: the engine over the project as it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use syncline_api::ProgressView;
use syncline_core::{Error, ErrorKind, Result, Run, RunId, RunType, Sync, SyncId};
use syncline_engine::watch::{self, Observer, Progress, Watch};
use syncline_engine::{Engine, config_hash, pinned};
use syncline_scheduler::{Control, Execution, Executor, Stop, Task};
use syncline_store::{Catalog, SyncState, Use};
use tracing::Instrument;

use crate::live::Live;
use crate::measures;
use crate::notify::Deliverer;
use crate::traces;

/// How often the figures of a run are published.
const PUBLISH_EVERY: Duration = Duration::from_millis(400);

/// Runs syncs of the project.
pub struct Runner {
    pub engine: Arc<Engine>,
    pub store: Arc<dyn Catalog>,
    pub live: Arc<Live>,
    /// Told when a run ended: there may be notices of it.
    pub deliverer: Arc<Deliverer>,
}

impl Executor for Runner {
    fn resolve(&self, sync: &SyncId, run_type: RunType) -> Option<Vec<Use>> {
        let loaded = self.live.get();
        let project = &loaded.project;
        let sync = project.sync(sync)?;
        let mut uses = Vec::new();
        if run_type.writes() {
            // Of two runs that replace the same file, one would be lost.
            uses.push(Use { name: format!("object:{}/{}", sync.target, sync.to.object), runs_max: Some(1) });
        }
        // A sync within one connection is one run that uses it.
        for name in BTreeSet::from([&sync.source, &sync.target]) {
            if let Err(e) = project.connection(name, &*loaded.secrets) {
                tracing::debug!(sync = %sync.id, connection = name, error = %e, "cannot be run here");
                return None;
            }
            let runs_max = project.connections.get(name).and_then(|doc| doc.max_concurrent_runs);
            uses.push(Use { name: format!("connection:{name}"), runs_max });
        }
        Some(uses)
    }

    fn begin(&self, run: Run, task: Task) -> Execution {
        let (watch, observer) = watch::pair();
        let runner = Runner {
            engine: Arc::clone(&self.engine),
            store: Arc::clone(&self.store),
            live: Arc::clone(&self.live),
            deliverer: Arc::clone(&self.deliverer),
        };
        let seen = observer.clone();
        let work = async move {
            let (run_id, store) = (run.id.clone(), Arc::clone(&runner.store));
            // A thread of its own: parts of a run block.
            let here = tokio::runtime::Handle::current();
            let mut work = tokio::task::spawn_blocking(move || {
                here.block_on(Box::pin(async move { runner.work(run, task, &watch).await }))
            });
            let mut publishing = tokio::time::interval(PUBLISH_EVERY);
            loop {
                tokio::select! {
                    done = &mut work => return match done {
                        Ok(ended) => ended,
                        Err(e) if e.is_panic() => Err(Error::internal(format!("run {run_id} panicked"))),
                        Err(e) => Err(Error::internal("the program is shutting down").caused_by(e)),
                    },
                    _ = publishing.tick() => publish(&*store, &run_id, &seen).await,
                }
            }
        };
        Execution { control: Box::new(Observed(observer)), work: Box::pin(work) }
    }
}

async fn publish(store: &dyn Catalog, run: &RunId, observer: &Observer) {
    let figures = json!(figures(run, &observer.progress.borrow()));
    if let Err(e) = store.save_progress(run, &figures).await {
        tracing::debug!(%run, error = %e, "the figures of a run could not be published");
    }
}

/// The figures of a run as clients see them.
fn figures(run: &RunId, progress: &Progress) -> ProgressView {
    let c = &progress.counters;
    ProgressView {
        run_id: run.to_string(),
        status: progress.status.map(|status| status.as_str().into()),
        phase: progress.phase.map(|phase| phase.as_str().into()),
        total_discovered: progress.discovered,
        success: c.succeeded(),
        created: c.rows_created,
        updated: c.rows_updated,
        skipped: c.rows_skipped,
        failed: c.rows_failed,
        deleted: c.rows_deleted,
        planned: progress.planned,
        sent: progress.sent,
    }
}

struct Observed(Observer);

impl Control for Observed {
    fn stop(&self, why: Stop) {
        match why {
            Stop::Cancelled => self.0.cancel(),
            Stop::Lost => self.0.stop(watch::Stop::Lost),
            // The process ends with the run still active: the next one settles it and goes on.
            Stop::Shutdown => {}
        }
    }

    fn hold_until(&self, until: Instant) {
        self.0.hold_until(until);
    }
}

/// Codes and counts only: messages may quote values of rows [S13].
fn log_end(ended: &Result<Run>) {
    match ended {
        Ok(run) => {
            let c = &run.counters;
            tracing::info!(
                status = run.status.as_str(),
                code = run.error.as_ref().map(|e| e.code.as_str()),
                seconds = run.durations.total(),
                processed = c.rows_processed,
                created = c.rows_created,
                updated = c.rows_updated,
                deleted = c.rows_deleted,
                failed = c.rows_failed,
                "run ends"
            );
        }
        Err(e) => tracing::error!(code = e.code(), error = %e, "run was left as it is"),
    }
}

impl Runner {
    async fn work(&self, run: Run, task: Task, watch: &Watch) -> Result<Run> {
        let span = tracing::info_span!("run", run = %run.id, sync = %run.sync_id, correlation_id = %run.correlation_id);
        let work = async {
            tracing::info!(kind = run.run_type.as_str(), trigger = run.trigger.as_str(), ?task, "run begins");
            let ended = match task {
                Task::Execute => Box::pin(self.execute(run, watch)).await,
                Task::Recover => Box::pin(self.recover(run, true, watch)).await,
                Task::GiveUp => Box::pin(self.give_up(run, watch)).await,
            };
            log_end(&ended);
            ended
        };
        let ended = work.instrument(span).await;
        if let Ok(run) = &ended {
            measures::run_ended(run);
            traces::run_ended(run);
            self.deliverer.wake();
        }
        ended
    }

    async fn execute(&self, run: Run, watch: &Watch) -> Result<Run> {
        let (run, sync) = match self.definition(run).await? {
            (run, Ok(sync)) => (run, sync),
            (run, Err(e)) => return self.engine.refuse(run, None, e).await,
        };
        if watch.check().is_err_and(|e| e.kind == ErrorKind::Cancelled) {
            let cancelled = Error::new(ErrorKind::Cancelled, "cancelled before it began");
            return self.engine.refuse(run, Some(&sync), cancelled).await;
        }
        match self.live.endpoints(&sync) {
            Ok(ends) => self.engine.execute(run, &sync, &ends, watch).await,
            Err(e) => self.engine.refuse(run, Some(&sync), e).await,
        }
    }

    /// The definition that a run goes by: that of its plan if it has one, else the project's, which it is
    /// pinned to now.
    async fn definition(&self, mut run: Run) -> Result<(Run, Result<Sync>)> {
        if run.planned_at.is_some() {
            let sync = self.pinned(&run).await?;
            return Ok((run, Ok(sync)));
        }
        let loaded = self.live.get();
        let Some(sync) = loaded.project.sync(&run.sync_id).cloned() else {
            let message = format!("{} is not defined any more", run.sync_id);
            return Ok((run, Err(Error::new(ErrorKind::InvalidConfig, message))));
        };
        run.config_hash = config_hash(&sync);
        self.store.pin(&run, &pinned(&sync)?).await?;
        Ok((run, Ok(sync)))
    }

    async fn pinned(&self, run: &Run) -> Result<Sync> {
        let text = self.store.run_config(&run.id).await?;
        serde_json::from_str(&text).map_err(|e| {
            let message = format!("the configuration of run {} cannot be read: {e}", run.id);
            Error::new(ErrorKind::Corrupt, message)
        })
    }

    async fn recover(&self, run: Run, goes_on: bool, watch: &Watch) -> Result<Run> {
        let Ok(sync) = self.pinned(&run).await else {
            // It was claimed and never pinned: nothing was read or sent.
            let error = Error::new(ErrorKind::Interrupted, "the process stopped before this run began");
            return self.engine.refuse(run, None, error).await;
        };
        let ends = self.live.endpoints(&sync)?;
        let loaded = self.live.get();
        let current = loaded.project.sync(&sync.id).filter(|_| goes_on);
        self.engine.recover(run, &sync, current, &ends, watch).await
    }

    /// Settles a run that stopped its process again and again, and lets its sync wait for a person.
    async fn give_up(&self, run: Run, watch: &Watch) -> Result<Run> {
        let ended = self.recover(run, false, watch).await?;
        if ended.run_type != RunType::Test {
            let now = self.engine.clock.now();
            let state = SyncState::Halted {
                reason: format!("run {} stopped its server {} times", ended.id, ended.takeovers),
                since: now,
                failures: ended.takeovers,
            };
            self.store.set_activation(&ended.sync_uid, &state, None, now).await?;
        }
        Ok(ended)
    }
}
