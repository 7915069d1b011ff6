//! Records to store, and short ways to bring a run where a test needs it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use syncline_core::ids::LetterId;
use syncline_core::run::{FileRef, Performance, RunOptions};
use syncline_core::{
    Counters, CursorValue, Durations, ErrorKind, Result, Run, RunId, RunStatus, RunType, Stage, SyncId,
    SyncUid, Trigger,
};
use syncline_store::{
    ChunkRecord, ChunkState, Claim, Claimed, Commit, CursorChange, DeadLetter, Generation, LetterFilter,
    LetterState, Page, PlanRecord, Queue, RowErrorRecord, RunFilter, Store, SyncRecord, SyncSeen,
};

pub const ALL: Page = Page::first(1000);

/// `seconds` after a fixed moment.
pub fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

pub fn uid(name: &str) -> SyncUid {
    SyncUid::from_stored(format!("sync_{name}"))
}

pub fn run_id(name: &str) -> RunId {
    RunId::from_stored(format!("run_{name}"))
}

pub fn seen(name: &str) -> SyncSeen {
    SyncSeen {
        id: SyncId::new("crm", name),
        renamed_from: None,
        active: true,
        uid: uid(name),
        // Needs all 64 bits.
        seed: u64::MAX - 5,
    }
}

pub async fn ensure(store: &dyn Store, name: &str) -> SyncRecord {
    store.ensure_sync(&seen(name), at(0)).await.unwrap()
}

pub async fn sync_now(store: &dyn Store, name: &str) -> SyncRecord {
    store.sync(&SyncId::new("crm", name)).await.unwrap().unwrap()
}

/// A queued run of sync `sync`, created at `at(0)`.
pub fn new_run(name: &str, sync: &str, run_type: RunType) -> Run {
    Run {
        id: run_id(name),
        sync_id: SyncId::new("crm", sync),
        sync_uid: uid(sync),
        run_type,
        trigger: Trigger::Cli,
        status: RunStatus::Queued,
        phase: None,
        options: RunOptions::default(),
        correlation_id: format!("correlation-{name}"),
        retry_of: None,
        created_at: at(0),
        started_at: None,
        completed_at: None,
        epoch: 0,
        base_generation: None,
        counters: Counters::default(),
        skipped: BTreeMap::new(),
        durations: Durations::default(),
        timeline: Vec::new(),
        performance: Performance::default(),
        guards: Vec::new(),
        error: None,
        partially_written: false,
        complete_read: false,
        not_found: Vec::new(),
        cursor_before: None,
        cursor_after: None,
        config_hash: "c0ffee".into(),
        planned_at: None,
        halted_sync: false,
        notices: vec!["a notice with \u{1F9EA} and \"quotes\"".into()],
        run_at: None,
        retry_number: 0,
        requested_by: None,
        end_reason: None,
        worker: None,
        takeovers: 0,
    }
}

/// The next fire of a sync: a scheduled run of type `sync`, due `seconds` after the fixed moment.
pub fn fire_at(name: &str, sync: &str, seconds: i64) -> Run {
    Run {
        trigger: Trigger::Schedule,
        status: RunStatus::Scheduled,
        run_at: Some(at(seconds)),
        ..new_run(name, sync, RunType::Sync)
    }
}

/// Replaces the next fire of a sync.
pub async fn reschedule(queue: &dyn Queue, sync: &str, next: Option<&Run>) -> Result<()> {
    queue.reschedule(&[(uid(sync), next.cloned())]).await
}

/// Puts a run into its sync's line.
pub async fn enqueued(queue: &dyn Queue, name: &str, sync: &str, run_type: RunType) -> Run {
    // Each asks for something else, or it would join another.
    let mut run = new_run(name, sync, run_type);
    run.options.source_ids = vec![name.into()];
    let enqueued = queue.enqueue(&run).await.unwrap();
    assert!(!enqueued.joined);
    enqueued.run
}

pub fn claim_by(worker: &str) -> Claim {
    Claim { worker: worker.into(), ttl: Duration::from_secs(60), uses: Vec::new(), now: at(1) }
}

/// Claims a run, which must be free.
pub async fn taken(queue: &dyn Queue, id: &RunId) -> Run {
    match queue.claim(id, &claim_by("w1")).await.unwrap() {
        Claimed::Run(run) => *run,
        Claimed::Busy(reason) => panic!("{id} is busy: {reason}"),
    }
}

/// Claims a run and brings it to `running`, planned from the sync's newest generation.
pub async fn taken_and_running(queue: &dyn Queue, id: &RunId) -> Run {
    let mut run = taken(queue, id).await;
    run.status = RunStatus::Running;
    run.base_generation = Some(queue.sync(&run.sync_id).await.unwrap().unwrap().generation);
    queue.update_run(&run).await.unwrap();
    run
}

pub async fn run_now(store: &dyn Store, id: &RunId) -> Run {
    store.run(id).await.unwrap().unwrap()
}

pub async fn status_of(store: &dyn Store, name: &str) -> RunStatus {
    run_now(store, &run_id(name)).await.status
}

/// Names of the runs of a sync that are so, in the order of their ids.
pub async fn names(store: &dyn Store, sync: &str, status: RunStatus) -> Vec<String> {
    let filter = RunFilter { sync_uid: Some(uid(sync)), statuses: vec![status], ..Default::default() };
    let (runs, _) = store.runs(&filter, ALL).await.unwrap();
    let mut names: Vec<_> = runs.iter().map(|run| run.id.as_str().replacen("run_", "", 1)).collect();
    names.sort();
    names
}

/// Stores a queued run.
pub async fn queued(store: &dyn Store, name: &str, sync: &str, run_type: RunType) -> Run {
    let run = new_run(name, sync, run_type);
    store.insert_run(&run, "{}").await.unwrap();
    run
}

/// Stores a run and claims it.
pub async fn claimed(store: &dyn Store, name: &str, sync: &str, run_type: RunType) -> Run {
    queued(store, name, sync, run_type).await;
    store.claim_run(&run_id(name), at(1)).await.unwrap()
}

/// Stores a run and brings it to `running`, planned from the sync's newest generation.
pub async fn running(store: &dyn Store, name: &str, sync: &str, run_type: RunType) -> Run {
    let mut run = claimed(store, name, sync, run_type).await;
    run.status = RunStatus::Running;
    run.base_generation = Some(sync_now(store, sync).await.generation);
    store.update_run(&run).await.unwrap();
    run
}

/// A commit that ends `run` as completed and changes nothing else.
pub fn ending(run: &Run) -> Commit {
    let mut run = run.clone();
    run.status = RunStatus::Completed;
    run.completed_at = Some(at(60));
    Commit {
        run,
        generation: None,
        cursor: None,
        resolved: Vec::new(),
        sync_state: None,
        full_read_at: None,
        config_hash: None,
        follow: Default::default(),
        now: at(60),
    }
}

/// As [`ending`], with the next generation.
pub fn ending_with_generation(run: &Run) -> Commit {
    let number = run.base_generation.unwrap() + 1;
    Commit { generation: Some(generation(run, number)), ..ending(run) }
}

pub fn generation(run: &Run, number: u64) -> Generation {
    Generation {
        sync_uid: run.sync_uid.clone(),
        number,
        run_id: run.id.clone(),
        created_at: at(59),
        segments: vec![file(&format!("snapshots/{}/segment-{number}", run.sync_uid))],
        source_identity: "postgres://source".into(),
        target_identity: "postgres://target".into(),
        target_incarnation: "oid 1".into(),
        source_types: [("id".to_string(), "int64".to_string())].into(),
        states: [("delivered".to_string(), 7)].into(),
        null_shares: [("email".to_string(), 12.5)].into(),
        unkeyed_rows: 0,
        resume_after: Some(vec![0, 255]),
        program_version: "0.1.0".into(),
    }
}

pub fn file(path: &str) -> FileRef {
    FileRef { path: path.into(), bytes: 10, checksum: "ab".repeat(16) }
}

pub fn plan(run: &Run) -> PlanRecord {
    PlanRecord {
        run_id: run.id.clone(),
        digest: "d1".into(),
        created_at: at(30),
        file: Some(file(&format!("runs/{}/plan", run.id))),
        updates: Some(file(&format!("runs/{}/updates", run.id))),
        scrubbed: false,
        purged: false,
        context: serde_json::json!({"v": 3, "upper": [1, 2]}),
    }
}

pub fn chunk(number: u32, state: ChunkState) -> ChunkRecord {
    let attempt = u32::from(state != ChunkState::Planned);
    ChunkRecord { number, rows: 100, state, attempt, outcomes: None }
}

/// Saves a plan of `count` chunks.
pub async fn save_plan(store: &dyn Store, run: &Run, count: u32) {
    let chunks: Vec<_> = (0..count).map(|n| chunk(n, ChunkState::Planned)).collect();
    store.save_plan(&plan(run), run.epoch, &chunks).await.unwrap();
}

pub async fn set_chunk(store: &dyn Store, run: &Run, number: u32, state: ChunkState) -> Result<()> {
    store.set_chunk(&run.id, run.epoch, &chunk(number, state)).await
}

pub fn letter(run: &Run, id: &str, key: &[u8]) -> DeadLetter {
    DeadLetter {
        id: LetterId::from_stored(format!("dl_{id}")),
        sync_uid: run.sync_uid.clone(),
        sync_id: run.sync_id.clone(),
        entity: "contact".into(),
        key: key.to_vec(),
        row_id: format!("row {}", String::from_utf8_lossy(key)),
        run_id: run.id.clone(),
        correlation_id: run.correlation_id.clone(),
        state: LetterState::Open,
        stage: Stage::Execute,
        code: "row_rejected".into(),
        message: "email is taken".into(),
        field: Some("email".into()),
        raw_value: Some("a@b".into()),
        fingerprint: "f1".into(),
        source_row: Some(serde_json::json!({"id": 1, "email": "a@b"})),
        payload: Some(serde_json::json!({"email": "a@b"})),
        mapping_version: "m1".into(),
        op: "create".into(),
        attempts: 1,
        first_seen_at: at(40),
        last_seen_at: at(40),
        flags: vec![],
        source_fp: None,
        edited: None,
        replayed_by: None,
        ignored_because: None,
    }
}

/// Its raw value holds what not every database can hold as text.
pub fn row_error(n: u32) -> RowErrorRecord {
    RowErrorRecord {
        row_id: format!("row {n}"),
        stage: Stage::Normalize,
        code: "bad_value".into(),
        message: "not a number".into(),
        field: n.is_multiple_of(2).then(|| "amount".into()),
        raw_value: Some("\u{0}\u{1F600}".into()),
        removal: n.is_multiple_of(3),
    }
}

pub async fn letters(store: &dyn Store, filter: &LetterFilter) -> Vec<DeadLetter> {
    let (letters, total) = store.letters(filter, ALL).await.unwrap();
    assert_eq!(letters.len() as u64, total);
    letters
}

pub fn cursor_to(value: i64) -> CursorChange {
    CursorChange { to: Some(CursorValue::Integer(value)), reason: "run".into(), run_id: None }
}

#[track_caller]
pub fn refused<T>(result: Result<T>, kind: ErrorKind) -> String {
    match result {
        Ok(_) => panic!("should be refused as {kind:?}"),
        Err(e) => {
            assert_eq!(e.kind, kind, "{e}");
            e.message
        }
    }
}
