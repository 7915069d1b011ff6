//! Options, and files that are missing, damaged or locked.

use std::path::Path;

use syncline_connectors::sqlite;
use syncline_core::ErrorKind;
use syncline_core::sync::WriteMode;

use super::fixture::{Fixture, connect, kind, people, read, request, table_model};

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
    let f = Fixture::empty();
    for failed in
        [f.source().check().await.map(|_| ()), f.source().describe(&table_model("t")).await.map(|_| ())]
    {
        let (kind_, message) = kind(failed);
        assert_eq!(kind_, ErrorKind::SourceUnreachable);
        assert!(
            message.contains(&f.path().display().to_string()) && message.contains("no such file"),
            "{message}"
        );
    }
    assert_eq!(kind(f.destination().describe("t").await).0, ErrorKind::DestinationUnsuitable);
    assert!(!f.path().exists(), "reading never makes a file");

    std::fs::write(f.path(), "id,name\n1,Ada\n".repeat(100)).unwrap();
    let (kind_, message) = kind(read(&*f.source(), table_model("t")).await);
    assert_eq!(kind_, ErrorKind::ModelQueryFailed);
    assert!(message.contains("not an SQLite database"), "{message}");
    assert_eq!(kind(f.destination().check().await).0, ErrorKind::DestinationUnsuitable);
}

#[tokio::test]
async fn a_damaged_database_is_an_error_not_a_short_read() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO t SELECT i, 'some text that fills pages' FROM n;",
    );
    let mut bytes = std::fs::read(f.path()).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(f.path(), bytes).unwrap();
    let (kind_, message) = kind(read(&*f.source(), table_model("t")).await);
    assert_eq!(kind_, ErrorKind::ModelQueryFailed);
    assert!(message.contains("damaged"), "{message}");
}

#[tokio::test]
async fn a_locked_database_is_unreachable_on_either_side() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);");
    let holder = f.raw();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (kind_, message) = kind(read(&*f.source(), table_model("t")).await);
    assert_eq!(kind_, ErrorKind::SourceUnreachable);
    assert!(message.contains("locked"), "{message}");
    let payload = people(&[&[Some("1"), Some("Ada")]]);
    let opened = f.destination().open(request(WriteMode::Upsert, &["id"], &payload)).await;
    assert_eq!(kind(opened.map(|_| ())).0, ErrorKind::DestinationUnreachable);
}

#[test]
fn options_are_checked() {
    let folder = Path::new("/nowhere");
    for options in [
        serde_json::json!({}),
        serde_json::json!({ "path": "" }),
        serde_json::json!({ "path": "x.db", "pth": 1 }),
        serde_json::json!({ "path": "x.db", "busy_timeout": "-1s" }),
        serde_json::json!({ "path": "x.db", "busy_timeout": "soon" }),
    ] {
        let (kind_, message) = kind(connect(folder, options.clone()).map(|_| ()));
        assert_eq!(kind_, ErrorKind::InvalidConfig, "{options}");
        assert!(message.contains("connection 'test'"), "{message}");
    }
    assert!(connect(folder, serde_json::json!({ "path": "x.db", "busy_timeout": "5s" })).is_ok());
    assert!((sqlite::spec().options_schema)().to_string().contains("busy_timeout"));
}
