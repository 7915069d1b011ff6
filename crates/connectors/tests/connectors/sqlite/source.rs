//! What is read: types, values, batches, snapshots.

use futures::StreamExt;
use syncline_connector::{ReadFilter, ReadRequest, SourceItem};
use syncline_core::ErrorKind;

use super::fixture::{Fixture, kind, read, read_columns, sql_model, table_model, types};

#[tokio::test]
async fn declared_types_become_canonical_types() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, flag BOOLEAN, ratio REAL, price DECIMAL(10,2), name VARCHAR(3),
            raw BLOB, uid UUID, d DATE, tm TIME, ts DATETIME, tz TIMESTAMPTZ, j JSON, span INTERVAL);
         INSERT INTO t VALUES (1, 1, 1.5, 12.50, 'longer than three', x'00ff',
            'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '2025-01-31', '09:30', '2025-01-31 09:30:00',
            '2025-01-31 09:30:00+02:00', '{\"a\": 1}', 'P1Y');",
    );
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!(
        types(&read.schema),
        [
            "int64",
            "bool",
            "float64",
            "numeric",
            "text",
            "bytes",
            "uuid",
            "date",
            "time",
            "timestamp",
            "timestamptz",
            "json",
            "interval"
        ]
    );
    let row: Vec<&str> = read.rows[0].iter().map(|c| c.as_deref().unwrap()).collect();
    assert_eq!(
        row,
        [
            "1",
            "true",
            "1.5",
            "12.5",
            "longer than three",
            "\\x00ff",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "2025-01-31",
            "09:30:00",
            "2025-01-31T09:30:00",
            "2025-01-31T07:30:00Z",
            "{\"a\": 1}",
            "P12M0DT0S"
        ]
    );
    assert!(read.invalid.is_empty());
}

#[tokio::test]
async fn expressions_take_their_type_from_what_they_hold_and_describe_agrees() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x, y GEOMETRY); INSERT INTO t VALUES (1, 5, NULL), (2, 'a', NULL), (3, 2.5, NULL);",
    );
    let m = sql_model(
        "SELECT id, id + 1 AS i, id * 1.5 AS f, CASE WHEN id = 1 THEN 1 ELSE 1.5 END AS n, 'x' || id AS s,
         x'00' AS b, NULL AS empty, x, y FROM t ORDER BY id",
    );
    let described = f.source().describe(&m).await.unwrap();
    let read = read(&*f.source(), m).await.unwrap();
    assert_eq!(described, read.schema);
    assert_eq!(
        types(&described),
        ["int64", "int64", "float64", "float64", "text", "bytes", "text", "text", "text"]
    );
    let x: Vec<_> = read.rows.iter().map(|r| r[7].as_deref()).collect();
    assert_eq!(x, [Some("5"), Some("a"), Some("2.5")]);
    assert!(read.invalid.is_empty());
}

#[tokio::test]
async fn a_value_that_contradicts_its_column_makes_its_row_invalid_and_keeps_the_key() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, d DATE, s TEXT, flag BOOLEAN, at TIMESTAMP, u UUID);
         INSERT INTO t VALUES (1, 1, '2025-01-01', 'ok', 1, '2025-01-01', NULL), (2, 'many', NULL, NULL, NULL, NULL, NULL),
            (3, 1.5, NULL, NULL, NULL, NULL, NULL), (4, NULL, '2025-02-30', NULL, NULL, NULL, NULL),
            (5, NULL, NULL, CAST(x'ff41' AS TEXT), NULL, NULL, NULL), (6, NULL, NULL, x'00', NULL, NULL, NULL),
            (7, NULL, NULL, NULL, 2, NULL, NULL), (8, NULL, NULL, NULL, NULL, 1700000000, NULL),
            (9, 'a', 'b', NULL, NULL, NULL, NULL), (10, NULL, NULL, NULL, NULL, NULL, x'0102');",
    );
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    let ids: Vec<_> = read.rows.iter().map(|r| r[0].clone().unwrap()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    let found: Vec<_> = read
        .invalid
        .iter()
        .map(|i| {
            let e = &i.error;
            assert_eq!(e.code, "invalid_value");
            (i.row + 1, e.field.as_deref().unwrap(), e.raw_value.as_deref().unwrap())
        })
        .collect();
    assert_eq!(
        found,
        [
            (2, "n", "many"),
            (3, "n", "1.5"),
            (4, "d", "2025-02-30"),
            (5, "s", "\u{fffd}A"),
            (6, "s", "\\x00"),
            (7, "flag", "2"),
            (8, "at", "1700000000"),
            (9, "n", "a"),
            (10, "u", "\\x0102"),
        ]
    );
    assert_eq!(read.rows[3][2], None);
    assert!(read.invalid[6].error.message.contains("unixepoch"));
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_reported_and_null() {
    let f = Fixture::new(
        "CREATE TABLE t (id INT PRIMARY KEY, a TEXT); INSERT INTO t VALUES ('x', 'a'), (2, 'b');",
    );
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!(read.rows[0], [None, Some("a".into())]);
    assert_eq!((read.invalid[0].row, read.invalid[0].error.field.as_deref()), (0, Some("id")));
    assert_eq!(read.invalid.len(), 1);
}

#[tokio::test]
async fn a_later_value_that_contradicts_the_inferred_type_is_invalid_not_bent() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         INSERT INTO t SELECT i, CASE WHEN i = 1100 THEN 'text' ELSE i END FROM n;",
    );
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!(types(&read.schema), ["int64", "int64"]);
    assert_eq!(read.invalid.iter().map(|i| i.row).collect::<Vec<_>>(), [1099]);
}

#[tokio::test]
async fn a_column_that_begins_with_many_nulls_is_still_typed_by_its_first_values() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO t SELECT i, CASE WHEN i > 2500 THEN i END FROM n;",
    );
    assert_eq!(types(&f.source().describe(&table_model("t")).await.unwrap()), ["int64", "int64"]);
}

#[tokio::test]
async fn columns_are_chosen_in_the_order_asked_for() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER, a TEXT, b TEXT); INSERT INTO t VALUES (1, 'a', 'b');");
    let source = f.source();
    let wanted = Some(vec!["b".to_string(), "id".to_string()]);
    let read = read_columns(&*source, table_model("main.t"), wanted).await.unwrap();
    assert_eq!(read.rows, [[Some("b".to_string()), Some("1".to_string())]]);
    let unknown = read_columns(&*source, table_model("t"), Some(vec!["zip".into()])).await;
    assert_eq!(kind(unknown).0, ErrorKind::ModelQueryFailed);
}

#[tokio::test]
async fn batches_are_bounded_by_rows_and_bytes_and_nothing_is_lost() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
         INSERT INTO t SELECT i, NULL FROM n;
         CREATE TABLE big (id INTEGER PRIMARY KEY, x BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
         INSERT INTO big SELECT i, zeroblob(3000000) FROM n;",
    );
    let many = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!((many.rows.len(), many.batches), (150_000, 3));
    let large = read(&*f.source(), table_model("big")).await.unwrap();
    assert_eq!((large.rows.len(), large.batches), (10, 5));
}

#[tokio::test]
async fn a_read_is_one_snapshot_while_others_write() {
    let f = Fixture::new(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
         INSERT INTO t SELECT i, zeroblob(3000000) FROM n;",
    );
    let request = ReadRequest {
        model: table_model("t"),
        columns: None,
        filter: ReadFilter::All,
        order_by: vec![],
        identify: None,
    };
    let mut stream = f.source().read(request).await.unwrap();
    let mut rows = 0;
    let first = stream.next().await.unwrap().unwrap();
    f.sql("DELETE FROM t WHERE id > 5; INSERT INTO t VALUES (1000, NULL)");
    let mut item = Some(Ok(first));
    while let Some(next) = item {
        if let SourceItem::Batch(batch) = next.unwrap() {
            rows += batch.rows.num_rows();
        }
        item = stream.next().await;
    }
    assert_eq!(rows, 20);
}

#[tokio::test]
async fn full_text_tables_can_be_read() {
    let f =
        Fixture::new("CREATE VIRTUAL TABLE docs USING fts5(body); INSERT INTO docs VALUES ('hello world');");
    let read =
        read(&*f.source(), sql_model("SELECT rowid AS id, body FROM docs WHERE docs MATCH 'hello'")).await;
    assert_eq!(read.unwrap().rows, [[Some("1".to_string()), Some("hello world".to_string())]]);
}

#[tokio::test]
async fn discover_lists_tables_and_views_with_keys_and_without_our_own() {
    let f = Fixture::new(
        "CREATE TABLE b (y TEXT, x INT, PRIMARY KEY (x, y)); CREATE TABLE a (id INTEGER PRIMARY KEY);
         CREATE VIEW v AS SELECT id AS k FROM a; CREATE VIEW broken AS SELECT * FROM gone;
         CREATE TABLE _syncline_ledger (x); CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT);",
    );
    let found = f.source().discover().await.unwrap();
    let names: Vec<_> = found.iter().map(|s| (s.name.as_str(), s.key.join(","))).collect();
    let expected = [("a", "id"), ("b", "x,y"), ("s", "id"), ("v", "")];
    assert_eq!(names, expected.map(|(n, k)| (n, k.to_string())));
    assert_eq!(types(&found[3].schema), ["int64"]);
}
