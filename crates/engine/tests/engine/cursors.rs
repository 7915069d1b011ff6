//! What is read: cursors, limits, single records, and when the cursor moves.

use std::time::Duration;

use syncline_core::run::RunOptions;
use syncline_core::sync::{Limit, WriteMode};
use syncline_core::{CursorValue, ReadMode, Run, RunStatus, RunType};
use syncline_store::CursorChange;

use super::fixture::{Fixture, code};
use crate::doubles::Fault;

/// A fixture with `updated_at` as cursor and the source's clock at noon.
fn fixture() -> Fixture {
    let f = Fixture::with(|s| s.model.cursor = Some("updated_at".into()));
    f.source.edit(|t| t.now = Some("2025-06-01T12:00:00Z".parse().unwrap()));
    f
}

/// A time of 2025-06-01.
fn at(time: &str) -> String {
    format!("2025-06-01T{time}:00Z")
}

fn row(id: i64, name: &str, time: &str) -> Vec<Option<String>> {
    let time = if time == "~" { None } else { Some(at(time)) };
    vec![Some(id.to_string()), Some(name.into()), Some("e".into()), time]
}

fn put(f: &Fixture, id: i64, name: &str, time: &str) {
    f.source.edit(|t| {
        t.rows.retain(|r| r[0] != Some(id.to_string()));
        t.rows.push(row(id, name, time));
    });
}

fn take(f: &Fixture, id: i64) {
    f.source.edit(|t| t.rows.retain(|r| r[0] != Some(id.to_string())));
}

async fn cursor(f: &Fixture) -> Option<String> {
    f.record().await.cursor.map(|c| c.to_string())
}

fn moved(time: &str) -> Option<String> {
    Some(CursorValue::parse(&at(time), &"timestamptz".parse().unwrap()).unwrap().to_string())
}

fn options(change: impl FnOnce(&mut RunOptions)) -> RunOptions {
    let mut options = RunOptions::default();
    change(&mut options);
    options
}

async fn run(f: &Fixture, change: impl FnOnce(&mut RunOptions)) -> Run {
    f.run_with(RunType::Sync, options(change)).await
}

async fn limited(f: &Fixture, n: u64) -> Run {
    run(f, |o| o.max_entities = Some(n)).await
}

#[tokio::test]
async fn an_incremental_run_reads_what_is_past_the_cursor_and_its_lookback() {
    let f = fixture();
    put(&f, 1, "a", "08:00");
    put(&f, 2, "b", "09:55");
    put(&f, 3, "c", "10:00");
    f.completed().await;
    assert_eq!(cursor(&f).await, moved("10:00"));
    put(&f, 4, "d", "10:30");
    // Committed late, with a time before the cursor.
    put(&f, 5, "late", "09:52");
    let run = f.run().await;
    assert_eq!(
        (run.counters.rows_processed, run.counters.rows_created),
        (4, 2),
        "1 is older than the lookback"
    );
    assert_eq!(run.skipped.get("unchanged"), Some(&2));
    assert_eq!(run.cursor_after.unwrap().to_string(), moved("10:30").unwrap());
    assert!(!run.complete_read);
    put(&f, 6, "too late", "08:00");
    assert_eq!(f.run().await.counters.rows_created, 0, "later than the lookback allows");
    assert_eq!(run_reset(&f).await.counters.rows_created, 1, "a reset finds it");
}

async fn run_reset(f: &Fixture) -> Run {
    run(f, |o| o.read_mode = ReadMode::Reset).await
}

#[tokio::test]
async fn ties_at_the_cursor_are_read_again_and_skipped_by_fingerprint() {
    let mut f = fixture();
    f.sync.lookback = Duration::ZERO;
    put(&f, 1, "a", "10:00");
    put(&f, 2, "b", "10:00");
    f.completed().await;
    put(&f, 3, "c", "10:00");
    let run = f.run().await;
    assert_eq!((run.counters.rows_created, run.counters.rows_skipped), (1, 2));
}

#[tokio::test]
async fn rows_without_a_cursor_value_are_always_read() {
    let f = fixture();
    put(&f, 1, "a", "08:00");
    put(&f, 2, "b", "11:00");
    put(&f, 3, "c", "~");
    f.completed().await;
    put(&f, 3, "changed", "~");
    put(&f, 1, "changed", "08:00");
    assert_eq!(f.completed().await, (0, 1, 1, 0));
}

#[tokio::test]
async fn a_row_dated_in_the_future_is_delivered_and_does_not_carry_the_cursor() {
    let f = fixture();
    put(&f, 1, "a", "10:00");
    put(&f, 2, "future", "23:00");
    assert_eq!(f.completed().await, (2, 0, 0, 0));
    assert_eq!(cursor(&f).await, moved("12:00"));
    put(&f, 3, "b", "12:05");
    assert_eq!(f.completed().await, (1, 0, 1, 0));
}

#[tokio::test]
async fn an_open_write_at_the_source_holds_the_cursor_back() {
    let f = fixture();
    put(&f, 1, "a", "11:00");
    f.source.edit(|t| t.oldest_open_write = Some(at("09:00").parse().unwrap()));
    f.completed().await;
    assert_eq!(cursor(&f).await, moved("09:00"));
    // The transaction commits a row dated when it began, long past the lookback of row 1.
    put(&f, 2, "b", "09:01");
    f.source.edit(|t| t.oldest_open_write = None);
    assert_eq!(f.completed().await, (1, 0, 1, 0));
    assert_eq!(cursor(&f).await, moved("11:00"));
}

#[tokio::test]
async fn reset_starts_from_nothing_and_sends_what_changed() {
    let f = fixture();
    put(&f, 1, "a", "08:00");
    put(&f, 2, "b", "11:00");
    f.completed().await;
    take(&f, 2);
    put(&f, 1, "changed", "08:00");
    let run = run_reset(&f).await;
    assert_eq!((run.counters.rows_updated, run.counters.rows_processed), (1, 1));
    assert!(run.complete_read);
    assert_eq!(cursor(&f).await, moved("08:00"), "the cursor goes back with a reset");
    let (history, _) =
        f.engine.store.cursor_history(&f.record().await.uid, syncline_store::Page::first(9)).await.unwrap();
    assert_eq!(history[0].change.reason, "reset");
}

#[tokio::test]
async fn full_sends_every_record_and_honours_removals() {
    let mut f = fixture();
    f.sync.write_mode = WriteMode::Mirror;
    for id in 1..=3 {
        put(&f, id, "a", "08:00");
    }
    f.completed().await;
    f.written();
    take(&f, 2);
    let run = run(&f, |o| o.read_mode = ReadMode::Full).await;
    assert_eq!((run.counters.rows_updated, run.counters.rows_skipped, run.counters.rows_deleted), (2, 0, 1));
    assert_eq!(f.written(), ["delete 2", "update 1", "update 3"]);
}

#[tokio::test]
async fn full_leaves_known_keys_alone_in_insert_mode_and_is_refused_for_append() {
    let mut f = fixture();
    f.sync.write_mode = WriteMode::Insert;
    put(&f, 1, "a", "08:00");
    f.completed().await;
    put(&f, 2, "b", "08:00");
    let full = run(&f, |o| o.read_mode = ReadMode::Full).await;
    assert_eq!((full.counters.rows_created, full.counters.rows_skipped), (1, 1));
    f.sync.write_mode = WriteMode::Append;
    let asked = options(|o| o.read_mode = ReadMode::Full);
    let refused =
        f.engine.queue(&f.sync, RunType::Sync, syncline_core::Trigger::Cli, asked).await.unwrap_err();
    assert!(refused.message.contains("append every row again"));
}

#[tokio::test]
async fn source_ids_read_those_records_and_move_nothing() {
    let mut f = fixture();
    f.sync.write_mode = WriteMode::Mirror;
    for id in 1..=5 {
        put(&f, id, "a", "08:00");
    }
    f.completed().await;
    let before = cursor(&f).await;
    put(&f, 1, "changed", "11:00");
    put(&f, 2, "changed", "11:00");
    put(&f, 6, "new", "11:00");
    take(&f, 4);
    let some = run(&f, |o| o.source_ids = ["1", "4", "6", "77"].map(String::from).to_vec()).await;
    assert_eq!(some.status, RunStatus::Completed);
    assert_eq!(
        (some.counters.rows_processed, some.counters.rows_updated, some.counters.rows_created),
        (2, 1, 1)
    );
    assert_eq!(some.not_found, ["4", "77"]);
    assert_eq!(some.counters.rows_deleted, 0);
    assert_eq!(cursor(&f).await, before);
    let first = |o: &mut RunOptions| {
        o.source_ids = ["5", "2", "3"].map(String::from).to_vec();
        o.max_entities = Some(1);
    };
    let first = run(&f, first).await;
    assert_eq!((first.counters.rows_processed, first.options.source_ids), (1, vec!["5".to_string()]));
    assert_eq!(f.completed().await, (0, 1, 4, 0), "2 comes with the next run");
}

#[tokio::test]
async fn limited_runs_progress_to_the_end_in_cursor_order() {
    let f = fixture();
    for (id, time) in
        [(1, "09:00"), (2, "08:00"), (3, "08:00"), (4, "08:30"), (5, "10:00"), (6, "10:00"), (7, "11:00")]
    {
        put(&f, id, "a", time);
    }
    f.written();
    let first = limited(&f, 1).await;
    assert_eq!(f.written(), ["create 2", "create 3"], "a tie group is whole");
    assert!(!first.complete_read);
    limited(&f, 2).await;
    assert_eq!(f.written(), ["create 1", "create 4"]);
    limited(&f, 1).await;
    assert_eq!(f.written(), ["create 5", "create 6"]);
    limited(&f, 1).await;
    assert_eq!(f.written(), ["create 7"]);
    assert_eq!(cursor(&f).await, moved("11:00"));
    assert_eq!(limited(&f, 1).await.counters.rows_created, 0);
    assert_eq!(f.target.dump().len(), 7);
}

#[tokio::test]
async fn limited_runs_without_a_cursor_resume_after_the_last_key_and_start_over() {
    let f = Fixture::with(|s| s.write_mode = WriteMode::Mirror);
    for id in [5, 3, 1, 4, 2] {
        put(&f, id, "a", "08:00");
    }
    for expected in [vec!["create 1", "create 2"], vec!["create 3", "create 4"], vec!["create 5"]] {
        let run = limited(&f, 2).await;
        assert_eq!(
            (f.written(), run.counters.rows_deleted),
            (expected.iter().map(|s| s.to_string()).collect(), 0)
        );
    }
    put(&f, 1, "changed", "08:00");
    limited(&f, 2).await;
    assert_eq!(f.written(), ["update 1"], "around again");
    take(&f, 2);
    assert_eq!(f.completed().await, (0, 0, 4, 1), "only a complete read finds removals");
}

#[tokio::test]
async fn an_unlimited_run_in_between_does_not_disturb_limited_ones() {
    let f = Fixture::new();
    for id in 1..=6 {
        put(&f, id, "a", "08:00");
    }
    limited(&f, 2).await;
    f.completed().await;
    assert_eq!(f.target.dump().len(), 6);
    let run = limited(&f, 4).await;
    assert_eq!(run.skipped.get("unchanged"), Some(&4), "a complete read begins anew");
}

#[tokio::test]
async fn a_mirror_with_a_cursor_finds_removals_in_its_full_read() {
    let mut f = fixture();
    f.sync.write_mode = WriteMode::Mirror;
    put(&f, 1, "a", "08:00");
    put(&f, 2, "b", "11:00");
    assert!(f.run().await.complete_read);
    take(&f, 1);
    let run = f.run().await;
    assert_eq!((run.complete_read, run.counters.rows_deleted), (false, 0));
    f.clock.advance(Duration::from_secs(86_400));
    let run = f.run().await;
    assert_eq!((run.complete_read, run.counters.rows_deleted), (true, 1));
}

#[tokio::test]
async fn pending_records_are_read_again_by_key_past_the_cursor() {
    let f = fixture();
    put(&f, 1, "a", "06:00");
    put(&f, 2, "b", "11:00");
    f.target.edit(|t| t.poison.insert("1".into()));
    assert_eq!(f.run().await.counters.rows_failed, 1);
    assert_eq!(cursor(&f).await, moved("11:00"), "a pending row does not hold the cursor");
    let mut tried = Vec::new();
    for _ in 0..7 {
        let run = f.run().await;
        assert_eq!(run.counters.rows_processed, 2);
        tried.push(run.counters.rows_failed);
    }
    assert_eq!(tried, [1, 0, 1, 0, 0, 0, 1], "it backs off in incremental runs too");
    f.target.edit(|t| t.poison.clear());
    put(&f, 1, "repaired", "06:00");
    assert_eq!(f.completed().await, (1, 0, 1, 0));
    let run = f.run().await;
    assert_eq!(run.counters.rows_processed, 1, "settled records are not asked for any more");
}

#[tokio::test]
async fn a_pending_key_that_was_deleted_is_found_by_key_in_an_incremental_run() {
    let mut f = fixture();
    f.sync.write_mode = WriteMode::Mirror;
    put(&f, 1, "a", "06:00");
    put(&f, 2, "b", "11:00");
    f.completed().await;
    f.target.edit(|t| t.poison.insert("1".into()));
    put(&f, 1, "bad", "11:30");
    assert_eq!(f.run().await.counters.rows_failed, 1);
    take(&f, 1);
    f.target.edit(|t| t.poison.clear());
    let run = f.run().await;
    assert_eq!((run.complete_read, run.counters.rows_deleted), (false, 1));
    assert!(f.open_letters().await.is_empty());
}

#[tokio::test]
async fn a_refused_removal_is_tried_again_in_incremental_runs() {
    let mut f = fixture();
    f.sync.write_mode = WriteMode::Mirror;
    put(&f, 1, "a", "06:00");
    put(&f, 2, "b", "11:00");
    f.completed().await;
    take(&f, 1);
    f.target.edit(|t| t.poison.insert("1".into()));
    f.clock.advance(Duration::from_secs(86_400));
    assert_eq!(f.run().await.counters.rows_delete_failed, 1);
    f.target.edit(|t| t.poison.clear());
    let run = f.run().await;
    assert_eq!((run.complete_read, run.counters.rows_deleted), (false, 1));
}

#[tokio::test]
async fn absent_records_are_looked_for_in_incremental_runs() {
    let mut f = fixture();
    f.sync.write_mode = WriteMode::Update;
    put(&f, 1, "a", "06:00");
    put(&f, 2, "b", "11:00");
    assert_eq!(f.run().await.skipped.get("absent"), Some(&2));
    f.target.edit(|t| t.records.insert("1".into(), [("id".to_string(), Some("1".to_string()))].into()));
    let run = f.run().await;
    assert_eq!((run.counters.rows_updated, run.skipped.get("absent")), (1, Some(&1)));
}

#[tokio::test]
async fn the_cursor_moves_only_when_everything_settled() {
    let f = fixture();
    put(&f, 1, "a", "08:00");
    f.completed().await;
    let before = cursor(&f).await;
    put(&f, 2, "b", "11:00");
    f.target.edit(|t| t.faults = vec![Fault::Open; 5]);
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("destination_unreachable")));
    assert_eq!(run.cursor_after, None);
    assert_eq!(cursor(&f).await, before);
    assert_eq!(f.completed().await, (1, 0, 1, 0));

    put(&f, 3, "c", "11:30");
    let mut held = f;
    held.sync.guards.max_creates = Some(Limit::Count(0));
    let before = cursor(&held).await;
    let run = held.held(&["max_creates"]).await;
    assert_eq!(cursor(&held).await, before);
    held.approve(&run).await;
    assert_eq!(cursor(&held).await, moved("11:30"));
}

#[tokio::test]
async fn an_edited_cursor_is_where_the_next_run_starts() {
    let f = fixture();
    put(&f, 1, "a", "08:00");
    put(&f, 2, "b", "11:00");
    f.completed().await;
    put(&f, 1, "changed", "08:00");
    assert_eq!(f.completed().await.1, 0);
    let to = CursorValue::parse(&at("07:00"), &"timestamptz".parse().unwrap());
    let change = CursorChange { to, reason: "manual".into(), run_id: None };
    use syncline_engine::Clock;
    f.engine.store.set_cursor(&f.record().await.uid, &change, f.clock.now()).await.unwrap();
    assert_eq!(f.completed().await, (0, 1, 1, 0));
    assert_eq!(cursor(&f).await, moved("11:00"));
}

#[tokio::test]
async fn rows_that_no_cursor_passes_do_not_stall_limited_runs() {
    for time in ["~", "23:00"] {
        let f = fixture();
        for id in 1..=5 {
            put(&f, id, "a", time);
        }
        put(&f, 6, "b", "08:00");
        put(&f, 7, "c", "09:00");
        limited(&f, 2).await;
        assert_eq!(f.written(), ["create 6", "create 7"], "what can progress goes first");
        limited(&f, 2).await;
        assert_eq!(f.target.dump().len(), 7);
    }
}
