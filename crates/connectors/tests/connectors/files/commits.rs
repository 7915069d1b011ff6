//! When files appear, and how a later session learns what became of a chunk.

use std::fs;

use arrow::array::RecordBatch;
use serde_json::json;
use syncline_connector::{OpenRequest, Recovery, Session};
use syncline_core::sync::WriteMode;
use syncline_core::{ErrorKind, Op, SyncUid};

use super::fixture::{Home, chunk, contacts, current, deliver, names, request};

#[tokio::test]
async fn nothing_shows_before_commit_and_nothing_stays_without_it() {
    let home = Home::new();
    let rows = contacts(&[("1", Some("a"))]);
    for object in ["t.csv", "sub/deep/t.parquet", "d/"] {
        let mode = if object == "d/" { WriteMode::Append } else { WriteMode::Upsert };
        let op = if object == "d/" { Op::Append } else { Op::Create };
        let mut session = home.destination.open(request(object, mode, &rows, "run_1")).await.unwrap();
        session.write(&chunk(0, op, &rows)).await.unwrap();
        assert!(home.source.discover().await.unwrap().is_empty(), "{object}");
        drop(session);
        let mut session = home.destination.open(request(object, mode, &rows, "run_1")).await.unwrap();
        session.write(&chunk(0, op, &rows)).await.unwrap();
        session.rollback().await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(session.recover(0).await.unwrap(), Recovery::NotApplied);
        assert!(home.source.discover().await.unwrap().is_empty(), "{object}");
    }
    let left: Vec<String> = home.names().into_iter().filter(|n| n.ends_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn committed_chunks_are_recovered_by_any_later_session() {
    let home = Home::new();
    let rows = contacts(&[("1", Some("a"))]);
    for object in ["t.csv", "t.jsonl", "d/"] {
        let req = |run: &str| request(object, WriteMode::Append, &rows, run);
        deliver(&home, req("run_1"), &chunk(0, Op::Append, &rows)).await.unwrap();
        deliver(&home, req("run_1"), &chunk(1, Op::Append, &rows)).await.unwrap();
        let mut session = home.destination.open(OpenRequest { epoch: 2, ..req("run_1") }).await.unwrap();
        let mut outcomes = Vec::new();
        for number in 0..3 {
            outcomes.push(session.recover(number).await.unwrap());
        }
        assert_eq!(outcomes, [Recovery::Committed, Recovery::Committed, Recovery::NotApplied], "{object}");
        let late = home.destination.open(req("run_1")).await.err().unwrap();
        assert_eq!(late.kind, ErrorKind::Fenced);
    }
}

#[tokio::test]
async fn a_chunk_sent_twice_is_one_file_of_a_dataset() {
    let home = Home::with(json!({"format": "jsonl"}));
    let rows = contacts(&[("1", Some("a")), ("2", None)]);
    for _ in 0..2 {
        let req = request("d/", WriteMode::Append, &rows, "run_1");
        deliver(&home, req, &chunk(3, Op::Append, &rows)).await.unwrap();
    }
    let files: Vec<String> = fs::read_dir(home.path("d"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|n| !n.starts_with('.'))
        .collect();
    assert_eq!(files, ["run_1-000003.jsonl"]);
    assert_eq!(home.text("d/run_1-000003.jsonl"), "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":null}\n");
    // A consumer takes the file; the chunk is still known to have been delivered.
    fs::remove_file(home.path("d/run_1-000003.jsonl")).unwrap();
    let mut session = home.destination.open(request("d/", WriteMode::Append, &rows, "run_1")).await.unwrap();
    assert_eq!(session.recover(3).await.unwrap(), Recovery::Committed);
    let upsert = home.destination.open(request("d/", WriteMode::Upsert, &rows, "run_1")).await.err().unwrap();
    assert_eq!(upsert.kind, ErrorKind::DestinationUnsuitable);
}

#[tokio::test]
async fn an_edit_during_the_run_is_never_overwritten() {
    let home = Home::new();
    home.put("t.csv", "id,name\n1,a\n");
    let rows = contacts(&[("2", Some("b"))]);
    let mut session =
        home.destination.open(request("t.csv", WriteMode::Upsert, &rows, "run_1")).await.unwrap();
    session.write(&chunk(0, Op::Create, &rows)).await.unwrap();
    home.put("t.csv", "id,name\n1,edited\n");
    let e = session.commit().await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::DestinationUnreachable, "{}", e.message);
    assert_eq!(home.text("t.csv"), "id,name\n1,edited\n");
    let results =
        deliver(&home, request("t.csv", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Create, &rows))
            .await;
    assert_eq!(names(&results.unwrap()), ["created"]);
    assert_eq!(home.text("t.csv"), "id,name\n1,edited\n2,b\n");
}

#[tokio::test]
async fn large_changes_spill_and_many_chunks_merge_in_one_commit() {
    let home = Home::new();
    let wide = "x".repeat(100_000);
    let mut session: Option<Box<dyn Session>> = None;
    for number in 0..5u32 {
        let ids: Vec<String> = (0..100).map(|i| (number * 100 + i).to_string()).collect();
        let rows = contacts(&ids.iter().map(|id| (id.as_str(), Some(wide.as_str()))).collect::<Vec<_>>());
        if session.is_none() {
            let req = request("t.jsonl", WriteMode::Upsert, &rows, "run_1");
            session = Some(home.destination.open(req).await.unwrap());
        }
        session.as_mut().unwrap().write(&chunk(number, Op::Create, &rows)).await.unwrap();
    }
    session.unwrap().commit().await.unwrap();
    let read = current(&home, "t.jsonl").await;
    assert_eq!(read.len(), 500);
    assert!(
        read.iter().enumerate().all(|(i, r)| r[0] == Some(i.to_string()) && r[1].as_deref() == Some(&wide))
    );
}

/// Two syncs may share a file; each knows only its own runs.
#[tokio::test]
async fn syncs_that_share_a_file_keep_their_own_ledger() {
    let home = Home::new();
    let other = |run: &str, rows: &RecordBatch| OpenRequest {
        sync_uid: SyncUid::from_stored("sync_2"),
        ..request("t.csv", WriteMode::Upsert, rows, run)
    };
    let (first, second) = (contacts(&[("1", Some("a"))]), contacts(&[("2", Some("b"))]));
    let mine = request("t.csv", WriteMode::Upsert, &first, "run_1");
    deliver(&home, mine.clone(), &chunk(0, Op::Create, &first)).await.unwrap();
    deliver(&home, other("run_2", &second), &chunk(0, Op::Create, &second)).await.unwrap();
    assert_eq!(home.text("t.csv"), "id,name\n1,a\n2,b\n");
    for request in [mine, other("run_2", &second)] {
        let mut session = home.destination.open(request).await.unwrap();
        assert_eq!(session.recover(0).await.unwrap(), Recovery::Committed);
    }
    let mut session = home.destination.open(other("run_1", &second)).await.unwrap();
    assert_eq!(session.recover(0).await.unwrap(), Recovery::NotApplied);
}
