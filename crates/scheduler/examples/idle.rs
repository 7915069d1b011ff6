//! Measures what keeping many syncs scheduled costs.
//!
//! Registers syncs that are due every minute over an embedded store, with an executor that does nothing but
//! end its runs, and prints for each minute how late runs were queued and claimed, and how much of a core it
//! all took. Then nothing is due for a day, which shows what it costs to wait.
//!
//! `cargo run --release -p syncline-scheduler --example idle [syncs] [minutes]` (10,000 and 3)

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use syncline_core::sync::*;
use syncline_core::{Result, Run, RunStatus, RunType, Sync, SyncId, SyncUid};
use syncline_scheduler::{
    Clock, Control, Definitions, Execution, Executor, FollowUps, Scheduler, Signals, Stop, Successor,
    SystemClock, Task, Worker, WorkerSettings,
};
use syncline_store::{Commit, SqliteStore, Store, SyncSeen, Use};

/// Runs at a time.
const SLOTS: usize = 8;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let syncs: usize = arguments.next().unwrap_or(10_000);
    let minutes = arguments.next().unwrap_or(3);
    let figures = Figures::default();
    metrics::set_global_recorder(figures.clone()).expect("there is no other recorder");
    let folder = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(folder.path())?);
    let table = Arc::new(Table::default());
    register(&store, &table, syncs).await?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let successor = Successor { store: store.clone(), definitions: table.clone(), clock: clock.clone() };
    let follow_ups: Arc<dyn FollowUps> = Arc::new(successor.clone());
    let signals = Arc::new(Signals::default());
    let executor =
        Arc::new(DoesNothing { store: store.clone(), follow_ups: follow_ups.clone(), clock: clock.clone() });
    let scheduler = Arc::new(Scheduler::new(successor, follow_ups, signals.clone()));
    let settings =
        WorkerSettings { name: "idle".into(), slots: SLOTS, leases: None, drain: Duration::from_secs(10) };
    let worker = Worker::new(store.clone(), executor, clock, signals, settings);
    scheduler.definitions_changed().await?;
    let timer = scheduler.clone();
    tokio::spawn(async move { timer.run(std::future::pending()).await });
    tokio::spawn(async move { worker.run(std::future::pending()).await });

    for minute in 1..=minutes {
        measure(&figures, &format!("minute {minute}")).await;
    }
    for sync in table.0.lock().unwrap().values_mut() {
        let daily = Schedule { when: When::Every(Duration::from_secs(86_400)), ..minutely() };
        *sync = Arc::new(Sync { schedule: Some(daily), ..(**sync).clone() });
    }
    // What is scheduled already still runs, once.
    tokio::time::sleep(Duration::from_secs(130)).await;
    measure(&figures, "waiting").await;
    Ok(())
}

/// Prints what a minute brought and took.
async fn measure(figures: &Figures, what: &str) {
    figures.0.lock().unwrap().clear();
    let before = cpu_seconds();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let cpu = cpu_seconds() - before;
    let mut figures = std::mem::take(&mut *figures.0.lock().unwrap());
    println!("{what}: {:.3} CPU seconds per second", cpu / 60.0);
    for (name, text) in
        [("syncline_fire_delay_seconds", "due to queued"), ("syncline_claim_delay_seconds", "due to claimed")]
    {
        let mut delays = figures.remove(name).unwrap_or_default();
        delays.sort_by(f64::total_cmp);
        let percentile = |share: f64| delays.get((delays.len() as f64 * share) as usize).unwrap_or(&0.0);
        println!(
            "  {text}: {} runs, p50 {:.3} s, p99 {:.3} s, longest {:.3} s",
            delays.len(),
            percentile(0.5),
            percentile(0.99),
            delays.last().unwrap_or(&0.0)
        );
    }
}

/// What the program itself measures, by name.
#[derive(Clone, Default)]
struct Figures(Arc<Mutex<HashMap<String, Vec<f64>>>>);

struct Figure {
    of: Figures,
    name: String,
}

impl metrics::HistogramFn for Figure {
    fn record(&self, value: f64) {
        self.of.0.lock().unwrap().entry(self.name.clone()).or_default().push(value);
    }
}

impl metrics::Recorder for Figures {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn register_counter(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        metrics::Counter::noop()
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::noop()
    }

    fn register_histogram(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
        let figure = Figure { of: self.clone(), name: key.name().to_string() };
        metrics::Histogram::from_arc(Arc::new(figure))
    }
}

/// CPU time of this process, user and system, from the kernel's clock ticks (100 a second).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Registers syncs whose first fires are spread over the next minute.
async fn register(store: &SqliteStore, table: &Table, syncs: usize) -> Result<()> {
    let now = Timestamp::now();
    for n in 0..syncs {
        let sync = sync(SyncId::new("crm", &format!("sync_{n}")));
        let seen = SyncSeen {
            id: sync.id.clone(),
            renamed_from: None,
            active: true,
            uid: SyncUid::from_uuid(uuid::Uuid::now_v7()),
            seed: n as u64,
        };
        table.0.lock().unwrap().insert(sync.id.clone(), Arc::new(sync));
        store.ensure_sync(&seen, now).await?;
    }
    println!("{syncs} syncs registered in {:.1} s", Timestamp::now().duration_since(now).as_secs_f64());
    Ok(())
}

fn minutely() -> Schedule {
    Schedule {
        when: When::Cron { expression: "* * * * *".into(), timezone: "UTC".into() },
        jitter: Duration::from_secs(60),
        overlap: Overlap::QueueOne,
    }
}

fn sync(id: SyncId) -> Sync {
    Sync {
        renamed_from: None,
        active: true,
        tags: Vec::new(),
        source: "warehouse".into(),
        target: "crm".into(),
        model: Model {
            query: ModelQuery::Table(id.entity().into()),
            key: vec!["id".into()],
            cursor: None,
            timeout: Duration::from_secs(60),
        },
        to: Target { object: id.entity().into(), match_fields: vec!["id".into()] },
        id,
        write_mode: WriteMode::Upsert,
        on_removed: OnRemoved::Ignore,
        on_match_change: OnMatchChange::Fail,
        mapping: Vec::new(),
        exclude: None,
        excluded_keys: Vec::new(),
        duplicates: Duplicates::Fail,
        delete_adopted: false,
        full_read_every: Duration::from_secs(86_400),
        publish: Publish::Atomic,
        schedule: Some(minutely()),
        guards: Guards::default(),
        halt: Halt::default(),
        store_values: StoreValues::Full,
        schema_change: SchemaChange::Fail,
        batch_size: None,
        plan_ttl: Duration::from_secs(3_600),
        lookback: Duration::from_secs(600),
        duplicates_accepted: false,
    }
}

#[derive(Default)]
struct Table(Mutex<HashMap<SyncId, Arc<Sync>>>);

impl Definitions for Table {
    fn sync(&self, id: &SyncId) -> Option<Arc<Sync>> {
        self.0.lock().unwrap().get(id).cloned()
    }

    fn downstream(&self, _id: &SyncId) -> Vec<Arc<Sync>> {
        Vec::new()
    }
}

struct DoesNothing {
    store: Arc<SqliteStore>,
    follow_ups: Arc<dyn FollowUps>,
    clock: Arc<dyn Clock>,
}

impl Executor for DoesNothing {
    fn resolve(&self, _sync: &SyncId, _run_type: RunType) -> Option<Vec<Use>> {
        Some(vec![Use { name: "connection:crm".into(), runs_max: Some(SLOTS as u32) }])
    }

    fn begin(&self, mut run: Run, _task: Task) -> Execution {
        let now = self.clock.now();
        let (store, follow_ups) = (self.store.clone(), self.follow_ups.clone());
        let work = async move {
            run.status = run.status.transition(RunStatus::Running)?;
            store.update_run(&run).await?;
            run.status = run.status.transition(RunStatus::Completed)?;
            run.completed_at = Some(now);
            let commit = Commit {
                follow: follow_ups.follow_up(&run, None).await?,
                run: run.clone(),
                generation: None,
                cursor: None,
                resolved: Vec::new(),
                sync_state: None,
                full_read_at: None,
                config_hash: None,
                now,
            };
            store.commit(&commit).await?;
            Ok(run)
        };
        Execution { control: Box::new(NobodyListens), work: Box::pin(work) }
    }
}

struct NobodyListens;

impl Control for NobodyListens {
    fn stop(&self, _why: Stop) {}

    fn hold_until(&self, _until: std::time::Instant) {}
}
