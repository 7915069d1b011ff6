//! Every statement of the queue and the catalog is explained by SQLite as it is made: none may read a
//! whole table, whatever has piled up in it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::json;
use syncline_core::run::RunOptions;
use syncline_core::sync::Overlap;
use syncline_core::{Run, RunId, RunStatus, RunType, SyncId, SyncUid, Trigger};

use super::{
    Dialect, Outcome, Row, Sql, Value, audit, claims, events, figures, follow, notices, objects, overviews,
    progress, queue, registration, requests, runs, sync_figures,
};
use crate::sqlite::migrations::{MIGRATIONS, migrate};
use crate::{
    AuditEntry, AuditFilter, Claim, Claimed, Fire, FollowUp, LetterFilter, NewNotice, Object, Page, SyncSeen,
    SyncState,
};

/// A database that explains what it is asked before it answers.
struct Explaining {
    database: Connection,
    statements: RefCell<BTreeSet<String>>,
    /// How many were asked, the same ones too.
    asked: Cell<usize>,
    /// How they were answered, after each statement.
    steps: RefCell<Vec<String>>,
}

impl Explaining {
    fn new() -> Self {
        let mut database = Connection::open_in_memory().unwrap();
        migrate(&mut database, MIGRATIONS).unwrap();
        database.execute_batch(crate::sqlite::PROGRESS).unwrap();
        Self { database, statements: RefCell::default(), asked: Cell::default(), steps: RefCell::default() }
    }

    fn check(&self, statement: &str, values: &[Value]) {
        self.statements.borrow_mut().insert(statement.to_string());
        self.asked.set(self.asked.get() + 1);
        // A count of everything adds up what the pages say they hold.
        if statement.starts_with("SELECT count(*) FROM") && !statement.contains("WHERE") {
            return;
        }
        let mut explained = self.database.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let steps = explained
            .query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3))
            .unwrap()
            .map(Result::unwrap)
            .collect::<Vec<_>>();
        // What a statement made itself may be read whole: the lines of the candidates, the groups of
        // a count.
        let made = ["SCAN line", "SCAN g", "SCAN CONSTANT ROW"];
        let scan = steps.iter().find(|step| step.starts_with("SCAN") && !made.contains(&step.as_str()));
        assert!(scan.is_none(), "{statement}\n{}", steps.join("\n"));
        self.steps.borrow_mut().extend(steps.into_iter().map(|step| format!("{statement}\n{step}")));
    }
}

impl Sql for Explaining {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn execute(&self, statement: &str, values: &[Value]) -> Outcome<u64> {
        self.check(statement, values);
        Sql::execute(&self.database, statement, values)
    }

    fn execute_each(&self, statement: &str, rows: &[Vec<Value>]) -> Outcome<()> {
        rows.first().into_iter().for_each(|values| self.check(statement, values));
        Sql::execute_each(&self.database, statement, rows)
    }

    fn query(&self, statement: &str, values: &[Value]) -> Outcome<Vec<Row>> {
        self.check(statement, values);
        Sql::query(&self.database, statement, values)
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn uid() -> SyncUid {
    SyncUid::from_stored("sync_a")
}

fn id(name: &str) -> RunId {
    RunId::from_stored(format!("run_{name}"))
}

fn run(name: &str, run_type: RunType, run_at: Option<i64>) -> Run {
    let record = json!({
        "id": id(name), "sync_id": "crm.a", "sync_uid": uid(), "type": run_type,
        "trigger": Trigger::Schedule, "status": RunStatus::Queued, "phase": null,
        "options": RunOptions { source_ids: vec![name.into()], ..Default::default() },
        "correlation_id": name, "retry_of": null, "created_at": at(0), "started_at": null,
        "completed_at": null, "epoch": 0, "base_generation": null, "rows_processed": 0, "rows_created": 0,
        "rows_updated": 0, "rows_skipped": 0, "rows_failed": 0, "rows_not_attempted": 0, "rows_deleted": 0,
        "rows_delete_failed": 0, "skipped": {}, "timeline": [], "guards": [], "error": null,
        "durations": syncline_core::Durations::default(),
        "performance": syncline_core::run::Performance::default(), "partially_written": false,
        "complete_read": false, "not_found": [], "cursor_before": null, "cursor_after": null,
        "config_hash": "c", "planned_at": null, "notices": [], "run_at": run_at.map(at),
    });
    serde_json::from_value(record).unwrap()
}

fn seen(name: &str) -> SyncSeen {
    SyncSeen {
        id: SyncId::new("crm", name),
        renamed_from: None,
        active: true,
        uid: SyncUid::from_stored(format!("sync_{name}")),
        seed: 1,
    }
}

fn with_sync() -> Explaining {
    let tx = Explaining::new();
    registration::ensure(&tx, &[seen("a")], at(0)).unwrap();
    tx
}

fn started(tx: &Explaining, name: &str) -> Run {
    let uses = vec![crate::Use { name: "connection:crm".into(), runs_max: Some(9) }];
    let claim = Claim { worker: "w".into(), ttl: Duration::from_secs(60), uses, now: at(1) };
    match claims::claim(tx, &id(name), &claim).unwrap() {
        Claimed::Run(run) => *run,
        Claimed::Busy(reason) => panic!("{reason}"),
    }
}

#[test]
fn no_statement_of_the_queue_reads_a_whole_table() {
    let tx = &with_sync();
    let next = |name, due| run(name, RunType::Sync, Some(due));
    follow::reschedule(tx, &uid(), Some(&next("fire", 10))).unwrap();
    queue::enqueue(tx, &run("early", RunType::Sync, Some(5))).unwrap();
    queue::enqueue(tx, &run("a", RunType::OneTime, None)).unwrap();
    queue::enqueue(tx, &run("b", RunType::OneTime, None)).unwrap();
    assert_eq!(queue::candidates(tx, 9, &[]).unwrap().len(), 1);
    let active = started(tx, "a");
    claims::renew(tx, "w", &[(active.id.clone(), active.epoch)], Duration::ZERO).unwrap();
    claims::take_over(tx, &active.id, "w2", Duration::ZERO, Duration::ZERO, true).unwrap();
    claims::expired(tx, Duration::ZERO).unwrap();
    queue::due(tx, at(99), 9).unwrap();
    queue::next_due(tx).unwrap();
    let fire = Fire { run_id: id("early"), overlap: Overlap::Skip, next: Some(next("next", 20)) };
    assert_eq!(queue::fire(tx, &[fire], at(9)).unwrap().len(), 1);
    follow::unscheduled(tx).unwrap();
    assert_eq!(overviews::fires(tx, &[uid()], 3).unwrap()[&uid()].len(), 3);
    queue::held_since(tx, at(0)).unwrap();
    queue::pin(tx, &runs::require(tx, &active.id).unwrap(), "{}").unwrap();
    queue::request_cancel(tx, &active.id, &FollowUp::default(), at(9)).unwrap();
    let follow = FollowUp {
        next: Some(next("next2", 30)),
        downstream: vec![(run("down", RunType::Sync, None), Overlap::QueueOne)],
        notices: Vec::new(),
    };
    queue::request_cancel(tx, &id("b"), &follow, at(9)).unwrap();
    follow::set_state(tx, &uid(), &SyncState::Inactive, None, at(9)).unwrap();
    assert!(tx.statements.borrow().len() > 30);
}

#[test]
fn many_syncs_are_registered_with_as_many_statements_as_one() {
    let asked = |names: &[&str]| {
        let tx = &with_sync();
        let renamed = |name: &&str| SyncSeen { renamed_from: SyncId::parse("crm.a").ok(), ..seen(name) };
        tx.asked.set(0);
        registration::ensure(tx, &names.iter().map(renamed).collect::<Vec<_>>(), at(1)).unwrap();
        let first = tx.asked.replace(0);
        let page: Vec<_> = names.iter().map(|name| seen(name)).collect();
        assert!(registration::known(tx, &page).unwrap().is_some());
        (first, tx.asked.get())
    };
    // The first is renamed, the others are new.
    assert_eq!(asked(&["b", "c"]), (4, 1));
    assert_eq!(asked(&["b", "c", "d", "e", "f"]), (4, 1));
}

#[test]
fn many_syncs_are_seen_with_as_many_statements_as_one() {
    let tx = &with_sync();
    registration::ensure(tx, &["b", "c", "d"].map(seen), at(0)).unwrap();
    let ids = ["a", "b", "c", "d"].map(|name| SyncId::new("crm", name));
    let asked = |ids: &[SyncId]| {
        tx.asked.set(0);
        assert_eq!(overviews::recent(tx, ids, 9).unwrap().len(), ids.len());
        let recent = tx.asked.replace(0);
        assert_eq!(overviews::schedules(tx, ids, at(0), 9).unwrap().len(), ids.len());
        let schedules = tx.asked.replace(0);
        assert_eq!(overviews::of(tx, ids).unwrap().len(), ids.len());
        (recent, schedules, tx.asked.get())
    };
    tx.steps.take();
    assert_eq!(asked(&ids[..1]), (3, 3, 6));
    assert_eq!(asked(&ids), (3, 3, 6));
    overviews::fires(tx, &[uid()], 9).unwrap();
    // A search for the workspace finds all rows there are.
    let all = tx.steps.take().into_iter().find(|step| step.ends_with("(workspace_id=?)"));
    assert_eq!(all, None);
}

#[test]
fn no_statement_of_the_catalog_reads_a_whole_table() {
    let tx = &with_sync();
    queue::enqueue(tx, &run("a", RunType::OneTime, None)).unwrap();
    let active = started(tx, "a");
    progress::save(tx, &active.id, &json!(1)).unwrap();
    progress::get(tx, &active.id).unwrap();
    events::add(tx, "config", &json!(1), at(0)).unwrap();
    events::after(tx, 0, None, 9).unwrap();
    events::after(tx, 0, Some(&active.id), 9).unwrap();
    events::bounds(tx).unwrap();
    events::forget(tx, at(1)).unwrap();
    let object = Object {
        kind: "k".into(),
        id: "a".into(),
        revision: 0,
        created_at: at(0),
        updated_at: at(0),
        body: json!(1),
    };
    for expected in [None, Some(1)] {
        objects::put(tx, &object, expected, at(0)).unwrap();
    }
    objects::get(tx, "k", "a").unwrap();
    objects::all(tx, "k").unwrap();
    objects::remove(tx, "k", "a").unwrap();
    requests::begin(tx, "k", "f", at(0)).unwrap();
    requests::begin(tx, "k", "f", at(0)).unwrap();
    requests::finish(tx, "k", None).unwrap();
    requests::forget(tx, at(0)).unwrap();
    let notice = NewNotice {
        id: "n".into(),
        channel: "c".into(),
        event: "failed".into(),
        sync_id: None,
        run_id: None,
        payload: json!(1),
        created_at: at(0),
    };
    notices::add(tx, &notice).unwrap();
    notices::take_due(tx, at(0), 9, Duration::ZERO).unwrap();
    for channel in [None, Some("c")] {
        notices::list(tx, channel, Page::first(9)).unwrap();
    }
    notices::forget(tx, at(0)).unwrap();
    let entry: AuditEntry = serde_json::from_value(json!({
        "at": at(0), "actor": "a", "actor_name": "n", "action": "x", "target": "t", "result": "ok",
        "detail": {}, "remote": null,
    }))
    .unwrap();
    audit::append(tx, &entry).unwrap();
    audit::verify(tx).unwrap();
    for name in [None, Some("a".to_string())] {
        let by_actor = AuditFilter { actor: name.clone(), ..Default::default() };
        let by_target = AuditFilter { target: name, ..Default::default() };
        audit::list(tx, &by_actor, Page::first(9)).unwrap();
        audit::list(tx, &by_target, Page::first(9)).unwrap();
    }
    figures::health(tx, at(0), 60).unwrap();
    assert_eq!(overviews::of(tx, &[SyncId::parse("crm.a").unwrap()]).unwrap().len(), 1);
    assert_eq!(overviews::recent(tx, &[SyncId::parse("crm.a").unwrap()], 9).unwrap().len(), 1);
    assert_eq!(overviews::schedules(tx, &[SyncId::parse("crm.a").unwrap()], at(0), 9).unwrap().len(), 1);
    sync_figures::since(tx, at(0)).unwrap();
    figures::run_counts(tx).unwrap();
    figures::letter_groups(tx, &LetterFilter::default(), Page::first(9)).unwrap();
}
