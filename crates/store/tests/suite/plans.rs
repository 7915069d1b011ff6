use std::sync::Arc;

use syncline_core::{ErrorKind, Run, RunStatus, RunType};
use syncline_store::{ChunkRecord, ChunkState, PlanRecord, Store};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    a_plan_and_its_chunks_come_back_as_they_were,
    a_plan_replaces_an_earlier_one_until_something_was_sent,
    a_plan_of_an_ended_run_is_refused,
    chunks_of_a_new_plan_are_planned_and_numbered,
    a_chunk_goes_from_planned_over_sending_to_settled,
    a_chunk_never_goes_back,
    setting_a_chunk_as_it_is_changes_nothing,
    chunks_of_a_run_that_is_not_active_do_not_change,
    live_files_are_those_that_something_names,
];

async fn a_plan_and_its_chunks_come_back_as_they_were(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    assert_eq!(store.plan(&run.id).await.unwrap(), None);
    // More than nine, so that an order by text would show.
    save_plan(&*store, &run, 12).await;
    assert_eq!(store.plan(&run.id).await.unwrap(), Some(plan(&run)));
    let chunks = store.chunks(&run.id).await.unwrap();
    assert_eq!(chunks, (0..12).map(|n| chunk(n, ChunkState::Planned)).collect::<Vec<_>>());
}

async fn a_plan_replaces_an_earlier_one_until_something_was_sent(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    save_plan(&*store, &run, 3).await;
    let empty = PlanRecord { digest: "d2".into(), file: None, updates: None, ..plan(&run) };
    store.save_plan(&empty, run.epoch, &[]).await.unwrap();
    assert_eq!(store.plan(&run.id).await.unwrap(), Some(empty));
    assert!(store.chunks(&run.id).await.unwrap().is_empty());
    assert!(store.live_files().await.unwrap().is_empty());

    save_plan(&*store, &run, 2).await;
    set_chunk(&*store, &run, 0, ChunkState::Sending).await.unwrap();
    let third = PlanRecord { digest: "d3".into(), ..plan(&run) };
    refused(store.save_plan(&third, run.epoch, &[]).await, ErrorKind::Conflict);
    assert_eq!(store.plan(&run.id).await.unwrap(), Some(plan(&run)));
    assert_eq!(store.chunks(&run.id).await.unwrap().len(), 2);
}

async fn a_plan_of_an_ended_run_is_refused(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    store.commit(&ending(&run)).await.unwrap();
    refused(store.save_plan(&plan(&run), run.epoch, &[]).await, ErrorKind::Conflict);
}

async fn chunks_of_a_new_plan_are_planned_and_numbered(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let wrong = [
        vec![chunk(1, ChunkState::Planned)],
        vec![chunk(0, ChunkState::Planned), chunk(0, ChunkState::Planned)],
        vec![chunk(0, ChunkState::Planned), chunk(2, ChunkState::Planned)],
        vec![chunk(0, ChunkState::Settled)],
    ];
    for chunks in wrong {
        refused(store.save_plan(&plan(&run), run.epoch, &chunks).await, ErrorKind::Internal);
    }
    assert_eq!(store.plan(&run.id).await.unwrap(), None);
}

async fn a_chunk_goes_from_planned_over_sending_to_settled(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    save_plan(&*store, &run, 2).await;
    let with_file = Some(file("runs/run_a/outcomes-1"));
    let steps = [
        chunk(1, ChunkState::Sending),
        ChunkRecord { attempt: 2, ..chunk(1, ChunkState::Sending) },
        ChunkRecord { attempt: 2, outcomes: with_file.clone(), ..chunk(1, ChunkState::Sending) },
        ChunkRecord { attempt: 2, outcomes: with_file, ..chunk(1, ChunkState::Settled) },
    ];
    for step in steps {
        store.set_chunk(&run.id, run.epoch, &step).await.unwrap();
        let stored = store.chunks(&run.id).await.unwrap();
        assert_eq!(stored, [chunk(0, ChunkState::Planned), step]);
    }
    refused(set_chunk(&*store, &run, 2, ChunkState::Sending).await, ErrorKind::NotFound);
}

async fn a_chunk_never_goes_back(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    save_plan(&*store, &run, 1).await;
    refused(set_chunk(&*store, &run, 0, ChunkState::Settled).await, ErrorKind::Conflict);
    set_chunk(&*store, &run, 0, ChunkState::Sending).await.unwrap();
    refused(set_chunk(&*store, &run, 0, ChunkState::Planned).await, ErrorKind::Conflict);
    let other_rows = ChunkRecord { rows: 1, ..chunk(0, ChunkState::Settled) };
    refused(store.set_chunk(&run.id, run.epoch, &other_rows).await, ErrorKind::Internal);
    set_chunk(&*store, &run, 0, ChunkState::Settled).await.unwrap();
    for state in [ChunkState::Planned, ChunkState::Sending] {
        refused(set_chunk(&*store, &run, 0, state).await, ErrorKind::Conflict);
    }
    let other_outcomes = ChunkRecord { outcomes: Some(file("runs/x")), ..chunk(0, ChunkState::Settled) };
    refused(store.set_chunk(&run.id, run.epoch, &other_outcomes).await, ErrorKind::Conflict);
    assert_eq!(store.chunks(&run.id).await.unwrap(), [chunk(0, ChunkState::Settled)]);
}

async fn setting_a_chunk_as_it_is_changes_nothing(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    save_plan(&*store, &run, 1).await;
    for state in [ChunkState::Planned, ChunkState::Sending, ChunkState::Settled] {
        for _ in 0..2 {
            set_chunk(&*store, &run, 0, state).await.unwrap();
            assert_eq!(store.chunks(&run.id).await.unwrap(), [chunk(0, state)]);
        }
    }
}

async fn chunks_of_a_run_that_is_not_active_do_not_change(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    save_plan(&*store, &run, 1).await;
    let held = Run { status: RunStatus::Held, ..run };
    store.update_run(&held).await.unwrap();
    refused(set_chunk(&*store, &held, 0, ChunkState::Sending).await, ErrorKind::Conflict);
    let cancelled = Run { status: RunStatus::Cancelled, ..held };
    store.update_run(&cancelled).await.unwrap();
    refused(set_chunk(&*store, &cancelled, 0, ChunkState::Sending).await, ErrorKind::Conflict);
}

async fn live_files_are_those_that_something_names(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    save_plan(&*store, &run, 1).await;
    set_chunk(&*store, &run, 0, ChunkState::Sending).await.unwrap();
    let settled =
        ChunkRecord { outcomes: Some(file("runs/run_a/outcomes-0")), ..chunk(0, ChunkState::Settled) };
    store.set_chunk(&run.id, run.epoch, &settled).await.unwrap();
    let mut commit = ending_with_generation(&run);
    let named_twice = file("runs/run_a/updates");
    commit.generation.as_mut().unwrap().segments.push(named_twice);
    store.commit(&commit).await.unwrap();
    assert_eq!(
        store.live_files().await.unwrap(),
        [
            "runs/run_a/outcomes-0",
            "runs/run_a/plan",
            "runs/run_a/updates",
            "snapshots/sync_contact/segment-1"
        ]
    );
}
