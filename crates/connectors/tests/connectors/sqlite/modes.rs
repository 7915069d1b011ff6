//! Write modes, removals, field rules and changed match values.

use syncline_connector::{Chunk, Equality, FieldRule};
use syncline_core::sync::{FieldWrite, Nulls, WriteMode};
use syncline_core::{ErrorKind, Op, RemovalAction, RowResult};

use super::fixture::{
    Fixture, INT, PEOPLE, TEXT, batch, chunk, created, kind, people, read, rejected, request, sql_model,
    table_model, updated, write_with,
};

#[tokio::test]
async fn each_write_mode_does_what_it_says_and_tells_the_truth() {
    let rows = people(&[&[Some("2"), Some("II")], &[Some("3"), Some("III")]]);
    let names = "SELECT group_concat(name, ',') FROM (SELECT name FROM t ORDER BY id, name)";
    for (mode, results, after) in [
        (WriteMode::Insert, [RowResult::Exists, created()], "one,two,III"),
        (WriteMode::Update, [updated(), RowResult::Absent], "one,II"),
        (WriteMode::Upsert, [updated(), created()], "one,II,III"),
        (WriteMode::Mirror, [updated(), created()], "one,II,III"),
    ] {
        for op in [Op::Create, Op::Update] {
            let f = Fixture::new(PEOPLE);
            let got = write_with(&f, request(mode, &["id"], &rows), &chunk(0, op, &rows)).await.unwrap();
            assert_eq!(got, results, "{mode:?} {op:?}");
            assert_eq!(f.get(names), after, "{mode:?} {op:?}");
        }
    }
    let f = Fixture::new("CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (2, 'two');");
    let got =
        write_with(&f, request(WriteMode::Append, &[], &rows), &chunk(0, Op::Append, &rows)).await.unwrap();
    assert_eq!(got, [created(), created()]);
    assert_eq!(f.get(names), "II,two,III");
}

#[tokio::test]
async fn removals_delete_clear_or_flag() {
    let rows = batch(&[("id", INT), ("name", TEXT)], &[&[Some("2"), None], &[Some("9"), None]]);
    for (action, after) in [
        (RemovalAction::Delete, "1:one:NULL"),
        (RemovalAction::Clear, "1:one:NULL,2:NULL:NULL"),
        (RemovalAction::Flag, "1:one:NULL,2:two:1"),
    ] {
        let f = Fixture::new(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, gone BOOLEAN, gone_at TIMESTAMP);
             INSERT INTO t (id, name) VALUES (1, 'one'), (2, 'two');",
        );
        let mut request = request(WriteMode::Mirror, &["id"], &rows);
        request.flag = Some(("gone".into(), "true".into()));
        let got = write_with(&f, request, &chunk(0, Op::Remove(action), &rows)).await.unwrap();
        assert_eq!(got, [RowResult::Removed, RowResult::Removed], "what is gone already is removed");
        let all = "SELECT group_concat(id || ':' || ifnull(name, 'NULL') || ':' || ifnull(gone, 'NULL'), ',') FROM t";
        assert_eq!(f.get(all), after);
    }
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, gone_at TIMESTAMPTZ); INSERT INTO t (id) VALUES (2);",
    );
    let mut with_time = request(WriteMode::Mirror, &["id"], &rows);
    with_time.flag = Some(("gone_at".into(), "now".into()));
    write_with(&f, with_time.clone(), &chunk(0, Op::Remove(RemovalAction::Flag), &rows)).await.unwrap();
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert!(read.invalid.is_empty() && read.rows[0][2].as_deref().unwrap().starts_with("20"));
    with_time.flag = Some(("gone_at".into(), "soon".into()));
    assert_eq!(kind(f.destination().open(with_time).await.map(|_| ())).0, ErrorKind::DestinationUnsuitable);
}

#[tokio::test]
async fn field_rules_are_obeyed() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, always TEXT DEFAULT 'd', skip TEXT DEFAULT 'd', once TEXT, fill TEXT, fill_skip TEXT);
         INSERT INTO t VALUES (1, 'a', 'a', 'a', 'a', 'a'), (2, 'a', 'a', 'a', '', NULL), (3, 'a', 'a', 'a', NULL, '');",
    );
    let fields = ["always", "skip", "once", "fill", "fill_skip"].map(|n| (n, TEXT));
    let fields: Vec<_> = [("id", INT)].into_iter().chain(fields).collect();
    let new = [Some("n"); 5];
    let row = |id: &'static str, values: [Option<&'static str>; 5]| {
        [Some(id)].into_iter().chain(values).collect::<Vec<_>>()
    };
    let rows = [row("1", new), row("2", new), row("3", [None; 5]), row("4", new), row("5", [None; 5])];
    let payload = batch(&fields, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut request = request(WriteMode::Upsert, &["id"], &payload);
    use FieldWrite::*;
    request.rules = [
        (Always, Nulls::Write),
        (Always, Nulls::Write),
        (Always, Nulls::Skip),
        (CreateOnly, Nulls::Write),
        (IfEmpty, Nulls::Write),
        (IfEmpty, Nulls::Skip),
    ]
    .map(|(write, nulls)| FieldRule { write, nulls })
    .to_vec();
    let got = write_with(&f, request, &chunk(0, Op::Update, &payload)).await.unwrap();
    assert_eq!(got, [updated(), updated(), updated(), created(), created()]);
    let read = read(&*f.source(), sql_model("SELECT * FROM t ORDER BY id")).await.unwrap();
    let shown: Vec<String> = read
        .rows
        .iter()
        .map(|r| r[1..].iter().map(|c| c.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(shown, ["n n a a a", "n n a n n", "- a a - ", "n n n n n", "- d - - -"]);
}

#[tokio::test]
async fn a_changed_match_value_updates_the_old_record() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three');",
    );
    let payload = people(&[
        &[Some("10"), Some("ten")],
        &[Some("2"), Some("II")],
        &[Some("2"), Some("x")],
        &[Some("40"), Some("forty")],
    ]);
    let old = batch(&[("id", INT)], &[&[Some("1")], &[None], &[Some("3")], &[Some("4")]]);
    let chunk = Chunk { old_match: Some(old), ..chunk(0, Op::Update, &payload) };
    let got = write_with(&f, request(WriteMode::Upsert, &["id"], &payload), &chunk).await.unwrap();
    assert_eq!(got[..2], [updated(), updated()]);
    assert_eq!(
        (rejected(&got[2]).code.as_str(), rejected(&got[2]).field.as_deref()),
        ("unique_violation", Some("id"))
    );
    assert_eq!(got[3], created());
    assert_eq!(
        f.get("SELECT group_concat(id || name, ',') FROM (SELECT * FROM t ORDER BY id)"),
        "2II,3three,10ten,40forty"
    );
}

#[tokio::test]
async fn matching_compares_as_the_unique_index_does() {
    let f = Fixture::new(
        "CREATE TABLE t (email TEXT, n INT); CREATE UNIQUE INDEX i ON t (email COLLATE NOCASE); INSERT INTO t VALUES ('Ada@x', 1);",
    );
    let payload = batch(&[("email", TEXT), ("n", INT)], &[&[Some("ADA@X"), Some("2")], &[None, Some("3")]]);
    let got =
        write_with(&f, request(WriteMode::Upsert, &["email"], &payload), &chunk(0, Op::Create, &payload))
            .await
            .unwrap();
    assert_eq!(got[0], updated());
    assert_eq!(
        rejected(&got[1]).field.as_deref(),
        Some("email"),
        "a NULL matches nothing and may not multiply"
    );
    assert_eq!(f.get("SELECT email || n FROM t"), "Ada@x2");
    assert_eq!(f.describe("t").await.fields[0].equality, Equality::CaseInsensitive);
}
