use std::sync::Arc;

use syncline_core::{CursorValue, ErrorKind, Run, RunStatus, RunType};
use syncline_store::{CursorChange, CursorHistory, Page, Store};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    a_cursor_is_set_and_cleared_by_hand_with_history,
    setting_a_cursor_to_what_it_is_is_no_change,
    a_cursor_is_not_set_while_a_run_is_active,
    a_commit_moves_the_cursor_and_notes_it,
    cursors_of_two_syncs_are_apart,
];

fn by_hand(to: Option<CursorValue>) -> CursorChange {
    CursorChange { to, reason: "manual".into(), run_id: None }
}

async fn history(store: &dyn Store) -> Vec<CursorHistory> {
    let (entries, total) = store.cursor_history(&uid("contact"), ALL).await.unwrap();
    assert_eq!(entries.len() as u64, total);
    entries
}

async fn a_cursor_is_set_and_cleared_by_hand_with_history(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let values = [
        Some(CursorValue::Timestamp { micros: -5, zoned: true }),
        Some(CursorValue::Opaque("ü\"".into())),
        Some(CursorValue::Integer(i64::MIN)),
        None,
    ];
    let mut expected = Vec::new();
    let mut from = None;
    for (n, to) in (0..).zip(values) {
        let change = by_hand(to.clone());
        store.set_cursor(&uid("contact"), &change, at(n)).await.unwrap();
        assert_eq!(sync_now(&*store, "contact").await.cursor, to);
        expected.insert(0, CursorHistory { at: at(n), from, change });
        from = to;
    }
    assert_eq!(history(&*store).await, expected);
    let (page, total) = store.cursor_history(&uid("contact"), Page { number: 2, size: 3 }).await.unwrap();
    assert_eq!((page, total), (expected[3..].to_vec(), 4));
}

async fn setting_a_cursor_to_what_it_is_is_no_change(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    store.set_cursor(&uid("contact"), &by_hand(None), at(1)).await.unwrap();
    assert!(history(&*store).await.is_empty());
    for n in 1..3 {
        store.set_cursor(&uid("contact"), &cursor_to(5), at(n)).await.unwrap();
    }
    assert_eq!(history(&*store).await.len(), 1);
}

async fn a_cursor_is_not_set_while_a_run_is_active(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let set = || async { store.set_cursor(&uid("contact"), &cursor_to(5), at(1)).await };
    queued(&*store, "waiting", "contact", RunType::Sync).await;
    set().await.unwrap();
    let run = claimed(&*store, "a", "contact", RunType::Sync).await;
    let message = refused(set().await, ErrorKind::Conflict);
    assert!(message.contains("run_a"), "{message}");
    let run = Run { status: RunStatus::Running, ..run };
    store.update_run(&run).await.unwrap();
    refused(set().await, ErrorKind::Conflict);
    store.commit(&ending(&run)).await.unwrap();
    set().await.unwrap();
    claimed(&*store, "test", "contact", RunType::Test).await;
    refused(set().await, ErrorKind::Conflict);
}

async fn a_commit_moves_the_cursor_and_notes_it(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    store.set_cursor(&uid("contact"), &cursor_to(5), at(1)).await.unwrap();
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let mut commit = ending(&run);
    let change = CursorChange { run_id: Some(run.id.clone()), ..cursor_to(9) };
    commit.cursor = Some(change.clone());
    store.commit(&commit).await.unwrap();
    assert_eq!(sync_now(&*store, "contact").await.cursor, change.to);
    let newest = CursorHistory { at: at(60), from: cursor_to(5).to, change };
    assert_eq!(history(&*store).await[0], newest);
}

async fn cursors_of_two_syncs_are_apart(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    store.set_cursor(&uid("company"), &cursor_to(5), at(1)).await.unwrap();
    assert_eq!(sync_now(&*store, "contact").await.cursor, None);
    assert!(history(&*store).await.is_empty());
}
