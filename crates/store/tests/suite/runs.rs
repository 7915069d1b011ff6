use std::sync::Arc;

use syncline_core::run::StoredError;
use syncline_core::{ErrorKind, Phase, Run, RunStatus, RunType, Stage, Trigger};
use syncline_store::{ChunkState, LetterFilter, Page, RowErrorFilter, RunFilter, Store};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    a_run_and_its_configuration_come_back_as_they_were,
    a_run_is_inserted_once_and_new,
    a_claim_starts_a_run_under_a_new_epoch,
    only_one_writing_run_of_a_sync_is_active,
    a_test_runs_beside_a_writer,
    a_held_run_frees_its_sync_and_is_claimed_again,
    an_active_run_is_taken_over_and_its_holder_fenced,
    whoever_lost_a_run_notes_nothing_of_it_any_more,
    only_active_runs_are_taken_over,
    every_status_change_is_checked_against_the_stored_status,
    a_stale_copy_cannot_undo_what_its_own_holder_did_later,
    what_identifies_a_run_never_changes,
    a_run_that_sent_something_ends_by_commit_only,
    a_number_that_cannot_be_read_again_is_refused,
    runs_are_listed_newest_first_in_pages,
    filters_restrict_the_list_and_its_count,
    a_page_has_a_limit,
    a_run_that_is_not_there_is_none_or_not_found,
];

async fn a_run_and_its_configuration_come_back_as_they_were(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let mut run = new_run("a", "contact", RunType::Seed);
    run.status = RunStatus::Scheduled;
    run.trigger = Trigger::Retry;
    run.retry_of = Some(run_id("before"));
    run.counters.rows_processed = u64::MAX;
    run.durations.query = 0.1 + 0.2;
    run.skipped.insert("unchanged".into(), 4);
    run.options.source_ids = vec!["ü".into()];
    let config = "{\"name\": \"\u{e9}\\n\"}";
    store.insert_run(&run, config).await.unwrap();
    assert_eq!(store.run(&run.id).await.unwrap(), Some(run.clone()));
    assert_eq!(store.run_config(&run.id).await.unwrap(), config);
}

async fn a_run_is_inserted_once_and_new(store: Arc<dyn Store>) {
    refused(store.insert_run(&new_run("a", "contact", RunType::Sync), "{}").await, ErrorKind::NotFound);
    ensure(&*store, "contact").await;
    queued(&*store, "a", "contact", RunType::Sync).await;
    let twin = Run { correlation_id: "other".into(), ..new_run("a", "contact", RunType::Sync) };
    refused(store.insert_run(&twin, "changed").await, ErrorKind::Conflict);
    assert_eq!(store.run(&twin.id).await.unwrap().unwrap().correlation_id, "correlation-a");
    assert_eq!(store.run_config(&twin.id).await.unwrap(), "{}");
    for status in RunStatus::ALL {
        if !matches!(status, RunStatus::Scheduled | RunStatus::Queued) {
            let run = Run { status, ..new_run("b", "contact", RunType::Sync) };
            refused(store.insert_run(&run, "{}").await, ErrorKind::Internal);
        }
    }
}

async fn a_claim_starts_a_run_under_a_new_epoch(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    queued(&*store, "a", "contact", RunType::Sync).await;
    let run = store.claim_run(&run_id("a"), at(7)).await.unwrap();
    assert_eq!((run.status, run.epoch, run.started_at), (RunStatus::Starting, 1, Some(at(7))));
    assert_eq!(store.run(&run.id).await.unwrap(), Some(run.clone()));
    refused(store.claim_run(&run.id, at(8)).await, ErrorKind::Conflict);

    let scheduled = Run { status: RunStatus::Scheduled, ..new_run("b", "contact", RunType::Test) };
    store.insert_run(&scheduled, "{}").await.unwrap();
    refused(store.claim_run(&scheduled.id, at(8)).await, ErrorKind::Conflict);
    assert_eq!(store.run(&scheduled.id).await.unwrap(), Some(scheduled));
}

async fn only_one_writing_run_of_a_sync_is_active(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    let first = claimed(&*store, "first", "contact", RunType::Sync).await;
    let next = queued(&*store, "next", "contact", RunType::Replay).await;
    let message = refused(store.claim_run(&next.id, at(2)).await, ErrorKind::Conflict);
    assert!(message.contains("run_first"), "{message}");
    assert_eq!(store.run(&next.id).await.unwrap(), Some(next.clone()));
    claimed(&*store, "elsewhere", "company", RunType::Sync).await;

    let running = Run { status: RunStatus::Running, ..first };
    store.update_run(&running).await.unwrap();
    refused(store.claim_run(&next.id, at(2)).await, ErrorKind::Conflict);

    store.commit(&ending(&running)).await.unwrap();
    let next = store.claim_run(&next.id, at(3)).await.unwrap();
    assert_eq!(next.epoch, 2, "the refused claims used up no epoch");
}

async fn a_test_runs_beside_a_writer(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let writer = claimed(&*store, "writer", "contact", RunType::Sync).await;
    let test = claimed(&*store, "test", "contact", RunType::Test).await;
    let other_test = claimed(&*store, "other_test", "contact", RunType::Test).await;
    assert_eq!((writer.epoch, test.epoch, other_test.epoch), (1, 1, 1), "a test fences nobody");
    store.update_run(&Run { status: RunStatus::Running, ..writer }).await.unwrap();
}

async fn a_held_run_frees_its_sync_and_is_claimed_again(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let mut run = running(&*store, "a", "contact", RunType::Sync).await;
    run.status = RunStatus::Held;
    store.update_run(&run).await.unwrap();
    let other = running(&*store, "b", "contact", RunType::Sync).await;
    run.status = RunStatus::Queued;
    store.update_run(&run).await.unwrap();
    refused(store.claim_run(&run.id, at(9)).await, ErrorKind::Conflict);
    store.commit(&ending(&other)).await.unwrap();
    let again = store.claim_run(&run.id, at(9)).await.unwrap();
    assert!(again.epoch > other.epoch);
    assert_eq!(again.started_at, Some(at(1)), "it started once");
    refused(store.update_run(&run).await, ErrorKind::Fenced);
}

async fn an_active_run_is_taken_over_and_its_holder_fenced(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let old = running(&*store, "a", "contact", RunType::Sync).await;
    save_plan(&*store, &old, 1).await;
    let new = store.reclaim_run(&old.id).await.unwrap();
    assert_eq!(new, Run { epoch: old.epoch + 1, ..old.clone() });
    assert_eq!(store.run(&old.id).await.unwrap(), Some(new.clone()));

    let progress = Run { phase: Some(Phase::Writing), ..old.clone() };
    refused(store.update_run(&progress).await, ErrorKind::Fenced);
    refused(set_chunk(&*store, &old, 0, ChunkState::Sending).await, ErrorKind::Fenced);
    refused(store.commit(&ending(&old)).await, ErrorKind::Fenced);
    assert_eq!(store.run(&old.id).await.unwrap(), Some(new.clone()));

    store.update_run(&Run { phase: Some(Phase::Writing), ..new }).await.unwrap();
}

async fn whoever_lost_a_run_notes_nothing_of_it_any_more(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let lost = running(&*store, "a", "contact", RunType::Sync).await;
    let (id, epoch) = (&lost.id, lost.epoch);
    let kept = letter(&lost, "1", b"k");
    store.stage_letters(id, epoch, std::slice::from_ref(&kept)).await.unwrap();
    save_plan(&*store, &lost, 2).await;
    let resumed = store.reclaim_run(id).await.unwrap();

    refused(store.save_plan(&plan(&lost), epoch, &[]).await, ErrorKind::Fenced);
    refused(store.add_row_errors(id, epoch, &[row_error(1)]).await, ErrorKind::Fenced);
    refused(store.stage_letters(id, epoch, &[letter(&lost, "2", b"k")]).await, ErrorKind::Fenced);
    refused(store.clear_staged_letters(id, epoch).await, ErrorKind::Fenced);
    store.add_row_errors(id, resumed.epoch, &[row_error(2)]).await.unwrap();
    refused(store.clear_row_errors(id, epoch, None).await, ErrorKind::Fenced);
    refused(store.clear_row_errors(id, epoch, Some(Stage::Normalize)).await, ErrorKind::Fenced);

    assert_eq!(store.chunks(id).await.unwrap().len(), 2);
    for number in 0..2 {
        set_chunk(&*store, &resumed, number, ChunkState::Sending).await.unwrap();
        set_chunk(&*store, &resumed, number, ChunkState::Settled).await.unwrap();
    }
    store.commit(&ending(&resumed)).await.unwrap();
    assert_eq!(store.row_errors(id, &RowErrorFilter::ALL, ALL).await.unwrap().0, [row_error(2)]);
    assert_eq!(letters(&*store, &LetterFilter::default()).await, [kept]);
}

async fn only_active_runs_are_taken_over(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let queued = queued(&*store, "queued", "contact", RunType::Sync).await;
    refused(store.reclaim_run(&queued.id).await, ErrorKind::Conflict);
    let ended = running(&*store, "ended", "contact", RunType::Sync).await;
    store.commit(&ending(&ended)).await.unwrap();
    refused(store.reclaim_run(&ended.id).await, ErrorKind::Conflict);
    let starting = claimed(&*store, "starting", "contact", RunType::Sync).await;
    assert_eq!(store.reclaim_run(&starting.id).await.unwrap().status, RunStatus::Starting);
}

/// Brings a new run of a sync of its own to a status, along the lifecycle.
async fn run_at(store: &dyn Store, name: &str, status: RunStatus) -> Run {
    use RunStatus::*;
    ensure(store, name).await;
    let path: &[RunStatus] = match status {
        Scheduled => &[],
        NotRun => &[NotRun],
        Queued => &[Queued],
        Starting => &[Queued, Starting],
        Running => &[Queued, Starting, Running],
        Held => &[Queued, Starting, Running, Held],
        Completed => &[Queued, Starting, Running, Completed],
        Failed => &[Queued, Starting, Failed],
        SourceFailure => &[Queued, Starting, SourceFailure],
        Cancelled => &[Queued, Cancelled],
    };
    let mut run = Run { status: Scheduled, ..new_run(name, name, RunType::Sync) };
    store.insert_run(&run, "{}").await.unwrap();
    for step in path {
        if *step == Starting {
            run = store.claim_run(&run.id, at(1)).await.unwrap();
        } else {
            run.status = *step;
            store.update_run(&run).await.unwrap();
        }
    }
    assert_eq!(store.run(&run.id).await.unwrap().unwrap().status, status);
    run
}

async fn every_status_change_is_checked_against_the_stored_status(store: Arc<dyn Store>) {
    for (i, from) in RunStatus::ALL.into_iter().enumerate() {
        for (j, to) in RunStatus::ALL.into_iter().enumerate() {
            let run = run_at(&*store, &format!("s{i}-{j}"), from).await;
            let result = store.update_run(&Run { status: to, ..run.clone() }).await;
            let stored = store.run(&run.id).await.unwrap().unwrap().status;
            let what = format!("{from:?} to {to:?}");
            if to == RunStatus::Starting && from == RunStatus::Queued {
                assert_eq!(result.unwrap_err().kind, ErrorKind::Internal, "{what}: it must be claimed");
                assert_eq!(stored, from, "{what}");
            } else if from == to || from.transition(to).is_ok() {
                assert!(result.is_ok(), "{what}: {result:?}");
                assert_eq!(stored, to, "{what}");
            } else {
                assert_eq!(result.unwrap_err().kind, ErrorKind::Conflict, "{what}");
                assert_eq!(stored, from, "{what}");
            }
        }
    }
}

async fn a_stale_copy_cannot_undo_what_its_own_holder_did_later(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    store.commit(&ending(&run)).await.unwrap();
    refused(store.update_run(&run).await, ErrorKind::Conflict);
    refused(store.commit(&ending(&run)).await, ErrorKind::Conflict);
    assert_eq!(store.run(&run.id).await.unwrap().unwrap().status, RunStatus::Completed);
}

async fn what_identifies_a_run_never_changes(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let changed = [
        Run { sync_uid: uid("company"), ..run.clone() },
        Run { run_type: RunType::Test, ..run.clone() },
        Run { trigger: Trigger::Api, ..run.clone() },
        Run { correlation_id: "x".into(), ..run.clone() },
        Run { created_at: at(9), ..run.clone() },
    ];
    for other in changed {
        refused(store.update_run(&other).await, ErrorKind::Internal);
        refused(store.commit(&ending(&other)).await, ErrorKind::Internal);
    }
    assert_eq!(store.run(&run.id).await.unwrap(), Some(run));
}

async fn a_run_that_sent_something_ends_by_commit_only(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let mut run = running(&*store, "a", "contact", RunType::Sync).await;
    save_plan(&*store, &run, 2).await;
    set_chunk(&*store, &run, 1, ChunkState::Sending).await.unwrap();
    run.error = Some(StoredError { code: "x".into(), message: "y".into(), help: None, causes: vec![] });
    store.update_run(&run).await.unwrap();
    for status in [RunStatus::Failed, RunStatus::Cancelled, RunStatus::Held] {
        let ended = Run { status, ..run.clone() };
        refused(store.update_run(&ended).await, ErrorKind::Internal);
    }
    let mut commit = ending(&run);
    commit.run.status = RunStatus::Failed;
    store.commit(&commit).await.unwrap();
    assert_eq!(store.run(&run.id).await.unwrap(), Some(commit.run));
}

async fn a_number_that_cannot_be_read_again_is_refused(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let mut broken = run.clone();
    broken.durations.query = f64::NAN;
    refused(store.update_run(&broken).await, ErrorKind::Internal);
    assert_eq!(store.run(&run.id).await.unwrap(), Some(run));
}

async fn runs_are_listed_newest_first_in_pages(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    // Two of each moment: the greater id comes first.
    for n in 0..10 {
        let run = Run { created_at: at(n / 2), ..new_run(&n.to_string(), "contact", RunType::Sync) };
        store.insert_run(&run, "{}").await.unwrap();
    }
    let mut names = Vec::new();
    for number in 1..=4 {
        let (page, total) = store.runs(&RunFilter::default(), Page { number, size: 3 }).await.unwrap();
        assert_eq!(total, 10);
        assert_eq!(page.len(), if number == 4 { 1 } else { 3 });
        names.extend(page.into_iter().map(|run| run.id.to_string()));
    }
    let expected: Vec<_> = (0..10).rev().map(|n| format!("run_{n}")).collect();
    assert_eq!(names, expected);
    for number in [5, u64::MAX] {
        let past = store.runs(&RunFilter::default(), Page { number, size: 3 }).await.unwrap();
        assert_eq!(past, (vec![], 10));
    }
}

async fn filters_restrict_the_list_and_its_count(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    let mut all = Vec::new();
    for n in 0..24 {
        let sync = if n % 2 == 0 { "contact" } else { "company" };
        let run_type = if n % 3 == 0 { RunType::Test } else { RunType::Sync };
        let run = Run {
            created_at: at(n),
            trigger: if n % 4 == 0 { Trigger::Schedule } else { Trigger::Api },
            status: if n % 15 == 0 { RunStatus::Scheduled } else { RunStatus::Queued },
            correlation_id: format!("c{}", n % 6),
            ..new_run(&format!("{n:02}"), sync, run_type)
        };
        store.insert_run(&run, "{}").await.unwrap();
        all.push(run);
    }
    let cancelled = Run { status: RunStatus::Cancelled, ..all[1].clone() };
    store.update_run(&cancelled).await.unwrap();
    all[1] = cancelled;
    all.reverse();

    let filters = [
        RunFilter::default(),
        RunFilter { sync_uid: Some(uid("contact")), ..Default::default() },
        RunFilter { statuses: vec![RunStatus::Queued], ..Default::default() },
        RunFilter { statuses: vec![RunStatus::Queued, RunStatus::Scheduled], ..Default::default() },
        RunFilter { statuses: vec![RunStatus::Queued, RunStatus::Cancelled], ..Default::default() },
        RunFilter { statuses: vec![RunStatus::Failed], ..Default::default() },
        RunFilter { run_types: vec![RunType::Test], ..Default::default() },
        RunFilter { triggers: vec![Trigger::Schedule], ..Default::default() },
        RunFilter { correlation_id: Some("c3".into()), ..Default::default() },
        RunFilter { triggers: vec![Trigger::Schedule, Trigger::Api], ..Default::default() },
        RunFilter { id_prefix: Some("run_1".into()), ..Default::default() },
        RunFilter { since: Some(at(5)), until: Some(at(9)), ..Default::default() },
        RunFilter {
            sync_uid: Some(uid("company")),
            statuses: vec![RunStatus::Queued],
            run_types: vec![RunType::Sync],
            triggers: vec![Trigger::Api],
            correlation_id: Some("c5".into()),
            id_prefix: Some("run_".into()),
            since: Some(at(2)),
            until: Some(at(20)),
            ..Default::default()
        },
        RunFilter { of_syncs: vec![uid("company"), uid("contact")], ..Default::default() },
        RunFilter { of_syncs: vec![uid("company")], ..Default::default() },
        RunFilter { failed_rows: true, ..Default::default() },
        RunFilter { ended_since: Some(at(3)), ended_until: Some(at(12)), ..Default::default() },
    ];
    for filter in filters {
        let matches = |run: &&Run| {
            filter.sync_uid.as_ref().is_none_or(|uid| run.sync_uid == *uid)
                && (filter.statuses.is_empty() || filter.statuses.contains(&run.status))
                && (filter.run_types.is_empty() || filter.run_types.contains(&run.run_type))
                && (filter.triggers.is_empty() || filter.triggers.contains(&run.trigger))
                && filter
                    .id_prefix
                    .as_ref()
                    .is_none_or(|beginning| run.id.as_str().starts_with(beginning.as_str()))
                && (filter.of_syncs.is_empty() || filter.of_syncs.contains(&run.sync_uid))
                && filter.ended_since.is_none_or(|t| run.completed_at.is_some_and(|at| at >= t))
                && filter.ended_until.is_none_or(|t| run.completed_at.is_some_and(|at| at < t))
                && (!filter.failed_rows || run.counters.rows_failed > 0)
                && filter.correlation_id.as_ref().is_none_or(|c| run.correlation_id == *c)
                && filter.since.is_none_or(|t| run.created_at >= t)
                && filter.until.is_none_or(|t| run.created_at < t)
        };
        let expected: Vec<Run> = all.iter().filter(matches).cloned().collect();
        let (runs, total) = store.runs(&filter, ALL).await.unwrap();
        assert_eq!(runs, expected, "{filter:?}");
        assert_eq!(total, expected.len() as u64, "{filter:?}");
        let (page, total) = store.runs(&filter, Page { number: 2, size: 2 }).await.unwrap();
        assert_eq!(page, expected.iter().skip(2).take(2).cloned().collect::<Vec<_>>(), "{filter:?}");
        assert_eq!(total, expected.len() as u64, "{filter:?}");
    }
}

async fn a_page_has_a_limit(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    queued(&*store, "a", "contact", RunType::Sync).await;
    let most = store.runs(&RunFilter::default(), Page::first(Page::SIZE_MAX)).await.unwrap();
    assert_eq!(most.1, 1);
    let more = Page::first(Page::SIZE_MAX + 1);
    refused(store.runs(&RunFilter::default(), more).await, ErrorKind::BadUsage);
}

async fn a_run_that_is_not_there_is_none_or_not_found(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let absent = new_run("absent", "contact", RunType::Sync);
    let id = &absent.id;
    assert_eq!(store.run(id).await.unwrap(), None);
    assert_eq!(store.plan(id).await.unwrap(), None);
    assert!(store.chunks(id).await.unwrap().is_empty());
    refused(store.run_config(id).await, ErrorKind::NotFound);
    refused(store.claim_run(id, at(0)).await, ErrorKind::NotFound);
    refused(store.reclaim_run(id).await, ErrorKind::NotFound);
    refused(store.update_run(&absent).await, ErrorKind::NotFound);
    refused(store.save_plan(&plan(&absent), absent.epoch, &[]).await, ErrorKind::NotFound);
    refused(set_chunk(&*store, &absent, 0, ChunkState::Sending).await, ErrorKind::NotFound);
    refused(store.add_row_errors(id, 0, &[]).await, ErrorKind::NotFound);
    refused(store.clear_row_errors(id, 0, None).await, ErrorKind::NotFound);
    refused(store.row_errors(id, &RowErrorFilter::ALL, ALL).await, ErrorKind::NotFound);
    refused(store.stage_letters(id, 0, &[]).await, ErrorKind::NotFound);
    refused(store.clear_staged_letters(id, 0).await, ErrorKind::NotFound);
    refused(store.commit(&ending(&absent)).await, ErrorKind::NotFound);
}
