//! Transactions, fence, ledger and recovery.

use arrow::array::RecordBatch;
use syncline_connector::{Recovery, Session};
use syncline_core::sync::WriteMode;
use syncline_core::{ErrorKind, Op, Result, RunId, SyncUid};

use super::fixture::{Fixture, PEOPLE, chunk, created, kind, people, request, updated, upsert, write_with};

async fn opened(f: &Fixture, epoch: u64, run: &str, payload: &RecordBatch) -> Result<Box<dyn Session>> {
    let mut request = request(WriteMode::Upsert, &["id"], payload);
    request.epoch = epoch;
    request.run_id = RunId::from_stored(run);
    f.destination().open(request).await
}

#[tokio::test]
async fn nothing_is_visible_before_commit_and_a_dropped_session_leaves_nothing() {
    let f = Fixture::new(PEOPLE);
    let count = "SELECT count(*) FROM t";
    let payload = people(&[&[Some("3"), Some("III")]]);
    let mut session = opened(&f, 1, "run_1", &payload).await.unwrap();
    session.write(&chunk(0, Op::Create, &payload)).await.unwrap();
    assert_eq!(f.get(count), "2");
    drop(session);
    assert_eq!(f.get(count), "2");

    let mut session = opened(&f, 1, "run_1", &payload).await.unwrap();
    assert_eq!(session.recover(0).await.unwrap(), Recovery::NotApplied);
    session.write(&chunk(0, Op::Create, &payload)).await.unwrap();
    session.rollback().await.unwrap();
    assert_eq!(f.get(count), "2");
    session.write(&chunk(0, Op::Create, &payload)).await.unwrap();
    let second = people(&[&[Some("4"), Some("IV")]]);
    session.write(&chunk(1, Op::Create, &second)).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(f.get(count), "4");
    session.commit().await.unwrap();
    drop(session);

    let mut session = opened(&f, 2, "run_1", &payload).await.unwrap();
    assert_eq!(session.recover(0).await.unwrap(), Recovery::Committed);
    assert_eq!(session.recover(1).await.unwrap(), Recovery::Committed);
    assert_eq!(session.recover(2).await.unwrap(), Recovery::NotApplied);
    let mut other_run = opened(&f, 2, "run_2", &payload).await.unwrap();
    assert_eq!(other_run.recover(0).await.unwrap(), Recovery::NotApplied);
}

#[tokio::test]
async fn a_session_with_an_older_epoch_cannot_commit() {
    let f = Fixture::new(PEOPLE);
    let payload = people(&[&[Some("1"), Some("stale")]]);
    let mut old = opened(&f, 1, "run_1", &payload).await.unwrap();
    let mut new = opened(&f, 2, "run_1", &payload).await.unwrap();
    assert_eq!(kind(old.write(&chunk(0, Op::Update, &payload)).await).0, ErrorKind::Fenced);
    assert!(old.commit().await.is_err());
    old.rollback().await.unwrap();
    assert_eq!(kind(opened(&f, 1, "run_1", &payload).await.map(|_| ())).0, ErrorKind::Fenced);
    let fresh = people(&[&[Some("1"), Some("fresh")]]);
    new.write(&chunk(0, Op::Update, &fresh)).await.unwrap();
    new.commit().await.unwrap();
    assert_eq!(f.get("SELECT name FROM t WHERE id = 1"), "fresh");
    // Another sync has a fence of its own.
    let mut other = request(WriteMode::Upsert, &["id"], &payload);
    other.sync_uid = SyncUid::from_stored("sync_2");
    assert!(f.destination().open(other).await.is_ok());
}

#[tokio::test]
async fn an_open_transaction_keeps_a_successor_waiting_until_its_outcome_is_known() {
    let f = Fixture::new(PEOPLE);
    let payload = people(&[&[Some("3"), Some("III")]]);
    let mut old = opened(&f, 1, "run_1", &payload).await.unwrap();
    old.write(&chunk(0, Op::Create, &payload)).await.unwrap();
    assert_eq!(kind(opened(&f, 2, "run_1", &payload).await.map(|_| ())).0, ErrorKind::DestinationUnreachable);
    old.commit().await.unwrap();
    let mut new = opened(&f, 2, "run_1", &payload).await.unwrap();
    assert_eq!(new.recover(0).await.unwrap(), Recovery::Committed);
}

#[tokio::test]
async fn a_repeated_chunk_changes_nothing_and_is_never_appended_twice() {
    let f = Fixture::new(PEOPLE);
    let payload = people(&[&[Some("3"), Some("III")]]);
    assert_eq!(upsert(&f, &payload).await, [created()]);
    assert_eq!(upsert(&f, &payload).await, [updated()]);
    let f = Fixture::new("CREATE TABLE t (id INTEGER, name TEXT);");
    let append = chunk(0, Op::Append, &payload);
    write_with(&f, request(WriteMode::Append, &[], &payload), &append).await.unwrap();
    let again = write_with(&f, request(WriteMode::Append, &[], &payload), &append).await;
    assert_eq!(kind(again).0, ErrorKind::Conflict);
    assert_eq!(f.get("SELECT count(*) FROM t"), "1");
}
