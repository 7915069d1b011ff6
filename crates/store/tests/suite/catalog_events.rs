use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use syncline_core::{Phase, Run, RunStatus, RunType, SyncId};
use syncline_store::{Catalog, Event, FollowUp, LetterState, SyncState};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    every_status_and_phase_of_a_run_is_an_event,
    a_change_that_is_not_made_is_no_event,
    letters_of_a_run_are_one_event_and_those_of_a_person_one_each,
    the_state_of_a_sync_is_an_event,
    events_come_in_order_after_the_one_that_is_known,
    the_events_of_one_run_come_alone,
    old_events_are_forgotten_and_no_number_is_given_twice,
    a_reader_misses_nothing_that_is_written_meanwhile,
    live_figures_are_those_of_an_active_run,
];

async fn all(store: &dyn Catalog) -> Vec<Event> {
    store.events(0, None, 1_000).await.unwrap()
}

/// What the events of a kind say in some of their members.
async fn said(store: &dyn Catalog, kind: &str, members: &[&str]) -> Vec<serde_json::Value> {
    let events = all(store).await.into_iter().filter(|event| event.kind == kind);
    events.map(|event| members.iter().map(|name| event.data[*name].clone()).collect()).collect()
}

async fn every_status_and_phase_of_a_run_is_an_event(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    reschedule(&*store, "a", Some(&fire_at("fire", "a", 100))).await.unwrap();
    reschedule(&*store, "a", None).await.unwrap();
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let mut run = taken_and_running(&*store, &run_id("a")).await;
    run.phase = Some(Phase::Writing);
    run.counters.rows_created = 3;
    store.update_run(&run).await.unwrap();
    run.counters.rows_created = 4;
    store.update_run(&run).await.unwrap();
    store.commit(&ending(&run)).await.unwrap();
    let expected = json!([
        ["run_fire", "scheduled", null],
        ["run_fire", null, true],
        ["run_a", "queued", null],
        ["run_a", "starting", null],
        ["run_a", "running", null],
        ["run_a", "running", null],
        ["run_a", "completed", null],
    ]);
    assert_eq!(json!(said(&*store, "run", &["id", "status", "removed"]).await), expected);
    let event = all(&*store).await.pop().unwrap();
    assert_eq!((event.run_id, event.sync_id), (Some(run_id("a")), Some(SyncId::new("crm", "a"))));
    for (name, value) in [
        ("sync_id", json!("crm.a")),
        ("type", json!("sync")),
        ("trigger", json!("cli")),
        ("phase", json!("writing")),
        ("correlation_id", json!("correlation-a")),
        ("end_reason", json!(null)),
    ] {
        assert_eq!(event.data[name], value, "{name}");
    }
    assert_eq!(event.data["counters"]["rows_created"], json!(4));
}

async fn a_change_that_is_not_made_is_no_event(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let run = taken_and_running(&*store, &run_id("a")).await;
    let before = all(&*store).await;
    let stale = Run { epoch: 9, status: RunStatus::Failed, ..run.clone() };
    store.end_run(&stale, &FollowUp::default()).await.unwrap_err();
    store.commit(&ending(&stale)).await.unwrap_err();
    let twin = Run { id: run.id.clone(), ..fire_at("a", "a", 1) };
    let follow = FollowUp { next: Some(twin), ..FollowUp::default() };
    store.end_run(&Run { status: RunStatus::Failed, ..run }, &follow).await.unwrap_err();
    store.set_sync_state(&uid("a"), &SyncState::Active, at(1)).await.unwrap();
    assert_eq!(all(&*store).await, before);
}

async fn letters_of_a_run_are_one_event_and_those_of_a_person_one_each(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    for (name, keys, resolved) in [("a", &b"123"[..], &b""[..]), ("b", b"34", b"12"), ("c", b"", b"9")] {
        enqueued(&*store, name, "a", RunType::Sync).await;
        let run = taken_and_running(&*store, &run_id(name)).await;
        let staged: Vec<_> = keys.iter().map(|key| letter(&run, &format!("{name}{key}"), &[*key])).collect();
        store.stage_letters(&run.id, run.epoch, &staged).await.unwrap();
        let mut commit = ending(&run);
        commit.resolved = resolved.iter().map(|key| vec![*key]).collect();
        store.commit(&commit).await.unwrap();
    }
    store.set_letter_state("dl_b52", LetterState::Ignored).await.unwrap();
    let expected = json!([
        ["run_a", {"opened": 3, "seen_again": 0, "resolved": 0}, null],
        ["run_b", {"opened": 1, "seen_again": 1, "resolved": 2}, null],
        ["run_b", null, "ignored"],
    ]);
    assert_eq!(json!(said(&*store, "letter", &["run_id", "changes", "state"]).await), expected);
}

async fn the_state_of_a_sync_is_an_event(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    let halted = SyncState::Halted { reason: "errors".into(), since: at(0), failures: 2 };
    store.set_activation(&uid("a"), &halted, None, at(1)).await.unwrap();
    store.set_sync_state(&uid("a"), &SyncState::Active, at(2)).await.unwrap();
    let expected = json!([["crm.a", "halted", "errors"], ["crm.a", "active", null]]);
    assert_eq!(json!(said(&*store, "sync", &["id", "state", "reason"]).await), expected);
}

async fn events_come_in_order_after_the_one_that_is_known(store: Arc<dyn Catalog>) {
    assert_eq!(store.event_bounds().await.unwrap(), (0, 0));
    for n in 0..5 {
        store.add_event("config", &json!({"n": n}), at(n)).await.unwrap();
    }
    let events = all(&*store).await;
    let (first, last) = store.event_bounds().await.unwrap();
    assert_eq!((events[0].sequence, events[4].sequence), (first, last));
    assert!(events.is_sorted_by(|a, b| a.sequence < b.sequence));
    assert_eq!((events[3].kind.as_str(), &events[3].data, events[3].at), ("config", &json!({"n": 3}), at(3)));
    assert_eq!((&events[3].run_id, &events[3].sync_id), (&None, &None));
    assert_eq!(store.events(events[1].sequence, None, 2).await.unwrap(), events[2..4]);
    assert!(store.events(last, None, 10).await.unwrap().is_empty());
}

async fn the_events_of_one_run_come_alone(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    for name in ["x", "y"] {
        enqueued(&*store, name, "a", RunType::Test).await;
    }
    for name in ["x", "y"] {
        taken(&*store, &run_id(name)).await;
    }
    let of_x = store.events(0, Some(&run_id("x")), 10).await.unwrap();
    assert_eq!(of_x.iter().map(|e| &e.data["status"]).collect::<Vec<_>>(), ["queued", "starting"]);
    assert_eq!(store.events(of_x[0].sequence, Some(&run_id("x")), 10).await.unwrap(), of_x[1..]);
}

async fn old_events_are_forgotten_and_no_number_is_given_twice(store: Arc<dyn Catalog>) {
    for n in 0..5 {
        store.add_event("config", &json!(n), at(n)).await.unwrap();
    }
    let before = all(&*store).await;
    assert_eq!(store.forget_traces(at(2)).await.unwrap(), 2);
    assert_eq!(all(&*store).await, before[2..]);
    assert_eq!(store.event_bounds().await.unwrap().0, before[2].sequence);
    store.forget_traces(at(99)).await.unwrap();
    assert_eq!(all(&*store).await, before[4..], "the newest stays");
    store.add_event("config", &json!(5), at(5)).await.unwrap();
    assert!(all(&*store).await.pop().unwrap().sequence > before[4].sequence);
}

/// Writers and a reader at once: the reader, asking from where it was, gets every event once.
async fn a_reader_misses_nothing_that_is_written_meanwhile(store: Arc<dyn Catalog>) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 25;
    let shared = store.clone();
    let writers = tokio::spawn(crate::races::at_once((0..WRITERS).map(move |writer| {
        let store = shared.clone();
        async move {
            for n in 0..EACH {
                store.add_event("config", &json!([writer, n]), at(0)).await.unwrap();
            }
        }
    })));
    let mut seen: Vec<(u64, serde_json::Value)> = Vec::new();
    while (seen.len() as u64) < WRITERS * EACH {
        let after = seen.last().map_or(0, |(sequence, _)| *sequence);
        let new = store.events(after, None, 7).await.unwrap();
        assert!(!new.is_empty() || !writers.is_finished() || !all_after(&*store, after).await.is_empty());
        seen.extend(new.into_iter().map(|event| (event.sequence, event.data)));
    }
    writers.await.unwrap();
    for writer in 0..WRITERS {
        let of_writer: Vec<_> =
            seen.iter().filter(|(_, data)| data[0] == writer).map(|(_, d)| &d[1]).collect();
        assert_eq!(of_writer, (0..EACH).collect::<Vec<_>>(), "writer {writer}");
    }
}

async fn all_after(store: &dyn Catalog, after: u64) -> Vec<Event> {
    store.events(after, None, 1_000).await.unwrap()
}

async fn live_figures_are_those_of_an_active_run(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    store.save_progress(&run_id("a"), &json!({"read": 1})).await.unwrap();
    assert_eq!(store.progress(&run_id("a")).await.unwrap(), None, "it has not started");
    let run = taken_and_running(&*store, &run_id("a")).await;
    for n in [2, 3] {
        store.save_progress(&run.id, &json!({"read": n})).await.unwrap();
        assert_eq!(store.progress(&run.id).await.unwrap(), Some(json!({"read": n})));
    }
    store.commit(&ending(&run)).await.unwrap();
    assert_eq!(store.progress(&run.id).await.unwrap(), None);
    assert_eq!(store.progress(&run_id("absent")).await.unwrap(), None);
    let later = at(0) + SignedDuration::from_hours(24 * 365 * 10);
    assert!(store.forget_traces(later).await.unwrap() > 0);
}
