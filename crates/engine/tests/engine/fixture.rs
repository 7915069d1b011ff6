//! One sync over doubles, with a real state store in a folder of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::run::RunOptions;
use syncline_core::sync::*;
use syncline_core::{Entry, Run, RunStatus, RunType, SyncId, Trigger};
use syncline_engine::{Clock, Endpoints, Engine, watch};
use syncline_snapshot::{Segment, Snapshot, Values};
use syncline_store::{
    FileStore, LetterFilter, LetterState, Page, RowErrorFilter, RowErrorRecord, SqliteStore, SyncRecord,
};

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
    /// Of the state.
    pub _folder: tempfile::TempDir,
}

impl Fixture {
    /// `id`, `name`, `email` and `updated_at` of contacts, upserted by `id`.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same with another definition.
    pub fn with(change: impl FnOnce(&mut Sync)) -> Self {
        let folder = folder();
        let clock = Arc::new(TestClock(Mutex::new("2025-06-01T12:00:00Z".parse().unwrap())));
        let engine = Engine {
            store: Arc::new(SqliteStore::open(folder.path()).unwrap()),
            files: FileStore::new(folder.path()),
            clock: clock.clone(),
            succession: Arc::new(syncline_engine::NoSuccession),
            scratch: folder.path().join("scratch"),
            memory_budget: 64 << 20,
            version: "test".into(),
        };
        let mut sync = contacts();
        change(&mut sync);
        let source = TableSource::new(&[
            ("id", "int64"),
            ("name", "text"),
            ("email", "text"),
            ("updated_at", "timestamptz"),
        ]);
        source.edit(|t| t.raw = super::RAW);
        let target =
            TableDestination::new(&[("id", "int64", false), ("name", "text", true), ("email", "text", true)]);
        target.edit(|t| t.loads = super::LOADS);
        Self { engine, clock, sync, source, target, _folder: folder }
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

    /// Runs and expects the run to be held by these guards.
    pub async fn held(&self, guards: &[&str]) -> Run {
        let run = self.run().await;
        assert_eq!(run.status, RunStatus::Held, "{:?} {:?}", run.error, run.counters);
        assert_eq!(tripped(&run), guards, "{:?}", run.guards);
        run
    }

    /// What was written since the last call.
    pub fn written(&self) -> Vec<String> {
        self.target.edit(|t| std::mem::take(&mut t.log))
    }

    pub async fn errors(&self, run: &Run) -> Vec<RowErrorRecord> {
        self.engine.store.row_errors(&run.id, &RowErrorFilter::ALL, Page::first(1_000)).await.unwrap().0
    }

    /// Letters as `row id`, `state` and `attempts`, by row id.
    pub async fn letters(&self) -> Vec<(String, LetterState, u32)> {
        let (letters, _) =
            self.engine.store.letters(&LetterFilter::default(), Page::first(1_000)).await.unwrap();
        let mut letters: Vec<_> = letters.into_iter().map(|l| (l.row_id, l.state, l.attempts)).collect();
        letters.sort_by(|a, b| a.0.cmp(&b.0));
        letters
    }

    pub async fn open_letters(&self) -> Vec<String> {
        let letters = self.letters().await.into_iter();
        letters.filter(|(_, state, _)| *state == LetterState::Open).map(|(id, _, _)| id).collect()
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

/// A folder in memory where there is one: these tests are not about the disk, and sync it often.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Names of the guards that held a run.
pub fn tripped(run: &Run) -> Vec<&str> {
    run.guards.iter().filter(|v| v.tripped).map(|v| v.guard.as_str()).collect()
}

/// Code of the error a run ended with.
pub fn code(run: &Run) -> Option<&str> {
    run.error.as_ref().map(|e| e.code.as_str())
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
