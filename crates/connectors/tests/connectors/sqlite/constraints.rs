//! Rows that the target refuses: named by column, and never at the cost of the others.

use syncline_core::sync::WriteMode;
use syncline_core::{ErrorKind, LogicalType, Op, RemovalAction, RowResult};

use super::fixture::{
    Fixture, INT, TEXT, batch, chunk, created, kind, people, read, rejected, request, table_model, upsert,
    write_with,
};

#[tokio::test]
async fn every_constraint_rejects_its_row_names_the_column_and_leaves_the_others() {
    let f = Fixture::new(
        r#"CREATE TABLE parent (code TEXT PRIMARY KEY); INSERT INTO parent VALUES ('p');
           CREATE TABLE t (id INTEGER PRIMARY KEY, required TEXT NOT NULL ON CONFLICT IGNORE, once TEXT UNIQUE ON CONFLICT REPLACE,
             age INT CHECK (age > 0), lo INT, hi INT, ref TEXT REFERENCES parent (code), "a, t.b" INT,
             CONSTRAINT ordered CHECK (lo <= hi), CONSTRAINT small CHECK ("a, t.b" < 10), UNIQUE (lo, hi));
           INSERT INTO t (id, required, once) VALUES (100, 'x', 'taken');"#,
    );
    let fields = [
        ("id", INT),
        ("required", TEXT),
        ("once", TEXT),
        ("age", INT),
        ("lo", INT),
        ("hi", INT),
        ("ref", TEXT),
        ("a, t.b", INT),
    ];
    let payload = batch(
        &fields,
        &[
            &[Some("1"), Some("ok"), Some("u"), Some("1"), Some("1"), Some("2"), Some("p"), Some("1")],
            &[Some("2"), None, None, None, None, None, None, None],
            &[Some("3"), Some("x"), Some("taken"), None, None, None, None, None],
            &[Some("4"), Some("x"), None, Some("-5"), None, None, None, None],
            &[Some("5"), Some("x"), None, None, Some("9"), Some("1"), None, None],
            &[Some("6"), Some("x"), None, None, Some("1"), Some("2"), None, None],
            &[Some("7"), Some("x"), None, None, None, None, Some("nobody"), None],
            &[Some("8"), Some("x"), None, None, None, None, None, Some("11")],
            &[Some("9"), Some("ok"), None, None, None, None, None, None],
        ],
    );
    let got = upsert(&f, &payload).await;
    assert_eq!((&got[0], &got[8]), (&created(), &created()));
    let errors: Vec<_> = got[1..8]
        .iter()
        .map(|r| {
            let e = rejected(r);
            (e.code.as_str(), e.field.as_deref(), e.raw_value.as_deref())
        })
        .collect();
    assert_eq!(
        errors,
        [
            ("not_null_violation", Some("required"), None),
            ("unique_violation", Some("once"), Some("taken")),
            ("check_violation", Some("age"), Some("-5")),
            ("check_violation", None, None),
            ("unique_violation", Some("lo"), Some("1")),
            ("foreign_key_violation", Some("ref"), Some("nobody")),
            ("check_violation", Some("a, t.b"), Some("11")),
        ]
    );
    assert_eq!(f.get("SELECT group_concat(id, ',') FROM (SELECT id FROM t ORDER BY id)"), "1,9,100");
}

#[tokio::test]
async fn strict_tables_triggers_and_referenced_records_refuse_their_row_only() {
    let strict = Fixture::new("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT) STRICT;");
    // The engine coerces to the target's types; a table that changed since says no by itself.
    let payload = batch(&[("id", INT), ("n", TEXT)], &[&[Some("1"), Some("x")], &[Some("2"), Some("7")]]);
    let got = upsert(&strict, &payload).await;
    assert_eq!(
        (rejected(&got[0]).code.as_str(), rejected(&got[0]).field.as_deref()),
        ("datatype_mismatch", Some("n"))
    );
    assert_eq!(got[1], created());

    let triggers = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE log (x TEXT); INSERT INTO t VALUES (9, 'kept');
         CREATE TRIGGER refuse AFTER INSERT ON t WHEN new.name = 'fail' BEGIN
            INSERT INTO log VALUES (new.name); SELECT RAISE(FAIL, 'not today'); END;
         CREATE TRIGGER ignore BEFORE INSERT ON t WHEN new.name = 'ignore' BEGIN SELECT RAISE(IGNORE); END;
         CREATE TRIGGER keep BEFORE DELETE ON t BEGIN SELECT RAISE(IGNORE); END;
         CREATE TRIGGER boom AFTER INSERT ON t WHEN new.name = 'boom' BEGIN SELECT RAISE(ROLLBACK, 'everything'); END;",
    );
    let payload =
        people(&[&[Some("1"), Some("fail")], &[Some("2"), Some("ignore")], &[Some("3"), Some("fine")]]);
    let got = upsert(&triggers, &payload).await;
    assert_eq!(rejected(&got[0]).code, "trigger_refused");
    assert!(rejected(&got[0]).message.contains("not today"));
    assert_eq!(rejected(&got[1]).code, "discarded_by_trigger");
    assert_eq!(got[2], created());
    assert_eq!(
        triggers.get("SELECT (SELECT group_concat(name) FROM t) || (SELECT count(*) FROM log)"),
        "fine,kept0"
    );
    let gone = people(&[&[Some("9"), None]]);
    let delete = chunk(0, Op::Remove(RemovalAction::Delete), &gone);
    let got = write_with(&triggers, request(WriteMode::Mirror, &["id"], &gone), &delete).await.unwrap();
    assert_eq!(
        rejected(&got[0]).code,
        "discarded_by_trigger",
        "a record that is still there was not removed"
    );

    // A trigger that rolls back everything takes earlier rows along: nothing may be committed.
    let payload =
        people(&[&[Some("5"), Some("five")], &[Some("6"), Some("boom")], &[Some("7"), Some("seven")]]);
    let mut session =
        triggers.destination().open(request(WriteMode::Upsert, &["id"], &payload)).await.unwrap();
    assert_eq!(kind(session.write(&chunk(0, Op::Create, &payload)).await).0, ErrorKind::DestinationFailed);
    assert!(session.commit().await.is_err() && session.write(&chunk(0, Op::Create, &payload)).await.is_err());
    session.rollback().await.unwrap();
    let fine = people(&[&[Some("5"), Some("five")]]);
    session.write(&chunk(0, Op::Create, &fine)).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(triggers.get("SELECT group_concat(id) FROM t WHERE id BETWEEN 5 AND 7"), "5");

    let referenced = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE child (t_id INT REFERENCES t (id));
         INSERT INTO t VALUES (1, 'a'), (2, 'b'); INSERT INTO child VALUES (1);",
    );
    let gone = people(&[&[Some("1"), None], &[Some("2"), None]]);
    let delete = chunk(0, Op::Remove(RemovalAction::Delete), &gone);
    let got = write_with(&referenced, request(WriteMode::Mirror, &["id"], &gone), &delete).await.unwrap();
    assert_eq!(rejected(&got[0]).code, "foreign_key_violation");
    assert_eq!(got[1], RowResult::Removed);
}

#[tokio::test]
async fn deferred_foreign_keys_fail_the_row_not_the_commit() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, boss INT REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE child (t_id INT REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO t VALUES (50, NULL); INSERT INTO child VALUES (50);",
    );
    let fields = [("id", INT), ("boss", INT)];
    let forward = batch(&fields, &[&[Some("1"), Some("2")], &[Some("2"), None]]);
    assert_eq!(
        upsert(&f, &forward).await,
        [created(), created()],
        "a chunk may bring the parent after the child"
    );
    let payload = batch(
        &fields,
        &[&[Some("3"), Some("1")], &[Some("4"), Some("99")], &[Some("5"), None], &[Some("6"), Some("98")]],
    );
    let got = upsert(&f, &payload).await;
    for bad in [1, 3] {
        let error = rejected(&got[bad]);
        assert_eq!((error.code.as_str(), error.field.as_deref()), ("foreign_key_violation", Some("boss")));
    }
    assert_eq!((&got[0], &got[2]), (&created(), &created()));
    let gone = batch(&fields, &[&[Some("50"), None], &[Some("3"), None]]);
    let delete = chunk(0, Op::Remove(RemovalAction::Delete), &gone);
    let got = write_with(&f, request(WriteMode::Mirror, &["id"], &gone), &delete).await.unwrap();
    assert!(rejected(&got[0]).message.contains("'child'"), "{:?}", got[0]);
    assert_eq!(got[1], RowResult::Removed);
    assert_eq!(f.get("SELECT group_concat(id) FROM (SELECT id FROM t ORDER BY id)"), "1,2,5,50");
}

#[tokio::test]
async fn values_that_would_change_are_rejected_with_their_column() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, price DECIMAL(38,10), exact NUMERIC TEXT, ratio REAL);",
    );
    let numeric = LogicalType::Numeric(None);
    let payload = batch(
        &[("id", INT), ("price", numeric.clone()), ("exact", numeric), ("ratio", LogicalType::Float64)],
        &[
            &[Some("1"), Some("12.50"), Some("123456789012345678901234567890.0123456789"), Some("0.1")],
            &[Some("2"), Some("123456789012345678.25"), None, None],
            &[Some("3"), None, None, Some("NaN")],
            &[Some("4"), Some("NaN"), Some("-Infinity"), Some("-Infinity")],
        ],
    );
    let got = upsert(&f, &payload).await;
    assert_eq!((&got[0], &got[3]), (&created(), &created()));
    let error = rejected(&got[1]);
    assert_eq!((error.code.as_str(), error.field.as_deref()), ("numeric_out_of_range", Some("price")));
    assert_eq!(error.raw_value.as_deref(), Some("123456789012345678.25"));
    assert!(error.message.contains("NUMERIC TEXT"));
    assert_eq!(rejected(&got[2]).field.as_deref(), Some("ratio"));
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!(read.rows[0][2].as_deref(), Some("123456789012345678901234567890.0123456789"));
    assert_eq!(
        read.rows[1][1..],
        [Some("NaN".to_string()), Some("-Infinity".into()), Some("-Infinity".into())]
    );
}
