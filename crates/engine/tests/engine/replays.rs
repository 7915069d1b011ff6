//! Dead letters sent again: as the source has them now, as they were captured, as a person edited them.

use std::time::Duration;

use syncline_core::ids::LetterId;
use syncline_core::run::{Replay, ReplayMode, RunOptions};
use syncline_core::sync::{Limit, Publish, StoreValues, WriteMode};
use syncline_core::{ErrorKind, ReadMode, Run, RunStatus, RunType, Trigger};
use syncline_engine::watch;
use syncline_store::{DeadLetter, LetterFilter, LetterState, Page};

use super::fixture::Fixture;
use crate::stopping::{Moment, StoppingStore};

const T: &str = "2025-06-01T10:00:00Z";

fn poison(f: &Fixture, keys: &[&str]) {
    f.target.edit(|t| t.poison = keys.iter().map(|k| k.to_string()).collect());
}

async fn letter(f: &Fixture, row_id: &str) -> DeadLetter {
    let filter = LetterFilter { row_id: Some(row_id.into()), ..Default::default() };
    f.engine.store.letters(&filter, Page::first(1)).await.unwrap().0.remove(0)
}

async fn all_letters(f: &Fixture) -> Vec<LetterId> {
    let (letters, _) = f.engine.store.letters(&LetterFilter::default(), Page::first(100)).await.unwrap();
    letters.into_iter().map(|l| l.id).collect()
}

async fn wish(f: &Fixture, mode: ReplayMode, row_ids: &[&str]) -> Replay {
    let mut letters = Vec::new();
    for row_id in row_ids {
        letters.push(letter(f, row_id).await.id);
    }
    Replay { mode, letters, per_second: None }
}

fn options(replay: Replay) -> RunOptions {
    RunOptions { replay: Some(replay), ..Default::default() }
}

async fn replay(f: &Fixture, mode: ReplayMode, row_ids: &[&str]) -> Run {
    let replay = wish(f, mode, row_ids).await;
    f.run_with(RunType::Replay, options(replay)).await
}

/// Contacts 1 to 3 of which 2 and 3 were refused, as they were first read.
async fn two_failed(change: impl FnOnce(&mut syncline_core::Sync)) -> Fixture {
    let f = Fixture::with(change);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T], &["3", "Cid", "c", T]]);
    poison(&f, &["2", "3"]);
    assert_eq!(f.run().await.counters.rows_failed, 2);
    f.written();
    f
}

fn named(f: &Fixture, id: &str, name: &str) {
    f.source.edit(|t| {
        let row = t.rows.iter_mut().find(|r| r[0].as_deref() == Some(id)).unwrap();
        row[1] = Some(name.into());
    });
}

fn counted(run: &Run) -> (RunStatus, u64, u64) {
    (run.status, run.counters.rows_created + run.counters.rows_updated, run.counters.rows_failed)
}

#[tokio::test]
async fn a_reread_sends_the_row_as_it_is_now_and_touches_no_other() {
    let f = two_failed(|s| s.model.cursor = Some("updated_at".into())).await;
    f.run().await;
    let before = f.record().await;
    poison(&f, &["3"]);
    named(&f, "1", "Anna");
    named(&f, "2", "Bobby");
    let run = replay(&f, ReplayMode::Reread, &["2"]).await;
    assert_eq!(counted(&run), (RunStatus::Completed, 1, 0), "whatever its backoff");
    assert_eq!(f.target.dump(), ["email:a id:1 name:Ann", "email:b id:2 name:Bobby"]);
    let states: Vec<_> = f.letters().await.into_iter().map(|(id, state, _)| (id, state)).collect();
    assert_eq!(
        states,
        [("2".to_string(), LetterState::ResolvedReplay), ("3".to_string(), LetterState::Open)]
    );
    let after = f.record().await;
    assert_eq!((before.cursor, before.last_full_read_at), (after.cursor, after.last_full_read_at));
}

#[tokio::test]
async fn a_replay_that_is_refused_again_is_open_with_another_attempt_and_the_new_error() {
    let f = two_failed(|_| {}).await;
    let before = letter(&f, "2").await;
    f.source.edit(|t| t.rows[1][0] = Some("2".into()));
    let run = replay(&f, ReplayMode::Reread, &["2"]).await;
    assert_eq!(counted(&run), (RunStatus::Completed, 0, 1));
    let after = letter(&f, "2").await;
    assert_eq!((after.state, after.attempts, after.replayed_by), (LetterState::Open, 2, None));
    assert_eq!((after.id, after.run_id), (before.id, run.id));
    assert_eq!(letter(&f, "3").await.attempts, 1);
}

#[tokio::test]
async fn a_record_that_left_the_model_is_not_found_and_resolved() {
    let f = two_failed(|s| s.write_mode = WriteMode::Mirror).await;
    poison(&f, &["3"]);
    assert_eq!(f.run().await.counters.rows_created, 1);
    poison(&f, &["2", "3"]);
    named(&f, "2", "Bad");
    f.run().await;
    poison(&f, &[]);
    // 2 stands delivered in another version, 3 never was; 1 is gone too and was not asked for.
    f.source.edit(|t| t.rows.clear());
    let run = replay(&f, ReplayMode::Reread, &["2", "3"]).await;
    assert_eq!(run.status, RunStatus::Completed, "{:?}", run.guards);
    assert_eq!((run.counters.rows_processed, run.counters.rows_deleted), (0, 1));
    assert_eq!(run.not_found, ["2", "3"]);
    assert_eq!(f.target.dump(), ["email:a id:1 name:Ann"]);
    assert!(f.open_letters().await.is_empty());
    assert_eq!(f.state_of("3").await, None);
}

#[tokio::test]
async fn a_removal_that_was_refused_is_planned_again() {
    let f = Fixture::with(|s| s.write_mode = WriteMode::Mirror);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    poison(&f, &["2"]);
    f.source.set(&[&["1", "Ann", "a", T]]);
    f.run().await;
    poison(&f, &[]);
    let refused = replay(&f, ReplayMode::AsCaptured, &["2"]).await;
    assert_eq!(f.errors(&refused).await[0].code, "removal_not_captured");
    let run = replay(&f, ReplayMode::Reread, &["2"]).await;
    assert_eq!((run.status, run.counters.rows_deleted), (RunStatus::Completed, 1));
    assert_eq!(f.letters().await, [("2".to_string(), LetterState::ResolvedReplay, 1)]);
}

#[tokio::test]
async fn a_captured_payload_is_sent_without_reading_the_source() {
    let f = two_failed(|_| {}).await;
    poison(&f, &[]);
    named(&f, "2", "Newer");
    f.source.edit(|t| t.fail_after = Some(0));
    let run = replay(&f, ReplayMode::AsCaptured, &["2", "3"]).await;
    assert_eq!(counted(&run), (RunStatus::Completed, 2, 0), "{:?}", run.error);
    assert_eq!(f.target.dump()[1..], ["email:b id:2 name:Bob", "email:c id:3 name:Cid"]);
    assert!(f.open_letters().await.is_empty());
    f.source.edit(|t| t.fail_after = None);
    assert_eq!(f.completed().await, (0, 1, 2, 0), "what changed since goes the ordinary way");
}

#[tokio::test]
async fn a_captured_payload_never_overwrites_what_was_delivered_since() {
    let f = two_failed(|_| {}).await;
    let v1 = wish(&f, ReplayMode::AsCaptured, &["2", "3"]).await;
    // Asked for before, and executed after a newer version was delivered.
    let waiting = f.engine.queue(&f.sync, RunType::Replay, Trigger::Cli, options(v1)).await.unwrap();
    poison(&f, &["3"]);
    named(&f, "2", "Newer");
    assert_eq!(f.run().await.counters.rows_created, 1);
    poison(&f, &[]);
    let (watch, _observer) = watch::pair();
    let run = f.engine.execute(waiting, &f.sync, &f.endpoints(), &watch).await.unwrap();
    assert_eq!(counted(&run), (RunStatus::Completed, 1, 1));
    let errors = f.errors(&run).await;
    assert_eq!((errors[0].row_id.as_str(), errors[0].code.as_str()), ("2", "letter_not_open"));
    assert_eq!(f.target.dump()[1..], ["email:b id:2 name:Newer", "email:c id:3 name:Cid"]);
    assert_eq!(letter(&f, "2").await.state, LetterState::ResolvedAuto, "and stays as it was");
}

async fn edit(f: &Fixture, row_id: &str, field: &str, value: &str) -> Result<DeadLetter, ErrorKind> {
    let fields = [(field.to_string(), value.into())].into_iter().collect();
    let id = letter(f, row_id).await.id;
    f.engine.edit_letter(&f.sync, &f.endpoints(), id.as_str(), fields, "ann").await.map_err(|e| e.kind)
}

#[tokio::test]
async fn an_edited_payload_is_delivered_and_left_alone_until_its_row_changes() {
    let f = two_failed(|_| {}).await;
    let edited = edit(&f, "2", "name", "Robert").await.unwrap().edited.unwrap();
    let shown = [
        edited.by.as_str(),
        edited.payload["name"].as_str().unwrap(),
        edited.payload["email"].as_str().unwrap(),
    ];
    assert_eq!(shown, ["ann", "Robert", "b"]);
    poison(&f, &["3"]);
    let run = replay(&f, ReplayMode::Edited, &["2", "3"]).await;
    assert_eq!(counted(&run), (RunStatus::Completed, 1, 1));
    assert_eq!(f.errors(&run).await[0].code, "not_edited");
    assert_eq!(letter(&f, "3").await.attempts, 1, "it was not tried");
    assert_eq!(f.target.dump()[1], "email:b id:2 name:Robert");
    assert_eq!(f.state_of("2").await.as_deref(), Some("edited"));
    assert_eq!(letter(&f, "2").await.state, LetterState::ResolvedReplay);
    poison(&f, &[]);
    assert_eq!(f.run().await.skipped.get("edited"), Some(&1));
    assert_eq!(f.target.dump()[1], "email:b id:2 name:Robert");
    named(&f, "2", "Bobby");
    assert_eq!(f.completed().await, (0, 1, 2, 0));
    assert_eq!(f.target.dump()[1], "email:b id:2 name:Bobby");
    assert_eq!(f.state_of("2").await.as_deref(), Some("delivered"));
}

#[tokio::test]
async fn an_edited_payload_that_is_refused_stays_beside_what_was_captured() {
    let f = two_failed(|_| {}).await;
    edit(&f, "2", "name", "Robert").await.unwrap();
    let run = replay(&f, ReplayMode::Edited, &["2"]).await;
    assert_eq!(counted(&run), (RunStatus::Completed, 0, 1));
    let after = letter(&f, "2").await;
    assert_eq!((after.state, after.attempts), (LetterState::Open, 2));
    assert_eq!(after.payload.unwrap()["name"], "Bob");
    assert_eq!(after.edited.unwrap().payload["name"], "Robert");
    assert!(after.source_row.is_some());
}

#[tokio::test]
async fn an_edit_that_the_target_would_not_take_is_refused() {
    let f = two_failed(|_| {}).await;
    f.target.edit(|t| t.fields[2].max_chars = Some(3));
    for (field, value) in [("nickname", "x"), ("id", "many"), ("email", "long")] {
        assert_eq!(edit(&f, "2", field, value).await.unwrap_err(), ErrorKind::BadUsage, "{field}");
    }
    assert_eq!(letter(&f, "2").await.edited, None);
}

#[tokio::test]
async fn a_dry_run_says_what_a_replay_would_do_and_changes_nothing() {
    let f = two_failed(|_| {}).await;
    poison(&f, &[]);
    for mode in [ReplayMode::Reread, ReplayMode::AsCaptured] {
        let wish = wish(&f, mode, &["2", "3"]).await;
        let run = f.run_with(RunType::Test, options(wish)).await;
        assert_eq!((run.status, run.counters.rows_created), (RunStatus::Completed, 2));
        assert_eq!(f.target.dump().len(), 1);
        assert_eq!(f.open_letters().await, ["2", "3"]);
    }
}

#[tokio::test]
async fn a_paced_replay_sends_no_more_in_a_second_than_it_may() {
    let f = Fixture::with(|s| s.batch_size = Some(100));
    let rows: Vec<_> =
        (1..=10).map(|i| [i.to_string(), "n".into(), "e".into(), T.into()].map(Some)).collect();
    f.source.edit(|t| t.rows = rows.iter().map(|r| r.to_vec()).collect());
    f.target.edit(|t| t.refuse_writes = true);
    f.run().await;
    f.target.edit(|t| {
        t.refuse_writes = false;
        t.chunk_rows.clear();
    });
    let replay = Replay { mode: ReplayMode::Reread, letters: all_letters(&f).await, per_second: Some(4) };
    let estimate = f.engine.estimate_replay(&f.sync, &replay).await.unwrap();
    assert_eq!((estimate.letters, estimate.replayable, estimate.seconds), (10, 10, Some(2.5)));
    let (watch, _observer) = watch::pair();
    let run = f.engine.queue(&f.sync, RunType::Replay, Trigger::Cli, options(replay)).await.unwrap();
    let run = f.engine.execute(run, &f.sync, &f.endpoints(), &watch).await.unwrap();
    assert_eq!(counted(&run), (RunStatus::Completed, 10, 0));
    assert_eq!(f.target.edit(|t| t.chunk_rows.clone()), [4, 4, 2]);
    assert_eq!(run.duration_seconds(run.completed_at.unwrap()), Some(2.0), "by the clock of the test");
    assert!(f.open_letters().await.is_empty());
}

#[tokio::test]
async fn a_replay_that_is_cancelled_leaves_its_letters_open() {
    let f = two_failed(|s| s.publish = Publish::Atomic).await;
    poison(&f, &[]);
    let replay = wish(&f, ReplayMode::Reread, &["2", "3"]).await;
    let (watch, observer) = watch::pair();
    let run = f.engine.queue(&f.sync, RunType::Replay, Trigger::Cli, options(replay)).await.unwrap();
    observer.cancel();
    let run = f.engine.execute(run, &f.sync, &f.endpoints(), &watch).await.unwrap();
    assert_eq!(run.status, RunStatus::Cancelled);
    assert_eq!(
        f.letters().await,
        [("2".to_string(), LetterState::Open, 1), ("3".to_string(), LetterState::Open, 1)]
    );
}

#[tokio::test]
async fn a_held_replay_keeps_its_letters_until_somebody_decides() {
    let mut f = two_failed(|_| {}).await;
    poison(&f, &[]);
    f.sync.guards.max_creates = Some(Limit::Count(1));
    let held = replay(&f, ReplayMode::Reread, &["2", "3"]).await;
    assert_eq!(held.status, RunStatus::Held, "{:?}", held.error);
    assert_eq!(letter(&f, "2").await.state, LetterState::Replaying);
    let beside = replay(&f, ReplayMode::Reread, &["2"]).await;
    assert_eq!(f.errors(&beside).await[0].code, "letter_not_open", "another replay has it");
    assert_eq!(letter(&f, "2").await.replayed_by, Some(held.id.clone()));
    f.engine.reject(&held.id).await.unwrap();
    assert_eq!(f.open_letters().await, ["2", "3"]);

    let held = replay(&f, ReplayMode::Reread, &["2", "3"]).await;
    let approved = f.approve(&held).await;
    assert_eq!(counted(&approved), (RunStatus::Completed, 2, 0));
    assert!(f.open_letters().await.is_empty());
    assert_eq!(letter(&f, "2").await.state, LetterState::ResolvedReplay);
}

/// A clock whose waits only end when somebody cancels.
struct EndlessWaits(watch::Observer);

#[async_trait::async_trait]
impl syncline_engine::Clock for EndlessWaits {
    fn now(&self) -> jiff::Timestamp {
        T.parse().unwrap()
    }

    async fn sleep(&self, _: Duration) {
        self.0.cancel();
        std::future::pending().await
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

#[tokio::test]
async fn a_paced_replay_can_be_cancelled_while_it_waits_and_keeps_what_was_sent() {
    let mut f = two_failed(|_| {}).await;
    poison(&f, &[]);
    let replay = Replay { per_second: Some(1), ..wish(&f, ReplayMode::Reread, &["2", "3"]).await };
    let (watch, observer) = watch::pair();
    f.engine.clock = std::sync::Arc::new(EndlessWaits(observer));
    let run = f.engine.queue(&f.sync, RunType::Replay, Trigger::Cli, options(replay)).await.unwrap();
    let run = f.engine.execute(run, &f.sync, &f.endpoints(), &watch).await.unwrap();
    assert_eq!((run.status, run.counters.rows_created), (RunStatus::Cancelled, 1));
    assert_eq!(
        f.letters().await,
        [("2".to_string(), LetterState::ResolvedReplay, 1), ("3".to_string(), LetterState::Open, 1)]
    );
}

#[tokio::test]
async fn an_ignored_record_is_left_alone_until_its_row_changes() {
    for cursor in [None, Some("updated_at".to_string())] {
        let f = two_failed(|s| s.model.cursor = cursor).await;
        f.engine
            .store
            .set_letter_state(letter(&f, "2").await.id.as_str(), LetterState::Ignored)
            .await
            .unwrap();
        poison(&f, &[]);
        for _ in 0..3 {
            f.run().await;
        }
        assert_eq!(f.state_of("2").await.as_deref(), Some("pending"));
        assert_eq!(f.state_of("3").await.as_deref(), Some("delivered"));
        named(&f, "2", "Bobby");
        f.source.edit(|t| t.rows[1][3] = Some("2025-06-01T12:00:00Z".into()));
        poison(&f, &["2"]);
        assert_eq!(f.run().await.counters.rows_failed, 1);
        assert_eq!(letter(&f, "2").await.state, LetterState::Open, "it failed as another row");
        f.engine
            .store
            .set_letter_state(letter(&f, "2").await.id.as_str(), LetterState::Ignored)
            .await
            .unwrap();
        poison(&f, &[]);
        named(&f, "2", "Rob");
        f.source.edit(|t| t.rows[1][3] = Some("2025-06-01T12:01:00Z".into()));
        assert_eq!(f.run().await.counters.rows_created, 1);
        assert_eq!(letter(&f, "2").await.state, LetterState::ResolvedAuto);
    }
}

#[tokio::test]
async fn an_ignored_record_that_is_reopened_is_tried_again() {
    let f = two_failed(|_| {}).await;
    let id = letter(&f, "2").await.id;
    f.engine.store.set_letter_state(id.as_str(), LetterState::Ignored).await.unwrap();
    poison(&f, &[]);
    assert_eq!(f.run().await.skipped.get("ignored"), Some(&1));
    f.engine.reopen_letter(id.as_str()).await.unwrap();
    let refused = f.engine.reopen_letter(id.as_str()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict, "it is open already");
    assert_eq!(f.run().await.counters.rows_created, 1);
}

#[tokio::test]
async fn an_ignored_removal_is_not_repeated_until_its_record_is_back() {
    let f = Fixture::with(|s| s.write_mode = WriteMode::Mirror);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    poison(&f, &["2"]);
    f.source.set(&[&["1", "Ann", "a", T]]);
    f.run().await;
    poison(&f, &[]);
    f.engine.store.set_letter_state(letter(&f, "2").await.id.as_str(), LetterState::Ignored).await.unwrap();
    assert_eq!(f.completed().await, (0, 0, 1, 0));
    assert_eq!(f.target.dump().len(), 2);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    assert_eq!(f.completed().await, (0, 0, 2, 0));
    assert_eq!(letter(&f, "2").await.state, LetterState::ResolvedAuto);
}

#[tokio::test]
async fn what_a_person_decided_stands_for_a_row_that_is_still_invalid() {
    let mut f = Fixture::new();
    f.sync.mapping[1].value = "cast(name as bigint)".into();
    f.source.set(&[&["1", "10", "a", T], &["2", "ten", "b", T], &["3", "one", "c", T]]);
    assert_eq!(f.run().await.counters.rows_failed, 2);
    f.engine.store.set_letter_state(letter(&f, "2").await.id.as_str(), LetterState::Ignored).await.unwrap();
    let captured = replay(&f, ReplayMode::AsCaptured, &["3"]).await;
    assert_eq!(f.errors(&captured).await[0].code, "nothing_captured", "its payload has a hole");
    edit(&f, "3", "name", "1").await.unwrap();
    assert_eq!(counted(&replay(&f, ReplayMode::Edited, &["3"]).await), (RunStatus::Completed, 1, 0));
    let run = f.run().await;
    assert_eq!(counted(&run), (RunStatus::Completed, 0, 0));
    assert_eq!((run.skipped.get("ignored"), run.skipped.get("edited")), (Some(&1), Some(&1)));
    assert_eq!(f.target.dump()[1], "email:c id:3 name:1");
}

#[tokio::test]
async fn an_ignored_record_that_leaves_the_model_departs_as_any_other() {
    let f = two_failed(|s| s.write_mode = WriteMode::Mirror).await;
    f.engine.store.set_letter_state(letter(&f, "2").await.id.as_str(), LetterState::Ignored).await.unwrap();
    f.source.set(&[&["1", "Ann", "a", T]]);
    f.completed().await;
    assert_eq!(f.state_of("2").await, None);
    assert_eq!(letter(&f, "2").await.state, LetterState::ResolvedAuto);
}

#[tokio::test]
async fn a_full_run_sends_ignored_records_too_and_leaves_them_ignored_if_they_fail() {
    let f = two_failed(|_| {}).await;
    f.engine.store.set_letter_state(letter(&f, "2").await.id.as_str(), LetterState::Ignored).await.unwrap();
    let full = RunOptions { read_mode: ReadMode::Full, ..Default::default() };
    assert_eq!(f.run_with(RunType::Sync, full).await.counters.rows_failed, 2);
    assert_eq!(letter(&f, "2").await.state, LetterState::Ignored, "it is the row that was ignored");
}

#[tokio::test]
async fn a_reseed_leaves_no_letter_open_for_what_it_delivers() {
    let f = two_failed(|_| {}).await;
    poison(&f, &["3"]);
    let reseed = RunOptions { reseed: true, ..Default::default() };
    let run = f.run_with(RunType::Seed, reseed).await;
    assert_eq!(counted(&run), (RunStatus::Completed, 2, 1));
    assert_eq!(f.open_letters().await, ["3"]);
}

#[tokio::test]
async fn a_replay_does_not_disarm_the_guard_of_the_next_run() {
    let mut f = two_failed(|_| {}).await;
    let before = f.record().await.config_hash;
    poison(&f, &[]);
    f.sync.mapping[1].value = "upper(name)".into();
    let run = replay(&f, ReplayMode::Reread, &["2"]).await;
    assert_eq!(counted(&run), (RunStatus::Completed, 1, 0));
    assert_eq!(f.record().await.config_hash, before, "the ordinary run is the first of the new definition");
}

#[tokio::test]
async fn replays_that_cannot_work_are_refused_with_a_sentence() {
    let mut f = two_failed(|_| {}).await;
    let good = wish(&f, ReplayMode::AsCaptured, &["2"]).await;
    let refused = async |f: &Fixture, run_type, options| {
        f.engine.queue(&f.sync, run_type, Trigger::Cli, options).await.unwrap_err()
    };
    let none = refused(&f, RunType::Replay, RunOptions::default()).await;
    assert_eq!(none.message, "a replay needs dead letters");
    let with = |letters| options(Replay { letters, ..good.clone() });
    assert_eq!(refused(&f, RunType::Replay, with(vec![])).await.message, "no dead letters were chosen");
    let many = vec![good.letters[0].clone(); Replay::LETTERS_MAX + 1];
    assert!(refused(&f, RunType::Replay, with(many)).await.message.starts_with("10001 letters are too many"));
    let unknown = LetterId::from_stored("dl_unknown");
    assert_eq!(refused(&f, RunType::Replay, with(vec![unknown])).await.kind, ErrorKind::NotFound);
    let limited = RunOptions { max_entities: Some(1), ..options(good.clone()) };
    assert_eq!(refused(&f, RunType::Replay, limited).await.kind, ErrorKind::BadUsage);
    assert_eq!(refused(&f, RunType::Sync, options(good.clone())).await.kind, ErrorKind::BadUsage);
    let other = f.sync.clone();
    f.sync.id = syncline_core::SyncId::new("crm", "company");
    let foreign = refused(&f, RunType::Replay, options(good.clone())).await;
    assert!(foreign.message.ends_with("is a dead letter of crm.contact, not of crm.company"), "{foreign}");
    f.sync = other;
    f.sync.store_values = StoreValues::Masked;
    let masked = refused(&f, RunType::Replay, options(good)).await;
    assert!(masked.message.contains("keeps masked values only"), "{masked}");
}

#[tokio::test]
async fn an_estimate_says_how_many_can_be_replayed_and_why_others_cannot() {
    let f = two_failed(|_| {}).await;
    edit(&f, "2", "name", "Robert").await.unwrap();
    let ids = all_letters(&f).await;
    let wish = |mode| Replay { mode, letters: ids.clone(), per_second: None };
    let estimate = f.engine.estimate_replay(&f.sync, &wish(ReplayMode::Edited)).await.unwrap();
    assert_eq!((estimate.letters, estimate.replayable, estimate.seconds), (2, 1, None));
    let refused = &estimate.refused[0];
    assert_eq!(
        (refused.code.as_str(), refused.letters, &refused.sample),
        ("not_edited", 1, &vec!["3".into()])
    );
    let estimate = f.engine.estimate_replay(&f.sync, &wish(ReplayMode::Reread)).await.unwrap();
    assert_eq!((estimate.replayable, estimate.refused.len()), (2, 0));
}

#[tokio::test]
async fn a_replay_that_died_at_any_change_of_the_state_leaves_no_letter_behind() {
    for mode in [ReplayMode::Reread, ReplayMode::AsCaptured] {
        for moment in [Moment::Before, Moment::After] {
            let mut calls = 0;
            while dies_and_recovers(mode, calls, moment).await {
                calls += 1;
            }
            assert!(calls > 5, "it died {calls} times");
        }
    }
}

/// `false`: it ended before its process died.
async fn dies_and_recovers(mode: ReplayMode, calls: usize, moment: Moment) -> bool {
    let mut f = two_failed(|_| {}).await;
    poison(&f, &["3"]);
    let replay = wish(&f, mode, &["2", "3"]).await;
    let run = f.engine.queue(&f.sync, RunType::Replay, Trigger::Cli, options(replay)).await.unwrap();
    let store = f.engine.store.clone();
    let stopping = StoppingStore::new(store.clone(), calls, moment);
    f.engine.store = stopping.clone();
    let (ends, (watch, _observer)) = (f.endpoints(), watch::pair());
    let died = tokio::select! {
        biased;
        () = stopping.stopped.notified() => true,
        ended = f.engine.execute(run, &f.sync, &ends, &watch) => {
            ended.unwrap();
            false
        }
    };
    f.engine.store = store;
    for orphan in f.engine.orphans().await.unwrap() {
        let run = f.engine.recover(orphan, &f.sync, Some(&f.sync), &ends, &watch).await.unwrap();
        assert!(run.status.is_terminal());
    }
    let what = format!("{mode:?} died {moment:?} call {calls}");
    for (_, state, _) in f.letters().await {
        assert_ne!(state, LetterState::Replaying, "{what}");
    }
    poison(&f, &[]);
    while !f.open_letters().await.is_empty() {
        f.run().await;
    }
    assert_eq!(f.target.dump().len(), 3, "{what}");
    died
}
