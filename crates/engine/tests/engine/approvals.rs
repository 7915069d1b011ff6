//! Held runs and saved plans: what a person agrees to is what is written.

use std::time::Duration;

use syncline_core::run::RunOptions;
use syncline_core::sync::{Limit, WriteMode};
use syncline_core::{Counters, ErrorKind, Result, Run, RunStatus, RunType, Trigger};
use syncline_engine::review::{self, PlanDocument};
use syncline_engine::watch;
use syncline_store::LetterState;

use super::fixture::{Fixture, code, tripped};

const T: &str = "2025-06-01T10:00:00Z";
const HOUR: Duration = Duration::from_secs(3_600);

fn row(id: u32, name: &str) -> Vec<Option<String>> {
    [id.to_string(), name.into(), format!("e{id}"), T.into()].map(Some).to_vec()
}

/// Twenty delivered records, of which twelve have left the model.
async fn with_removals() -> Fixture {
    let f = Fixture::with(|s| s.write_mode = WriteMode::Mirror);
    f.source.edit(|t| t.rows = (1..=20).map(|i| row(i, "a")).collect());
    f.completed().await;
    f.source.edit(|t| t.rows.truncate(8));
    f.written();
    f
}

#[tokio::test]
async fn a_held_run_writes_nothing_until_it_is_approved() {
    let mut f = with_removals().await;
    f.sync.guards.max_source_drop = None;
    let before = (f.entries().await, f.record().await.generation);
    let run = f.held(&["max_deletes"]).await;
    assert_eq!((run.counters.rows_deleted, run.counters.rows_skipped), (12, 8));
    assert_eq!(run.guards[0].sample.len(), 5);
    assert_eq!(f.written(), Vec::<String>::new());
    assert_eq!((f.entries().await, f.record().await.generation), before);
    f.clock.advance(Duration::from_secs(600));
    let run = f.approve(&run).await;
    assert_eq!((run.status, run.counters.rows_deleted), (RunStatus::Completed, 12));
    assert_eq!(f.target.dump().len(), 8);
    assert!(run.durations.waiting >= 600.0);
}

#[tokio::test]
async fn a_rejected_run_ends_without_effect_and_cannot_be_approved_any_more() {
    let f = with_removals().await;
    let run = f.run().await;
    assert_eq!(run.status, RunStatus::Held);
    let run = f.engine.reject(&run.id).await.unwrap();
    assert_eq!((run.status, run.counters.rows_deleted), (RunStatus::Cancelled, 0));
    run.counters.check().unwrap();
    assert_eq!(f.target.dump().len(), 20);
    assert_eq!(try_approve(&f, &run).await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(f.engine.reject(&run.id).await.unwrap_err().kind, ErrorKind::Conflict);
}

async fn try_approve(f: &Fixture, run: &Run) -> Result<Run> {
    let (watch, _observer) = watch::pair();
    f.engine.approve(&run.id, &f.sync, &f.endpoints(), &watch).await
}

#[tokio::test]
async fn an_approval_after_plan_ttl_plans_again_and_goes_on_within_what_was_approved() {
    let f = with_removals().await;
    let run = f.run().await;
    f.clock.advance(2 * HOUR);
    // One that was to be removed is back.
    f.source.edit(|t| t.rows.push(row(20, "a")));
    let run = f.approve(&run).await;
    assert_eq!((run.status, run.counters.rows_deleted), (RunStatus::Completed, 11));
    assert_eq!(f.target.dump().len(), 9);
}

#[tokio::test]
async fn an_approval_after_plan_ttl_holds_again_when_more_would_happen() {
    let f = with_removals().await;
    let run = f.run().await;
    f.clock.advance(2 * HOUR);
    f.source.edit(|t| drop(t.rows.pop()));
    let run = f.approve(&run).await;
    assert_eq!((run.status, run.counters.rows_deleted), (RunStatus::Held, 13));
    assert!(run.notices[0].contains("13 removals where 12 were approved"), "{:?}", run.notices);
    assert_eq!(f.written(), Vec::<String>::new());
    assert_eq!(f.approve(&run).await.counters.rows_deleted, 13, "the new plan can be approved");
}

#[tokio::test]
async fn other_removals_than_the_approved_ones_hold_again() {
    let f = with_removals().await;
    let run = f.run().await;
    f.clock.advance(2 * HOUR);
    f.source.edit(|t| {
        t.rows[0] = row(20, "a");
    });
    let run = f.approve(&run).await;
    assert_eq!((run.status, run.counters.rows_deleted), (RunStatus::Held, 12));
    assert!(run.notices[0].contains("not approved: 1"), "{:?}", run.notices);
}

#[tokio::test]
async fn a_run_in_between_makes_the_approved_one_plan_again() {
    let f = with_removals().await;
    let held = f.run().await;
    f.source.edit(|t| t.rows[0] = row(1, "b"));
    let one = RunOptions { source_ids: vec!["1".into()], ..Default::default() };
    assert_eq!(f.run_with(RunType::OneTime, one).await.counters.rows_updated, 1);
    let run = f.approve(&held).await;
    assert_eq!(
        (run.status, run.counters.rows_deleted, run.counters.rows_updated),
        (RunStatus::Completed, 12, 0)
    );
}

#[tokio::test]
async fn a_changed_definition_makes_a_held_plan_stale() {
    let mut f = with_removals().await;
    let run = f.run().await;
    f.sync.mapping[1].value = "upper(name)".into();
    assert_eq!(try_approve(&f, &run).await.unwrap_err().kind, ErrorKind::StalePlan);
    assert_eq!(f.engine.run(&run.id).await.unwrap().status, RunStatus::Held, "it can still be rejected");
    assert_eq!(f.written(), Vec::<String>::new());
}

#[tokio::test]
async fn a_source_that_fails_when_planning_again_ends_the_run_without_effect() {
    let f = with_removals().await;
    let run = f.run().await;
    f.clock.advance(2 * HOUR);
    f.source.edit(|t| t.fail_after = Some(3));
    let run = f.approve(&run).await;
    assert_eq!((run.status, run.counters), (RunStatus::SourceFailure, Counters::default()));
    assert_eq!(f.target.dump().len(), 20);
}

#[tokio::test]
async fn too_many_failures_when_planning_again_end_the_run_before_it_writes() {
    let mut f = with_removals().await;
    f.sync.halt.failed_rows = Some(Limit::Count(0));
    f.target.edit(|t| t.fields[1].nullable = false);
    let run = f.run().await;
    assert_eq!(run.status, RunStatus::Held);
    f.clock.advance(2 * HOUR);
    f.source.edit(|t| t.rows[0][1] = None);
    let run = f.approve(&run).await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("error_threshold")));
    assert_eq!(f.written(), Vec::<String>::new());
}

async fn saved(f: &Fixture, options: RunOptions) -> PlanDocument {
    let test = f.run_with(RunType::Test, options).await;
    assert_eq!(test.status, RunStatus::Completed);
    let document = review::document(&f.engine, &test, 1_000).await.unwrap();
    let text = serde_json::to_string(&document).unwrap();
    review::parse_document(&text).unwrap()
}

async fn apply(f: &Fixture, plan: &PlanDocument) -> Result<Run> {
    let (watch, _observer) = watch::pair();
    let ends = f.endpoints();
    f.engine.apply_saved(&plan.run_id, &plan.digest, &f.sync, &ends, Trigger::Cli, &watch).await
}

fn mixed() -> Fixture {
    Fixture::with(|s| s.write_mode = WriteMode::Mirror)
}

#[tokio::test]
async fn an_applied_plan_writes_exactly_what_it_showed() {
    let f = mixed();
    f.source.edit(|t| t.rows = (1..=9).map(|i| row(i, "a")).collect());
    f.completed().await;
    f.source.edit(|t| {
        t.rows.remove(8);
        t.rows[0] = row(1, "b");
        t.rows[1] = row(2, "b");
        t.rows.push(row(10, "new"));
    });
    f.written();
    let plan = saved(&f, RunOptions::default()).await;
    let mut shown: Vec<_> = plan.changes.iter().map(|c| format!("{} {}", c.operation, c.row_id)).collect();
    // What happens at the source in between does not count.
    f.source.edit(|t| t.rows[2] = row(3, "later"));
    let run = apply(&f, &plan).await.unwrap();
    assert_eq!((run.status, run.run_type), (RunStatus::Completed, RunType::OneTime));
    assert_eq!(run.counters, plan.counters, "P6");
    let mut written = f.written();
    written.sort();
    shown.sort();
    assert_eq!(written, shown);
    assert_eq!(f.completed().await, (0, 1, 8, 0), "the later change comes with the next run");
}

#[tokio::test]
async fn a_plan_shows_which_fields_change_and_how() {
    let f = mixed();
    f.source.edit(|t| t.rows = vec![row(1, "a"), row(2, "a")]);
    f.completed().await;
    f.source.edit(|t| t.rows = vec![row(1, "b")]);
    let plan = saved(&f, RunOptions::default()).await;
    let update = plan.changes.iter().find(|c| c.operation == "update").unwrap();
    assert_eq!(update.fields.len(), 1);
    assert_eq!(update.fields[0].field, "name");
    assert_eq!(update.fields[0].before, Some("a".into()));
    assert_eq!(update.fields[0].after, Some("b".into()));
    let delete = plan.changes.iter().find(|c| c.operation == "delete").unwrap();
    assert_eq!((delete.row_id.as_str(), delete.fields.len()), ("2", 3));
}

#[tokio::test]
async fn a_saved_plan_is_stale_after_a_run_an_edit_a_while_or_with_another_digest() {
    let mut f = mixed();
    f.source.edit(|t| t.rows = vec![row(1, "a"), row(2, "a")]);
    let plan = saved(&f, RunOptions::default()).await;
    let other = PlanDocument { digest: "0".repeat(32), ..plan.clone() };
    assert_eq!(apply(&f, &other).await.unwrap_err().kind, ErrorKind::StalePlan);
    f.sync.mapping[1].value = "upper(name)".into();
    assert_eq!(apply(&f, &plan).await.unwrap_err().kind, ErrorKind::StalePlan);
    f.sync.mapping[1].value = "name".into();
    f.clock.advance(HOUR);
    assert_eq!(apply(&f, &plan).await.unwrap_err().kind, ErrorKind::StalePlan);
    let plan = saved(&f, RunOptions::default()).await;
    f.completed().await;
    assert_eq!(apply(&f, &plan).await.unwrap_err().kind, ErrorKind::StalePlan);
    let plan = saved(&f, RunOptions::default()).await;
    assert_eq!(apply(&f, &plan).await.unwrap().counters.rows_skipped, 2, "a fresh one applies");
}

#[tokio::test]
async fn invalid_rows_of_an_applied_plan_are_read_again_past_the_cursor() {
    let f = Fixture::with(|s| s.model.cursor = Some("updated_at".into()));
    f.target.edit(|t| t.fields[1].nullable = false);
    let at = |id: u32, name: Option<&str>, time: &str| {
        vec![Some(id.to_string()), name.map(String::from), Some("e".into()), Some(time.to_string())]
    };
    f.source.edit(|t| {
        t.rows = vec![at(1, None, "2025-06-01T08:00:00Z"), at(2, Some("a"), "2025-06-01T11:00:00Z")]
    });
    let plan = saved(&f, RunOptions::default()).await;
    let run = apply(&f, &plan).await.unwrap();
    assert_eq!((run.counters.rows_created, run.counters.rows_failed), (1, 1));
    assert_eq!(f.errors(&run).await.len(), 1);
    let run = f.run().await;
    assert_eq!(run.counters.rows_failed, 1, "G2: the cursor did not pass a row that is nowhere remembered");
    assert_eq!(f.letters().await, [("1".to_string(), LetterState::Open, 1)]);
}

#[tokio::test]
async fn guards_of_a_seed_hold_it_and_a_reseed_is_not_held_for_its_removals() {
    let mut f = with_removals().await;
    f.sync.guards.max_updates = Some(Limit::Count(3));
    let seed = f.run_with(RunType::Seed, RunOptions::default()).await;
    assert_eq!(seed.status, RunStatus::Held);
    assert!(tripped(&seed).contains(&"max_updates") && tripped(&seed).contains(&"max_deletes"));
    f.engine.reject(&seed.id).await.unwrap();
    f.sync.guards.max_source_drop = None;
    let reseed = RunOptions { reseed: true, ..Default::default() };
    let run = f.run_with(RunType::Seed, reseed).await;
    assert_eq!(run.status, RunStatus::Completed, "{:?}", run.guards);
    assert_eq!((run.counters.rows_deleted, run.counters.rows_created), (20, 8));
    assert_eq!(f.target.dump().len(), 8);
}

#[tokio::test]
async fn a_held_run_waits_a_week_for_a_decision_and_then_ends() {
    let mut f = Fixture::new();
    f.sync.guards.max_creates = Some(Limit::Count(0));
    f.source.set(&[&["1", "Ann", "a", "2025-06-01T10:00:00Z"]]);
    let held = f.run().await;
    assert_eq!(held.status, RunStatus::Held);
    let keep = syncline_store::KeepUntil {
        runs_from: jiff::Timestamp::UNIX_EPOCH,
        runs_min: 1,
        letters_from: jiff::Timestamp::UNIX_EPOCH,
        letters_max: 100,
        traces_from: jiff::Timestamp::MIN,
    };
    f.clock.advance(std::time::Duration::from_secs(6 * 86_400));
    f.engine.tidy(&keep).await.unwrap();
    assert_eq!(f.engine.run(&held.id).await.unwrap().status, RunStatus::Held);
    f.clock.advance(std::time::Duration::from_secs(86_400));
    f.engine.tidy(&keep).await.unwrap();
    let ended = f.engine.run(&held.id).await.unwrap();
    assert_eq!((ended.status, ended.counters.rows_not_attempted), (RunStatus::Cancelled, 1));
    assert!(f.target.dump().is_empty());
}
