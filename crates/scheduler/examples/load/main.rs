//! Measures the scheduler and the worker over an embedded store, with an executor that does nothing but
//! end its runs. `make bench BENCH=scheduler` runs it.
//!
//! `load minutely <syncs> <minutes>`: syncs that are due every minute. Prints for each minute how late runs
//! were queued and claimed, and how much of a core it all took. Then nothing is due for a day, which shows
//! what it costs to wait.
//!
//! `load queued <runs>`: runs that all wait from the start, of syncs each of which asked for as many as may
//! wait. Prints how they were claimed over time, and whether the syncs had their turns.

mod figures;
mod parts;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use syncline_core::run::RunOptions;
use syncline_core::sync::{Schedule, When};
use syncline_core::{Result, RunType, Sync, SyncId, Trigger};
use syncline_scheduler::{
    Clock, FollowUps, Scheduler, Signals, Successor, SystemClock, Worker, WorkerSettings, succession,
};
use syncline_store::{QUEUED_PER_SYNC_MAX, Queue, SqliteStore};

use figures::{Figures, cpu_seconds, peak_bytes, percentile};
use parts::{Begun, DoesNothing, Table, minutely, register};

/// Runs at a time.
const SLOTS: usize = 8;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| arguments.get(place).and_then(|text| text.parse().ok()).expect("a number");
    match arguments.first().map(String::as_str) {
        Some("minutely") => every_minute(number(1), number(2)).await,
        Some("queued") => drain(number(1)).await,
        _ => panic!("say `minutely <syncs> <minutes>` or `queued <runs>`"),
    }
}

/// The parts of a server that start runs.
struct Parts {
    store: Arc<SqliteStore>,
    table: Arc<Table>,
    scheduler: Arc<Scheduler>,
    begun: Begun,
    worker: Worker,
    _folder: tempfile::TempDir,
}

impl Parts {
    async fn with(syncs: usize, active: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = Arc::new(SqliteStore::open(folder.path())?);
        let table = Arc::new(Table::default());
        register(&store, &table, syncs, active).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let successor = Successor { store: store.clone(), definitions: table.clone(), clock: clock.clone() };
        let follow_ups: Arc<dyn FollowUps> = Arc::new(successor.clone());
        let signals = Arc::new(Signals::default());
        let begun = Begun::default();
        let executor = Arc::new(DoesNothing {
            store: store.clone(),
            follow_ups: follow_ups.clone(),
            clock: clock.clone(),
            begun: begun.clone(),
        });
        let scheduler = Arc::new(Scheduler::new(successor, follow_ups, signals.clone()));
        let settings = WorkerSettings {
            name: "load".into(),
            slots: SLOTS,
            leases: None,
            drain: Duration::from_secs(10),
        };
        let worker = Worker::new(store.clone(), executor, clock, signals, settings);
        Ok(Self { store, table, scheduler, begun, worker, _folder: folder })
    }
}

async fn every_minute(syncs: usize, minutes: usize) -> Result<()> {
    let figures = Figures::default();
    metrics::set_global_recorder(figures.clone()).expect("there is no other recorder");
    let Parts { table, scheduler, worker, _folder, .. } = Parts::with(syncs, true).await?;
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
    figures.clear();
    let before = cpu_seconds();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let cpu = cpu_seconds() - before;
    println!("{what}: {:.3} CPU seconds per second, peak {:.0} MB", cpu / 60.0, peak_bytes() as f64 / 1e6);
    for (name, text) in
        [("syncline_fire_delay_seconds", "due to queued"), ("syncline_claim_delay_seconds", "due to claimed")]
    {
        let delays = figures.sorted(name);
        println!(
            "  {text}: {} runs, p50 {:.3} s, p99 {:.3} s, longest {:.3} s",
            delays.len(),
            percentile(&delays, 0.5),
            percentile(&delays, 0.99),
            delays.last().unwrap_or(&0.0)
        );
    }
}

/// Queues so many runs, sync by sync, and lets the worker begin.
async fn drain(runs: usize) -> Result<()> {
    let per_sync = QUEUED_PER_SYNC_MAX as usize;
    let Parts { store, table, begun, worker, _folder, .. } =
        Parts::with(runs.div_ceil(per_sync), false).await?;
    let syncs: Vec<SyncId> = table.0.lock().unwrap().keys().cloned().collect();
    let queueing = Instant::now();
    for sync in &syncs {
        let record = syncline_store::Store::sync(&*store, sync).await?.expect("it was registered");
        for place in 0..per_sync as u64 {
            let now = Timestamp::now();
            let scheduled = succession::scheduled_run(sync, &record.uid, now, now, &uuid::Uuid::now_v7);
            let options = RunOptions { max_entities: Some(place), ..RunOptions::default() };
            let run = syncline_core::Run {
                run_at: None,
                run_type: RunType::OneTime,
                trigger: Trigger::Api,
                status: syncline_core::RunStatus::Queued,
                options,
                ..scheduled
            };
            store.enqueue(&run).await?;
        }
    }
    let runs = syncs.len() * per_sync;
    println!("{runs} runs of {} syncs queued in {:.1} s", syncs.len(), queueing.elapsed().as_secs_f64());
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let mut claimed = begun.expect(runs);
    let worker = tokio::spawn(async move { worker.run(std::future::pending()).await });
    claimed.wait_for(|begun| *begun >= runs).await.expect("runs begin");
    worker.abort();
    let took = began.elapsed().as_secs_f64();
    println!(
        "drained in {took:.1} s, {:.0} runs a second, {:.3} CPU seconds per second, peak {:.0} MB",
        runs as f64 / took,
        (cpu_seconds() - cpu) / took,
        peak_bytes() as f64 / 1e6
    );
    tell(&begun.order(), began, syncs.len());
    Ok(())
}

/// How the claims followed each other, and how the syncs had their turns.
fn tell(order: &[(SyncId, Instant)], began: Instant, syncs: usize) {
    for tenth in order.chunks(order.len().div_ceil(10)) {
        let mut gaps: Vec<f64> = tenth.windows(2).map(|pair| (pair[1].1 - pair[0].1).as_secs_f64()).collect();
        gaps.sort_by(f64::total_cmp);
        let since = tenth.last().map_or(0.0, |(_, at)| (*at - began).as_secs_f64());
        println!(
            "  claimed by {since:>6.2} s: {:>5}; from one claim to the next p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
            tenth.len(),
            percentile(&gaps, 0.5) * 1e3,
            percentile(&gaps, 0.99) * 1e3,
            gaps.last().unwrap_or(&0.0) * 1e3
        );
    }
    let mut turns: HashMap<&SyncId, usize> = HashMap::new();
    let mut lead = 0;
    for (sync, _) in order {
        *turns.entry(sync).or_default() += 1;
        let fewest = if turns.len() < syncs { 0 } else { turns.values().copied().min().unwrap_or(0) };
        lead = lead.max(turns[sync] - fewest);
    }
    println!("  turns that a sync was ever ahead of another one: {lead}");
}
