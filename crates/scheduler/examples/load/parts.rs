//! Syncs, what is known of them, and what executes their runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use syncline_core::sync::*;
use syncline_core::{Result, Run, RunStatus, RunType, Sync, SyncId, SyncUid};
use syncline_scheduler::{Clock, Control, Definitions, Execution, Executor, FollowUps, Stop, Task};
use syncline_store::{Commit, SqliteStore, Store, SyncSeen, Use};
use tokio::sync::watch;

use crate::SLOTS;

/// Registers syncs whose first fires are spread over the next minute.
pub async fn register(store: &SqliteStore, table: &Table, syncs: usize, active: bool) -> Result<()> {
    let now = Timestamp::now();
    for n in 0..syncs {
        let sync = sync(SyncId::new("crm", &format!("sync_{n}")));
        let seen = SyncSeen {
            id: sync.id.clone(),
            renamed_from: None,
            active,
            uid: SyncUid::from_uuid(uuid::Uuid::now_v7()),
            seed: n as u64,
        };
        table.0.lock().unwrap().insert(sync.id.clone(), Arc::new(sync));
        store.ensure_sync(&seen, now).await?;
    }
    println!("{syncs} syncs registered in {:.1} s", Timestamp::now().duration_since(now).as_secs_f64());
    Ok(())
}

pub fn minutely() -> Schedule {
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
pub struct Table(pub Mutex<HashMap<SyncId, Arc<Sync>>>);

impl Definitions for Table {
    fn sync(&self, id: &SyncId) -> Option<Arc<Sync>> {
        self.0.lock().unwrap().get(id).cloned()
    }

    fn downstream(&self, _id: &SyncId) -> Vec<Arc<Sync>> {
        Vec::new()
    }
}

/// The runs that were begun, in order.
#[derive(Clone, Default)]
pub struct Begun {
    order: Arc<Mutex<Vec<(SyncId, Instant)>>>,
    count: watch::Sender<usize>,
}

impl Begun {
    /// How many there are, while there will be so many.
    pub fn expect(&self, runs: usize) -> watch::Receiver<usize> {
        self.order.lock().unwrap().reserve(runs);
        self.count.subscribe()
    }

    pub fn order(&self) -> Vec<(SyncId, Instant)> {
        self.order.lock().unwrap().clone()
    }

    fn note(&self, run: &Run) {
        self.order.lock().unwrap().push((run.sync_id.clone(), Instant::now()));
        self.count.send_modify(|count| *count += 1);
    }
}

pub struct DoesNothing {
    pub store: Arc<SqliteStore>,
    pub follow_ups: Arc<dyn FollowUps>,
    pub clock: Arc<dyn Clock>,
    pub begun: Begun,
}

impl Executor for DoesNothing {
    fn resolve(&self, _sync: &SyncId, _run_type: RunType) -> Option<Vec<Use>> {
        Some(vec![Use { name: "connection:crm".into(), runs_max: Some(SLOTS as u32) }])
    }

    fn begin(&self, mut run: Run, _task: Task) -> Execution {
        self.begun.note(&run);
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
