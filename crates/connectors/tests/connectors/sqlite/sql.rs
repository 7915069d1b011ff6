//! SQL of a model: what it may do, and how its errors are told.

use std::time::Duration;

use syncline_core::ErrorKind;

use super::fixture::{Fixture, kind, read, sql_model, table_model};

#[tokio::test]
async fn model_sql_can_read_this_database_and_nothing_else() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'a');");
    let other = f.folder.path().join("other.db");
    for sql in [
        "DELETE FROM t".to_string(),
        "DELETE FROM t RETURNING *".into(),
        "INSERT INTO t VALUES (2, 'b')".into(),
        "UPDATE t SET a = 'x' RETURNING id".into(),
        "DROP TABLE t".into(),
        "CREATE TEMP TABLE x AS SELECT 1".into(),
        "SELECT 1 AS id; DELETE FROM t".into(),
        "SELECT 1 AS id; SELECT 2".into(),
        format!("ATTACH '{}' AS o", other.display()),
        format!("VACUUM INTO '{}'", other.display()),
        "PRAGMA journal_mode = WAL".into(),
        "PRAGMA query_only = OFF".into(),
        "SELECT * FROM pragma_journal_mode".into(),
        "BEGIN".into(),
        "COMMIT".into(),
        "EXPLAIN SELECT 1".into(),
        "SELECT load_extension('x') AS id".into(),
        "SELECT ? AS id".into(),
        "".into(),
        "-- nothing".into(),
        "SELECT id, a AS id FROM t".into(),
        "SELECT\0 1".into(),
    ] {
        for described in [true, false] {
            let source = f.source();
            let failed = match described {
                true => source.describe(&sql_model(&sql)).await.map(|_| ()),
                false => read(&*source, sql_model(&sql)).await.map(|_| ()),
            };
            assert_eq!(kind(failed).0, ErrorKind::ModelQueryFailed, "{sql}");
        }
    }
    assert_eq!(f.get("SELECT count(*) || max(a) FROM t"), "1a");
    assert!(!other.exists());
    let fine = "WITH RECURSIVE n(i) AS (VALUES (1) UNION SELECT i + 1 FROM n WHERE i < 3) SELECT i AS id FROM n; -- end";
    assert_eq!(read(&*f.source(), sql_model(fine)).await.unwrap().rows.len(), 3);
    assert_eq!(
        read(&*f.source(), sql_model("SELECT value AS id FROM json_each('[1,2]')")).await.unwrap().rows.len(),
        2
    );
}

#[tokio::test]
async fn errors_in_sql_name_the_file_and_the_line() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER);");
    let (kind_, message) = kind(f.source().describe(&sql_model("SELECT id\nFROM t\nWERE id = 1")).await);
    assert_eq!(kind_, ErrorKind::ModelQueryFailed);
    assert!(message.starts_with("syncs/crm.yaml:9: line 3 of the SQL: "), "{message}");
    assert!(message.contains("syntax error"), "{message}");
    let (_, message) = kind(f.source().describe(&sql_model("SELECT id,\n  nme FROM t")).await);
    assert!(message.contains("line 2") && message.contains("nme"), "{message}");
    let (kind_, message) = kind(f.source().describe(&table_model("nope")).await);
    assert_eq!(kind_, ErrorKind::ModelQueryFailed);
    assert!(message.contains("'nope'"), "{message}");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER);");
    let mut m = sql_model(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS id FROM n",
    );
    m.timeout = Duration::from_millis(50);
    let (kind_, message) = kind(read(&*f.source(), m.clone()).await);
    assert_eq!(kind_, ErrorKind::SourceUnreachable);
    assert!(message.contains("took longer"), "{message}");
    assert_eq!(kind(f.source().describe(&m).await).0, ErrorKind::SourceUnreachable);
}
