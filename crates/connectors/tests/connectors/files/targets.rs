//! Files that exist already: what is kept of them, and which are refused.

use std::fs;

use serde_json::json;
use syncline_core::sync::WriteMode;
use syncline_core::{ErrorKind, Op};

use super::fixture::{Home, batch, chunk, contacts, deliver, request};

#[tokio::test]
async fn an_existing_file_keeps_its_other_columns_records_and_order() {
    let home = Home::new();
    home.put("t.csv", "\u{feff}note,name,id\r\n\"x, y\",old,007\r\nkept,\"\",abc\r\n,c,3");
    let rows = contacts(&[("7", Some("new")), ("9", None)]);
    deliver(&home, request("t.csv", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Update, &rows))
        .await
        .unwrap();
    let expected = "\u{feff}note,name,id\r\n\"x, y\",new,007\r\nkept,\"\",abc\r\n,c,3\r\n,,9\r\n";
    assert_eq!(home.text("t.csv"), expected);
    home.put("t.jsonl", "{\"x\": 1.10, \"id\": 7, \"name\": \"old\"}\n{\"other\":[1, 2]}\n");
    deliver(&home, request("t.jsonl", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Update, &rows))
        .await
        .unwrap();
    let expected = "{\"x\":1.10,\"id\":7,\"name\":\"new\"}\n{\"other\":[1, 2]}\n{\"id\":9,\"name\":null}\n";
    assert_eq!(home.text("t.jsonl"), expected);
}

#[tokio::test]
async fn an_existing_file_that_does_not_fit_is_refused_and_left_alone() {
    let home = Home::new();
    let rows = contacts(&[("7", Some("new"))]);
    for (name, content, says) in [
        ("missing.csv", "id\n1\n", "'name'"),
        ("twice.csv", "id,name\n1,a\n01,b\n", "id = '1'"),
        ("ragged.csv", "id,name\n1\n2,b\n", "ragged.csv:2"),
        ("open.csv", "id,name\n1,\"a\n", "open.csv:2"),
        ("bad.jsonl", "{\"id\":1}\nx\n", "bad.jsonl:2"),
        ("bad.parquet", "nonsense", "bad.parquet"),
    ] {
        home.put(name, content);
        let result =
            deliver(&home, request(name, WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Update, &rows))
                .await;
        let e = result.unwrap_err();
        assert_eq!(e.kind, ErrorKind::DestinationUnsuitable, "{name}: {}", e.message);
        assert!(e.message.contains(says), "{name}: {}", e.message);
        assert_eq!(home.text(name), content);
    }
    let typed = batch(&[("id", "text"), ("name", "text")], &[&[Some("7"), None]]);
    deliver(&home, request("t.parquet", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Create, &rows))
        .await
        .unwrap();
    let e =
        home.destination.open(request("t.parquet", WriteMode::Upsert, &typed, "run_2")).await.err().unwrap();
    assert!(e.message.contains("'id'") && e.message.contains("int64"), "{}", e.message);
}

#[tokio::test]
async fn a_deleted_target_is_noticed_and_an_edited_one_is_not() {
    let home = Home::new();
    let rows = contacts(&[("1", Some("a"))]);
    let deliver_run = |run: &'static str| {
        let rows = rows.clone();
        let home = &home;
        async move {
            deliver(home, request("t.csv", WriteMode::Upsert, &rows, run), &chunk(0, Op::Create, &rows))
                .await
                .unwrap();
        }
    };
    let seen = || async { home.destination.describe("t.csv").await.unwrap().unwrap() };
    let before = seen().await;
    assert!(before.open_schema && before.fields.is_empty() && before.not_writable.is_none());
    deliver_run("run_1").await;
    let first = seen().await;
    assert_ne!(first.incarnation, before.incarnation);
    assert_eq!(first.identity, before.identity);
    home.put("t.csv", "id,name\n1,edited\n5,mine\n");
    deliver_run("run_2").await;
    let second = seen().await;
    assert_eq!(second.incarnation, first.incarnation);
    assert_eq!((second.open_schema, second.fields.len()), (first.open_schema, first.fields.len()));
    fs::remove_file(home.path("t.csv")).unwrap();
    let gone = seen().await.incarnation;
    assert_ne!(gone, first.incarnation);
    deliver_run("run_3").await;
    assert!(![gone, first.incarnation.clone()].contains(&seen().await.incarnation));
    fs::remove_dir_all(home.path("")).unwrap();
    assert_ne!(seen().await.incarnation, first.incarnation, "even when the ledger went too");
}

#[tokio::test]
async fn objects_that_cannot_be_written_say_so_beforehand() {
    let home = Home::with(json!({"create_folders": false}));
    for bad in ["../t.csv", "/tmp/t.csv", "t.txt", ".hidden.csv", "t"] {
        let e = home.destination.describe(bad).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::DestinationUnsuitable, "{bad}: {}", e.message);
    }
    let described = home.destination.describe("sub/t.csv").await.unwrap().unwrap();
    assert!(described.not_writable.unwrap().contains("create_folders"));
    let rows = contacts(&[]);
    assert!(home.destination.open(request("sub/t.csv", WriteMode::Upsert, &rows, "run_1")).await.is_err());
    assert!(home.names().is_empty(), "describing and refusing write nothing");
}

#[cfg(unix)]
#[tokio::test]
async fn a_rewritten_file_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.put("t.csv", "id,name\n");
    fs::set_permissions(home.path("t.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    let rows = contacts(&[("1", None)]);
    deliver(&home, request("t.csv", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Create, &rows))
        .await
        .unwrap();
    assert_eq!(fs::metadata(home.path("t.csv")).unwrap().permissions().mode() & 0o777, 0o640);
}
