//! A server without its engine: the real store, scheduler and worker, and an executor that does what a
//! test tells it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use syncline_core::run::StoredError;
use syncline_core::sync::When;
use syncline_core::{
    Error, ErrorKind, Result, Run, RunId, RunStatus, RunType, Sync, SyncId, SyncUid, Trigger,
};
use syncline_scheduler::lease::LeaseTerms;
use syncline_scheduler::succession::new_run;
use syncline_scheduler::{
    Clock, Control, Definitions, Execution, Executor, FollowUps, ManualClock, Scheduler, Signals, Stop,
    Successor, Task, Worker, WorkerSettings,
};
use syncline_store::{
    Commit, Page, PostgresStore, Queue, RunFilter, ServerAddress, SqliteStore, SyncRecord, SyncSeen,
    SyncState, Use,
};
use syncline_tests::postgres::Server;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::syncs::at;

pub const START: &str = "2026-01-01T00:00:00Z";
/// How long a test waits for what has to come, before it fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is defined.
#[derive(Default)]
pub struct Table(RwLock<HashMap<SyncId, Arc<Sync>>>);

impl Table {
    pub fn put(&self, sync: Sync) {
        self.0.write().unwrap().insert(sync.id.clone(), Arc::new(sync));
    }
}

impl Definitions for Table {
    fn sync(&self, id: &SyncId) -> Option<Arc<Sync>> {
        self.0.read().unwrap().get(id).cloned()
    }

    fn downstream(&self, id: &SyncId) -> Vec<Arc<Sync>> {
        let is_behind = |sync: &&Arc<Sync>| {
            sync.schedule.as_ref().is_some_and(|schedule| schedule.when == When::After(id.clone()))
        };
        self.0.read().unwrap().values().filter(is_behind).cloned().collect()
    }
}

/// How a run ends.
#[derive(Debug)]
pub enum End {
    As(RunStatus),
    /// Failed, and the sync is halted.
    Halted,
    /// The state could not be kept.
    Broken,
    /// The state server was not there.
    Unreachable,
    /// The lease ran out.
    Lost,
    Panic,
}

/// A run that the executor was given.
pub struct Begun {
    pub run: Run,
    pub task: Task,
    end: Option<oneshot::Sender<End>>,
    orders: watch::Receiver<Orders>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Orders {
    stop: Option<Stop>,
    until: Option<Instant>,
}

impl Begun {
    pub fn end(&mut self, end: End) {
        self.end.take().expect("it ends once").send(end).expect("it is under way");
    }

    /// Until when it may go on, if that is limited.
    pub fn held_until(&self) -> Option<Instant> {
        self.orders.borrow().until
    }

    /// Why it was told to stop.
    pub async fn stopped(&mut self) -> Stop {
        let wait = self.orders.wait_for(|orders| orders.stop.is_some());
        tokio::time::timeout(PATIENCE, wait).await.expect("it is told to stop").unwrap().stop.unwrap()
    }
}

struct Orderly(watch::Sender<Orders>);

impl Control for Orderly {
    fn stop(&self, why: Stop) {
        self.0.send_modify(|orders| orders.stop = Some(why));
    }

    fn hold_until(&self, until: Instant) {
        self.0.send_modify(|orders| orders.until = Some(until));
    }
}

/// An executor that hands every run to the test.
pub struct Fake {
    store: Arc<dyn Queue>,
    clock: Arc<ManualClock>,
    follow_ups: Arc<dyn FollowUps>,
    begun: mpsc::UnboundedSender<Begun>,
    /// What syncs use; `None`: it cannot run them. Those that are not here use nothing.
    pub uses: Mutex<HashMap<SyncId, Option<Vec<Use>>>>,
    /// Whether runs ignore what they are told.
    pub is_deaf: Mutex<bool>,
}

impl Executor for Fake {
    fn resolve(&self, sync: &SyncId, run_type: RunType) -> Option<Vec<Use>> {
        let mut uses = self.uses.lock().unwrap().get(sync).cloned().unwrap_or(Some(Vec::new()))?;
        uses.retain(|used| run_type.writes() || !used.name.starts_with("object:"));
        Some(uses)
    }

    fn begin(&self, run: Run, task: Task) -> Execution {
        let (end, ends) = oneshot::channel();
        let (orders, seen) = watch::channel(Orders::default());
        let begun = Begun { run: run.clone(), task, end: Some(end), orders: seen.clone() };
        let ending = Ending {
            store: self.store.clone(),
            clock: self.clock.clone(),
            follow_ups: self.follow_ups.clone(),
        };
        let (told, is_deaf) = (self.begun.clone(), *self.is_deaf.lock().unwrap());
        let work = async move {
            let run = ending.start(run).await?;
            told.send(begun).ok();
            let end = async {
                match ends.await {
                    Ok(end) => end,
                    Err(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                end = end => ending.end(run, end).await,
                stop = stop(seen), if !is_deaf => match stop {
                    Stop::Cancelled => ending.end(run, End::As(RunStatus::Cancelled)).await,
                    Stop::Lost => Err(Error::new(ErrorKind::Fenced, "lost")),
                    Stop::Shutdown => Err(Error::new(ErrorKind::Interrupted, "the process ends")),
                },
            }
        };
        Execution { control: Box::new(Orderly(orders)), work: Box::pin(work) }
    }
}

async fn stop(mut orders: watch::Receiver<Orders>) -> Stop {
    let stop = orders.wait_for(|orders| orders.stop.is_some()).await.ok().and_then(|orders| orders.stop);
    match stop {
        Some(stop) => stop,
        None => std::future::pending().await,
    }
}

struct Ending {
    store: Arc<dyn Queue>,
    clock: Arc<ManualClock>,
    follow_ups: Arc<dyn FollowUps>,
}

impl Ending {
    async fn start(&self, mut run: Run) -> Result<Run> {
        if run.status == RunStatus::Starting {
            run.status = run.status.transition(RunStatus::Running)?;
            self.store.update_run(&run).await?;
        }
        Ok(run)
    }

    async fn end(&self, mut run: Run, end: End) -> Result<Run> {
        let now = self.clock.now();
        let (status, sync_state) = match end {
            End::As(status) => (status, None),
            End::Halted => {
                let halted = SyncState::Halted { reason: "too many".into(), since: now, failures: 3 };
                (RunStatus::Failed, Some(halted))
            }
            End::Broken => return Err(Error::new(ErrorKind::LocalIo, "the disk is full")),
            End::Unreachable => return Err(Error::new(ErrorKind::StateUnreachable, "nobody answers")),
            End::Lost => return Err(Error::new(ErrorKind::Fenced, "the lease ran out")),
            End::Panic => panic!("a defect, as a test wants it"),
        };
        run.status = run.status.transition(status)?;
        if status == RunStatus::Held {
            run.planned_at = Some(now);
        } else {
            run.completed_at = Some(now);
        }
        if status == RunStatus::SourceFailure {
            let error = Error::new(ErrorKind::SourceUnreachable, "nobody answers");
            run.error = Some(StoredError::from(&error));
        }
        let follow = self.follow_ups.follow_up(&run, sync_state.as_ref()).await?;
        let commit = Commit {
            run: run.clone(),
            generation: None,
            cursor: None,
            resolved: Vec::new(),
            sync_state,
            full_read_at: None,
            config_hash: None,
            follow,
            now,
        };
        self.store.commit(&commit).await?;
        Ok(run)
    }
}

pub struct World {
    pub store: Arc<dyn Queue>,
    pub clock: Arc<ManualClock>,
    pub table: Arc<Table>,
    pub successor: Successor,
    pub scheduler: Arc<Scheduler>,
    pub signals: Arc<Signals>,
    pub executor: Arc<Fake>,
    begun: mpsc::UnboundedReceiver<Begun>,
    _folder: Option<TempDir>,
}

impl World {
    pub fn new() -> Self {
        Self::starting(START)
    }

    pub fn starting(now: &str) -> Self {
        // In memory where there is such a folder: what is tested here is not the disk.
        let memory = std::path::Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        Self::over(store, Some(folder), now)
    }

    /// A world over a new schema of the PostgreSQL of this test binary.
    pub async fn over_postgres() -> Self {
        let schema = format!("scheduler_{}", Uuid::new_v4().simple());
        let address = format!("{}?schema={schema}", Server::shared().url("postgres"));
        let store = PostgresStore::open(&ServerAddress::parse(&address).unwrap()).await.unwrap();
        Self::over(Arc::new(store), None, START)
    }

    fn over(store: Arc<dyn Queue>, folder: Option<TempDir>, now: &str) -> Self {
        let clock = Arc::new(ManualClock::new(at(now)));
        let table = Arc::new(Table::default());
        let successor = Successor { store: store.clone(), definitions: table.clone(), clock: clock.clone() };
        let signals = Arc::new(Signals::default());
        let follow_ups: Arc<dyn FollowUps> = Arc::new(successor.clone());
        let (told, begun) = mpsc::unbounded_channel();
        let executor = Arc::new(Fake {
            store: store.clone(),
            clock: clock.clone(),
            follow_ups: follow_ups.clone(),
            begun: told,
            uses: Mutex::default(),
            is_deaf: Mutex::default(),
        });
        let scheduler = Arc::new(Scheduler::new(successor.clone(), follow_ups, signals.clone()));
        Self { store, clock, table, successor, scheduler, signals, executor, begun, _folder: folder }
    }

    /// Defines a sync and registers it, active.
    pub async fn define(&self, sync: Sync) -> SyncRecord {
        let seen = SyncSeen {
            id: sync.id.clone(),
            renamed_from: None,
            active: true,
            uid: SyncUid::from_uuid(Uuid::now_v7()),
            seed: 7,
        };
        self.table.put(sync);
        self.store.ensure_sync(&seen, self.clock.now()).await.unwrap()
    }

    pub fn request(&self, record: &SyncRecord, run_type: RunType) -> Run {
        new_run(&record.id, &record.uid, run_type, Trigger::Manual, self.clock.now(), &Uuid::now_v7)
    }

    /// Starts a claimed run without a worker.
    pub async fn start(&self, run: Run) -> Run {
        self.ending().start(run).await.unwrap()
    }

    /// Ends a started run without a worker.
    pub async fn finish(&self, run: Run, end: End) -> Run {
        self.ending().end(run, end).await.unwrap()
    }

    fn ending(&self) -> Ending {
        Ending {
            store: self.store.clone(),
            clock: self.clock.clone(),
            follow_ups: Arc::new(self.successor.clone()),
        }
    }

    /// Queues a run that a person asked for.
    pub async fn trigger(&self, record: &SyncRecord, run_type: RunType) -> Run {
        let queued = self.store.enqueue(&self.request(record, run_type)).await.unwrap();
        self.signals.queued.notify_one();
        queued.run
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The next run that the executor was given.
    pub async fn begun(&mut self) -> Begun {
        tokio::time::timeout(PATIENCE, self.begun.recv()).await.expect("a run begins").unwrap()
    }

    pub fn nothing_begun(&mut self) -> bool {
        self.begun.try_recv().is_err()
    }

    /// Gives a run an end and waits until it is stored.
    pub async fn end(&self, begun: &mut Begun, end: End) -> Run {
        begun.end(end);
        self.when(&begun.run.id, |run| !run.status.is_active()).await
    }

    /// A run once it is so.
    pub async fn when(&self, id: &RunId, is_so: impl Fn(&Run) -> bool) -> Run {
        let wait = async {
            loop {
                let run = self.run(id).await;
                if is_so(&run) {
                    return run;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the run gets there")
    }

    pub async fn run(&self, id: &RunId) -> Run {
        self.store.run(id).await.unwrap().expect("the run is stored")
    }

    /// Runs of a sync in these statuses (all, if none is given), oldest first.
    pub async fn runs(&self, record: &SyncRecord, statuses: &[RunStatus]) -> Vec<Run> {
        let filter = RunFilter {
            sync_uid: Some(record.uid.clone()),
            statuses: statuses.to_vec(),
            ..RunFilter::default()
        };
        let (mut runs, _) = self.store.runs(&filter, Page::first(1_000)).await.unwrap();
        runs.reverse();
        runs
    }

    /// The one scheduled run of a sync.
    pub async fn scheduled(&self, record: &SyncRecord) -> Option<Run> {
        let mut runs = self.runs(record, &[RunStatus::Scheduled]).await;
        assert!(runs.len() <= 1, "{runs:?}");
        runs.pop()
    }

    pub async fn due_at(&self, record: &SyncRecord) -> Option<Timestamp> {
        self.scheduled(record).await.and_then(|run| run.run_at)
    }

    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn tick(&self) -> Timestamp {
        self.scheduler.tick().await.unwrap()
    }

    /// A worker of an embedded store with so many slots.
    pub fn work(&self, slots: usize) -> Working {
        self.work_as(WorkerSettings {
            name: format!("worker-{}", Uuid::new_v4().simple()),
            slots,
            leases: None,
            drain: Duration::from_secs(60),
        })
    }

    pub fn work_with_leases(&self, slots: usize, terms: LeaseTerms) -> Working {
        self.work_as(WorkerSettings {
            name: format!("worker-{}", Uuid::new_v4().simple()),
            slots,
            leases: Some(terms),
            drain: Duration::from_secs(60),
        })
    }

    fn work_as(&self, settings: WorkerSettings) -> Working {
        let worker = Worker::new(
            self.store.clone(),
            self.executor.clone(),
            self.clock.clone(),
            self.signals.clone(),
            settings,
        );
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { stopped.await.unwrap_or(()) };
        Working { stop: Some(stop), task: tokio::spawn(async move { worker.run(shutdown).await }) }
    }
}

/// A worker at work. It is killed when this is dropped.
pub struct Working {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Working {
    pub fn shut_down(&mut self) {
        self.stop.take().expect("it is shut down once").send(()).expect("it works");
    }

    pub async fn ended(mut self) {
        let ended = tokio::time::timeout(PATIENCE, &mut self.task).await;
        ended.expect("the worker ends").unwrap();
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.task.abort();
    }
}
