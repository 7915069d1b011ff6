use std::sync::Arc;

use syncline_core::{ErrorKind, Run, RunStatus, RunType, SyncId};
use syncline_store::{
    ChunkState, Commit, CursorHistory, DeadLetter, Generation, LetterFilter, RowErrorFilter, RowErrorRecord,
    RunFilter, Store, SyncRecord, SyncState,
};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    a_commit_makes_everything_visible_together,
    a_commit_without_news_keeps_what_is_known,
    a_run_of_another_generation_is_fenced_and_changes_nothing,
    a_run_that_was_taken_over_is_fenced_and_changes_nothing,
    a_run_that_never_saw_the_snapshot_can_end,
    generations_follow_one_another,
    old_generations_are_forgotten_unless_a_run_reads_them,
    no_run_completes_and_no_cursor_moves_with_unsettled_chunks,
    a_commit_ends_or_holds_a_run,
    a_test_ends_beside_a_writer_and_changes_its_record_alone,
    a_generation_that_cannot_be_read_again_is_refused,
];

/// Everything that a commit could change.
#[derive(Debug, PartialEq)]
struct Everything {
    syncs: Vec<SyncRecord>,
    runs: Vec<Run>,
    generation: Option<Generation>,
    letters: Vec<DeadLetter>,
    errors: Vec<RowErrorRecord>,
    history: Vec<CursorHistory>,
    files: Vec<String>,
}

async fn everything(store: &dyn Store, run: &Run) -> Everything {
    Everything {
        syncs: store.syncs().await.unwrap(),
        runs: store.runs(&RunFilter::default(), ALL).await.unwrap().0,
        generation: store.generation(&run.sync_uid).await.unwrap(),
        letters: letters(store, &LetterFilter::default()).await,
        errors: store.row_errors(&run.id, &RowErrorFilter::ALL, ALL).await.unwrap().0,
        history: store.cursor_history(&run.sync_uid, ALL).await.unwrap().0,
        files: store.live_files().await.unwrap(),
    }
}

/// A commit that changes all there is to change.
fn full_commit(run: &Run) -> Commit {
    Commit {
        cursor: Some(cursor_to(9)),
        resolved: vec![b"old".to_vec()],
        sync_state: Some(SyncState::Halted { reason: "errors".into(), since: at(60), failures: 1 }),
        full_read_at: Some(at(33)),
        config_hash: Some("hash".into()),
        follow: Default::default(),
        ..ending_with_generation(run)
    }
}

/// A sync at generation 1 with one open letter, and a run of it that has staged another.
async fn prepared(store: &dyn Store) -> Run {
    ensure(store, "contact").await;
    let before = running(store, "before", "contact", RunType::Seed).await;
    store.stage_letters(&before.id, before.epoch, &[letter(&before, "old", b"old")]).await.unwrap();
    store.commit(&ending_with_generation(&before)).await.unwrap();

    let run = running(store, "a", "contact", RunType::Sync).await;
    save_plan(store, &run, 1).await;
    for state in [ChunkState::Sending, ChunkState::Settled] {
        set_chunk(store, &run, 0, state).await.unwrap();
    }
    store.stage_letters(&run.id, run.epoch, &[letter(&run, "new", b"new")]).await.unwrap();
    run
}

async fn a_commit_makes_everything_visible_together(store: Arc<dyn Store>) {
    let run = prepared(&*store).await;
    let commit = full_commit(&run);
    store.commit(&commit).await.unwrap();
    let after = everything(&*store, &run).await;
    let sync = &after.syncs[0];
    assert_eq!(sync.generation, 2);
    assert_eq!(sync.cursor, cursor_to(9).to);
    assert_eq!(Some(&sync.state), commit.sync_state.as_ref());
    assert_eq!(sync.last_full_read_at, Some(at(33)));
    assert_eq!(sync.config_hash.as_deref(), Some("hash"));
    assert_eq!(after.generation, commit.generation);
    assert_eq!(store.run(&run.id).await.unwrap(), Some(commit.run));
    let states: Vec<_> = after.letters.iter().map(|l| (l.id.as_str(), l.state.as_str())).collect();
    assert_eq!(states, [("dl_old", "resolved_auto"), ("dl_new", "open")]);
}

async fn a_commit_without_news_keeps_what_is_known(store: Arc<dyn Store>) {
    let run = prepared(&*store).await;
    store.commit(&full_commit(&run)).await.unwrap();
    let before = everything(&*store, &run).await;
    let next = running(&*store, "next", "contact", RunType::Sync).await;
    store.commit(&ending(&next)).await.unwrap();
    let after = everything(&*store, &run).await;
    assert_eq!(after.syncs, before.syncs);
    assert_eq!(after.generation, before.generation);
    assert_eq!(after.letters, before.letters);
}

async fn a_run_of_another_generation_is_fenced_and_changes_nothing(store: Arc<dyn Store>) {
    let run = prepared(&*store).await;
    let before = everything(&*store, &run).await;
    for base in [0, 2] {
        let stale = Run { base_generation: Some(base), ..run.clone() };
        refused(store.commit(&full_commit(&stale)).await, ErrorKind::Fenced);
        let without_generation = Commit { generation: None, ..full_commit(&stale) };
        refused(store.commit(&without_generation).await, ErrorKind::Fenced);
    }
    assert_eq!(everything(&*store, &run).await, before);
    store.commit(&full_commit(&run)).await.unwrap();
    assert_eq!(letters(&*store, &LetterFilter::default()).await.len(), 2, "staged letters were kept");
}

async fn a_run_that_was_taken_over_is_fenced_and_changes_nothing(store: Arc<dyn Store>) {
    let run = prepared(&*store).await;
    let successor = store.reclaim_run(&run.id).await.unwrap();
    let before = everything(&*store, &run).await;
    refused(store.commit(&full_commit(&run)).await, ErrorKind::Fenced);
    assert_eq!(everything(&*store, &run).await, before);
    store.commit(&full_commit(&successor)).await.unwrap();
    assert_eq!(sync_now(&*store, "contact").await.generation, 2);
}

async fn a_run_that_never_saw_the_snapshot_can_end(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = claimed(&*store, "a", "contact", RunType::Sync).await;
    let mut commit = ending(&run);
    commit.run.status = RunStatus::SourceFailure;
    let forged = Commit { generation: Some(generation(&run, 1)), ..commit.clone() };
    refused(store.commit(&forged).await, ErrorKind::Internal);
    store.commit(&commit).await.unwrap();
    assert_eq!(store.run(&run.id).await.unwrap(), Some(commit.run));
    assert_eq!(sync_now(&*store, "contact").await.generation, 0);
}

async fn generations_follow_one_another(store: Arc<dyn Store>) {
    let run = prepared(&*store).await;
    ensure(&*store, "company").await;
    let before = everything(&*store, &run).await;
    for number in [0, 1, 3] {
        let skipping = Commit { generation: Some(generation(&run, number)), ..full_commit(&run) };
        refused(store.commit(&skipping).await, ErrorKind::Internal);
    }
    let mut foreign = full_commit(&run);
    foreign.generation.as_mut().unwrap().sync_uid = uid("company");
    refused(store.commit(&foreign).await, ErrorKind::Internal);
    assert_eq!(everything(&*store, &run).await, before);
}

async fn old_generations_are_forgotten_unless_a_run_reads_them(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let advance = async |n: u32| {
        let run = running(&*store, &format!("r{n}"), "contact", RunType::Sync).await;
        store.commit(&ending_with_generation(&run)).await.unwrap();
    };
    let segments = |numbers: &[u32]| -> Vec<String> {
        numbers.iter().map(|n| format!("snapshots/sync_contact/segment-{n}")).collect()
    };
    for n in 1..=3 {
        advance(n).await;
    }
    assert_eq!(store.live_files().await.unwrap(), segments(&[2, 3]));
    let test = running(&*store, "test", "contact", RunType::Test).await;
    assert_eq!(test.base_generation, Some(3));
    for n in 4..=6 {
        advance(n).await;
    }
    assert_eq!(store.live_files().await.unwrap(), segments(&[3, 5, 6]));
    store.commit(&ending(&test)).await.unwrap();
    advance(7).await;
    assert_eq!(store.live_files().await.unwrap(), segments(&[6, 7]));
    assert_eq!(store.generation(&uid("contact")).await.unwrap().unwrap().number, 7);
}

async fn no_run_completes_and_no_cursor_moves_with_unsettled_chunks(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    save_plan(&*store, &run, 2).await;
    for state in [ChunkState::Sending, ChunkState::Settled] {
        set_chunk(&*store, &run, 0, state).await.unwrap();
    }
    let message = refused(store.commit(&ending(&run)).await, ErrorKind::Internal);
    assert!(message.contains("chunk 1"), "{message}");
    let mut failed = ending_with_generation(&run);
    failed.run.status = RunStatus::Failed;
    let moving = Commit { cursor: Some(cursor_to(3)), ..failed.clone() };
    refused(store.commit(&moving).await, ErrorKind::Internal);
    assert_eq!(sync_now(&*store, "contact").await.cursor, None);
    store.commit(&failed).await.unwrap();
    assert_eq!(sync_now(&*store, "contact").await.generation, 1, "what was delivered is known");
}

async fn a_commit_ends_or_holds_a_run(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    for status in [RunStatus::Running, RunStatus::Starting, RunStatus::Queued, RunStatus::Scheduled] {
        let mut commit = ending(&run);
        commit.run.status = status;
        refused(store.commit(&commit).await, ErrorKind::Internal);
    }
    let mut commit = ending(&run);
    commit.run.status = RunStatus::NotRun;
    refused(store.commit(&commit).await, ErrorKind::Conflict);
    commit.run.status = RunStatus::Held;
    store.commit(&commit).await.unwrap();
    assert_eq!(store.run(&run.id).await.unwrap().unwrap().status, RunStatus::Held);
}

async fn a_test_ends_beside_a_writer_and_changes_its_record_alone(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let test = running(&*store, "test", "contact", RunType::Test).await;
    save_plan(&*store, &test, 3).await;
    let writer = running(&*store, "writer", "contact", RunType::Sync).await;
    store.commit(&ending_with_generation(&writer)).await.unwrap();
    let before = store.syncs().await.unwrap();

    let changing = [
        Commit { cursor: Some(cursor_to(1)), ..ending(&test) },
        Commit { sync_state: Some(SyncState::Inactive), ..ending(&test) },
        Commit { resolved: vec![vec![1]], ..ending(&test) },
        ending_with_generation(&test),
    ];
    for commit in changing {
        refused(store.commit(&commit).await, ErrorKind::Internal);
    }
    let noting = Commit { config_hash: Some("test's".into()), full_read_at: Some(at(1)), ..ending(&test) };
    store.commit(&noting).await.unwrap();
    assert_eq!(store.run(&test.id).await.unwrap().unwrap().status, RunStatus::Completed);
    assert_eq!(store.syncs().await.unwrap(), before);
}

async fn a_generation_that_cannot_be_read_again_is_refused(store: Arc<dyn Store>) {
    let run = prepared(&*store).await;
    let before = everything(&*store, &run).await;
    let mut commit = full_commit(&run);
    commit.generation.as_mut().unwrap().null_shares.insert("email".into(), f64::INFINITY);
    refused(store.commit(&commit).await, ErrorKind::Internal);
    assert_eq!(everything(&*store, &run).await, before);
    assert!(store.sync(&SyncId::new("crm", "contact")).await.is_ok());
}
