//! First runs that load an empty target directly, and what becomes of them when anything is in the way.

use syncline_core::run::RunOptions;
use syncline_core::sync::{Duplicates, Limit, Publish, StoreValues, Sync, WriteMode};
use syncline_core::{Origin, ReadMode, Run, RunStatus, RunType, Trigger};
use syncline_engine::{review, watch};
use syncline_store::LetterState;

use super::doubles::Fault;
use super::fixture::{Fixture, code, tripped};
use super::stopping::{Moment, StoppingStore};

const T: &str = "2025-06-01T10:00:00Z";
const ROWS: u32 = 7;

fn row(id: u32, name: &str) -> Vec<Option<String>> {
    [id.to_string(), name.into(), format!("E{id}"), T.into()].map(Some).to_vec()
}

fn expected(ids: impl Iterator<Item = u32>) -> Vec<String> {
    ids.map(|i| format!("email:e{i} id:{i} name:a")).collect()
}

/// Edits a definition.
type Change = fn(&mut Sync);

/// Seven rows and an empty target.
fn fixture(change: impl FnOnce(&mut Sync)) -> Fixture {
    let f = Fixture::with(change);
    f.target.edit(|t| t.loads = true);
    f.source.edit(|t| t.rows = (1..=ROWS).map(|i| row(i, "a")).collect());
    f
}

fn mirror() -> Fixture {
    fixture(|s| s.write_mode = WriteMode::Mirror)
}

fn loads(f: &Fixture) -> usize {
    f.target.edit(|t| t.loads_committed)
}

/// Makes the target refuse rows without a name.
fn requires_names(f: &Fixture) {
    f.target.edit(|t| t.fields[1].nullable = false);
}

#[tokio::test]
async fn a_loaded_record_is_known_as_one_that_was_created() {
    for mode in [WriteMode::Insert, WriteMode::Upsert, WriteMode::Mirror] {
        for raw in [false, true] {
            let f = fixture(|s| s.write_mode = mode);
            f.source.edit(|t| t.raw = raw);
            let ordinary = fixture(|s| s.write_mode = mode);
            ordinary.source.edit(|t| t.raw = raw);
            ordinary.target.edit(|t| t.loads = false);
            assert_eq!(f.completed().await, (7, 0, 0, 0));
            assert_eq!(ordinary.completed().await, (7, 0, 0, 0));
            assert_eq!((loads(&f), loads(&ordinary)), (1, 0));
            let (one, other) = (f.record().await, ordinary.record().await);
            assert_eq!((one.generation, one.last_full_read_at), (other.generation, other.last_full_read_at));
            assert_eq!(f.target.dump(), expected(1..=7));
            let shown = |f: Vec<syncline_core::Entry>| {
                let shown =
                    f.into_iter().map(|e| (e.key.clone(), e.state, e.origin, e.match_value, e.values));
                shown.collect::<Vec<_>>()
            };
            let entries = shown(f.entries().await.into_values().collect());
            assert_eq!(entries, shown(ordinary.entries().await.into_values().collect()));
            assert!(entries.iter().all(|e| e.2 == Origin::Created && e.4.is_some()));
            assert_eq!(f.completed().await, (0, 0, 7, 0), "{mode:?}: a second run writes nothing");
            assert_eq!(f.target.edit(|t| t.writes), 7);
        }
    }
}

#[tokio::test]
async fn a_mirror_removes_and_changes_what_was_loaded() {
    let f = mirror();
    f.completed().await;
    f.source.edit(|t| {
        t.rows = (2..=8).map(|i| row(i, if i == 3 { "b" } else { "a" })).collect();
    });
    f.written();
    assert_eq!(f.completed().await, (1, 1, 5, 1));
    assert_eq!(f.written(), ["delete 1", "update 3", "create 8"]);
    assert_eq!(loads(&f), 1);
}

#[tokio::test]
async fn the_cursor_moves_with_a_load() {
    let f = fixture(|s| s.model.cursor = Some("updated_at".into()));
    f.completed().await;
    assert_eq!(loads(&f), 1);
    assert!(f.record().await.cursor.is_some());
    f.source.edit(|t| {
        t.rows.push(
            [Some("8"), Some("a"), Some("E8"), Some("2025-06-01T11:00:00Z")]
                .map(|v| v.map(str::to_string))
                .to_vec(),
        )
    });
    assert_eq!(f.completed().await.0, 1);
}

#[tokio::test]
async fn rows_that_cannot_be_mapped_are_letters_of_the_same_run() {
    for raw in [false, true] {
        let mut f = mirror();
        f.sync.model.cursor = Some("updated_at".into());
        f.source.edit(|t| t.raw = raw);
        requires_names(&f);
        f.source.edit(|t| {
            t.rows[2][1] = None;
            t.rows[4][3] = Some("no time".into());
            t.rows.push([None, Some("a"), None, Some(T)].map(|v| v.map(str::to_string)).to_vec());
        });
        let run = f.run().await;
        assert_eq!(run.status, RunStatus::Completed, "{:?}", run.error);
        let c = run.counters;
        assert_eq!((c.rows_processed, c.rows_created, c.rows_failed), (8, 5, 3), "raw: {raw}");
        assert_eq!(loads(&f), 1);
        let mut errors: Vec<_> =
            f.errors(&run).await.into_iter().map(|e| format!("{} {}", e.row_id, e.code)).collect();
        errors.sort();
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(errors.contains(&"row 8 null_key".to_string()), "{errors:?}");
        assert_eq!(f.open_letters().await, ["3", "5"]);
        assert_eq!(f.state_of("3").await.as_deref(), Some("pending"));
        f.source.edit(|t| {
            drop(t.rows.pop());
            t.rows[2][1] = Some("a".into());
            t.rows[4][3] = Some("2025-06-01T11:00:00Z".into());
        });
        assert_eq!(f.completed().await.0, 2);
        assert!(f.open_letters().await.is_empty());
        assert_eq!(f.target.dump(), expected(1..=7));
    }
}

/// The first run as it is with and without a load; everything one can see of it is the same.
async fn same_without_load(
    what: &str,
    change: impl Fn(&mut Sync),
    prepare: impl Fn(&Fixture),
) -> (Fixture, Run) {
    let mut seen = Vec::new();
    let mut last = None;
    for loads in [false, true] {
        let f = fixture(&change);
        f.target.edit(|t| t.loads = loads);
        prepare(&f);
        let run = f.run().await;
        let error = run.error.as_ref().map(|e| (e.code.clone(), e.message.clone()));
        let mut errors: Vec<_> =
            f.errors(&run).await.into_iter().map(|e| (e.row_id, e.code, e.stage)).collect();
        errors.sort_by(|a, b| a.0.cmp(&b.0));
        let states: Vec<_> = f.entries().await.into_values().map(|e| (e.key.row_id(), e.state)).collect();
        let tripped: Vec<_> = tripped(&run).into_iter().map(str::to_string).collect();
        let shown = (run.status, run.counters, run.skipped.clone(), error, errors, tripped);
        seen.push((shown, states, f.target.dump(), f.letters().await));
        last = Some((f, run));
    }
    assert_eq!(seen[0], seen[1], "{what}");
    last.unwrap()
}

#[tokio::test]
async fn duplicate_keys_are_found_and_treated_as_the_policy_says() {
    for duplicates in [Duplicates::Fail, Duplicates::KeepFirst, Duplicates::KeepLast] {
        for (place, name) in [(3, Some("b")), (7, Some("b")), (0, None), (7, None)] {
            let what = format!("{duplicates:?} {place} {name:?}");
            let (f, run) = same_without_load(
                &what,
                |s| s.duplicates = duplicates,
                |f| {
                    requires_names(f);
                    let mut second = row(3, "b");
                    second[1] = name.map(str::to_string);
                    f.source.edit(|t| t.rows.insert(place, second));
                },
            )
            .await;
            assert_eq!(loads(&f), 0, "{what}");
            assert_eq!(run.status == RunStatus::Failed, duplicates == Duplicates::Fail, "{what}");
        }
    }
}

#[tokio::test]
async fn a_key_that_comes_twice_is_found_though_one_of_its_rows_is_excluded() {
    for duplicates in [Duplicates::Fail, Duplicates::KeepFirst, Duplicates::KeepLast] {
        for place in [0, 7] {
            same_without_load(
                &format!("{duplicates:?} {place}"),
                |s| {
                    s.duplicates = duplicates;
                    s.exclude = Some("name = 'x'".into());
                },
                |f| f.source.edit(|t| t.rows.insert(place, row(3, "x"))),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn excluded_rows_are_not_loaded() {
    let (f, run) = same_without_load(
        "excluded",
        |s| {
            s.exclude = Some("id = 2".into());
            s.excluded_keys = vec!["5".into()];
        },
        |_| {},
    )
    .await;
    assert_eq!((loads(&f), run.counters.rows_created, run.counters.rows_skipped), (1, 5, 2));
    assert_eq!(f.completed().await, (0, 0, 7, 0));
}

#[tokio::test]
async fn match_values_that_two_rows_want_are_found() {
    for duplicates in [Duplicates::Fail, Duplicates::KeepFirst] {
        let (f, _) = same_without_load(
            &format!("{duplicates:?}"),
            |s| {
                s.to.match_fields = vec!["email".into()];
                s.duplicates = duplicates;
            },
            |f| f.source.edit(|t| t.rows[5][2] = Some("E1".into())),
        )
        .await;
        assert_eq!(loads(&f), 0);
    }
}

#[tokio::test]
async fn guards_and_the_error_threshold_come_before_the_commit() {
    let (f, run) = same_without_load(
        "guard",
        |s| s.guards.max_invalid = Some(Limit::Count(1)),
        |f| {
            requires_names(f);
            f.source.edit(|t| (t.rows[1][1], t.rows[2][1]) = (None, None));
        },
    )
    .await;
    assert_eq!((run.status, loads(&f), f.target.dump().len()), (RunStatus::Held, 0, 0));
    let run = f.approve(&run).await;
    assert_eq!((run.status, run.counters.rows_created), (RunStatus::Completed, 5));

    let (f, run) = same_without_load(
        "threshold",
        |s| s.halt.failed_rows = Some(Limit::Count(1)),
        |f| {
            requires_names(f);
            f.source.edit(|t| (t.rows[1][1], t.rows[2][1]) = (None, None));
        },
    )
    .await;
    assert_eq!((run.status, code(&run), loads(&f)), (RunStatus::Failed, Some("error_threshold"), 0));
}

#[tokio::test]
async fn an_empty_or_broken_source_loads_nothing() {
    let (f, _) = same_without_load("empty", |_| {}, |f| f.source.edit(|t| t.rows.clear())).await;
    assert_eq!(loads(&f), 0);
    for (cut, fail) in [(Some(4), None), (None, Some(4)), (Some(0), None), (None, Some(0))] {
        let (f, run) = same_without_load(
            "cut",
            |_| {},
            |f| {
                f.source.edit(|t| (t.cut_after, t.fail_after) = (cut, fail));
            },
        )
        .await;
        assert_eq!((run.status, f.target.edit(|t| t.writes)), (RunStatus::SourceFailure, 0));
        f.source.edit(|t| (t.cut_after, t.fail_after) = (None, None));
        assert_eq!(f.completed().await, (7, 0, 0, 0));
    }
    let (f, run) = same_without_load(
        "all invalid",
        |_| {},
        |f| {
            requires_names(f);
            f.source.edit(|t| t.rows.iter_mut().for_each(|r| r[1] = None));
        },
    )
    .await;
    assert_eq!((run.status, code(&run), loads(&f)), (RunStatus::Failed, Some("all_rows_failed"), 0));
}

#[tokio::test]
async fn a_load_that_fails_before_its_commit_becomes_an_ordinary_run() {
    for fault in [Fault::Write, Fault::Finish, Fault::Miscount] {
        for invalid in [false, true] {
            let (f, run) = same_without_load(
                &format!("{fault:?}"),
                |_| {},
                |f| {
                    requires_names(f);
                    if invalid {
                        f.source.edit(|t| t.rows[3][1] = None);
                    }
                    // Without a load it would be a fault of the session.
                    f.target.edit(|t| t.faults = if t.loads { vec![fault] } else { Vec::new() });
                },
            )
            .await;
            assert_eq!((run.status, loads(&f)), (RunStatus::Completed, 0), "{fault:?}");
            assert_eq!(f.target.edit(|t| t.writes), if invalid { 6 } else { 7 });
            assert!(f.target.edit(|t| t.faults.is_empty()));
        }
    }
}

#[tokio::test]
async fn a_commit_that_did_not_happen_fails_the_run_and_the_next_one_delivers() {
    let f = mirror();
    requires_names(&f);
    f.source.edit(|t| t.rows[3][1] = None);
    f.target.edit(|t| t.faults = vec![Fault::BeforeCommit]);
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("destination_unreachable")));
    let c = run.counters;
    assert_eq!((c.rows_created, c.rows_not_attempted, c.rows_failed), (0, 6, 1));
    assert_eq!((f.target.dump().len(), f.open_letters().await), (0, vec!["4".to_string()]));
    f.source.edit(|t| t.rows[3][1] = Some("a".into()));
    assert_eq!(f.completed().await, (7, 0, 0, 0));
    assert!(f.open_letters().await.is_empty());
    assert_eq!(f.target.dump(), expected(1..=7));
}

#[tokio::test]
async fn a_row_the_target_refuses_fails_alone() {
    let (f, run) = same_without_load(
        "refused",
        |_| {},
        |f| {
            f.target.edit(|t| t.poison.insert("4".into()));
        },
    )
    .await;
    assert_eq!((run.counters.rows_created, run.counters.rows_failed, loads(&f)), (6, 1, 0));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_asked_for() {
    for opens in 0..4 {
        let f = mirror();
        let mut faults = vec![Fault::AfterCommit];
        faults.extend(vec![Fault::Open; opens]);
        f.target.edit(|t| t.faults = faults);
        assert_eq!(f.completed().await, (7, 0, 0, 0));
        assert_eq!((loads(&f), f.target.edit(|t| t.writes)), (1, 7), "nothing twice");
        assert_eq!(f.completed().await, (0, 0, 7, 0));
        f.source.edit(|t| drop(t.rows.pop()));
        assert_eq!(f.completed().await, (0, 0, 6, 1), "it is the sync's own");
    }
}

/// The target goes away with the commit, and cannot be asked what came of it.
#[tokio::test]
async fn a_load_that_nobody_knows_of_is_made_whole_by_the_next_run() {
    for mode in [WriteMode::Upsert, WriteMode::Mirror, WriteMode::Insert] {
        for commit in [Fault::AfterCommit, Fault::BeforeCommit] {
            for change in ["none", "edited", "left"] {
                let what = format!("{mode:?} {commit:?} {change}");
                let f = fixture(|s| s.write_mode = mode);
                requires_names(&f);
                f.source.edit(|t| t.rows.push(row(9, "a")));
                f.source.edit(|t| t.rows[7][1] = None);
                let mut faults = vec![commit];
                faults.extend([Fault::Open; 5]);
                f.target.edit(|t| t.faults = faults);
                let run = f.run().await;
                assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("destination_unreachable")));
                let c = run.counters;
                assert_eq!((c.rows_created, c.rows_not_attempted, c.rows_failed), (0, 7, 1), "{what}");
                assert_eq!(f.open_letters().await, ["9"], "{what}");
                f.target.edit(|t| t.faults.clear());
                f.source.edit(|t| {
                    t.rows[7][1] = Some("a".into());
                    match change {
                        "edited" => t.rows[0][1] = Some("b".into()),
                        "left" => drop(t.rows.remove(0)),
                        _ => {}
                    }
                });
                let run = f.run().await;
                assert_eq!(run.status, RunStatus::Completed, "{what} {:?}", run.error);
                assert!(f.open_letters().await.is_empty(), "{what}");
                let (arrived, kept) = (commit == Fault::AfterCommit, mode != WriteMode::Mirror);
                let mut rows = expected((1..=7).chain([9]));
                match change {
                    // An insert does not know that what it finds is its own.
                    "edited" if !(mode == WriteMode::Insert && arrived) => {
                        rows[0] = "email:e1 id:1 name:b".into();
                    }
                    "left" if !(arrived && kept) => drop(rows.remove(0)),
                    _ => {}
                }
                assert_eq!(f.target.dump(), rows, "{what}");
                let writes = f.target.edit(|t| t.writes);
                f.run().await;
                assert_eq!(f.target.edit(|t| t.writes), writes, "{what}: at rest");
            }
        }
    }
}

#[tokio::test]
async fn a_newer_run_that_takes_the_fence_at_the_commit_stops_the_load() {
    let f = mirror();
    f.target.edit(|t| t.faults = vec![Fault::FenceAtCommit]);
    let (watch, _observer) = watch::pair();
    let run = f.engine.queue(&f.sync, RunType::Sync, Trigger::Cli, Default::default()).await.unwrap();
    let error = f.engine.execute(run, &f.sync, &f.endpoints(), &watch).await.unwrap_err();
    assert_eq!(error.code(), "fenced");
    assert_eq!((f.target.dump().len(), f.record().await.generation), (0, 0));
}

#[tokio::test]
async fn other_runs_do_not_ask_for_a_load() {
    let definitions: [(&str, Change); 3] = [
        ("append", |s| s.write_mode = WriteMode::Append),
        ("update", |s| s.write_mode = WriteMode::Update),
        ("progressive", |s| s.publish = Publish::Progressive),
    ];
    for (what, change) in definitions {
        let f = fixture(change);
        f.run().await;
        assert_eq!(f.target.edit(|t| t.loads_asked), 0, "{what}");
    }
    let reseed = RunOptions { reseed: true, ..Default::default() };
    let limited = RunOptions { max_entities: Some(3), ..Default::default() };
    let ids = RunOptions { source_ids: vec!["2".into()], ..Default::default() };
    for (run_type, options) in [
        (RunType::Test, RunOptions::default()),
        (RunType::Seed, reseed),
        (RunType::OneTime, limited),
        (RunType::OneTime, ids),
    ] {
        let f = mirror();
        let run = f.run_with(run_type, options.clone()).await;
        assert_eq!(run.status, RunStatus::Completed, "{options:?}");
        assert_eq!(f.target.edit(|t| t.loads_asked), 0, "{run_type:?} {options:?}");
    }
    let f = mirror();
    f.completed().await;
    f.run_with(RunType::Sync, RunOptions { read_mode: ReadMode::Full, ..Default::default() }).await;
    assert_eq!(f.target.edit(|t| t.loads_asked), 1, "only the first");
    let f = mirror();
    let seed = f.run_with(RunType::Seed, RunOptions::default()).await;
    assert_eq!((seed.counters.rows_created, loads(&f)), (7, 1));
}

#[tokio::test]
async fn a_target_that_holds_records_is_not_loaded() {
    let f = mirror();
    f.target.edit(|t| {
        let fields = [("id", "2"), ("name", "old")].map(|(k, v)| (k.to_string(), Some(v.to_string())));
        t.records.insert("2".into(), fields.into());
    });
    assert_eq!(f.completed().await, (6, 1, 0, 0));
    assert_eq!((loads(&f), f.entries().await["2"].origin), (0, Origin::Adopted));
}

#[tokio::test]
async fn values_are_kept_of_a_load_as_the_sync_says() {
    for store_values in [StoreValues::Full, StoreValues::Masked, StoreValues::None] {
        let mut shown = Vec::new();
        for loads in [false, true] {
            let f = fixture(|s| s.store_values = store_values);
            f.target.edit(|t| t.loads = loads);
            requires_names(&f);
            f.source.edit(|t| t.rows[6][1] = None);
            f.run().await;
            let values = f.entries().await["1"].values.clone();
            assert_eq!(values.is_some(), store_values != StoreValues::None);
            let mut events = review::history(&f.engine, &f.record().await.uid, "1", 10).await.unwrap();
            assert_eq!(events.len(), 1, "{store_values:?}, loads: {loads}");
            let event = events.remove(0);
            let mut fields: Vec<_> = event.fields.into_iter().map(|v| (v.field, v.after.is_some())).collect();
            fields.sort();
            shown.push((event.operation, event.result, fields));
            let failed = review::history(&f.engine, &f.record().await.uid, "7", 10).await.unwrap();
            assert_eq!((failed.len(), failed[0].code.is_some()), (1, true), "{failed:?}");
            let nobody = review::history(&f.engine, &f.record().await.uid, "70", 10).await.unwrap();
            assert!(nobody.is_empty());
            assert_eq!(f.run().await.counters.rows_skipped, 6);
            let again = review::history(&f.engine, &f.record().await.uid, "1", 10).await.unwrap();
            assert_eq!(again.len(), 1);
        }
        assert_eq!(shown[0], shown[1], "{store_values:?}");
    }
}

#[tokio::test]
async fn the_history_of_a_loaded_record_tells_its_values_and_what_came_later() {
    let f = mirror();
    f.completed().await;
    f.source.edit(|t| t.rows[0][1] = Some("b".into()));
    f.completed().await;
    let events = review::history(&f.engine, &f.record().await.uid, "1", 10).await.unwrap();
    let shown: Vec<_> = events.iter().map(|e| (e.operation.as_str(), e.result.as_str())).collect();
    assert_eq!(shown, [("update", "updated"), ("create", "created")]);
    let name = |e: &review::RowEvent| {
        let name = e.fields.iter().find(|v| v.field == "name").unwrap();
        (name.before.clone(), name.after.clone())
    };
    assert_eq!(name(&events[0]), (Some("a".into()), Some("b".into())));
    assert_eq!(name(&events[1]), (None, Some("a".into())));
}

/// Executes a first run until the process dies; `None`: it ended before.
async fn die(f: &mut Fixture, calls: usize, moment: Moment) -> Option<()> {
    let (watch, _observer) = watch::pair();
    let run = f.engine.queue(&f.sync, RunType::Sync, Trigger::Cli, Default::default()).await.unwrap();
    let store = f.engine.store.clone();
    let stopping = StoppingStore::new(store.clone(), calls, moment);
    f.engine.store = stopping.clone();
    let ends = f.endpoints();
    let died = tokio::select! {
        biased;
        () = stopping.stopped.notified() => Some(()),
        ended = f.engine.execute(run, &f.sync, &ends, &watch) => {
            ended.unwrap();
            None
        }
    };
    f.engine.store = store;
    died
}

async fn recover(f: &Fixture) -> Vec<Run> {
    let mut ended = Vec::new();
    for orphan in f.engine.orphans().await.unwrap() {
        let (watch, _observer) = watch::pair();
        let orphan = f.engine.store.reclaim_run(&orphan.id).await.unwrap();
        let run = f.engine.recover(orphan, &f.sync, Some(&f.sync), &f.endpoints(), &watch).await.unwrap();
        run.counters.check().unwrap();
        assert!(run.status.is_terminal(), "{:?}", run.status);
        assert_eq!(f.errors(&run).await.len() as u64, run.counters.rows_failed, "each error is told once");
        ended.push(run);
    }
    ended
}

/// Row 4 is invalid; the load goes well, or its commit does not.
#[tokio::test]
async fn a_load_that_dies_anywhere_ends_with_the_source() {
    for moment in [Moment::Before, Moment::After] {
        for (fault, unreachable) in [
            (None, false),
            (None, true),
            (Some(Fault::AfterCommit), false),
            (Some(Fault::BeforeCommit), false),
        ] {
            let mut settled = 0;
            for calls in 0.. {
                let what = format!("{moment:?} {fault:?} {unreachable} {calls}");
                let mut f = mirror();
                requires_names(&f);
                f.source.edit(|t| t.rows[3][1] = None);
                f.target.edit(|t| t.faults = fault.into_iter().collect());
                if die(&mut f, calls, moment).await.is_none() {
                    assert!(calls > 6, "{what}");
                    break;
                }
                if unreachable {
                    f.target.edit(|t| t.faults = vec![Fault::Open; 5]);
                }
                for run in recover(&f).await {
                    let written = f.target.edit(|t| t.writes);
                    match run.status {
                        RunStatus::Completed => {
                            assert_eq!((written, run.counters.rows_created), (6, 6), "{what}");
                            settled += 1;
                        }
                        _ => assert_eq!(run.counters.rows_created, 0, "{what}"),
                    }
                }
                f.target.edit(|t| t.faults.clear());
                let filter =
                    syncline_store::RunFilter { statuses: vec![RunStatus::Queued], ..Default::default() };
                for mut run in f.engine.store.runs(&filter, syncline_store::Page::first(10)).await.unwrap().0
                {
                    run.status = run.status.transition(RunStatus::Cancelled).unwrap();
                    f.engine.store.update_run(&run).await.unwrap();
                }
                f.run().await;
                assert_eq!(f.open_letters().await, ["4"], "{what}");
                f.source.edit(|t| t.rows[3][1] = Some("a".into()));
                f.clock.advance(std::time::Duration::from_secs(25 * 3_600));
                f.run().await;
                assert_eq!(f.target.dump(), expected(1..=7), "{what}");
                let letters = f.letters().await;
                assert!(letters.iter().all(|l| l.1 != LetterState::Open), "{what} {letters:?}");
                assert_eq!(f.completed().await, (0, 0, 7, 0), "{what}");
                f.source.edit(|t| drop(t.rows.remove(0)));
                assert_eq!(f.completed().await.3, 1, "{what}: what it created is its own");
            }
            assert!(
                unreachable || fault == Some(Fault::BeforeCommit) || settled > 0,
                "{moment:?} {fault:?}: none was settled"
            );
        }
    }
}
