//! One sync over doubles, with a real state store in a folder of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::run::RunOptions;
use syncline_core::sync::*;
use syncline_core::{Entry, Key, Run, RunStatus, RunType, SyncId, Trigger};
use syncline_engine::{Clock, Endpoints, Engine, watch};
use syncline_snapshot::{Segment, Snapshot, Values};
use syncline_store::{FileStore, SqliteStore, SyncRecord};

use crate::doubles::{TableDestination, TableSource};

/// A clock that stands until it is moved, and sleeps in no time.
pub struct TestClock(Mutex<Timestamp>);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

impl TestClock {
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }
}

pub struct Fixture {
    pub engine: Engine,
    pub clock: Arc<TestClock>,
    pub sync: Sync,
    pub source: TableSource,
    pub target: TableDestination,
    _folder: tempfile::TempDir,
}

impl Fixture {
    /// `id`, `name`, `email` and `updated_at` of contacts, upserted by `id`.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(Mutex::new("2025-06-01T12:00:00Z".parse().unwrap())));
        let engine = Engine {
            store: Arc::new(SqliteStore::open(folder.path()).unwrap()),
            files: FileStore::new(folder.path()),
            clock: clock.clone(),
            scratch: folder.path().join("scratch"),
            memory_budget: 64 << 20,
            version: "test".into(),
        };
        Self {
            engine,
            clock,
            sync: contacts(),
            source: TableSource::new(&[
                ("id", "int64"),
                ("name", "text"),
                ("email", "text"),
                ("updated_at", "timestamptz"),
            ]),
            target: TableDestination::new(&[
                ("id", "int64", false),
                ("name", "text", true),
                ("email", "text", true),
            ]),
            _folder: folder,
        }
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            source: Arc::new(self.source.clone()),
            destination: Arc::new(self.target.clone()),
            spec: TableDestination::spec(),
            lookups: Arc::default(),
        }
    }

    /// Runs the sync and returns the ended run.
    pub async fn run(&self) -> Run {
        self.run_with(RunType::Sync, RunOptions::default()).await
    }

    pub async fn run_with(&self, run_type: RunType, options: RunOptions) -> Run {
        let (watch, _observer) = watch::pair();
        let run = self.engine.queue(&self.sync, run_type, Trigger::Cli, options).await.unwrap();
        let run = self.engine.execute(run, &self.sync, &self.endpoints(), &watch).await.unwrap();
        self.clock.advance(Duration::from_secs(60));
        run.counters.check().unwrap();
        run
    }

    /// Runs and expects completion without failed rows; returns created, updated, skipped, deleted.
    pub async fn completed(&self) -> (u64, u64, u64, u64) {
        let run = self.run().await;
        assert_eq!(run.status, RunStatus::Completed, "{:?} {:?}", run.error, run.guards);
        assert_eq!(run.counters.rows_failed, 0);
        let c = run.counters;
        (c.rows_created, c.rows_updated, c.rows_skipped, c.rows_deleted)
    }

    pub async fn approve(&self, run: &Run) -> Run {
        let (watch, _observer) = watch::pair();
        self.engine.approve(&run.id, &self.sync, &self.endpoints(), &watch).await.unwrap()
    }

    pub async fn record(&self) -> SyncRecord {
        self.engine.store.sync(&self.sync.id).await.unwrap().unwrap()
    }

    /// What is known now, by row id.
    pub async fn entries(&self) -> std::collections::BTreeMap<String, Entry> {
        let Some(generation) = self.engine.store.generation(&self.record().await.uid).await.unwrap() else {
            return Default::default();
        };
        let open = |f| Segment::open("segment", self.engine.files.open(f).unwrap()).unwrap();
        let snapshot = Snapshot::open(generation.segments.iter().map(open).collect());
        snapshot.scan(Values::Read).map(|e| e.unwrap()).map(|e| (e.key.row_id(), e)).collect()
    }

    pub async fn state_of(&self, row_id: &str) -> Option<String> {
        self.entries().await.get(row_id).map(|e| e.state.name().to_string())
    }
}

/// Keys of entries, for tests that build them.
#[allow(dead_code)]
pub fn key(id: i64) -> Key {
    let mut bytes = Vec::new();
    let array = arrow::array::Int64Array::from(vec![id]);
    syncline_core::canon::encode(&array, &syncline_core::LogicalType::Int64, 0, &mut bytes);
    Key::new(&bytes)
}

fn contacts() -> Sync {
    let field = |name: &str, value: &str| FieldMapping {
        field: name.into(),
        value: value.into(),
        write: Default::default(),
        nulls: Default::default(),
    };
    Sync {
        id: SyncId::new("crm", "contact"),
        renamed_from: None,
        active: true,
        tags: Vec::new(),
        source: "warehouse".into(),
        target: "crm".into(),
        model: Model {
            query: ModelQuery::Table("customers".into()),
            key: vec!["id".into()],
            cursor: None,
            timeout: Duration::from_secs(60),
        },
        to: Target { object: "contact".into(), match_fields: vec!["id".into()] },
        write_mode: WriteMode::Upsert,
        on_removed: OnRemoved::Delete,
        on_match_change: OnMatchChange::Fail,
        mapping: vec![field("id", "id"), field("name", "name"), field("email", "lower(email)")],
        exclude: None,
        excluded_keys: Vec::new(),
        duplicates: Duplicates::Fail,
        delete_adopted: false,
        full_read_every: Duration::from_secs(86_400),
        publish: Publish::Atomic,
        schedule: None,
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
